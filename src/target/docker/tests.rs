//! Bad days of the engine, played by a small daemon that says what it is told to.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bollard::errors::Error;
use futures_util::StreamExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio_util::task::AbortOnDropHandle;

use super::image::Making;
use super::{Application, Engine, Marks, unreachable};
use crate::model::Redactor;
use crate::scenario::{
    Build, Builder, ContainerOptions, Ready, ReadyCheck, Scenario, Soak, Stop, Target as Plan, TargetKind,
};
use crate::target::{Followed, TargetError};

/// What the daemon answers: the head's status line and the body, whose end is the connection's end.
type Script = fn(&str) -> (&'static str, String);

struct Daemon {
    host: String,
    asked: Arc<Mutex<Vec<String>>>,
    _serving: AbortOnDropHandle<()>,
    _dir: tempfile::TempDir,
}

impl Daemon {
    fn start(script: Script) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("engine.sock");
        let listener = UnixListener::bind(&path).unwrap();
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let seen = Arc::clone(&asked);
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let asked = answer(stream, script).await.unwrap_or_default();
                seen.lock().unwrap().push(asked);
            }
        });
        let host = format!("unix://{}", path.display());
        Self { host, asked, _serving: AbortOnDropHandle::new(serving), _dir: dir }
    }

    async fn engine(&self) -> Engine {
        Engine::connect_to(&self.host).await.unwrap()
    }

    fn asked(&self, what: &str) -> usize {
        self.asked.lock().unwrap().iter().filter(|line| line.contains(what)).count()
    }
}

async fn answer(mut stream: UnixStream, script: Script) -> io::Result<String> {
    let mut request = Vec::new();
    let mut room = [0; 4096];
    loop {
        let read = stream.read(&mut room).await?;
        request.extend_from_slice(&room[..read]);
        let head = String::from_utf8_lossy(&request).into_owned();
        let whole = if head.contains("transfer-encoding: chunked") {
            request.ends_with(b"0\r\n\r\n")
        } else {
            head.contains("\r\n\r\n")
        };
        if whole || read == 0 {
            break;
        }
    }
    let request = String::from_utf8_lossy(&request);
    let line = request.lines().next().unwrap_or_default().to_owned();
    let (status, body) = if line.contains("/version") {
        ("200 OK", r#"{"Version": "20.10.24", "ApiVersion": "1.41"}"#.to_owned())
    } else {
        script(&line)
    };
    let head = format!("HTTP/1.1 {status}\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body.as_bytes()).await?;
    stream.shutdown().await?;
    Ok(line)
}

fn scenario(kind: TargetKind) -> Scenario {
    let soon = Duration::from_secs(5);
    Scenario {
        name: "faults".into(),
        path: "faults.yaml".into(),
        text: String::new(),
        included: Vec::new(),
        digest: String::new(),
        target: Plan { kind, options: ContainerOptions::default() },
        sidecars: Vec::new(),
        ready: Ready { check: ReadyCheck::Started, within: soon },
        seed: Vec::new(),
        soak: Soak { duration: soon, warmup: None, interval: soon, settle: soon },
        churn: None,
        settle: Vec::new(),
        after: Vec::new(),
        counters: Vec::new(),
        series: Vec::new(),
        stop: Stop { signal: "SIGTERM".into(), within: soon },
        thresholds: None,
        vars: BTreeMap::new(),
        secrets: Vec::new(),
    }
}

fn context(dir: &Path) -> TargetKind {
    std::fs::write(dir.join("Dockerfile"), "FROM scratch\n").unwrap();
    let (context, dockerfile) = (dir.to_owned(), "Dockerfile".to_owned());
    TargetKind::Build(Build {
        context,
        dockerfile,
        args: BTreeMap::new(),
        stage: None,
        network: None,
        cache: true,
        builder: Builder::Auto,
    })
}

#[tokio::test]
async fn an_engine_that_is_not_there_is_told_from_one_that_cannot_be_spoken_to() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("engine.sock");
    let host = format!("unix://{}", path.display());
    let connect = async |host: &str| Engine::connect_to(host).await.unwrap_err().to_string();
    assert!(connect(&host).await.contains("there is no such socket"));
    drop(UnixListener::bind(&path).unwrap());
    assert!(connect(&host).await.contains("the connection was refused"));
    assert!(connect("tcp://127.0.0.1:1").await.contains("the connection was refused"));
    assert!(connect("ssh://somewhere").await.contains("unset it"));
    // Root may open any socket, so the refusal itself is played.
    let denied = Error::IOError { err: io::Error::from(io::ErrorKind::PermissionDenied) };
    let err = unreachable(&host, &denied);
    assert!(matches!(err, TargetError::NoPermission { .. }) && err.to_string().contains("`docker` group"), "{err}");
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_never_answers_is_given_up() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("engine.sock");
    let _silent = UnixListener::bind(&path).unwrap();
    let err = Engine::connect_to(&format!("unix://{}", path.display())).await.unwrap_err();
    assert!(err.to_string().contains("no answer within 10 s"), "{err}");
}

#[tokio::test]
async fn a_build_that_fails_half_way_shows_its_last_lines_without_secrets_and_escapes() {
    let daemon = Daemon::start(|line| {
        assert!(line.starts_with("POST ") && line.contains("/build?"), "{line}");
        let line = |n: u32| format!("{{\"stream\": \"line {n} s3cret-value\\u001b[1m\\n\"}}\n");
        let lines: String = (1..=40).map(line).collect();
        let failed =
            r#"{"errorDetail": {"code": 1, "message": "it returned a non-zero code: 1"}, "error": "it returned"}"#;
        ("200 OK", format!("{lines}{failed}\n"))
    });
    let dir = tempfile::tempdir().unwrap();
    let redactor = Arc::new(Redactor::new());
    redactor.add("s3cret-value");
    let plan = scenario(context(dir.path()));
    let mut application = Application::new(daemon.engine().await, &plan, "run", redactor);
    let reported = Mutex::new(Vec::new());
    let err = application.start(&|line| reported.lock().unwrap().push(line.to_owned())).await.unwrap_err();
    let TargetError::BuildFailed { message, lines, .. } = &err else { panic!("{err}") };
    assert_eq!(message, "it returned a non-zero code: 1");
    assert_eq!(lines.len(), 30);
    assert_eq!((lines[0].as_str(), lines[29].as_str()), ("line 11 [secret]\\u{1b}[1m", "line 40 [secret]\\u{1b}[1m"));
    assert!(err.to_string().contains("building the target failed"), "{err}");
    // Building was announced, then every line.
    assert_eq!(reported.lock().unwrap().len(), 41);
}

#[tokio::test]
async fn a_build_that_needs_another_builder_says_what_to_do() {
    let daemon = Daemon::start(|_| {
        let message = "the --mount option requires BuildKit";
        ("500 Internal Server Error", format!("{{\"message\": \"{message}\"}}"))
    });
    let dir = tempfile::tempdir().unwrap();
    let redactor = Redactor::new();
    let marks = Marks::new("faults", "run");
    let making = Making { marks: &marks, redactor: &redactor, progress: &|_| {} };
    let err = daemon.engine().await.image(&context(dir.path()), Some("stub"), &making).await.unwrap_err();
    assert!(
        err.to_string().contains("sidecar `stub`") && err.to_string().contains("write `builder: buildkit`"),
        "{err}"
    );
}

#[tokio::test]
async fn an_image_of_buildkit_that_another_run_removes_is_built_again_and_given_up_in_the_end() {
    let daemon = Daemon::start(|line| match line {
        line if line.contains("/build?") => {
            assert!(line.contains("version=2") && line.contains("session=slowdrip-run-"), "{line}");
            ("200 OK", r#"{"id": "moby.image.id", "aux": {"ID": "sha256:1"}}"#.to_owned())
        }
        _ => ("404 Not Found", r#"{"message": "No such image: sha256:1"}"#.to_owned()),
    });
    let dir = tempfile::tempdir().unwrap();
    let kind = context(dir.path());
    std::fs::write(dir.path().join("Dockerfile"), "FROM scratch\nCOPY --link Dockerfile /\n").unwrap();
    let redactor = Redactor::new();
    let marks = Marks::new("faults", "run");
    let told = Mutex::new(Vec::new());
    let progress = |line: &str| told.lock().unwrap().push(line.to_owned());
    let making = Making { marks: &marks, redactor: &redactor, progress: &progress };
    let err = daemon.engine().await.image(&kind, None, &making).await.unwrap_err().to_string();
    assert!(err.contains("look at the built image") && err.contains("No such image"), "{err}");
    assert_eq!(daemon.asked("/build?"), 3);
    assert!(told.lock().unwrap()[0].ends_with("by BuildKit, which line 2 needs (COPY --link)"));
}

#[tokio::test]
async fn the_log_since_a_moment_is_asked_for_in_seconds_and_cut_to_the_moment() {
    let daemon = Daemon::start(|line| {
        assert!(line.contains("/logs?") && line.contains("since=1000") && line.contains("tail=7"), "{line}");
        ("200 OK", framed(&["1970-01-01T00:16:40.1Z before", "1970-01-01T00:16:40.6Z b", "1970-01-01T00:16:40.5Z a"]))
    });
    let since = jiff::Timestamp::from_millisecond(1_000_500).unwrap();
    let lines = daemon.engine().await.logs_since("abc", 7, Some(since)).await.unwrap();
    assert_eq!(lines.iter().map(|line| line.text.as_str()).collect::<Vec<_>>(), ["a", "b"]);
}

#[tokio::test]
async fn an_image_that_is_missing_is_pulled_once_and_both_failures_are_told() {
    let daemon = Daemon::start(|line| {
        if line.contains("/images/create") {
            let failed = r#"{"errorDetail": {"message": "dial tcp: no route to host"}, "error": "dial"}"#;
            ("200 OK", format!("{{\"status\": \"Pulling from app\"}}\n{failed}\n"))
        } else {
            ("404 Not Found", r#"{"message": "No such image: app:1"}"#.to_owned())
        }
    });
    let redactor = Redactor::new();
    let marks = Marks::new("faults", "run");
    let making = Making { marks: &marks, redactor: &redactor, progress: &|_| {} };
    let engine = daemon.engine().await;
    let err = engine.image(&TargetKind::Image("app:1".into()), None, &making).await.unwrap_err().to_string();
    assert!(err.contains("image `app:1` is not on this machine") && err.contains("no route to host"), "{err}");
    assert_eq!(daemon.asked("/images/create?fromImage=app&"), 1);
    let err = engine.image(&TargetKind::Image("sha256:00".into()), None, &making).await.unwrap_err().to_string();
    assert!(err.contains("an id cannot be pulled"), "{err}");
    assert_eq!(daemon.asked("/images/create"), 1);
}

#[tokio::test]
async fn what_cannot_be_removed_is_tried_again_and_then_named() {
    let daemon = Daemon::start(|line| {
        if line.contains("/containers/json") {
            ("200 OK", r#"[{"Id": "abc", "Names": ["/slowdrip-faults-run-target"], "Labels": {}}]"#.to_owned())
        } else if line.starts_with("DELETE") {
            ("500 Internal Server Error", r#"{"message": "device or resource busy"}"#.to_owned())
        } else if line.contains("/volumes") {
            ("200 OK", r#"{"Volumes": []}"#.to_owned())
        } else {
            ("200 OK", "[]".to_owned())
        }
    });
    let err = daemon.engine().await.clear("run", false).await.unwrap_err().to_string();
    assert!(err.contains("container slowdrip-faults-run-target: device or resource busy"), "{err}");
    assert_eq!(daemon.asked("/containers/abc?"), 5);
}

/// Log lines as the engine frames them: the stream, the length, the text. Short ones, so that every byte is a character.
fn framed(lines: &[&str]) -> String {
    lines
        .iter()
        .map(|line| format!("\u{1}\0\0\0\0\0\0{}{line}", char::from(u8::try_from(line.len()).unwrap())))
        .collect()
}

#[tokio::test]
async fn a_log_that_breaks_off_goes_on_where_it_was_and_says_nothing_twice() {
    let daemon = Daemon::start(|line| {
        assert!(line.contains("/containers/abc/logs?") && line.contains("follow=true"), "{line}");
        let lines: &[&str] = match line {
            line if line.contains("since=999") => {
                &["1970-01-01T00:16:39.9Z early", "1970-01-01T00:16:40.5Z one", "1970-01-01T00:16:41.2Z two"]
            }
            line if line.contains("since=1001") => {
                &["1970-01-01T00:16:41.1Z before two", "1970-01-01T00:16:41.2Z two", "1970-01-01T00:16:41.9Z three"]
            }
            _ => &[],
        };
        ("200 OK", framed(lines))
    });
    let since = jiff::Timestamp::from_second(1000).unwrap();
    let lines = daemon.engine().await.follow_at_pace("abc".to_owned(), since, Duration::from_millis(1));
    let texts: Vec<String> = lines
        .take(3)
        .map(|piece| match piece {
            Followed::Line(ref line) => line.text.clone(),
            Followed::Lost(_) | Followed::Failed(_) => format!("{piece:?}"),
        })
        .collect()
        .await;
    assert_eq!(texts, ["one", "two", "three"]);
}

#[tokio::test]
async fn a_log_that_the_engine_keeps_refusing_is_given_up() {
    let daemon = Daemon::start(|_| {
        let message = "configured logging driver does not support reading";
        ("501 Not Implemented", format!("{{\"message\": \"{message}\"}}"))
    });
    let lines =
        daemon.engine().await.follow_at_pace("abc".to_owned(), jiff::Timestamp::now(), Duration::from_millis(1));
    let pieces: Vec<Followed> = lines.collect().await;
    assert_eq!(pieces, [Followed::Failed("configured logging driver does not support reading".to_owned())]);
    assert_eq!(daemon.asked("/logs?"), 5);
}
