//! What a descriptor refers to, by the target of its link. Pure.
//!
//! The names were checked by making one of each on Linux 6.18; older and newer spellings are taken too.

use std::borrow::Cow;

use crate::model::text::printable;
use crate::model::{FdClass, FdKind};

/// The class of a descriptor and the name under which it is counted: the link itself, except that numbers in anonymous
/// names are collapsed (`socket:[*]`). Paths stay whole.
pub fn classify(link: &[u8]) -> (FdClass, Cow<'_, [u8]>) {
    if let Some(name) = link.strip_prefix(b"anon_inode:") {
        return (anonymous(name), without_number(link));
    }
    // A path that cannot be reached from the reader's root, for example in a lazily unmounted file system.
    let path = link.strip_prefix(b"(unreachable)").unwrap_or(link);
    if path.starts_with(b"/") {
        return (by_path(path), Cow::Borrowed(link));
    }
    match numbered(link) {
        Some(b"socket") => (FdClass::Socket, Cow::Borrowed(b"socket:[*]")),
        Some(b"pipe") => (FdClass::Pipe, Cow::Borrowed(b"pipe:[*]")),
        Some(b"pidfd") => (FdClass::Pidfd, Cow::Borrowed(b"pidfd:[*]")),
        // Namespaces (`net:[4026531840]`) and what newer kernels may bring.
        Some(kind) => (FdClass::AnonOther, Cow::Owned([kind, b":[*]"].concat())),
        None => (FdClass::Unknown, Cow::Borrowed(link)),
    }
}

/// The side of a pseudo terminal, where the link's name tells it. Masters are opened through the multiplexer and keep its name,
/// which in a container is `/dev/pts/ptmx`.
pub fn pty_side(link: &[u8]) -> Option<FdKind> {
    let path = link.strip_prefix(b"(unreachable)").unwrap_or(link);
    let path = path.strip_suffix(b" (deleted)").unwrap_or(path);
    if path == b"/dev/ptmx" || path == b"/dev/pts/ptmx" {
        Some(FdKind::PtyMaster)
    } else {
        path.starts_with(b"/dev/pts/").then_some(FdKind::PtySlave)
    }
}

/// Bytes of the target made fit for people and for a single line: what is not UTF-8 becomes `\xNN`.
pub fn readable(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        out.push_str(&printable(chunk.valid()));
        for byte in chunk.invalid() {
            out.push_str(&format!("\\x{byte:02x}"));
        }
    }
    out
}

/// The kind in `kind:[12345]`.
fn numbered(link: &[u8]) -> Option<&[u8]> {
    let inner = link.strip_suffix(b"]")?;
    let open = inner.iter().rposition(|&b| b == b'[')?;
    let (kind, digits) = (inner.get(..open)?.strip_suffix(b":")?, inner.get(open + 1..)?);
    let plain = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    (plain && !kind.is_empty()).then_some(kind)
}

/// A number at the end of an anonymous name collapsed: `anon_inode:kvm-vcpu:3`.
fn without_number(link: &[u8]) -> Cow<'_, [u8]> {
    let digits = link.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    match link.get(..link.len() - digits) {
        Some(stem) if digits > 0 && stem.ends_with(b":") => Cow::Owned([stem, b"*"].concat()),
        Some(_) | None => Cow::Borrowed(link),
    }
}

fn anonymous(name: &[u8]) -> FdClass {
    // Most names stand in brackets, inotify's does not.
    let bare = name.strip_prefix(b"[").and_then(|rest| rest.strip_suffix(b"]")).unwrap_or(name);
    match bare {
        b"eventpoll" => FdClass::Eventpoll,
        b"eventfd" => FdClass::Eventfd,
        b"timerfd" => FdClass::Timerfd,
        b"signalfd" => FdClass::Signalfd,
        b"inotify" => FdClass::Inotify,
        b"fanotify" => FdClass::Fanotify,
        b"pidfd" => FdClass::Pidfd,
        b"perf_event" => FdClass::PerfEvent,
        b"btf" => FdClass::Bpf,
        // `bpf-map`, `bpf-prog`, `bpf_link`, `bpf_iter`, `bpf-stats`.
        bpf if bpf.starts_with(b"bpf") => FdClass::Bpf,
        b"io_uring" => FdClass::IoUring,
        b"userfaultfd" => FdClass::Userfaultfd,
        _ => FdClass::AnonOther,
    }
}

fn by_path(path: &[u8]) -> FdClass {
    // The second is memfd_secret(2).
    if path.starts_with(b"/memfd:") || path == b"/secretmem (deleted)" {
        return FdClass::Memfd;
    }
    // The kernel marks a deleted file by its name alone: a file that is really called so cannot be told apart.
    let (path, deleted) = match path.strip_suffix(b" (deleted)") {
        Some(path) => (path, true),
        None => (path, false),
    };
    // A terminal whose other side is closed is marked as deleted too, and still is a terminal.
    if pty_side(path).is_some() {
        return FdClass::Pty;
    }
    if path == b"/dev/console" || path.starts_with(b"/dev/tty") {
        return FdClass::Tty;
    }
    if deleted {
        return FdClass::Deleted;
    }
    if path.starts_with(b"/dmabuf:") {
        return FdClass::AnonOther;
    }
    let files = [&b"/dev/shm/"[..], b"/dev/mqueue/", b"/dev/hugepages/"];
    if path.starts_with(b"/dev/") && !files.iter().any(|folder| path.starts_with(folder)) {
        return FdClass::Device;
    }
    by_file_name(path.rsplit(|&b| b == b'/').next().unwrap_or_default())
}

/// The class of a plain file, by the last part of its path.
pub(super) fn by_file_name(name: &[u8]) -> FdClass {
    let ends = |suffixes: &[&[u8]]| suffixes.iter().any(|suffix| name.ends_with(suffix));
    if ends(&[b".db", b".sqlite", b".sqlite3", b".db3"]) {
        FdClass::SqliteDb
    } else if ends(&[b"-wal"]) {
        FdClass::SqliteWal
    } else if ends(&[b"-shm"]) {
        FdClass::SqliteShm
    } else if ends(&[b"-journal"]) {
        FdClass::SqliteJournal
    } else if is_log(name) {
        FdClass::Log
    } else {
        FdClass::File
    }
}

/// `x.log`, and what rotation makes of it: `x.log.1`, `x.log.gz`, `x.log.2.gz`, `x.log-20261122`.
fn is_log(name: &[u8]) -> bool {
    let mut rest = name;
    for packed in [&b".gz"[..], b".xz", b".zst", b".bz2"] {
        if let Some(unpacked) = rest.strip_suffix(packed) {
            rest = unpacked;
            break;
        }
    }
    let number = rest.iter().rev().take_while(|b| b.is_ascii_digit() || **b == b'-').count();
    let stem = rest.get(..rest.len() - number).unwrap_or_default();
    let stem = if number > 0 { stem.strip_suffix(b".").unwrap_or(stem) } else { stem };
    stem.ends_with(b".log")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn class(link: &str) -> FdClass {
        classify(link.as_bytes()).0
    }

    #[test]
    fn knows_anonymous_inodes_in_both_spellings() {
        for (link, expected) in [
            ("anon_inode:[eventpoll]", FdClass::Eventpoll),
            ("anon_inode:[eventfd]", FdClass::Eventfd),
            ("anon_inode:[timerfd]", FdClass::Timerfd),
            ("anon_inode:[signalfd]", FdClass::Signalfd),
            ("anon_inode:inotify", FdClass::Inotify),
            ("anon_inode:[inotify]", FdClass::Inotify),
            ("anon_inode:[pidfd]", FdClass::Pidfd),
            ("pidfd:[4711]", FdClass::Pidfd),
            ("anon_inode:[io_uring]", FdClass::IoUring),
            ("anon_inode:[userfaultfd]", FdClass::Userfaultfd),
            ("anon_inode:[fanotify]", FdClass::Fanotify),
            ("anon_inode:bpf-map", FdClass::Bpf),
            ("anon_inode:bpf-prog", FdClass::Bpf),
            ("anon_inode:bpf_link", FdClass::Bpf),
            ("anon_inode:bpf_iter", FdClass::Bpf),
            ("anon_inode:btf", FdClass::Bpf),
            ("anon_inode:[perf_event]", FdClass::PerfEvent),
            ("anon_inode:[landlock-ruleset]", FdClass::AnonOther),
            ("anon_inode:kvm-vcpu:3", FdClass::AnonOther),
            ("net:[4026531840]", FdClass::AnonOther),
            ("something new", FdClass::Unknown),
            ("socket:[]", FdClass::Unknown),
            ("", FdClass::Unknown),
        ] {
            assert_eq!(class(link), expected, "{link}");
        }
    }

    #[test]
    fn knows_files_by_their_path() {
        for (link, expected) in [
            ("/data/users.db", FdClass::SqliteDb),
            ("/data/users.sqlite3", FdClass::SqliteDb),
            ("/data/users.db-wal", FdClass::SqliteWal),
            ("/data/users.db-shm", FdClass::SqliteShm),
            ("/data/users.db-journal", FdClass::SqliteJournal),
            ("/data/users.db-wal (deleted)", FdClass::Deleted),
            ("/logs/agent.log", FdClass::Log),
            ("/logs/agent.log.1", FdClass::Log),
            ("/logs/agent.log.gz", FdClass::Log),
            ("/logs/agent.log.12.gz", FdClass::Log),
            ("/logs/agent.log-20261122", FdClass::Log),
            ("/logs/agent.logs", FdClass::File),
            ("/logs/catalog", FdClass::File),
            ("/logs/changelog.1", FdClass::File),
            ("/tmp/x (deleted)", FdClass::Deleted),
            ("/memfd:doublemapper (deleted)", FdClass::Memfd),
            ("/secretmem (deleted)", FdClass::Memfd),
            ("/dev/null", FdClass::Device),
            ("/dev/tty", FdClass::Tty),
            ("/dev/ttyS0", FdClass::Tty),
            ("/dev/console", FdClass::Tty),
            ("/dev/shm/sem.mp-1", FdClass::File),
            ("/dev/pts/3", FdClass::Pty),
            ("/dev/pts/3 (deleted)", FdClass::Pty),
            ("/dev/pts/ptmx", FdClass::Pty),
            ("/dev/ptmx", FdClass::Pty),
            ("(unreachable)/data/users.db", FdClass::SqliteDb),
            ("/srv/socket:[1]", FdClass::File),
            ("/", FdClass::File),
        ] {
            assert_eq!(class(link), expected, "{link}");
        }
    }

    #[test]
    fn tells_the_master_of_a_pseudo_terminal_from_its_slaves() {
        for (link, side) in [
            ("/dev/ptmx", Some(FdKind::PtyMaster)),
            ("/dev/pts/ptmx", Some(FdKind::PtyMaster)),
            ("/dev/pts/0", Some(FdKind::PtySlave)),
            ("/dev/pts/17 (deleted)", Some(FdKind::PtySlave)),
            ("/dev/tty", None),
            ("/home/ptmx", None),
        ] {
            assert_eq!(pty_side(link.as_bytes()), side, "{link}");
        }
    }

    #[test]
    fn collapses_numbers_in_anonymous_names_only() {
        let name = |link: &str| String::from_utf8(classify(link.as_bytes()).1.into_owned()).unwrap();
        assert_eq!(name("socket:[123]"), "socket:[*]");
        assert_eq!(name("pipe:[5]"), "pipe:[*]");
        assert_eq!(name("pidfd:[77]"), "pidfd:[*]");
        assert_eq!(name("net:[4026531840]"), "net:[*]");
        assert_eq!(name("anon_inode:kvm-vcpu:3"), "anon_inode:kvm-vcpu:*");
        assert_eq!(name("anon_inode:[eventfd]"), "anon_inode:[eventfd]");
        assert_eq!(name("/data/[12]"), "/data/[12]");
        assert_eq!(name("/run/77/log:[1]"), "/run/77/log:[1]");
    }

    #[test]
    fn shows_hostile_names_as_one_harmless_line() {
        assert_eq!(readable(b"/tmp/a\nb<script>\xff\xfe\x1b[0m"), "/tmp/a\\nb<script>\\xff\\xfe\\u{1b}[0m");
        assert_eq!(readable("/tmp/grüße".as_bytes()), "/tmp/grüße");
    }

    proptest! {
        #[test]
        fn every_link_has_a_class_and_a_name(link: Vec<u8>) {
            let (_, name) = classify(&link);
            prop_assert!(name.len() <= link.len().max(10));
            prop_assert!(!readable(&link).chars().any(char::is_control));
        }

        #[test]
        fn a_number_never_changes_the_name_of_a_socket(n: u64) {
            let link = format!("socket:[{n}]");
            prop_assert_eq!(classify(link.as_bytes()).1.into_owned(), b"socket:[*]".to_vec());
        }
    }
}
