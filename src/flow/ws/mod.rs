//! WebSockets: connected, used, and ended in the way that the scenario wants.

mod connect;
mod silent;
mod socket;
mod wire;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use reqwest::StatusCode;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite;

use super::answer::{Answer, Seen, size, took};
use super::exchange::Trouble;
use super::failure::Request;
use super::perform::{NAMED, allowed};
use super::{Block, DEFAULT_TIMEOUT, Done, Failed, Flow, StepError, expect, http};
use crate::model::TargetControl;
use crate::model::text::{count, shorten};
use crate::scenario::{AwaitStep, Message, Sought, Step, WsEnd, WsStep};

pub(super) use self::silent::Silent;
pub(super) use self::socket::{Socket, beside};

/// How many messages an `await` passes over at most.
const MOST_PASSED: u64 = 10_000;

/// How many bytes of messages an `await` passes over at most.
const MOST_BYTES: usize = 64 * 1024 * 1024;

/// How many of the messages that came a failure shows.
const SHOWN: usize = 3;

/// How much of a message a failure shows.
const MESSAGE: usize = 300;

impl Flow {
    /// Connects, takes the steps of the connection, and ends it.
    pub(super) async fn ws<C: TargetControl>(
        &mut self,
        step: &Step,
        ws: &WsStep,
        target: &C,
        deadline: Option<Instant>,
    ) -> Result<Done, StepError> {
        let (started, began) = (Instant::now(), jiff::Timestamp::now());
        let mut others = std::mem::take(&mut self.sockets);
        let opened = beside(&mut others, self.open(ws, target, deadline)).await;
        self.sockets = others;
        let (socket, answer) = match opened {
            Ok(opened) => opened,
            Err(failed) => {
                let error = self.fail(step, failed);
                self.report(step, error.what(), error.problem(), started.elapsed(), true);
                return Err(error);
            }
        };
        let (what, request) = (socket.what.clone(), socket.request.clone());
        self.report(step, &what, "101", started.elapsed(), false);
        self.since = began;

        let block = Block { place: what.clone(), names: BTreeMap::new() };
        self.sockets.push(socket);
        let result = self.steps_in(block, &ws.steps, target, deadline).await;
        let Some(socket) = self.sockets.pop() else {
            return Err(self.fail(step, Failed::wrong(what, "the connection is gone")));
        };
        if let Err(error) = result {
            socket.drop_connection();
            return Err(error);
        }
        let (within, _) = allowed(DEFAULT_TIMEOUT, deadline);
        let ended = beside(&mut self.sockets, socket.end(ws.end, &self.silent, within)).await;
        match ended {
            Ok(how) => {
                let done = if ws.steps.is_empty() {
                    String::new()
                } else {
                    format!("{} done, ", count(ws.steps.len() as u64, "step"))
                };
                Ok(Done { said: format!("101, {done}{how}"), what, seen: Some((request, Seen::Http(answer))) })
            }
            Err(problem) => {
                let seen = Some(Seen::Http(answer));
                Err(self.fail(step, Failed { request: Some(request), seen, ..Failed::new(what, problem) }))
            }
        }
    }

    /// Opens a WebSocket.
    async fn open<C: TargetControl>(
        &self,
        ws: &WsStep,
        target: &C,
        deadline: Option<Instant>,
    ) -> Result<(Socket, Answer), Failed> {
        let renderer = self.renderer();
        let path = renderer.text(&ws.path).map_err(|err| Failed::wrong(format!("ws {}", ws.path), err.to_string()))?;
        let what = format!("ws {}", shorten(&self.secrets.mask_url(&path), NAMED));
        let wrong = |problem: String| Failed::wrong(what.clone(), problem);
        let address = http::address(ws.goal.port, target).map_err(wrong)?;
        let head = http::head(&path, &ws.goal, address, &renderer, &self.jar, &self.secrets).map_err(wrong)?;
        let subprotocols: Result<Vec<String>, _> = ws.subprotocols.iter().map(|name| renderer.text(name)).collect();
        let subprotocols = subprotocols.map_err(|err| wrong(format!("subprotocol: {err}")))?;
        let mut headers = head.headers;
        connect::upgrade(&mut headers, &head.url, &subprotocols).map_err(wrong)?;
        let shown = Request {
            head: format!("GET {}\n{}", self.secrets.mask_url(head.url.as_str()), self.secrets.mask_headers(&headers)),
            body: String::new(),
        };
        if let WsEnd::Silent(_) = ws.end {
            self.silent.has_room().map_err(|problem| Failed::new(what.clone(), problem))?;
        }

        let (within, cut) = allowed(ws.timeout, deadline);
        let mut answer = None;
        let wanted = connect::Wanted { address, tls: ws.goal.tls.as_ref(), url: &head.url, headers };
        let result = tokio::time::timeout(within, connect::connect(wanted, &mut answer)).await;
        if let Some(answer) = &answer {
            http::keep_cookies(&self.jar, &head.url, &answer.headers, &self.secrets);
        }
        let (trouble, cut) = match (result, answer) {
            (Ok(Ok(stream)), Some(answer)) => return Ok((Socket::new(stream, address, what, shown), answer)),
            (Ok(Ok(_)), None) => return Err(wrong("it is open without an answer".to_owned())),
            (Ok(Err(trouble)), answer) => ((trouble, answer), false),
            (Err(_), Some(answer)) if answer.status != StatusCode::SWITCHING_PROTOCOLS => {
                ((connect::refused(answer.status), Some(answer)), cut)
            }
            (Err(_), answer) => {
                let problem = format!("the connection was not open within {}", took(within));
                ((Trouble { problem, passing: true }, answer), cut)
            }
        };
        let (Trouble { problem, passing }, answer) = trouble;
        Err(Failed {
            request: Some(shown),
            seen: answer.map(Seen::Http),
            permanent: !passing,
            cut,
            ..Failed::new(what, problem)
        })
    }

    /// Sends a message over a WebSocket.
    pub(super) async fn send(
        &mut self,
        message: &Message,
        socket: Option<&mut Socket>,
        deadline: Option<Instant>,
    ) -> Result<Done, Failed> {
        let socket = socket.ok_or_else(|| none_open("send"))?;
        let what = format!("send over {}", socket.what);
        let renderer = self.renderer();
        let (text, shown) = match message {
            Message::Text(template) => {
                let text = renderer.text(template).map_err(|err| Failed::wrong(&what, err.to_string()))?;
                let shown = self.secrets.mask(&text);
                (text, shown)
            }
            Message::Json(template) => {
                let value = renderer.json(template).map_err(|err| Failed::wrong(&what, format!("json: {err}")))?;
                self.secrets.learn_json("", &value);
                (value.to_string(), self.secrets.mask_json(&value))
            }
        };
        drop(renderer);
        let said = format!("{} sent", size(text.len()));
        socket.request.body = shown;
        let (within, cut) = allowed(DEFAULT_TIMEOUT, deadline);
        let (problem, cut) =
            match tokio::time::timeout(within, socket.send(tungstenite::Message::Text(text.into()))).await {
                Ok(Ok(())) => return Ok(Done { said, what, seen: None }),
                Ok(Err(problem)) => (problem, false),
                Err(_) => (format!("the server did not take the message within {}", took(within)), cut),
            };
        Err(Failed { request: Some(socket.request.clone()), cut, ..Failed::new(what, problem) })
    }

    /// Waits for a message on a WebSocket.
    pub(super) async fn receive(
        &mut self,
        wanted: &AwaitStep,
        socket: Option<&mut Socket>,
        deadline: Option<Instant>,
    ) -> Result<Done, Failed> {
        let socket = socket.ok_or_else(|| none_open("await"))?;
        let what = format!("await on {}", socket.what);
        let (within, cut) = allowed(wanted.within, deadline);
        let mut passed = Passed::default();
        let found = self.find(&wanted.sought, socket, within, &mut passed).await;
        let request = socket.request.clone();
        match found {
            Ok(message) => {
                let seen = Seen::Message(message);
                let after = if passed.count > 0 { format!(" after {}", others(passed.count)) } else { String::new() };
                match self.keep(&wanted.capture, &seen).await {
                    Ok(()) => Ok(Done { said: format!("{}{after}", seen.said()), what, seen: Some((request, seen)) }),
                    Err(problem) => {
                        Err(Failed { request: Some(request), seen: Some(seen), ..Failed::new(what, problem) })
                    }
                }
            }
            Err(NotFound::Template(problem)) => Err(Failed::wrong(what, problem)),
            Err(NotFound::Late) => {
                let problem = format!("no such message within {}; {} came", took(within), others(passed.count));
                let failed = self.lacking(&wanted.sought, &passed, socket.dropped, Failed::new(what, problem));
                Err(Failed { request: Some(request), cut, ..failed })
            }
            Err(NotFound::Ended(ended)) => {
                let problem = format!("{ended}, before such a message came; {} came", others(passed.count));
                let failed = self.lacking(&wanted.sought, &passed, socket.dropped, Failed::new(what, problem));
                Err(Failed { request: Some(request), ..failed })
            }
            Err(NotFound::Flood) => {
                let problem = format!(
                    "{} of {} came, and none is such a one; more are not passed over",
                    others(passed.count),
                    size(passed.bytes)
                );
                let failed = self.lacking(&wanted.sought, &passed, socket.dropped, Failed::new(what, problem));
                Err(Failed { request: Some(request), ..failed })
            }
        }
    }

    async fn find(
        &self,
        sought: &Sought,
        socket: &mut Socket,
        within: Duration,
        passed: &mut Passed,
    ) -> Result<String, NotFound> {
        let renderer = self.renderer();
        let fits = |message: &str| {
            expect::sought(sought, message, &renderer, &self.secrets).map_err(|err| NotFound::Template(err.to_string()))
        };
        // A wrong template is wrong before anything comes.
        fits("null")?;
        let end = Instant::now() + within;
        loop {
            while let Some(message) = socket.take() {
                if fits(&message)? {
                    // What was read before it may be a ping.
                    let _ = tokio::time::timeout_at(end, socket.flush()).await;
                    return Ok(message);
                }
                passed.add(message);
                if passed.count >= MOST_PASSED || passed.bytes >= MOST_BYTES {
                    return Err(NotFound::Flood);
                }
            }
            if let Some(ended) = socket.ended() {
                return Err(NotFound::Ended(ended.to_owned()));
            }
            if Instant::now() >= end || tokio::time::timeout_at(end, socket.came()).await.is_err() {
                return Err(NotFound::Late);
            }
        }
    }

    /// Adds to a failure what the messages that came were, and what the last of them lacks.
    fn lacking(&self, sought: &Sought, passed: &Passed, dropped: u64, mut failed: Failed) -> Failed {
        if let Some(last) = passed.last.back()
            && let Ok(lacks) = expect::lacking(sought, last, &self.renderer(), &self.secrets)
        {
            failed.problems.extend(lacks.into_iter().map(|lack| format!("the last one: {lack}")));
        }
        let newest_first = passed.last.iter().rev().zip(["the last one", "the one before", "and before that"]);
        failed.problems.extend(newest_first.map(|(message, name)| {
            let masked = self.secrets.about(message.as_bytes()).mask(message);
            format!("{name} was ({}): {}", size(message.len()), shorten(&masked, MESSAGE))
        }));
        if dropped > 0 {
            failed.problems.push(format!("{} that came while no step awaited any were dropped", others(dropped)));
        }
        failed
    }

    /// Sends a ping over a WebSocket and waits for its pong.
    pub(super) async fn ping(
        &mut self,
        within: Duration,
        socket: Option<&mut Socket>,
        deadline: Option<Instant>,
    ) -> Result<Done, Failed> {
        let socket = socket.ok_or_else(|| none_open("ping"))?;
        let what = format!("ping over {}", socket.what);
        let started = Instant::now();
        let (within, cut) = allowed(within, deadline);
        let (problem, cut) = match tokio::time::timeout(within, socket.ping()).await {
            Ok(Ok(())) => {
                return Ok(Done { said: format!("pong after {}", took(started.elapsed())), what, seen: None });
            }
            Ok(Err(problem)) => (format!("{problem}, before the pong came"), false),
            Err(_) => (format!("no pong within {}", took(within)), cut),
        };
        Err(Failed { request: Some(socket.request.clone()), cut, ..Failed::new(what, problem) })
    }
}

/// Messages that were not the one.
#[derive(Default)]
struct Passed {
    count: u64,
    bytes: usize,
    /// The last few, oldest first.
    last: VecDeque<String>,
}

impl Passed {
    fn add(&mut self, message: String) {
        self.count += 1;
        self.bytes += message.len();
        self.last.push_back(message);
        if self.last.len() > SHOWN {
            self.last.pop_front();
        }
    }
}

/// Why there is no such message.
enum NotFound {
    Template(String),
    Late,
    Ended(String),
    Flood,
}

fn others(n: u64) -> String {
    match n {
        0 => "no other message".to_owned(),
        n => count(n, "other message"),
    }
}

/// A step that needs a WebSocket has none.
fn none_open(verb: &str) -> Failed {
    Failed::wrong(verb, format!("no WebSocket is open here; `{verb}` stands among the `steps` of a `ws`"))
}
