//! A headless Chromium, driven over the DevTools protocol: just what tests of pages and screenshots need.

use std::collections::VecDeque;
use std::io;
use std::net::TcpStream;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use base64::Engine as _;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::stream::MaybeTlsStream;
use tokio_tungstenite::tungstenite::{self, Message, WebSocket};

/// Long enough for a machine that is busy with other tests.
const PATIENCE: Duration = Duration::from_secs(60);

/// Ends the whole group of processes when nobody holds the other end of its input any more: also when the one who began it was killed.
const KEEPER: &str = r#""$0" "$@" </dev/null >/dev/null 2>&1 & read -r _; kill -KILL 0"#;

type Socket = WebSocket<MaybeTlsStream<TcpStream>>;

/// A browser with a profile of its own. It ends with this value.
#[derive(Debug)]
pub(crate) struct Browser {
    keeper: Child,
    profile: tempfile::TempDir,
    port: u16,
    control: Mutex<Tab>,
}

/// The browser of this machine, `None`: there is none.
pub(crate) fn program() -> Option<&'static str> {
    let known = ["chromium", "chromium-browser", "google-chrome"];
    known.into_iter().find(|name| {
        let answer = Command::new(name).arg("--version").stdin(Stdio::null()).stderr(Stdio::null()).output();
        answer.is_ok_and(|answer| answer.status.success())
    })
}

impl Browser {
    /// Starts a browser.
    pub(crate) fn start(program: &str) -> Self {
        let profile = tempfile::Builder::new().prefix("slowdrip-browser-").tempdir().unwrap();
        let data = format!("--user-data-dir={}", profile.path().display());
        let mut command = Command::new("sh");
        command.args(["-c", KEEPER, program, "--headless", "--remote-debugging-port=0", &data]);
        command.args(["--disable-gpu", "--no-first-run", "--no-default-browser-check", "--disable-extensions"]);
        command.args(["--disable-background-networking", "--disable-component-update", "--disable-sync"]);
        command.args(["--disable-dev-shm-usage", "--force-color-profile=srgb", "--hide-scrollbars"]);
        if rustix::process::geteuid().is_root() {
            // As root there is no sandbox; the pages are our own.
            command.arg("--no-sandbox");
        }
        command.arg("about:blank");
        let keeper = command.stdin(Stdio::piped()).process_group(0).spawn().unwrap();
        let (port, path) = endpoint(profile.path());
        let control = Mutex::new(Tab::connect(port, &path));
        Self { keeper, profile, port, control }
    }

    /// The browser that tests at the same time share; the last of them ends it.
    pub(crate) fn shared(program: &str) -> Arc<Self> {
        static SHARED: Mutex<Weak<Browser>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        shared.upgrade().unwrap_or_else(|| {
            let browser = Arc::new(Self::start(program));
            *shared = Arc::downgrade(&browser);
            browser
        })
    }

    /// An empty tab, `width` by `height` pixels.
    pub(crate) fn tab(&self, width: u32, height: u32) -> Tab {
        let mut control = self.control.lock().unwrap_or_else(PoisonError::into_inner);
        let made = control.call("Target.createTarget", json!({ "url": "about:blank", "newWindow": true }));
        let id = made["targetId"].as_str().unwrap().to_owned();
        drop(control);
        let mut tab = Tab::connect(self.port, &format!("/devtools/page/{id}"));
        for domain in ["Page", "Runtime", "Log", "Network", "DOM", "Accessibility"] {
            tab.call(&format!("{domain}.enable"), json!({}));
        }
        tab.resize(width, height);
        tab
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
        // Its processes may be writing their last into the profile.
        let begun = Instant::now();
        while std::fs::remove_dir_all(self.profile.path()).is_err() && begun.elapsed() < Duration::from_secs(5) {
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// Where the browser listens, as it says in its profile.
fn endpoint(profile: &Path) -> (u16, String) {
    let begun = Instant::now();
    loop {
        let said = std::fs::read_to_string(profile.join("DevToolsActivePort")).unwrap_or_default();
        if let Some((port, path)) = said.split_once('\n').filter(|(_, path)| !path.is_empty()) {
            return (port.parse().unwrap(), path.trim().to_owned());
        }
        assert!(begun.elapsed() < PATIENCE, "the browser did not come up");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A page in the browser.
#[derive(Debug)]
pub(crate) struct Tab {
    socket: Socket,
    calls: u64,
    events: VecDeque<Value>,
}

impl Tab {
    fn connect(port: u16, path: &str) -> Self {
        let (socket, _) = tungstenite::connect(format!("ws://127.0.0.1:{port}{path}")).unwrap();
        if let MaybeTlsStream::Plain(stream) = socket.get_ref() {
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
        }
        Self { socket, calls: 0, events: VecDeque::new() }
    }

    /// Calls a method of the protocol, which must succeed.
    pub(crate) fn call(&mut self, method: &str, params: Value) -> Value {
        self.calls += 1;
        let call = json!({ "id": self.calls, "method": method, "params": params });
        self.socket.send(Message::text(call.to_string())).unwrap();
        loop {
            let mut message = self.receive();
            if message["id"] == self.calls {
                assert!(message.get("error").is_none(), "{method}: {}", message["error"]);
                return message["result"].take();
            }
            self.events.push_back(message);
        }
    }

    fn receive(&mut self) -> Value {
        loop {
            match self.socket.read() {
                Ok(Message::Text(text)) => return serde_json::from_str(&text).unwrap(),
                Ok(_) => {}
                Err(tungstenite::Error::Io(error)) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => panic!("the browser says no more: {error}"),
            }
        }
    }

    /// What the browser reported without being asked, so far.
    pub(crate) fn events(&mut self) -> Vec<Value> {
        // An answer comes after all that happened before it.
        self.call("Runtime.evaluate", json!({ "expression": "0" }));
        self.events.iter().cloned().collect()
    }

    /// Opens a file and waits until it is loaded.
    pub(crate) fn open(&mut self, file: &Path) {
        self.events.clear();
        let url = format!("file://{}", file.display());
        let opened = self.call("Page.navigate", json!({ "url": url }));
        assert!(opened.get("errorText").is_none(), "{url}: {}", opened["errorText"]);
        while !self.events.iter().any(|event| event["method"] == "Page.loadEventFired") {
            let event = self.receive();
            self.events.push_back(event);
        }
    }

    /// Makes the window `width` by `height` pixels.
    pub(crate) fn resize(&mut self, width: u32, height: u32) {
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.call("Emulation.setDeviceMetricsOverride", size);
    }

    /// Asks for light or dark, as the machine would.
    pub(crate) fn scheme(&mut self, scheme: &str) {
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        self.call("Emulation.setEmulatedMedia", json!({ "features": features }));
    }

    /// The value of an expression; a promise is awaited.
    pub(crate) fn eval(&mut self, expression: &str) -> Value {
        let ask = json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let mut answer = self.call("Runtime.evaluate", ask);
        assert!(answer.get("exceptionDetails").is_none(), "{expression}: {}", answer["exceptionDetails"]);
        answer["result"]["value"].take()
    }

    /// The text of an expression.
    pub(crate) fn text(&mut self, expression: &str) -> String {
        let value = self.eval(expression);
        value.as_str().unwrap_or_else(|| panic!("{expression}: {value}")).to_owned()
    }

    /// A point of the first element that matches, by shares of its width and height; scrolled into view.
    pub(crate) fn point(&mut self, selector: &str, (x, y): (f64, f64)) -> (f64, f64) {
        let found = self.eval(&format!(
            "(() => {{ const e = document.querySelector({selector:?}); e.scrollIntoView({{block: 'center'}}); \
             const b = e.getBoundingClientRect(); return [b.left + b.width * {x}, b.top + b.height * {y}]; }})()"
        ));
        (found[0].as_f64().unwrap(), found[1].as_f64().unwrap())
    }

    /// Moves, presses or releases the mouse: `mouseMoved`, `mousePressed`, `mouseReleased`.
    pub(crate) fn mouse(&mut self, kind: &str, (x, y): (f64, f64)) {
        let held = kind != "mouseReleased";
        let button = if kind == "mouseMoved" { "none" } else { "left" };
        let event = json!({ "type": kind, "x": x, "y": y, "button": button, "clickCount": 1, "buttons": u8::from(held && button == "left") });
        self.call("Input.dispatchMouseEvent", event);
    }

    /// Drags the mouse.
    pub(crate) fn drag(&mut self, from: (f64, f64), to: (f64, f64)) {
        self.mouse("mouseMoved", from);
        self.mouse("mousePressed", from);
        let half = (f64::midpoint(from.0, to.0), f64::midpoint(from.1, to.1));
        for (x, y) in [half, to] {
            let event = json!({ "type": "mouseMoved", "x": x, "y": y, "button": "left", "buttons": 1 });
            self.call("Input.dispatchMouseEvent", event);
        }
        self.mouse("mouseReleased", to);
    }

    /// Clicks the first element that matches.
    pub(crate) fn click(&mut self, selector: &str) {
        let at = self.point(selector, (0.5, 0.5));
        self.mouse("mousePressed", at);
        self.mouse("mouseReleased", at);
    }

    /// Touches a point and lifts the finger again.
    pub(crate) fn tap(&mut self, (x, y): (f64, f64)) {
        self.call("Input.dispatchTouchEvent", json!({ "type": "touchStart", "touchPoints": [{ "x": x, "y": y }] }));
        self.call("Input.dispatchTouchEvent", json!({ "type": "touchEnd", "touchPoints": [] }));
    }

    /// Presses a key; `modifiers` as the protocol has them: 8 is Shift.
    pub(crate) fn key(&mut self, key: &str, modifiers: u8) {
        let code = match key {
            "Tab" => 9,
            "Enter" => 13,
            "Escape" => 27,
            "End" => 35,
            "Home" => 36,
            "ArrowLeft" => 37,
            "ArrowUp" => 38,
            "ArrowRight" => 39,
            "ArrowDown" => 40,
            " " => 32,
            other => panic!("{other} is no key of this keyboard"),
        };
        let text = match key {
            "Enter" => "\r",
            " " => " ",
            _ => "",
        };
        for kind in ["keyDown", "keyUp"] {
            let mut event =
                json!({ "type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code, "modifiers": modifiers });
            if kind == "keyDown" && !text.is_empty() {
                event["text"] = json!(text);
            }
            self.call("Input.dispatchKeyEvent", event);
        }
    }

    /// The page on paper.
    pub(crate) fn pdf(&mut self) -> Vec<u8> {
        let printed = self.call("Page.printToPDF", json!({ "printBackground": true, "preferCSSPageSize": true }));
        decoded(&printed["data"])
    }
}

fn decoded(data: &Value) -> Vec<u8> {
    base64::engine::general_purpose::STANDARD.decode(data.as_str().unwrap()).unwrap()
}

impl Drop for Tab {
    fn drop(&mut self) {
        // The page goes with its connection; the browser's own answers that there is nothing to close.
        let close = json!({ "id": self.calls + 1, "method": "Page.close", "params": {} });
        let _ = self.socket.send(Message::text(close.to_string()));
    }
}
