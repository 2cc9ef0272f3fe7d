//! What must not be shown: found by the name it goes under, masked wherever a step is written down.

use std::borrow::Cow;
use std::sync::{Arc, LazyLock, OnceLock};

use regex::Regex;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;

use crate::model::Redactor;
use crate::model::redact::{MASK, is_secret_name, is_secret_value};

/// A cookie's value of this length is a secret whatever the cookie's name; a shorter one is a setting (`dark`, `en`).
const LONG_COOKIE: usize = 8;

/// How much of an answer is looked through for secrets; far more than is ever shown of it.
const LOOKED_THROUGH: usize = 64 * 1024;

/// The secrets of a run as a flow learns and hides them.
#[derive(Debug, Clone)]
pub(super) struct Secrets {
    redactor: Arc<Redactor>,
}

impl Secrets {
    /// Secrets are shared with everything else that writes of the run.
    pub(super) fn new(redactor: Arc<Redactor>) -> Self {
        Self { redactor }
    }

    /// Takes note of a value that is a secret.
    pub(super) fn learn(&self, value: &str) {
        add(&self.redactor, value);
    }

    /// Takes note of a value if its name says that it is a secret.
    pub(super) fn learn_named(&self, name: &str, value: &str) {
        if is_secret_name(name) {
            self.learn(value);
        }
    }

    /// Takes note of the secrets in a JSON value that goes under a name: all its strings where the name is a secret's,
    /// else those under such names inside.
    pub(super) fn learn_json(&self, name: &str, value: &Value) {
        walk(name, value, &mut |text| self.learn(text));
    }

    /// Takes note of what a header gives away.
    pub(super) fn learn_header(&self, name: &HeaderName, value: &HeaderValue) {
        let text = String::from_utf8_lossy(value.as_bytes());
        match name.as_str() {
            "set-cookie" => self.learn_cookie(text.split(';').next().unwrap_or_default()),
            "cookie" => text.split(';').for_each(|pair| self.learn_cookie(pair)),
            name if is_secret_name(name) => {
                self.learn(&text);
                // `Bearer abc`: the token is also a secret by itself.
                if let Some((_, token)) = text.split_once(' ') {
                    self.learn(token);
                }
            }
            _ => {}
        }
    }

    fn learn_cookie(&self, pair: &str) {
        if let Some((name, value)) = pair.split_once('=')
            && (is_secret_name(name) || value.len() >= LONG_COOKIE)
        {
            self.learn(value.trim());
        }
    }

    /// A text without secrets.
    pub(super) fn mask(&self, text: &str) -> String {
        self.redactor.mask(text)
    }

    /// A named value without secrets, masked whole where its name says so.
    pub(super) fn mask_named(&self, name: &str, value: &str) -> String {
        if is_secret_name(name) && is_secret_value(value) { MASK.to_owned() } else { self.mask(value) }
    }

    /// Pairs `name=value` as a form or a query writes them, without secrets.
    pub(super) fn mask_pairs(&self, pairs: &str) -> String {
        let masked: Vec<Cow<'_, str>> = pairs
            .split('&')
            .map(|pair| match pair.split_once('=') {
                Some((name, value)) if is_secret_name(name) && is_secret_value(value) => {
                    format!("{name}={MASK}").into()
                }
                Some(_) | None => Cow::Borrowed(pair),
            })
            .collect();
        self.mask(&masked.join("&"))
    }

    /// A path or URL without secrets in its query and its fragment.
    pub(super) fn mask_url(&self, url: &str) -> String {
        if let Some((url, fragment)) = url.split_once('#') {
            return format!("{}#{}", self.mask_url(url), self.mask_pairs(fragment));
        }
        match url.split_once('?') {
            Some((path, query)) => format!("{}?{}", self.mask(path), self.mask_pairs(query)),
            None => self.mask(url),
        }
    }

    /// A JSON value as text, without secrets.
    pub(super) fn mask_json(&self, value: &Value) -> String {
        fn hide(name: &str, value: &mut Value) {
            match value {
                Value::String(text) if is_secret_name(name) && is_secret_value(text) => MASK.clone_into(text),
                Value::Array(items) => items.iter_mut().for_each(|item| hide(name, item)),
                Value::Object(map) => {
                    map.iter_mut().for_each(|(key, item)| hide(if is_secret_name(name) { name } else { key }, item));
                }
                Value::String(_) | Value::Number(_) | Value::Null | Value::Bool(_) => {}
            }
        }
        let mut value = value.clone();
        hide("", &mut value);
        self.mask(&value.to_string())
    }

    /// Headers, one a line, without secrets.
    pub(super) fn mask_headers(&self, headers: &HeaderMap) -> String {
        let cookie = |pair: &str| match pair.split_once('=') {
            Some((name, _)) => format!("{}={MASK}", self.mask(name)),
            None => self.mask(pair),
        };
        let mut out = String::new();
        for (name, value) in headers {
            let text = String::from_utf8_lossy(value.as_bytes());
            let shown = match name.as_str() {
                "cookie" => text.split(';').map(cookie).collect::<Vec<_>>().join(";"),
                "set-cookie" => match text.split_once(';') {
                    Some((pair, attributes)) => format!("{};{}", cookie(pair), self.mask(attributes)),
                    None => cookie(&text),
                },
                "location" | "referer" | "content-location" => self.mask_url(&text),
                other => self.mask_named(other, &text),
            };
            out.push_str(name.as_str());
            out.push_str(": ");
            out.push_str(&shown);
            out.push('\n');
        }
        out
    }

    /// Masks what is said of an answer.
    pub(super) fn about<'a>(&'a self, body: &'a [u8]) -> AnswerMask<'a> {
        AnswerMask { secrets: self, body, found: OnceLock::new() }
    }
}

/// Masks what is said of an answer: the known secrets, and those that it brings and nobody has captured yet, found by the
/// names of its JSON fields and of its page's inputs.
#[derive(Debug)]
pub(super) struct AnswerMask<'a> {
    secrets: &'a Secrets,
    body: &'a [u8],
    // Looked for when something is to be shown, which is when a step has failed.
    found: OnceLock<Redactor>,
}

impl AnswerMask<'_> {
    /// A text without secrets.
    pub(super) fn mask(&self, text: &str) -> String {
        let found = self.found.get_or_init(|| found_in(&beginning(self.body)));
        found.mask(&self.secrets.mask(text))
    }

    /// A named value without secrets.
    pub(super) fn mask_named(&self, name: &str, value: &str) -> String {
        self.mask(&self.secrets.mask_named(name, value))
    }
}

/// The beginning of a body of an answer, as text without secrets.
pub(super) fn mask_body(body: &[u8], mask: &AnswerMask<'_>) -> String {
    mask.mask(&beginning(body))
}

fn beginning(body: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(body.get(..LOOKED_THROUGH).unwrap_or(body))
}

fn add(redactor: &Redactor, value: &str) {
    if is_secret_value(value) {
        redactor.add(value);
        // As a page's source writes it.
        let html = value.replace('&', "&amp;").replace('+', "&#43;").replace('"', "&#34;").replace('\'', "&#39;");
        if html != value {
            redactor.add(&html);
        }
    }
}

fn walk(name: &str, value: &Value, found: &mut dyn FnMut(&str)) {
    match value {
        Value::String(text) if is_secret_name(name) => found(text),
        Value::Number(number) if is_secret_name(name) => found(&number.to_string()),
        Value::Array(items) => items.iter().for_each(|item| walk(name, item, found)),
        Value::Object(map) => {
            for (key, item) in map {
                walk(if is_secret_name(name) { name } else { key }, item, found);
            }
        }
        Value::String(_) | Value::Number(_) | Value::Null | Value::Bool(_) => {}
    }
}

/// The secrets that stand in a text, by the names they go under.
fn found_in(text: &str) -> Redactor {
    // A field of JSON, whole or cut, alone or in a script of a page.
    static FIELD: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r#""([^"\\\n]{1,80})"\s*:\s*"((?:[^"\\]|\\.)*)"?"#).ok());
    // An input or a meta tag of a page. Not by the parser: a page may be cut here, and one that is made to be slow to parse
    // must not make a failure slow to tell.
    static TAG: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"(?is)<(?:input|meta)\b[^>]*").ok());
    static ATTRIBUTE: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r#"(?is)\b(name|value|content)\s*=\s*(?:"([^"]*)|'([^']*)|([^\s"'>]+))"#).ok());

    let redactor = Redactor::new();
    if let Some(field) = FIELD.as_ref() {
        for captures in field.captures_iter(text) {
            let (_, [name, value]) = captures.extract();
            if is_secret_name(name) {
                add(&redactor, value);
            }
        }
    }
    if let (Some(tag), Some(attribute)) = (TAG.as_ref(), ATTRIBUTE.as_ref()) {
        for tag in tag.find_iter(text) {
            let attributes = || {
                attribute.captures_iter(tag.as_str()).filter_map(|captures| {
                    let value = captures.get(2).or_else(|| captures.get(3)).or_else(|| captures.get(4))?;
                    Some((captures.get(1)?.as_str().to_ascii_lowercase(), value.as_str()))
                })
            };
            if attributes().any(|(key, value)| key == "name" && is_secret_name(value)) {
                attributes().filter(|(key, _)| key != "name").for_each(|(_, value)| add(&redactor, value));
            }
        }
    }
    redactor
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn secrets() -> Secrets {
        Secrets::new(Arc::new(Redactor::new()))
    }

    #[test]
    fn knows_secrets_by_their_names_and_harmless_names_that_look_like_them() {
        for name in ["csrf_token", "X-CSRFToken", "Authorization", "api_key", "PASSWORD", "sessionid", "oauth_author"] {
            assert!(is_secret_name(name), "{name}");
        }
        for name in ["author", "authors", "keywords", "WWW-Authenticate", "name", "Keep-Alive"] {
            assert!(!is_secret_name(name), "{name}");
        }
    }

    #[test]
    fn does_not_learn_words_that_stand_everywhere() {
        let secrets = secrets();
        secrets.learn_named("session", "true");
        secrets.learn_named("max_tokens", "2048");
        secrets.learn_named("token_type", "Bearer");
        assert_eq!(secrets.mask("true 2048 Bearer"), "true 2048 Bearer");
        secrets.learn_named("pin_token", "123456");
        assert_eq!(secrets.mask("123456"), "[secret]");
    }

    #[test]
    fn learns_nested_json_fields_and_hides_short_ones_by_name() {
        let secrets = secrets();
        let body = json!({"query": "cats", "login": {"password": "hunter22", "api_key": ["abc"]}, "session": {"id": "deadbeef"}});
        secrets.learn_json("", &body);
        assert_eq!(secrets.mask("hunter22 deadbeef cats abc"), "[secret] [secret] cats abc");
        assert_eq!(
            secrets.mask_json(&body),
            r#"{"query":"cats","login":{"password":"[secret]","api_key":["[secret]"]},"session":{"id":"[secret]"}}"#
        );
    }

    #[test]
    fn hides_headers_cookies_and_queries() {
        let secrets = secrets();
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("authorization", "Bearer abcdefgh"),
            ("cookie", "session=12; theme=dark"),
            ("set-cookie", "sid=0123456789; Path=/; HttpOnly"),
            ("location", "/next?token=ab&x=1#access_token=cd&y=2"),
            ("content-type", "text/html"),
        ] {
            let (name, value) = (HeaderName::from_static(name), HeaderValue::from_static(value));
            secrets.learn_header(&name, &value);
            headers.append(name, value);
        }
        let shown = secrets.mask_headers(&headers);
        assert!(shown.contains("authorization: [secret]\n"), "{shown}");
        assert!(shown.contains("cookie: session=[secret]; theme=[secret]\n"), "{shown}");
        assert!(shown.contains("set-cookie: sid=[secret]; Path=/; HttpOnly\n"), "{shown}");
        assert!(shown.contains("location: /next?token=[secret]&x=1#access_token=[secret]&y=2\n"), "{shown}");
        assert!(shown.contains("content-type: text/html\n"), "{shown}");
        assert_eq!(secrets.mask("abcdefgh 0123456789 dark"), "[secret] [secret] dark");
    }

    #[test]
    fn hides_what_an_answer_brings_before_anybody_captured_it() {
        let secrets = secrets();
        let json = br#"{"csrf_token": "tok-1234", "note": "tok-1234 again", "access_token": "cut-off-by-the-cap"#;
        let shown = mask_body(json, &secrets.about(json));
        assert_eq!(shown, r#"{"csrf_token": "[secret]", "note": "[secret] again", "access_token": "[secret]"#);
        let page =
            br#"<form><input value="a&#43;b&amp;c=" name=csrf_token type=hidden><input name=q value=visible></form>"#;
        let shown = mask_body(page, &secrets.about(page));
        assert!(shown.contains(r#"value="[secret]""#) && shown.contains("visible"), "{shown}");
        let cut = br"<meta content='in-a-meta' name='csrf-token'><INPUT NAME='token' VALUE='cut-off";
        let shown = mask_body(cut, &secrets.about(cut));
        assert_eq!(shown, "<meta content='[secret]' name='csrf-token'><INPUT NAME='token' VALUE='[secret]");
        assert_eq!(secrets.mask("tok-1234"), "tok-1234");
    }
}
