//! What a right churn, right counters and series mean.

use super::*;

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn churn(pace: &str) -> Churn {
    read(&with(&format!("churn: {{{pace}, steps: [{{get: {{path: /}}}}]}}\n"))).unwrap().churn.unwrap()
}

#[test]
fn a_rate_is_that_of_all_users() {
    assert_eq!(churn("rate: 30/m").every, secs(2));
    assert_eq!(churn("rate: 30/m, users: 5").every, secs(10));
    assert_eq!(churn("rate: 5 / s, users: 10").every, secs(2));
    assert_eq!(churn("rate: 90/h").every, secs(40));
    assert_eq!(churn("rate: 0.5/s").every, secs(2));
    assert_eq!(churn("rate: 10/s").every, Duration::from_millis(100), "as often as one user can");
}

#[test]
fn reads_how_users_go_about_it() {
    let text = with(
        "churn:\n  every: 60s\n  users: 3\n  jitter: 5s\n  session: fresh\n  setup: [{get: {path: /login}}]\n  start: 1m\n  stop: 25m\n  steps: [{get: {path: /}}]\n",
    );
    let churn = read(&text).unwrap().churn.unwrap();
    assert_eq!((churn.users, churn.jitter, churn.fresh_session, churn.setup.len()), (3, secs(5), true, 1));
    assert_eq!((churn.start, churn.idle_tail), (secs(60), secs(300)), "a stop is an idle tail");
    let short = Overrides { duration: Some(secs(600)), ..Overrides::default() };
    let churn = read_with(&text, &short).unwrap().churn.unwrap();
    assert_eq!(churn.idle_tail, Duration::ZERO, "a flag that ends the soak before the stop leaves no tail");
    let plain = self::churn("every: 60s");
    assert_eq!((plain.users, plain.jitter, plain.fresh_session, plain.setup.len()), (1, Duration::ZERO, false, 0));
    assert!(!self::churn("every: 60s, session: keep").fresh_session);
}

#[test]
fn reads_series() {
    let text = with(
        "soak: {interval: 500ms}\nseries:\n  open_files: {read: {get: {path: /stats}}, json: $.fds, compare: fd.total}\n  \
         queue: {read: {exec: {command: [stats]}}, regex: 'queue=(\\d+)', absent: 0, every: 30s, compare: fd.own_class}\n",
    );
    let series = read(&text).unwrap().series;
    assert_eq!((series[0].name.as_str(), series[0].every), ("open_files", secs(1)), "not more often than every second");
    assert_eq!(series[0].compare.as_deref(), Some("fd.total"));
    assert!(matches!(&series[0].figure.from, FigureFrom::Json(path) if path.to_string() == "$.fds"));
    assert_eq!((series[1].every, series[1].figure.absent), (secs(30), Some(0.0)));
    assert!(matches!(&series[1].figure.from, FigureFrom::Regex(regex) if regex.as_str() == r"queue=(\d+)"));
    let plain = with("series: {q: {read: {get: {path: /}}, json: $.q}}\n");
    assert_eq!(read(&plain).unwrap().series[0].every, secs(5), "the soak's interval");
}

#[test]
fn a_counter_may_be_a_match_or_lines_of_the_log() {
    let text = with(
        "counters:\n  jobs: {read: {get: {path: /metrics}}, regex: 'jobs_total (\\d+)', at_least: 1}\n  \
         done: {log: 'research .* done', at_least: 5}\n",
    );
    let counters = read(&text).unwrap().counters;
    assert!(matches!(&counters[0].source, CounterSource::Read(Figure { from: FigureFrom::Regex(_), .. })));
    assert!(matches!(&counters[1].source, CounterSource::Log(regex) if regex.is_match("research 7 is done")));
}

#[test]
fn the_settle_phase_may_have_steps_and_readiness_too() {
    let text = with(
        "soak: {settle: 1m}\nsettle: [{post: {path: /logout}}]\nready: {steps: [{get: {path: /}}, {log: {matches: up}}], within: 1m}\n",
    );
    let scenario = read(&text).unwrap();
    assert_eq!(scenario.settle.len(), 1);
    assert!(matches!(&scenario.ready, Ready { check: ReadyCheck::Steps(steps), within }
        if steps.len() == 2 && *within == secs(60)));
}

#[test]
fn a_secret_may_come_from_a_file() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("token"), "correct horse\r\n").unwrap();
    let other = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(other.path(), "two\nlines\n\n").unwrap();
    let path = folder.path().join("soak.yaml");
    let text = format!(
        "name: app\nvars: {{token: {{from_file: token}}}}\ntarget: {{image: app, env: {{KEY: {{from_file: {}}}}}}}\n",
        other.path().display()
    );
    let scenario = parse(&path, &text, &Overrides::default(), &env).unwrap();
    assert_eq!(scenario.vars["token"], "correct horse");
    let key = &scenario.target.options.env["KEY"];
    assert_eq!(key.expose(), "two\nlines\n", "one line end is cut off");
    assert_eq!(format!("{key:?}"), format!("secret from file {}", other.path().display()));
    assert_eq!(scenario.secrets, ["correct horse", "two\nlines\n"]);
}

#[test]
fn the_builder_can_be_chosen() {
    let folder = folder();
    let builder = |more: &str| {
        let text = target(&format!("build: {{context: ldr{more}}}"));
        let kind = parse(&folder.path().join("soak.yaml"), &text, &Overrides::default(), &env).unwrap().target.kind;
        let TargetKind::Build(build) = kind else { panic!("{kind:?}") };
        build.builder
    };
    assert_eq!([builder(""), builder(", builder: auto")], [Builder::Auto; 2]);
    assert_eq!([builder(", builder: classic"), builder(", builder: buildkit")], [Builder::Classic, Builder::BuildKit]);
}
