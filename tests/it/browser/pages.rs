//! Pages of real nights to look at: as they were recorded, and altered into what else a morning may bring.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use serde_json::{Value, json};

use crate::support::binary;

/// The night that leaks, and the passing one before it.
const LEAKING: &str = "20261123-071840-cd7d";
const CLEAN: &str = "20261123-071755-4c46";
const SCENARIO: &str = "local-deep-research";

/// What a hostile target would like to be in a page.
pub(super) const HOSTILE: &str = "</script><script>window.owned=1</script>\"><img src=x onerror=window.owned=1>' ]]> `x` \
                                  \u{5e9}\u{5dc}\u{5d5}\u{5dd} \u{202e}abc \u{0}\u{7}{{7*7}} &lt;b&gt;";

/// The pages of one round of tests, below a folder that goes with them.
#[derive(Debug)]
pub(super) struct Pages {
    folder: tempfile::TempDir,
}

/// The files of a night, as JSON.
struct Night {
    record: Value,
    findings: Value,
    samples: Vec<Value>,
}

/// Names of the pages of nights.
pub(super) const NIGHTS: [&str; 7] =
    ["leaking", "clean", "inconclusive", "incomparable", "hostile", "many", "processes"];

impl Pages {
    /// The pages that tests at the same time share.
    pub(super) fn shared() -> Arc<Self> {
        static SHARED: Mutex<Weak<Pages>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        shared.upgrade().unwrap_or_else(|| {
            let pages = Arc::new(Self::make());
            *shared = Arc::downgrade(&pages);
            pages
        })
    }

    fn make() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::thread::scope(|scope| {
            for name in NIGHTS {
                let folder = folder.path();
                scope.spawn(move || make(folder, name));
            }
        });
        let pages = Self { folder };
        // To look at them, as the unit tests write theirs.
        if let Ok(kept) = std::env::var("SLOWDRIP_PAGES_DIR") {
            fs::create_dir_all(&kept).unwrap();
            for (name, page) in pages.all() {
                fs::copy(page, Path::new(&kept).join(format!("browser-{name}.html"))).unwrap();
            }
        }
        pages
    }

    /// The page of a night by its name here.
    pub(super) fn night(&self, name: &str) -> PathBuf {
        let run = if name == "clean" { CLEAN } else { LEAKING };
        self.folder.path().join(name).join(SCENARIO).join(run).join("report.html")
    }

    /// The trend over the nights of the repository.
    pub(super) fn index(&self) -> PathBuf {
        self.folder.path().join("leaking/index.html")
    }

    /// Every page, with a name for messages.
    pub(super) fn all(&self) -> Vec<(&'static str, PathBuf)> {
        let nights = NIGHTS.into_iter().map(|name| (name, self.night(name)));
        nights.chain([("index", self.index())]).collect()
    }
}

fn make(folder: &Path, name: &str) {
    let reports = folder.join(name);
    let kept = reports.join(SCENARIO);
    fs::create_dir_all(&kept).unwrap();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("reports").join(SCENARIO);
    fs::copy(source.join("history.jsonl"), kept.join("history.jsonl")).unwrap();
    // The night before is only read where it is told of.
    let lone = ["inconclusive", "hostile", "many"].contains(&name);
    for run in [CLEAN, LEAKING].into_iter().filter(|run| !lone || *run == LEAKING) {
        fs::create_dir(kept.join(run)).unwrap();
        for file in
            fs::read_dir(source.join(run)).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_file())
        {
            fs::copy(&file, kept.join(run).join(file.file_name().unwrap())).unwrap();
        }
    }
    let run = if name == "clean" { CLEAN } else { LEAKING };
    let alter: Option<fn(&mut Night)> = match name {
        "inconclusive" => Some(inconclusive),
        "incomparable" => Some(incomparable),
        "hostile" => Some(hostile),
        "many" => Some(many),
        "processes" => Some(processes),
        _ => None,
    };
    if let Some(alter) = alter {
        altered(&kept.join(run), alter);
    }
    let output = Command::new(binary()).args(["report", run, "--reports"]).arg(&reports).output().unwrap();
    assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
}

fn altered(run: &Path, alter: fn(&mut Night)) {
    let read = |name: &str| fs::read_to_string(run.join(name)).unwrap();
    let json = |text: &str| -> Value { serde_json::from_str(text).unwrap() };
    let mut night = Night {
        record: json(&read("run.json")),
        findings: json(&read("findings.json")),
        samples: read("samples.jsonl").lines().map(json).collect(),
    };
    // Eleven minutes are enough to look at.
    night.samples.truncate(132);
    alter(&mut night);
    fs::write(run.join("run.json"), night.record.to_string()).unwrap();
    fs::write(run.join("findings.json"), night.findings.to_string()).unwrap();
    let lines: String = night.samples.iter().map(|line| format!("{line}\n")).collect();
    fs::write(run.join("samples.jsonl"), lines).unwrap();
}

fn each(list: &mut Value) -> impl Iterator<Item = &mut Value> {
    list.as_array_mut().into_iter().flatten()
}

fn inconclusive(night: &mut Night) {
    night.findings["verdict"] = json!("inconclusive");
    night.findings["reason"] = json!("The night is too short for its rules.");
    night.findings["causes"] = json!([]);
    each(&mut night.findings["findings"]).for_each(|finding| finding["status"] = json!("undecided"));
}

fn incomparable(night: &mut Night) {
    night.record["host"]["kernel"] = json!("4.19.0-another");
    night.record["host"]["cpus"] = json!(64);
    night.record["scenario_digest"] = json!("ab".repeat(32));
}

/// Many processes, and an event of every kind.
fn processes(night: &mut Night) {
    for (n, sample) in night.samples.iter_mut().enumerate() {
        let own = sample["processes"][0].clone();
        for more in 1..=23_u64 {
            let mut process = own.clone();
            process["id"] = json!({ "pid": 40_000 + more, "start": 200_000 + more });
            process["comm"] = json!(format!("worker-{more}"));
            let open = 3 + (n as u64 * more) % (5 * more);
            process["fds"]["value"]["total"] = json!(open);
            process["fds"]["value"]["classes"] = json!({ "pipe": open });
            sample["processes"].as_array_mut().unwrap().push(process);
        }
    }
    let event = |at: i64, kind: &str, text: &str| json!({ "at_ms": at, "kind": kind, "text": text });
    let events = night.record["events"].as_array_mut().unwrap();
    events.extend((0..60).map(|n| event(n * 10_000, "churn", "refresh")));
    events.push(event(200_000, "oom", "out of memory: process 40003 was killed"));
    events.push(event(301_000, "restart", "the engine started it again"));
    events.push(event(400_000, "asked", "paused for 5 s"));
}

/// Hundreds of broken rules.
fn many(night: &mut Night) {
    let findings = night.findings["findings"].as_array_mut().unwrap();
    let broken = findings.iter().find(|finding| finding["class"] == "fd.total" && finding["status"] == "breaks");
    let broken = broken.unwrap().clone();
    for n in 0..300 {
        let mut finding = broken.clone();
        finding["class"] = json!(format!("fd.of_my_own_{n}"));
        finding["fingerprint"] = json!(format!("{n:08x}"));
        findings.push(finding);
    }
}

/// Every text that the target, its image or its log decides on.
fn hostile(night: &mut Night) {
    let record = &mut night.record;
    for path in ["/target/image", "/target/name", "/host/kernel", "/engine/version"] {
        if let Some(text) = record.pointer_mut(path) {
            *text = json!(HOSTILE);
        }
    }
    record["target"]["labels"] = json!({ "version": HOSTILE });
    record["command"] = json!(["slowdrip", "run", HOSTILE]);
    record["after_failures"] = json!([HOSTILE]);
    let kinds = ["health", "died", "oom", "restart", "gap", "churn", "asked", "note"];
    let events = kinds.iter().zip(1..).map(|(kind, n)| json!({ "at_ms": n * 50_000, "kind": kind, "text": HOSTILE }));
    record["events"] = events.collect();
    each(&mut record["counters"]).for_each(|counter| counter["name"] = json!(HOSTILE));
    night.findings["reason"] = json!(HOSTILE);
    for finding in each(&mut night.findings["findings"]) {
        finding["sentence"] = json!(HOSTILE);
        finding["subject"] = json!(HOSTILE);
    }
    for cause in each(&mut night.findings["causes"]) {
        for text in ["title", "sentence"] {
            cause[text] = json!(HOSTILE);
        }
        cause["sources"] = json!([HOSTILE]);
    }
    for sample in &mut night.samples {
        let mut second = sample["processes"][0].clone();
        second["id"] = json!({ "pid": 77, "start": 77 });
        sample["processes"].as_array_mut().unwrap().push(second);
        for process in each(&mut sample["processes"]) {
            process["comm"] = json!(HOSTILE);
            process["cmdline"] = json!(HOSTILE);
            process["facts"]["exe"] = json!(HOSTILE);
        }
    }
}
