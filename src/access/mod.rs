//! How the processes of a target are reached: from this machine's own /proc (`host`), by a container of this very program in
//! the target's namespaces (`helper`), or by commands in the target (`exec`).
//!
//! The best mode that works is chosen, unless one is asked for. `docs/access.md` tells what each of them needs and sees.

mod charged;
pub mod doctor;
mod exec;
mod first;
mod helper;
mod listing;
mod protocol;
mod serve;
mod session;

use crate::evidence::{self, EvidenceFile};
use crate::model::{Gap, GapReason, Observer, Phase, ProbeMode, Scope, Snapshot, TargetSample};
use crate::probe::{Depth, Graces, ProbeError, ProcRoot, Sampler};
use exec::Exec;
use helper::Helper;
use protocol::{Looking, Opening};

pub use serve::serve;

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
    /// A helper container cannot read it.
    #[error("a helper container cannot read it: {0}")]
    Helper(String),
    /// A shell in the container cannot read it.
    #[error("a shell in the container cannot read it: {0}")]
    Exec(String),
    /// The wanted mode needs a container.
    #[error(
        "`--probe {0}` needs a container, and the target is a process of this machine; leave `--probe` out, or run slowdrip as root"
    )]
    NoContainer(&'static str),
    /// The wanted mode does not work.
    #[error(
        "`--probe {mode}` does not work here: {problem}; leave `--probe` out, and the best mode that works is chosen"
    )]
    Unusable {
        /// The mode.
        mode: &'static str,
        /// Why.
        problem: String,
    },
    /// No mode works.
    #[error("the processes of the container cannot be read in any way:\n  {}", .0.join("\n  "))]
    NoWay(Vec<String>),
}

impl AccessError {
    /// The same where the mode is named already.
    fn bare(&self) -> String {
        match self {
            Self::Helper(problem) | Self::Exec(problem) => problem.clone(),
            Self::Probe(_) | Self::Broken(_) | Self::NoContainer(_) | Self::Unusable { .. } | Self::NoWay(_) => {
                self.to_string()
            }
        }
    }
}

/// The way to the processes of one target.
///
/// It should be closed before it is dropped. One that is not takes its helper with it all the same, but nobody waits for that.
#[derive(Debug)]
pub struct Access {
    mode: ProbeMode,
    reason: String,
    scope: Scope,
    eye: Eye,
}

#[derive(Debug)]
enum Eye {
    // Away only while a blocking thread uses it.
    Host(Option<Box<Sampler>>),
    Helper(Box<Helper>),
    Exec(Box<Exec>),
}

impl Access {
    /// Opens the best way that works, or the one that is wanted, and looks whether what must be judged can be read.
    ///
    /// # Errors
    /// No way works, or the one that is wanted does not.
    pub async fn open(wanted: Option<ProbeMode>, subject: Subject) -> Result<Self, AccessError> {
        let contained = matches!(subject.scope, Scope::Container { .. });
        if let Some(mode) = wanted {
            if mode != ProbeMode::Host && !contained {
                return Err(AccessError::NoContainer(mode.name()));
            }
            let unusable = |error: AccessError| AccessError::Unusable { mode: mode.name(), problem: error.bare() };
            let mut access = Self::open_as(mode, &subject).await.map_err(unusable)?;
            access.explain("it was asked for");
            return Ok(access);
        }
        if !contained {
            return Self::open_as(ProbeMode::Host, &subject).await;
        }
        let mut reasons = Vec::new();
        for mode in ProbeMode::ALL {
            match Self::open_as(*mode, &subject).await {
                Ok(mut access) => {
                    access.explain(&reasons.join("; "));
                    return Ok(access);
                }
                Err(error) => reasons.push(format!("{}: {}", mode.name(), error.bare())),
            }
        }
        Err(AccessError::NoWay(reasons))
    }

    async fn open_as(mode: ProbeMode, subject: &Subject) -> Result<Self, AccessError> {
        let eye = match (mode, &subject.scope) {
            (ProbeMode::Host, _) => {
                let scope = subject.scope.clone();
                let mut sampler = Sampler::new(ProcRoot::system(), scope).with_graces(subject.graces);
                if let Some(test) = &subject.healthcheck {
                    sampler = sampler.with_healthcheck(test.clone());
                }
                Eye::Host(Some(Box::new(sampler)))
            }
            (ProbeMode::Helper, Scope::Container { id, .. }) => {
                Eye::Helper(Box::new(Helper::open(opening(id, subject)).await?))
            }
            (ProbeMode::Exec, Scope::Container { id, .. }) => {
                Eye::Exec(Box::new(Exec::open(opening(id, subject)).await?))
            }
            (ProbeMode::Helper | ProbeMode::Exec, Scope::Descent { .. }) => {
                return Err(AccessError::NoContainer(mode.name()));
            }
        };
        let mut access = Self { mode, reason: String::new(), scope: subject.scope.clone(), eye };
        if mode == ProbeMode::Host {
            access.check().await?;
        }
        Ok(access)
    }

    /// Keeps why this way was taken, and what it does not see.
    fn explain(&mut self, reason: &str) {
        self.reason = match &self.eye {
            Eye::Host(_) | Eye::Helper(_) => reason.to_owned(),
            Eye::Exec(exec) => format!("{reason}; {}", exec.limits()),
        };
        if self.mode == ProbeMode::Host {
            // There is no better one.
            self.reason.clear();
        }
    }

    /// The way that was chosen.
    pub fn mode(&self) -> ProbeMode {
        self.mode
    }

    /// Why this way and not a better one; empty where there is no better one.
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// Fails where what must be judged cannot be read, with what to do about it.
    ///
    /// # Errors
    /// The reason.
    pub async fn check(&mut self) -> Result<(), AccessError> {
        match &mut self.eye {
            Eye::Host(sampler) => Ok(with(sampler, Sampler::check).await??),
            Eye::Helper(helper) => helper.check().await,
            Eye::Exec(exec) => exec.check().await,
        }
    }

    /// One look. Where none comes from a helper or a shell within its time, the snapshot holds nothing but a gap.
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
        let look = Looking { seq, at_ms, wall, phase, depth };
        match &mut self.eye {
            Eye::Host(sampler) => with(sampler, move |sampler| sampler.snapshot(seq, at_ms, wall, phase, depth)).await,
            Eye::Helper(helper) => Ok(helper.snapshot(look).await),
            Eye::Exec(exec) => exec.snapshot(look).await,
        }
    }

    /// What is kept of the processes before they are gone. Whatever cannot be had is said in the files.
    pub async fn evidence(&mut self) -> Vec<EvidenceFile> {
        match &mut self.eye {
            Eye::Host(_) => evidence::of_processes(Some(&self.scope)).await,
            Eye::Helper(helper) => helper.evidence().await,
            Eye::Exec(exec) => exec.evidence().await,
        }
    }

    /// Follows the target after a restart, which gave it new processes. A helper or a shell is made anew in the background;
    /// until it is there, snapshots are gaps.
    ///
    /// # Errors
    /// There is no way to the new processes.
    pub async fn retarget(&mut self, scope: Scope) -> Result<(), AccessError> {
        self.scope = scope.clone();
        match &mut self.eye {
            Eye::Host(sampler) => with(sampler, move |sampler| sampler.retarget(scope)).await?,
            Eye::Helper(helper) => helper.renew().await,
            Eye::Exec(exec) => exec.renew().await,
        }
        Ok(())
    }

    /// What happened to the way itself since the last call, one line each: a helper that was lost, or made anew.
    pub fn take_notes(&mut self) -> Vec<String> {
        match &self.eye {
            Eye::Host(_) => Vec::new(),
            Eye::Helper(helper) => helper.notes(),
            Eye::Exec(exec) => exec.notes(),
        }
    }

    /// Removes what was made to reach the processes. Nothing can be read afterwards.
    pub async fn close(&mut self) {
        match &mut self.eye {
            Eye::Host(_) => {}
            Eye::Helper(helper) => helper.close().await,
            Eye::Exec(exec) => exec.close().await,
        }
    }
}

fn opening(container: &str, subject: &Subject) -> Opening {
    Opening { container: container.to_owned(), healthcheck: subject.healthcheck.clone(), graces: subject.graces }
}

/// A look that did not come.
fn missing(look: &Looking, observer: Observer) -> Snapshot {
    Snapshot {
        seq: look.seq,
        at_ms: look.at_ms,
        wall: look.wall,
        phase: look.phase,
        processes: Vec::new(),
        dead: Vec::new(),
        dead_rest: std::collections::BTreeMap::new(),
        held: Vec::new(),
        turnover: std::collections::BTreeMap::new(),
        target: TargetSample::default(),
        gaps: vec![Gap { what: "snapshot".to_owned(), reason: GapReason::Late, count: 1 }],
        observer,
    }
}

/// Lends the sampler to a blocking thread.
async fn with<T: Send + 'static>(
    place: &mut Option<Box<Sampler>>,
    work: impl FnOnce(&mut Sampler) -> T + Send + 'static,
) -> Result<T, AccessError> {
    let mut sampler = place.take().ok_or_else(|| AccessError::Broken("an earlier look did not end".to_owned()))?;
    let done = tokio::task::spawn_blocking(move || {
        let result = work(&mut sampler);
        (sampler, result)
    });
    let (sampler, result) = done.await.map_err(|error| AccessError::Broken(error.to_string()))?;
    *place = Some(sampler);
    Ok(result)
}
