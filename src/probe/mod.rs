//! One look at /proc.
//!
//! [`find`] says which processes belong to the target, [`read`] reads one of them, [`scan`] its descriptors (named by
//! [`classify`]), [`handles`] what its pidfds, eventpolls and pipes refer to, [`sockets`] what its sockets are, [`threads`] what
//! its threads are called, [`cgroup`] what the target is charged with. `patience` has all processes read by a thread,
//! which is left behind where one of them hangs. [`dead`] and [`turnover`] remember handles from look to look, and [`sampler`]
//! makes a [`Snapshot`](crate::model::Snapshot) of it all. [`parse`] knows the formats of the kernel, [`borrow`] asks a
//! descriptor itself, and [`kcmp`] whether two of them are one.

pub mod borrow;
pub mod cgroup;
pub mod classify;
pub mod dead;
pub mod ends;
pub mod find;
pub mod handles;
mod held;
pub mod kcmp;
mod observer;
pub mod parse;
mod patience;
pub mod read;
pub mod root;
pub mod sampler;
pub mod scan;
pub mod sockets;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
pub mod threads;
pub mod turnover;

pub use dead::Graces;
pub use root::{ProcDir, ProcRoot};
pub use sampler::{Depth, Sampler};

/// Why the target cannot be watched.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// The folder of the processes cannot be listed.
    #[error("cannot list {path}: {source}; is procfs mounted there?")]
    Root {
        /// The folder.
        path: String,
        /// What the kernel answered.
        source: rustix::io::Errno,
    },
    /// There is no such process.
    #[error(
        "{subject} shows no process in /proc: it has ended, or it runs on another machine or in another pid namespace"
    )]
    NoProcess {
        /// The target, for people.
        subject: String,
    },
    /// The process exists, and /proc does not show it.
    #[error(
        "/proc does not show process {pid}, although it exists: procfs is mounted with hidepid; run slowdrip as root, or mount /proc with hidepid=0"
    )]
    Hidden {
        /// The process.
        pid: u32,
    },
    /// The process that was named is not in the container.
    #[error(
        "process {pid} is in no cgroup of container {id}: the container was restarted meanwhile, or its engine uses no cgroups; try again, or watch the process by its pid"
    )]
    NotInContainer {
        /// The process.
        pid: u32,
        /// The container's id.
        id: String,
    },
    /// The kernel does not let us read what must be judged.
    #[error(
        "no right to read {what} of process {pid} ({name}, uid {uid}): run slowdrip as root, or grant it CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH{hint}"
    )]
    Denied {
        /// What was refused.
        what: &'static str,
        /// The process.
        pid: u32,
        /// Its name, printable.
        name: String,
        /// The user it runs as, `?` where even that is hidden.
        uid: String,
        /// What else may be the reason, with its own separator.
        hint: &'static str,
    },
    /// No process of the target answers.
    #[error(
        "process {pid} did not answer within {}: it hangs in the kernel (state D), as on a file server that is gone; bring the server back or end the process",
        crate::model::text::seconds(*limit_s)
    )]
    Late {
        /// The first of them.
        pid: u32,
        /// How long it was waited for, seconds.
        limit_s: f64,
    },
    /// Nothing is left to read with.
    #[error(
        "{problem}: raise the limit (`ulimit -n` in the shell, `fs.file-max` for the machine), or end what uses it up"
    )]
    Exhausted {
        /// What is short.
        problem: String,
    },
    /// The kernel answered in a way that this version does not understand.
    #[error(
        "cannot understand {what} of process {pid}: {problem}; please report it together with the kernel's version"
    )]
    Malformed {
        /// What was read.
        what: &'static str,
        /// The process.
        pid: u32,
        /// What is wrong with it.
        problem: String,
    },
}
