//! The scenarios that come with slowdrip, as nights with short clocks: each finds the leak that it is for, and passes without it.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;
use slowdrip::demo::Shipped;

use crate::fixture::{Fixture, SLOWDRIP, broken, json, stderr, stdout};
use crate::support::{Docker, docker_or_skip, unique_run};

/// A scenario's night with short clocks.
struct Short {
    scenario: &'static str,
    duration: &'static str,
    set: &'static [&'static str],
    /// Rules that the form that leaks must break.
    breaks: &'static [(&'static str, &'static str)],
    /// Classes of which other rules may break as well.
    beside: &'static [&'static str],
    /// The counter that proves the workload, and by how much it must have grown.
    counter: (&'static str, f64),
}

const NIGHTS: [Short; 6] = [
    Short {
        scenario: "websocket-churn",
        duration: "70s",
        set: &[],
        breaks: &[
            ("fd.log", "settle_to"),
            ("fd.pipe", "settle_to"),
            ("fd.pty", "settle_to"),
            ("fd.sqlite_db", "settle_to"),
            ("fd.sqlite_wal", "settle_to"),
            ("proc.count", "settle_to"),
            ("proc.workers", "settle_to"),
        ],
        beside: &["fd.total"],
        counter: ("sessions", 6.0),
    },
    Short {
        scenario: "request-churn",
        duration: "75s",
        set: &[],
        breaks: &[("fd.lookups", "max"), ("fd.sqlite_db", "settle_to"), ("fd.sqlite_wal", "settle_to")],
        beside: &["fd.total"],
        counter: ("lookups", 70.0),
    },
    Short {
        scenario: "restart-cycles",
        duration: "60s",
        set: &[],
        breaks: &[("fd.job_log", "max"), ("fd.log", "settle_to")],
        beside: &["fd.total"],
        counter: ("starts", 6.0),
    },
    Short {
        scenario: "parent-death",
        duration: "70s",
        set: &[],
        breaks: &[("fd.pipe", "max_dead"), ("proc.orphan", "max"), ("proc.workers", "settle_to")],
        beside: &["fd.total", "proc.count"],
        counter: ("managers", 3.0),
    },
    Short {
        scenario: "healthcheck-hang",
        duration: "60s",
        set: &["check_every=3s"],
        breaks: &[("proc.checks", "max"), ("proc.count", "max")],
        beside: &["fd.total", "fd.socket", "proc.orphan"],
        counter: ("checks", 6.0),
    },
    Short {
        scenario: "idle",
        duration: "60s",
        set: &[],
        breaks: &[("fd.eventpoll", "max_dead")],
        beside: &["fd.total", "fd.socket"],
        counter: ("refreshes", 30.0),
    },
];

/// An image of the program under test, removed with the test.
struct Image {
    docker: Docker,
    tag: String,
}

impl Image {
    fn build(docker: Docker, folder: &Path) -> Self {
        let context = folder.join("context");
        std::fs::create_dir(&context).unwrap();
        // The binary may lie on another file system.
        std::fs::hard_link(SLOWDRIP, context.join("slowdrip"))
            .or_else(|_| std::fs::copy(SLOWDRIP, context.join("slowdrip")).map(drop))
            .unwrap();
        let dockerfile = "FROM scratch\nCOPY slowdrip /slowdrip\nWORKDIR /data\nENTRYPOINT [\"/slowdrip\"]\n";
        std::fs::write(context.join("Dockerfile"), dockerfile).unwrap();
        let tag = format!("slowdrip-test:{}", unique_run("scenarios"));
        docker.run(&["build", "--quiet", "--tag", &tag, &context.to_string_lossy()]);
        Self { docker, tag }
    }
}

impl Drop for Image {
    fn drop(&mut self) {
        self.docker.output(&["image", "rm", "--force", &self.tag]);
    }
}

/// Runs a night and says what is not as it should be.
fn night(image: &Image, short: &Short, fault: bool) -> Result<(), String> {
    let shipped = Shipped::named(short.scenario).unwrap();
    let fixture = Fixture::new();
    let file = format!("{}/scenarios/{}.yaml", env!("CARGO_MANIFEST_DIR"), short.scenario);
    let context = format!("context={}", fixture.path().display());
    fixture.write("Dockerfile", "FROM scratch\n");
    let fault_is = format!("fault={}", if fault { shipped.fault } else { "none" });
    let mut args = vec!["run", &file, "--image", &image.tag, "--duration", short.duration];
    for set in [context.as_str(), fault_is.as_str()].iter().chain(short.set) {
        args.extend(["--set", set]);
    }
    let output = fixture.run(&args);
    let what = format!("{} with {fault_is}", short.scenario);
    let said = format!("{what}:\n{}{}", stdout(&output), stderr(&output));
    let expected = if fault { 100 } else { 0 };
    if output.status.code() != Some(expected) {
        return Err(format!("ended with {:?} and not with {expected}: {said}", output.status.code()));
    }
    let run = fixture.only_run(short.scenario);
    let record = json(&run.join("run.json"));
    let id = run.file_name().unwrap().to_str().unwrap();
    let left = image.docker.of_run(id);
    if !left.is_empty() {
        return Err(format!("left {left:?} behind: {said}"));
    }
    check_workload(&record, short).map_err(|problem| format!("{problem}: {said}"))?;
    if fault { check_broken(&run, short).map_err(|problem| format!("{problem}: {said}")) } else { Ok(()) }
}

/// The workload ran, and none of it failed.
fn check_workload(record: &Value, short: &Short) -> Result<(), String> {
    let (name, least) = short.counter;
    let counters = record["counters"].as_array().unwrap();
    let counter = counters.iter().find(|counter| counter["name"] == name).unwrap();
    let grown = counter["end"].as_f64().unwrap_or(0.0) - counter["start"].as_f64().unwrap_or(0.0);
    if grown < least {
        return Err(format!("`{name}` grew by {grown} and not by {least}"));
    }
    let churn = &record["churn"];
    if !churn.is_null() && churn["failed"] != 0 {
        return Err(format!("iterations failed: {churn}"));
    }
    Ok(())
}

/// Broken is what must break, and nothing that has to do with something else.
fn check_broken(run: &Path, short: &Short) -> Result<(), String> {
    let broken = broken(run);
    for (class, rule) in short.breaks {
        if !broken.contains(&((*class).to_owned(), (*rule).to_owned())) {
            return Err(format!("{class} ({rule}) is not broken, but {broken:?}"));
        }
    }
    let known: BTreeSet<&str> =
        short.breaks.iter().map(|(class, _)| *class).chain(short.beside.iter().copied()).collect();
    match broken.iter().find(|(class, _)| !known.contains(class.as_str())) {
        Some((class, rule)) => Err(format!("{class} ({rule}) is broken too: {broken:?}")),
        None => Ok(()),
    }
}

/// One test for all: the nights idle, and so they go on side by side.
#[test]
fn every_scenario_finds_the_leak_that_it_is_for_and_passes_without_it() {
    let Some(docker) = docker_or_skip() else { return };
    let fixture = Fixture::new();
    let image = Image::build(docker, fixture.path());
    let problems: Vec<String> = std::thread::scope(|scope| {
        let image = &image;
        let nights = NIGHTS.iter().flat_map(|short| [(short, true), (short, false)]);
        let running: Vec<_> = nights.map(|(short, fault)| scope.spawn(move || night(image, short, fault))).collect();
        running.into_iter().filter_map(|night| night.join().unwrap().err()).collect()
    });
    assert!(problems.is_empty(), "{}", problems.join("\n\n---\n\n"));
}

#[test]
fn every_scenario_that_comes_with_slowdrip_has_a_short_night_here() {
    let short: Vec<&str> = NIGHTS.iter().map(|night| night.scenario).collect();
    assert_eq!(short, Shipped::ALL.map(|shipped| shipped.name));
}

#[test]
fn the_demo_lists_its_scenarios_and_refuses_what_it_does_not_know() {
    let fixture = Fixture::new();
    let listed = fixture.run(&["demo", "--list"]);
    assert_eq!(listed.status.code(), Some(0), "{}", stderr(&listed));
    for shipped in Shipped::ALL {
        assert!(stdout(&listed).lines().any(|line| line.starts_with(shipped.name)), "{}", stdout(&listed));
    }
    for (args, said) in [
        (&["demo", "websocket"][..], "websocket-churn"),
        (&["demo", "--fault"], "SCENARIO"),
        (&["demo", "--duration", "10s"], "SCENARIO"),
        (&["demo", "idle", "--process"], "--process"),
        (&["demo", "idle", "--duration", "-1s"], "-1s"),
    ] {
        let output = fixture.run(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(stderr(&output).contains(said), "{args:?}: {}", stderr(&output));
    }
    assert!(!fixture.path().join("reports").exists());
}

#[test]
fn a_scenario_whose_soak_is_too_short_for_its_churn_is_refused_before_anything_is_built() {
    let fixture = Fixture::new();
    if docker_or_skip().is_none() {
        return;
    }
    let output = fixture.run(&["demo", "websocket-churn", "--duration", "20s"]);
    assert_eq!(output.status.code(), Some(96), "{}{}", stdout(&output), stderr(&output));
    assert!(stderr(&output).contains("--duration"), "{}", stderr(&output));
    assert!(!fixture.path().join("reports").exists());
}
