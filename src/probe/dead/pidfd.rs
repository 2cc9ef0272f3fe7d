//! A **pidfd** is dead when its process is gone and reaped (`Pid: -1` in fdinfo), from the second look on.

use super::names::Names;
use super::track::{Key, Tracks};
use crate::model::DeadKind;
use crate::probe::handles::Handles;

pub(super) fn look(at_ms: u64, handles: &Handles, names: &Names, tracks: &mut Tracks) {
    for pidfd in &handles.pidfds {
        let key = Key::of(handles.id, pidfd.fd, DeadKind::PidfdTargetGone);
        let track = tracks.see(key, pidfd.info.ino.unwrap_or(0));
        match u32::try_from(pidfd.info.pid) {
            Err(_) => {
                track.dead(at_ms);
                if track.detail.is_empty() {
                    "its process was gone when it was first seen".clone_into(&mut track.detail);
                }
            }
            // One that is not visible from here.
            Ok(0) => {
                track.lives();
                "a process of another pid namespace, gone".clone_into(&mut track.detail);
            }
            Ok(pid) => {
                track.lives();
                let named = names.known(pid).is_some();
                if named || !track.detail.starts_with(&format!("pid {pid} ")) {
                    track.detail = format!("{} gone", names.of(pid));
                }
            }
        }
    }
}
