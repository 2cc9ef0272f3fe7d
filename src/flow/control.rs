//! What is done to the target itself, and to the time.

use tokio::time::Instant;

use super::{Done, Failed, Flow};
use crate::model::TargetControl;
use crate::scenario::Action;

impl Flow {
    /// Runs a step that is no request.
    pub(super) async fn control<C: TargetControl>(
        &mut self,
        _action: &Action,
        _target: &C,
        _deadline: Option<Instant>,
    ) -> Result<Done, Failed> {
        Err(Failed { problems: vec!["not yet".to_owned()], ..Failed::default() })
    }
}
