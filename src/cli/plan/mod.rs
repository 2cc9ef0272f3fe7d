//! `--dry-run`: what a night would do, with every default filled in and every override applied.

mod steps;

use std::path::{Path, PathBuf};

use crate::model::text::{amount, bytes, count, per_hour, printable, seconds};
use crate::model::{Metric, Redactor, Unit};
use crate::scenario::{
    Builder, Churn, ContainerOptions, Counter, CounterSource, EnvValue, Figure, FigureFrom, Healthcheck, Network,
    ReadyCheck, Scenario, Series, TargetKind, Volume,
};
use crate::threshold::{RuleSet, Selector};

/// The plan as text, secrets masked.
pub(super) fn text(scenario: &Scenario, rules: &RuleSet) -> String {
    let redactor = Redactor::new();
    for secret in &scenario.secrets {
        redactor.add(secret);
    }
    let folder = scenario.path.parent().map(Path::to_owned).unwrap_or_default();
    let mut plan = Plan { folder, ..Plan::default() };
    plan.line(0, "scenario", &format!("{} ({})", scenario.name, scenario.path.display()));
    plan.container("target", &scenario.target.kind, &scenario.target.options);
    for sidecar in &scenario.sidecars {
        plan.container(&format!("sidecar {}", sidecar.name), &sidecar.kind, &sidecar.options);
    }
    let within = seconds(scenario.ready.within.as_secs_f64());
    plan.line(0, "ready", &format!("{}, within {within}", ready(&scenario.ready.check)));
    let file = scenario.path.display().to_string();
    if let ReadyCheck::Steps(steps) = &scenario.ready.check {
        plan.inner(1, steps, &file);
    }
    plan.steps("seed", &scenario.seed, &file);
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
        plan.steps(&about(churn), &churn.steps, &file);
        if !churn.setup.is_empty() {
            let title = if churn.fresh_session { "setup of every iteration" } else { "setup of every user" };
            plan.steps(title, &churn.setup, &file);
        }
    }
    for series in &scenario.series {
        plan.series(series, &file);
    }
    if !scenario.settle.is_empty() {
        plan.steps("settle", &scenario.settle, &file);
    }
    for counter in &scenario.counters {
        plan.counter(counter, &file);
    }
    plan.steps("after", &scenario.after, &file);
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
    /// From which the paths of files are shown.
    folder: PathBuf,
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
                match build.builder {
                    Builder::Auto => {}
                    Builder::Classic => self.line(1, "builder", "classic"),
                    Builder::BuildKit => self.line(1, "builder", "BuildKit"),
                }
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

    fn series(&mut self, series: &Series, file: &str) {
        let every = seconds(series.every.as_secs_f64());
        let beside = series.compare.as_ref().map_or_else(String::new, |class| format!(", beside {class}"));
        self.line(0, "series", &format!("{} every {every}{beside}, {}", series.name, found(&series.figure)));
        self.inner(1, std::slice::from_ref(&series.figure.read), file);
    }

    fn counter(&mut self, counter: &Counter, file: &str) {
        let expected = expected(counter);
        match &counter.source {
            CounterSource::Read(figure) => {
                self.line(0, "counter", &format!("{} {expected}; {}", counter.name, found(figure)));
                self.inner(1, std::slice::from_ref(&figure.read), file);
            }
            CounterSource::Log(pattern) => {
                self.line(0, "counter", &format!("{} {expected}; lines of the log that match {pattern}", counter.name));
            }
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
    if churn.users > 1 {
        about.push_str(&format!(" for each of {}", count(u64::from(churn.users), "user")));
    }
    if !churn.jitter.is_zero() {
        about.push_str(&format!(", up to {} later", said(churn.jitter)));
    }
    if churn.fresh_session {
        about.push_str(", every iteration with a fresh session");
    }
    if !churn.start.is_zero() {
        about.push_str(&format!(", not in the first {}", said(churn.start)));
    }
    if !churn.idle_tail.is_zero() {
        about.push_str(&format!(", not in the last {}", said(churn.idle_tail)));
    }
    printable(&about)
}

/// Where in an answer a figure stands.
fn found(figure: &Figure) -> String {
    let absent =
        figure.absent.map_or_else(String::new, |absent| format!(", {} without one", amount(absent, Unit::Count)));
    match &figure.from {
        FigureFrom::Json(path) => format!("at {path}{absent}"),
        FigureFrom::Regex(pattern) => format!("where {pattern} matches{absent}"),
    }
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
        ReadyCheck::Steps(steps) => format!("{} without a failure", count(steps.len() as u64, "step")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Overrides;

    const ALL: &str = r#"name: app
vars: {token: {from_env: TOKEN}}
target: {image: app, publish: [80]}
sidecars: {stub: {image: stub}}
ready: {steps: [{get: {path: /health}}], within: 1m}
seed:
  - include: {file: login.yaml, with: {name: anna, role: admin}}
  - ws:
      path: /ws
      steps:
        - send: {text: "{{ token }}"}
        - await: {within: 5s}
        - ping:
      end: silent
  - sse: {path: /events, events: 3}
  - exec: {in: stub, command: [stats, correct horse]}
  - signal: {process: worker, signal: KILL, which: newest}
  - restart:
  - restart: {process: "worker \\d+"}
  - pause: {for: 10s}
  - pause: {}
  - unpause:
  - sleep: 90s
  - log: {matches: done}
  - wait_until: {step: {get: {path: /done}}}
  - repeat: {times: 3, as: n, steps: [{probe: before it}]}
  - for_each: {in: [a, b], as: x, steps: [{delete: {path: "/{{ x }}"}}]}
  - for_each: {in: "{{ names }}", as: x, steps: [{delete: {path: "/{{ x }}"}}]}
  - parallel: {users: 5, as: n, steps: [{patch: {path: /}}]}
  - when: {if: "{{ n > 5 }}", steps: [{get: {path: /a}}], else: [{get: {path: /b}}]}
soak: {settle: 1m}
churn:
  rate: 30/m
  users: 5
  jitter: 2s
  session: fresh
  setup: [{post: {path: /login}}]
  start: 1m
  stop: 28m
  steps: [{post: {path: /work}}]
series: {open_files: {read: {get: {path: /stats}}, json: $.fds, absent: 0, compare: fd.total}}
settle: [{post: {path: /logout}}]
counters:
  jobs: {read: {exec: {command: [stats]}}, regex: 'jobs=(\d+)', at_least: 5}
  done: {log: 'job .* done', at_least: 5}
"#;

    #[test]
    fn shows_everything_that_a_night_would_do() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("login.yaml"), "steps:\n  - get: {path: /login}\n").unwrap();
        let env = |_: &str| Some("correct horse".to_owned());
        let path = folder.path().join("soak.yaml");
        let scenario = crate::scenario::parse(&path, ALL, &Overrides::default(), &env).unwrap();
        let shown = text(&scenario, &RuleSet::empty());
        insta::assert_snapshot!(shown.replace(&folder.path().display().to_string(), "DIR"), @r"
        scenario: app (DIR/soak.yaml)
        target: image app
          ports on 127.0.0.1: 80
          network: private
        sidecar stub: image stub
          network: private
        ready: 1 step without a failure, within 1 min
          line 5: get /health
        seed: 18 steps
          line 7: include login.yaml with name, role
            login.yaml line 2: get /login
          line 8: ws /ws, silent at its end for 1 min
            line 11: send
            line 12: await a message within 5 s
            line 13: ping, its pong within 10 s
          line 15: sse /events, 3 events within 1 min
          line 16: in sidecar stub: stats [secret]
          line 17: SIGKILL to the newest process that matches worker
          line 18: restart of the target, 10 s to stop
          line 19: SIGTERM to all processes that match worker \d+, as many others within 30 s
          line 20: pause for 10 s
          line 21: pause until an unpause
          line 22: unpause
          line 23: sleep 1m 30s
          line 24: a log line that matches done within 1 min
          line 25: again and again every 1 s within 2 min
            line 25: get /done
          line 26: 3 times over, as n
            line 26: probe before it
          line 27: for each x of 2 values
            line 27: delete /{{ x }}
          line 28: for each x of names
            line 28: delete /{{ x }}
          line 29: 5 users at once, as n
            line 29: patch /
          line 30: when n > 5
            line 30: get /a
          else: 1 step
            line 30: get /b
        soak: 30 min, a snapshot every 5 s, warm-up found by itself, settle 1 min
        churn churn, every 10 s for each of 5 users, up to 2 s later, every iteration with a fresh session, not in the first 1 min, not in the last 2 min: 1 step
          line 40: post /work
        setup of every iteration: 1 step
          line 37: post /login
        series: open_files every 5 s, beside fd.total, at $.fds, 0 without one
          line 41: get /stats
        settle: 1 step
          line 42: post /logout
        counter: jobs must grow by at least 5; where jobs=(\d+) matches
          line 44: in the target: stats
        counter: done must grow by at least 5; lines of the log that match job .* done
        after: 0 steps
        stop: SIGTERM, exit within 10 s and the port silent
        thresholds: none: no class is judged
        ");
    }
}
