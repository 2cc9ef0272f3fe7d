//! Steps against the running target.
//!
//! A [`Flow`] is one user of the target: it keeps cookies and captured values from step to step. A step is rendered
//! (`template`), sent (`http`, `payload`, `exchange`, `redirect`, `retry`, `exec`), held against its expectations (`expect`), and gives up values
//! (`capture`), in the order that `perform` says. Steps of steps are in `blocks`, long connections in `ws` and `sse`, what is done to
//! the target itself in `control`. What goes wrong becomes a [`StepError`] (`failure`), with secrets masked (`secrets`).

mod answer;
mod blocks;
mod capture;
mod control;
mod exchange;
mod exec;
mod expect;
mod failure;
mod figure;
mod generators;
mod http;
mod identity;
mod payload;
mod perform;
mod redirect;
mod retry;
mod secrets;
mod sse;
mod template;
#[cfg(test)]
mod tests;
mod tls;
mod ws;

use std::collections::BTreeMap;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use reqwest_cookie_store::CookieStoreMutex;
use serde_json::Value;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use self::answer::{Seen, took};
use self::failure::{Parts, Request};
use self::identity::{Dice, Identity};
use self::secrets::Secrets;
use self::template::{Renderer, Templates, from_json, word};
use crate::document::Location;
use crate::model::redact::is_secret_name;
use crate::model::text::{printable, shorten};
use crate::model::{Redactor, TargetControl};
use crate::scenario::{Action, Scenario, Step};

pub use self::failure::StepError;
pub use self::identity::random_seed;

/// How long a step may take where the scenario does not say.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(60);

/// How much of a captured value a failed step shows.
const VALUE: usize = 80;

/// A snapshot that a step asks for. Whoever watches the target takes it and answers.
#[derive(Debug)]
pub struct SnapshotRequest {
    /// Its name.
    pub name: String,
    /// Where the answer goes: an error is one line for people.
    pub done: oneshot::Sender<Result<(), String>>,
}

/// A step that was taken to its end, for whoever looks on. Steps that only hold others are not told of.
#[derive(Debug)]
pub struct StepDone<'a> {
    /// The step.
    pub step: &'a Step,
    /// How many steps hold it: 0 at the top.
    pub depth: usize,
    /// The step as it was taken, in a few words; secrets masked, printable.
    pub what: &'a str,
    /// How it ended, in a few words; secrets masked, printable.
    pub said: &'a str,
    /// How long it took.
    pub took: Duration,
    /// True where it failed.
    pub failed: bool,
}

/// Looks on at every step.
pub type Observer = dyn Fn(&StepDone<'_>) + Send + Sync;

/// A user of the target: its cookies, its captured values, its HTTP client.
pub struct Flow {
    file: String,
    clients: http::Clients,
    jar: Arc<CookieStoreMutex>,
    templates: Templates,
    identity: Identity,
    secrets: Secrets,
    /// `user` and `password`.
    words: BTreeMap<&'static str, String>,
    vars: BTreeMap<String, String>,
    captured: BTreeMap<String, Value>,
    /// The repeats that are under way, outermost first.
    repeats: Vec<Repeat>,
    /// Values that only the steps of a block know, innermost last.
    scopes: Vec<BTreeMap<String, Value>>,
    /// WebSockets that are open, innermost last.
    sockets: Vec<ws::Socket>,
    /// Connections that stay open and silent for a while.
    silent: ws::Silent,
    /// When the step before the current one began.
    since: jiff::Timestamp,
    depth: usize,
    observer: Option<Arc<Observer>>,
    prober: Option<mpsc::Sender<SnapshotRequest>>,
}

struct Repeat {
    name: Option<String>,
    turn: u32,
    times: u32,
}

/// How a step ended well.
struct Done {
    /// In a word or two: `302`.
    said: String,
    /// The step by name.
    what: String,
    /// What was sent and came back; nothing for a repeat.
    seen: Option<(Request, Seen)>,
}

/// How a step ended badly; [`Flow::fail`] adds where and with what.
#[derive(Default)]
struct Failed {
    what: String,
    problems: Vec<String>,
    request: Option<Request>,
    seen: Option<Seen>,
    permanent: bool,
    cut: bool,
}

type StepFuture<'a> = Pin<Box<dyn Future<Output = Result<Done, StepError>> + Send + 'a>>;

impl fmt::Debug for Flow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Names only: cookies, captures and the password are secrets.
        f.debug_struct("Flow")
            .field("file", &self.file)
            .field("captured", &self.captured.keys())
            .finish_non_exhaustive()
    }
}

impl Flow {
    /// A fresh user; the same seed gives the same name, password and ids. Variables of the scenario are known to its templates; `user()`, `password()`, `uuid()` too.
    ///
    /// # Errors
    /// The HTTP client could not be made.
    pub fn new(scenario: &Scenario, redactor: Arc<Redactor>, seed: u64) -> Result<Self, StepError> {
        let jar = Arc::new(CookieStoreMutex::default());
        let clients = http::Clients::new().map_err(|err| no_client(&scenario.path.display().to_string(), &err))?;
        let identity = Identity::of(seed);
        let words = BTreeMap::from([("user", identity.user()), ("password", identity.password())]);
        for secret in &scenario.secrets {
            redactor.add(secret);
        }
        let secrets = Secrets::new(redactor);
        for (name, value) in &words {
            secrets.learn_named(name, value);
        }
        for (name, value) in &scenario.vars {
            secrets.learn_named(name, value);
        }
        Ok(Self {
            file: scenario.path.display().to_string(),
            clients,
            jar,
            templates: Templates::new(Dice::new(identity.clone())),
            identity,
            secrets,
            words,
            vars: scenario.vars.clone(),
            captured: BTreeMap::new(),
            repeats: Vec::new(),
            scopes: Vec::new(),
            sockets: Vec::new(),
            silent: ws::Silent::default(),
            since: jiff::Timestamp::now(),
            depth: 0,
            observer: None,
            prober: None,
        })
    }

    /// Runs steps one after the other and stops at the first that fails.
    ///
    /// # Errors
    /// The step that failed.
    pub async fn run<C: TargetControl>(
        &mut self,
        steps: &[Step],
        target: &C,
        progress: &(dyn Fn(&str) + Send + Sync),
    ) -> Result<(), StepError> {
        self.repeats.clear();
        for step in steps {
            let started = Instant::now();
            let done = self.step(step, target, None).await?;
            let line = format!("{} → {} in {}", done.what, done.said, took(started.elapsed()));
            progress(&printable(&self.secrets.mask(&line)));
        }
        Ok(())
    }

    /// Has every step told to an observer from now on, to none with `None`.
    pub fn observe(&mut self, observer: Option<Arc<Observer>>) {
        self.observer = observer;
    }

    /// Says who takes the snapshots that steps ask for. Nobody does by default, and such steps fail.
    pub fn probe_by(&mut self, prober: Option<mpsc::Sender<SnapshotRequest>>) {
        self.prober = prober;
    }

    /// Makes a name known to templates, beside captures, and before them; for numbers such as that of an iteration.
    pub fn tell(&mut self, name: &str, value: Value) {
        if self.scopes.is_empty() {
            self.scopes.push(BTreeMap::new());
        }
        if let Some(scope) = self.scopes.first_mut() {
            scope.insert(name.to_owned(), value);
        }
    }

    /// Somebody new who knows what this user has captured: without cookies, with a name, a password and ids of their own, which the
    /// label and this user's seed decide.
    ///
    /// # Errors
    /// The HTTP client could not be made.
    pub fn fork(&self, label: &str) -> Result<Self, StepError> {
        let jar = Arc::new(CookieStoreMutex::default());
        Ok(self.other(Dice::new(self.identity.fork(label)), jar))
    }

    /// The same user once more, with the same cookies, for steps that are taken beside this one's.
    ///
    /// # Errors
    /// The HTTP client could not be made.
    pub fn twin(&self) -> Result<Self, StepError> {
        Ok(self.other(self.templates.dice().twin(), Arc::clone(&self.jar)))
    }

    /// This user as they are now, to go back to.
    pub fn memory(&self) -> Memory {
        let jar = self.jar.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        Memory { cookies: jar.clone(), captured: self.captured.clone() }
    }

    /// Goes back to cookies and captures of a moment ago.
    pub fn go_back(&mut self, memory: &Memory) {
        self.jar.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone_from(&memory.cookies);
        self.captured.clone_from(&memory.captured);
    }

    fn other(&self, dice: Dice, jar: Arc<CookieStoreMutex>) -> Self {
        let identity = dice.identity().clone();
        let words = BTreeMap::from([("user", identity.user()), ("password", identity.password())]);
        for (name, value) in &words {
            self.secrets.learn_named(name, value);
        }
        Self {
            file: self.file.clone(),
            clients: self.clients.clone(),
            jar,
            templates: Templates::new(dice),
            identity,
            secrets: self.secrets.clone(),
            words,
            vars: self.vars.clone(),
            captured: self.captured.clone(),
            repeats: Vec::new(),
            scopes: self.scopes.clone(),
            sockets: Vec::new(),
            silent: ws::Silent::default(),
            since: jiff::Timestamp::now(),
            depth: self.depth,
            observer: self.observer.clone(),
            prober: self.prober.clone(),
        }
    }

    /// Runs one step; `deadline` is that of whatever waits for it.
    fn step<'a, C: TargetControl>(
        &'a mut self,
        step: &'a Step,
        target: &'a C,
        deadline: Option<Instant>,
    ) -> StepFuture<'a> {
        Box::pin(async move {
            let started = Instant::now();
            let began = jiff::Timestamp::now();
            let result = match &step.action {
                Action::Http(http) => self.http(http, target, deadline).await.map_err(|failed| self.fail(step, failed)),
                Action::Exec(exec) => self.exec(exec, target, deadline).await.map_err(|failed| self.fail(step, failed)),
                Action::Sse(sse) => self.sse(sse, target, deadline).await.map_err(|failed| self.fail(step, failed)),
                Action::Send(message) => self.send(message, deadline).await.map_err(|failed| self.fail(step, failed)),
                Action::Await(wanted) => self.receive(wanted, deadline).await.map_err(|failed| self.fail(step, failed)),
                Action::Ping { within } => self.ping(*within, deadline).await.map_err(|failed| self.fail(step, failed)),
                Action::Signal(_)
                | Action::Restart(_)
                | Action::Pause { .. }
                | Action::Unpause
                | Action::Sleep(_)
                | Action::Log(_)
                | Action::Probe(_) => {
                    self.control(&step.action, target, deadline).await.map_err(|failed| self.fail(step, failed))
                }
                Action::Ws(ws) => return self.ws(step, ws, target, deadline).await,
                Action::WaitUntil { .. }
                | Action::Repeat { .. }
                | Action::ForEach { .. }
                | Action::Parallel { .. }
                | Action::When { .. }
                | Action::Include { .. } => return self.block(step, target, deadline).await,
            };
            self.since = began;
            match &result {
                Ok(done) => self.report(step, &done.what, &done.said, started.elapsed(), false),
                Err(error) => self.report(step, error.what(), error.problem(), started.elapsed(), true),
            }
            result
        })
    }

    /// Tells the observer of a step that came to its end.
    fn report(&self, step: &Step, what: &str, said: &str, took: Duration, failed: bool) {
        if let Some(observer) = &self.observer {
            let (what, said) = (printable(&self.secrets.mask(what)), printable(&self.secrets.mask(said)));
            observer(&StepDone { step, depth: self.depth, what: &what, said: &said, took, failed });
        }
    }

    /// What templates know now: later kinds of names win over earlier ones.
    fn renderer(&self) -> Renderer<'_> {
        let mut names: BTreeMap<String, minijinja::Value> =
            self.words.iter().map(|(name, text)| ((*name).to_owned(), word(text.clone()))).collect();
        for (name, value) in &self.vars {
            // `user` can be called even where the scenario gives it.
            let callable = self.words.contains_key(name.as_str());
            let value = if callable { word(value.clone()) } else { minijinja::Value::from(value.as_str()) };
            names.insert(name.clone(), value);
        }
        for (name, value) in &self.captured {
            names.insert(name.clone(), from_json(value));
        }
        for (name, value) in self.scopes.iter().flatten() {
            names.insert(name.clone(), from_json(value));
        }
        for repeat in &self.repeats {
            if let Some(name) = &repeat.name {
                names.insert(name.clone(), minijinja::Value::from(repeat.turn));
            }
        }
        self.templates.with(names)
    }

    /// The whole story of a failure.
    fn fail(&self, step: &Step, failed: Failed) -> StepError {
        let Location { line, column } = step.at;
        let place = if line == 0 { self.file.clone() } else { format!("{}:{line}:{column}", step.file) };
        let about = self.secrets.about(failed.seen.as_ref().map_or(&[], Seen::body));
        let iterations = self.repeats.iter().map(|repeat| {
            let name = repeat.name.as_ref().map_or_else(String::new, |name| format!(" (`{name}` = {})", repeat.turn));
            format!("turn {} of {} of a repeat{name}", repeat.turn, repeat.times)
        });
        let captured = self.captured.iter().map(|(name, value)| {
            let text = match value.as_str() {
                Some(text) if is_secret_name(name) => self.secrets.mask_named(name, text),
                Some(_) | None => self.secrets.mask_json(value),
            };
            format!("{name} = {}", shorten(&text, VALUE))
        });
        StepError::from(Parts {
            place,
            what: about.mask(&failed.what),
            problems: failed.problems.iter().map(|problem| about.mask(problem)).collect(),
            iterations: iterations.collect(),
            request: failed.request,
            answer: failed.seen.as_ref().map(|seen| seen.shown(&self.secrets).into()),
            captured: captured.collect(),
            permanent: failed.permanent,
            cut: failed.cut,
        })
    }
}

/// What a user has at a moment: cookies and captures.
#[derive(Clone)]
pub struct Memory {
    cookies: reqwest_cookie_store::CookieStore,
    captured: BTreeMap<String, Value>,
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory").field("captured", &self.captured.keys()).finish_non_exhaustive()
    }
}

fn no_client(file: &str, error: &str) -> StepError {
    StepError::from(Parts {
        place: printable(file),
        problems: vec![format!("the HTTP client could not be made: {error}")],
        ..Parts::default()
    })
}
