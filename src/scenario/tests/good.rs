//! What a right scenario means.

use super::*;
use crate::document::Location;

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn from_folder(text: &str, overrides: &Overrides) -> Scenario {
    let folder = folder();
    let path = folder.path().join("soak.yaml");
    std::fs::write(&path, text).unwrap();
    load(&path, overrides, &env).unwrap()
}

#[test]
fn reads_the_example_of_the_design() {
    let scenario = from_folder(DESIGN, &Overrides::default());
    assert_eq!(scenario.name, "local-deep-research");
    assert_eq!(scenario.text, DESIGN);
    assert_eq!(scenario.digest.len(), 64);
    let folder = scenario.path.parent().unwrap();
    let build = Build {
        context: folder.join("ldr"),
        dockerfile: "Dockerfile".to_owned(),
        args: BTreeMap::from([("LDR_VERSION".to_owned(), "1.10.7".to_owned())]),
        stage: None,
        network: None,
        cache: true,
        builder: Builder::Auto,
    };
    assert_eq!(scenario.target.kind, TargetKind::Build(build));
    let options = &scenario.target.options;
    assert_eq!(options.env["LDR_WEB_PORT"], EnvValue::Plain("5000".to_owned()));
    assert_eq!(options.env["SECRET"].expose(), "correct horse");
    assert_eq!(scenario.secrets, ["correct horse"]);
    assert!(!format!("{scenario:?}").replace("secrets: [\"correct horse\"]", "").contains("correct horse"));
    assert_eq!(options.publish, [5000]);
    assert_eq!(options.ulimits["nofile"], (1024, 1024));
    assert_eq!(options.memory, Some(4 << 30));
    assert_eq!(options.network, Network::Private);
    assert_eq!(scenario.sidecars.len(), 1);
    assert_eq!(scenario.sidecars[0].options.network, Network::Target);
    let ReadyCheck::Http { port, path, status } = &scenario.ready.check else { panic!("{:?}", scenario.ready) };
    assert_eq!((*port, path.as_str(), *status, scenario.ready.within), (Some(5000), "/api/v1/health", 200, secs(180)));
    assert_eq!(scenario.soak, Soak { duration: secs(1800), warmup: None, interval: secs(5), settle: secs(120) });
    assert_eq!(scenario.stop, Stop { signal: "SIGTERM".to_owned(), within: secs(20) });
    assert_eq!(scenario.thresholds, Some(folder.join("thresholds/local-deep-research.yaml")));
}

#[test]
fn reads_the_steps_of_the_example() {
    let scenario = from_folder(DESIGN, &Overrides::default());
    assert_eq!(scenario.seed.len(), 3);
    assert_eq!(scenario.seed[0].at, Location { line: 12, column: 5 });
    let Action::Http(get) = &scenario.seed[0].action else { panic!("{:?}", scenario.seed) };
    assert_eq!((get.method, get.path.as_str(), get.timeout), ("GET", "/auth/register", secs(60)));
    assert!(matches!(&get.capture["csrf"].from, CaptureFrom::Css { selector, attr: Some(attr) }
        if selector == "input[name=csrf_token]" && attr == "value"));
    let Action::Http(post) = &scenario.seed[1].action else { panic!("{:?}", scenario.seed) };
    assert_eq!(post.expect.status, [StatusSet::One(302)]);
    assert!(matches!(&post.body, Body::Form(form) if form["username"] == "{{ user }}"));
    let Action::Repeat { times: 5, name: Some(name), steps } = &scenario.seed[2].action else {
        panic!("{:?}", scenario.seed)
    };
    assert_eq!((name.as_str(), steps[0].at), ("n", Location { line: 14, column: 41 }));
    let Action::Http(after) = &scenario.after[0].action else { panic!("{:?}", scenario.after) };
    assert_eq!(after.expect.header["content-type"], "text/html*");
}

#[test]
fn the_smallest_scenario_has_every_default() {
    let scenario = read("name: app\ntarget: {image: app}\n").unwrap();
    assert_eq!(scenario.target.kind, TargetKind::Image("app".to_owned()));
    assert!(matches!(scenario.ready, Ready { check: ReadyCheck::Started, within } if within == secs(60)));
    assert_eq!(scenario.soak, Soak { duration: secs(1800), warmup: None, interval: secs(5), settle: Duration::ZERO });
    assert_eq!(scenario.stop, Stop { signal: "SIGTERM".to_owned(), within: secs(10) });
    assert!(scenario.thresholds.is_none() && scenario.seed.is_empty() && scenario.secrets.is_empty());
}

#[test]
fn values_stay_as_they_were_written() {
    let scenario =
        read(&target("image: app, user: 1000, env: {VERSION: 1.10, MODE: 0755, YES: yes, ON: true}")).unwrap();
    let env = |name: &str| scenario.target.options.env[name].expose().to_owned();
    assert_eq!([env("VERSION"), env("MODE"), env("YES"), env("ON")], ["1.10", "0755", "yes", "true"]);
    assert_eq!(scenario.target.options.user.as_deref(), Some("1000"));
}

#[test]
fn templates_of_the_target_are_filled_in_and_those_of_steps_kept() {
    let text = r#"name: app
vars: {port: 8080, tag: v2, host: web}
target: {image: "app:{{ tag }}", publish: ["{{ port }}"], cmd: [serve, "--port={{ port }}"], env: {URL: "http://{{ host }}/"}}
ready: {http: {port: "{{ port }}", path: "/{{ tag }}"}, within: 10s}
seed: [{get: {path: "/{{ tag }}/{{ user() }}"}}]
"#;
    let overrides = Overrides { set: vec![("tag".into(), "v3".into())], ..Overrides::default() };
    let scenario = read_with(text, &overrides).unwrap();
    assert_eq!(scenario.target.kind, TargetKind::Image("app:v3".to_owned()));
    assert_eq!(scenario.target.options.publish, [8080]);
    assert_eq!(scenario.target.options.cmd.as_deref().unwrap(), ["serve", "--port=8080"]);
    assert_eq!(scenario.target.options.env["URL"].expose(), "http://web/");
    assert!(matches!(&scenario.ready.check, ReadyCheck::Http { port: Some(8080), path, .. } if path == "/v3"));
    assert!(matches!(&scenario.seed[0].action, Action::Http(step) if step.path == "/{{ tag }}/{{ user() }}"));
    assert_eq!(scenario.vars["tag"], "v3");
}

#[test]
fn variables_from_the_environment_are_secrets() {
    let scenario = read(&with("vars: {key: {from_env: LDR_SECRET}}\n")).unwrap();
    assert_eq!(scenario.vars["key"], "correct horse");
    assert_eq!(scenario.secrets, ["correct horse"]);
}

#[test]
fn flags_replace_what_the_file_says() {
    let elsewhere = tempfile::NamedTempFile::new().unwrap();
    let overrides = Overrides {
        image: Some("registry:5000/app@sha256:00".to_owned()),
        duration: Some(secs(600)),
        interval: Some(secs(2)),
        thresholds: Some(elsewhere.path().to_owned()),
        set: Vec::new(),
    };
    // The build context of the example is not there, and need not be.
    let scenario = read_with(&DESIGN.replace("{context: stub-ollama}", "{context: .}"), &overrides);
    assert!(scenario.unwrap_err().message.contains("no `Dockerfile`"), "a sidecar is still built");
    let scenario = from_folder(DESIGN, &overrides);
    assert_eq!(scenario.target.kind, TargetKind::Image("registry:5000/app@sha256:00".to_owned()));
    assert_eq!((scenario.soak.duration, scenario.soak.interval), (secs(600), secs(2)));
    assert_eq!(scenario.thresholds.as_deref(), Some(elsewhere.path()));
    let overrides = Overrides { set: vec![("LDR_VERSION".into(), "1.5.6".into())], ..Overrides::default() };
    let scenario = from_folder(DESIGN, &overrides);
    assert!(matches!(scenario.target.kind, TargetKind::Build(build) if build.args["LDR_VERSION"] == "1.5.6"));
}

#[test]
fn reads_every_option_of_a_container() {
    let text = r#"name: app
target:
  image: app
  publish: [80, 443]
  volumes: [/data, {host: ., path: /host, read_only: true}]
  tmpfs: [/tmp, "/run:size=64m"]
  ulimits: {nofile: {soft: 512, hard: 1024}, core: -1}
  memory: 512MB
  cpus: 1.5
  init: true
  cap_add: [SYS_PTRACE]
  cap_drop: [ALL]
  user: app:app
  entrypoint: [/bin/tini, --]
  cmd: [serve, -v, 5]
  network: host
  healthcheck: {test: "curl -f localhost", interval: 10s, timeout: 5s, retries: 2, start_period: 0s}
"#;
    let options = read(text).unwrap().target.options;
    assert_eq!(options.volumes[0], Volume::Fresh("/data".to_owned()));
    assert!(
        matches!(&options.volumes[1], Volume::Bind { host, path, read_only: true } if host.is_absolute() && path == "/host")
    );
    assert_eq!(options.tmpfs, ["/tmp", "/run:size=64m"]);
    assert_eq!((options.ulimits["nofile"], options.ulimits["core"]), ((512, 1024), (-1, -1)));
    assert_eq!((options.memory, options.cpus, options.init), (Some(512_000_000), Some(1.5), true));
    assert_eq!((options.cap_add, options.cap_drop), (vec!["SYS_PTRACE".to_owned()], vec!["ALL".to_owned()]));
    assert_eq!(options.user.as_deref(), Some("app:app"));
    assert_eq!(options.entrypoint.unwrap(), ["/bin/tini", "--"]);
    assert_eq!(options.cmd.unwrap(), ["serve", "-v", "5"]);
    assert_eq!(options.network, Network::Host);
    let test = vec!["CMD-SHELL".to_owned(), "curl -f localhost".to_owned()];
    let check =
        Healthcheck::Test { test, interval: secs(10), timeout: secs(5), retries: 2, start_period: Duration::ZERO };
    assert_eq!(options.healthcheck, Some(check));
    let disabled = read(&target("image: app, healthcheck: none")).unwrap().target.options.healthcheck;
    assert_eq!(disabled, Some(Healthcheck::Disabled));
}

#[test]
fn reads_every_kind_of_target() {
    let kind = |text: &str| read(&target(text)).unwrap().target.kind;
    assert_eq!(kind("container: web"), TargetKind::Container("web".to_owned()));
    assert_eq!(kind("pid: 4242, publish: [80]"), TargetKind::Pid(4242));
    let workdir = Some(std::path::PathBuf::from("."));
    assert_eq!(
        kind("command: [python3, -m, app], workdir: ., env: {A: b}"),
        TargetKind::Command { argv: vec!["python3".to_owned(), "-m".to_owned(), "app".to_owned()], workdir }
    );
}

#[test]
fn reads_every_kind_of_step_and_expectation() {
    let text = r#"name: app
target: {image: app, publish: [80]}
sidecars:
  zoo: {image: a}
  bar: {image: b, network: none}
seed:
  - put:
      path: /x
      headers: {X-Token: "{{ t }}"}
      cookies: {a: b}
      json: {n: null, list: ["{{ t }}", 1.5]}
      timeout: 5s
      capture: {id: {json: $.id}, title: {css: h1}}
      expect:
        status: [200, 201]
        json: {"$.ok": true, "$.n": {at_least: 5}, "$.id": {exists: true}, "$.o": {equals: {a: 1}}, "$.z": null}
        contains: done
  - wait_until: {within: 1m, every: 500ms, step: {get: {path: /ready, expect: {status: 200}}}}
  - exec: {in: zoo, command: [cat, "/{{ t }}"], timeout: 3s, expect: {exit: 1, contains: no such}}
  - exec: {in: target, command: [id]}
counters:
  requests: {read: {exec: {in: bar, command: [stats]}}, json: $.n, absent: 0, at_least: 5}
  answers: {read: {get: {path: /stats}}, json: "$['a'].n", at_least: 0.5}
"#;
    let scenario = read(text).unwrap();
    let names: Vec<_> = scenario.sidecars.iter().map(|sidecar| sidecar.name.as_str()).collect();
    assert_eq!(names, ["zoo", "bar"], "in the order of the file");
    let Action::Http(put) = &scenario.seed[0].action else { panic!("{:?}", scenario.seed) };
    assert!(matches!(&put.body, Body::Json(json) if json["n"].is_null() && json["list"][1] == 1.5));
    assert_eq!(
        (put.goal.headers["X-Token"].as_str(), put.goal.cookies["a"].as_str(), put.timeout),
        ("{{ t }}", "b", secs(5))
    );
    let kinds: Vec<_> = put.expect.json.iter().map(|(path, expect)| format!("{path} {expect:?}")).collect();
    insta::assert_snapshot!(kinds.join("\n"), @r#"
    $.ok Equals(Bool(true))
    $.n AtLeast(5.0)
    $.id Exists
    $.o Equals(Object {"a": Number(1)})
    $.z Equals(Null)
    "#);
    let Action::WaitUntil { within, every, step } = &scenario.seed[1].action else { panic!("{:?}", scenario.seed) };
    assert_eq!((*within, *every), (secs(60), Duration::from_millis(500)));
    assert!(matches!(step.action, Action::Http(_)));
    let Action::Exec(exec) = &scenario.seed[2].action else { panic!("{:?}", scenario.seed) };
    assert_eq!((exec.sidecar.as_deref(), exec.expect.exit), (Some("zoo"), Some(1)));
    assert!(matches!(&scenario.seed[3].action, Action::Exec(ExecStep { sidecar: None, .. })));
    assert_eq!(scenario.counters[0].name, "requests");
    let absent = |index: usize| match &scenario.counters[index].source {
        CounterSource::Read(figure) => figure.absent,
        CounterSource::Log(_) => None,
    };
    assert_eq!((absent(0), absent(1)), (Some(0.0), None));
}

#[test]
fn a_warm_up_of_one_s_own_is_taken() {
    let scenario = read(&with("soak: {duration: 1h30m, warmup: 10m}\n")).unwrap();
    assert_eq!((scenario.soak.duration, scenario.soak.warmup), (secs(5400), Some(secs(600))));
}

#[test]
fn a_signal_is_named_with_or_without_its_prefix() {
    assert_eq!(read(&with("stop: {signal: int}\n")).unwrap().stop.signal, "SIGINT");
}

#[test]
fn reads_what_is_done_during_the_soak() {
    let steps = "steps: [{get: {path: /}}, {exec: {command: [id]}}]";
    assert!(read(&with("")).unwrap().churn.is_none());
    let churn = read(&with(&format!("churn: {{every: 60s, {steps}}}\n"))).unwrap().churn.unwrap();
    assert_eq!((churn.name.as_str(), churn.every, churn.steps.len()), ("churn", secs(60), 2));
    assert_eq!((churn.start, churn.idle_tail, churn.max_failed), (Duration::ZERO, Duration::ZERO, 0.1));
    let more = "name: Forschung übers Netz, start: 5m, idle_tail: 2m, max_failed: 0";
    let churn = read(&with(&format!("churn: {{every: 1s, {more}, {steps}}}\n"))).unwrap().churn.unwrap();
    assert_eq!((churn.name.as_str(), churn.every), ("Forschung übers Netz", secs(1)));
    assert_eq!((churn.start, churn.idle_tail, churn.max_failed), (secs(300), secs(120), 0.0));
}

#[test]
fn a_counter_may_have_to_come_back() {
    let counter = |more: &str| {
        let text = with(&format!("counters: {{c: {{read: {{get: {{path: /}}}}, json: $.n, {more}}}}}\n"));
        let counter = read(&text).unwrap().counters.remove(0);
        (counter.at_least, counter.at_most)
    };
    assert_eq!(counter("at_most: 0"), (None, Some(0.0)));
    assert_eq!(counter("at_least: 5, at_most: 2.5"), (Some(5.0), Some(2.5)));
}
