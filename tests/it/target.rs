//! Targets come up and go down, on a real engine and without one.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic as tests do")]

mod buildkit;
mod control;
mod control_local;
mod facts;
mod local;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use slowdrip::model::{EventKind, PortEnd, Redactor, Scope, TargetControl, TermResponse};
use slowdrip::scenario::{
    Build, Builder, ContainerOptions, EnvValue, Healthcheck, Network, Ready, ReadyCheck, Scenario, Sidecar, Soak, Stop,
    Target as Plan, TargetKind, Volume,
};
use slowdrip::target::{State, Target, TargetError, sweep};

use crate::support::{Docker, demo_context, docker_or_skip, unique_run};

const SOON: Duration = Duration::from_secs(60);

fn scenario(kind: TargetKind, check: ReadyCheck) -> Scenario {
    Scenario {
        name: "it".into(),
        path: "it.yaml".into(),
        text: String::new(),
        included: Vec::new(),
        digest: String::new(),
        target: Plan { kind, options: ContainerOptions { publish: vec![8080], ..ContainerOptions::default() } },
        sidecars: Vec::new(),
        ready: Ready { check, within: SOON },
        seed: Vec::new(),
        soak: Soak { duration: SOON, warmup: None, interval: SOON, settle: SOON },
        churn: None,
        settle: Vec::new(),
        after: Vec::new(),
        counters: Vec::new(),
        series: Vec::new(),
        stop: Stop { signal: "SIGTERM".into(), within: SOON },
        thresholds: None,
        vars: BTreeMap::new(),
        secrets: Vec::new(),
    }
}

fn build(context: &Path) -> TargetKind {
    TargetKind::Build(Build {
        context: context.to_owned(),
        dockerfile: "Dockerfile".into(),
        args: BTreeMap::from([("APP_VERSION".into(), "1.2.3".into())]),
        stage: None,
        network: None,
        cache: false,
        builder: Builder::Auto,
    })
}

fn health() -> ReadyCheck {
    ReadyCheck::Http { port: None, path: "/health".into(), status: 200 }
}

async fn target(scenario: &Scenario, run: &str) -> Target {
    Target::new(scenario, run, Arc::new(Redactor::new())).await.unwrap()
}

async fn up(scenario: &Scenario, run: &str) -> Target {
    let mut target = target(scenario, run).await;
    let ready = async {
        target.start(&|_| {}).await?;
        target.wait_ready(&|_| {}).await
    };
    if let Err(err) = ready.await {
        target.remove().await.unwrap();
        panic!("{err}");
    }
    target
}

/// Brings a target up, which must fail, and removes what was made. The message must have no control characters but line ends.
async fn failure(docker: Docker, scenario: &Scenario) -> TargetError {
    let run = unique_run("failure");
    let mut target = target(scenario, &run).await;
    let outcome = match target.start(&|_| {}).await {
        Ok(()) => target.wait_ready(&|_| {}).await,
        Err(err) => Err(err),
    };
    target.remove().await.unwrap();
    assert_eq!(docker.of_run(&run), Vec::<String>::new());
    let err = outcome.unwrap_err();
    assert!(err.to_string().chars().all(|c| c == '\n' || !c.is_control()), "{err:?}");
    err
}

#[tokio::test]
async fn a_built_target_comes_up_with_its_sidecars_and_leaves_nothing() {
    let Some(docker) = docker_or_skip() else { return };
    let dir = tempfile::tempdir().unwrap();
    let context = demo_context(dir.path(), &[]);
    let mut plan = scenario(build(&context), health());
    let secret = EnvValue::Secret { from: "X".into(), value: "hidden-value".into() };
    plan.target.options = ContainerOptions {
        env: BTreeMap::from([("PLAIN".into(), EnvValue::Plain("seen".into())), ("HIDDEN".into(), secret)]),
        volumes: vec![Volume::Fresh("/data".into()), Volume::Fresh("/more".into())],
        tmpfs: vec!["/scratch".into()],
        ulimits: BTreeMap::from([("nofile".into(), (512, 1024))]),
        memory: Some(256 << 20),
        cpus: Some(1.5),
        init: false,
        cap_drop: vec!["ALL".into()],
        user: Some("0:0".into()),
        ..plan.target.options
    };
    let sidecar = |name: &str, network| Sidecar {
        name: name.into(),
        kind: build(&context),
        options: ContainerOptions {
            network,
            cmd: Some(
                ["/slowdrip", "demo-app", "--listen", "0.0.0.0:9090", "--data", "/data"].map(String::from).into(),
            ),
            ..ContainerOptions::default()
        },
    };
    plan.sidecars = vec![sidecar("inside", Network::Target), sidecar("beside", Network::Private)];
    let run = unique_run("up");
    let mut target = up(&plan, &run).await;

    let made = docker.of_run(&run);
    for name in ["target", "inside", "beside", "network", "target-0", "target-1"] {
        let name = format!("slowdrip-it-{run}-{name}");
        assert!(made.iter().any(|found| found.ends_with(&name)), "{name} is not in {made:?}");
    }
    let State::Running { pid, restarts: 0, .. } = target.state().await.unwrap() else { panic!("it does not run") };
    let record = target.record();
    let container = record.container.clone().unwrap();
    assert_eq!(target.scope(), Some(Scope::Container { pid, id: container.clone() }));
    let limits = std::fs::read_to_string(format!("/proc/{pid}/limits")).unwrap_or_default();
    assert!(limits.is_empty() || limits.lines().any(|line| line.contains("open files") && line.contains("512")));
    assert_eq!((record.kind.as_str(), record.memory_limit), ("build", Some(256 << 20)));
    assert!(record.image.unwrap().starts_with("sha256:"));
    assert_eq!(record.labels["org.opencontainers.image.version"], "1.2.3");
    assert_eq!(record.labels["APP_VERSION"], "1.2.3");
    assert!(!target.engine().unwrap().version.is_empty());

    let help = target.exec(None, &["/slowdrip".into(), "--help".into()]).await.unwrap();
    assert!(help.exit_code == 0 && help.stderr.is_empty(), "{help:?}");
    assert!(String::from_utf8(help.stdout).unwrap().contains("slowdrip"));
    let wrong = target.exec(Some("inside"), &["/slowdrip".into(), "--no-such-flag".into()]).await.unwrap();
    assert!(wrong.exit_code != 0 && !wrong.stderr.is_empty(), "{wrong:?}");
    let missing = target.exec(Some("nobody"), &[]).await.unwrap_err().to_string();
    assert!(missing.contains("inside, beside") || missing.contains("beside, inside"), "{missing}");

    let inspected = target.inspect().await;
    let names: Vec<&str> = inspected.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names.len(), 3);
    assert_eq!(names[0], "inspect-target.json");
    let text = inspected[0].1.to_string();
    assert!(text.contains("PLAIN=seen") && text.contains("HIDDEN=[secret]") && !text.contains("hidden-value"));
    let logs = target.logs(100).await.unwrap();
    assert!(logs.iter().any(|line| line.text.contains("listening on") && line.at.is_some()), "{logs:?}");
    assert_eq!(target.all_logs(5).await.len(), 3);

    let stop = target.stop("SIGTERM", SOON).await.unwrap().unwrap();
    assert_eq!((stop.response, stop.port, stop.exit_code), (TermResponse::Exited, PortEnd::Silent, Some(0)));
    assert!(stop.took_s < 30.0 && stop.signal == "SIGTERM");
    assert_eq!(target.stop("SIGTERM", SOON).await.unwrap(), None);
    let events = event(&target, EventKind::Died).await;
    assert!(events.contains("exit code 0"), "{events}");

    target.remove().await.unwrap();
    target.remove().await.unwrap();
    assert_eq!(docker.of_run(&run), Vec::<String>::new());
    // The anonymous volumes of the image went too: no volume is left that only the removed containers used.
    assert!(!docker.output(&["inspect", &container]).status.success());
}

/// The text of the first event of a kind, which must come soon.
async fn event(target: &Target, kind: EventKind) -> String {
    let began = Instant::now();
    while began.elapsed() < SOON {
        if let Some(event) = target.drain_events().into_iter().find(|event| event.kind == kind) {
            return event.text;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("no event {kind:?} came");
}

#[tokio::test]
async fn a_target_that_ignores_the_stop_signal_is_killed_and_its_port_was_looked_at_before() {
    if docker_or_skip().is_none() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    for argument in ["--ignore-term", "--serve-after-term"] {
        let context = demo_context(dir.path(), &[argument]);
        let run = unique_run("stop");
        let mut target = up(&scenario(build(&context), health()), &run).await;
        let stop = target.stop("term", Duration::from_secs(1)).await.unwrap().unwrap();
        assert_eq!((stop.response, stop.port), (TermResponse::Ignored, PortEnd::StillServing));
        assert_eq!((stop.exit_code, stop.took_s, stop.signal.as_str()), (None, 1.0, "SIGTERM"));
        assert_eq!(target.state().await.unwrap(), State::Exited { code: Some(137), oom: false });
        target.remove().await.unwrap();
    }
}

#[tokio::test]
async fn a_start_that_is_given_up_half_way_leaves_nothing() {
    let Some(docker) = docker_or_skip() else { return };
    let dir = tempfile::tempdir().unwrap();
    let context = demo_context(dir.path(), &[]);
    let mut plan = scenario(build(&context), health());
    plan.target.options.volumes = vec![Volume::Fresh("/data".into())];
    let options = ContainerOptions::default();
    plan.sidecars = vec![Sidecar { name: "beside".into(), kind: build(&context), options }];
    for wait_ms in [1, 200, 500, 800, 1_100, 1_500, 2_000] {
        let run = unique_run("given-up");
        let mut target = target(&plan, &run).await;
        let given_up = tokio::time::timeout(Duration::from_millis(wait_ms), target.start(&|_| {})).await;
        target.remove().await.unwrap();
        assert_eq!(docker.of_run(&run), Vec::<String>::new(), "given up after {wait_ms} ms: {given_up:?}");
    }
}

#[tokio::test]
async fn a_sweep_removes_what_a_dead_run_left_and_nothing_of_a_living_one() {
    let Some(docker) = docker_or_skip() else { return };
    let dir = tempfile::tempdir().unwrap();
    let context = demo_context(dir.path(), &[]);
    let living_run = unique_run("living");
    let mut living = up(&scenario(build(&context), health()), &living_run).await;
    let before = docker.of_run(&living_run);

    // The owner lives until all is made: another run's sweep must not come between.
    let mut owner = tokio::process::Command::new("sleep").arg("600").kill_on_drop(true).spawn().unwrap();
    let dead_run = unique_run("dead");
    let run_label = format!("slowdrip.run={dead_run}");
    let owner_label = format!("slowdrip.owner={}", owner_of(owner.id().unwrap()));
    let labels = ["--label", &run_label, "--label", &owner_label];
    let name = format!("slowdrip-it-{dead_run}-target");
    let image = format!("slowdrip/it:{dead_run}");
    let change = format!("LABEL {run_label} {owner_label}");
    let mut import = Command::new("docker")
        .args(["import", "--change", &change, "-", &image])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    // Two empty blocks are an empty archive.
    import.stdin.take().unwrap().write_all(&[0; 1024]).unwrap();
    assert!(import.wait().unwrap().success());
    docker.run(&[&["network", "create"], &labels[..], &[&name]].concat());
    docker.run(&[&["volume", "create"], &labels[..], &[&name]].concat());
    docker.run(&[&["create", "--name", &name], &labels[..], &["--network", &name, &image, "/nothing"]].concat());
    // Started by hand from one of our images: it inherits the labels, but it is not ours.
    let foreign = docker.run(&["create", &image, "/nothing"]);
    assert_eq!(docker.of_run(&dead_run).len(), 5);

    sweep(false).await.unwrap();
    assert_eq!(docker.of_run(&dead_run).len(), 5, "its owner lives");
    owner.kill().await.unwrap();
    let swept = sweep(false).await.unwrap();
    let left = docker.of_run(&dead_run);
    docker.run(&["rm", &foreign]);
    // The image cannot go while a container stands that is not ours.
    assert!(!left.iter().any(|thing| thing.contains(&name)), "{left:?} {swept:?}");
    assert_eq!(docker.of_run(&living_run), before);
    // Now it can.
    sweep(false).await.unwrap();
    assert_eq!(docker.of_run(&dead_run), Vec::<String>::new());
    living.remove().await.unwrap();
    assert_eq!(docker.of_run(&living_run), Vec::<String>::new());
}

/// The label of a process that made something.
fn owner_of(pid: u32) -> String {
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    // Field 22, counted from behind the name, which may hold anything.
    let start = stat.rsplit(')').next().unwrap().split_whitespace().nth(19).unwrap();
    format!("{}/{pid}/{start}", boot.trim())
}

#[tokio::test]
async fn what_is_kept_stays_until_a_person_removes_it_as_told() {
    let Some(docker) = docker_or_skip() else { return };
    let dir = tempfile::tempdir().unwrap();
    let context = demo_context(dir.path(), &[]);
    let run = unique_run("kept");
    let mut plan = scenario(build(&context), ReadyCheck::Log(regex::Regex::new("listening on").unwrap()));
    plan.target.options.volumes = vec![Volume::Fresh("/data".into())];
    let mut target = up(&plan, &run).await;
    let commands = target.keep().await.unwrap();
    target.remove().await.unwrap();
    let kept = docker.of_run(&run);
    assert!(kept.contains(&format!("container slowdrip-kept-it-{run}-target")), "{kept:?}");
    for command in commands {
        let words: Vec<&str> = command.split(' ').collect();
        assert_eq!(words[0], "docker");
        docker.run(&words[1..]);
    }
    assert_eq!(docker.of_run(&run), Vec::<String>::new());
}

#[tokio::test]
async fn a_container_that_is_attached_to_is_left_as_it_was() {
    let Some(docker) = docker_or_skip() else { return };
    let dir = tempfile::tempdir().unwrap();
    let context = demo_context(dir.path(), &[]);
    let name = unique_run("attached");
    let image = format!("it-attached:{name}");
    let built = Command::new("docker")
        .env("DOCKER_BUILDKIT", "0")
        .args(["build", "--quiet", "--tag", &image])
        .arg(&context)
        .output()
        .unwrap();
    assert!(built.status.success(), "{built:?}");
    let plan = scenario(TargetKind::Container(name.clone()), health());
    let mut absent = target(&plan, "attach").await;
    let err = absent.start(&|_| {}).await.unwrap_err().to_string();
    assert!(err.contains(&name) && err.contains("there is none"), "{err}");

    let secret = "API_TOKEN=top-secret-value";
    let id = docker.run(&["run", "--detach", "--name", &name, "--env", secret, "--memory", "128m", &image]);
    let redactor = Arc::new(Redactor::new());
    let mut attached = Target::new(&plan, "attach", Arc::clone(&redactor)).await.unwrap();
    attached.start(&|_| {}).await.unwrap();
    // The port is not published: it is reached at the container's own address.
    let ready = attached.wait_ready(&|_| {}).await;
    let record = attached.record();
    let inspected = attached.inspect().await;
    let stopped = attached.stop("SIGTERM", SOON).await.unwrap();
    attached.remove().await.unwrap();
    assert_eq!(attached.keep().await.unwrap(), Vec::<String>::new());
    let running = docker.run(&["inspect", "--format", "{{.State.Running}}", &name]);
    docker.run(&["rm", "--force", "--volumes", &name]);
    docker.run(&["image", "rm", "--no-prune", &image]);
    ready.unwrap();
    assert_eq!((running.as_str(), stopped), ("true", None));
    assert_eq!((record.container.as_deref(), record.memory_limit), (Some(id.as_str()), Some(128 << 20)));
    assert!(!inspected[0].1.to_string().contains("top-secret-value"));
    assert_eq!(redactor.mask("x top-secret-value"), "x [secret]");
}

#[tokio::test]
async fn every_failure_says_what_happened_and_leaves_nothing() {
    let Some(docker) = docker_or_skip() else { return };
    let dir = tempfile::tempdir().unwrap();
    let context = demo_context(dir.path(), &[]);

    let mut missing = scenario(TargetKind::Image("localhost:1/no-such-image:1".into()), health());
    missing.ready.within = Duration::from_secs(2);
    let err = failure(docker, &missing).await;
    assert!(matches!(err, TargetError::ImageMissing { .. }), "{err}");
    assert!(err.to_string().contains("docker pull localhost:1/no-such-image:1"), "{err}");

    let broken = tempfile::tempdir().unwrap();
    std::fs::write(broken.path().join("Dockerfile"), "FROM scratch\nCOPY no-such-file /x\n").unwrap();
    let err = failure(docker, &scenario(build(broken.path()), health())).await;
    let TargetError::BuildFailed { lines, .. } = &err else { panic!("{err}") };
    assert!(lines.iter().any(|line| line.contains("COPY no-such-file")), "{lines:?}");

    let mut unstartable = scenario(build(&context), health());
    unstartable.target.options.entrypoint = Some(vec!["/no/such/program".into()]);
    let err = failure(docker, &unstartable).await;
    assert!(matches!(&err, TargetError::StartFailed { name, .. } if name == "the target"), "{err}");

    let mut ending = scenario(build(&context), health());
    ending.target.options.cmd = Some(vec!["/slowdrip".into(), "--no-such-flag".into()]);
    let began = Instant::now();
    let err = failure(docker, &ending).await;
    let TargetError::EndedEarly { how, lines } = &err else { panic!("{err}") };
    assert!(how.contains("exit code 2") && !lines.is_empty(), "{err}");
    assert!(began.elapsed() < SOON);

    let never = ReadyCheck::Http { port: None, path: "/no-such-path".into(), status: 299 };
    let mut never = scenario(build(&context), never);
    never.ready.within = Duration::from_secs(2);
    let err = failure(docker, &never).await;
    let TargetError::NeverReady { last, lines, .. } = &err else { panic!("{err}") };
    assert!(last.contains("awaited is 299"), "{last}");
    assert!(lines.iter().any(|line| line.contains("listening on")), "{lines:?}");

    let mut bound = scenario(build(&context), health());
    bound.target.options.volumes =
        vec![Volume::Bind { host: dir.path().join("absent"), path: "/x".into(), read_only: true }];
    assert!(matches!(failure(docker, &bound).await, TargetError::Volume { .. }));
    let err = failure(docker, &scenario(build(&context), ReadyCheck::Healthcheck)).await;
    assert!(matches!(err, TargetError::ReadyImpossible { .. }), "{err}");
}

#[tokio::test]
async fn a_health_check_in_place_of_the_images_makes_it_ready() {
    let Some(docker) = docker_or_skip() else { return };
    let dir = tempfile::tempdir().unwrap();
    let mut plan = scenario(build(&demo_context(dir.path(), &[])), ReadyCheck::Healthcheck);
    plan.target.options.healthcheck = Some(Healthcheck::Test {
        test: ["CMD", "/slowdrip", "--help"].map(String::from).into(),
        interval: Duration::from_secs(1),
        timeout: Duration::from_secs(20),
        retries: 3,
        start_period: Duration::from_secs(1),
    });
    let run = unique_run("healthy");
    let mut target = up(&plan, &run).await;
    let text = event(&target, EventKind::Health).await;
    target.remove().await.unwrap();
    assert_eq!(text, "the health check says healthy");
    assert_eq!(docker.of_run(&run), Vec::<String>::new());
}
