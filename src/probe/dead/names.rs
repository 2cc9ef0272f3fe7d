//! What processes are called, remembered while they live.

use std::collections::HashMap;

use crate::model::{ProcId, ProcessSample};
use crate::probe::read::Seen;

/// The longest command line that is named, characters.
const LONGEST: usize = 80;

/// The processes of the target by pid.
#[derive(Debug, Default)]
pub(super) struct Names {
    by_pid: HashMap<u32, (ProcId, String)>,
}

impl Names {
    pub(super) fn take_in(&mut self, seen: &[Seen]) {
        let mut old = std::mem::take(&mut self.by_pid);
        for sample in seen.iter().map(|one| &one.sample) {
            let before = old.remove(&sample.id.pid).filter(|(id, _)| *id == sample.id).map(|(_, name)| name);
            let name = match before {
                // One that has ended, or cannot be read now, has no command line any more.
                Some(before) if sample.cmdline.is_empty() => before,
                Some(_) | None => called(sample),
            };
            self.by_pid.insert(sample.id.pid, (sample.id, name));
        }
    }

    /// `pid 77 (python worker.py)`, or `pid 77` where nothing more is known.
    pub(super) fn of(&self, pid: u32) -> String {
        match self.known(pid) {
            Some(name) => format!("pid {pid} ({name})"),
            None => format!("pid {pid}"),
        }
    }

    pub(super) fn known(&self, pid: u32) -> Option<&str> {
        self.by_pid.get(&pid).map(|(_, name)| name.as_str()).filter(|name| !name.is_empty())
    }
}

/// The command line, else the short name; both were made printable when they were read.
fn called(sample: &ProcessSample) -> String {
    brief(if sample.cmdline.is_empty() { &sample.comm } else { &sample.cmdline })
}

/// Cut between words, so that what is masked elsewhere as a whole never stands here by half.
fn brief(line: &str) -> String {
    let Some((end, _)) = line.char_indices().nth(LONGEST) else { return line.to_owned() };
    let start = line.get(..end).unwrap_or_default();
    let (first, word_goes_on) = (start.find(' '), line.get(end..).is_some_and(|rest| !rest.starts_with(' ')));
    let whole = if word_goes_on && first.is_some() { start.rfind(' ') } else { Some(end) };
    format!("{}…", line.get(..whole.unwrap_or(end)).unwrap_or_default().trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_command_lines_are_cut_between_words() {
        assert_eq!(brief("python worker.py"), "python worker.py");
        let long = format!("/usr/bin/app {} --token abcdefgh", "x".repeat(55));
        assert_eq!(brief(&long), format!("/usr/bin/app {} --token…", "x".repeat(55)));
        assert_eq!(brief(&"é".repeat(200)), format!("{}…", "é".repeat(80)));
        assert_eq!(brief(&format!("{} b", "a".repeat(80))), format!("{}…", "a".repeat(80)));
    }
}
