//! How the processes of a target are reached: from this machine's own /proc (`host`), by a container of this very program in
//! the target's namespaces (`helper`), or by commands in the target (`exec`).
//!
//! The best mode that works is chosen, unless one is asked for.

pub mod doctor;

use crate::model::{Phase, ProbeMode, Scope, Snapshot};
use crate::probe::{Depth, Graces, ProbeError, ProcRoot, Sampler};

/// What is to be watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// Which processes.
    pub scope: Scope,
    /// The health check of the container, as the engine has it.
    pub healthcheck: Option<Vec<String>>,
    /// How long handles may look dead and still be put to use.
    pub graces: Graces,
}

/// Why a target cannot be watched.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// /proc does not tell.
    #[error(transparent)]
    Probe(#[from] ProbeError),
    /// The reading broke off.
    #[error("the probe broke off: {0}")]
    Broken(String),
}

/// The way to the processes of one target.
#[derive(Debug)]
pub struct Access {
    mode: ProbeMode,
    reason: String,
    eye: Eye,
}

#[derive(Debug)]
enum Eye {
    // Away only while a blocking thread uses it.
    Host(Option<Box<Sampler>>),
}

impl Access {
    /// Opens the best way that works, or the one that is wanted, and looks whether what must be judged can be read.
    ///
    /// # Errors
    /// No way works, or the one that is wanted does not.
    pub async fn open(_wanted: Option<ProbeMode>, subject: Subject) -> Result<Self, AccessError> {
        let mut sampler = Sampler::new(ProcRoot::system(), subject.scope).with_graces(subject.graces);
        if let Some(test) = subject.healthcheck {
            sampler = sampler.with_healthcheck(test);
        }
        let mut access = Self { mode: ProbeMode::Host, reason: String::new(), eye: Eye::Host(Some(Box::new(sampler))) };
        access.check().await?;
        Ok(access)
    }

    /// The way that was chosen.
    pub fn mode(&self) -> ProbeMode {
        self.mode
    }

    /// Why this way and not a better one, one clause; empty where there is no better one.
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// Fails where what must be judged cannot be read, with what to do about it.
    ///
    /// # Errors
    /// The reason.
    pub async fn check(&mut self) -> Result<(), AccessError> {
        Ok(self.with(Sampler::check).await??)
    }

    /// One look.
    ///
    /// # Errors
    /// The reading broke off. What cannot be read is a gap in the snapshot, and no error.
    pub async fn snapshot(
        &mut self,
        seq: u32,
        at_ms: u64,
        phase: Phase,
        depth: Depth,
    ) -> Result<Snapshot, AccessError> {
        let wall = jiff::Timestamp::now();
        self.with(move |sampler| sampler.snapshot(seq, at_ms, wall, phase, depth)).await
    }

    /// Follows the target after a restart, which gave it new processes.
    ///
    /// # Errors
    /// There is no way to the new processes.
    pub async fn retarget(&mut self, scope: Scope) -> Result<(), AccessError> {
        self.with(move |sampler| sampler.retarget(scope)).await
    }

    async fn with<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&mut Sampler) -> T + Send + 'static,
    ) -> Result<T, AccessError> {
        let Eye::Host(place) = &mut self.eye;
        let mut sampler = place.take().ok_or_else(|| AccessError::Broken("an earlier look did not end".to_owned()))?;
        let done = tokio::task::spawn_blocking(move || {
            let result = work(&mut sampler);
            (sampler, result)
        });
        let (sampler, result) = done.await.map_err(|error| AccessError::Broken(error.to_string()))?;
        *place = Some(sampler);
        Ok(result)
    }
}
