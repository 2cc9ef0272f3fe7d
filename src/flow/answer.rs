//! What came back from a step: the answer to a request, or the output of a command.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::sync::OnceLock;
use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue, SET_COOKIE};
use serde_json::Value;
use serde_json_path::JsonPath;

use super::secrets::{Secrets, mask_body};
use crate::model::ExecOutput;
use crate::model::text::{bytes, count, figure, seconds, shorten};

/// The largest body that is read of an answer.
pub(super) const MAX_BODY: usize = 2 * 1024 * 1024;

/// How many bytes are shown of what is no text.
const BEGINNING: usize = 16;

/// How many names a hint lists.
const NAMES: usize = 16;

/// How much of a name a hint shows, characters.
const NAME: usize = 60;

/// How much of a body is looked at to know whether it is text.
const LOOKED_AT: usize = 2048;

/// The answer to a request, as far as it came.
#[derive(Debug)]
pub(super) struct Answer {
    /// The status line's code.
    pub(super) status: StatusCode,
    /// The headers.
    pub(super) headers: HeaderMap,
    /// The body, at most [`MAX_BODY`].
    pub(super) body: Vec<u8>,
    /// The redirects that led to it, in their order.
    pub(super) way: Vec<Hop>,
}

/// A redirect that was followed.
#[derive(Debug, Clone)]
pub(super) struct Hop {
    /// Its status.
    pub(super) status: StatusCode,
    /// Where it led, as it is shown.
    pub(super) to: String,
    /// Its `Set-Cookie` headers.
    pub(super) set: Vec<HeaderValue>,
}

impl Answer {
    /// The `Set-Cookie` headers of all redirects and of the answer, in the order in which they came.
    pub(super) fn set_cookies(&self) -> impl Iterator<Item = &HeaderValue> {
        self.way.iter().flat_map(|hop| &hop.set).chain(self.headers.get_all(SET_COOKIE))
    }

    /// What kind of body it says it has.
    fn content_type(&self) -> Option<Cow<'_, str>> {
        self.headers.get(CONTENT_TYPE).map(|value| String::from_utf8_lossy(value.as_bytes()))
    }
}

/// What came back.
#[derive(Debug)]
pub(super) enum Seen {
    /// An answer.
    Http(Answer),
    /// A command's output.
    Exec(ExecOutput),
    /// A message of a WebSocket, or the data of a server-sent event.
    Message(String),
    /// A line of the target's log.
    Line(String),
}

impl Seen {
    /// What captures and expectations look at.
    pub(super) fn body(&self) -> &[u8] {
        match self {
            Self::Http(answer) => &answer.body,
            Self::Exec(output) => &output.stdout,
            Self::Message(text) | Self::Line(text) => text.as_bytes(),
        }
    }

    /// The result in a word or two: `302`, `exit 0`.
    pub(super) fn said(&self) -> String {
        match self {
            Self::Http(answer) => match answer.way.len() {
                0 => answer.status.as_u16().to_string(),
                hops => format!("{} after {}", answer.status.as_u16(), count(hops as u64, "redirect")),
            },
            Self::Exec(output) => format!("exit {}", output.exit_code),
            Self::Message(text) => format!("a message of {}", size(text.len())),
            Self::Line(text) => format!("a line of {}", size(text.len())),
        }
    }

    /// All of it as text without secrets, for a failed step.
    pub(super) fn shown(&self, secrets: &Secrets) -> Shown {
        match self {
            Self::Http(answer) => {
                let mut head = String::new();
                for hop in &answer.way {
                    let _ = writeln!(head, "{} → {}", status(hop.status), hop.to);
                }
                let _ = writeln!(head, "{}", status(answer.status));
                head.push_str(&secrets.mask_headers(&answer.headers));
                Shown { head, parts: vec![part("", &answer.body, secrets)] }
            }
            Self::Exec(output) => Shown {
                head: format!("exit code {}\n", output.exit_code),
                parts: vec![part("stdout", &output.stdout, secrets), part("stderr", &output.stderr, secrets)],
            },
            Self::Message(text) | Self::Line(text) => {
                Shown { head: self.said(), parts: vec![part("", text.as_bytes(), secrets)] }
            }
        }
    }
}

/// What came back, as text without secrets; not yet cut or made printable.
#[derive(Debug)]
pub(super) struct Shown {
    /// Status and headers, or the exit code, in lines.
    pub(super) head: String,
    /// The bodies, each to be cut by itself.
    pub(super) parts: Vec<Part>,
}

/// A body, as text without secrets.
#[derive(Debug)]
pub(super) struct Part {
    /// Its name; empty where there is but one.
    pub(super) name: &'static str,
    /// Its text.
    pub(super) text: String,
    /// Its size as it came, bytes.
    pub(super) size: usize,
}

fn part(name: &'static str, body: &[u8], secrets: &Secrets) -> Part {
    let text = if is_binary(body) {
        let bytes: Vec<String> = body.iter().take(BEGINNING).map(|byte| format!("{byte:02x}")).collect();
        format!("({} that are no text; they begin with {})", size(body.len()), bytes.join(" "))
    } else {
        mask_body(body, &secrets.about(body))
    };
    Part { name, text, size: body.len() }
}

/// Whether the bytes are no text, as far as their beginning tells.
pub(super) fn is_binary(body: &[u8]) -> bool {
    let head = body.get(..LOOKED_AT).unwrap_or(body);
    let strange = |c: char| c == char::REPLACEMENT_CHARACTER || (c.is_control() && !c.is_whitespace() && c != '\u{1b}');
    let text = String::from_utf8_lossy(head);
    // A text may be in another encoding; then some of its letters are strange, and most are not.
    head.contains(&0) || text.chars().filter(|c| strange(*c)).count() * 5 > text.chars().count()
}

/// A status with its name: `302 Found`.
pub(super) fn status(status: StatusCode) -> String {
    match status.canonical_reason() {
        Some(reason) => format!("{} {reason}", status.as_u16()),
        None => status.as_u16().to_string(),
    }
}

/// A time as texts show it.
pub(super) fn took(time: Duration) -> String {
    seconds(time.as_secs_f64())
}

/// A time as texts show it beside another one that may be nearly the same.
pub(super) fn exactly(time: Duration) -> String {
    if time < Duration::from_secs(10) { format!("{} ms", figure(time.as_secs_f64() * 1000.0)) } else { took(time) }
}

/// A size as texts show it.
#[expect(clippy::cast_precision_loss, reason = "for people; no size here comes near 2^52")]
pub(super) fn size(len: usize) -> String {
    bytes(len as f64)
}

/// The first of some names, and that there are more.
pub(super) fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let mut names = names.peekable();
    let mut shown: Vec<String> = names.by_ref().take(NAMES).map(|name| shorten(name, NAME)).collect();
    if names.peek().is_some() {
        shown.push("…".to_owned());
    }
    shown.join(", ")
}

/// A body as captures and expectations look at it, decoded at most once each way.
#[derive(Debug)]
pub(super) struct Body<'a> {
    /// What it is called: `the body`, `standard output`.
    pub(super) name: &'static str,
    bytes: &'a [u8],
    /// What kind of body the answer says that it is; `None` where nobody says.
    content_type: Option<Cow<'a, str>>,
    text: OnceLock<String>,
    json: OnceLock<Result<Value, String>>,
}

impl<'a> Body<'a> {
    /// Nothing is decoded yet.
    pub(super) fn of(seen: &'a Seen) -> Self {
        let name = match seen {
            Seen::Http(_) => "the body",
            Seen::Exec(_) => "standard output",
            Seen::Message(_) => "the message",
            Seen::Line(_) => "the line",
        };
        let content_type = match seen {
            Seen::Http(answer) => answer.content_type(),
            Seen::Exec(_) | Seen::Message(_) | Seen::Line(_) => None,
        };
        Self { name, bytes: seen.body(), content_type, text: OnceLock::new(), json: OnceLock::new() }
    }

    /// The body of a message that is not kept.
    pub(super) fn of_message(message: &'a str) -> Self {
        let (text, json) = (OnceLock::new(), OnceLock::new());
        Self { name: "the message", bytes: message.as_bytes(), content_type: None, text, json }
    }

    /// Its size, bytes.
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// As text; bytes that are not UTF-8 are replaced.
    pub(super) fn text(&self) -> &str {
        self.text.get_or_init(|| String::from_utf8_lossy(self.bytes).into_owned())
    }

    /// That it is no proper text, where that may be why something is not found in it.
    pub(super) fn flaw(&self) -> &'static str {
        if std::str::from_utf8(self.bytes).is_err() { " (not all of it is UTF-8)" } else { "" }
    }

    /// As JSON.
    pub(super) fn json(&self) -> Result<&Value, String> {
        self.json.get_or_init(|| self.parse()).as_ref().map_err(Clone::clone)
    }

    fn parse(&self) -> Result<Value, String> {
        let name = self.name;
        // What it says that it is tells a page of an error from JSON that is broken.
        let kind = match &self.content_type {
            Some(kind) if !kind.contains("json") => format!("; the answer calls it `{kind}`"),
            Some(_) | None => String::new(),
        };
        if self.bytes.iter().all(u8::is_ascii_whitespace) {
            return Err(format!("{name} is empty, where JSON was needed"));
        }
        let text = std::str::from_utf8(self.bytes)
            .map_err(|err| format!("{name} is not JSON: byte {} of it is not UTF-8{kind}", err.valid_up_to()))?;
        serde_json::from_str(text).map_err(|err| format!("{name} is not JSON ({err}){kind}"))
    }

    /// What there is at the top of the JSON, as a hint for a path that finds nothing: ` (there are: a, b)`.
    pub(super) fn keys(&self) -> String {
        match self.json() {
            Ok(Value::Object(map)) if map.is_empty() => " (the object is empty)".to_owned(),
            Ok(Value::Object(map)) => format!(" (there are: {})", listed(map.keys().map(String::as_str))),
            Ok(Value::Array(items)) => format!(" (there is a list of {})", count(items.len() as u64, "value")),
            Ok(Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => {
                " (there is but one plain value)".to_owned()
            }
            Err(_) => String::new(),
        }
    }

    /// The nodes that a path finds.
    pub(super) fn find(&self, path: &JsonPath) -> Result<Vec<&Value>, String> {
        self.json().map(|json| path.query(json).all())
    }
}
