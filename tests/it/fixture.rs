//! A folder with scenarios and reports of its own, and slowdrip run in it.

use std::fmt::Write as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

/// The binary under test.
pub(crate) const SLOWDRIP: &str = env!("CARGO_BIN_EXE_slowdrip");

/// A folder of its own for one test.
pub(crate) struct Fixture {
    dir: tempfile::TempDir,
}

impl Fixture {
    /// An empty folder.
    pub(crate) fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path().join(name), text).unwrap();
    }

    /// A scenario that soaks the demo application as a local process.
    pub(crate) fn process(&self, name: &str, app_flags: &str, rest: &str) {
        let port = free_port();
        let data = self.path().join(format!("data-{name}"));
        std::fs::create_dir_all(&data).unwrap();
        let mut argv = format!("{SLOWDRIP}, demo-app, --listen, \"127.0.0.1:{port}\", --data, {}", data.display());
        for flag in app_flags.split_whitespace() {
            write!(argv, ", {flag:?}").unwrap();
        }
        let text = format!(
            "name: {name}\ntarget: {{command: [{argv}], publish: [{port}]}}\nready: {{http: {{path: /health, status: 200}}, within: 20s}}\n{rest}\n"
        );
        self.write(&format!("{name}.yaml"), &text);
    }

    /// slowdrip in this folder, ready to be started.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(SLOWDRIP);
        command.args(args).current_dir(self.path()).env_remove("RUST_LOG").stdin(Stdio::null());
        command
    }

    /// Runs slowdrip to its end.
    pub(crate) fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// Starts slowdrip and waits until its log shows `text`.
    pub(crate) fn start_until(&self, args: &[&str], text: &str) -> Started {
        let log = self.path().join("stderr.log");
        let file = std::fs::File::create(&log).unwrap();
        let child = self.command(args).stderr(file).stdout(Stdio::null()).process_group(0).spawn().unwrap();
        let mut started = Started { child, log };
        let deadline = Instant::now() + Duration::from_secs(60);
        while !started.log().contains(text) {
            assert!(started.child.try_wait().unwrap().is_none(), "ended early:\n{}", started.log());
            assert!(Instant::now() < deadline, "no `{text}` in:\n{}", started.log());
            std::thread::sleep(Duration::from_millis(50));
        }
        started
    }

    /// The folders of a scenario's runs, oldest first.
    pub(crate) fn runs(&self, scenario: &str) -> Vec<PathBuf> {
        slowdrip::history::runs_of(&self.path().join("reports"), scenario).unwrap()
    }

    /// The folder of a scenario's only run.
    pub(crate) fn only_run(&self, scenario: &str) -> PathBuf {
        let runs = self.runs(scenario);
        assert_eq!(runs.len(), 1, "{runs:?}");
        runs[0].clone()
    }
}

/// slowdrip, running.
pub(crate) struct Started {
    pub(crate) child: Child,
    log: PathBuf,
}

impl Started {
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal).unwrap();
    }

    /// Waits for its end and returns its exit code.
    pub(crate) fn wait(&mut self) -> Option<i32> {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(Instant::now() < deadline, "does not end:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        // A test that fails must not leave slowdrip behind; it removes what it made by itself.
        if self.child.try_wait().is_ok_and(|status| status.is_none()) {
            self.signal(rustix::process::Signal::TERM);
            let _ = self.child.wait();
        }
    }
}

/// slowdrip as somebody who may speak to the engine, and nothing else. Only root can become such a one. The program is copied
/// to `folder`, for it may lie where nobody but its owner can go.
pub(crate) fn nobody(folder: &Path) -> Command {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
    let program = folder.join("slowdrip-copy");
    if !program.exists() {
        std::fs::copy(SLOWDRIP, &program).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o777)).unwrap();
    }
    let mut command = Command::new(program);
    // Setting a user from root drops the supplementary groups and all capabilities.
    command.current_dir(folder).env_remove("HOME").uid(65_534);
    if let Ok(socket) = std::fs::metadata("/var/run/docker.sock") {
        command.gid(socket.gid());
    }
    command
}

/// True where this test may become somebody else; says so where it may not.
pub(crate) fn is_root_or_skip() -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        // Not by a macro: what those print is shown only of tests that fail.
        let _ = std::io::Write::write_all(&mut std::io::stderr(), b"SKIPPED, only root can become somebody else\n");
    }
    root
}

/// A port that is free and stays so: below the ports that the kernel gives to clients, and no two of one test run alike.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    const FIRST: u32 = 10_000;
    const SPAN: u32 = 20_000;
    // Test runs side by side begin far from each other.
    let begin = std::process::id().wrapping_mul(613);
    let numbers = std::iter::repeat_with(|| NEXT.fetch_add(1, Ordering::Relaxed)).take(SPAN as usize);
    let ports = numbers.map(|number| u16::try_from(FIRST + begin.wrapping_add(number) % SPAN).unwrap());
    let mut free = ports.filter(|port| std::net::TcpListener::bind(("127.0.0.1", *port)).is_ok());
    free.next().expect("a free port")
}

pub(crate) fn json(path: &Path) -> Value {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap()
}

/// The broken rules of a run: (class, rule), sorted.
pub(crate) fn broken(run: &Path) -> Vec<(String, String)> {
    let findings = json(&run.join("findings.json"));
    let mut broken: Vec<(String, String)> = findings["findings"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|finding| finding["status"] == "breaks")
        .map(|finding| (text(&finding["class"]), text(&finding["rule"])))
        .collect();
    broken.sort();
    broken
}

pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Processes whose command line holds `text`.
pub(crate) fn processes_with(text: &str) -> Vec<u32> {
    std::fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter_map(|entry| entry.file_name().to_string_lossy().parse().ok())
        .filter(|pid: &u32| {
            std::fs::read(format!("/proc/{pid}/cmdline"))
                .is_ok_and(|line| String::from_utf8_lossy(&line).replace('\0', " ").contains(text))
        })
        .collect()
}
