//! Where one plant is made: what it holds, and what it shows of it.

use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::ChildStdout;

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use crate::model::{DeadKind, FdClass, FdKind, Metric};

use super::super::children::{Children, Helper};
use super::errand::Errand;
use super::{Planted, Sort, Species};

/// Whatever must be held for a plant to live.
pub(super) type Held = Vec<Box<dyn Send>>;

/// A process that is to leave an orphan behind.
#[derive(Debug)]
pub(super) struct Parent {
    handle: OwnedFd,
    _says: ChildStdout,
}

impl Parent {
    /// Ends it. What is held of it goes with it: that would be dead itself.
    pub(super) fn end(self) -> io::Result<()> {
        match pidfd_send_signal(&self.handle, Signal::KILL) {
            // It has ended already.
            Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }
}

/// Where one plant is made.
pub(super) struct Bed<'a> {
    species: &'static Species,
    folder: &'a Path,
    number: usize,
    children: &'a Children,
    held: Held,
    planted: Vec<Planted>,
    parents: Vec<Parent>,
}

impl<'a> Bed<'a> {
    pub(super) fn new(species: &'static Species, folder: &'a Path, number: usize, children: &'a Children) -> Self {
        Self { species, folder, number, children, held: Vec::new(), planted: Vec::new(), parents: Vec::new() }
    }

    pub(super) fn into_parts(self) -> (Held, Vec<Planted>, Vec<Parent>) {
        (self.held, self.planted, self.parents)
    }

    /// A path for this plant alone, that ends in this.
    pub(super) fn path(&self, ending: &str) -> PathBuf {
        self.folder.join(format!("plant-{}{ending}", self.number))
    }

    /// The thread that starts and reaps children.
    pub(super) fn children(&self) -> &Children {
        self.children
    }

    /// Starts a process of the plant's own; answers with its pid and with what it has to tell. It ends with the plant. `passed`
    /// becomes its descriptor 2, and is closed here.
    pub(super) fn errand(&mut self, errand: Errand, passed: Option<OwnedFd>) -> io::Result<(u32, Vec<u32>)> {
        let (helper, told) = self.children.errand(errand, passed).and_then(Helper::told)?;
        let pid = helper.pid();
        self.hold(helper);
        Ok((pid, told))
    }

    /// Holds it until the application ends.
    pub(super) fn hold(&mut self, thing: impl Send + 'static) {
        self.held.push(Box::new(thing));
    }

    /// Starts a process with a child that is to become an orphan; answers with what it has to tell. The child ends with the plant.
    pub(super) fn parent(&mut self) -> io::Result<Vec<u32>> {
        let (helper, told) = self.children.errand(Errand::Parent, None).and_then(Helper::told)?;
        let handle = pidfd_open(pid(helper.pid())?, PidfdFlags::empty())?;
        let (lifeline, says) = helper.into_parts();
        self.hold(lifeline);
        self.parents.push(Parent { handle, _says: says });
        Ok(told)
    }

    /// Lists it.
    pub(super) fn show(&mut self, spot: Spot) {
        let kind = if spot.is_well { Sort::Healthy } else { self.species.sort };
        self.planted.push(Planted {
            name: self.species.name,
            kind,
            pid: spot.pid,
            fds: spot.fds,
            class: spot.class,
            kinds: spot.kinds.into_iter().map(Metric::Kind).collect(),
            dead_kind: spot.dead,
            note: self.species.about,
            skipped: None,
        });
    }

    /// Lists a descriptor of a class and holds it.
    pub(super) fn keep(&mut self, thing: impl AsFd + Send + 'static, class: FdClass, kinds: &[FdKind]) {
        self.show(Spot::here([&thing]).class(class).kinds(kinds));
        self.hold(thing);
    }

    /// Lists a dead descriptor and holds it.
    pub(super) fn keep_dead(
        &mut self,
        thing: impl AsFd + Send + 'static,
        class: FdClass,
        kinds: &[FdKind],
        why: DeadKind,
    ) {
        self.show(Spot::here([&thing]).class(class).kinds(kinds).dead(why));
        self.hold(thing);
    }
}

/// A pid as the kernel takes it.
pub(super) fn pid(pid: u32) -> io::Result<Pid> {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    pid.ok_or_else(|| io::Error::other("a process without a pid"))
}

/// Descriptors of one process that are alike.
pub(super) struct Spot {
    pid: u32,
    fds: Vec<i32>,
    class: Option<Metric>,
    kinds: Vec<FdKind>,
    dead: Option<DeadKind>,
    is_well: bool,
}

impl Spot {
    /// Descriptors of the application's own.
    pub(super) fn here<'a, F: AsFd + 'a>(fds: impl IntoIterator<Item = &'a F>) -> Self {
        Self::of(std::process::id(), fds.into_iter().map(|fd| fd.as_fd().as_raw_fd()).collect())
    }

    /// Descriptors of another process.
    pub(super) fn at(pid: u32, fds: &[u32]) -> Self {
        Self::of(pid, fds.iter().filter_map(|fd| i32::try_from(*fd).ok()).collect())
    }

    /// A process.
    pub(super) fn process(pid: u32, class: Option<Metric>) -> Self {
        Self { class, ..Self::of(pid, Vec::new()) }
    }

    /// Descriptors of the application's own whose numbers change all the time.
    pub(super) fn changing() -> Self {
        Self::of(std::process::id(), Vec::new())
    }

    fn of(pid: u32, fds: Vec<i32>) -> Self {
        Self { pid, fds, class: None, kinds: Vec::new(), dead: None, is_well: false }
    }

    pub(super) fn class(self, class: FdClass) -> Self {
        Self { class: Some(Metric::Fd(class)), ..self }
    }

    pub(super) fn kinds(self, kinds: &[FdKind]) -> Self {
        Self { kinds: kinds.to_vec(), ..self }
    }

    pub(super) fn dead(self, why: DeadKind) -> Self {
        Self { dead: Some(why), ..self }
    }

    /// Is well, whatever the plant is there for.
    pub(super) fn well(self) -> Self {
        Self { is_well: true, ..self }
    }
}

/// What is listed of a plant that this system refuses.
pub(super) fn skipped(species: &Species, why: &io::Error) -> Planted {
    Planted {
        name: species.name,
        kind: species.sort,
        pid: std::process::id(),
        fds: Vec::new(),
        class: None,
        kinds: Vec::new(),
        dead_kind: None,
        note: species.about,
        skipped: Some(why.to_string()),
    }
}
