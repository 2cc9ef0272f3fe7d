//! Histories of several machines made one. Pure.
//!
//! What it makes does not depend on the order of the files, nor on how often a line comes: two machines that merge from each
//! other end with the same bytes.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// Several histories as one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Merged {
    /// The text of `history.jsonl`: one line for each run, by the time it began and then by its id; lines that cannot be read stand
    /// at the end as they are.
    pub text: String,
    /// Runs.
    pub runs: u64,
    /// Lines that cannot be read, each counted once.
    pub unread: u64,
    /// The scenarios that the lines are of.
    pub scenarios: BTreeSet<String>,
}

/// What orders two lines of one run: the later format wins, then the longer line, then the greater one, so that the outcome is
/// the same whichever came first.
type Weight<'a> = (u64, usize, &'a str);

/// Merges the texts of `history.jsonl` files. Of a line no more is read than its run, its scenario, when the run began and its
/// format, so that lines of newer versions stay as they are.
pub fn merge(texts: &[String]) -> Merged {
    let mut runs: BTreeMap<(jiff::Timestamp, String), Weight<'_>> = BTreeMap::new();
    let mut rest: BTreeSet<&str> = BTreeSet::new();
    let mut scenarios = BTreeSet::new();
    for line in texts.iter().flat_map(|text| text.lines()).filter(|line| !line.trim().is_empty()) {
        let line = line.trim_end();
        let Some(head) = head(line) else {
            rest.insert(line);
            continue;
        };
        scenarios.insert(head.scenario);
        let weight = (head.format, line.len(), line);
        let best = runs.entry((head.started, head.run)).or_insert(weight);
        *best = weight.max(*best);
    }
    let lines = runs.values().map(|(_, _, line)| *line).chain(rest.iter().copied());
    Merged {
        text: lines.flat_map(|line| [line, "\n"]).collect(),
        runs: runs.len() as u64,
        unread: rest.len() as u64,
        scenarios,
    }
}

struct Head {
    run: String,
    scenario: String,
    started: jiff::Timestamp,
    format: u64,
}

fn head(line: &str) -> Option<Head> {
    let value: Value = serde_json::from_str(line).ok()?;
    let text = |key: &str| value.get(key)?.as_str().map(str::to_owned);
    Some(Head {
        run: text("run")?,
        scenario: text("scenario")?,
        started: text("started")?.parse().ok()?,
        format: value.get("format")?.as_u64()?,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn line(run: u8, format: u8, note: u8) -> String {
        format!(
            "{{\"format\":{format},\"run\":\"r{run}\",\"scenario\":\"app\",\"started\":\"2026-11-22T02:00:{:02}Z\",\"note\":{note}}}",
            run % 60
        )
    }

    #[test]
    fn a_run_has_one_line_and_what_cannot_be_read_is_kept_at_the_end() {
        let (old, new) = (line(1, 4, 1), line(1, 9, 1));
        let cut = r#"{"format":5,"ru"#;
        let merged = merge(&[format!("{}\n{old}\n", line(2, 5, 0)), format!("{cut}\n{new}\n{cut}")]);
        assert_eq!(merged.text, format!("{new}\n{}\n{cut}\n", line(2, 5, 0)));
        assert_eq!((merged.runs, merged.unread), (2, 1));
        assert_eq!(merged.scenarios, BTreeSet::from(["app".to_owned()]));
    }

    proptest! {
        #[test]
        fn order_and_repetition_make_no_difference(
            a in prop::collection::vec((0_u8..6, 1_u8..7, 0_u8..3), 0..8),
            b in prop::collection::vec((0_u8..6, 1_u8..7, 0_u8..3), 0..8),
            c in prop::collection::vec((0_u8..6, 1_u8..7, 0_u8..3), 0..8),
        ) {
            let text = |lines: &[(u8, u8, u8)]| lines.iter().map(|(r, f, n)| line(*r, *f, *n) + "\n").collect::<String>();
            let (a, b, c) = (text(&a), text(&b), text(&c));
            let all = merge(&[a.clone(), b.clone(), c.clone()]);
            prop_assert_eq!(&merge(&[c.clone(), b.clone(), a.clone()]), &all);
            let left = merge(&[merge(&[a.clone(), b.clone()]).text, c.clone()]);
            let right = merge(&[a, merge(&[b, c]).text]);
            prop_assert_eq!(&left.text, &all.text);
            prop_assert_eq!(&right.text, &all.text);
            prop_assert_eq!(&merge(&[all.text.clone(), all.text.clone()]).text, &all.text);
        }
    }
}
