//! Thresholds read from text.

mod bad;
mod bad_lists;
mod bad_rules;

use std::path::Path;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::model::FdClass;

const DESIGN: &str = r#"defaults: {must_detect_per_hour: 24, severity: fail}
classes:
  fd.total:     {max: 400, max_limit_ratio: 0.5}
  fd.eventpoll: {max: 12, max_dead: 0, max_growth_per_hour: 0}
  fd.pidfd:     {max: 4, max_dead: 0}
  fd.sqlite_wal: {max: 30, cycle: 30m}
  fd.agent_log: {match: "/logs/*.log", max: 2}
  proc.worker:  {match_cmdline: "slash_worker", max: 2}
  proc.zombie:  {max: 0, older_than: 60s}
  mem.anon:     {max_growth_per_hour: 10MiB, max_vs_baseline: 1.2, settle_to: 10%}
"#;

/// The keys beside the classes, and those about earlier nights and carriers.
const LISTS: &str = r#"events: {health: warn, self_kill: ignore}
classes:
  fd.total: {max: 400, max_vs_baseline: 1.2, baseline_slack: 5, settle_to: 3}
  fd.db: {match: "/data/*.db", per: path, max: 8}
log:
  - {pattern: 'Errno 24', max: 0}
  - {pattern: 'High FD count', severity: warn, max: 0, required: true}
  - {pattern: 'retrying', max_per_hour: 60.5}
  - {pattern: '.', max_repeats_per_hour: 120}
acks: [{fingerprint: ab12cd34, reason: "upstream issue", expires: 2027-01-31}, {fingerprint: 00000012, reason: it is}]
precedents:
  - {class: fd.eventpoll, cause: "async client not closed inside a running loop", see: "docs/resource-cleanup.md, Wave 7"}
  - {class: fd.db, cause: a pool}
"#;

fn read(text: &str) -> RuleSet {
    parse(Path::new("app.yaml"), text).unwrap()
}

fn error(text: &str) -> String {
    parse(Path::new("app.yaml"), text).unwrap_err().to_string()
}

fn class(class: &str) -> String {
    format!("classes:\n  {class}\n")
}

#[test]
fn reads_the_example_of_the_design() {
    let rules = read(DESIGN);
    assert_eq!((rules.text.as_str(), rules.digest.len(), rules.stop), (DESIGN, 64, Severity::Warn));
    let names: Vec<_> = rules.classes.iter().map(|class| class.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "fd.total",
            "fd.eventpoll",
            "fd.pidfd",
            "fd.sqlite_wal",
            "fd.agent_log",
            "proc.worker",
            "proc.zombie",
            "mem.anon"
        ]
    );
    let [total, eventpoll, _, wal, logs, workers, zombies, anon] = rules.classes.as_slice() else { panic!() };
    assert!(matches!(total.select, Selector::Metric(Metric::FdTotal)));
    assert_eq!((total.max, total.max_limit_ratio, total.severity), (Some(400.0), Some(0.5), Severity::Fail));
    assert!(matches!(eventpoll.select, Selector::Metric(Metric::Fd(FdClass::Eventpoll))));
    assert_eq!((eventpoll.max_dead, eventpoll.max_growth_per_hour), (Some(0), Some(0.0)));
    assert_eq!(wal.cycle, Some(Duration::from_secs(1800)));
    let Selector::Links(globs) = &logs.select else { panic!("{logs:?}") };
    assert!(globs[0].is_match("/logs/agent.log") && !globs[0].is_match("/logs/old/agent.log"));
    let Selector::Cmdline(patterns) = &workers.select else { panic!("{workers:?}") };
    assert!(patterns[0].is_match("python3 -m tui_gateway.slash_worker"));
    assert_eq!((zombies.max, zombies.older_than), (Some(0.0), Some(Duration::from_secs(60))));
    let ten_mebibytes = 10.0 * 1024.0 * 1024.0;
    assert_eq!((anon.max_growth_per_hour, anon.must_detect_per_hour), (Some(ten_mebibytes), ten_mebibytes));
    assert!(rules.classes.iter().take(7).all(|class| (class.must_detect_per_hour - 24.0).abs() < f64::EPSILON));
}

#[test]
fn defaults_reach_every_counted_class_and_can_be_overruled() {
    let rules = read(
        "defaults: {must_detect_per_hour: 6, severity: warn}\nstop: fail\nclasses:\n  fd.socket: {max: 1}\n  \
         fd.pipe: {max: 1, severity: fail, must_detect_per_hour: 0.5, required: true}\n  mem.rss: {max: 1GiB}\n",
    );
    assert_eq!(rules.stop, Severity::Fail);
    let [socket, pipe, rss] = rules.classes.as_slice() else { panic!() };
    assert_eq!((socket.severity, socket.must_detect_per_hour, socket.required), (Severity::Warn, 6.0, false));
    assert_eq!((pipe.severity, pipe.must_detect_per_hour, pipe.required), (Severity::Fail, 0.5, true));
    assert_eq!((rss.max, rss.must_detect_per_hour), (Some(1_073_741_824.0), 10_485_760.0));
}

#[test]
fn several_patterns_are_one_class() {
    let rules = read(
        "classes:\n  fd.data: {match: [/data/**/*.db, \"/tmp/{a,b}\"], max: 1}\n  proc.py: {match_cmdline: [^python, 'node\\b'], max: 3, older_than: 5m}\n",
    );
    let Selector::Links(globs) = &rules.classes[0].select else { panic!() };
    assert!(globs[0].is_match("/data/x/y/z.db") && globs[1].is_match("/tmp/b"));
    assert!(matches!(&rules.classes[1].select, Selector::Cmdline(patterns) if patterns.len() == 2));
}

#[test]
fn a_file_may_speak_of_the_end_only() {
    assert_eq!(read("stop: fail\n").stop, Severity::Fail);
}

#[test]
fn reads_the_keys_beside_the_classes() {
    let rules = read(LISTS);
    let fail = Some(Severity::Fail);
    let events = EventRules { health: Some(Severity::Warn), restarts: fail, oom: fail, self_kill: None };
    assert_eq!(rules.events, events);
    let [errno, high, retrying, any] = rules.log.as_slice() else { panic!() };
    assert_eq!((errno.pattern.as_str(), errno.max, errno.severity), ("Errno 24", Some(0), Severity::Fail));
    assert_eq!((high.severity, high.required, errno.required), (Severity::Warn, true, false));
    assert_eq!((retrying.max, retrying.max_per_hour), (None, Some(60.5)));
    assert_eq!((any.max_per_hour, any.max_repeats_per_hour), (None, Some(120.0)));
    let ack = |fingerprint: &str, reason: &str, expires: Option<jiff::civil::Date>| Ack {
        fingerprint: fingerprint.to_owned(),
        reason: reason.to_owned(),
        expires,
    };
    let expires = Some(jiff::civil::date(2027, 1, 31));
    assert_eq!(rules.acks, [ack("ab12cd34", "upstream issue", expires), ack("00000012", "it is", None)]);
    let [client, pool] = rules.precedents.as_slice() else { panic!() };
    assert_eq!(
        (client.class.as_str(), client.see.as_deref()),
        ("fd.eventpoll", Some("docs/resource-cleanup.md, Wave 7"))
    );
    assert_eq!((pool.class.as_str(), pool.cause.as_str(), pool.see.as_deref()), ("fd.db", "a pool", None));
}

#[test]
fn without_a_word_on_them_events_fail_and_lists_are_empty() {
    let rules = read("classes: {fd.total: {max: 1}}\n");
    assert_eq!(rules.events, EventRules::default());
    assert!(rules.log.is_empty() && rules.acks.is_empty() && rules.precedents.is_empty());
}

#[test]
fn reads_what_is_said_of_earlier_nights_and_of_settling() {
    let rules = read(
        "classes:\n  fd.total: {max_vs_baseline: 1}\n  mem.anon: {max_vs_baseline: 1.5, settle_to: 20MiB}\n  \
         fd.pipe: {max_vs_baseline: 2, baseline_slack: 0, settle_to: 0%}\n  fd.pty: {settle_to: 2.5 %}\n",
    );
    let [total, anon, pipe, pty] = rules.classes.as_slice() else { panic!() };
    assert_eq!((total.max_vs_baseline, total.baseline_slack, total.settle_to), (Some(1.0), 3.0, None));
    assert_eq!((anon.baseline_slack, anon.settle_to), (10_485_760.0, Some(SettleTo::Above(20_971_520.0))));
    assert_eq!((pipe.baseline_slack, pipe.settle_to), (0.0, Some(SettleTo::Share(0.0))));
    assert_eq!((pty.max_vs_baseline, pty.settle_to), (None, Some(SettleTo::Share(0.025))));
}

#[test]
fn figures_can_be_those_of_each_program_and_of_each_path() {
    let rules = read(
        "classes:\n  fd.log: {per: path, max: 1}\n  mem.anon: {per: process, max: 1GiB}\n  disk.layer: {per: target, max: 1GiB}\n  \
         proc.py: {match_cmdline: py, per: process, max: 2}\n  fd.mine: {match: /x, per: process, max: 2}\n  fd.pipe: {max: 1}\n",
    );
    let per: Vec<_> = rules.classes.iter().map(|class| class.per).collect();
    assert_eq!(per, [Per::Path, Per::Process, Per::Target, Per::Process, Per::Process, Per::Target]);
}

#[test]
fn the_pids_of_a_cgroup_have_a_limit() {
    assert_eq!(read(&class("cgroup.pids: {max_limit_ratio: 0.5}")).classes[0].max_limit_ratio, Some(0.5));
}

#[test]
fn a_missing_file_is_said_to_be_missing() {
    let error = load(Path::new("no/such/file.yaml")).unwrap_err();
    assert_eq!(error.at, None);
    insta::assert_snapshot!(error, @r"
    cannot read the file: there is no such file
    --> no/such/file.yaml
     = help: check the path; it counts from the folder in which slowdrip runs
    ");
}

/// A text with a hole in it, and something else in the hole.
fn damaged(text: &str, at: usize, cut: usize, put: &str) -> String {
    let head: String = text.chars().take(at).collect();
    let tail: String = text.chars().skip(at + cut).collect();
    format!("{head}{put}{tail}")
}

/// Values for a key, most of them not meant for it.
fn value() -> impl Strategy<Value = String> {
    let odd = prop::sample::select(vec![
        "-1",
        "1e400",
        "NaN",
        ".5",
        "99999999999999999999",
        "10%",
        "-10%",
        "%",
        "5MiB",
        "5m",
        "0s",
        "[]",
        "{}",
        "[1, x]",
        "~",
        "''",
        "' '",
        "'('",
        "ab12cd34",
        "2027-01-31",
        "2027-13-99",
        "path",
        "ignore",
        "true",
        "\"\\u0000\"",
        "/x",
    ]);
    prop_oneof![odd.prop_map(str::to_owned), any::<f64>().prop_map(|figure| figure.to_string()), "\\PC{0,6}"]
}

proptest! {
    #[test]
    fn damaged_thresholds_never_panic(
        whole in prop::sample::select(vec![DESIGN, LISTS]),
        at in any::<prop::sample::Index>(),
        cut in 0usize..12,
        put in "\\PC{0,3}|[\\t\\n{}:'\"*&!|-]{0,3}",
    ) {
        let text = damaged(whole, at.index(whole.len()), cut, &put);
        if let Err(error) = parse(Path::new("app.yaml"), &text) {
            prop_assert!(error.at.is_some() && error.to_string().contains("= help: "), "{error}");
        }
    }

    /// What is read is fit to be judged by.
    #[test]
    fn no_value_of_a_key_makes_a_rule_that_means_nothing(
        class in prop::sample::select(vec!["fd.total", "mem.anon", "proc.zombie", "cgroup.pids", "disk.layer", "fd.mine"]),
        keys in prop::collection::btree_map(prop::sample::select(vec![
            "max", "max_limit_ratio", "max_dead", "max_growth_per_hour", "max_vs_baseline", "baseline_slack", "settle_to",
            "must_detect_per_hour", "cycle", "older_than", "per", "severity", "required", "match", "match_cmdline",
        ]), value(), 0..5),
        log in prop::collection::btree_map(prop::sample::select(vec![
            "pattern", "max", "max_per_hour", "max_repeats_per_hour", "severity", "required",
        ]), value(), 0..4),
        known in prop::collection::btree_map(prop::sample::select(vec!["fingerprint", "reason", "expires"]), value(), 0..4),
    ) {
        let map = |entries: &std::collections::BTreeMap<&str, String>| {
            let entries: Vec<_> = entries.iter().map(|(key, value)| format!("{key}: {value}")).collect();
            format!("{{{}}}", entries.join(", "))
        };
        let text = format!("classes:\n  {class}: {}\nlog: [{}]\nacks: [{}]\n", map(&keys), map(&log), map(&known));
        match parse(Path::new("app.yaml"), &text) {
            Err(error) => prop_assert!(error.at.is_some() && error.to_string().contains("= help: "), "{error}"),
            Ok(rules) => for rule in rules.classes {
                let figures = [rule.max, rule.max_limit_ratio, rule.max_growth_per_hour, rule.max_vs_baseline,
                    Some(rule.baseline_slack), Some(rule.must_detect_per_hour)];
                prop_assert!(figures.into_iter().flatten().all(|figure| figure.is_finite() && figure >= 0.0));
            },
        }
    }

    #[test]
    fn arbitrary_text_never_panics(text in any::<String>()) {
        let _ = parse(Path::new("app.yaml"), &text);
    }
}
