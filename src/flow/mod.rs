//! Steps against the running target.
//!
//! A [`Flow`] is one user of the target: it keeps cookies and captured values from step to step. A step is rendered
//! (`template`), sent (`http`, `exchange`, `exec`), held against its expectations (`expect`), and gives up values
//! (`capture`), in the order that `perform` says. What goes wrong becomes a [`StepError`] (`failure`), with secrets masked (`secrets`).

mod answer;
mod capture;
mod exchange;
mod exec;
mod expect;
mod failure;
mod http;
mod identity;
mod perform;
mod secrets;
mod template;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use reqwest::Client;
use reqwest_cookie_store::CookieStoreMutex;
use serde_json::Value;
use tokio::time::Instant;

use self::answer::{Body, Seen, took};
use self::failure::{Parts, Request};
use self::identity::Identity;
use self::secrets::Secrets;
use self::template::{Renderer, Templates, from_json, word};
use crate::document::Location;
use crate::model::redact::is_secret_name;
use crate::model::text::{count, printable, shorten};
use crate::model::{Redactor, TargetControl};
use crate::scenario::{Action, Counter, Scenario, Step};

pub use self::failure::StepError;

/// How long a step may take where the scenario does not say.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(60);

/// How much of a captured value a failed step shows.
const VALUE: usize = 80;

/// A user of the target: its cookies, its captured values, its HTTP client.
pub struct Flow {
    file: String,
    client: Client,
    jar: Arc<CookieStoreMutex>,
    templates: Templates,
    secrets: Secrets,
    /// `user` and `password`.
    words: BTreeMap<&'static str, String>,
    vars: BTreeMap<String, String>,
    captured: BTreeMap<String, Value>,
    /// The repeats that are under way, outermost first.
    repeats: Vec<Repeat>,
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
    /// A fresh user. Variables of the scenario are known to its templates; `user()`, `password()`, `uuid()` too.
    ///
    /// # Errors
    /// The HTTP client could not be made.
    pub fn new(scenario: &Scenario, redactor: Arc<Redactor>) -> Result<Self, StepError> {
        let jar = Arc::new(CookieStoreMutex::default());
        let client = http::client(&jar).map_err(|err| {
            StepError::from(Parts {
                place: printable(&scenario.path.display().to_string()),
                problems: vec![format!("the HTTP client could not be made: {err}")],
                ..Parts::default()
            })
        })?;
        let identity = Identity::random();
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
            client,
            jar,
            templates: Templates::new(identity),
            secrets,
            words,
            vars: scenario.vars.clone(),
            captured: BTreeMap::new(),
            repeats: Vec::new(),
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

    /// Reads a counter's figure.
    ///
    /// # Errors
    /// The step failed, or its answer holds no number at the path.
    pub async fn read<C: TargetControl>(&mut self, counter: &Counter, target: &C) -> Result<f64, StepError> {
        self.repeats.clear();
        let done = self.step(&counter.read, target, None).await?;
        let fail = |problem: String, seen: Option<(Request, Seen)>| {
            let (request, seen) = seen.unzip();
            let problems = vec![format!("counter `{}`: {problem}", counter.name)];
            self.fail(counter.read.at, Failed { what: done.what.clone(), problems, request, seen, ..Failed::default() })
        };
        let Some((_, seen)) = &done.seen else {
            return Err(fail("it must be read by a request or a command".to_owned(), None));
        };
        let path = &counter.json;
        let figure = match Body::of(seen).find(path) {
            Err(problem) => Err(problem),
            Ok(nodes) => match nodes.as_slice() {
                [] | [Value::Null] => counter.absent.ok_or_else(|| format!("{path} finds nothing")),
                [node] => expect::number(node).ok_or_else(|| {
                    format!("{path} is {}, which is no number", expect::quoted(node, &self.secrets.about(seen.body())))
                }),
                several => {
                    Err(format!("{path} finds {}, and exactly one is needed", count(several.len() as u64, "value")))
                }
            },
        };
        figure.map_err(|problem| fail(problem, done.seen))
    }

    /// Runs one step; `deadline` is that of whatever waits for it.
    fn step<'a, C: TargetControl>(
        &'a mut self,
        step: &'a Step,
        target: &'a C,
        deadline: Option<Instant>,
    ) -> StepFuture<'a> {
        Box::pin(async move {
            match &step.action {
                Action::Http(http) => {
                    let result = self.http(http, target, deadline).await;
                    result.map_err(|failed| self.fail(step.at, failed))
                }
                Action::Exec(exec) => {
                    let result = self.exec(exec, target, deadline).await;
                    result.map_err(|failed| self.fail(step.at, failed))
                }
                Action::Repeat { times, name, steps } => {
                    self.repeat(*times, name.as_deref(), steps, target, deadline).await
                }
                Action::WaitUntil { within, every, step } => self.wait(*within, *every, step, target, deadline).await,
            }
        })
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
        for repeat in &self.repeats {
            if let Some(name) = &repeat.name {
                names.insert(name.clone(), minijinja::Value::from(repeat.turn));
            }
        }
        self.templates.with(names)
    }

    /// The whole story of a failure.
    fn fail(&self, at: Location, failed: Failed) -> StepError {
        let place = if at.line == 0 { self.file.clone() } else { format!("{}:{}:{}", self.file, at.line, at.column) };
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
