//! What a step says.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use regex::Regex;

use super::{AwaitStep, Capture, Expect, Message, SseStep, StatusSet, WsStep};
use crate::document::Location;
use crate::model::Which;

/// One step.
#[derive(Debug, Clone)]
pub struct Step {
    /// The file in which it stands: the scenario, or one that it includes.
    pub file: Arc<str>,
    /// Where it stands in that file.
    pub at: Location,
    /// What it does.
    pub action: Action,
}

/// What a step does.
#[derive(Debug, Clone)]
pub enum Action {
    /// A request.
    Http(Box<HttpStep>),
    /// A WebSocket: connected, used by its own steps, ended.
    Ws(Box<WsStep>),
    /// A message to the innermost WebSocket that is open.
    Send(Message),
    /// A message from the innermost WebSocket that is open.
    Await(Box<AwaitStep>),
    /// A ping to the innermost WebSocket that is open, and its pong.
    Ping {
        /// The time that the pong has.
        within: Duration,
    },
    /// Server-sent events: opened, read, dropped.
    Sse(Box<SseStep>),
    /// A command in the target or a sidecar.
    Exec(ExecStep),
    /// A signal to processes of the target.
    Signal(SignalStep),
    /// The target, or processes of it, ended and there again.
    Restart(RestartStep),
    /// The target stands still.
    Pause {
        /// For so long; `None`: until an `unpause`, or the end of the phase.
        lasts: Option<Duration>,
    },
    /// The target goes on.
    Unpause,
    /// Nothing, for a while.
    Sleep(Duration),
    /// A line of the target's log.
    Log(Box<LogStep>),
    /// A step again and again until its expectations hold.
    WaitUntil {
        /// The deadline.
        within: Duration,
        /// The pause between tries.
        every: Duration,
        /// The step.
        step: Box<Step>,
    },
    /// Steps several times over, the number (from 1) bound to a name.
    Repeat {
        /// How often.
        times: u32,
        /// The name, if one is wanted.
        name: Option<String>,
        /// The steps.
        steps: Vec<Step>,
    },
    /// Steps for each of several values.
    ForEach {
        /// The values.
        items: Items,
        /// The name of the value in templates.
        name: String,
        /// The steps.
        steps: Vec<Step>,
    },
    /// Steps by several users at once. Each is somebody new who knows what this user has captured.
    Parallel {
        /// How many.
        users: u32,
        /// The name of the user's number (from 1) in templates, if one is wanted.
        name: Option<String>,
        /// The steps.
        steps: Vec<Step>,
    },
    /// Steps under a condition.
    When {
        /// A template's expression, without its braces.
        condition: String,
        /// What is done where it is true.
        steps: Vec<Step>,
        /// What is done where it is not.
        otherwise: Vec<Step>,
    },
    /// Steps of another file.
    Include {
        /// The file, as it was written.
        file: String,
        /// Values by the names that its templates know beside all others; their strings are templates.
        with: BTreeMap<String, serde_json::Value>,
        /// The steps.
        steps: Vec<Step>,
    },
    /// A snapshot, now, under this name.
    Probe(String),
}

impl Action {
    /// The steps that it holds, in the order of the file; the second list is that of an `else`. Empty where it holds none.
    pub fn held(&self) -> [&[Step]; 2] {
        match self {
            Self::Repeat { steps, .. }
            | Self::ForEach { steps, .. }
            | Self::Parallel { steps, .. }
            | Self::Include { steps, .. } => [steps, &[]],
            Self::When { steps, otherwise, .. } => [steps, otherwise],
            Self::WaitUntil { step, .. } => [std::slice::from_ref(&**step), &[]],
            Self::Ws(step) => [&step.steps, &[]],
            Self::Http(_)
            | Self::Send(_)
            | Self::Await(_)
            | Self::Ping { .. }
            | Self::Sse(_)
            | Self::Exec(_)
            | Self::Signal(_)
            | Self::Restart(_)
            | Self::Pause { .. }
            | Self::Unpause
            | Self::Sleep(_)
            | Self::Log(_)
            | Self::Probe(_) => [&[], &[]],
        }
    }

    /// True where it does nothing but what the steps do that it holds. A WebSocket is none: it connects.
    pub fn is_block(&self) -> bool {
        matches!(
            self,
            Self::WaitUntil { .. }
                | Self::Repeat { .. }
                | Self::ForEach { .. }
                | Self::Parallel { .. }
                | Self::When { .. }
                | Self::Include { .. }
        )
    }
}

impl Step {
    /// Names the step as it is written, without what only its run knows: `post /auth/register`, `ws /api/ws`.
    pub fn name(&self) -> String {
        match &self.action {
            Action::Http(step) => format!("{} {}", step.method.to_ascii_lowercase(), step.path),
            Action::Ws(step) => format!("ws {}", step.path),
            Action::Send(_) => "send".to_owned(),
            Action::Await(_) => "await".to_owned(),
            Action::Ping { .. } => "ping".to_owned(),
            Action::Sse(step) => format!("sse {}", step.path),
            Action::Exec(step) => {
                let place = step.sidecar.as_ref().map_or_else(String::new, |name| format!(" in {name}"));
                format!("exec{place}: {}", step.command.join(" "))
            }
            Action::Signal(step) => format!("signal {} {}", step.signal, step.process),
            Action::Restart(RestartStep::Container { .. }) => "restart".to_owned(),
            Action::Restart(RestartStep::Process { process, .. }) => format!("restart {process}"),
            Action::Pause { .. } => "pause".to_owned(),
            Action::Unpause => "unpause".to_owned(),
            Action::Sleep(time) => format!("sleep {}", crate::document::written(*time)),
            Action::Log(step) => format!("log {}", step.matches),
            Action::WaitUntil { step, .. } => format!("wait until {}", step.name()),
            Action::Repeat { times, .. } => format!("repeat {times} times"),
            Action::ForEach { name, .. } => format!("for each {name}"),
            Action::Parallel { users, .. } => format!("parallel, {users} users"),
            Action::When { condition, .. } => format!("when {condition}"),
            Action::Include { file, .. } => format!("include {file}"),
            Action::Probe(name) => format!("probe {name}"),
        }
    }
}

/// Where a request goes. Strings are templates.
#[derive(Debug, Clone, Default)]
pub struct Goal {
    /// The target's port; `None`: the first published one.
    pub port: Option<u16>,
    /// `Some`: over TLS.
    pub tls: Option<Tls>,
    /// Added to the path's query, in order.
    pub query: Vec<(String, String)>,
    /// Headers.
    pub headers: BTreeMap<String, String>,
    /// Cookies sent beside those that the server set.
    pub cookies: BTreeMap<String, String>,
    /// Who asks.
    pub auth: Option<Auth>,
}

/// How a certificate is looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// Certificates (PEM) that are trusted beside those of this machine, as a path that can be opened.
    pub ca: Option<PathBuf>,
    /// False: any certificate will do.
    pub verify: bool,
    /// The name that the certificate must have; `None`: `localhost`.
    pub name: Option<String>,
}

/// Who asks. Strings are templates, and secrets.
#[derive(Debug, Clone)]
pub enum Auth {
    /// `Authorization: Basic …`
    Basic {
        /// The user's name.
        user: String,
        /// The password.
        password: String,
    },
    /// `Authorization: Bearer …`
    Bearer(String),
}

/// A request. Strings are templates except where said.
#[derive(Debug, Clone)]
pub struct HttpStep {
    /// `GET`, `POST`, `PUT`, `PATCH` or `DELETE`.
    pub method: &'static str,
    /// The path with its query.
    pub path: String,
    /// Where it goes.
    pub goal: Goal,
    /// What is sent.
    pub body: Body,
    /// How many redirects are followed at most; 0: the redirect is the answer.
    pub redirects: u32,
    /// Deadline of the whole exchange, redirects included.
    pub timeout: Duration,
    /// Tries beside the first.
    pub retry: Option<Retry>,
    /// Values taken from the answer, by name.
    pub capture: BTreeMap<String, Capture>,
    /// What the answer must be.
    pub expect: Expect,
}

/// When and how a request is tried again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retry {
    /// How often at most, beside the first try.
    pub times: u32,
    /// The rest before the second try; it doubles from try to try, and each is drawn from its upper half.
    pub backoff: Duration,
    /// The longest rest, also where `Retry-After` asks for a longer one.
    pub most: Duration,
    /// Answers that are worth another try; a connection that failed always is.
    pub status: Vec<StatusSet>,
}

/// What a request sends.
#[derive(Debug, Clone, Default)]
pub enum Body {
    /// Nothing.
    #[default]
    Empty,
    /// This text, a template; its type is the step's own header, `text/plain` without one.
    Text(String),
    /// The bytes of a file, as a path that can be opened; not a template. `application/octet-stream` without a header.
    File(PathBuf),
    /// `application/x-www-form-urlencoded`.
    Form(BTreeMap<String, String>),
    /// `application/json`; strings inside are templates.
    Json(serde_json::Value),
    /// `multipart/form-data`.
    Multipart(Vec<Part>),
}

/// A part of a `multipart/form-data` body. Strings are templates.
#[derive(Debug, Clone)]
pub struct Part {
    /// The field's name.
    pub name: String,
    /// What it holds.
    pub content: PartContent,
    /// The file's name that is told.
    pub filename: Option<String>,
    /// Its type.
    pub content_type: Option<String>,
}

/// What a part of a body holds.
#[derive(Debug, Clone)]
pub enum PartContent {
    /// This text, a template.
    Text(String),
    /// The bytes of a file, as a path that can be opened.
    File(PathBuf),
}

/// A command in the target or a sidecar.
#[derive(Debug, Clone)]
pub struct ExecStep {
    /// `None`: the target.
    pub sidecar: Option<String>,
    /// The program and its arguments, templates.
    pub command: Vec<String>,
    /// Values taken from standard output, by name; `header` and `cookie` cannot be, `status` is the exit code.
    pub capture: BTreeMap<String, Capture>,
    /// What must come out. `status` and `header` are not used here; `exit` is.
    pub expect: Expect,
    /// Deadline.
    pub timeout: Duration,
}

/// A signal to processes of the target.
#[derive(Debug, Clone)]
pub struct SignalStep {
    /// Matches their command lines.
    pub process: Regex,
    /// `SIGTERM` or another.
    pub signal: String,
    /// To which of those that match. There must be one at least.
    pub which: Which,
}

/// What is ended to be there again.
#[derive(Debug, Clone)]
pub enum RestartStep {
    /// The container, by the engine.
    Container {
        /// The time it has to stop before it is killed.
        within: Duration,
    },
    /// Processes that somebody in the target starts again.
    Process {
        /// Matches their command lines.
        process: Regex,
        /// The signal that ends them.
        signal: String,
        /// To which of those that match.
        which: Which,
        /// The time until as many others that match are there.
        within: Duration,
    },
}

/// A line of the target's log that is awaited, written since the step before this one began.
#[derive(Debug, Clone)]
pub struct LogStep {
    /// What it must match.
    pub matches: Regex,
    /// The deadline.
    pub within: Duration,
    /// Values taken from the line, by name; `header`, `cookie` and `status` cannot be.
    pub capture: BTreeMap<String, Capture>,
}

/// What steps are repeated for.
#[derive(Debug, Clone)]
pub enum Items {
    /// These values; strings are templates.
    List(Vec<serde_json::Value>),
    /// The list that a template's expression gives, without its braces.
    Expression(String),
}
