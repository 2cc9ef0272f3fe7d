//! WebSockets: connected, used, and ended in the way that the scenario wants.

use std::time::Duration;

use tokio::time::Instant;

use super::{Done, Failed, Flow, StepError};
use crate::model::TargetControl;
use crate::scenario::{AwaitStep, Message, Step, WsStep};

/// A WebSocket that is open.
pub(super) struct Socket;

/// Connections that stay open and silent for a while.
#[derive(Default)]
pub(super) struct Silent;

impl Flow {
    /// Connects, takes the steps of the connection, and ends it.
    pub(super) async fn ws<C: TargetControl>(
        &mut self,
        step: &Step,
        _ws: &WsStep,
        _target: &C,
        _deadline: Option<Instant>,
    ) -> Result<Done, StepError> {
        Err(self.fail(step, Failed { problems: vec!["not yet".to_owned()], ..Failed::default() }))
    }

    /// Sends a message over the innermost WebSocket.
    pub(super) async fn send(&mut self, _message: &Message, _deadline: Option<Instant>) -> Result<Done, Failed> {
        Err(Failed { problems: vec!["not yet".to_owned()], ..Failed::default() })
    }

    /// Waits for a message on the innermost WebSocket.
    pub(super) async fn receive(&mut self, _wanted: &AwaitStep, _deadline: Option<Instant>) -> Result<Done, Failed> {
        Err(Failed { problems: vec!["not yet".to_owned()], ..Failed::default() })
    }

    /// Sends a ping over the innermost WebSocket and waits for its pong.
    pub(super) async fn ping(&mut self, _within: Duration, _deadline: Option<Instant>) -> Result<Done, Failed> {
        Err(Failed { problems: vec!["not yet".to_owned()], ..Failed::default() })
    }
}
