//! What came back from a step: the answer to a request, or the output of a command.

use std::sync::OnceLock;
use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use serde_json::Value;
use serde_json_path::JsonPath;

use super::secrets::{Secrets, mask_body};
use crate::model::ExecOutput;
use crate::model::text::{bytes, seconds};

/// The largest body that is read of an answer.
pub(super) const MAX_BODY: usize = 2 * 1024 * 1024;

/// The answer to a request, as far as it came.
#[derive(Debug)]
pub(super) struct Answer {
    /// The status line's code.
    pub(super) status: StatusCode,
    /// The headers.
    pub(super) headers: HeaderMap,
    /// The body, at most [`MAX_BODY`].
    pub(super) body: Vec<u8>,
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
            Self::Http(answer) => answer.status.as_u16().to_string(),
            Self::Exec(output) => format!("exit {}", output.exit_code),
            Self::Message(text) => format!("a message of {}", size(text.len())),
            Self::Line(text) => format!("a line of {}", size(text.len())),
        }
    }

    /// All of it as text without secrets, for a failed step.
    pub(super) fn shown(&self, secrets: &Secrets) -> Shown {
        match self {
            Self::Http(answer) => {
                let mut head = format!("{}\n", status(answer.status));
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
    Part { name, text: mask_body(body, &secrets.about(body)), size: body.len() }
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

/// A size as texts show it.
#[expect(clippy::cast_precision_loss, reason = "for people; no size here comes near 2^52")]
pub(super) fn size(len: usize) -> String {
    bytes(len as f64)
}

/// A body as captures and expectations look at it, decoded at most once each way.
#[derive(Debug)]
pub(super) struct Body<'a> {
    /// What it is called: `the body`, `standard output`.
    pub(super) name: &'static str,
    bytes: &'a [u8],
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
        Self { name, bytes: seen.body(), text: OnceLock::new(), json: OnceLock::new() }
    }

    /// The body of a message that is not kept.
    pub(super) fn of_message(text: &'a str) -> Self {
        Self { name: "the message", bytes: text.as_bytes(), text: OnceLock::new(), json: OnceLock::new() }
    }

    /// Its size, bytes.
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// As text; bytes that are not UTF-8 are replaced.
    pub(super) fn text(&self) -> &str {
        self.text.get_or_init(|| String::from_utf8_lossy(self.bytes).into_owned())
    }

    /// As JSON.
    pub(super) fn json(&self) -> Result<&Value, String> {
        self.json
            .get_or_init(|| {
                if self.bytes.iter().all(u8::is_ascii_whitespace) {
                    return Err(format!("{} is empty, where JSON was needed", self.name));
                }
                serde_json::from_str(self.text()).map_err(|err| format!("{} is not JSON ({err})", self.name))
            })
            .as_ref()
            .map_err(Clone::clone)
    }

    /// The nodes that a path finds.
    pub(super) fn find(&self, path: &JsonPath) -> Result<Vec<&Value>, String> {
        self.json().map(|json| path.query(json).all())
    }
}
