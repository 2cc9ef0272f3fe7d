//! Bad days: few descriptors for slowdrip, very many in a target, names and command lines that nobody expects. Gaps and notes,
//! never a wrong count, never a hang.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Output, Stdio};
use std::time::Instant;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::Value;
use slowdrip::model::{Phase, Scope, Snapshot};
use slowdrip::probe::{Depth, ProcRoot, Sampler};

use crate::fixture::{Fixture, SLOWDRIP, broken, stderr, stdout};

/// A child that is ended when the test is over.
struct Held(Child);

impl Held {
    /// Starts a command and waits for a line of its standard output.
    fn start(command: &mut Command) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let stdout = child.stdout.take().unwrap();
        let held = Self(child);
        let mut lines = BufReader::new(stdout).lines().map_while(Result::ok);
        assert!(lines.any(|line| line.ends_with("ready")), "the child ended early");
        held
    }

    fn pid(&self) -> u32 {
        self.0.id()
    }

    /// How many descriptors it holds: those that it inherited depend on what runs the tests.
    fn open(&self) -> u64 {
        std::fs::read_dir(format!("/proc/{}/fd", self.pid())).unwrap().count() as u64
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let _gone = self.0.kill();
        let _reaped = self.0.wait();
    }
}

/// A shell that runs a script, says that it is ready, and waits.
fn shell(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", &format!("{script}\necho ready; read -r line")]);
    command
}

fn look(pid: u32) -> Snapshot {
    let mut sampler = Sampler::new(ProcRoot::system(), Scope::Descent { pid });
    sampler.check().unwrap();
    sampler.snapshot(0, 0, jiff::Timestamp::UNIX_EPOCH, Phase::Soak, Depth::Full)
}

/// slowdrip in a shell that sets limits first.
fn limited(limits: &str, args: &[&str]) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", &format!("{limits} && exec \"$0\" \"$@\"")]).arg(SLOWDRIP).args(args);
    command.stdin(Stdio::null());
    command
}

#[test]
fn with_few_descriptors_slowdrip_counts_right_or_says_that_it_cannot() {
    let target = Held::start(&mut shell("exec 5</dev/null 6</dev/null 7</tmp 8</tmp"));
    let (pid, open) = (target.pid().to_string(), target.open());
    let started: Vec<(u32, Child)> = (4..=24)
        .map(|limit| {
            let mut command = limited(&format!("ulimit -n {limit}"), &["snapshot", "--json", &pid]);
            (limit, command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
        })
        .collect();
    let (mut counted, mut said) = (0, 0);
    for (limit, child) in started {
        let output: Output = child.wait_with_output().unwrap();
        if !output.status.success() {
            let shown = stderr(&output);
            assert!(matches!(output.status.code(), Some(1..=127)), "{limit}: {:?} {shown}", output.status);
            assert!(!shown.contains("panicked") && !shown.contains("hidepid"), "{limit}: {shown}");
            said += 1;
            continue;
        }
        let snapshot: Value = serde_json::from_slice(&output.stdout).unwrap();
        let process = &snapshot["processes"][0];
        if process["fds"]["value"].is_null() {
            let gaps = snapshot["gaps"].as_array().unwrap();
            assert!(gaps.iter().any(|gap| gap["reason"] == "exhausted"), "{limit}: {snapshot}");
            said += 1;
        } else {
            assert_eq!(process["fds"]["value"]["total"], open, "{limit}: {snapshot}");
            counted += 1;
        }
    }
    assert!(counted > 0 && said > 0, "{counted} counted, {said} said that they could not");
}

#[test]
fn slowdrip_takes_the_hard_limit_and_its_target_gets_the_one_that_slowdrip_got() {
    let fixture = Fixture::new();
    // The target is started while slowdrip's own limit is lowered for a moment.
    let script = "ulimit -Sn > soft; ulimit -Hn > hard
        until grep 'open files *300 *300' /proc/$PPID/limits > own; do sleep 0.1; done; sleep 60";
    let scenario = format!(
        "name: limits\ntarget: {{command: [sh, -c, {script:?}], workdir: .}}\nsoak: {{duration: 1s, interval: 500ms}}\n"
    );
    fixture.write("limits.yaml", &scenario);
    let output = limited("ulimit -Sn 200 && ulimit -Hn 300", &["run", "limits.yaml"])
        .current_dir(fixture.path())
        .output()
        .unwrap();
    let read = |name: &str| {
        let text = std::fs::read_to_string(fixture.path().join(name));
        text.unwrap_or_else(|error| panic!("{name}: {error}\n{}{}", stdout(&output), stderr(&output)))
    };
    assert_eq!((read("soft").trim(), read("hard").trim()), ("200", "300"));
    assert!(read("own").contains("open files"), "slowdrip's own limit was not raised");
}

/// The variable that makes this test program a holder of so many descriptors.
const HOLD: &str = "SLOWDRIP_TEST_HOLD";

#[test]
#[ignore = "no test by itself: the next one starts it in a process of its own"]
fn holds_descriptors_where_it_is_told_to() {
    let Some(number) = std::env::var(HOLD).ok().and_then(|number| number.parse::<u64>().ok()) else { return };
    let most = getrlimit(Resource::Nofile).maximum;
    let enough = most.map_or(number + 100, |most| most.max(number + 100));
    // Root may raise the hard limit too.
    let raised = Rlimit { current: Some(enough), maximum: Some(enough) };
    if setrlimit(Resource::Nofile, raised).is_err() {
        setrlimit(Resource::Nofile, Rlimit { current: most, maximum: most }).unwrap();
    }
    let mut held: Vec<OwnedFd> = Vec::new();
    let event = rustix::event::eventfd(0, rustix::event::EventfdFlags::CLOEXEC).unwrap();
    while (held.len() as u64) < number {
        match rustix::io::fcntl_dupfd_cloexec(&event, 0) {
            Ok(fd) => held.push(fd),
            Err(_) => break,
        }
    }
    writeln!(std::io::stdout(), "{} ready", held.len()).unwrap();
    let mut line = String::new();
    let _end = std::io::stdin().read_line(&mut line);
}

#[test]
fn a_hundred_thousand_descriptors_are_counted_to_the_last() {
    const NUMBER: u64 = 100_000;
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "bad_days::holds_descriptors_where_it_is_told_to", "--ignored", "--nocapture"]);
    command.env(HOLD, NUMBER.to_string()).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let _held = Held(child);
    let held = lines.map_while(Result::ok).find_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        words.strip_suffix(&["ready"])?.last()?.parse::<u64>().ok()
    });
    let held = held.expect("how many it holds");
    // Where the limits of the machine do not allow so many, as many as they do.
    assert!(held >= 1000, "{held}");
    let begun = Instant::now();
    let snapshot = look(_held.pid());
    assert!(begun.elapsed().as_secs() < 20, "{:?}", begun.elapsed());
    assert_eq!(snapshot.gaps, []);
    let census = snapshot.processes[0].fds.value().unwrap();
    let eventfds = census.classes[&slowdrip::model::FdClass::Eventfd];
    assert_eq!(eventfds, held + 1);
    assert!(census.total > eventfds && census.total < eventfds + 50, "{} of {eventfds}", census.total);
    assert_eq!(census.vanished, 0);
}

#[test]
fn a_command_line_of_a_megabyte_is_cut_and_everything_else_is_read() {
    // No single argument may be longer than 128 KiB, see execve(2).
    let long = "<&\u{202e}x".repeat(16_000);
    let mut command = shell("exec 9</dev/null");
    command.arg("name").args(std::iter::repeat_n(&long, 11));
    command.arg0("/opt/big app");
    let target = Held::start(&mut command);
    let size = std::fs::read(format!("/proc/{}/cmdline", target.pid())).unwrap().len();
    assert!(size > 1_000_000, "{size}");
    let snapshot = look(target.pid());
    assert_eq!(snapshot.gaps, []);
    let process = &snapshot.processes[0];
    assert!(process.cmdline.len() <= 4096, "{}", process.cmdline.len());
    assert!(process.cmdline.starts_with("/opt/big app -c exec 9</dev/null\\necho ready"), "{}", process.cmdline);
    assert!(!process.cmdline.chars().any(|c| c.is_control() || c == '\u{202e}'));
    assert_eq!(process.fds.value().unwrap().total, target.open());
    assert!(serde_json::to_string(&snapshot).unwrap().len() < 32 * 1024);
}

#[test]
fn hostile_names_of_open_files_reach_no_page_unescaped() {
    let fixture = Fixture::new();
    let name = "a\n<script>alert(1)\u{202e}\u{1b}[31m|`.db";
    std::fs::write(fixture.path().join(name), "").unwrap();
    let script = "for f in *.db; do exec 8<\"$f\" 9<\"$f\"; done; while :; do sleep 1; done";
    let scenario = format!(
        "name: hostile\ntarget: {{command: [sh, -c, {script:?}], workdir: .}}\nsoak: {{duration: 3s, interval: 500ms}}\nthresholds: t.yaml\n"
    );
    fixture.write("hostile.yaml", &scenario);
    fixture.write("t.yaml", "classes:\n  fd.sqlite_db: {max: 0}\n  mine: {match: \"**/*.db\", max: 0}\n");
    let output = fixture.run(&["run", "hostile.yaml"]);
    let run = fixture.only_run("hostile");
    let max = |class: &str| (class.to_owned(), "max".to_owned());
    assert_eq!(broken(&run), [max("fd.sqlite_db"), max("mine")], "{}{}", stdout(&output), stderr(&output));

    let samples = std::fs::read_to_string(run.join("samples.jsonl")).unwrap();
    let last: Value = serde_json::from_str(samples.lines().last().unwrap()).unwrap();
    let processes = last["processes"].as_array().unwrap();
    let links: Vec<&Value> =
        processes.iter().flat_map(|process| process["fds"]["value"]["links"].as_array()).flatten().collect();
    let hostile = links.iter().find(|link| link["name"].as_str().unwrap().contains("script")).expect("the file");
    assert_eq!((hostile["class"].as_str(), hostile["count"].as_u64()), (Some("sqlite_db"), Some(2)), "{hostile}");
    let shown = hostile["name"].as_str().unwrap();
    assert!(shown.ends_with("/a\\n<script>alert(1)\\u{202e}\\u{1b}[31m|`.db"), "{shown}");

    let page = std::fs::read_to_string(run.join("report.html")).unwrap();
    assert!(page.contains("&lt;script&gt;alert(1)"), "the name is shown, escaped");
    assert!(!page.contains("<script>alert"), "a script got into the page");
    for name in ["report.html", "report.md", "junit.xml"] {
        let text = std::fs::read_to_string(run.join(name)).unwrap();
        assert!(!text.contains('\u{1b}') && !text.contains("a\n<script>"), "{name}");
    }
    let snapshot = fixture.run(&["snapshot", &std::process::id().to_string()]);
    assert!(!stdout(&snapshot).contains('\u{1b}'));
}
