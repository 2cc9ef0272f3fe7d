//! What the application's children do, and how the command line says so.

use std::ffi::{OsStr, OsString};
use std::io::{self, Write as _};
use std::str::FromStr;

use rustix::process::{Pid, Signal};

use super::super::plants::Errand;
use super::super::work::{Fault, check, tree};

/// What a child of the application does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChildKind {
    /// Ends at once.
    Exit,
    /// Sleeps until its standard input closes or its parent dies.
    Worker {
        /// The pid of the parent that started it.
        parent: i32,
    },
    /// Does what a plant needs a process for, until its standard input closes or its parent dies.
    Plant {
        /// What.
        errand: Errand,
        /// The pid of the parent that started it.
        parent: i32,
    },
    /// Sleeps until its standard input closes, whether its parent lives or not.
    Orphan,
    /// Works for a WebSocket session: says that it is ready, and sleeps until its standard input closes or its parent dies.
    Session {
        /// The pid of the parent that started it.
        parent: i32,
    },
    /// Is supervised: writes a line to its log, and sleeps until its standard input closes or its parent dies.
    Job {
        /// The pid of the parent that started it.
        parent: i32,
    },
    /// Has workers of its own, until its standard input closes or its parent dies.
    Manager {
        /// The pid of the parent that started it.
        parent: i32,
        /// True where its workers do not mind its end.
        orphans: bool,
    },
    /// Works for a manager until that ends.
    TreeWorker {
        /// The pid of the manager that started it.
        parent: i32,
        /// The pid of the application, with which it ends in place of the manager.
        app: Option<i32>,
    },
    /// Checks the health of the application: has somebody ask `/hang`, and waits.
    Check {
        /// The application's port on 127.0.0.1.
        port: u16,
        /// True where whoever asks waits without end.
        endless: bool,
    },
    /// Asks `/hang` for a health check.
    Ask {
        /// The application's port on 127.0.0.1.
        port: u16,
        /// True where it waits without end.
        endless: bool,
    },
}

/// A `--child` that the application does not use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is none of the application's own children")]
pub struct UnknownChild(String);

impl FromStr for ChildKind {
    type Err = UnknownChild;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        read(text).ok_or_else(|| UnknownChild(text.to_owned()))
    }
}

/// `KIND`, `KIND:NUMBER` or `KIND:NUMBER:MORE`.
fn read(text: &str) -> Option<ChildKind> {
    let mut parts = text.split(':');
    let parts = (parts.next()?, parts.next(), parts.next(), parts.next());
    let (kind, number, more) = match parts {
        ("exit", None, None, None) => return Some(ChildKind::Exit),
        ("orphan", None, None, None) => return Some(ChildKind::Orphan),
        (kind, Some(number), more, None) => (kind, number, more),
        _ => return None,
    };
    let pid = || number.parse::<i32>().ok();
    let fault = |fault: Fault| {
        let given = more?.parse::<Fault>().ok()?;
        [Fault::None, fault].contains(&given).then_some(given == fault)
    };
    match (kind, more) {
        ("manager", Some(_)) => Some(ChildKind::Manager { parent: pid()?, orphans: fault(Fault::Orphans)? }),
        ("check", Some(_)) => {
            Some(ChildKind::Check { port: number.parse().ok()?, endless: fault(Fault::HealthCheck)? })
        }
        ("ask", Some(_)) => Some(ChildKind::Ask { port: number.parse().ok()?, endless: fault(Fault::HealthCheck)? }),
        ("tree-worker", Some(app)) => Some(ChildKind::TreeWorker { parent: pid()?, app: Some(app.parse().ok()?) }),
        (_, Some(_)) => None,
        ("tree-worker", None) => Some(ChildKind::TreeWorker { parent: pid()?, app: None }),
        ("session-worker", None) => Some(ChildKind::Session { parent: pid()? }),
        ("job", None) => Some(ChildKind::Job { parent: pid()? }),
        ("worker", None) => Some(ChildKind::Worker { parent: pid()? }),
        (errand, None) => Some(ChildKind::Plant { errand: Errand::named(errand)?, parent: pid()? }),
    }
}

impl ChildKind {
    pub(in super::super) fn argument(self) -> String {
        let or_none = |there: bool, fault: Fault| if there { fault.name() } else { Fault::None.name() };
        match self {
            Self::Exit => "exit".to_owned(),
            Self::Orphan => "orphan".to_owned(),
            Self::Worker { parent } => format!("worker:{parent}"),
            Self::Plant { errand, parent } => format!("{}:{parent}", errand.name()),
            Self::Session { parent } => format!("session-worker:{parent}"),
            Self::Job { parent } => format!("job:{parent}"),
            Self::Manager { parent, orphans } => format!("manager:{parent}:{}", or_none(orphans, Fault::Orphans)),
            Self::TreeWorker { parent, app: None } => format!("tree-worker:{parent}"),
            Self::TreeWorker { parent, app: Some(app) } => format!("tree-worker:{parent}:{app}"),
            Self::Check { port, endless } => format!("check:{port}:{}", or_none(endless, Fault::HealthCheck)),
            Self::Ask { port, endless } => format!("ask:{port}:{}", or_none(endless, Fault::HealthCheck)),
        }
    }

    /// The name that it bears in lists of processes; `None`: that of the program.
    pub(in super::super) fn title(self) -> Option<&'static str> {
        match self {
            Self::Session { .. } => Some("session-worker"),
            Self::Job { .. } => Some("job"),
            Self::Manager { .. } => Some("manager"),
            Self::TreeWorker { .. } => Some("tree-worker"),
            Self::Ask { .. } => Some("ask"),
            // Started by the engine, which gives it its name.
            Self::Check { .. } => None,
            Self::Exit | Self::Orphan | Self::Worker { .. } | Self::Plant { .. } => None,
        }
    }

    /// Does what the child is for. Blocks.
    pub(in super::super) fn run(self) -> io::Result<()> {
        match self {
            Self::Exit => Ok(()),
            Self::Orphan => until_input_ends(),
            Self::Check { port, endless } => check::check(port, endless),
            Self::Ask { port, endless } => check::ask(port, endless),
            Self::TreeWorker { parent, app: Some(app) } => tree::outlive(parent, app),
            Self::Worker { parent }
            | Self::Plant { parent, .. }
            | Self::Session { parent }
            | Self::Job { parent }
            | Self::Manager { parent, .. }
            | Self::TreeWorker { parent, app: None } => {
                if ends_with(parent)? {
                    self.serve()
                } else {
                    Ok(())
                }
            }
        }
    }

    /// What is done by a child that ends with its parent.
    fn serve(self) -> io::Result<()> {
        match self {
            Self::Plant { errand, .. } => errand.run(),
            Self::Manager { parent, orphans } => tree::manage(parent, orphans),
            Self::Session { .. } => say("ready").and_then(|()| until_input_ends()),
            Self::Job { .. } => say("job started").and_then(|()| until_input_ends()),
            Self::Worker { .. } | Self::TreeWorker { .. } => until_input_ends(),
            Self::Exit | Self::Orphan | Self::Check { .. } | Self::Ask { .. } => Ok(()),
        }
    }
}

fn say(line: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}

/// Asks the kernel to end this process with its parent; false where that is gone already.
fn ends_with(parent: i32) -> io::Result<bool> {
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    // The parent may have died before the line above: then nobody will send the signal any more.
    Ok(rustix::process::getppid().map(Pid::as_raw_pid) == Some(parent))
}

/// Sleeps until there is no more standard input.
pub(in super::super) fn until_input_ends() -> io::Result<()> {
    io::copy(&mut io::stdin().lock(), &mut io::sink()).map(drop)
}

/// Does the work of one of the application's own children, where the command line asks for that, and says so.
///
/// A program calls this before it starts threads or an async runtime: a child that only sleeps should hold no epoll of its own.
///
/// # Errors
/// The parent's death could not be watched, standard input not be read, or a health check failed.
pub fn ran_as_child(args: impl IntoIterator<Item = OsString>) -> io::Result<bool> {
    let mut args = args.into_iter().skip(1);
    let asked =
        args.next().as_deref() == Some(OsStr::new("demo-app")) && args.next().as_deref() == Some(OsStr::new("--child"));
    let kind = args.next().filter(|_| asked).and_then(|kind| kind.to_str().and_then(|kind| kind.parse().ok()));
    match kind {
        Some(kind) => ChildKind::run(kind).map(|()| true),
        None => Ok(false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn child_kinds_survive_the_command_line() {
        let kinds = [
            ChildKind::Exit,
            ChildKind::Orphan,
            ChildKind::Worker { parent: 42 },
            ChildKind::Plant { errand: Errand::Zombie, parent: 42 },
            ChildKind::Session { parent: 42 },
            ChildKind::Job { parent: 42 },
            ChildKind::Manager { parent: 42, orphans: true },
            ChildKind::Manager { parent: 42, orphans: false },
            ChildKind::TreeWorker { parent: 42, app: None },
            ChildKind::TreeWorker { parent: 42, app: Some(1) },
            ChildKind::Check { port: 8080, endless: true },
            ChildKind::Ask { port: 8080, endless: false },
        ];
        for kind in kinds {
            assert_eq!(kind.argument().parse::<ChildKind>().unwrap(), kind);
        }
        for wrong in [
            "worker",
            "worker:x",
            "dance:1",
            "exit:1",
            "check:8080",
            "check:8080:orphans",
            "job:1:none",
            "ask:1:none:2",
        ] {
            assert!(wrong.parse::<ChildKind>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_ordinary_command_line_is_not_taken_for_a_child() {
        for line in
            [&["slowdrip", "run", "--child", "exit"][..], &["slowdrip", "demo-app", "--data", "x"], &["slowdrip"]]
        {
            assert!(!ran_as_child(line.iter().map(OsString::from)).unwrap(), "{line:?}");
        }
        assert!(ran_as_child(["slowdrip", "demo-app", "--child", "exit"].map(OsString::from)).unwrap());
    }
}
