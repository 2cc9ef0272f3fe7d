//! `--dry-run`: what a night would do, with every default filled in and every override applied.

use crate::model::text::{amount, bytes, count, per_hour, printable, seconds};
use crate::model::{Metric, Redactor, Unit};
use crate::scenario::{
    Action, Churn, ContainerOptions, Counter, EnvValue, Healthcheck, Network, ReadyCheck, Scenario, Step, TargetKind,
    Volume,
};
use crate::threshold::{RuleSet, Selector};

/// The plan as text, secrets masked.
pub(super) fn text(scenario: &Scenario, rules: &RuleSet) -> String {
    let redactor = Redactor::new();
    for secret in &scenario.secrets {
        redactor.add(secret);
    }
    let mut plan = Plan::default();
    plan.line(0, "scenario", &format!("{} ({})", scenario.name, scenario.path.display()));
    plan.container("target", &scenario.target.kind, &scenario.target.options);
    for sidecar in &scenario.sidecars {
        plan.container(&format!("sidecar {}", sidecar.name), &sidecar.kind, &sidecar.options);
    }
    let within = seconds(scenario.ready.within.as_secs_f64());
    plan.line(0, "ready", &format!("{}, within {within}", ready(&scenario.ready.check)));
    plan.steps("seed", &scenario.seed);
    let soak = &scenario.soak;
    plan.line(
        0,
        "soak",
        &format!(
            "{}, a snapshot every {}, warm-up {}, settle {}",
            seconds(soak.duration.as_secs_f64()),
            seconds(soak.interval.as_secs_f64()),
            soak.warmup.map_or_else(|| "found by itself".to_owned(), |warmup| seconds(warmup.as_secs_f64())),
            seconds(soak.settle.as_secs_f64()),
        ),
    );
    if let Some(churn) = &scenario.churn {
        plan.steps(&about(churn), &churn.steps);
    }
    for counter in &scenario.counters {
        plan.line(0, "counter", &format!("{} {}", counter.name, expected(counter)));
    }
    plan.steps("after", &scenario.after);
    let within = seconds(scenario.stop.within.as_secs_f64());
    plan.line(0, "stop", &format!("{}, exit within {within} and the port silent", scenario.stop.signal));
    match &scenario.thresholds {
        Some(path) => plan.line(0, "thresholds", &path.display().to_string()),
        None => plan.line(0, "thresholds", "none: no class is judged"),
    }
    plan.rules(rules);
    redactor.mask(&plan.lines.join("\n"))
}

#[derive(Default)]
struct Plan {
    lines: Vec<String>,
}

impl Plan {
    fn line(&mut self, depth: usize, key: &str, value: &str) {
        let indent = "  ".repeat(depth);
        self.lines.push(format!("{indent}{key}: {}", printable(value)));
    }

    fn container(&mut self, title: &str, kind: &TargetKind, options: &ContainerOptions) {
        match kind {
            TargetKind::Build(build) => {
                self.line(0, title, &format!("build {} from {}", build.context.display(), build.dockerfile));
                for (name, value) in &build.args {
                    self.line(1, "build argument", &format!("{name}={value}"));
                }
                self.option("stage", build.stage.as_ref());
                self.option("build network", build.network.as_ref());
            }
            TargetKind::Image(image) => self.line(0, title, &format!("image {image}")),
            TargetKind::Container(name) => {
                self.line(0, title, &format!("container {name}, attached to: never started, stopped or removed"));
            }
            TargetKind::Command { argv, workdir } => {
                self.line(0, title, &format!("command {}", argv.join(" ")));
                self.option("working directory", workdir.as_ref().map(|path| path.display()).as_ref());
            }
            TargetKind::Pid(pid) => self.line(0, title, &format!("process {pid}, attached to: never stopped")),
        }
        self.options(options, kind);
    }

    fn option<T: std::fmt::Display>(&mut self, key: &str, value: Option<&T>) {
        if let Some(value) = value {
            self.line(1, key, &value.to_string());
        }
    }

    fn list(&mut self, key: &str, items: &[String]) {
        if !items.is_empty() {
            self.line(1, key, &items.join(", "));
        }
    }

    fn options(&mut self, options: &ContainerOptions, kind: &TargetKind) {
        for (name, value) in &options.env {
            let shown = match value {
                EnvValue::Plain(value) => value.clone(),
                EnvValue::Secret { from, .. } => format!("(secret, from {from})"),
            };
            self.line(1, "env", &format!("{name}={shown}"));
        }
        let ports: Vec<String> = options.publish.iter().map(u16::to_string).collect();
        self.list("ports on 127.0.0.1", &ports);
        let volumes: Vec<String> = options.volumes.iter().map(volume).collect();
        self.list("volumes", &volumes);
        self.list("tmpfs", &options.tmpfs);
        let ulimits: Vec<String> =
            options.ulimits.iter().map(|(name, (soft, hard))| format!("{name} {soft}:{hard}")).collect();
        self.list("ulimits", &ulimits);
        #[expect(clippy::cast_precision_loss, reason = "shown to two digits")]
        self.option("memory", options.memory.map(|memory| bytes(memory as f64)).as_ref());
        self.option("cpus", options.cpus.as_ref());
        self.option("init", options.init.then_some(&"yes"));
        self.list("capabilities added", &options.cap_add);
        self.list("capabilities dropped", &options.cap_drop);
        self.option("user", options.user.as_ref());
        self.list("entry point", options.entrypoint.as_deref().unwrap_or_default());
        self.list("command", options.cmd.as_deref().unwrap_or_default());
        if matches!(kind, TargetKind::Build(_) | TargetKind::Image(_)) {
            self.line(1, "network", network(&options.network));
        }
        if let Some(check) = &options.healthcheck {
            self.line(1, "health check", &healthcheck(check));
        }
    }

    fn steps(&mut self, title: &str, steps: &[Step]) {
        self.line(0, title, &count(steps.len() as u64, "step"));
        for one in steps {
            self.line(1, &format!("line {}", one.at.line), &step(one));
        }
    }

    fn rules(&mut self, rules: &RuleSet) {
        for class in &rules.classes {
            let unit = match &class.select {
                Selector::Metric(metric) => Metric::unit(*metric),
                Selector::Links(_) | Selector::Cmdline(_) => Unit::Count,
            };
            let mut parts = Vec::new();
            parts.extend(class.max.map(|max| format!("at most {}", amount(max, unit))));
            parts.extend(class.max_limit_ratio.map(|ratio| format!("at most {:.0} % of the limit", ratio * 100.0)));
            parts.extend(class.max_dead.map(|max| format!("at most {max} dead")));
            parts.extend(class.max_growth_per_hour.map(|max| {
                let seen = per_hour(class.must_detect_per_hour, unit);
                format!("growth at most {}, a drip of {seen} must be visible", per_hour(max, unit))
            }));
            self.line(1, &class.name, &parts.join("; "));
        }
    }
}

fn about(churn: &Churn) -> String {
    let said = |time: std::time::Duration| seconds(time.as_secs_f64());
    let mut about = format!("churn {}, every {}", churn.name, said(churn.every));
    if !churn.start.is_zero() {
        about.push_str(&format!(", not in the first {}", said(churn.start)));
    }
    if !churn.idle_tail.is_zero() {
        about.push_str(&format!(", not in the last {}", said(churn.idle_tail)));
    }
    printable(&about)
}

fn expected(counter: &Counter) -> String {
    let grow = counter.at_least.map(|least| format!("must grow by at least {}", amount(least, Unit::Count)));
    let back = counter.at_most.map(|most| {
        format!("may be at most {} higher at the end of the settle phase than at the start", amount(most, Unit::Count))
    });
    [grow, back].into_iter().flatten().collect::<Vec<_>>().join(", and ")
}

fn volume(volume: &Volume) -> String {
    match volume {
        Volume::Fresh(path) => format!("a fresh one at {path}"),
        Volume::Bind { host, path, read_only } => {
            format!("{} at {path}{}", host.display(), if *read_only { " (read-only)" } else { "" })
        }
    }
}

fn network(network: &Network) -> &'static str {
    match network {
        Network::Private => "private",
        Network::Target => "the target's",
        Network::Host => "the host's",
        Network::None => "none",
    }
}

fn healthcheck(check: &Healthcheck) -> String {
    match check {
        Healthcheck::Disabled => "none".to_owned(),
        Healthcheck::Test { test, interval, timeout, .. } => format!(
            "{} every {}, at most {}",
            test.join(" "),
            seconds(interval.as_secs_f64()),
            seconds(timeout.as_secs_f64())
        ),
    }
}

fn ready(check: &ReadyCheck) -> String {
    match check {
        ReadyCheck::Started => "it runs".to_owned(),
        ReadyCheck::Healthcheck => "its health check is content".to_owned(),
        ReadyCheck::Http { port, path, status } => {
            let port = port.map_or_else(String::new, |port| format!(" on port {port}"));
            format!("get {path}{port} answers {status}")
        }
        ReadyCheck::Log(pattern) => format!("a log line matches {pattern}"),
        ReadyCheck::Steps(steps) => steps.iter().map(step).collect::<Vec<_>>().join(", "),
    }
}

fn step(step: &Step) -> String {
    match &step.action {
        Action::Http(http) => format!("{} {}", http.method.to_lowercase(), http.path),
        Action::Repeat { times, steps, .. } => {
            let inner: Vec<String> = steps.iter().map(self::step).collect();
            format!("{times} times: {}", inner.join(", "))
        }
        Action::WaitUntil { within, step, .. } => {
            format!("again and again within {}: {}", seconds(within.as_secs_f64()), self::step(step))
        }
        Action::Exec(exec) => {
            let place = exec.sidecar.as_ref().map_or_else(|| "the target".to_owned(), |name| format!("sidecar {name}"));
            format!("in {place}: {}", exec.command.join(" "))
        }
        _ => step.name(),
    }
}
