//! The way through a shell in the container: counts, and no more than what user 0 of the container may read.
//!
//! One shell lives for the whole night and is asked again and again: each command that the engine starts in a container
//! makes its shim grow, so that one for each look would be felt as a leak.

use std::collections::BTreeSet;
use std::path::Path;

use tokio::task::spawn_blocking;

use super::charged::Charged;
use super::first::first;
use super::listing::{Listing, SCRIPT};
use super::protocol::{Looking, Opening};
use super::session::{Dial, Question, Session, Trouble};
use super::{AccessError, missing};
use crate::evidence::{self, EvidenceFile};
use crate::model::{Gap, GapReason, Observer, Phase, Reading, Role, Scope, Snapshot};
use crate::probe::{Depth, ProcRoot, Sampler};
use crate::target::{Beside, Wire};

/// The longest answer, bytes.
const LONGEST: usize = 64 << 20;

/// Looks through the eyes of a shell in the container.
#[derive(Debug)]
pub(super) struct Exec {
    session: Session,
    charged: Charged,
    opening: Opening,
    // Away only while a blocking thread uses it.
    sampler: Option<Box<Sampler>>,
    observer: Observer,
    unread: u64,
}

/// What one look through the shell found.
struct Looked {
    sampler: Box<Sampler>,
    snapshot: Snapshot,
    unread: u64,
}

impl Exec {
    /// Starts the shell and takes a look, to see whether what must be judged can be read.
    pub(super) async fn open(opening: Opening) -> Result<Self, AccessError> {
        let failed = |problem: String| AccessError::Exec(problem);
        let beside = Beside::of(&opening.container).await.map_err(|error| failed(error.to_string()))?;
        let charged = Charged::new(beside.meter());
        let session = Session::open(Dialler { beside }).await.map_err(failed)?;
        let mut exec = Self { session, charged, opening, sampler: None, observer: Observer::default(), unread: 0 };
        match exec.check().await {
            Ok(()) => Ok(exec),
            Err(error) => {
                exec.close().await;
                Err(error)
            }
        }
    }

    /// What cannot be seen in this way, one clause.
    pub(super) fn limits(&self) -> String {
        let dead = "of the descriptors only numbers and names are read, so that no dead handle can be told";
        match self.unread {
            0 => dead.to_owned(),
            unread => format!("{dead}; {unread} of another user could only be counted"),
        }
    }

    pub(super) async fn check(&mut self) -> Result<(), AccessError> {
        let now = jiff::Timestamp::now();
        let look = Looking { seq: 0, at_ms: 0, wall: now, phase: Phase::Ready, depth: Depth::Light };
        let listing = match self.list().await {
            Ok(listing) => listing,
            // A shell that was lost is made anew by the next question.
            Err(_) => self.list().await.map_err(|trouble| AccessError::Exec(trouble.to_string()))?,
        };
        if !listing.is_whole() {
            return Err(AccessError::Exec("the container has no `ls` or no `cat`".to_owned()));
        }
        // Of a sampler of its own: the one that judges must not count this as a look.
        let looked = looked(listing, None, self.opening.clone(), look).await?;
        self.unread = looked.unread;
        let apps: Vec<_> = looked.snapshot.processes.iter().filter(|process| process.role == Role::App).collect();
        if let Some(process) = apps.iter().find(|process| process.fds.is_denied()) {
            let (name, pid) = (process.name(), process.id.pid);
            let problem = format!(
                "user 0 of the container has no right to list the descriptors of process {pid} ({name}): it has lost its capabilities"
            );
            return Err(AccessError::Exec(problem));
        }
        if apps.is_empty() {
            return Err(AccessError::Exec("the shell sees no process of the application".to_owned()));
        }
        Ok(())
    }

    /// One look; where none comes, a snapshot that holds nothing but a gap.
    pub(super) async fn snapshot(&mut self, look: Looking) -> Result<Snapshot, AccessError> {
        let Ok(listing) = self.list().await else { return Ok(missing(&look, self.observer)) };
        let looked = looked(listing, self.sampler.take(), self.opening.clone(), look).await?;
        let mut snapshot = looked.snapshot;
        self.sampler = Some(looked.sampler);
        self.observer = snapshot.observer;
        self.charged.fill(&mut snapshot);
        Ok(snapshot)
    }

    pub(super) async fn evidence(&mut self) -> Vec<EvidenceFile> {
        let listing = match self.list().await {
            Ok(listing) => listing,
            Err(trouble) => return evidence::without_processes(&format!("the shell is lost: {trouble}")),
        };
        let container = self.opening.container.clone();
        let files = spawn_blocking(move || {
            let dir = tempfile::tempdir()?;
            let scope = tree(&listing, dir.path(), &container)?;
            Ok::<_, std::io::Error>(evidence::from_proc(&ProcRoot::at(dir.path()), scope))
        });
        match files.await {
            Ok(Ok(files)) => files,
            Ok(Err(error)) => evidence::without_processes(&error.to_string()),
            Err(error) => evidence::without_processes(&error.to_string()),
        }
    }

    pub(super) async fn renew(&mut self) {
        self.sampler = None;
        self.session.renew().await;
    }

    pub(super) fn notes(&self) -> Vec<String> {
        self.session.notes()
    }

    pub(super) async fn close(&mut self) {
        self.session.close().await;
    }

    async fn list(&mut self) -> Result<Listing, Trouble> {
        let nonce = nonce();
        let answer = self.session.ask(question(&nonce)).await?;
        let listed = spawn_blocking(move || Listing::parse(&answer, &nonce)).await;
        listed.map_err(|error| Trouble::Lost(error.to_string()))
    }
}

/// A line that nobody can know beforehand.
fn nonce() -> String {
    let mut random = [0_u8; 16];
    // It never fails for so few bytes once the machine is up; a target that guesses the clock forges only its own counts.
    if rustix::rand::getrandom(&mut random, rustix::rand::GetRandomFlags::empty()).is_err() {
        random = jiff::Timestamp::now().as_nanosecond().to_be_bytes();
    }
    random.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn question(nonce: &str) -> Question {
    let end = format!("\n{nonce} end\n").into_bytes();
    Question { bytes: format!("{nonce}\n").into_bytes(), end, most: LONGEST }
}

/// Writes the tree and says who is to be watched in it.
fn tree(listing: &Listing, dir: &Path, container: &str) -> std::io::Result<Scope> {
    listing.write(dir, container)?;
    let pid = first(&ProcRoot::at(dir), container).unwrap_or(1);
    Ok(Scope::Container { pid, id: container.to_owned() })
}

/// Takes a look at the tree that the listing makes.
async fn looked(
    listing: Listing,
    sampler: Option<Box<Sampler>>,
    opening: Opening,
    look: Looking,
) -> Result<Looked, AccessError> {
    let broken = |problem: String| AccessError::Broken(problem);
    let done = spawn_blocking(move || {
        // A folder of its own for each look: what was there before is gone.
        let dir = tempfile::tempdir()?;
        let scope = tree(&listing, dir.path(), &opening.container)?;
        let mut sampler = sampler.unwrap_or_else(|| {
            let fresh = Sampler::new(ProcRoot::at(dir.path()), scope).with_graces(opening.graces);
            Box::new(match opening.healthcheck {
                Some(test) => fresh.with_healthcheck(test),
                None => fresh,
            })
        });
        sampler.move_to(ProcRoot::at(dir.path()));
        let mut snapshot = sampler.snapshot(look.seq, look.at_ms, look.wall, look.phase, look.depth);
        let apps = snapshot.processes.iter().filter(|process| process.role == Role::App);
        let unread = apps.map(|process| listing.unread(process.id.pid)).sum();
        own_up(&mut snapshot, &listing.refused().collect(), unread);
        Ok::<_, std::io::Error>(Looked { sampler, snapshot, unread })
    });
    let done = done.await.map_err(|error| broken(error.to_string()))?;
    done.map_err(|error| broken(format!("{error}; choose another folder for temporary files by TMPDIR")))
}

/// Says in the snapshot what a shell cannot see, so that it is taken neither for none nor for gone.
fn own_up(snapshot: &mut Snapshot, refused: &BTreeSet<u32>, unread: u64) {
    // What is dead among the descriptors stands in files that a shell may not read.
    snapshot.dead.retain(|handle| handle.fd.is_none());
    snapshot.dead_rest.retain(|kind, _| kind.class().is_processes());
    let mut gap = |what: &str, count| {
        snapshot.gaps.push(Gap { what: what.to_owned(), reason: GapReason::Denied, count });
    };
    gap(Snapshot::HANDLES, 1);
    if unread > 0 {
        gap("descriptors of another user, which could only be counted", unread);
    }
    for process in snapshot.processes.iter_mut().filter(|process| refused.contains(&process.id.pid)) {
        process.fds = Reading::Denied;
        let what = format!("descriptors of {}", process.id.pid);
        for gap in snapshot.gaps.iter_mut().filter(|gap| gap.what == what) {
            gap.reason = GapReason::Denied;
        }
    }
}

/// Starts shells.
struct Dialler {
    beside: Beside,
}

impl Dial for Dialler {
    async fn dial(&mut self) -> Result<Wire, String> {
        let wire = self.beside.command(&["/bin/sh", "-c", SCRIPT, "slowdrip-probe"]).await;
        let mut wire = wire.map_err(|error| error.to_string())?;
        let nonce = nonce();
        let Question { bytes, end, most } = question(&nonce);
        let greeting = async {
            wire.send(&bytes).await?;
            wire.until(&end, most).await
        };
        let deadline = std::time::Duration::from_secs(30);
        match tokio::time::timeout(deadline, greeting).await {
            Ok(Ok(_)) => Ok(wire),
            Ok(Err(error)) => Err(format!("the container has no shell at /bin/sh that could be run: {error}")),
            Err(_elapsed) => Err(format!("the shell did not answer within {} s", deadline.as_secs())),
        }
    }

    // The shell ends with its input.
    async fn hang_up(&mut self) {}

    fn name(&self) -> &'static str {
        "the shell in the container"
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{DeadHandle, DeadKind, ProcId};

    #[test]
    fn what_a_shell_cannot_see_is_said() {
        let look =
            Looking { seq: 0, at_ms: 0, wall: jiff::Timestamp::UNIX_EPOCH, phase: Phase::Soak, depth: Depth::Light };
        let mut snapshot = missing(&look, Observer::default());
        let handle = |fd, kind| DeadHandle {
            process: ProcId { pid: 1, start: 1 },
            fd,
            kind,
            first_ms: 0,
            survived: 9,
            detail: String::new(),
        };
        snapshot.dead = vec![handle(Some(3), DeadKind::FileDeleted), handle(None, DeadKind::ProcessZombie)];
        own_up(&mut snapshot, &BTreeSet::new(), 5);
        assert_eq!(snapshot.dead.len(), 1);
        assert!(!snapshot.tells_handles());
        assert!(snapshot.gaps.iter().any(|gap| gap.count == 5 && gap.reason == GapReason::Denied));
    }

    #[test]
    fn every_question_has_a_line_of_its_own() {
        assert_ne!(nonce(), nonce());
        assert_eq!(nonce().len(), 32);
    }
}
