//! The target's log from a moment on, as it comes.

use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};

use super::{Body, Target};
use crate::model::LogLine;

/// What comes of a log that is followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Followed {
    /// A line.
    Line(LogLine),
    /// So many lines came faster than they were taken, and are lost.
    Lost(u64),
    /// Nothing more comes, and why.
    Failed(String),
}

impl Target {
    /// The lines from `since` on, which is now or a little earlier. Goes on over restarts of the target and of the engine, and
    /// says nothing twice. `None` where there is no log to be had.
    pub fn follow_log(&self, since: jiff::Timestamp) -> Option<BoxStream<'static, Followed>> {
        match &self.body {
            Body::Docker(application) => application.follow_from(since),
            Body::Local(local) => {
                let log = Arc::clone(local.log());
                let pieces = stream::unfold((Arc::clone(&log), log.next_number()), |(log, from)| async move {
                    let (lines, next) = log.since(from).await;
                    let lost = (next - from).saturating_sub(lines.len() as u64);
                    let lost = (lost > 0).then_some(Followed::Lost(lost));
                    let pieces = lost.into_iter().chain(lines.into_iter().map(Followed::Line));
                    Some((stream::iter(pieces), (log, next)))
                });
                Some(pieces.flatten().boxed())
            }
            Body::Attached(_) => None,
        }
    }
}
