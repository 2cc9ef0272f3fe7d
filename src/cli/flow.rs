//! `slowdrip flow`: the steps of a scenario against something that runs already.

use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::args::{FlowArgs, FlowPart};
use super::console::{self, bold, red};
use super::{Exit, Failure, run};
use crate::flow::{Flow, StepDone, StepError, random_seed};
use crate::model::text::{amount, printable, seconds};
use crate::model::{ControlError, ExecOutput, LogLine, Redactor, RunningProcess, TargetControl, Unit};
use crate::scenario::{CounterSource, Figure, Overrides, ReadyCheck, Scenario, Step, TargetKind};
use crate::target::Target;

/// How often steps that must show that it is ready are taken anew.
const REST: Duration = Duration::from_secs(1);

pub(super) async fn run(args: FlowArgs) -> Result<Exit, Failure> {
    let overrides = Overrides { set: args.set.clone(), ..Overrides::default() };
    let (mut scenario, _) = run::load(&args.scenario, &overrides)?;
    let seed = args.seed.unwrap_or_else(random_seed);
    let plan = Plan { until: args.until, iterations: args.iterations, seed };
    match place(&args.against, &scenario)? {
        Place::Addresses(addresses) => walk(&scenario, &Address { addresses }, &plan).await,
        Place::Container(name) => {
            scenario.target.kind = TargetKind::Container(name);
            scenario.sidecars.clear();
            let redactor = Arc::new(Redactor::new());
            let failed = |error: &dyn std::fmt::Display| Failure::new(Exit::NotStarted, error);
            let mut target = Target::new(&scenario, "flow", redactor).await.map_err(|error| failed(&error))?;
            target.start(&|_| {}).await.map_err(|error| failed(&error))?;
            walk(&scenario, &target, &plan).await
        }
    }
}

/// What is taken.
struct Plan {
    until: FlowPart,
    iterations: u64,
    seed: u64,
}

/// Where it runs.
enum Place {
    /// Addresses of ports, the first published one first.
    Addresses(Vec<(u16, SocketAddr)>),
    /// A container.
    Container(String),
}

fn place(against: &[String], scenario: &Scenario) -> Result<Place, Failure> {
    let published = &scenario.target.options.publish;
    let wrong = |message: String| Failure::new(Exit::Usage, &message);
    if let [one] = against
        && !one.contains([':', '=', '/'])
    {
        return Ok(Place::Container(one.clone()));
    }
    let mut addresses = Vec::new();
    for text in against {
        let (port, url) = match text.split_once('=') {
            Some((port, url)) if port.bytes().all(|byte| byte.is_ascii_digit()) => {
                let port = port.parse().map_err(|_| wrong(format!("--against {text}: `{port}` is not a port")))?;
                (Some(port), url)
            }
            Some(_) | None => (None, text.as_str()),
        };
        let address = address(url).map_err(|problem| wrong(format!("--against {text}: {problem}")))?;
        let port = port.or_else(|| published.first().copied()).unwrap_or(address.port());
        if !published.is_empty() && !published.contains(&port) {
            let message =
                format!("--against {text}: the scenario publishes no port {port} (it publishes {published:?})");
            return Err(wrong(message));
        }
        addresses.push((port, address));
    }
    Ok(Place::Addresses(addresses))
}

/// The address in `http://HOST:PORT` or `HOST:PORT`, which must be this machine's.
fn address(url: &str) -> Result<SocketAddr, String> {
    let whole = if url.contains("://") { url.to_owned() } else { format!("http://{url}") };
    let parsed =
        url::Url::parse(&whole).map_err(|error| format!("not an address ({error}); write http://127.0.0.1:8080"))?;
    if !matches!(parsed.scheme(), "http" | "https") {
        return Err(format!("`{}` is not spoken here; write http://127.0.0.1:8080", parsed.scheme()));
    }
    if parsed.path() != "/" || parsed.query().is_some() {
        return Err("the paths are the scenario's; write the address alone, http://127.0.0.1:8080".to_owned());
    }
    let host = parsed.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
    let port = parsed.port_or_known_default().unwrap_or(80);
    let found = (host.as_str(), port).to_socket_addrs().map_err(|error| format!("`{host}` is not known: {error}"))?;
    let found: Vec<SocketAddr> = found.collect();
    // Where both versions answer, the one that containers are published on.
    let mine = found.iter().filter(|address| address.ip().is_loopback());
    mine.min_by_key(|address| address.is_ipv6()).copied().ok_or_else(|| {
        format!("`{host}` is not this machine, and steps only speak to this machine; forward a port of it, for example by ssh -L")
    })
}

/// Something at an address, of which nothing else is known.
struct Address {
    addresses: Vec<(u16, SocketAddr)>,
}

impl Address {
    fn cannot<T>(verb: &'static str) -> Result<T, ControlError> {
        let kind = "address (give the container's name to --against for that)";
        Err(ControlError::Unsupported { kind, verb })
    }
}

impl TargetControl for Address {
    fn address(&self, port: u16) -> Option<SocketAddr> {
        self.addresses.iter().find(|(known, _)| *known == port).map(|(_, address)| *address)
    }

    fn ports(&self) -> Vec<u16> {
        self.addresses.iter().map(|(port, _)| *port).collect()
    }

    async fn exec(&self, _sidecar: Option<&str>, _command: &[String]) -> Result<ExecOutput, ControlError> {
        Self::cannot("run commands")
    }

    async fn logs(&self, _tail: usize) -> Result<Vec<LogLine>, ControlError> {
        Self::cannot("show its log")
    }

    async fn logs_since(&self, _since: jiff::Timestamp) -> Result<Vec<LogLine>, ControlError> {
        Self::cannot("show its log")
    }

    async fn processes(&self) -> Result<Vec<RunningProcess>, ControlError> {
        Self::cannot("list its processes")
    }

    async fn signal(&self, _process: &RunningProcess, _signal: &str) -> Result<bool, ControlError> {
        Self::cannot("be sent signals")
    }

    async fn restart(&self, _within: Duration) -> Result<(), ControlError> {
        Self::cannot("be restarted")
    }

    async fn pause(&self, _paused: bool) -> Result<(), ControlError> {
        Self::cannot("be paused")
    }
}

/// Takes the parts in their order. The first step that fails ends it.
async fn walk<C: TargetControl>(scenario: &Scenario, target: &C, plan: &Plan) -> Result<Exit, Failure> {
    let mut failed = false;
    let failure = |exit: Exit| move |error: StepError| Failure::new(exit, &error);
    let seed_failed = failure(Exit::SeedFailed);
    let mut flow = Flow::new(scenario, Arc::new(Redactor::new()), plan.seed).map_err(seed_failed)?;
    flow.observe(Some(Arc::new(|done: &StepDone<'_>| console::out(&line(done)))));
    if let ReadyCheck::Steps(steps) = &scenario.ready.check {
        heading("ready");
        let deadline = Instant::now() + scenario.ready.within;
        while let Err(error) = flow.run(steps, target, &|_| {}).await {
            if Instant::now() + REST >= deadline {
                return Err(Failure::new(Exit::NeverReady, &error));
            }
            tokio::time::sleep(REST).await;
        }
    }
    if plan.until >= FlowPart::Seed {
        heading("seed");
        flow.run(&scenario.seed, target, &|_| {}).await.map_err(seed_failed)?;
    }
    if plan.until >= FlowPart::Churn {
        failed |= churn(scenario, &mut flow, target, plan).await;
        failed |= figures(scenario, &mut flow, target).await;
    }
    for (part, name, steps) in
        [(FlowPart::Settle, "settle", &scenario.settle), (FlowPart::After, "after", &scenario.after)]
    {
        if plan.until >= part && !steps.is_empty() {
            failed |= !steps_hold(name, steps, &mut flow, target).await;
        }
    }
    let again = format!("--seed {}", plan.seed);
    if failed {
        return Err(Failure::new(Exit::Broken, &format!("not all steps succeeded; {again} makes the same user again")));
    }
    console::out(&format!("\nall steps succeeded ({again})"));
    Ok(Exit::Pass)
}

async fn churn<C: TargetControl>(scenario: &Scenario, flow: &mut Flow, target: &C, plan: &Plan) -> bool {
    let Some(churn) = &scenario.churn else { return false };
    if !churn.setup.is_empty() && !steps_hold("churn, setup", &churn.setup, flow, target).await {
        return true;
    }
    let mut failed = false;
    for iteration in 1..=plan.iterations {
        flow.tell("iteration", iteration.into());
        flow.tell("user_number", 1.into());
        failed |= !steps_hold(&format!("churn, iteration {iteration}"), &churn.steps, flow, target).await;
    }
    failed
}

/// Shows what counters and series read. True where one could not be read.
async fn figures<C: TargetControl>(scenario: &Scenario, flow: &mut Flow, target: &C) -> bool {
    let counters = scenario.counters.iter().filter_map(|counter| match &counter.source {
        CounterSource::Read(figure) => Some(("counter", &counter.name, figure)),
        CounterSource::Log(_) => None,
    });
    let series = scenario.series.iter().map(|series| ("series", &series.name, &series.figure));
    let all: Vec<(&str, &String, &Figure)> = counters.chain(series).collect();
    if all.is_empty() {
        return false;
    }
    heading("figures");
    let mut failed = false;
    for (kind, name, figure) in all {
        match flow.read(name, figure, target).await {
            Ok(number) => console::out(&format!("            {kind} {name} = {}", amount(number, Unit::Count))),
            Err(error) => {
                console::error(&error.to_string());
                failed = true;
            }
        }
    }
    failed
}

/// Takes steps, and shows why they failed where they did.
async fn steps_hold<C: TargetControl>(name: &str, steps: &[Step], flow: &mut Flow, target: &C) -> bool {
    heading(name);
    match flow.run(steps, target, &|_| {}).await {
        Ok(()) => true,
        Err(error) => {
            console::error(&error.to_string());
            false
        }
    }
}

fn heading(name: &str) {
    console::out(&bold(name));
}

/// One step on one line: how long it took, what it was, how it ended.
fn line(done: &StepDone<'_>) -> String {
    let indent = "  ".repeat(done.depth);
    let said = if done.failed { red(done.said) } else { done.said.to_owned() };
    let took = match done.took.as_millis() {
        short @ 0..1000 => format!("{short} ms"),
        _ => seconds(done.took.as_secs_f64()),
    };
    format!("{took:>11} {indent} {} → {said}", printable(done.what))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::scenario::parse;

    fn scenario(publish: &str) -> Scenario {
        let text = format!("name: app\ntarget: {{image: app, publish: {publish}}}\n");
        parse(Path::new("s.yaml"), &text, &Overrides::default(), &|_| None).unwrap()
    }

    fn addresses(against: &[&str], publish: &str) -> Result<Vec<(u16, String)>, String> {
        let against: Vec<String> = against.iter().map(|text| (*text).to_owned()).collect();
        match place(&against, &scenario(publish)) {
            Ok(Place::Addresses(found)) => Ok(found.iter().map(|(port, at)| (*port, at.to_string())).collect()),
            Ok(Place::Container(name)) => Ok(vec![(0, name)]),
            Err(failure) => {
                assert_eq!(failure.exit, Exit::Usage);
                Err(failure.message)
            }
        }
    }

    #[test]
    fn an_address_stands_for_the_first_port_and_others_are_named() {
        let found = |against: &[&str], publish| addresses(against, publish).unwrap();
        assert_eq!(found(&["http://127.0.0.1:8080"], "[5000]"), [(5000, "127.0.0.1:8080".to_owned())]);
        assert_eq!(found(&["127.0.0.1:8080/"], "[]"), [(8080, "127.0.0.1:8080".to_owned())]);
        assert_eq!(found(&["https://[::1]"], "[443]"), [(443, "[::1]:443".to_owned())]);
        let two = found(&["http://127.0.0.1:1", "5001=http://127.0.0.1:2"], "[5000, 5001]");
        assert_eq!(two, [(5000, "127.0.0.1:1".to_owned()), (5001, "127.0.0.1:2".to_owned())]);
        assert_eq!(found(&["my-app"], "[5000]"), [(0, "my-app".to_owned())]);
    }

    #[test]
    fn what_cannot_be_spoken_to_is_named() {
        let wrong = |against: &str| addresses(&[against], "[5000]").unwrap_err();
        assert!(wrong("http://192.0.2.7:80").contains("is not this machine"));
        assert!(wrong("ftp://127.0.0.1:80").contains("`ftp` is not spoken here"));
        assert!(wrong("http://127.0.0.1:80/login").contains("the paths are the scenario's"));
        assert!(wrong("9=http://127.0.0.1:80").contains("publishes no port 9"));
        assert!(wrong("99999=http://127.0.0.1:80").contains("is not a port"));
        assert!(wrong("http://:80").contains("not an address"));
    }
}
