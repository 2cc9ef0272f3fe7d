//! `slowdrip demo-app`: the application that the demo soaks.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests may panic as tests do")]

mod clock;
mod http;
mod leaks;
mod plants;
mod signals;
mod work;

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use reqwest::redirect::Policy;
use reqwest::{Client, StatusCode};
use reqwest_cookie_store::CookieStoreMutex;
use rustix::process::{Pid, Signal};
use serde_json::Value;

/// How long anything may take that should happen soon: far more than it needs, because other tests run beside it.
const SOON: Duration = Duration::from_secs(20);

/// A running demo application. It ends with the test.
struct App {
    child: Child,
    port: u16,
    lines: Arc<Mutex<Vec<String>>>,
    _data: tempfile::TempDir,
}

impl App {
    fn start(arguments: &[&str]) -> Self {
        // The clients of these tests speak no TLS, and cannot be made without somebody who could. The first one to say who it is wins.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let data = tempfile::tempdir().unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_slowdrip"))
            .args(["demo-app", "--listen=127.0.0.1:0", "--print-port", "--refresh=50ms", "--data"])
            .arg(data.path())
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap()).lines();
        let port = output.next().unwrap().unwrap().parse().unwrap();
        let lines = Arc::new(Mutex::new(Vec::new()));
        let into = Arc::clone(&lines);
        thread::spawn(move || output.map_while(Result::ok).for_each(|line| into.lock().unwrap().push(line)));
        Self { child, port, lines, _data: data }
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    fn signal(&self, signal: Signal) {
        rustix::process::kill_process(self.pid(), signal).unwrap();
    }

    fn said(&self, text: &str) -> bool {
        self.lines.lock().unwrap().iter().any(|line| line.contains(text))
    }

    fn ended(&mut self) -> ExitStatus {
        eventually("the application has ended", || self.child.try_wait().unwrap())
    }

    /// How often each link target is open, figures in it replaced by `N`.
    fn links(&self) -> BTreeMap<String, usize> {
        let mut links = BTreeMap::new();
        for entry in fs::read_dir(format!("/proc/{}/fd", self.child.id())).unwrap() {
            // What is closed between listing and reading was not held.
            let Ok(link) = fs::read_link(entry.unwrap().path()) else { continue };
            let name = link.file_name().unwrap().to_str().unwrap();
            let mut name: String = name.chars().map(|c| if c.is_ascii_digit() { 'N' } else { c }).collect();
            while name.contains("NN") {
                name = name.replace("NN", "N");
            }
            *links.entry(name).or_default() += 1;
        }
        links
    }

    fn children(&self) -> Vec<u32> {
        let parent = format!("PPid:\t{}", self.child.id());
        let all = fs::read_dir("/proc").unwrap().filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok());
        all.filter(|pid: &u32| {
            fs::read_to_string(format!("/proc/{pid}/status"))
                .is_ok_and(|status| status.lines().any(|line| line == parent))
        })
        .collect()
    }

    async fn json(&self, path: &str) -> Value {
        Client::new().get(self.url(path)).send().await.unwrap().json().await.unwrap()
    }
}

impl Drop for App {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Asks again and again until there is an answer.
fn eventually<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + SOON;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < deadline, "not within {SOON:?}: {what}");
        thread::sleep(Duration::from_millis(10));
    }
}

/// The state of a process as /proc has it; none where there is no process.
fn state(pid: u32) -> Option<char> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.chars().next()
}

/// A browser: it keeps cookies and shows redirections as they are.
fn browser() -> Client {
    let jar = Arc::new(CookieStoreMutex::default());
    Client::builder().cookie_provider(jar).redirect(Policy::none()).build().unwrap()
}

async fn token(browser: &Client, app: &App, form: &str) -> String {
    let page = browser.get(app.url(form)).send().await.unwrap();
    assert_eq!(page.status(), StatusCode::OK);
    let page = scraper::Html::parse_document(&page.text().await.unwrap());
    let input = scraper::Selector::parse("input[name=csrf_token]").unwrap();
    page.select(&input).next().unwrap().attr("value").unwrap().to_owned()
}

async fn send(browser: &Client, app: &App, form: &str, fields: &[(&str, &str)]) -> StatusCode {
    browser.post(app.url(form)).form(fields).send().await.unwrap().status()
}
