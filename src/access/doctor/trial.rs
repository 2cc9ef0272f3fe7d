//! Calls of the kernel that a filter, a namespace or a build option may refuse: each is tried for real.

use std::process::{Child, Command, Stdio};

use rustix::io::Errno;

use super::{Check, CheckState};
use crate::probe::borrow::borrow;
use crate::probe::kcmp::compare;
use crate::probe::sockets::diag::Diag;
use crate::probe::sockets::message::Request;
use crate::probe::sockets::{Refusal, SocketTable};

/// Tries them all, on a child where one can be started, else on this process itself.
pub(super) fn all(sleeper: Option<&[String]>) -> [Check; 3] {
    let child = sleeper.and_then(Sleeper::start);
    let (pid, whom) = match &child {
        Some(child) => (child.0.id(), "a child"),
        None => (std::process::id(), "slowdrip itself"),
    };
    // Standard error is inherited, so that both ends of the question are the same.
    let borrowed = borrow(pid, 2).map(drop);
    let compared = compare((std::process::id(), 2), (pid, 2));
    [
        judged(
            "pidfd_getfd",
            borrowed,
            &format!("works on {whom}"),
            "Half-open pipes, sockets without a peer and closed terminals cannot be told dead.",
        ),
        judged(
            "kcmp",
            compared.map(drop),
            &format!("works on {whom}"),
            "Handles that are shared across a fork cannot be told from copies of their own: some dead ones may be counted twice.",
        ),
        judged(
            "sock_diag",
            sock_diag(),
            "works in this network namespace",
            "Sockets are read from net/tcp and its like instead, which costs more.",
        ),
    ]
}

fn judged(name: &'static str, answer: Result<(), Errno>, works: &str, meaning: &str) -> Check {
    let errno = match answer {
        Ok(()) => return Check::ok(name, works),
        Err(errno) => errno,
    };
    let (found, advice) = match errno {
        Errno::NOSYS | Errno::NOENT | Errno::OPNOTSUPP | Errno::PROTONOSUPPORT | Errno::AFNOSUPPORT => (
            "not in this kernel",
            "Use a newer kernel, or one built with it (CONFIG_KCMP, CONFIG_INET_DIAG); inside gVisor there is no way.",
        ),
        Errno::PERM | Errno::ACCESS => (
            "refused",
            "A seccomp filter, Yama or a security module forbids it: run slowdrip outside of the container, or as root.",
        ),
        Errno::AGAIN | Errno::TIMEDOUT => ("no answer in time", "Try again; if it stays so, look at `dmesg`."),
        _ => ("failed", "Please report it together with the kernel's version."),
    };
    Check::new(name, CheckState::Warn, format!("{found} ({errno})"), meaning, advice)
}

/// A child that waits until its standard input ends. It is ended with this value.
#[derive(Debug)]
struct Sleeper(Child);

impl Sleeper {
    fn start(command: &[String]) -> Option<Self> {
        let (program, arguments) = command.split_first()?;
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::inherit());
        command.spawn().ok().map(Self)
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        // Nothing is lost with it, and it must not be left behind where this ends early.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Asks for the TCP sockets of this network namespace, see sock_diag(7).
fn sock_diag() -> Result<(), Errno> {
    let dumped = Diag::open()?.dump(Request::Tcp, &mut Diag::buffer(), &mut SocketTable::default());
    dumped.map_err(|refusal| match refusal {
        Refusal::Absent => Errno::NOENT,
        Refusal::Kernel(errno) => errno,
        Refusal::Malformed(_) => Errno::BADMSG,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_call_is_tried_and_what_came_of_it_is_explained() {
        for check in all(None) {
            let explained = check.state == CheckState::Ok || !(check.meaning.is_empty() || check.advice.is_empty());
            assert!(explained, "{check:?}");
        }
        let waiting = vec!["/bin/sh".to_owned(), "-c".to_owned(), "read line".to_owned()];
        if let Some(child) = Sleeper::start(&waiting) {
            let pid = child.0.id();
            drop(child);
            assert!(!std::path::Path::new(&format!("/proc/{pid}")).exists(), "it is ended and reaped");
        }
    }

    #[test]
    fn a_refusal_is_told_from_a_kernel_that_has_no_such_call() {
        let found = |errno| judged("kcmp", Err(errno), "works", "m").found;
        assert!(found(Errno::NOSYS).starts_with("not in this kernel"));
        assert!(found(Errno::PERM).starts_with("refused"));
        assert!(found(Errno::IO).starts_with("failed"));
        assert_eq!(judged("kcmp", Ok(()), "works", "m").state, CheckState::Ok);
    }
}
