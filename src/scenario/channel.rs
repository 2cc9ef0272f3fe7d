//! What a step says that holds a connection open: WebSockets, and server-sent events.

use std::collections::BTreeMap;
use std::time::Duration;

use regex::Regex;
use serde_json_path::JsonPath;

use super::{Capture, Goal, JsonExpect, Step};

/// A WebSocket.
#[derive(Debug, Clone)]
pub struct WsStep {
    /// The path with its query, a template.
    pub path: String,
    /// Where it goes.
    pub goal: Goal,
    /// Subprotocols that are offered, templates; the server must take one of them where there are some.
    pub subprotocols: Vec<String>,
    /// Deadline of the connecting.
    pub timeout: Duration,
    /// What is done while it is open: `send`, `await`, `ping`, and every other step.
    pub steps: Vec<Step>,
    /// How it ends once all steps are done. A step that fails drops it.
    pub end: WsEnd,
}

/// How a WebSocket ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WsEnd {
    /// A close frame is sent, and the server's awaited.
    Close,
    /// The TCP connection is closed without a close frame.
    Drop,
    /// The TCP connection is reset.
    Reset,
    /// The connection stays open for so long, and nothing is read, answered or sent any more; then it is reset.
    Silent(Duration),
}

impl WsEnd {
    /// The word in the scenario.
    pub fn name(self) -> &'static str {
        match self {
            Self::Close => "close",
            Self::Drop => "drop",
            Self::Reset => "reset",
            Self::Silent(_) => "silent",
        }
    }
}

/// What is sent over a WebSocket.
#[derive(Debug, Clone)]
pub enum Message {
    /// A text message, a template.
    Text(String),
    /// A text message of JSON; strings inside are templates.
    Json(serde_json::Value),
}

/// What tells the message that is awaited from others. Everything that is set must hold; nothing set: the next message.
#[derive(Debug, Clone, Default)]
pub struct Sought {
    /// JSONPath and what it must find.
    pub json: Vec<(JsonPath, JsonExpect)>,
    /// A regular expression that it must match.
    pub matches: Option<Regex>,
    /// A text that it must hold, a template.
    pub contains: Option<String>,
}

/// A message that is awaited; others that come before it are passed over.
#[derive(Debug, Clone)]
pub struct AwaitStep {
    /// Which.
    pub sought: Sought,
    /// The deadline.
    pub within: Duration,
    /// Values taken from the message, by name; `header`, `cookie` and `status` cannot be.
    pub capture: BTreeMap<String, Capture>,
}

/// Server-sent events.
#[derive(Debug, Clone)]
pub struct SseStep {
    /// The path with its query, a template.
    pub path: String,
    /// Where it goes.
    pub goal: Goal,
    /// How many events are read before the connection is dropped.
    pub events: u32,
    /// Only events of this type count; `None`: every event.
    pub event: Option<String>,
    /// Only events whose data is so count.
    pub sought: Sought,
    /// The deadline of all.
    pub within: Duration,
    /// Values taken from the data of the last event, by name; `header`, `cookie` and `status` cannot be.
    pub capture: BTreeMap<String, Capture>,
}
