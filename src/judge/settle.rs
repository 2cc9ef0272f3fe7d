//! Coming back after the load: `settle_to`.

use super::{Class, Night};
use crate::model::Finding;
use crate::threshold::SettleTo;

/// Judges the level at the end of the settle phase against that before the churn.
pub(super) fn judge(_night: &Night<'_>, _class: &Class<'_>, _near: SettleTo) -> Option<Finding> {
    None
}
