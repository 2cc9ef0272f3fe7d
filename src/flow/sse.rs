//! Server-sent events: opened, read, dropped.

use tokio::time::Instant;

use super::{Done, Failed, Flow};
use crate::model::TargetControl;
use crate::scenario::SseStep;

impl Flow {
    /// Opens a stream of events, reads as many as are wanted, and drops it.
    pub(super) async fn sse<C: TargetControl>(
        &mut self,
        _step: &SseStep,
        _target: &C,
        _deadline: Option<Instant>,
    ) -> Result<Done, Failed> {
        Err(Failed { problems: vec!["not yet".to_owned()], ..Failed::default() })
    }
}
