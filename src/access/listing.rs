//! What a shell in the container wrote about its processes, turned into a tree of files that is read like /proc. The text is
//! the target's: names in it may hold anything. Pure but for [`Listing::write`].

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;
use std::path::Path;

use crate::probe::parse;

/// Stands for the target of a link that could not be read: of no class that is known.
const UNREAD: &str = "(not readable from inside the container)";

/// The longest target of a link that a file system takes, bytes.
const LONGEST_LINK: usize = 4095;

/// Files of a process that are passed on as they are.
const FILES: [&str; 5] = ["stat", "status", "cmdline", "limits", "cgroup"];

/// The shell's side. Whoever writes a line to it gets the list of all processes, in pieces that begin with that line, so that
/// nothing in them is taken for the beginning of a piece: the line is made of random digits, anew each time.
///
/// Only `ls` and `cat` are needed. Names are listed twice, for the numbers alone cannot be forged: a link may point at a name
/// with line ends in it that looks like more entries.
pub(super) const SCRIPT: &str = r#"
PATH=$PATH:/usr/sbin:/usr/bin:/sbin:/bin
while read -r n; do
  printf '\n%s self %s\n' "$n" "$$"
  for d in /proc/[0-9]*; do
    p=${d#/proc/}
    for f in stat status cmdline limits cgroup; do
      printf '\n%s %s %s\n' "$n" "$p" "$f"
      cat "$d/$f" 2>/dev/null
    done
    printf '\n%s %s numbers\n' "$n" "$p"
    if ls -1 "$d/fd" 2>/dev/null; then
      printf '\n%s %s links\n' "$n" "$p"
      ls -l "$d/fd" 2>/dev/null
    else
      printf '\n%s %s refused\n' "$n" "$p"
    fi
  done
  printf '\n%s end\n' "$n"
done
"#;

/// What the shell wrote.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Listing {
    /// The shell itself.
    shell: u32,
    processes: BTreeMap<u32, Listed>,
}

/// What it wrote of one process.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Listed {
    files: BTreeMap<&'static str, Vec<u8>>,
    numbers: Vec<u32>,
    links: Vec<u8>,
    refused: bool,
}

impl Listing {
    /// Reads what was written in answer to the line `nonce`.
    pub(super) fn parse(text: &[u8], nonce: &str) -> Self {
        let mut listing = Self::default();
        let mark = format!("\n{nonce} ");
        for piece in split(text, mark.as_bytes()) {
            let end = piece.iter().position(|byte| *byte == b'\n').unwrap_or(piece.len());
            let (heading, rest) = piece.split_at(end);
            let content = rest.get(1..).unwrap_or_default();
            let Some((first, second)) = std::str::from_utf8(heading).ok().and_then(|text| text.split_once(' ')) else {
                continue;
            };
            if first == "self" {
                listing.shell = second.parse().unwrap_or(0);
            } else if let Ok(pid) = first.parse() {
                listing.processes.entry(pid).or_default().take(second, content);
            }
        }
        listing
    }

    /// True where the shell could tell of itself, which it can wherever `cat` and `ls` are there.
    pub(super) fn is_whole(&self) -> bool {
        self.processes
            .get(&self.shell)
            .is_some_and(|shell| shell.files.contains_key("stat") && (shell.refused || !shell.numbers.is_empty()))
    }

    /// Processes whose descriptors could not even be listed.
    pub(super) fn refused(&self) -> impl Iterator<Item = u32> {
        // Of one that has ended meanwhile nothing is refused.
        let alive = |listed: &Listed| listed.files.contains_key("stat");
        self.processes.iter().filter(move |(_, listed)| listed.refused && alive(listed)).map(|(pid, _)| *pid)
    }

    /// Descriptors of a process that were counted, and of which nothing else could be read.
    pub(super) fn unread(&self, pid: u32) -> u64 {
        let targets = self.processes.get(&pid).map(Listed::targets).unwrap_or_default();
        targets.values().filter(|target| target.is_none()).count() as u64
    }

    /// Writes the tree. A process of the container gets a cgroup that names it: inside, cgroups often bear no name.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub(super) fn write(&self, root: &Path, container: &str) -> io::Result<()> {
        let own = self.processes.get(&self.shell).and_then(|shell| shell.files.get("cgroup"));
        let named = own.is_some_and(|own| parse::cgroup_names(own, container));
        for (pid, listed) in &self.processes {
            let Some(stat) = listed.files.get("stat") else { continue };
            let dir = root.join(pid.to_string());
            fs::create_dir_all(&dir)?;
            fs::write(dir.join("stat"), stat)?;
            for (name, content) in listed.files.iter().filter(|(name, _)| !matches!(**name, "stat" | "cgroup")) {
                fs::write(dir.join(name), content)?;
            }
            let cgroup = listed.files.get("cgroup").map(Vec::as_slice).unwrap_or_default();
            let inside = if named { parse::cgroup_names(cgroup, container) } else { is_below_own_root(cgroup) };
            let line = format!("0::/{container}\n");
            fs::write(dir.join("cgroup"), if inside { line.as_bytes() } else { b"0::/\n" })?;
            if listed.refused {
                continue;
            }
            fs::create_dir_all(dir.join("fd"))?;
            for (fd, target) in listed.targets() {
                let target = target.unwrap_or(UNREAD.as_bytes());
                let target = target.get(..LONGEST_LINK).unwrap_or(target);
                symlink(std::ffi::OsStr::from_bytes(target), dir.join("fd").join(fd.to_string()))?;
            }
        }
        Ok(())
    }
}

impl Listed {
    fn take(&mut self, what: &str, content: &[u8]) {
        if what == "numbers" {
            let lines = content.split(|byte| *byte == b'\n').filter_map(|line| std::str::from_utf8(line).ok());
            self.numbers = lines.filter_map(|line| line.trim().parse().ok()).collect();
        } else if what == "links" {
            self.links = content.to_vec();
        } else if what == "refused" {
            self.refused = true;
        } else if let Some(name) = FILES.iter().find(|name| **name == what) {
            // `stat` and `status` are never empty: the process was gone, or it was refused.
            if !content.is_empty() || matches!(*name, "cmdline" | "cgroup") {
                self.files.insert(name, content.to_vec());
            }
        }
    }

    /// Every number with what it points at; `None` where that could not be read, or where more than one line claims to tell.
    fn targets(&self) -> BTreeMap<u32, Option<&[u8]>> {
        let mut claims: BTreeMap<u32, Vec<Option<&[u8]>>> = BTreeMap::new();
        for line in self.links.split(|byte| *byte == b'\n') {
            if let Some((fd, target)) = entry(line) {
                claims.entry(fd).or_default().push(target);
            }
        }
        self.numbers
            .iter()
            .map(|fd| match claims.get(fd).map(Vec::as_slice) {
                Some([only]) => (*fd, only.filter(|target| !target.is_empty() && !target.contains(&0))),
                Some(_) | None => (*fd, None),
            })
            .collect()
    }
}

/// Inside a cgroup namespace, paths of the container begin at its own root, and those of others climb out of it.
fn is_below_own_root(cgroup: &[u8]) -> bool {
    let lines = cgroup.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let mut paths = lines.map(|line| line.splitn(3, |byte| *byte == b':').nth(2).unwrap_or_default()).peekable();
    paths.peek().is_some() && paths.all(|path| path.starts_with(b"/") && !path.starts_with(b"/.."))
}

/// `lrwx------ 1 root root 64 Nov 22 21:22 3 -> socket:[17]`, as every `ls` writes it; a link that cannot be read has no
/// arrow. The date has two to four words.
fn entry(line: &[u8]) -> Option<(u32, Option<&[u8]>)> {
    let mode = line.get(..10)?;
    if mode.first() != Some(&b'l') || !mode.iter().skip(1).all(|byte| b"rwx-".contains(byte)) {
        return None;
    }
    let (head, target) = match find(line, b" -> ") {
        Some(at) => (line.get(..at)?, line.get(at + 4..)),
        None => (line, None),
    };
    let words: Vec<&str> = std::str::from_utf8(head).ok()?.split_ascii_whitespace().collect();
    let fd = words.last().filter(|_| (7..=10).contains(&words.len()))?;
    Some((fd.parse().ok()?, target))
}

fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    text.windows(part.len()).position(|window| window == part)
}

/// The pieces after each mark.
fn split<'a>(text: &'a [u8], mark: &[u8]) -> Vec<&'a [u8]> {
    let mut pieces = Vec::new();
    let mut rest = find(text, mark).and_then(|at| text.get(at + mark.len()..));
    while let Some(piece) = rest {
        let next = find(piece, mark);
        pieces.push(next.map_or(piece, |at| piece.get(..at).unwrap_or_default()));
        rest = next.and_then(|at| piece.get(at + mark.len()..));
    }
    pieces
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::probe::ProcRoot;

    const NONCE: &str = "b01dface";
    const ID: &str = "4c01db0b339c4c01db0b339c4c01db0b339c4c01db0b339c4c01db0b339c4c01";

    fn stat(pid: u32, ppid: u32) -> String {
        format!("{pid} (app) S {ppid} 1 1 0 -1 0 0 0 0 0 7 8 0 0 20 0 1 0 100 0 0\n")
    }

    fn answer(cgroup: &str, links: &str) -> Vec<u8> {
        let mut text = format!("\n{NONCE} self 9\n");
        for (pid, ppid) in [(1, 0), (9, 0)] {
            let stat = stat(pid, ppid);
            text += &format!(
                "\n{NONCE} {pid} stat\n{stat}\n{NONCE} {pid} status\nUid:\t0\n\n{NONCE} {pid} cmdline\na\0b\0"
            );
            text += &format!("\n{NONCE} {pid} limits\nMax open files 10 20 files\n\n{NONCE} {pid} cgroup\n{cgroup}");
            text += &format!("\n{NONCE} {pid} numbers\n0\n3\n7\n\n{NONCE} {pid} links\ntotal 0\n{links}");
        }
        text += &format!(
            "\n{NONCE} 30 stat\n\n{NONCE} 30 status\n\n{NONCE} 30 numbers\n\n{NONCE} 30 refused\n\n{NONCE} end\n"
        );
        text.into_bytes()
    }

    const LINKS: &str = "lrwx------    1 0        0               64 Nov 22 21:22 0 -> /dev/null\n\
        lr-x------. 1 root root 64 2026-11-22 21:22 3 -> /tmp/a -> b\n\
        l-wx------ 1 1000 0 64 Nov 22 21:22 7\n";

    fn link(root: &ProcRoot, pid: u32, fd: u32) -> String {
        String::from_utf8(root.open(pid).unwrap().link(&format!("fd/{fd}")).unwrap()).unwrap()
    }

    #[test]
    fn the_tree_reads_like_proc_and_what_was_not_read_is_no_zero() {
        let listing = Listing::parse(&answer("0::/\n", LINKS), NONCE);
        assert!(listing.is_whole());
        assert_eq!(listing.unread(1), 1);
        assert_eq!(listing.refused().count(), 0, "process 30 had ended");
        let dir = tempfile::tempdir().unwrap();
        listing.write(dir.path(), ID).unwrap();
        let root = ProcRoot::at(dir.path());
        assert_eq!(root.pids().unwrap(), [1, 9]);
        assert_eq!(link(&root, 1, 0), "/dev/null");
        assert_eq!(link(&root, 1, 3), "/tmp/a -> b");
        assert_eq!(link(&root, 1, 7), UNREAD);
        let process = root.open(1).unwrap();
        assert_eq!(process.read("cmdline", 100).unwrap(), b"a\0b\0");
        assert!(parse::cgroup_names(&process.read("cgroup", 4096).unwrap(), ID));
    }

    #[test]
    fn a_name_with_line_ends_forges_no_descriptor() {
        let forged = format!(
            "{LINKS}lrwx------ 1 0 0 64 Nov 22 21:22 99 -> socket:[1]\nlrwx------ 1 0 0 64 Nov 22 21:22 0 -> socket:[2]\n"
        );
        let listing = Listing::parse(&answer("0::/\n", &forged), NONCE);
        let targets = listing.processes[&1].targets();
        assert_eq!(targets.keys().copied().collect::<Vec<_>>(), [0, 3, 7]);
        assert_eq!(targets[&0], None, "two lines claim to be it");
    }

    #[test]
    fn processes_of_others_in_a_shared_namespace_are_told_apart() {
        let named = format!("0::/docker/{ID}\n");
        for (cgroup, inside) in [(named.as_str(), true), ("0::/\n", true), ("0::/../other\n", false)] {
            let dir = tempfile::tempdir().unwrap();
            let mut listing = Listing::parse(&answer("0::/\n", LINKS), NONCE);
            let of = |listing: &mut Listing, pid: u32, text: &str| {
                listing.processes.get_mut(&pid).unwrap().files.insert("cgroup", text.as_bytes().to_vec());
            };
            of(&mut listing, 1, cgroup);
            if cgroup == named {
                of(&mut listing, 9, &named);
            }
            listing.write(dir.path(), ID).unwrap();
            let text = fs::read(dir.path().join("1/cgroup")).unwrap();
            assert_eq!(parse::cgroup_names(&text, ID), inside, "{cgroup}");
        }
    }

    #[test]
    fn a_container_without_the_tools_is_known_by_its_silence() {
        let text =
            format!("\n{NONCE} self 9\n\n{NONCE} 9 stat\n\n{NONCE} 9 numbers\n\n{NONCE} 9 refused\n\n{NONCE} end\n");
        assert!(!Listing::parse(text.as_bytes(), NONCE).is_whole());
    }

    proptest! {
        #[test]
        fn no_answer_makes_the_reader_panic(text: Vec<u8>, words in "[a-z0-9 \n>l-]{0,200}") {
            for text in [text, words.replace('z', &format!("\n{NONCE} 1 links\n")).into_bytes()] {
                let listing = Listing::parse(&text, NONCE);
                let _ = (listing.is_whole(), listing.unread(1), listing.refused().count());
            }
        }
    }
}
