//! Thresholds read from text.

mod bad;

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
  mem.anon:     {max_growth_per_hour: 10MiB}
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
fn a_missing_file_is_said_to_be_missing() {
    let error = load(Path::new("no/such/file.yaml")).unwrap_err();
    assert_eq!(error.at, None);
    insta::assert_snapshot!(error, @r"
    cannot read the file: there is no such file
    --> no/such/file.yaml
     = help: check the path; it counts from the folder in which slowdrip runs
    ");
}

proptest! {
    #[test]
    fn damaged_thresholds_never_panic(at in 0..DESIGN.len(), cut in 0usize..12, put in "\\PC{0,3}|[\\t\\n{}:'\"*&!|-]{0,3}") {
        let head: String = DESIGN.chars().take(at).collect();
        let tail: String = DESIGN.chars().skip(at + cut).collect();
        if let Err(error) = parse(Path::new("app.yaml"), &format!("{head}{put}{tail}")) {
            prop_assert!(error.at.is_some() && error.to_string().contains("= help: "), "{error}");
        }
    }

    #[test]
    fn arbitrary_text_never_panics(text in any::<String>()) {
        let _ = parse(Path::new("app.yaml"), &text);
    }
}
