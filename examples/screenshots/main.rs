//! Makes the pictures of `docs/images` from the nights that the repository keeps: `cargo run --example screenshots`.
//!
//! The nights are copied, their pages are made by the slowdrip of this checkout, and a headless Chromium takes the pictures. It needs
//! `chromium` and the fonts of Debian's package `fonts-dejavu-core`, so that a picture looks the same wherever it is made.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a tool of this repository may panic as its tests do"
)]
#![expect(clippy::print_stdout, reason = "it says what it writes")]

#[expect(dead_code, reason = "the tests use more of it")]
#[path = "../../tests/it/browser/devtools.rs"]
mod devtools;

use std::fs;
use std::path::Path;
use std::process::Command;

use base64::Engine as _;
use devtools::{Browser, Tab};
use serde_json::json;

/// The showcase: a night that leaks, and the clean one before it.
const SCENARIO: &str = "local-deep-research";
const NIGHTS: [&str; 2] = ["20261123-071755-4c46", "20261123-071840-cd7d"];

/// The moment at which the pages are looked at: their ages are counted from it.
const NOW: &str = "2026-11-23T08:00:00Z";

/// A picture.
struct Shot {
    /// The name of its file, without the ending.
    picture: &'static str,
    /// The page, below the reports folder.
    page: &'static str,
    /// The arguments of the slowdrip that prints the page; none where making the nights' reports made it.
    printed_by: &'static [&'static str],
    width: u32,
    height: u32,
    scheme: &'static str,
}

const REPORT: &str = "local-deep-research/20261123-071840-cd7d/report.html";

const GATE: &str = "gates/20261123-081605-5d27";
const GATE_PAGE: &str = "local-deep-research/gates/20261123-081605-5d27/gate.html";

const SHOTS: &[Shot] = &[
    Shot { picture: "report-light", page: REPORT, printed_by: &[], width: 1280, height: 1400, scheme: "light" },
    Shot { picture: "report-dark", page: REPORT, printed_by: &[], width: 1280, height: 1400, scheme: "dark" },
    Shot { picture: "report-narrow", page: REPORT, printed_by: &[], width: 390, height: 1400, scheme: "light" },
    Shot {
        picture: "diff",
        page: "diff.html",
        printed_by: &["diff", "--format", "html"],
        width: 1280,
        height: 1200,
        scheme: "light",
    },
    Shot { picture: "gate", page: GATE_PAGE, printed_by: &[], width: 1280, height: 1400, scheme: "light" },
    Shot { picture: "index", page: "index.html", printed_by: &[], width: 1280, height: 900, scheme: "light" },
];

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let program =
        devtools::program().unwrap_or_else(|| panic!("no Chromium is installed; try: apt-get install chromium"));
    let folder = tempfile::tempdir().unwrap();
    let reports = folder.path().join("reports");
    let kept = reports.join(SCENARIO);
    fs::create_dir_all(&kept).unwrap();
    fs::copy(root.join("reports").join(SCENARIO).join("history.jsonl"), kept.join("history.jsonl")).unwrap();
    for night in NIGHTS {
        copy(&root.join("reports").join(SCENARIO).join(night), &kept.join(night));
        slowdrip(root, &reports, &["report", night]);
    }
    for side in ["candidate", "baseline"] {
        copy(&root.join("reports").join(SCENARIO).join(GATE).join(side), &kept.join(GATE).join(side));
    }
    copy(&root.join("reports").join(SCENARIO).join(GATE), &kept.join(GATE));
    slowdrip(root, &reports, &["report", &kept.join(GATE).display().to_string()]);
    let browser = Browser::start(program);
    for shot in SHOTS {
        if !shot.printed_by.is_empty() {
            fs::write(reports.join(shot.page), slowdrip(root, &reports, shot.printed_by)).unwrap();
        }
        let picture = root.join("docs/images").join(shot.picture).with_extension("png");
        fs::write(&picture, taken(&mut browser.tab(shot.width, shot.height), &reports, shot)).unwrap();
        println!("{}, {} kB", picture.display(), fs::metadata(&picture).unwrap().len().div_ceil(1000));
    }
}

/// The files of a night; what it has of folders is for those who look closer.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for file in fs::read_dir(from).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_file()) {
        fs::copy(&file, to.join(file.file_name().unwrap())).unwrap();
    }
}

/// What this checkout's slowdrip prints.
fn slowdrip(root: &Path, reports: &Path, arguments: &[&str]) -> Vec<u8> {
    let mut command = Command::new(env!("CARGO"));
    command.current_dir(root).args(["run", "--quiet", "--"]).args(arguments).arg("--reports").arg(reports);
    let output = command.output().unwrap();
    // A comparison that finds something may say so by its exit code; what it printed is the page all the same.
    let printed = output.status.success() || output.stdout.starts_with(b"<!doctype html>");
    assert!(printed, "slowdrip {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// The top of a page, as PNG.
fn taken(tab: &mut Tab, reports: &Path, shot: &Shot) -> Vec<u8> {
    let source = format!("Date.now = () => Date.parse({NOW:?});");
    tab.call("Page.addScriptToEvaluateOnNewDocument", json!({ "source": source }));
    tab.scheme(shot.scheme);
    tab.open(&reports.join(shot.page));
    let clip = json!({ "x": 0, "y": 0, "width": shot.width, "height": shot.height, "scale": 1 });
    let taken = tab.call("Page.captureScreenshot", json!({ "format": "png", "clip": clip }));
    base64::engine::general_purpose::STANDARD.decode(taken["data"].as_str().unwrap()).unwrap()
}
