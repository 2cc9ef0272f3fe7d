//! Keeps secrets out of everything that is written or shown.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

/// What stands where a secret stood.
pub const MASK: &str = "[secret]";

/// Parts of names whose values are secrets.
const NAMES: [&str; 8] = ["csrf", "token", "pass", "secret", "session", "cookie", "auth", "key"];

/// Words that hold a part of [`NAMES`] and mean nothing of the kind.
const HARMLESS: [&str; 8] =
    ["author", "keyword", "keyboard", "passenger", "bypass", "compass", "www-authenticate", "proxy-authenticate"];

/// Values under such names that would mangle every text if they were masked.
const PLAIN: [&str; 13] = [
    "true",
    "false",
    "null",
    "none",
    "undefined",
    "basic",
    "bearer",
    "session",
    "token",
    "cookie",
    "password",
    "secret",
    "auto",
];

/// A number of fewer digits than this is an amount, not a secret.
const LONG_NUMBER: usize = 6;

/// A value known to be a secret only by its name is masked everywhere from this length on: a shorter one may be a word.
const LONG_VALUE: usize = 8;

/// Whether a name says that its value is a secret.
pub fn is_secret_name(name: &str) -> bool {
    let mut name = name.to_ascii_lowercase();
    for word in HARMLESS {
        // `authorization` begins like `author`.
        if name.contains(word) && !name.contains("authori") {
            name = name.replace(word, "");
        }
    }
    NAMES.iter().any(|part| name.contains(part))
}

/// Whether masking a value everywhere hides a secret rather than ordinary words.
pub fn is_secret_value(value: &str) -> bool {
    let lower = value.trim().to_ascii_lowercase();
    let digits = lower.chars().all(|c| c.is_ascii_digit());
    !lower.is_empty() && !PLAIN.contains(&lower.as_str()) && (!digits || lower.len() >= LONG_NUMBER)
}

/// Knows the secrets of a run and masks them. Secrets can be added while the run goes on.
#[derive(Debug, Default)]
pub struct Redactor {
    // Every written form of every secret by its first bytes: a churn may bring a new token with every iteration, and what
    // is masked must not be searched for each of them.
    forms: RwLock<HashMap<[u8; Redactor::MIN_LEN], Vec<String>>>,
}

impl Redactor {
    /// The shortest secret that can be masked without mangling ordinary text.
    pub const MIN_LEN: usize = 4;

    /// A redactor that knows nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a secret, in its plain, JSON, percent-encoded and form-encoded spelling. Shorter ones than
    /// [`Redactor::MIN_LEN`] bytes are left out.
    pub fn add(&self, secret: &str) {
        if secret.len() < Self::MIN_LEN {
            return;
        }
        let mut spellings = vec![secret.to_owned()];
        if let Ok(json) = serde_json::to_string(secret) {
            spellings.extend(json.get(1..json.len() - 1).map(str::to_owned));
        }
        let form: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
        spellings.push(form.replace('+', "%20"));
        spellings.push(form);
        let mut forms = self.forms.write().unwrap_or_else(PoisonError::into_inner);
        for spelling in spellings {
            let Some(head) = spelling.as_bytes().first_chunk() else { continue };
            let alike = forms.entry(*head).or_default();
            // The longest first.
            if let Err(at) = alike.binary_search_by(|known| (spelling.len(), known).cmp(&(known.len(), &spelling))) {
                alike.insert(at, spelling);
            }
        }
    }

    /// Adds a value whose name says that it is a secret, unless it is so short or plain that masking it would mangle text.
    pub fn add_named(&self, name: &str, value: &str) {
        if is_secret_name(name) && is_secret_value(value) && value.len() >= LONG_VALUE {
            self.add(value);
        }
    }

    /// The text with every secret masked.
    pub fn mask(&self, text: &str) -> String {
        let forms = self.forms.read().unwrap_or_else(PoisonError::into_inner);
        if forms.is_empty() {
            return text.to_owned();
        }
        let mut out = String::with_capacity(text.len());
        // The end of what is in `out`, and the secret that is not: secrets that overlap are masked as one.
        let (mut copied, mut hidden): (usize, Option<(usize, usize)>) = (0, None);
        let mut hide = |(from, to): (usize, usize)| {
            out.push_str(text.get(copied..from).unwrap_or_default());
            out.push_str(MASK);
            copied = to;
        };
        for (at, head) in text.as_bytes().windows(Self::MIN_LEN).enumerate() {
            let Some(rest) = text.as_bytes().get(at..) else { break };
            let found = forms.get(head).and_then(|alike| alike.iter().find(|form| rest.starts_with(form.as_bytes())));
            let Some(end) = found.map(|form| at + form.len()) else { continue };
            hidden = match hidden {
                Some((from, to)) if at < to => Some((from, to.max(end))),
                earlier => {
                    if let Some(earlier) = earlier {
                        hide(earlier);
                    }
                    Some((at, end))
                }
            };
        }
        if let Some(last) = hidden {
            hide(last);
        }
        out.push_str(text.get(copied..).unwrap_or_default());
        out
    }

    /// Masks every string of a JSON value; keys stay as they are.
    pub fn mask_json(&self, value: &mut serde_json::Value) {
        if self.forms.read().unwrap_or_else(PoisonError::into_inner).is_empty() {
            return;
        }
        self.mask_value(value);
    }

    fn mask_value(&self, value: &mut serde_json::Value) {
        match value {
            serde_json::Value::String(text) => *text = self.mask(text),
            serde_json::Value::Array(items) => items.iter_mut().for_each(|item| self.mask_value(item)),
            serde_json::Value::Object(map) => map.values_mut().for_each(|item| self.mask_value(item)),
            serde_json::Value::Null | serde_json::Value::Bool(_) | serde_json::Value::Number(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn masks_every_spelling_and_the_longer_secret_first() {
        let redactor = Redactor::new();
        redactor.add("p@ss w\"ord");
        redactor.add("p@ss");
        let text = redactor.mask(r#"a p@ss w"ord b p%40ss%20w%22ord c p%40ss+w%22ord d "p@ss w\"ord" e p@ss"#);
        assert_eq!(text, r#"a [secret] b [secret] c [secret] d "[secret]" e [secret]"#);
    }

    #[test]
    fn secrets_that_overlap_are_masked_as_one() {
        let redactor = Redactor::new();
        for secret in ["abcd", "cdefgh", "ghij", "secret", "größer"] {
            redactor.add(secret);
        }
        let shown = redactor.mask("xabcdefghijx abcdabcd secret größere ünabcd abc");
        assert_eq!(shown, "x[secret]x [secret][secret] [secret] [secret]e ün[secret] abc");
    }

    proptest! {
        #[test]
        fn no_secret_is_left_whatever_there_is_around_it(
            secrets in proptest::collection::vec("[ab\u{e4}\"% ]{4,8}", 1..6),
            texts in proptest::collection::vec("[ab\u{e4}\"% ]{0,12}", 1..6),
        ) {
            let redactor = Redactor::new();
            secrets.iter().for_each(|secret| redactor.add(secret));
            let text: String = secrets.iter().zip(texts.iter().cycle()).flat_map(|(s, t)| [t.as_str(), s]).collect();
            let shown = redactor.mask(&text);
            // No mask holds a letter of these secrets alone, so what is left of the text is between the masks.
            for left in shown.split(MASK) {
                prop_assert!(!secrets.iter().any(|secret| left.contains(secret.as_str())), "{text} → {shown}");
            }
        }
    }

    #[test]
    fn masks_what_its_name_calls_a_secret_but_no_words() {
        let redactor = Redactor::new();
        redactor.add_named("DB_PASSWORD", "correct-horse");
        redactor.add_named("API_KEY", "latest");
        redactor.add_named("COMPASS", "north-north-west");
        assert_eq!(redactor.mask("correct-horse latest north-north-west"), "[secret] latest north-north-west");
    }

    #[test]
    fn leaves_very_short_values_alone() {
        let redactor = Redactor::new();
        redactor.add("1");
        assert_eq!(redactor.mask("1 of 11"), "1 of 11");
    }
}
