//! Who the user of a run is: a name, a password and ids, random from run to run and the same all through one.

use std::fmt::{self, Write as _};
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

use sha2::{Digest, Sha256};

const UPPER: &[u8] = b"ABCDEFGHJKLMNPQRSTUVWXYZ";
const LOWER: &[u8] = b"abcdefghijkmnopqrstuvwxyz";
const DIGIT: &[u8] = b"23456789";

/// The seed of everything that is random in a flow.
#[derive(Clone)]
pub(super) struct Identity {
    seed: [u8; 32],
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Whoever knows the seed knows the password.
        f.write_str("Identity")
    }
}

impl Identity {
    /// Whoever this seed stands for.
    pub(super) fn of(seed: u64) -> Self {
        Self { seed: Sha256::new().chain_update(b"slowdrip").chain_update(seed.to_be_bytes()).finalize().into() }
    }

    /// Somebody else whom a label and this seed decide.
    pub(super) fn fork(&self, label: &str) -> Self {
        Self { seed: self.derive(&format!("fork {label}")) }
    }

    /// Someone new.
    #[cfg(test)]
    pub(super) fn random() -> Self {
        Self::of(random_seed())
    }

    /// Bytes that a label and the seed decide.
    fn derive(&self, label: &str) -> [u8; 32] {
        Sha256::new().chain_update(self.seed).chain_update(label.as_bytes()).finalize().into()
    }

    /// A name of small letters and digits that begins with a letter, as the strictest applications want it.
    pub(super) fn user(&self) -> String {
        self.derive("user").iter().take(5).fold(String::from("soak"), |mut name, byte| {
            let _ = write!(name, "{byte:02x}");
            name
        })
    }

    /// A password of 22 characters with capital and small letters, digits and symbols.
    pub(super) fn password(&self) -> String {
        let alphabets = [UPPER, LOWER, DIGIT, LOWER];
        let mut password: String = self
            .derive("password")
            .iter()
            .take(20)
            .zip(alphabets.iter().cycle())
            .filter_map(|(byte, alphabet)| alphabet.get(usize::from(*byte) % alphabet.len()))
            .map(|byte| char::from(*byte))
            .collect();
        password.push_str("-!");
        password
    }
}

/// The random values of a user's templates, in the order of the calls: the same seed and the same calls give the same ones.
#[derive(Debug)]
pub(super) struct Dice {
    identity: Identity,
    /// Tells those who are the same user, and draw side by side, apart.
    stream: String,
    values: AtomicU64,
    // Of their own: how often a request is tried again is nothing that a run repeats.
    rests: AtomicU64,
    boundaries: AtomicU64,
    twins: AtomicU64,
}

impl Dice {
    /// Those of a user who has drawn nothing yet.
    pub(super) fn new(identity: Identity) -> Self {
        Self::with(identity, String::new())
    }

    fn with(identity: Identity, stream: String) -> Self {
        let zero = AtomicU64::default;
        Self { identity, stream, values: zero(), rests: zero(), boundaries: zero(), twins: zero() }
    }

    /// Those of the same user once more: the same under a label, others without.
    pub(super) fn twin(&self) -> Self {
        let number = self.twins.fetch_add(1, Ordering::Relaxed);
        Self::with(self.identity.clone(), format!("{}/{number}", self.stream))
    }

    /// Whose they are.
    pub(super) fn identity(&self) -> &Identity {
        &self.identity
    }

    /// A UUID of version 4: the same for the same label, another at each call without one.
    pub(super) fn uuid(&self, label: Option<&str>) -> String {
        uuid(self.draw("uuid", label))
    }

    /// A whole number from `low` to `high`, both included; `None` where there is none.
    pub(super) fn number(&self, low: i64, high: i64, label: Option<&str>) -> Option<i64> {
        let several = i128::from(high) - i128::from(low) + 1;
        if several < 1 {
            return None;
        }
        // 120 bits for 64 at most: no number is more likely than another by anything that could be seen.
        let drawn = self.draw("number", label).iter().take(15).fold(0_i128, |sum, byte| (sum << 8) | i128::from(*byte));
        i64::try_from(i128::from(low) + drawn % several).ok()
    }

    /// So many small letters and digits that are not easily taken for one another.
    pub(super) fn text(&self, length: usize, label: Option<&str>) -> String {
        let seed = self.draw("text", label);
        let letters: Vec<u8> = LOWER.iter().chain(DIGIT).copied().collect();
        let blocks =
            (0_u64..).map(|block| Sha256::new().chain_update(seed).chain_update(block.to_be_bytes()).finalize());
        blocks
            .flat_map(<[u8; 32]>::from)
            .filter_map(|byte| letters.get(usize::from(byte) % letters.len()))
            .take(length)
            .map(|letter| char::from(*letter))
            .collect()
    }

    /// A share from 0 to 1 for the length of a rest, another at each call.
    pub(super) fn rest(&self) -> f64 {
        let number = self.rests.fetch_add(1, Ordering::Relaxed);
        let [a, b, c, d, ..] = self.identity.derive(&format!("rest {} {number}", self.stream));
        f64::from(u32::from_be_bytes([a, b, c, d])) / f64::from(u32::MAX)
    }

    /// A boundary for the parts of a body, another at each call.
    pub(super) fn boundary(&self) -> String {
        let number = self.boundaries.fetch_add(1, Ordering::Relaxed);
        let bytes = self.identity.derive(&format!("boundary {} {number}", self.stream));
        bytes.iter().take(16).fold(String::from("slowdrip-"), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    }

    fn draw(&self, kind: &str, label: Option<&str>) -> [u8; 32] {
        match label {
            Some(label) => self.identity.derive(&format!("{kind} {label}")),
            None => {
                let number = self.values.fetch_add(1, Ordering::Relaxed);
                // No label is written so: it begins with the kind.
                self.identity.derive(&format!("fresh {kind} {} {number}", self.stream))
            }
        }
    }
}

fn uuid(bytes: [u8; 32]) -> String {
    let mut out = String::with_capacity(36);
    for (index, byte) in bytes.into_iter().take(16).enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            out.push('-');
        }
        let byte = match index {
            6 => (byte & 0x0f) | 0x40,
            8 => (byte & 0x3f) | 0x80,
            _ => byte,
        };
        let _ = write!(out, "{byte:02x}");
    }
    out
}

/// A seed that no other run has.
pub fn random_seed() -> u64 {
    // The standard library keys its hash maps from the system's random source: fresh keys for every process, and other ones for
    // every call. 53 bits, so that every reader of JSON gives the same number back.
    RandomState::new().hash_one((std::process::id(), jiff::Timestamp::now().as_nanosecond())) >> 11
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_satisfies_the_usual_rules_and_a_name_the_strictest() {
        for _ in 0..200 {
            let identity = Identity::random();
            let password = identity.password();
            assert!(password.chars().count() >= 16, "{password}");
            assert!(password.chars().any(|c| c.is_ascii_uppercase()), "{password}");
            assert!(password.chars().any(|c| c.is_ascii_lowercase()), "{password}");
            assert!(password.chars().any(|c| c.is_ascii_digit()), "{password}");
            assert!(password.chars().any(|c| c.is_ascii_punctuation()), "{password}");
            let user = identity.user();
            assert!(user.starts_with("soak") && user.chars().all(|c| c.is_ascii_alphanumeric()), "{user}");
        }
    }

    #[test]
    fn two_runs_are_two_people_and_one_run_is_one() {
        let (one, other) = (Identity::random(), Identity::random());
        assert_eq!(one.user(), one.user());
        assert_ne!(one.user(), other.user());
        assert_ne!(one.password(), other.password());
        let (dice, others) = (Dice::new(one.clone()), Dice::new(other));
        assert_eq!(dice.uuid(Some("1")), dice.uuid(Some("1")));
        assert_ne!(dice.uuid(Some("1")), dice.uuid(Some("2")));
        assert_ne!(dice.uuid(Some("1")), others.uuid(Some("1")));
        assert_ne!(dice.uuid(None), dice.uuid(None));
        assert_ne!(dice.uuid(Some("")), dice.uuid(None));
    }

    /// One value of each kind, without a label.
    fn values(dice: &Dice) -> (String, Option<i64>, String, String, String) {
        (dice.uuid(None), dice.number(0, i64::MAX, None), dice.text(30, None), dice.boundary(), dice.rest().to_string())
    }

    #[test]
    fn the_same_seed_gives_the_same_values_call_by_call() {
        let (one, again) = (Dice::new(Identity::of(7)), Dice::new(Identity::of(7)));
        let first = [values(&one), values(&one), values(&one)];
        // Rests that one run took and another did not change nothing else.
        let _ = (again.rest(), again.boundary());
        let second = [values(&again), values(&again), values(&again)];
        for (a, b) in first.iter().zip(&second) {
            assert_eq!((&a.0, &a.1, &a.2), (&b.0, &b.1, &b.2));
        }
        assert_ne!(first[0], first[1]);
        assert_ne!(first[1], first[2]);
    }

    #[test]
    fn a_twin_has_the_same_labels_and_draws_other_values() {
        let one = Dice::new(Identity::of(7));
        let (twin, other, deeper) = (one.twin(), one.twin(), one.twin().twin());
        assert_eq!(one.uuid(Some("a")), twin.uuid(Some("a")));
        let drawn = [one.uuid(None), twin.uuid(None), other.uuid(None), deeper.uuid(None), one.uuid(None)];
        let different: std::collections::BTreeSet<&String> = drawn.iter().collect();
        assert_eq!(different.len(), drawn.len());
    }

    #[test]
    fn numbers_cover_their_range_and_texts_have_their_length() {
        let dice = Dice::new(Identity::random());
        let seen: std::collections::BTreeSet<i64> = (0..200).filter_map(|_| dice.number(-2, 2, None)).collect();
        assert_eq!(seen.into_iter().collect::<Vec<_>>(), [-2, -1, 0, 1, 2]);
        assert_eq!((dice.number(5, 5, None), dice.number(5, 4, None)), (Some(5), None));
        assert!(dice.number(i64::MIN, i64::MAX, None).is_some());
        for length in [0, 1, 32, 33, 1000] {
            let text = dice.text(length, None);
            assert!(text.len() == length && text.bytes().all(|b| b.is_ascii_alphanumeric()), "{text}");
        }
        assert_eq!(dice.text(40, Some("x")), dice.text(40, Some("x")));
    }

    #[test]
    fn a_uuid_has_the_shape_and_the_version_of_one() {
        let uuid = Dice::new(Identity::random()).uuid(None);
        let parts: Vec<usize> = uuid.split('-').map(str::len).collect();
        assert_eq!(parts, [8, 4, 4, 4, 12]);
        assert_eq!(&uuid[14..15], "4");
        assert!("89ab".contains(&uuid[19..20]), "{uuid}");
    }
}
