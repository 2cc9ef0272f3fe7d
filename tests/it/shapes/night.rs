//! A night of half an hour that takes some seconds: the demo application by a clock that is moved by hand, real looks at its real
//! handles, and the judge over them.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use slowdrip::judge::judge;
use slowdrip::model::{Assessment, Phase, RUN_FORMAT, Recorded, RunRecord, Scope, Severity, Snapshot, Status};
use slowdrip::probe::{Depth, ProcRoot, Sampler};
use slowdrip::threshold;

use crate::support::{binary, inherited};

/// How long an application's answer may take: other tests run beside it.
const SOON: Duration = Duration::from_secs(60);

/// Half an hour on the application's clock, seconds.
const NIGHT_S: u64 = 1800;

/// Every class that a shape or a leak touches, by the rules that must hold whatever the application does in good health: nothing grows,
/// and no handle is dead. Memory may grow by what is allowed where nothing is said: no heap stays the same to the page.
const RULES: &str = "
classes:
  fd.total: {max_growth_per_hour: 0, max_dead: 0}
  fd.eventpoll: {max_growth_per_hour: 0, max_dead: 0}
  fd.socket: {max_growth_per_hour: 0, max_dead: 0}
  fd.pipe: {max_growth_per_hour: 0, max_dead: 0}
  fd.pidfd: {max_growth_per_hour: 0, max_dead: 0}
  fd.deleted: {max_growth_per_hour: 0, max_dead: 0}
  fd.file: {max_growth_per_hour: 0}
  fd.log: {max_growth_per_hour: 0}
  fd.device: {max_growth_per_hour: 0}
  fd.sqlite_db: {max_growth_per_hour: 0}
  fd.sqlite_wal: {max_growth_per_hour: 0}
  fd.sqlite_shm: {max_growth_per_hour: 0}
  proc.count: {max_growth_per_hour: 0}
  proc.zombie: {max_growth_per_hour: 0, max_dead: 0}
  mem.anon: {max_growth_per_hour: 10MiB}
";

/// A running demo application whose clock stands until it is moved. It ends with the test, and its children with it.
struct App {
    child: Child,
    port: u16,
    client: reqwest::Client,
    _data: tempfile::TempDir,
}

impl App {
    fn start(flags: &[&str]) -> Self {
        let data = tempfile::tempdir().unwrap();
        let mut child = Command::new(binary())
            .args(["demo-app", "--listen=127.0.0.1:0", "--print-port", "--clock=manual", "--refresh=1m", "--data"])
            .arg(data.path())
            .args(flags)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut port = String::new();
        output.read_line(&mut port).unwrap();
        // Somebody must read on: nobody at the other end would be a dead handle.
        std::thread::spawn(move || std::io::copy(&mut output, &mut std::io::sink()));
        // One connection for the whole night: those that come and go would be in the figures.
        let client = reqwest::Client::builder().timeout(SOON).pool_max_idle_per_host(1).build().unwrap();
        Self { child, port: port.trim().parse().unwrap(), client, _data: data }
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    async fn advance(&self, seconds: u64) -> Value {
        let asked = self.client.post(self.url("/clock")).json(&json!({"advance_s": seconds})).send().await;
        asked.unwrap().error_for_status().unwrap().json().await.unwrap()
    }

    async fn get(&self, path: &str) -> Value {
        self.client.get(self.url(path)).send().await.unwrap().json().await.unwrap()
    }
}

impl Drop for App {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A rule: its class and its key in the thresholds.
pub(super) type Rule<'a> = (&'a str, &'a str);

/// A night that was judged.
pub(super) struct Night {
    assessment: Assessment,
    /// What the application says at the end that it leaked, by the leak's name.
    pub(super) leaked: Value,
    /// What it says that its shapes hold.
    pub(super) shapes: Value,
}

impl Night {
    /// Half an hour of the demo application with these flags, looked at every so many seconds.
    pub(super) async fn of(flags: &[&str], interval_s: u64) -> Self {
        let app = App::start(flags);
        let pid = app.child.id();
        let mut sampler = Sampler::new(ProcRoot::system(), Scope::Descent { pid });
        sampler.check().unwrap();
        let inherited = inherited();
        let mut snapshots = Vec::new();
        for (seq, at_s) in (0..=NIGHT_S).step_by(usize::try_from(interval_s).unwrap()).enumerate() {
            // The first look opens the connection that all others use.
            let shown = app.advance(if at_s == 0 { 0 } else { interval_s }).await;
            assert_eq!(shown["now_s"], json!(at_s as f64));
            let wall = jiff::Timestamp::UNIX_EPOCH + Duration::from_secs(at_s);
            let seq = u32::try_from(seq).unwrap();
            let mut look = sampler.snapshot(seq, at_s * 1000, wall, Phase::Soak, Depth::Light);
            look.dead.retain(|handle| handle.fd.is_none_or(|fd| !inherited.contains(&fd)));
            snapshots.push(look);
        }
        let (leaked, shapes) = (app.get("/stats").await["leaked"].clone(), app.get("/shapes").await);
        Self { assessment: judged(&snapshots, interval_s), leaked, shapes }
    }

    /// The rules of this fate, whatever they weigh.
    pub(super) fn rules(&self, status: Status) -> BTreeSet<Rule<'_>> {
        let findings = self.assessment.findings.iter().filter(|found| found.status == status);
        findings.map(|found| (found.class.as_str(), found.rule.key())).collect()
    }

    /// The rules that fail the night.
    pub(super) fn broken(&self) -> BTreeSet<Rule<'_>> {
        self.assessment.broken(Severity::Fail).map(|found| (found.class.as_str(), found.rule.key())).collect()
    }

    /// The keys of what the breaches come from, the surest first.
    pub(super) fn causes(&self) -> Vec<&str> {
        self.assessment.causes.iter().map(|cause| cause.key.as_str()).collect()
    }

    /// What the judge says that does not just hold.
    pub(super) fn told(&self) -> String {
        let open = self.assessment.findings.iter().filter(|finding| finding.status != Status::Holds);
        let lines: Vec<String> = open
            .map(|found| format!("{:?}: {} {}: {}", found.status, found.class, found.rule.key(), found.sentence))
            .collect();
        lines.join("\n")
    }
}

/// The judge's word on the looks of a made-up night. The only place where the judge is called.
fn judged(snapshots: &[Snapshot], interval_s: u64) -> Assessment {
    let rules = threshold::parse(Path::new("shapes.yaml"), RULES).unwrap();
    judge(Recorded { record: &record(interval_s), snapshots, log: &[], unread_lines: 0 }, &rules)
}

fn record(interval_s: u64) -> RunRecord {
    let epoch = jiff::Timestamp::UNIX_EPOCH;
    let seconds = NIGHT_S as f64;
    let record = json!({
        "format": RUN_FORMAT, "slowdrip": env!("CARGO_PKG_VERSION"), "run": "19700101-000000-0000", "scenario": "shapes",
        "scenario_digest": "", "thresholds_digest": "", "command": ["slowdrip"],
        "started": epoch, "soak_started": epoch, "ended": epoch + Duration::from_secs(NIGHT_S),
        "plan": {"duration_s": seconds, "interval_s": interval_s as f64, "settle_s": 0.0, "warmup_s": null},
        "host": {"kernel": "6.18", "arch": "x86_64", "cpus": 2, "memory": 8_u64 << 30, "cgroup": 2},
        "engine": null,
        "target": {
            "kind": "pid", "name": "demo-app", "image": null, "labels": {}, "container": null, "memory_limit": null,
            "probe": "host", "probe_reason": ""
        },
        "phases": [{"phase": "soak", "from_s": 0.0, "to_s": seconds}],
        "events": [], "counters": [], "after_failures": [], "stop": null, "ending": "completed", "kept": false
    });
    serde_json::from_value(record).unwrap()
}
