//! The socket tables of the target's network namespace, see proc_net(5), with who holds each socket.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::{EvidenceFile, Holders};
use crate::probe::ProcDir;
use crate::probe::classify::readable;

/// How many sockets are listed of each table.
const MAX_LINES: usize = 5000;

/// The most that is read of one table.
const TABLE_CAP: u64 = 8 << 20;

/// All tables in one file.
pub(super) fn tables(dir: &ProcDir, holders: &Holders) -> EvidenceFile {
    let mut out = String::from("sockets of the target's network namespace: state, addresses, inode, who holds it\n");
    let mut known = BTreeSet::new();
    for table in ["tcp", "tcp6", "udp", "udp6", "unix", "netlink"] {
        match dir.read(&format!("net/{table}"), TABLE_CAP) {
            Ok(text) => out.push_str(&one(table, &text, holders, &mut known)),
            Err(errno) => out.push_str(&format!("\n{table}: could not be read: {errno}\n")),
        }
    }
    let missing: Vec<_> = holders.iter().filter(|(inode, _)| !known.contains(*inode)).collect();
    if !missing.is_empty() {
        out.push_str(&format!(
            "\nheld and in none of these tables (never bound, closed, or of another family): {}\n",
            missing.len()
        ));
        for (inode, who) in missing.into_iter().take(MAX_LINES) {
            out.push_str(&format!("  inode {inode}  {}\n", held_by(who)));
        }
    }
    EvidenceFile { name: "sockets.txt".to_owned(), text: out }
}

fn one(table: &str, text: &[u8], holders: &Holders, known: &mut BTreeSet<u64>) -> String {
    // The first line is the heading. A name in `unix` may hold any byte but a line end (an abstract one even that: then
    // its second half is a line that cannot be understood, and is shown as such).
    let lines: Vec<&[u8]> = text.split(|&b| b == b'\n').skip(1).filter(|line| !line.is_empty()).collect();
    let mut out = format!("\n{table}: {}\n", lines.len());
    for (number, line) in lines.iter().enumerate() {
        let Some((shown, inode)) = entry(table, line) else {
            if number < MAX_LINES {
                out.push_str(&format!("  not understood: {}\n", readable(line)));
            }
            continue;
        };
        known.insert(inode);
        if number < MAX_LINES {
            let who = holders.get(&inode).map_or_else(String::new, |who| format!("  {}", held_by(who)));
            out.push_str(&format!("  {shown}  inode {inode}{who}\n"));
        }
    }
    if lines.len() > MAX_LINES {
        out.push_str(&format!("  and {} more\n", lines.len() - MAX_LINES));
    }
    out
}

/// What to show of a line, and its inode.
fn entry(table: &str, line: &[u8]) -> Option<(String, u64)> {
    let text = String::from_utf8_lossy(line);
    let fields: Vec<&str> = text.split_ascii_whitespace().collect();
    let field = |at: usize| fields.get(at).copied();
    match table {
        "unix" => {
            let (kind, state) = (unix_type(field(4)?), unix_state(field(5)?));
            let path = readable(after_fields(line, 7));
            let space = if path.is_empty() { "" } else { " " };
            Some((format!("{state} {kind}{space}{path}"), field(6)?.parse().ok()?))
        }
        "netlink" => Some((format!("protocol {} port {}", field(1)?, field(2)?), field(9)?.parse().ok()?)),
        _ => {
            let (local, remote) = (address(field(1)?)?, address(field(2)?)?);
            Some((format!("{} {local} -> {remote}", inet_state(field(3)?)), field(9)?.parse().ok()?))
        }
    }
}

/// The rest of a line after so many fields: a path, spaces and all.
fn after_fields(line: &[u8], number: usize) -> &[u8] {
    let mut rest = line.trim_ascii_start();
    for _ in 0..number {
        let end = rest.iter().position(u8::is_ascii_whitespace).unwrap_or(rest.len());
        rest = rest.get(end..).unwrap_or_default().trim_ascii_start();
    }
    rest
}

fn held_by(who: &[(u32, u32)]) -> String {
    who.iter().map(|(pid, fd)| format!("pid {pid} fd {fd}")).collect::<Vec<_>>().join(", ")
}

/// `0100007F:1388`: words of the address as numbers of this machine, the port as a plain number.
fn address(text: &str) -> Option<SocketAddr> {
    let (address, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let words: Vec<[u8; 4]> = (0..address.len())
        .step_by(8)
        .map(|at| Some(u32::from_str_radix(address.get(at..at + 8)?, 16).ok()?.to_ne_bytes()))
        .collect::<Option<_>>()?;
    let address = match words.as_slice() {
        [word] => IpAddr::from(Ipv4Addr::from(*word)),
        [_, _, _, _] => IpAddr::from(Ipv6Addr::from(<[u8; 16]>::try_from(words.concat()).ok()?)).to_canonical(),
        _ => return None,
    };
    Some(SocketAddr::new(address, port))
}

/// The states of include/net/tcp_states.h; udp uses two of them.
fn inet_state(hex: &str) -> &'static str {
    match hex {
        "01" => "ESTABLISHED",
        "02" => "SYN_SENT",
        "03" => "SYN_RECV",
        "04" => "FIN_WAIT1",
        "05" => "FIN_WAIT2",
        "06" => "TIME_WAIT",
        "07" => "CLOSE",
        "08" => "CLOSE_WAIT",
        "09" => "LAST_ACK",
        "0A" => "LISTEN",
        "0B" => "CLOSING",
        "0C" => "NEW_SYN_RECV",
        _ => "?",
    }
}

fn unix_type(hex: &str) -> &'static str {
    match hex {
        "0001" => "stream",
        "0002" => "datagram",
        "0005" => "seqpacket",
        _ => "?",
    }
}

fn unix_state(hex: &str) -> &'static str {
    match hex {
        "00" => "FREE",
        "01" => "UNCONNECTED",
        "02" => "CONNECTING",
        "03" => "CONNECTED",
        "04" => "DISCONNECTING",
        _ => "?",
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    #[cfg(target_endian = "little")]
    fn decodes_addresses_of_both_families() {
        let shown = |text: &str| address(text).map(|address| address.to_string());
        assert_eq!(shown("0100007F:1388").as_deref(), Some("127.0.0.1:5000"));
        assert_eq!(shown("00000000000000000000000001000000:01BB").as_deref(), Some("[::1]:443"));
        assert_eq!(shown("0000000000000000FFFF00000100007F:0050").as_deref(), Some("127.0.0.1:80"));
        assert_eq!(shown("0100007F"), None);
        assert_eq!(shown("0100:1388"), None);
    }

    #[test]
    fn reads_unix_and_netlink_lines() {
        let line = b"0000000055ceedb2: 00000002 00000000 00010000 0001 01  3863 /var/run/my 3863 docker.sock";
        assert_eq!(entry("unix", line), Some(("UNCONNECTED stream /var/run/my 3863 docker.sock".to_owned(), 3863)));
        let unnamed = b"0000000055ceedb2: 00000003 00000000 00000000 0001 03  3864";
        assert_eq!(entry("unix", unnamed), Some(("CONNECTED stream".to_owned(), 3864)));
        let line = b"0000000050f8de23 0   3964655532 00000000 0        0        0     2        0        38603   ";
        assert_eq!(entry("netlink", line), Some(("protocol 0 port 3964655532".to_owned(), 38603)));
    }

    #[test]
    fn a_hostile_name_is_shown_and_does_not_stop_the_rest() {
        let text = b"Num RefCount\n00: 2 0 1 0001 01 5 @a\nb\x1b[31m\n00: 2 0 1 0001 03 6 @c\n";
        let mut known = BTreeSet::new();
        let shown = one("unix", text, &Holders::from([(6, vec![(77, 3)])]), &mut known);
        assert!(shown.contains("not understood: b\\u{1b}[31m"), "{shown}");
        assert!(shown.contains("CONNECTED stream @c  inode 6  pid 77 fd 3"), "{shown}");
        assert_eq!(known.into_iter().collect::<Vec<_>>(), [5, 6]);
    }

    proptest! {
        #[test]
        fn no_line_makes_the_reader_panic(line: Vec<u8>, words in "[0-9A-F: ]{0,80}") {
            for table in ["tcp", "udp6", "unix", "netlink"] {
                let _ = entry(table, &line);
                let _ = entry(table, words.as_bytes());
            }
        }
    }
}
