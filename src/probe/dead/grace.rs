//! What may look dead and still be put to use: dead only beyond a grace, which counts from when it was first seen so.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::Duration;

use rustix::fs::StatxFlags;

use super::names::Names;
use super::track::{Key, Track, Tracks};
use super::{Graces, Look};
use crate::model::text::shorten;
use crate::model::{DeadKind, FdClass, FdKind, ProcId, ProcState, Role};
use crate::probe::classify::readable;
use crate::probe::read::Seen;
use crate::probe::root::ProcDir;
use crate::probe::scan::Entry;

/// The most deleted files that are asked in one look which file they are. Of the others that is kept which was known.
const ASKED: usize = 4096;

/// The longest path that is named, characters.
const PATH: usize = 400;

/// What the kernel puts behind the path of a deleted file.
const DELETED: &[u8] = b" (deleted)";

pub(super) fn look(look: &Look<'_>, graces: &Graces, names: &Names, tracks: &mut Tracks) {
    let mut left = ASKED;
    // Only the application's own: the others are the engine's to close and to reap.
    for one in look.seen.iter().filter(|one| one.sample.role == Role::App) {
        for entry in one.held.iter().flatten() {
            if entry.class == FdClass::Socket {
                socket(look, one.sample.id, entry, graces, tracks);
            }
        }
        files(look, one, graces, &mut left, tracks);
        process(look.at_ms, one, graces, names, tracks);
    }
}

fn suspect(tracks: &mut Tracks, at_ms: u64, key: Key, mark: u64, grace: Duration) -> &mut Track {
    let track = tracks.see(key, mark);
    track.dead(at_ms);
    track.grace_ms = u64::try_from(grace.as_millis()).unwrap_or(u64::MAX);
    track
}

fn socket(look: &Look<'_>, process: ProcId, entry: &Entry, graces: &Graces, tracks: &mut Tracks) {
    let table = look.sockets;
    let waits = Key::of(process, entry.fd, DeadKind::TcpCloseWait);
    let loose = Key::of(process, entry.fd, DeadKind::SocketUnattached);
    match table.get(entry.ident) {
        Some(socket) if socket.state == Some(FdKind::TcpCloseWait) => {
            let track = suspect(tracks, look.at_ms, waits, entry.ident, graces.close_wait);
            if track.detail.is_empty() {
                track.detail = format!("peer {}", socket.peer());
            }
        }
        Some(_) => {}
        None if table.is_unattached(entry.ident) => {
            let track = suspect(tracks, look.at_ms, loose, entry.ident, graces.unattached);
            if track.detail.is_empty() {
                track.detail = format!("socket:[{}]", entry.ident);
            }
        }
        None => {
            // A table that could not be read, or a socket that could not be asked, does not tell: what was known stays.
            for key in [waits, loose] {
                tracks.keep(key, entry.ident);
            }
        }
    }
}

fn files(look: &Look<'_>, one: &Seen, graces: &Graces, left: &mut usize, tracks: &mut Tracks) {
    let process = one.sample.id;
    let mut dir: Option<Option<ProcDir>> = None;
    for entry in one.held.iter().flatten().filter(|entry| entry.class == FdClass::Deleted) {
        let key = Key::of(process, entry.fd, DeadKind::FileDeleted);
        let dir = dir.get_or_insert_with(|| look.root.open(process.pid).ok());
        let Some(dir) = dir.as_ref().filter(|_| *left > 0) else {
            tracks.keep(key, entry.ident);
            continue;
        };
        *left -= 1;
        let name = format!("fd/{}", entry.fd);
        let track = suspect(tracks, look.at_ms, key, entry.ident ^ born(dir, &name), graces.deleted);
        if track.detail.is_empty() {
            let link = dir.link(&name).ok();
            // Anything else has got the number meanwhile.
            let path = link.as_ref().and_then(|link| link.strip_suffix(DELETED));
            track.detail = path.map_or_else(String::new, |path| shorten(&readable(path), PATH));
        }
    }
}

/// Tells a deleted file from the next one of the same name, which may well get its inode: a digest of the inode and the moment
/// at which the file was made, where its file system remembers that. Zero where nothing is told.
fn born(dir: &ProcDir, name: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    match dir.stat(name, StatxFlags::INO | StatxFlags::BTIME) {
        Ok(stat) => (stat.stx_ino, stat.stx_btime.tv_sec, stat.stx_btime.tv_nsec).hash(&mut hasher),
        Err(_) => return 0,
    }
    hasher.finish()
}

fn process(at_ms: u64, one: &Seen, graces: &Graces, names: &Names, tracks: &mut Tracks) {
    let sample = &one.sample;
    let key = |kind| Key { process: sample.id, fd: None, kind };
    let (pid, parent) = (sample.id.pid, sample.ppid);
    if sample.state == ProcState::Zombie {
        let track = suspect(tracks, at_ms, key(DeadKind::ProcessZombie), 0, graces.zombie);
        track.detail = format!("{}, not reaped by {}", names.of(pid), names.of(parent));
    } else if sample.facts.orphan {
        let track = suspect(tracks, at_ms, key(DeadKind::ProcessOrphan), 0, graces.orphan);
        track.detail = format!("{}, handed to {}", names.of(pid), names.of(parent));
    }
}
