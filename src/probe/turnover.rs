//! Which handles came, went and stayed from look to look. Pure.

use std::collections::BTreeMap;

use super::read::Seen;
use crate::model::{FdClass, Turnover};

/// Remembers the handles of every process of the application.
#[derive(Debug, Default)]
pub struct Ledger {}

impl Ledger {
    /// Takes in look number `seq`. A process whose descriptors could not be read keeps those it had: a gap is no death. A look
    /// that saw no process at all tells nothing.
    pub fn observe(&mut self, _seq: u32, _seen: &[Seen]) -> BTreeMap<FdClass, Turnover> {
        BTreeMap::new()
    }
}
