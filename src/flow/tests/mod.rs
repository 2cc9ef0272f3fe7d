//! Flows against a real server on this machine, and against commands that a closure answers.

mod blocks;
mod bodies;
mod control;
mod failures;
mod hostile;
mod machine;
mod random;
mod raw;
mod redirects;
mod requests;
mod retries;
mod secrets;
mod server;
mod sockets;
mod sse;
mod taken;
mod tls;
mod users;
mod waits;
mod ws;
mod ws_bad;
mod ws_end;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use serde_json_path::JsonPath;

use super::{DEFAULT_TIMEOUT, Flow, StepError};
use crate::document::Location;
use crate::model::{ControlError, ExecOutput, LogLine, Redactor, RunningProcess, TargetControl};
use crate::scenario::{
    Action, Body, Capture, CaptureFrom, ContainerOptions, ExecStep, Expect, Goal, HttpStep, JsonExpect, Ready,
    ReadyCheck, Scenario, Soak, StatusSet, Step, Stop, Target, TargetKind,
};

type Run = dyn Fn(u32, Option<&str>, &[String]) -> Result<ExecOutput, ControlError> + Send + Sync;

/// A target whose port 5000 is wherever the test wants it.
struct Fake {
    addresses: BTreeMap<u16, SocketAddr>,
    run: Box<Run>,
    runs: AtomicU32,
    takes: Duration,
}

impl Fake {
    fn at(address: SocketAddr) -> Self {
        Self::ports([(5000, address)])
    }

    fn ports<const N: usize>(addresses: [(u16, SocketAddr); N]) -> Self {
        let run: Box<Run> = Box::new(|_, _, _| Err(ControlError::Unsupported { kind: "fake", verb: "run commands" }));
        Self { addresses: addresses.into(), run, runs: AtomicU32::new(0), takes: Duration::ZERO }
    }

    /// Commands are answered by a closure that gets their number, from 1.
    fn running(
        run: impl Fn(u32, Option<&str>, &[String]) -> Result<ExecOutput, ControlError> + Send + Sync + 'static,
    ) -> Self {
        Self { run: Box::new(run), ..Self::ports([]) }
    }
}

impl TargetControl for Fake {
    fn address(&self, port: u16) -> Option<SocketAddr> {
        self.addresses.get(&port).copied()
    }

    fn ports(&self) -> Vec<u16> {
        self.addresses.keys().copied().collect()
    }

    async fn exec(&self, sidecar: Option<&str>, command: &[String]) -> Result<ExecOutput, ControlError> {
        let number = self.runs.fetch_add(1, Ordering::Relaxed) + 1;
        tokio::time::sleep(self.takes).await;
        (self.run)(number, sidecar, command)
    }

    async fn logs(&self, _tail: usize) -> Result<Vec<LogLine>, ControlError> {
        Ok(Vec::new())
    }

    async fn logs_since(&self, _since: jiff::Timestamp) -> Result<Vec<LogLine>, ControlError> {
        Ok(Vec::new())
    }

    async fn processes(&self) -> Result<Vec<RunningProcess>, ControlError> {
        Ok(Vec::new())
    }

    async fn signal(&self, _process: &RunningProcess, _signal: &str) -> Result<bool, ControlError> {
        Ok(false)
    }

    async fn restart(&self, _within: Duration) -> Result<(), ControlError> {
        Ok(())
    }

    async fn pause(&self, _paused: bool) -> Result<(), ControlError> {
        Ok(())
    }
}

fn output(exit_code: i64, stdout: &str, stderr: &str) -> ExecOutput {
    ExecOutput { exit_code, stdout: stdout.into(), stderr: stderr.into() }
}

fn scenario() -> Scenario {
    let kind = TargetKind::Image("app".to_owned());
    Scenario {
        name: "app".to_owned(),
        path: PathBuf::from("app.yaml"),
        text: String::new(),
        included: Vec::new(),
        digest: String::new(),
        target: Target { kind, options: ContainerOptions::default() },
        sidecars: Vec::new(),
        ready: Ready { check: ReadyCheck::Started, within: Duration::from_secs(1) },
        seed: Vec::new(),
        soak: Soak {
            duration: Duration::from_secs(60),
            warmup: None,
            interval: Duration::from_secs(5),
            settle: Duration::ZERO,
        },
        churn: None,
        settle: Vec::new(),
        after: Vec::new(),
        counters: Vec::new(),
        series: Vec::new(),
        stop: Stop { signal: "SIGTERM".to_owned(), within: Duration::from_secs(1) },
        thresholds: None,
        vars: BTreeMap::from([("topic".to_owned(), "cats".to_owned())]),
        secrets: Vec::new(),
    }
}

/// A flow, the redactor it shares, and the lines of progress it has said.
struct Told {
    flow: Flow,
    redactor: Arc<Redactor>,
    lines: Mutex<Vec<String>>,
}

impl Told {
    fn new() -> Self {
        Self::of(&scenario())
    }

    fn of(scenario: &Scenario) -> Self {
        let redactor = Arc::new(Redactor::new());
        let flow = Flow::new(scenario, Arc::clone(&redactor), super::random_seed()).unwrap();
        Self { flow, redactor, lines: Mutex::default() }
    }

    async fn run(&mut self, steps: &[Step], target: &impl TargetControl) -> Result<(), StepError> {
        let lines = &self.lines;
        self.flow.run(steps, target, &|line| lines.lock().unwrap().push(line.to_owned())).await
    }

    /// Runs one step that must fail, and gives its text.
    async fn failure(&mut self, step: Step, target: &impl TargetControl) -> String {
        let error = self.run(&[step], target).await.expect_err("the step was to fail");
        assert!(error.to_string().starts_with(&error.summary()), "{error}");
        error.to_string()
    }

    fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap().clone()
    }

    fn captured(&self, name: &str) -> Option<&Value> {
        self.flow.captured.get(name)
    }
}

fn at(line: usize, action: Action) -> Step {
    Step { file: "app.yaml".into(), at: Location { line, column: 5 }, action }
}

fn http(method: &'static str, path: &str) -> HttpStep {
    HttpStep {
        method,
        path: path.to_owned(),
        goal: Goal::default(),
        body: Body::Empty,
        redirects: 0,
        retry: None,
        timeout: DEFAULT_TIMEOUT,
        capture: BTreeMap::new(),
        expect: Expect::default(),
    }
}

fn get(path: &str) -> HttpStep {
    http("GET", path)
}

fn form(path: &str, fields: &[(&str, &str)]) -> HttpStep {
    HttpStep { body: Body::Form(strings(fields)), ..http("POST", path) }
}

fn json(path: &str, value: Value) -> HttpStep {
    HttpStep { body: Body::Json(value), ..http("POST", path) }
}

fn strings(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn path(path: &str) -> JsonPath {
    JsonPath::parse(path).unwrap()
}

impl HttpStep {
    fn step(self) -> Step {
        at(12, Action::Http(Box::new(self)))
    }

    fn header(mut self, name: &str, value: &str) -> Self {
        self.goal.headers.insert(name.to_owned(), value.to_owned());
        self
    }

    fn cookie(mut self, name: &str, value: &str) -> Self {
        self.goal.cookies.insert(name.to_owned(), value.to_owned());
        self
    }

    fn within(mut self, millis: u64) -> Self {
        self.timeout = Duration::from_millis(millis);
        self
    }

    fn status(mut self, status: u16) -> Self {
        self.expect.status.push(StatusSet::One(status));
        self
    }

    fn answers(mut self, name: &str, value: &str) -> Self {
        self.expect.header.insert(name.to_owned(), value.to_owned());
        self
    }

    fn contains(mut self, text: &str) -> Self {
        self.expect.contains = Some(text.to_owned());
        self
    }

    fn finds(mut self, at: &str, what: JsonExpect) -> Self {
        self.expect.json.push((path(at), what));
        self
    }

    fn take(mut self, name: &str, at: &str) -> Self {
        self.capture.insert(name.to_owned(), Capture { from: CaptureFrom::Json(path(at)), all: false });
        self
    }

    fn take_css(mut self, name: &str, selector: &str, attr: Option<&str>) -> Self {
        let from = CaptureFrom::Css { selector: selector.to_owned(), attr: attr.map(str::to_owned) };
        let capture = Capture { from, all: false };
        self.capture.insert(name.to_owned(), capture);
        self
    }
}

fn exec(command: &[&str]) -> ExecStep {
    ExecStep {
        sidecar: None,
        command: command.iter().map(|arg| (*arg).to_owned()).collect(),
        capture: BTreeMap::new(),
        expect: Expect::default(),
        timeout: DEFAULT_TIMEOUT,
    }
}

impl ExecStep {
    fn step(self) -> Step {
        at(30, Action::Exec(self))
    }
}

fn repeat(times: u32, name: Option<&str>, steps: Vec<Step>) -> Step {
    at(20, Action::Repeat { times, name: name.map(str::to_owned), steps })
}

fn wait(within: Duration, every: Duration, step: Step) -> Step {
    at(25, Action::WaitUntil { within, every, step: Box::new(step) })
}

/// Asserts that a text holds every one of some parts.
fn holds(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "`{part}` is missing in:\n{text}");
    }
}
