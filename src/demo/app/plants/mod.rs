//! What can be planted in the application at its start: one of every class of descriptor, every kind of dead handle, and for every
//! kind of dead handle a healthy twin that looks much like it. What is planted is held for the life of the application, and listed
//! at `GET /plants`, so that whoever looks from outside can be held against it.

mod bed;
mod catalogue;
mod classes;
mod dead;
mod errand;
mod healthy;
mod order;
mod sockets;
pub(super) mod threads;

use std::fmt;
use std::io;
use std::path::Path;
use std::str::FromStr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;

use crate::model::{DeadKind, Metric};

use super::args::ArgumentError;
use super::children::Children;
use bed::{Bed, Held, Parent};

pub use errand::Errand;
pub(super) use errand::read_told;
pub use order::PlantOrder;

/// What a plant is planted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Sort {
    /// To be counted.
    Class,
    /// To be called dead.
    Dead,
    /// Never to be called dead.
    Healthy,
}

/// Something that can be planted: a row of the catalogue.
#[derive(Clone, Copy)]
pub struct Plant(&'static Species);

struct Species {
    name: &'static str,
    sort: Sort,
    /// Some systems refuse it: there it is left out, with the reason.
    optional: bool,
    about: &'static str,
    make: fn(&mut Bed<'_>) -> io::Result<()>,
}

impl Plant {
    /// Everything that can be planted.
    pub fn all() -> impl Iterator<Item = Self> {
        catalogue::ALL.iter().map(Self)
    }

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        self.0.name
    }

    /// What it is planted for.
    pub fn sort(self) -> Sort {
        self.0.sort
    }

    /// What it is, in a sentence.
    pub fn about(self) -> &'static str {
        self.0.about
    }
}

impl fmt::Debug for Plant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Plant").field(&self.0.name).finish()
    }
}

impl PartialEq for Plant {
    fn eq(&self, other: &Self) -> bool {
        self.0.name == other.0.name
    }
}

impl Eq for Plant {}

impl FromStr for Plant {
    type Err = ArgumentError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::all().find(|plant| plant.name() == name).ok_or_else(|| {
            let names: Vec<&str> = Self::all().map(Self::name).collect();
            ArgumentError::Plant { name: name.to_owned(), known: names.join(", ") }
        })
    }
}

/// Descriptors of one process that were planted together and are alike, as `GET /plants` lists them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Planted {
    /// The plant's name.
    name: &'static str,
    /// What these descriptors are there for. Not always what the plant is there for: the abandoned event loop has two sockets that
    /// are well.
    kind: Sort,
    /// Who holds them, as the application sees it; the process itself where the process is what was planted.
    pid: u32,
    /// Their numbers. Empty for a process, and where they change all the time.
    fds: Vec<i32>,
    /// Their class (`fd.pipe`); the class of the process (`proc.zombie`).
    class: Option<Metric>,
    /// Their finer kinds (`fd.pipe.read`); of a TCP socket the state as well.
    kinds: Vec<Metric>,
    /// Why they are dead.
    dead_kind: Option<DeadKind>,
    /// What they are, for people.
    note: &'static str,
    /// Why nothing was planted.
    #[serde(skip_serializing_if = "Option::is_none")]
    skipped: Option<String>,
}

/// A plant that could not be made.
#[derive(Debug, thiserror::Error)]
#[error("`{name}` could not be planted")]
pub(super) struct PlantError {
    name: &'static str,
    #[source]
    source: io::Error,
}

/// Everything that was planted. Dropping it closes it all.
#[derive(Debug, Default)]
pub(super) struct Garden {
    planted: Vec<Planted>,
    growing: Mutex<Growing>,
}

#[derive(Default)]
struct Growing {
    held: Held,
    parents: Vec<Parent>,
}

impl fmt::Debug for Growing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Growing").field("held", &self.held.len()).field("parents", &self.parents).finish()
    }
}

impl Garden {
    /// Plants what was ordered. Files go below `folder`, which is made where something is planted. Blocks.
    ///
    /// # Errors
    /// A plant could not be made that can be made everywhere.
    pub(super) fn plant(orders: &[PlantOrder], folder: &Path, children: &Children) -> Result<Self, PlantError> {
        let mut garden = Self::default();
        let mut growing = Growing::default();
        let plants = orders.iter().flat_map(|order| order.plants().map(|plant| (plant, order.count())));
        let single = plants.flat_map(|(plant, count)| (0..count).map(move |_| plant));
        for (number, plant) in single.enumerate() {
            let failed = |source| PlantError { name: plant.name(), source };
            std::fs::create_dir_all(folder).map_err(failed)?;
            let mut bed = Bed::new(plant.0, folder, number, children);
            let made = (plant.0.make)(&mut bed);
            match made {
                Ok(()) => {
                    let (held, planted, parents) = bed.into_parts();
                    growing.held.extend(held);
                    garden.planted.extend(planted);
                    growing.parents.extend(parents);
                }
                Err(error) if plant.0.optional => garden.planted.push(bed::skipped(plant.0, &error)),
                Err(error) => return Err(failed(error)),
            }
        }
        garden.growing = Mutex::new(growing);
        Ok(garden)
    }

    /// What was planted, in the order in which it was.
    pub(super) fn planted(&self) -> &[Planted] {
        &self.planted
    }

    /// Ends the processes whose children are to become orphans, and says how many those were. Until then a look from outside can see
    /// whose children they are.
    pub(super) fn orphan(&self) -> io::Result<usize> {
        let parents = std::mem::take(&mut self.growing().parents);
        let number = parents.len();
        parents.into_iter().try_for_each(Parent::end)?;
        Ok(number)
    }

    /// Lets go of everything. Blocks until its threads have ended; its processes end soon after.
    pub(super) fn release(&self) {
        let growing = std::mem::take(&mut *self.growing());
        drop(growing);
    }

    fn growing(&self) -> MutexGuard<'_, Growing> {
        self.growing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
