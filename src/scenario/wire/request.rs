//! Requests, WebSockets and server-sent events, and what is looked for in their answers, as the file says them.

use schemars::JsonSchema;
use serde::Deserialize;

use super::StepWire;
use crate::document::{Choice, Either, OneOrMany, Ordered, Scalar, form};
use crate::scenario::schema;

/// A request, and what its answer must be.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a mapping with `path`")]
#[schemars(rename = "request", transform = schema::request)]
pub(in crate::scenario) struct HttpWire {
    /// The port of the target: the first published one by default.
    #[schemars(range(min = 1))]
    pub(in crate::scenario) port: Option<u16>,
    /// The path, with its query.
    #[schemars(with = "form::Word")]
    pub(in crate::scenario) path: Scalar,
    /// `true`: over TLS.
    #[schemars(with = "Option<form::Or<bool, TlsWire>>")]
    pub(in crate::scenario) tls: Option<Either<TlsWire>>,
    /// Added to the query of the path, by name, in order; a list stands for a name that is there several times.
    #[serde(default)]
    pub(in crate::scenario) query: Ordered<OneOrMany<Scalar>>,
    /// Headers, by name.
    #[serde(default)]
    pub(in crate::scenario) headers: Ordered<Scalar>,
    /// Cookies, by name, beside those that the server set.
    #[serde(default)]
    pub(in crate::scenario) cookies: Ordered<Scalar>,
    /// Who asks.
    pub(in crate::scenario) auth: Option<AuthWire>,
    /// Sent as `application/x-www-form-urlencoded`.
    pub(in crate::scenario) form: Option<Ordered<Scalar>>,
    /// Sent as `application/json`.
    pub(in crate::scenario) json: Option<serde_json::Value>,
    /// Sent as text.
    pub(in crate::scenario) body: Option<Scalar>,
    /// A file whose bytes are sent, from the folder of this file.
    #[schemars(with = "Option<form::Word>")]
    pub(in crate::scenario) body_file: Option<Scalar>,
    /// Sent as `multipart/form-data`.
    #[schemars(length(min = 1))]
    pub(in crate::scenario) multipart: Option<Vec<PartWire>>,
    /// How many redirects are followed: none by default, at most 20.
    #[schemars(range(max = 20))]
    pub(in crate::scenario) redirects: Option<u32>,
    /// For the whole exchange: `60s` by default.
    #[schemars(with = "Option<form::Time>")]
    pub(in crate::scenario) timeout: Option<Scalar>,
    /// Tries beside the first; none by default.
    pub(in crate::scenario) retry: Option<RetryWire>,
    /// Values taken from the answer, by name, for the steps that follow.
    #[serde(default)]
    pub(in crate::scenario) capture: Ordered<CaptureWire>,
    /// What the answer must be: by default a status below 400.
    #[serde(default)]
    pub(in crate::scenario) expect: HttpExpectWire,
}

/// How the certificate of the target is looked at.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "`true`, or a mapping with `ca`, `verify` and `name`")]
#[schemars(rename = "tls")]
pub(in crate::scenario) struct TlsWire {
    /// A file of certificates (PEM) that are trusted beside those of this machine.
    #[schemars(with = "Option<form::Word>")]
    pub(in crate::scenario) ca: Option<Scalar>,
    /// False: any certificate will do.
    pub(in crate::scenario) verify: Option<bool>,
    /// The name that the certificate must have: `localhost` by default.
    #[schemars(with = "Option<form::Word>")]
    pub(in crate::scenario) name: Option<Scalar>,
}

/// Who asks.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a mapping with `basic` or `bearer`")]
#[schemars(rename = "auth", transform = schema::auth)]
pub(in crate::scenario) struct AuthWire {
    /// A user and a password.
    pub(in crate::scenario) basic: Option<BasicWire>,
    /// A token.
    #[schemars(with = "Option<form::Word>")]
    pub(in crate::scenario) bearer: Option<Scalar>,
}

/// A user and a password.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a mapping with `user` and `password`")]
#[schemars(rename = "basic")]
pub(in crate::scenario) struct BasicWire {
    /// The user's name.
    pub(in crate::scenario) user: Scalar,
    /// The password.
    pub(in crate::scenario) password: Scalar,
}

/// A part of a `multipart/form-data` body.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a mapping with `name` and `text` or `file`")]
#[schemars(rename = "part", transform = schema::part)]
pub(in crate::scenario) struct PartWire {
    /// The name of the field.
    #[schemars(with = "form::Word")]
    pub(in crate::scenario) name: Scalar,
    /// The text that it holds.
    pub(in crate::scenario) text: Option<Scalar>,
    /// The file whose bytes it holds, from the folder of this file.
    #[schemars(with = "Option<form::Word>")]
    pub(in crate::scenario) file: Option<Scalar>,
    /// The name of the file that the server is told.
    pub(in crate::scenario) filename: Option<Scalar>,
    /// The type of the part.
    pub(in crate::scenario) content_type: Option<Scalar>,
}

/// When and how a request is tried again.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a mapping with `times`, `backoff`, `most` and `status`")]
#[schemars(rename = "retry")]
pub(in crate::scenario) struct RetryWire {
    /// How often at most, beside the first try: 3 by default.
    #[schemars(range(min = 1, max = 20))]
    pub(in crate::scenario) times: Option<u32>,
    /// The rest before the second try, which doubles from try to try: `500ms` by default.
    #[schemars(with = "Option<form::Time>")]
    pub(in crate::scenario) backoff: Option<Scalar>,
    /// The longest rest, also where `Retry-After` asks for a longer one: `10s` by default.
    #[schemars(with = "Option<form::Time>")]
    pub(in crate::scenario) most: Option<Scalar>,
    /// Answers that are worth another try: 429, 502, 503 and 504 by default.
    #[schemars(with = "Option<OneOrMany<schema::Status>>")]
    pub(in crate::scenario) status: Option<OneOrMany<Scalar>>,
}

/// A WebSocket.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a mapping with `path` and `steps`")]
#[schemars(rename = "ws", transform = schema::ws)]
pub(in crate::scenario) struct WsWire {
    /// The port of the target: the first published one by default.
    #[schemars(range(min = 1))]
    pub(in crate::scenario) port: Option<u16>,
    /// The path, with its query.
    #[schemars(with = "form::Word")]
    pub(in crate::scenario) path: Scalar,
    /// `true`: over TLS.
    #[schemars(with = "Option<form::Or<bool, TlsWire>>")]
    pub(in crate::scenario) tls: Option<Either<TlsWire>>,
    /// Added to the query of the path, by name, in order.
    #[serde(default)]
    pub(in crate::scenario) query: Ordered<OneOrMany<Scalar>>,
    /// Headers, by name.
    #[serde(default)]
    pub(in crate::scenario) headers: Ordered<Scalar>,
    /// Cookies, by name, beside those that the server set.
    #[serde(default)]
    pub(in crate::scenario) cookies: Ordered<Scalar>,
    /// Who asks.
    pub(in crate::scenario) auth: Option<AuthWire>,
    /// Subprotocols that are offered; the server must take one of them.
    pub(in crate::scenario) subprotocols: Option<OneOrMany<Scalar>>,
    /// For the connecting: `60s` by default.
    #[schemars(with = "Option<form::Time>")]
    pub(in crate::scenario) timeout: Option<Scalar>,
    /// What is done while it is open: `send`, `await`, `ping`, and every other step.
    #[serde(default)]
    pub(in crate::scenario) steps: Vec<StepWire>,
    /// How it ends: `close` by default.
    pub(in crate::scenario) end: Option<Choice<WsEndWire>>,
    /// With `end: silent`: how long the connection stays open: `1m` by default.
    #[schemars(with = "Option<form::Time>")]
    pub(in crate::scenario) silent_for: Option<Scalar>,
}

/// How a WebSocket ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "ws_end")]
pub(in crate::scenario) enum WsEndWire {
    /// A close frame is sent, and the server's awaited.
    Close,
    /// The TCP connection is closed without a close frame.
    Drop,
    /// The TCP connection is reset.
    Reset,
    /// The connection stays open, and nothing is read or sent any more.
    Silent,
}

/// Server-sent events.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a mapping with `path`")]
#[schemars(rename = "sse")]
pub(in crate::scenario) struct SseWire {
    /// The port of the target: the first published one by default.
    #[schemars(range(min = 1))]
    pub(in crate::scenario) port: Option<u16>,
    /// The path, with its query.
    #[schemars(with = "form::Word")]
    pub(in crate::scenario) path: Scalar,
    /// `true`: over TLS.
    #[schemars(with = "Option<form::Or<bool, TlsWire>>")]
    pub(in crate::scenario) tls: Option<Either<TlsWire>>,
    /// Added to the query of the path, by name, in order.
    #[serde(default)]
    pub(in crate::scenario) query: Ordered<OneOrMany<Scalar>>,
    /// Headers, by name.
    #[serde(default)]
    pub(in crate::scenario) headers: Ordered<Scalar>,
    /// Cookies, by name, beside those that the server set.
    #[serde(default)]
    pub(in crate::scenario) cookies: Ordered<Scalar>,
    /// Who asks.
    pub(in crate::scenario) auth: Option<AuthWire>,
    /// How many events are read before the connection is dropped: 1 by default.
    #[schemars(range(min = 1, max = 100_000))]
    pub(in crate::scenario) events: Option<u32>,
    /// Only events of this type count.
    #[schemars(with = "Option<form::Word>")]
    pub(in crate::scenario) event: Option<Scalar>,
    /// Only events whose data has these values count: JSONPath and value, as in `expect`.
    #[serde(default)]
    pub(in crate::scenario) json: Ordered<serde_json::Value>,
    /// Only events whose data matches this regular expression count.
    #[schemars(with = "Option<form::Word>")]
    pub(in crate::scenario) matches: Option<Scalar>,
    /// Only events whose data holds this text count.
    #[schemars(with = "Option<form::Word>")]
    pub(in crate::scenario) contains: Option<Scalar>,
    /// The deadline of all: `60s` by default.
    #[schemars(with = "Option<form::Time>")]
    pub(in crate::scenario) within: Option<Scalar>,
    /// Values taken from the data of the last event, by name.
    #[serde(default)]
    #[schemars(with = "Ordered<schema::MessageCapture>")]
    pub(in crate::scenario) capture: Ordered<CaptureWire>,
}

/// Where a value stands in an answer.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a mapping such as `{json: $.name}`")]
#[schemars(rename = "capture", transform = schema::capture)]
pub(in crate::scenario) struct CaptureWire {
    /// A JSONPath that must find exactly one value.
    pub(in crate::scenario) json: Option<String>,
    /// A CSS selector that must find exactly one element.
    pub(in crate::scenario) css: Option<String>,
    /// The attribute to take; the text without it.
    pub(in crate::scenario) attr: Option<String>,
    /// A regular expression that must match exactly once: its group is taken, or all of it.
    #[schemars(with = "Option<form::Word>")]
    pub(in crate::scenario) regex: Option<Scalar>,
    /// The header of this name.
    #[schemars(with = "Option<form::Word>")]
    pub(in crate::scenario) header: Option<Scalar>,
    /// The cookie of this name that the answer sets.
    #[schemars(with = "Option<form::Word>")]
    pub(in crate::scenario) cookie: Option<Scalar>,
    /// `true`: the status; with `exec` the exit code.
    #[schemars(extend("const" = true))]
    pub(in crate::scenario) status: Option<bool>,
    /// True: a list of all that are found, which may be none.
    pub(in crate::scenario) all: Option<bool>,
}

/// What an answer must be.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a mapping with `status`, `header`, `json` or `contains`")]
#[schemars(rename = "expect_answer")]
pub(in crate::scenario) struct HttpExpectWire {
    /// One status, a class such as `2xx`, or a list of those that are right.
    #[schemars(with = "Option<OneOrMany<schema::Status>>")]
    pub(in crate::scenario) status: Option<OneOrMany<Scalar>>,
    /// Headers by name; a `*` at the end stands for anything.
    #[serde(default)]
    pub(in crate::scenario) header: Ordered<Scalar>,
    /// JSONPath and value, `{at_least: 5}`, `{at_most: 9}`, `{matches: REGEX}`, `{exists: true}`, or `{equals: {…}}` for a whole object.
    #[serde(default)]
    pub(in crate::scenario) json: Ordered<serde_json::Value>,
    /// A text that the body must hold.
    #[schemars(with = "Option<form::Word>")]
    pub(in crate::scenario) contains: Option<Scalar>,
    /// A regular expression that the body must match.
    #[schemars(with = "Option<form::Word>")]
    pub(in crate::scenario) matches: Option<Scalar>,
    /// The longest time that the answer may take.
    #[schemars(with = "Option<form::Time>")]
    pub(in crate::scenario) latency: Option<Scalar>,
}

/// What a command must answer.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a mapping with `exit`, `json` or `contains`")]
#[schemars(rename = "expect_output")]
pub(in crate::scenario) struct ExecExpectWire {
    /// The exit code: 0 by default.
    pub(in crate::scenario) exit: Option<i64>,
    /// JSONPath and value, as in the answer to a request.
    #[serde(default)]
    pub(in crate::scenario) json: Ordered<serde_json::Value>,
    /// A text that standard output must hold.
    #[schemars(with = "Option<form::Word>")]
    pub(in crate::scenario) contains: Option<Scalar>,
    /// A regular expression that standard output must match.
    #[schemars(with = "Option<form::Word>")]
    pub(in crate::scenario) matches: Option<Scalar>,
    /// The longest time that the command may take.
    #[schemars(with = "Option<form::Time>")]
    pub(in crate::scenario) latency: Option<Scalar>,
}
