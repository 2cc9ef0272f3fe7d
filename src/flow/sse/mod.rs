//! Server-sent events: opened, read, dropped.

mod events;

use reqwest::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use reqwest::{Method, Request, Response, StatusCode};
use tokio::time::Instant;

use self::events::{Event, Events};
use super::answer::{Answer, Seen, status, took};
use super::exchange::Trouble;
use super::perform::{NAMED, allowed};
use super::{Done, Failed, Flow, expect, failure, http};
use crate::model::TargetControl;
use crate::model::text::{bytes, count, shorten};
use crate::scenario::SseStep;

/// What an event stream says that it is.
const TYPE: &str = "text/event-stream";

/// How much of the body of an answer that is no event stream is read, bytes: more than is shown.
const REFUSAL: usize = 64 * 1024;

/// How much of the beginning of a stream a failure shows, bytes.
const BEGINNING: usize = 2048;

/// How much of an event a failure shows.
const DATA: usize = 300;

/// What was read of a stream.
#[derive(Default)]
struct Read {
    /// How many of the events that count came.
    found: u32,
    /// How many came that do not count.
    passed: u64,
    /// The last event that counts.
    last: Option<Event>,
    /// The last event that does not.
    other: Option<Event>,
    events: Events,
}

/// Why a stream was not read to the event that was wanted last.
enum Broken {
    /// The answer is no event stream.
    Refused(String),
    /// A template of the step is wrong.
    Template(String),
    /// The stream ended or broke off, or is no good.
    Stream(Trouble),
}

impl Flow {
    /// Opens a stream of events, reads as many as are wanted, and drops it.
    pub(super) async fn sse<C: TargetControl>(
        &mut self,
        step: &SseStep,
        target: &C,
        deadline: Option<Instant>,
    ) -> Result<Done, Failed> {
        let renderer = self.renderer();
        let path =
            renderer.text(&step.path).map_err(|err| Failed::wrong(format!("sse {}", step.path), err.to_string()))?;
        let what = format!("sse {}", shorten(&self.secrets.mask_url(&path), NAMED));
        let wrong = |problem: String| Failed::wrong(what.clone(), problem);
        let address = http::address(step.goal.port, target).map_err(wrong)?;
        let mut head = http::head(&path, &step.goal, address, &renderer, &self.jar, &self.secrets).map_err(wrong)?;
        if !step.goal.headers.keys().any(|name| name.eq_ignore_ascii_case(ACCEPT.as_str())) {
            head.headers.insert(ACCEPT, HeaderValue::from_static(TYPE));
        }
        head.headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
        let shown = failure::Request {
            head: format!(
                "GET {}\n{}",
                self.secrets.mask_url(head.url.as_str()),
                self.secrets.mask_headers(&head.headers)
            ),
            body: String::new(),
        };
        let client = self.clients.of(step.goal.tls.as_ref(), address).map_err(wrong)?;
        let mut request = Request::new(Method::GET, head.url.clone());
        *request.headers_mut() = head.headers;

        let (within, cut) = allowed(step.within, deadline);
        let (mut answer, mut read) = (None, Read::default());
        let reading = async {
            let response = client
                .execute(request)
                .await
                .map_err(|err| Broken::Stream(Trouble::of(&err, address, step.goal.tls.is_some())))?;
            http::keep_cookies(&self.jar, &head.url, response.headers(), &self.secrets);
            self.read_events(step, response, address, &mut answer, &mut read).await
        };
        let (problem, permanent, cut) = match tokio::time::timeout(within, reading).await {
            Ok(Ok(())) => return self.sse_done(step, what, shown, read).await,
            Ok(Err(Broken::Refused(problem))) => (problem, false, false),
            Ok(Err(Broken::Template(problem))) => return Err(wrong(problem)),
            Ok(Err(Broken::Stream(Trouble { problem, passing }))) => {
                let problem = if answer.is_some() { format!("{problem}; {}", read.so_far(step)) } else { problem };
                (problem, !passing, false)
            }
            Err(_) => match &answer {
                None => (format!("no answer within {}", took(within)), false, cut),
                Some(answer) => match refusal(answer) {
                    Some(refusal) => (refusal, false, cut),
                    None => (format!("not done within {}; {}", took(within), read.so_far(step)), false, cut),
                },
            },
        };
        let mut problems = vec![problem];
        if let Some(other) = &read.other {
            let masked = self.secrets.about(other.data.as_bytes()).mask(&other.data);
            problems.push(format!(
                "the last event that does not count was `{}`: {}",
                shorten(&self.secrets.mask(&other.kind), NAMED),
                shorten(&masked, DATA)
            ));
            if let Ok(lacks) = expect::lacking(&step.sought, &other.data, &self.renderer(), &self.secrets) {
                problems.extend(lacks);
            }
        }
        let seen = answer.map(Seen::Http);
        Err(Failed { what, problems, request: Some(shown), seen, permanent, cut })
    }

    /// Takes the captures out of the last event.
    async fn sse_done(
        &mut self,
        step: &SseStep,
        what: String,
        request: failure::Request,
        read: Read,
    ) -> Result<Done, Failed> {
        let passed = if read.passed > 0 { format!(" and {}", others(read.passed)) } else { String::new() };
        let said = format!("{}{passed}", count(u64::from(read.found), "event"));
        let seen = Seen::Message(read.last.map(|event| event.data).unwrap_or_default());
        match self.keep(&step.capture, &seen).await {
            Ok(()) => Ok(Done { said, what, seen: Some((request, seen)) }),
            Err(problem) => Err(Failed { request: Some(request), seen: Some(seen), ..Failed::new(what, problem) }),
        }
    }

    async fn read_events(
        &self,
        step: &SseStep,
        mut response: Response,
        address: std::net::SocketAddr,
        answer: &mut Option<Answer>,
        read: &mut Read,
    ) -> Result<(), Broken> {
        let received = answer.insert(Answer {
            status: response.status(),
            headers: response.headers().clone(),
            body: Vec::new(),
            way: Vec::new(),
        });
        if let Some(refusal) = refusal(received) {
            while received.body.len() < REFUSAL {
                let Ok(Some(chunk)) = response.chunk().await else { break };
                let room = REFUSAL - received.body.len();
                received.body.extend(chunk.iter().take(room));
            }
            return Err(Broken::Refused(refusal));
        }
        let renderer = self.renderer();
        let fits = |data: &str| {
            expect::sought(&step.sought, data, &renderer, &self.secrets)
                .map_err(|err| Broken::Template(err.to_string()))
        };
        // A wrong template is wrong before anything comes.
        fits("null")?;
        let mut wrong = None;
        while read.found < step.events {
            let chunk = match response.chunk().await {
                Ok(Some(chunk)) => chunk,
                Ok(None) => {
                    let cut = if read.events.unfinished() { ", in the middle of an event" } else { "" };
                    let problem = format!("the stream ended{cut}");
                    return Err(Broken::Stream(Trouble { problem, passing: true }));
                }
                Err(error) => return Err(Broken::Stream(Trouble::of(&error, address, step.goal.tls.is_some()))),
            };
            let room = BEGINNING - received.body.len();
            received.body.extend(chunk.iter().take(room));
            let Read { found, passed, last, other, events } = &mut *read;
            let fed = events.feed(&chunk, &mut |event| {
                let counts = match &step.event {
                    Some(kind) if *kind != event.kind => Ok(false),
                    Some(_) | None => fits(&event.data),
                };
                match counts {
                    Ok(true) => {
                        *found += 1;
                        *last = Some(event);
                    }
                    Ok(false) => {
                        *passed += 1;
                        *other = Some(event);
                    }
                    Err(error) => wrong = Some(error),
                }
                *found < step.events && wrong.is_none()
            });
            if let Some(error) = wrong {
                return Err(error);
            }
            fed.map_err(|problem| Broken::Stream(Trouble::lasting(problem)))?;
            tokio::task::consume_budget().await;
        }
        Ok(())
    }
}

impl Read {
    /// `2 of 5 events of type `a` came, and 3 others`
    fn so_far(&self, step: &SseStep) -> String {
        let kind = step.event.as_ref().map_or_else(String::new, |kind| format!(" of type `{kind}`"));
        let others = if self.passed > 0 { format!(", and {}", others(self.passed)) } else { String::new() };
        #[expect(clippy::cast_precision_loss, reason = "for people; no stream here comes near 2^52 bytes")]
        let came = bytes(self.events.bytes() as f64);
        format!("{} of {}{kind} came{others} ({came} in all)", self.found, count(u64::from(step.events), "event"))
    }
}

fn others(n: u64) -> String {
    count(n, "other")
}

/// Why an answer is no event stream; `None` where it is one.
fn refusal(answer: &Answer) -> Option<String> {
    if answer.status != StatusCode::OK {
        return Some(format!("expected status {}, got {}", status(StatusCode::OK), status(answer.status)));
    }
    let kind = answer.headers.get(CONTENT_TYPE).map(|kind| String::from_utf8_lossy(kind.as_bytes()).into_owned());
    let essence = kind.as_deref().and_then(|kind| kind.split(';').next()).map(str::trim);
    if essence.is_some_and(|essence| essence.eq_ignore_ascii_case(TYPE)) {
        return None;
    }
    let got = kind.map_or_else(|| "the answer has none".to_owned(), |kind| format!("got `{}`", shorten(&kind, NAMED)));
    Some(format!("expected the content type `{TYPE}`, {got}"))
}
