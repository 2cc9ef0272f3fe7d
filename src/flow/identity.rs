//! Who the user of a run is: a name, a password and ids, random from run to run and the same all through one.

use std::fmt::Write as _;
use std::hash::{BuildHasher, RandomState};

use sha2::{Digest, Sha256};

const UPPER: &[u8] = b"ABCDEFGHJKLMNPQRSTUVWXYZ";
const LOWER: &[u8] = b"abcdefghijkmnopqrstuvwxyz";
const DIGIT: &[u8] = b"23456789";

/// The seed of everything that is random in a flow.
#[derive(Clone)]
pub(super) struct Identity {
    seed: [u8; 32],
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

    /// A UUID of version 4 for a label: the same label gives the same UUID.
    pub(super) fn uuid(&self, label: &str) -> String {
        let mut out = String::with_capacity(36);
        for (index, byte) in self.derive(&format!("uuid {label}")).into_iter().take(16).enumerate() {
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
        assert_eq!(one.uuid("1"), one.uuid("1"));
        assert_ne!(one.uuid("1"), one.uuid("2"));
    }

    #[test]
    fn a_uuid_has_the_shape_and_the_version_of_one() {
        let uuid = Identity::random().uuid("");
        let parts: Vec<usize> = uuid.split('-').map(str::len).collect();
        assert_eq!(parts, [8, 4, 4, 4, 12]);
        assert_eq!(&uuid[14..15], "4");
        assert!("89ab".contains(&uuid[19..20]), "{uuid}");
    }
}
