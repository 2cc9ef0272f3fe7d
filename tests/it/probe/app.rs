//! The demo application as a container or as a process, and slowdrip that looks at it. Both end with the test.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

use slowdrip::model::{DeadKind, Metric, Snapshot};

use crate::fixture::{SLOWDRIP, nobody, stderr, stdout};
use crate::support::{Docker, demo_context, unique_run};

/// How long anything may take that should happen soon: other tests run beside it.
const SOON: Duration = Duration::from_secs(60);

/// When orphans are made: after slowdrip has seen whose children they are.
const FIRST_LOOKS: Duration = Duration::from_secs(6);

/// What the application says of one thing that it holds.
#[derive(Debug, Clone, serde::Deserialize)]
pub(super) struct Planted {
    pub(super) name: String,
    pub(super) pid: u32,
    pub(super) fds: Vec<u32>,
    pub(super) class: Option<Metric>,
    pub(super) kinds: Vec<Metric>,
    pub(super) dead_kind: Option<DeadKind>,
    pub(super) skipped: Option<String>,
}

/// A running demo application.
pub(super) struct App {
    runs: Runs,
    port: u16,
    // The folder of who looks at it, where that is somebody without rights.
    nobody: Option<tempfile::TempDir>,
}

enum Runs {
    Container(Container),
    Process(Process),
}

struct Container {
    docker: Docker,
    name: String,
    // Removed with its last container.
    _image: Arc<Image>,
}

struct Process {
    child: Child,
    _data: tempfile::TempDir,
}

struct Image {
    docker: Docker,
    tag: String,
}

impl Image {
    /// The image of all tests that run at this time: the program is large.
    fn shared(docker: Docker) -> Arc<Self> {
        static IMAGE: Mutex<Weak<Image>> = Mutex::new(Weak::new());
        let mut shared = IMAGE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(image) = shared.upgrade() {
            return image;
        }
        let dir = tempfile::tempdir().unwrap();
        let context = demo_context(dir.path(), &[]);
        let tag = unique_run("slowdrip-test-probe");
        docker.run(&["build", "--quiet", "--tag", &tag, context.to_str().unwrap()]);
        let image = Arc::new(Self { docker, tag });
        *shared = Arc::downgrade(&image);
        image
    }
}

impl Drop for Image {
    fn drop(&mut self) {
        self.docker.output(&["image", "rm", &self.tag]);
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        self.docker.output(&["rm", "--force", "--volumes", &self.name]);
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Its own children end with it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl App {
    /// Starts it in a container of its own.
    pub(super) fn in_container(docker: Docker, flags: &[&str]) -> Self {
        let image = Image::shared(docker);
        let container = Container { docker, name: unique_run("slowdrip-test-probe"), _image: Arc::clone(&image) };
        let run = ["run", "--detach", "--publish", "127.0.0.1::8080", "--name", &container.name, &image.tag];
        let app = ["/slowdrip", "demo-app", "--listen=0.0.0.0:8080", "--data=/data"];
        docker.run(&[&run[..], &app, flags].concat());
        let address = docker.run(&["port", &container.name, "8080/tcp"]);
        let port = address.lines().next().unwrap().rsplit(':').next().unwrap().parse().unwrap();
        let app = Self { runs: Runs::Container(container), port, nobody: None };
        app.wait_until_ready();
        app
    }

    /// Starts it as a process.
    pub(super) fn as_process(flags: &[&str]) -> Self {
        let data = tempfile::tempdir().unwrap();
        let mut child = Command::new(SLOWDRIP)
            .args(["demo-app", "--listen=127.0.0.1:0", "--print-port", "--data"])
            .arg(data.path())
            .args(flags)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut port = String::new();
        output.read_line(&mut port).unwrap();
        let app = Self {
            runs: Runs::Process(Process { child, _data: data }),
            port: port.trim().parse().unwrap(),
            nobody: None,
        };
        // Somebody must read on: nobody at the other end would be a dead handle.
        std::thread::spawn(move || std::io::copy(&mut output, &mut std::io::sink()));
        app.wait_until_ready();
        app
    }

    /// Looked at by somebody who may speak to the engine, and nothing else.
    pub(super) fn seen_by_nobody(mut self) -> Self {
        self.nobody = Some(tempfile::tempdir().unwrap());
        self
    }

    fn wait_until_ready(&self) {
        let deadline = Instant::now() + SOON;
        while self.ask("GET", "/health").is_none() {
            if let Runs::Container(container) = &self.runs {
                let output = container.docker.output(&["logs", &container.name]);
                assert!(Instant::now() < deadline, "not ready:\n{}", stderr(&output));
            }
            assert!(Instant::now() < deadline, "not ready");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// The body of a successful answer.
    fn ask(&self, method: &str, path: &str) -> Option<String> {
        let mut connection = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        connection.set_read_timeout(Some(SOON)).ok()?;
        // Closed by the application: no connection of the test is left in it.
        let request =
            format!("{method} {path} HTTP/1.1\r\nHost: demo\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
        connection.write_all(request.as_bytes()).ok()?;
        let mut answer = String::new();
        connection.read_to_string(&mut answer).ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        head.starts_with("HTTP/1.1 200 ").then(|| body.to_owned())
    }

    /// What it holds.
    pub(super) fn planted(&self) -> Vec<Planted> {
        let list = self.ask("GET", "/plants").expect("a list of plants");
        let planted: Vec<Planted> = serde_json::from_str(&list).unwrap_or_else(|error| panic!("{error}: {list}"));
        for planted in &planted {
            if let Some(why) = &planted.skipped {
                // Not by a macro: what those print is shown only of tests that fail.
                let _ = writeln!(std::io::stderr(), "not planted here: {}: {why}", planted.name);
            }
        }
        planted
    }

    /// What slowdrip sees of it.
    pub(super) fn look(&self, flags: &[&str]) -> Snapshot {
        snapshot(&said(self.start_look(&[&["--json"], flags].concat())))
    }

    /// What slowdrip prints of it.
    pub(super) fn read(&self, flags: &[&str]) -> String {
        said(self.start_look(flags))
    }

    /// The same, while processes of the application become orphans.
    pub(super) fn look_and_orphan(&self, flags: &[&str]) -> Snapshot {
        snapshot(&self.read_and_orphan(&[&["--json"], flags].concat()))
    }

    /// What slowdrip prints of it, while processes of the application become orphans.
    pub(super) fn read_and_orphan(&self, flags: &[&str]) -> String {
        let looking = self.start_look(flags);
        std::thread::sleep(FIRST_LOOKS);
        let answer = self.ask("POST", "/plants/orphan");
        let said = said(looking);
        assert!(answer.is_some(), "the application was to make orphans");
        said
    }

    fn start_look(&self, flags: &[&str]) -> Child {
        let subject = match &self.runs {
            Runs::Container(container) => container.name.clone(),
            Runs::Process(process) => process.child.id().to_string(),
        };
        let mut command = match &self.nobody {
            Some(folder) => nobody(folder.path()),
            None => Command::new(SLOWDRIP),
        };
        command.arg("snapshot").args(flags).arg(subject);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }
}

fn said(looking: Child) -> String {
    let output = looking.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    stdout(&output)
}

fn snapshot(json: &str) -> Snapshot {
    serde_json::from_str(json).unwrap_or_else(|error| panic!("{error}: {json}"))
}
