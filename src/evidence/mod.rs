//! What is captured before anything is torn down: the evidence dies with the container.
//!
//! First what is read from /proc (processes, descriptors, sockets), because it is the first to go, then what
//! the engine keeps. Nothing is run inside the target, which may be unable to fork.

mod descriptors;
mod processes;
mod sockets;

use std::collections::BTreeMap;

use crate::model::text::printable;
use crate::model::{LogLine, Scope};
use crate::probe::find::{Finder, Member};
use crate::probe::{ProcDir, ProcRoot};
use crate::target::Target;

/// How many log lines are kept of each container.
const LOG_LINES: usize = 2000;

/// Of how many processes the descriptors and limits are written out.
const MAX_PROCESSES: usize = 256;

/// One file of evidence.
#[derive(Debug, Clone)]
pub struct EvidenceFile {
    /// Its name below `evidence/`.
    pub name: String,
    /// Its text. Secrets are not yet masked.
    pub text: String,
}

/// Captures descriptor lists, sockets, process tree, limits, logs and inspect output. Whatever cannot be had is said in the
/// files; nothing here fails.
pub async fn capture(target: &Target, scope: Option<&Scope>) -> Vec<EvidenceFile> {
    let mut files = match scope.cloned() {
        Some(scope) => tokio::task::spawn_blocking(move || from_proc(&ProcRoot::system(), scope))
            .await
            .unwrap_or_else(|problem| vec![note(&format!("reading /proc failed: {problem}"))]),
        None => vec![note("no process of the target is known, so nothing was read from /proc")],
    };
    for (name, lines) in target.all_logs(LOG_LINES).await {
        files.push(EvidenceFile { name: format!("log-{}.txt", file_name(&name)), text: log(&lines) });
    }
    for (name, value) in target.inspect().await {
        let text = serde_json::to_string_pretty(&value).unwrap_or_else(|problem| format!("not written: {problem}"));
        let name = format!("{}.json", file_name(name.strip_suffix(".json").unwrap_or(&name)));
        files.push(EvidenceFile { name, text: text + "\n" });
    }
    files
}

/// What /proc tells of the processes in scope.
pub fn from_proc(root: &ProcRoot, scope: Scope) -> Vec<EvidenceFile> {
    let (Scope::Container { pid: first, .. } | Scope::Descent { pid: first }) = scope;
    let found = match Finder::new(scope, Vec::new()).find(root) {
        Ok(found) => found,
        Err(errno) => return vec![note(&format!("{} could not be listed: {errno}", root.path().display()))],
    };
    let members = found.members;
    let mut files = vec![processes::tree(root, &members, &found.gaps)];
    let mut holders = Holders::new();
    for member in members.iter().take(MAX_PROCESSES) {
        let pid = member.id.pid;
        match root.open(pid) {
            Ok(dir) => {
                files.push(descriptors::list(&dir, pid, &mut holders));
                files.push(limits(&dir, pid));
            }
            Err(errno) => files.push(EvidenceFile {
                name: format!("fds-{pid}.txt"),
                text: format!("process {pid} could not be read: {errno}\n"),
            }),
        }
    }
    if members.len() > MAX_PROCESSES {
        let text = format!("{} processes in all; the descriptors of {MAX_PROCESSES} were written\n", members.len());
        files.push(EvidenceFile { name: "fds-rest.txt".to_owned(), text });
    }
    // All processes of a container share its network; a zombie has none any more.
    let pids = std::iter::once(first).chain(members.iter().map(|member| member.id.pid));
    let network = pids.filter_map(|pid| root.open(pid).ok()).find(|dir| dir.read("net/tcp", 1).is_ok());
    files.push(match &network {
        Some(dir) => sockets::tables(dir, &holders),
        None => EvidenceFile {
            name: "sockets.txt".to_owned(),
            text: "the sockets could not be read: no process shows the network of the target\n".to_owned(),
        },
    });
    files.push(processes::stacks(root, &members));
    files
}

/// Who holds a socket, by its inode: process and descriptor.
type Holders = BTreeMap<u64, Vec<(u32, u32)>>;

fn limits(dir: &ProcDir, pid: u32) -> EvidenceFile {
    let text = match dir.read("limits", 16 * 1024) {
        Ok(text) => lines(&text),
        Err(errno) => format!("limits of {pid} could not be read: {errno}\n"),
    };
    EvidenceFile { name: format!("limits-{pid}.txt"), text }
}

/// Lines of the target, each made harmless.
fn lines(text: &[u8]) -> String {
    String::from_utf8_lossy(text).lines().map(|line| printable(line) + "\n").collect()
}

fn log(lines: &[LogLine]) -> String {
    if lines.is_empty() {
        return "the log is empty\n".to_owned();
    }
    let line = |line: &LogLine| {
        let at = line.at.map_or_else(|| "-".to_owned(), |at| at.to_string());
        let stream = if line.stderr { "err" } else { "out" };
        format!("{at} {stream} {}\n", printable(&line.text))
    };
    lines.iter().map(line).collect()
}

fn note(text: &str) -> EvidenceFile {
    EvidenceFile { name: "processes.txt".to_owned(), text: format!("{}\n", printable(text)) }
}

/// A name that is a name of a file everywhere.
fn file_name(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_') { c } else { '-' };
    name.chars().map(plain).take(64).collect()
}

/// The processes in the order of their tree, each with its depth.
fn in_tree_order(members: &[Member]) -> Vec<(usize, &Member)> {
    let inside = |pid: u32| members.iter().any(|member| member.id.pid == pid);
    let top = |member: &&Member| !inside(member.ppid) || member.ppid == member.id.pid;
    let mut open: Vec<(usize, &Member)> = members.iter().filter(top).map(|member| (0, member)).collect();
    open.reverse();
    let mut ordered: Vec<(usize, &Member)> = Vec::with_capacity(members.len());
    while let Some((depth, member)) = open.pop() {
        ordered.push((depth, member));
        let children =
            members.iter().filter(|child| child.ppid == member.id.pid && child.id != member.id).map(|c| (depth + 1, c));
        open.extend(children.rev());
    }
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ProcId, Role};
    use crate::probe::testing::{Proc, Tree};

    #[test]
    fn writes_every_subject_of_a_recorded_target() {
        let tree = Tree::new();
        tree.add(
            &Proc::new(100)
                .fd(3, "socket:[4711]")
                .epoll(6, &[3])
                .pidfd(8, -1, 5)
                .fd(9, "/tmp/a\n<b>")
                .cmdline(&["app", "--token", "x\x1b[31m"])
                .waits_on(100, 6),
        );
        tree.add(&Proc::new(101).ppid(100).zombie());
        let net = tree.path().join("100/net");
        std::fs::remove_file(net.join("udp6")).unwrap();
        let tcp = "  sl  local_address rem_address   st\n   0: 0100007F:1388 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4711 1\n";
        std::fs::write(net.join("tcp"), tcp).unwrap();
        let files = from_proc(&tree.root(), Scope::Descent { pid: 100 });
        let text =
            |name: &str| files.iter().find(|file| file.name == name).unwrap_or_else(|| panic!("{name}")).text.clone();
        let processes = text("processes.txt");
        assert!(processes.contains("app --token x\\u{1b}[31m"), "{processes}");
        assert!(processes.contains("zombie"), "{processes}");
        let fds = text("fds-100.txt");
        assert!(fds.contains("3 -> socket:[4711]"), "{fds}");
        assert!(fds.contains("Pid:\\t-1") || fds.contains("Pid: -1"), "{fds}");
        assert!(fds.contains("/tmp/a\\n<b>"), "{fds}");
        let sockets = text("sockets.txt");
        assert!(sockets.contains("127.0.0.1:5000"), "{sockets}");
        assert!(sockets.contains("LISTEN"), "{sockets}");
        assert!(sockets.contains("pid 100 fd 3"), "{sockets}");
        assert!(sockets.contains("udp6: could not be read"), "{sockets}");
        assert!(text("limits-100.txt").contains("Max open files"));
        assert!(text("stacks.txt").contains("epoll"));
        assert!(files.iter().all(|file| !file.text.contains('\x1b')));
    }

    #[test]
    fn says_when_there_is_nothing_to_read() {
        let tree = Tree::new();
        let files = from_proc(&tree.root(), Scope::Descent { pid: 100 });
        assert!(files[0].text.contains("process 100"), "{}", files[0].text);
        let files = from_proc(&ProcRoot::at(tree.path().join("nowhere")), Scope::Descent { pid: 100 });
        assert!(files[0].text.contains("could not be listed"));
    }

    #[test]
    fn names_of_containers_make_harmless_file_names() {
        assert_eq!(file_name("../../etc/passwd"), "------etc-passwd");
    }

    #[test]
    fn children_follow_their_parents() {
        let member = |pid, ppid| Member { id: ProcId { pid, start: 1 }, ppid, role: Role::App };
        let members = [member(10, 1), member(11, 10), member(12, 10), member(13, 11), member(20, 1)];
        let order: Vec<(usize, u32)> = in_tree_order(&members).iter().map(|(d, m)| (*d, m.id.pid)).collect();
        assert_eq!(order, [(0, 10), (1, 11), (2, 13), (1, 12), (0, 20)]);
    }
}
