//! Handles whose number goes up and down as that of healthy applications does: what must never be called a leak. They are real ones of
//! the kernel, and alive by every rule of dead handles. What is held is listed at `GET /shapes`.
//!
//! `order` says what is asked for, `course` when what opens and closes, `handles` opens it.

mod course;
mod dice;
mod handles;
mod order;

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;

pub(super) use course::{Course, Step};
use handles::{Handle, Opener};
pub use order::{HandleKind, ShapeKind, ShapeOrder};

/// What a shape holds, as `GET /shapes` lists it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Holding {
    /// How it goes.
    kind: ShapeKind,
    /// Its size.
    size: u32,
    /// Its time, seconds.
    time_s: f64,
    /// What it holds.
    handle: HandleKind,
    /// How many of them are open now. A pipe has two descriptors.
    held: usize,
    /// How many were opened.
    opened: u64,
}

/// All shapes. Dropping them closes everything.
pub(super) struct Shapes {
    opener: Opener,
    kept: Vec<Kept>,
}

/// One shape.
struct Kept {
    order: ShapeOrder,
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    open: BTreeMap<u64, Handle>,
    opened: u64,
}

impl fmt::Debug for Shapes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shapes").field("held", &self.held()).finish_non_exhaustive()
    }
}

impl Shapes {
    /// Shapes that hold nothing yet. Files go below `folder`.
    ///
    /// # Errors
    /// The folder, or what eventpolls need to be alive, could not be made.
    pub(super) fn new(orders: &[ShapeOrder], folder: PathBuf) -> io::Result<Self> {
        let kinds: Vec<HandleKind> = orders.iter().map(|order| order.handle).collect();
        let kept = orders.iter().map(|order| Kept { order: *order, held: Mutex::default() }).collect();
        Ok(Self { opener: Opener::prepare(&kinds, folder)?, kept })
    }

    /// Opens or closes handles of the shape of this number.
    ///
    /// # Errors
    /// A handle could not be opened. It is left out, and nothing is to be done when it is to be closed.
    pub(super) fn perform(&self, number: usize, step: Step) -> io::Result<()> {
        let Some(kept) = self.kept.get(number) else { return Ok(()) };
        match step {
            Step::Open(handle) => {
                let opened = self.opener.open(kept.order.handle, &format!("shape-{number}-{handle}"))?;
                let mut held = kept.lock();
                held.opened += 1;
                held.open.insert(handle, opened);
            }
            Step::Close(handle) => drop(kept.lock().open.remove(&handle)),
            Step::CloseAll => kept.lock().open.clear(),
        }
        Ok(())
    }

    /// What every shape holds, in the order in which they were asked for.
    pub(super) fn held(&self) -> Vec<Holding> {
        let holding = |kept: &Kept| {
            let ShapeOrder { kind, size, time, handle } = kept.order;
            let held = kept.lock();
            Holding { kind, size, time_s: time.as_secs_f64(), handle, held: held.open.len(), opened: held.opened }
        };
        self.kept.iter().map(holding).collect()
    }

    /// Closes everything. Blocks as long as removing files does.
    pub(super) fn release(&self) {
        for kept in &self.kept {
            kept.lock().open.clear();
        }
    }
}

impl Kept {
    fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documentation_names_every_shape_with_its_time_and_everything_that_can_be_held() {
        let page = include_str!("../../../../docs/demo.md");
        for kind in ShapeKind::ALL {
            let row = page.lines().find(|line| line.starts_with(&format!("| `{}` |", kind.name()))).unwrap();
            assert!(row.contains(&format!("| {} s |", kind.default_time().as_secs())), "{row}");
        }
        for handle in HandleKind::ALL {
            assert!(page.lines().any(|line| line.starts_with(&format!("| `{}` |", handle.name()))), "{handle:?}");
        }
    }

    #[test]
    fn opens_closes_and_counts_what_it_holds() {
        let dir = tempfile::tempdir().unwrap();
        let orders: Vec<ShapeOrder> =
            HandleKind::ALL.iter().map(|handle| format!("pool=3:{}", handle.name()).parse().unwrap()).collect();
        let shapes = Shapes::new(&orders, dir.path().join("shapes")).unwrap();
        let files = || std::fs::read_dir(dir.path().join("shapes")).unwrap().count();
        let held = || shapes.held().iter().map(|one| one.held).collect::<Vec<_>>();
        for number in 0..orders.len() {
            for handle in 0..3 {
                shapes.perform(number, Step::Open(handle)).unwrap();
            }
            shapes.perform(number, Step::Close(1)).unwrap();
            shapes.perform(number, Step::Close(7)).unwrap();
        }
        assert_eq!((held(), files()), (vec![2; 4], 2));
        shapes.perform(0, Step::CloseAll).unwrap();
        assert_eq!(held(), [0, 2, 2, 2]);
        assert!(shapes.held().iter().all(|one| one.opened == 3));
        shapes.release();
        assert_eq!((held(), files()), (vec![0; 4], 0));
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_an_error_where_files_are_asked_for() {
        let orders = |text: &str| [text.parse().unwrap()];
        assert!(Shapes::new(&orders("pool=3:file"), PathBuf::from("/dev/null/shapes")).is_err());
        assert!(Shapes::new(&orders("pool=3"), PathBuf::from("/dev/null/shapes")).is_ok());
    }
}
