//! Steps against the running target.
//!
//! A [`Flow`] is one user of the target: it keeps cookies and captured values from step to step. A step is rendered
//! (`template`), sent (`http`, `payload`, `exchange`, `redirect`, `retry`, `exec`), held against its expectations (`expect`),
//! and gives up values (`capture`), in the order that `perform` says. Which step is whose says `step`: steps of steps are in
//! `blocks`, long connections in `ws` and `sse`, what is done to the target itself in `control`. Other users are made of one in
//! `users`. What goes wrong becomes a [`StepError`] (`failure`), with secrets masked (`secrets`).

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
mod step;
mod template;
#[cfg(test)]
mod tests;
mod tls;
mod told;
mod users;
mod ws;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use reqwest_cookie_store::CookieStoreMutex;
use serde_json::Value;
use tokio::sync::mpsc;
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
use crate::scenario::{Scenario, Step};

pub use self::failure::StepError;
pub use self::identity::random_seed;
pub use self::told::{Observer, SnapshotRequest, StepDone};
pub use self::users::Memory;

/// How long a step may take where the scenario does not say.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(60);

/// How much of a captured value a failed step shows.
const VALUE: usize = 80;

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
    /// What [`Flow::tell`] made known.
    told: BTreeMap<String, Value>,
    /// The blocks that are under way, outermost first.
    blocks: Vec<Block>,
    /// WebSockets that are open, innermost last. While a step runs, those that it does not use are taken out and answered.
    sockets: Vec<ws::Socket>,
    /// Connections that stay open and silent for a while, of this user and of all that were made of it.
    silent: Arc<ws::Silent>,
    /// When the step before the current one began.
    since: jiff::Timestamp,
    depth: usize,
    /// How many times users were made for a `parallel`, by this user and their twins: those of the next are other ones.
    parallels: Arc<AtomicU64>,
    observer: Option<Arc<Observer>>,
    prober: Option<mpsc::Sender<SnapshotRequest>>,
}

/// A block that is under way.
#[derive(Clone)]
struct Block {
    /// Where its steps are in it, as a failure says it: ``turn 2 of 3 of a repeat (`n` = 2)``. Secrets masked.
    place: String,
    /// What only its steps know.
    names: BTreeMap<String, Value>,
}

/// How a step ended well.
struct Done {
    /// In a word or two: `302`.
    said: String,
    /// The step by name.
    what: String,
    /// What was sent and came back; nothing for steps that do not ask.
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

impl Failed {
    /// A failure that trying again cannot help.
    fn wrong(what: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { permanent: true, ..Self::new(what, problem) }
    }

    /// A failure that may pass.
    fn new(what: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { what: what.into(), problems: vec![problem.into()], ..Self::default() }
    }
}

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
    /// A fresh user; the same seed gives the same name, password and ids. Variables of the scenario are known to its templates;
    /// `user()`, `password()`, `uuid()` too.
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
            told: BTreeMap::new(),
            blocks: Vec::new(),
            sockets: Vec::new(),
            silent: Arc::default(),
            since: jiff::Timestamp::now(),
            depth: 0,
            parallels: Arc::default(),
            observer: None,
            prober: None,
        })
    }

    /// Runs steps one after the other and stops at the first that fails. Every WebSocket is closed by then, also where the
    /// future is dropped; what steps left silent on purpose stays so for its time.
    ///
    /// # Errors
    /// The step that failed.
    pub async fn run<C: TargetControl>(
        &mut self,
        steps: &[Step],
        target: &C,
        progress: &(dyn Fn(&str) + Send + Sync),
    ) -> Result<(), StepError> {
        let running = Running(self);
        let flow = &mut *running.0;
        flow.rest();
        for step in steps {
            let started = Instant::now();
            let done = flow.step(step, target, None).await?;
            let line = format!("{} → {} in {}", done.what, done.said, took(started.elapsed()));
            progress(&printable(&flow.secrets.mask(&line)));
        }
        Ok(())
    }

    /// Has every step told to an observer from now on, to none with `None`. Users that are made of this one from then on tell
    /// the same observer.
    pub fn observe(&mut self, observer: Option<Arc<Observer>>) {
        self.observer = observer;
    }

    /// Says who takes the snapshots that steps ask for. Nobody does by default, and such steps fail.
    pub fn probe_by(&mut self, prober: Option<mpsc::Sender<SnapshotRequest>>) {
        self.prober = prober;
    }

    /// Makes a name known to templates, until it is told anew; for numbers such as that of an iteration. It wins over a capture
    /// of the same name, and a block's own name over it.
    pub fn tell(&mut self, name: &str, value: Value) {
        self.told.insert(name.to_owned(), value);
    }

    /// Forgets what a run that was cut off has left: the blocks that were under way, and open WebSockets.
    fn rest(&mut self) {
        self.blocks.clear();
        self.sockets.clear();
        self.depth = 0;
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
        for (name, value) in self.told.iter().chain(self.blocks.iter().flat_map(|block| &block.names)) {
            names.insert(name.clone(), from_json(value));
        }
        self.templates.with(names)
    }

    /// The whole story of a failure.
    fn fail(&self, step: &Step, failed: Failed) -> StepError {
        let Location { line, column } = step.at;
        let place = if line == 0 { self.file.clone() } else { format!("{}:{line}:{column}", step.file) };
        let about = self.secrets.about(failed.seen.as_ref().map_or(&[], Seen::body));
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
            iterations: self.blocks.iter().map(|block| about.mask(&block.place)).collect(),
            request: failed.request,
            answer: failed.seen.as_ref().map(|seen| seen.shown(&self.secrets).into()),
            captured: captured.collect(),
            permanent: failed.permanent,
            cut: failed.cut,
        })
    }
}

/// A run that is under way: whatever ends it, nothing of it stays open.
struct Running<'a>(&'a mut Flow);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.rest();
    }
}

fn no_client(file: &str, error: &str) -> StepError {
    StepError::from(Parts {
        place: printable(file),
        problems: vec![format!("the HTTP client could not be made: {error}")],
        ..Parts::default()
    })
}
