//! Whole nights against local processes: every ending with its exit code, its files, and nothing left behind.

use rustix::process::Signal;

use crate::fixture::{Fixture, broken, free_port, json, processes_with, stderr, stdout};

const THRESHOLDS: &str = "classes:
  fd.total: {max: 400}
  fd.eventpoll: {max: 200, max_dead: 0}
  fd.pidfd: {max: 200, max_dead: 0}
  proc.count: {max: 3}
";

const SOAK: &str = "soak: {duration: 8s, interval: 400ms}\nstop: {within: 5s}\nthresholds: thresholds.yaml";

#[test]
fn a_leaking_night_breaks_exactly_what_leaks_and_is_judged_again_the_same() {
    let fixture = Fixture::new();
    fixture.write("thresholds.yaml", THRESHOLDS);
    fixture.process("leaky", "--leak eventpoll=2/s --leak pidfd=2/s", SOAK);
    let output = fixture.run(&["run", "leaky.yaml"]);
    assert_eq!(output.status.code(), Some(100), "{}{}", stdout(&output), stderr(&output));
    let run = fixture.only_run("leaky");
    let dead = |class: &str| (class.to_owned(), "max_dead".to_owned());
    assert_eq!(broken(&run), [dead("fd.eventpoll"), dead("fd.pidfd")]);
    assert!(stdout(&output).trim_end().ends_with("report.html"), "{}", stdout(&output));

    for name in
        ["run.json", "samples.jsonl", "report.html", "report.md", "junit.xml", "scenario.yaml", "thresholds.yaml"]
    {
        assert!(run.join(name).is_file(), "{name}");
    }
    assert!(fixture.path().join("reports/index.html").is_file());
    let evidence: Vec<String> = std::fs::read_dir(run.join("evidence"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    assert!(evidence.iter().any(|name| name.starts_with("fds-")), "{evidence:?}");
    assert!(evidence.iter().any(|name| name.starts_with("log-")), "{evidence:?}");

    // The same bytes give the same verdict and the same pages.
    let folder = run.to_string_lossy().into_owned();
    let again = fixture.run(&["judge", &folder]);
    assert_eq!(again.status.code(), Some(100));
    assert!(stdout(&output).contains(stdout(&again).trim_end()), "{}\n---\n{}", stdout(&output), stdout(&again));
    let page = std::fs::read(run.join("report.html")).unwrap();
    assert_eq!(fixture.run(&["report", &folder]).status.code(), Some(0));
    assert_eq!(std::fs::read(run.join("report.html")).unwrap(), page);

    // A night that was carried elsewhere gets its pages, and nothing beside its folder.
    let elsewhere = fixture.path().join("artifact/inner");
    std::fs::create_dir_all(&elsewhere).unwrap();
    for name in ["run.json", "samples.jsonl", "findings.json", "thresholds.yaml"] {
        std::fs::copy(run.join(name), elsewhere.join(name)).unwrap();
    }
    assert_eq!(fixture.run(&["report", "artifact/inner"]).status.code(), Some(0));
    assert!(elsewhere.join("report.html").is_file());
    assert!(!fixture.path().join("index.html").exists() && !fixture.path().join("leaky").exists());

    // Other thresholds, another verdict; nothing is written.
    fixture.write("lenient.yaml", "classes: {fd.total: {max: 1000}}\n");
    assert_eq!(fixture.run(&["judge", &folder, "--thresholds", "lenient.yaml"]).status.code(), Some(0));
    assert_eq!(broken(&run).len(), 2);
    assert!(processes_with(&fixture.path().to_string_lossy()).is_empty());
}

#[test]
fn a_clean_night_passes_and_the_next_one_can_be_compared_with_it() {
    let fixture = Fixture::new();
    fixture.write("thresholds.yaml", THRESHOLDS);
    let steps = "
seed:
  - get: {path: /register, capture: {csrf: {css: \"input[name=csrf_token]\", attr: value}}}
  - post: {path: /register, form: {username: \"{{ user }}\", password: \"{{ password }}\", csrf_token: \"{{ csrf }}\"}, expect: {status: 302}}
  - repeat: {times: 3, as: n, steps: [{post: {path: /subscriptions, json: {query: \"topic {{ n }}\"}, expect: {status: 201}}}]}
  - get: {path: /subscriptions, expect: {json: {\"$.total\": 3}}}
counters:
  refreshes: {read: {get: {path: /stats}}, json: $.refreshes, at_least: 2}
after: [{get: {path: /health, expect: {status: 200}}}]
";
    fixture.process("clean", "", &format!("{steps}{SOAK}"));
    for _ in 0..2 {
        let output = fixture.run(&["run", "clean.yaml", "--duration", "6s"]);
        assert_eq!(output.status.code(), Some(0), "{}{}", stdout(&output), stderr(&output));
    }
    let runs = fixture.runs("clean");
    let record = json(&runs[1].join("run.json"));
    assert_eq!(record["ending"], "completed");
    assert_eq!(record["stop"]["response"], "exited");
    assert_eq!(record["stop"]["port"], "silent");
    assert!(record["counters"][0]["end"].as_f64() > record["counters"][0]["start"].as_f64(), "{record}");
    assert!(!runs[1].join("evidence").exists());
    let history = std::fs::read_to_string(fixture.path().join("reports/clean/history.jsonl")).unwrap();
    assert_eq!(history.lines().count(), 2);
    // The second night knows what the first one held.
    assert!(json(&runs[0].join("run.json"))["baseline"].is_null());
    assert_eq!(record["baseline"]["nights"][0].as_str(), runs[0].file_name().and_then(|name| name.to_str()));
    assert!(record["baseline"]["levels"]["fd.total"].as_f64() > Some(0.0), "{record}");
    let diff = fixture.run(&["diff"]);
    assert_eq!(diff.status.code(), Some(0), "{}", stderr(&diff));
    assert!(stdout(&diff).contains("clean"), "{}", stdout(&diff));
    assert!(stdout(&diff).lines().all(|line| line.chars().count() <= 80), "{}", stdout(&diff));
    assert_eq!(fixture.run(&["diff", "clean", "--markdown"]).status.code(), Some(0));
}

#[test]
fn a_workload_that_did_not_run_makes_a_night_inconclusive() {
    let fixture = Fixture::new();
    fixture.write("thresholds.yaml", THRESHOLDS);
    let counters = "counters: {refreshes: {read: {get: {path: /stats}}, json: $.refreshes, at_least: 5}}\n";
    fixture.process("idle", "", &format!("{counters}{SOAK}"));
    let output = fixture.run(&["run", "idle.yaml", "--duration", "3s"]);
    assert_eq!(output.status.code(), Some(3), "{}{}", stdout(&output), stderr(&output));
    assert!(stdout(&output).contains("workload"), "{}", stdout(&output));
}

#[test]
fn a_signal_in_any_phase_leaves_a_report_and_no_process() {
    let long = "soak: {duration: 10m, interval: 400ms}\nthresholds: thresholds.yaml";
    let settle = "soak: {duration: 1s, interval: 400ms, settle: 10m}\nthresholds: thresholds.yaml";
    let seed = "seed: [{wait_until: {within: 10m, step: {get: {path: /nowhere}}}}]";
    let stop = "soak: {duration: 1s, interval: 400ms}\nstop: {within: 10m}";
    for (phase, flags, rest, signal, code) in [
        ("seed", "", seed, Signal::INT, 130),
        ("soak", "", long, Signal::INT, 130),
        ("soak", "", long, Signal::TERM, 143),
        ("settle", "", settle, Signal::TERM, 143),
        ("stop", "--ignore-term", stop, Signal::INT, 130),
    ] {
        let fixture = Fixture::new();
        fixture.write("thresholds.yaml", THRESHOLDS);
        fixture.process("cut", flags, rest);
        let mut started = fixture.start_until(&["run", "cut.yaml"], &format!(": {phase}"));
        started.signal(signal);
        assert_eq!(started.wait(), Some(code), "{phase}: {}", started.log());
        let run = fixture.only_run("cut");
        assert!(run.join("report.html").is_file(), "{phase}");
        assert_eq!(json(&run.join("findings.json"))["verdict"], "inconclusive", "{phase}");
        assert!(processes_with(&fixture.path().to_string_lossy()).is_empty(), "{phase}");
    }
}

#[test]
fn a_signal_before_the_target_is_ready_leaves_a_report_and_no_process() {
    let fixture = Fixture::new();
    let port = free_port();
    let marker = format!("600.{port}");
    fixture.write(
        "slow.yaml",
        &format!("name: slow\ntarget: {{command: [sleep, \"{marker}\"], publish: [{port}]}}\nready: {{http: {{path: /}}, within: 5m}}\n"),
    );
    let mut started = fixture.start_until(&["run", "slow.yaml"], ": ready");
    started.signal(Signal::INT);
    assert_eq!(started.wait(), Some(130), "{}", started.log());
    assert!(fixture.only_run("slow").join("report.html").is_file());
    assert!(processes_with(&marker).is_empty());
}

#[test]
fn the_run_after_a_crash_makes_the_report_of_the_night_that_was_cut_off() {
    let fixture = Fixture::new();
    fixture.write("thresholds.yaml", THRESHOLDS);
    fixture.process("crash", "", SOAK);
    let mut started = fixture.start_until(&["run", "crash.yaml", "--duration", "10m"], ": soak");
    std::thread::sleep(std::time::Duration::from_millis(1500));
    started.signal(Signal::KILL);
    started.wait();
    let cut = fixture.only_run("crash");
    assert!(!cut.join("report.html").exists());
    assert!(std::fs::read_to_string(cut.join("samples.jsonl")).unwrap().lines().count() >= 2);
    let output = fixture.run(&["run", "crash.yaml", "--duration", "3s"]);
    assert_eq!(output.status.code(), Some(0), "{}{}", stdout(&output), stderr(&output));
    assert!(cut.join("report.html").is_file());
    assert_eq!(json(&cut.join("findings.json"))["verdict"], "inconclusive");
    assert!(processes_with(&fixture.path().to_string_lossy()).is_empty());
}

#[test]
fn every_bad_day_has_its_own_exit_code_and_a_report() {
    let fixture = Fixture::new();
    let port = free_port();
    let cases = [
        ("absent", "target: {command: [/does/not/exist]}".to_owned(), 101, "/does/not/exist"),
        (
            "unready",
            format!(
                "target: {{command: [sh, -c, 'echo starting up; exec sleep 60'], publish: [{port}]}}\nready: {{http: {{path: /}}, within: 1s}}"
            ),
            102,
            "starting up",
        ),
        (
            "fleeting",
            format!(
                "target: {{command: [sh, -c, 'sleep 1; exit 3'], publish: [{port}]}}\nseed: [{{wait_until: {{within: 3s, step: {{get: {{path: /}}}}}}}}]"
            ),
            103,
            "it exited with code 3",
        ),
        ("mortal", "target: {command: [sleep, '2']}\nsoak: {duration: 20s, interval: 500ms}".to_owned(), 104, "exited"),
    ];
    for (name, rest, code, said) in cases {
        fixture.write(&format!("{name}.yaml"), &format!("name: {name}\n{rest}\n"));
        let output = fixture.run(&["run", &format!("{name}.yaml")]);
        let shown = format!("{}{}", stdout(&output), stderr(&output));
        assert_eq!(output.status.code(), Some(code), "{name}: {shown}");
        assert!(shown.contains(said), "{name}: {shown}");
        let run = fixture.only_run(name);
        assert!(run.join("report.html").is_file() && run.join("junit.xml").is_file(), "{name}");
        assert!(run.join("evidence").is_dir() || name == "absent", "{name}");
    }
}

#[test]
fn a_failed_seed_step_shows_request_answer_and_expectation() {
    let fixture = Fixture::new();
    let seed = "seed: [{get: {path: /nowhere, expect: {status: 200}}}]\nsoak: {duration: 10s, interval: 1s}";
    fixture.process("unseeded", "", seed);
    let output = fixture.run(&["run", "unseeded.yaml"]);
    let shown = stdout(&output);
    assert_eq!(output.status.code(), Some(103), "{shown}{}", stderr(&output));
    for part in ["unseeded.yaml:", "/nowhere", "404", "200"] {
        assert!(shown.contains(part), "`{part}` is missing in {shown}");
    }
}

#[test]
fn what_cannot_be_read_is_said_before_anything_is_seeded() {
    use std::os::unix::fs::PermissionsExt as _;
    use std::os::unix::process::CommandExt as _;
    let fixture = Fixture::new();
    std::fs::set_permissions(fixture.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
    fixture.write("other.yaml", "name: other\ntarget: {pid: 1}\nsoak: {duration: 5s, interval: 1s}\n");
    // The binary may lie where nobody but its owner can go.
    let binary = fixture.path().join("slowdrip");
    std::fs::copy(crate::fixture::SLOWDRIP, &binary).unwrap();
    let mut command = std::process::Command::new(&binary);
    command.args(["run", "other.yaml"]).current_dir(fixture.path());
    if rustix::process::geteuid().is_root() {
        command.uid(65_534).gid(65_534);
    }
    let output = command.output().unwrap();
    let shown = format!("{}{}", stdout(&output), stderr(&output));
    assert_eq!(output.status.code(), Some(105), "{shown}");
    assert!(shown.contains("CAP_SYS_PTRACE"), "{shown}");
}

#[test]
fn a_reports_folder_that_cannot_be_written_is_said_before_anything_is_started() {
    let fixture = Fixture::new();
    fixture.write("x.yaml", "name: x\ntarget: {command: [sleep, '60']}\n");
    fixture.write("file", "");
    let output = fixture.run(&["run", "x.yaml", "--reports", "file/reports"]);
    assert_eq!(output.status.code(), Some(110), "{}", stderr(&output));
    assert!(stderr(&output).contains("file/reports"), "{}", stderr(&output));
}

#[test]
fn secrets_from_the_environment_never_reach_a_file_or_the_console() {
    let fixture = Fixture::new();
    let secret = "s3cr3t-\"quoted\"/&value";
    fixture.write(
        "secret.yaml",
        "name: secret\ntarget:\n  command: [sh, -c, 'echo \"token is $TOKEN\"; sh -c \"exec sleep 61\" \"$TOKEN\" & sleep 3; exit 7']\n  env: {TOKEN: {from_env: SOAK_TOKEN}, DB_PASSWORD: in-plain-sight-98}\nsoak: {duration: 20s, interval: 500ms}\n",
    );
    let output = fixture.command(&["run", "secret.yaml"]).env("SOAK_TOKEN", secret).output().unwrap();
    let shown = format!("{}{}", stdout(&output), stderr(&output));
    assert_eq!(output.status.code(), Some(104), "{shown}");
    assert!(!shown.contains(secret), "{shown}");
    let mut files = 0;
    let mut folders = vec![fixture.path().join("reports")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            files += 1;
            let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
            for form in [secret, "s3cr3t-", "in-plain-sight"] {
                assert!(!text.contains(form), "{} holds the secret", path.display());
            }
        }
    }
    assert!(files > 8, "{files}");
    let log = fixture.only_run("secret").join("evidence/log-target.txt");
    assert!(std::fs::read_to_string(&log).unwrap().contains("token is [secret]"));
}

#[test]
fn a_dry_run_prints_the_plan_and_starts_nothing() {
    let fixture = Fixture::new();
    fixture.write("thresholds.yaml", THRESHOLDS);
    fixture.process("planned", "", SOAK);
    let output = fixture.run(&["run", "planned.yaml", "--dry-run", "--interval", "1s"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    for part in ["planned", "demo-app", "a snapshot every 1 s", "fd.pidfd: at most 200; at most 0 dead"] {
        assert!(stdout(&output).contains(part), "`{part}` is missing in {}", stdout(&output));
    }
    assert!(!fixture.path().join("reports").exists());
}
