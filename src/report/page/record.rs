//! What could not be read, what watching cost, which files there are, and how to repeat the night.

use std::collections::BTreeMap;

use super::command;
use super::parts::{Block, Cell, Fact, Section, Table, clip, column, name};
use super::view::View;
use crate::model::{GapReason, Snapshot, text};

fn reason(reason: GapReason) -> &'static str {
    match reason {
        GapReason::Denied => "the kernel refused",
        GapReason::Gone => "it vanished while it was read",
        GapReason::Malformed => "it could not be understood",
        GapReason::Late => "it came late or not at all",
        GapReason::Exhausted => "nothing was left to read it with",
    }
}

/// What snapshots should have held and do not.
pub(crate) fn gaps(view: &View<'_>) -> Option<Section> {
    let night = view.night;
    let mut sums: BTreeMap<(&str, &'static str), (u64, u64)> = BTreeMap::new();
    for gap in night.snapshots.iter().flat_map(|snapshot| &snapshot.gaps) {
        let (entries, snapshots) = sums.entry((gap.what.as_str(), reason(gap.reason))).or_default();
        *entries = entries.saturating_add(gap.count);
        *snapshots += 1;
    }
    let vanished = night.snapshots.iter().flat_map(|snapshot| &snapshot.processes);
    let vanished: u64 = vanished.filter_map(|process| process.fds.value()).map(|census| census.vanished).sum();
    let holes = night.snapshots.iter().filter(|snapshot| !snapshot.gaps.is_empty()).count();
    let note = format!("gaps in {holes} of {}", text::count(night.snapshots.len() as u64, "snapshot"));
    let mut section = Section::new("gaps", "Not read", "What could not be read", note);
    if !sums.is_empty() {
        let columns = vec![column("What", "w"), column("Why", ""), column("Entries", "r"), column("Snapshots", "r")];
        let mut table = Table::new("Gaps", columns).quiet();
        let mut sorted: Vec<_> = sums.into_iter().collect();
        sorted.sort_by_key(|(what, (_, snapshots))| (std::cmp::Reverse(*snapshots), *what));
        table.rows = sorted
            .into_iter()
            .map(|((what, why), (entries, snapshots))| {
                vec![
                    clip(what, 120).into(),
                    why.into(),
                    Cell::strong(entries.to_string()),
                    snapshots.to_string().into(),
                ]
            })
            .collect();
        section.blocks = table.cut(300, "samples.jsonl").fold(12, "gaps");
    }
    if vanished > 0 {
        section.blocks.push(Block::Text(format!(
            "{} vanished between listing and reading, as descriptors do that are closed at that moment; they are not counted.",
            text::count(vanished, "entry").replace("entrys", "entries")
        )));
    }
    if night.unread_lines > 0 {
        let lines = text::count(night.unread_lines, "line");
        section
            .blocks
            .push(Block::Text(format!("{lines} of samples.jsonl could not be read and count as missing snapshots.")));
    }
    section.filled()
}

/// What watching cost.
pub(crate) fn observer(view: &View<'_>) -> Option<Section> {
    let snapshots = &view.night.snapshots;
    let (first, last) = (snapshots.first()?, snapshots.last()?);
    let plan = &view.night.record.plan;
    let note = "the observer reads /proc from outside and sends nothing to the application";
    let mut section = Section::new("obs", "Observer", "What watching cost", note);
    let longest = snapshots.windows(2).filter_map(|pair| match pair {
        [a, b] => Some(b.at_s() - a.at_s()),
        _ => None,
    });
    let longest = longest.fold(0.0, f64::max);
    let mut scans: Vec<u64> = snapshots.iter().map(|snapshot| snapshot.observer.scan_us).collect();
    scans.sort_unstable();
    #[expect(clippy::cast_precision_loss, reason = "microseconds and bytes of a night are far below 2^52")]
    let (millis, whole) = (|us: u64| format!("{} ms", text::figure(us as f64 / 1000.0)), |n: u64| n as f64);
    let middle = scans.get(scans.len() / 2).copied().unwrap_or_default();
    let slowest = scans.last().copied().unwrap_or_default();
    let span = last.at_s() - first.at_s();
    let cpu = whole(last.observer.cpu_us.saturating_sub(first.observer.cpu_us)) / 1e6;
    let memory = snapshots.iter().map(|snapshot| snapshot.observer.rss).max().unwrap_or_default();
    let mut facts = vec![taken(snapshots, plan.duration_s, plan.interval_s)];
    if snapshots.len() > 1 {
        let gap = Fact::new("Longest pause", format!("{} s", (longest * 100.0).round() / 100.0));
        facts.push(gap.sub(format!("interval {}", text::seconds(plan.interval_s))));
    }
    facts.push(Fact::new("One look", millis(middle)).sub(format!("the slowest {}", millis(slowest))));
    if span > 0.0 {
        let share = cpu / span * 100.0;
        let share = if share > 0.0 && share < 0.05 { "< 0.1".to_owned() } else { text::figure(share) };
        let share = format!("{share} % of one CPU");
        facts.push(Fact::new("CPU", share).sub(format!("{} in all", text::seconds((cpu * 10.0).round() / 10.0))));
    }
    facts.push(Fact::new("Memory", text::bytes(whole(memory))).sub("outside the target"));
    section.blocks.push(Block::Facts(facts));
    let seen = if longest > 3.0 * plan.interval_s && snapshots.len() > 1 {
        "Lines are interrupted where a pause was longer than three intervals."
    } else {
        "No pause is longer than three intervals, so no part of the night is unseen."
    };
    let brief = text::seconds(plan.interval_s);
    section.blocks.push(Block::Text(format!(
        "{seen} Handles that live shorter than {brief} can be missed; they cannot raise the floor."
    )));
    Some(section)
}

fn taken(snapshots: &[Snapshot], duration_s: f64, interval_s: f64) -> Fact {
    let fact = Fact::new("Snapshots", snapshots.len().to_string());
    if interval_s > 0.0 && duration_s.is_finite() {
        let soak = snapshots.iter().filter(|snapshot| snapshot.phase <= crate::model::Phase::Soak).count();
        fact.sub(format!("{soak} in the soak, {} expected", text::figure((duration_s / interval_s).floor())))
    } else {
        fact
    }
}

/// A path as a link takes it. `None` for a path that would leave the folder.
fn href(path: &str) -> Option<String> {
    if path.split('/').any(|part| part.is_empty() || part == "." || part == "..") {
        return None;
    }
    Some(path.split('/').map(segment).collect::<Vec<_>>().join("/"))
}

/// One step of a path, percent-encoded.
pub(crate) fn segment(part: &str) -> String {
    let mut out = String::new();
    for byte in part.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// The files that were kept.
pub(crate) fn evidence(view: &View<'_>) -> Option<Section> {
    let files = &view.night.evidence;
    if files.is_empty() {
        return None;
    }
    let note = format!("{}, taken before anything was removed", text::count(files.len() as u64, "file"));
    let mut section = Section::new("evidence", "Evidence", "Evidence", note);
    let mut table = Table::new("Evidence files", vec![column("File", "m w")]).quiet();
    table.rows = files
        .iter()
        .map(|file| {
            let inside = file.strip_prefix("evidence/").unwrap_or(file);
            let href = href(inside).map(|path| format!("evidence/{path}"));
            vec![Cell { href, ..Cell::from(clip(inside, 200)) }]
        })
        .collect();
    section.blocks = table.cut(500, "the folder evidence").fold(16, "files");
    Some(section)
}

/// How to run it again, and what there is beside the page.
pub(crate) fn repeat(view: &View<'_>) -> Section {
    let record = &view.night.record;
    let mut section = Section::new("repeat", "Repeat", "Repeat it", "");
    let mut wide = Vec::new();
    let line = command::long(&record.command);
    if line.is_empty() {
        wide.push(Block::Text("The command of this night was not recorded.".to_owned()));
    } else {
        wide.push(Block::Pre(line));
    }
    let takes = (record.ended.as_second() - record.started.as_second()).max(0);
    #[expect(clippy::cast_precision_loss, reason = "a night has far fewer seconds than 2^52")]
    let takes = text::seconds(takes as f64);
    wide.push(Block::Text(format!("It took {takes}. The recording judged again, and its pages made again:")));
    wide.push(Block::Pre(format!("{}\n{}", command::judge(record), command::report(record))));
    let mut table = Table::new("Files of the night", vec![column("File", "m"), column("What is in it", "w")]).quiet();
    let mut file = |name: &str, what: &str| {
        table.rows.push(vec![Cell { href: Some(name.to_owned()), ..Cell::from(name) }, what.into()]);
    };
    file("run.json", "what ran where, phases and events");
    if !view.night.snapshots.is_empty() {
        file("samples.jsonl", "every snapshot");
    }
    if !view.night.figures.is_empty() {
        file("figures.jsonl", "what the application said of itself");
    }
    if !view.night.probes.is_empty() {
        file("probes.jsonl", "the snapshots that steps asked for");
    }
    if view.night.assessment.is_some() {
        file("findings.json", "every rule's fate, for machines");
    }
    if !view.night.thresholds.trim().is_empty() {
        file("thresholds.yaml", "what was allowed");
    }
    file("report.md", "this page as Markdown");
    file("junit.xml", "every rule as a test case");
    section.blocks.push(Block::Pair { wide, narrow: vec![Block::Table(table)] });
    section.blocks.push(Block::Facts(digests(view)));
    let target = &record.target;
    if !target.probe_reason.is_empty() {
        section.blocks.push(Block::Text(format!(
            "The processes were read by way of {}: {}",
            name(&target.probe),
            clip(&target.probe_reason, 600)
        )));
    }
    section
}

/// What the night was made of, to the last bit.
fn digests(view: &View<'_>) -> Vec<Fact> {
    let record = &view.night.record;
    let short = |hex: &str| if hex.is_empty() { "none".to_owned() } else { super::build::digest(hex) };
    let mut facts = vec![
        Fact::new("Run", name(&record.run)),
        Fact::new("Scenario file", short(&record.scenario_digest)),
        Fact::new("Thresholds file", short(&record.thresholds_digest)),
        Fact::new("Read by", name(&record.target.probe)).sub(format!(
            "cgroup {}",
            match record.host.cgroup {
                0 => "none".to_owned(),
                version => format!("v{version}"),
            }
        )),
    ];
    if let Some(container) = &record.target.container {
        let kept = if record.kept { "kept on purpose" } else { "removed" };
        facts.push(Fact::new("Container", super::build::digest(container)).sub(kept));
    }
    facts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_never_leave_the_folder_and_never_become_a_scheme() {
        assert_eq!(href("logs/a b\".txt").unwrap(), "logs/a%20b%22.txt");
        assert_eq!(href("javascript:alert(1)").unwrap(), "javascript%3Aalert%281%29");
        assert_eq!(href("../../etc/passwd"), None);
        assert_eq!(href("/etc/passwd"), None);
    }
}
