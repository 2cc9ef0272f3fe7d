//! What growth of a class means, where it comes from, and what to do: knowledge, kept apart from the judging.
//!
//! Every built-in class has a lesson; so has every cause that several classes tell together. `slowdrip explain` prints them, and
//! a cause on a page takes its sources and next steps from them.

mod anonymous;
mod files;
mod joint;
mod memory;
mod noun;
mod processes;
mod sockets;

use crate::model::Metric;

pub use noun::noun;

/// What is known of a cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lesson {
    /// The cause's name, the same from night to night.
    pub key: &'static str,
    /// The classes whose growth, where nothing grows with them, means this; empty where it takes several.
    pub of: &'static [Metric],
    /// What happens, in a few words that begin a sentence, without a full stop.
    pub title: &'static str,
    /// What growth means, in a few sentences.
    pub means: &'static str,
    /// Where it likely comes from, the likeliest first.
    pub sources: &'static [&'static str],
    /// What to do next, in order.
    pub next: &'static [&'static str],
    /// How to look closer at a living target.
    pub look: &'static [Look],
}

/// A command that looks closer. `$P` stands for the pid of the process on the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// What it shows, in words that a colon may follow.
    pub what: &'static str,
    /// The command, for a shell on the host, run as root.
    pub run: &'static str,
}

/// What `$P` stands for in the commands.
pub const PID: &str = "P=$(docker inspect -f '{{.State.Pid}}' CONTAINER)";

const LIST: Look = Look { what: "what the descriptors refer to", run: "ls -l /proc/$P/fd" };
const TREE: Look = Look { what: "the processes and their parents", run: "pstree -alp $P" };
const PYTHON: Look = Look { what: "what every Python thread does", run: "py-spy dump --pid $P" };
const THREADS: Look =
    Look { what: "the names of the threads", run: "cat /proc/$P/task/*/comm | sort | uniq -c | sort -n" };
const TCP: Look = Look { what: "the connections, by state and peer", run: "nsenter -t $P -n ss -tnpo" };
const UNIX: Look = Look { what: "the unix sockets with both ends", run: "nsenter -t $P -n ss -xp" };
const OPEN: Look =
    Look { what: "who opens files", run: "bpftrace -e \"t:syscalls:sys_enter_openat /pid==$P/{@[ustack]=count()}\"" };

/// Every lesson: first those of one class, then those of several.
pub fn lessons() -> impl Iterator<Item = &'static Lesson> {
    [anonymous::LESSONS, sockets::LESSONS, files::LESSONS, processes::LESSONS, memory::LESSONS, joint::LESSONS]
        .into_iter()
        .flatten()
}

/// The lesson on the growth of a class alone.
pub fn of(metric: Metric) -> Option<&'static Lesson> {
    lessons().find(|lesson| lesson.of.contains(&metric))
}

/// The lesson of a cause.
pub fn cause(key: &str) -> Option<&'static Lesson> {
    lessons().find(|lesson| lesson.key == key)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_class_has_one_lesson_and_every_lesson_a_key_of_its_own() {
        for metric in Metric::all() {
            let lessons: Vec<&str> =
                lessons().filter(|lesson| lesson.of.contains(&metric)).map(|lesson| lesson.key).collect();
            assert_eq!(lessons.len(), 1, "{metric}: {lessons:?}");
            assert!(!noun(metric).is_empty() && !noun(metric).ends_with('.'), "{metric}");
        }
        let keys: BTreeSet<&str> = lessons().map(|lesson| lesson.key).collect();
        assert_eq!(keys.len(), lessons().count());
        assert!(keys.iter().all(|key| key.chars().all(|c| c.is_ascii_lowercase() || c == '-')), "{keys:?}");
    }

    #[test]
    fn every_lesson_tells_something_in_whole_sentences() {
        for lesson in lessons() {
            let key = lesson.key;
            assert!(lesson.title.starts_with(char::is_uppercase) && !lesson.title.ends_with('.'), "{key}");
            assert!(lesson.means.ends_with('.'), "{key}");
            assert!(!lesson.sources.is_empty() && !lesson.next.is_empty() && !lesson.look.is_empty(), "{key}");
            for text in lesson.sources.iter().chain(lesson.next) {
                assert!(text.starts_with(char::is_alphanumeric) || text.starts_with(['`', '/']), "{key}: {text}");
                assert!(text.ends_with(['.', '?']) && !text.contains("  "), "{key}: {text}");
            }
            for look in lesson.look {
                assert!(look.run.chars().count() <= 78, "{key}: {} columns: {}", look.run.len(), look.run);
                assert!(look.what.starts_with(char::is_lowercase) && !look.what.ends_with('.'), "{key}: {}", look.what);
            }
        }
    }
}
