//! Commands to copy.

use super::parts::clip;
use crate::model::{GateRecord, GateRole, RunRecord, text};

/// A word as a shell takes it.
pub(crate) fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@,+%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

fn words(command: &[String]) -> Vec<String> {
    command.iter().map(|word| text::printable(&quoted(&text::shorten(word, 4000)))).collect()
}

/// The command on one line; `None` where it is too long for a sentence, or where there is none.
pub(crate) fn short(command: &[String]) -> Option<String> {
    let line = words(command).join(" ");
    (!line.is_empty() && line.chars().count() <= 120).then_some(line)
}

/// The command over as many lines as it needs.
pub(crate) fn long(command: &[String]) -> String {
    const WIDTH: usize = 88;
    let (mut out, mut used) = (String::new(), 0);
    for word in words(command) {
        let width = word.chars().count();
        if used > 0 && used + 1 + width > WIDTH {
            out.push_str(" \\\n  ");
            used = 2;
        } else if used > 0 {
            out.push(' ');
            used += 1;
        }
        out.push_str(&word);
        used += width;
    }
    clip_lines(out)
}

/// A bound on what a page repeats of a command line.
fn clip_lines(text: String) -> String {
    const MOST: usize = 16_000;
    text::shorten(&text, MOST)
}

/// The folder of a night.
fn folder(record: &RunRecord) -> String {
    let folder = match &record.gate {
        None => record.run.clone(),
        Some(GateRecord { gate, role: GateRole::Candidate }) => format!("gates/{gate}/candidate"),
        Some(GateRecord { gate, role: GateRole::Baseline }) => format!("gates/{gate}/baseline"),
    };
    clip(&quoted(&format!("reports/{}/{folder}", record.scenario)), 200)
}

/// Judges the night again.
pub(crate) fn judge(record: &RunRecord) -> String {
    format!("slowdrip judge {}", folder(record))
}

/// Makes the pages again.
pub(crate) fn report(record: &RunRecord) -> String {
    format!("slowdrip report {}", folder(record))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_what_a_shell_would_take_apart() {
        let command = ["slowdrip", "run", "a b.yaml", "--set", "it's=$HOME"].map(str::to_owned);
        assert_eq!(short(&command).unwrap(), r"slowdrip run 'a b.yaml' --set 'it'\''s=$HOME'");
        assert_eq!(short(&[]), None);
    }

    #[test]
    fn breaks_a_long_command_between_words() {
        let command = ["slowdrip", "run", &"a".repeat(60), &"b".repeat(60)].map(str::to_owned);
        assert_eq!(long(&command), format!("slowdrip run {} \\\n  {}", "a".repeat(60), "b".repeat(60)));
        assert!(long(&["x".repeat(1 << 20)]).len() < 20_000);
    }
}
