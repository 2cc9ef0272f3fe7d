//! Every descriptor of a process.

use super::{EvidenceFile, Holders};
use crate::model::FdClass;
use crate::probe::ProcDir;
use crate::probe::classify::{classify, readable};

/// How many descriptors are listed.
const MAX_LINES: usize = 5000;

/// The list; sockets are entered into `holders`.
pub(super) fn list(dir: &ProcDir, pid: u32, holders: &mut Holders) -> EvidenceFile {
    let name = format!("fds-{pid}.txt");
    let fds = match dir.numbers("fd") {
        Ok(fds) => fds,
        Err(errno) => {
            return EvidenceFile { name, text: format!("the descriptors of {pid} could not be read: {errno}\n") };
        }
    };
    let mut out = format!("{} descriptors\n", fds.len());
    for (number, &fd) in fds.iter().enumerate() {
        let link = dir.link(&format!("fd/{fd}"));
        if let Some(inode) = link.as_ref().ok().and_then(|link| socket_inode(link)) {
            holders.entry(inode).or_default().push((pid, fd));
        }
        if number >= MAX_LINES {
            continue;
        }
        match link {
            Ok(link) => out.push_str(&format!("{fd} -> {}{}\n", readable(&link), about(dir, fd, &link))),
            Err(errno) => out.push_str(&format!("{fd} could not be read: {errno}\n")),
        }
    }
    if fds.len() > MAX_LINES {
        out.push_str(&format!("and {} more\n", fds.len() - MAX_LINES));
    }
    EvidenceFile { name, text: out }
}

/// What fdinfo says of a pidfd and an eventpoll.
fn about(dir: &ProcDir, fd: u32, link: &[u8]) -> String {
    let class = classify(link).0;
    let keys: &[&str] = if class == FdClass::Pidfd {
        &["Pid:", "NSpid:"]
    } else if class == FdClass::Eventpoll {
        &["tfd:"]
    } else {
        return String::new();
    };
    let text = match dir.read(&format!("fdinfo/{fd}"), 64 * 1024) {
        Ok(text) => text,
        Err(errno) => return format!("  (fdinfo: {errno})"),
    };
    let text = String::from_utf8_lossy(&text);
    let told: Vec<String> = text
        .lines()
        .filter(|line| keys.iter().any(|key| line.starts_with(key)))
        .take(16)
        .map(|line| readable(line.split_whitespace().collect::<Vec<_>>().join(" ").as_bytes()))
        .collect();
    let told = if told.is_empty() { "watches nothing".to_owned() } else { told.join("; ") };
    format!("  ({told})")
}

fn socket_inode(link: &[u8]) -> Option<u64> {
    let digits = link.strip_prefix(b"socket:[")?.strip_suffix(b"]")?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::testing::{Proc, Tree};

    #[test]
    fn lists_at_most_so_many_and_says_how_many_more() {
        let tree = Tree::new();
        let proc = (0..5007).fold(Proc::new(100), |proc, fd| proc.fd(fd, &format!("socket:[{}]", 10_000 + fd)));
        tree.add(&proc);
        let mut holders = Holders::new();
        let file = list(&tree.root().open(100).unwrap(), 100, &mut holders);
        assert_eq!(file.text.lines().count(), 5002);
        assert!(file.text.starts_with("5007 descriptors\n"));
        assert!(file.text.ends_with("and 7 more\n"));
        assert_eq!(holders[&15_006], [(100, 5006)]);
    }

    #[test]
    fn tells_what_special_handles_refer_to() {
        let tree = Tree::new();
        tree.add(&Proc::new(100).epoll(6, &[3]).epoll(7, &[]).pidfd(8, -1, 5));
        let text = list(&tree.root().open(100).unwrap(), 100, &mut Holders::new()).text;
        assert!(text.contains("6 -> anon_inode:[eventpoll]  (tfd: 3 events: 19"), "{text}");
        assert!(text.contains("7 -> anon_inode:[eventpoll]  (watches nothing)"), "{text}");
        assert!(text.contains("8 -> anon_inode:[pidfd]  (Pid: -1)"), "{text}");
    }
}
