//! Whose figures are judged, and who carries a breach.

use super::{Class, Night};
use crate::model::Carrier;

/// Who carries a growth, a level or dead handles of a class.
pub(super) fn carriers(_night: &Night<'_>, _class: &Class<'_>) -> Vec<Carrier> {
    Vec::new()
}
