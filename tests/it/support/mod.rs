//! What several integration tests need.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic and print as tests do")]

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};

/// The engine as a person at the command line sees it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Docker;

/// The engine, or `None` after a loud line where none answers. With `SLOWDRIP_REQUIRE_DOCKER=1` that is a failure.
pub(crate) fn docker_or_skip() -> Option<Docker> {
    let answered = Command::new("docker").args(["version", "--format", "{{.Server.Version}}"]).output();
    if answered.is_ok_and(|output| output.status.success()) {
        return Some(Docker);
    }
    let required = std::env::var("SLOWDRIP_REQUIRE_DOCKER").is_ok_and(|value| value == "1");
    assert!(!required, "SLOWDRIP_REQUIRE_DOCKER=1, but no Docker engine answers");
    // Not by a macro: what those print is shown only of tests that fail.
    let test = std::thread::current();
    let name = test.name().unwrap_or("a test");
    let _ = writeln!(std::io::stderr(), "\nSKIPPED, no Docker engine answers: {name}");
    None
}

impl Docker {
    /// Runs `docker` and returns what came out.
    pub(crate) fn output(self, args: &[&str]) -> Output {
        Command::new("docker").args(args).output().unwrap()
    }

    /// Runs `docker`, which must succeed, and returns its standard output.
    pub(crate) fn run(self, args: &[&str]) -> String {
        let output = self.output(args);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "docker {args:?}: {stderr}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// Containers, networks, volumes and images that bear a run's label.
    pub(crate) fn of_run(self, run: &str) -> Vec<String> {
        let label = format!("label=slowdrip.run={run}");
        let lists: [&[&str]; 4] = [
            &["ps", "--all", "--format", "container {{.Names}}"],
            &["network", "ls", "--format", "network {{.Name}}"],
            &["volume", "ls", "--format", "volume {{.Name}}"],
            &["image", "ls", "--format", "image {{.Repository}}:{{.Tag}}"],
        ];
        let list = |args: &[&str]| self.run(&[args, &["--filter", &label]].concat());
        lists.iter().flat_map(|args| list(args).lines().map(str::to_owned).collect::<Vec<_>>()).collect()
    }
}

/// A run's id that no other test uses.
pub(crate) fn unique_run(name: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("{name}-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// The program under test.
pub(crate) fn binary() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_slowdrip"))
}

/// Descriptors that a process which the tests start inherits from whoever started the tests. They may be as dead as they like.
pub(crate) fn inherited() -> BTreeSet<u32> {
    const CLOEXEC: u64 = 0o2_000_000;
    let open = fs::read_dir("/proc/self/fdinfo").unwrap().filter_map(Result::ok);
    let kept = open.filter_map(|entry| {
        let fd: u32 = entry.file_name().to_str()?.parse().ok()?;
        let info = fs::read_to_string(entry.path()).ok()?;
        let flags = info.lines().find_map(|line| line.strip_prefix("flags:"))?;
        let flags = u64::from_str_radix(flags.trim(), 8).ok()?;
        (fd > 2 && flags & CLOEXEC == 0).then_some(fd)
    });
    kept.collect()
}

/// Writes a build context of the demo application into a folder and returns its path. The image's `CMD` has these arguments
/// after the usual ones.
pub(crate) fn demo_context(dir: &Path, arguments: &[&str]) -> PathBuf {
    let context = dir.join("context");
    fs::create_dir_all(&context).unwrap();
    let program = context.join("slowdrip");
    // A link where that is possible: the program is large. Never a copy over a link, which would empty the program itself.
    if !program.exists() && fs::hard_link(binary(), &program).is_err() {
        fs::copy(binary(), &program).unwrap();
    }
    let mut command = vec!["/slowdrip", "demo-app", "--listen", "0.0.0.0:8080", "--data", "/data"];
    command.extend(arguments);
    let lines = format!(
        "FROM scratch\nARG APP_VERSION\nLABEL org.opencontainers.image.version=$APP_VERSION\nCOPY slowdrip /slowdrip\nVOLUME /data\nCMD {command:?}\n"
    );
    fs::write(context.join("Dockerfile"), lines).unwrap();
    context
}
