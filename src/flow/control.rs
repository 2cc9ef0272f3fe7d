//! What is done to the target itself, and to the time.

use std::collections::BTreeSet;
use std::time::Duration;

use regex::Regex;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::answer::{Seen, took};
use super::perform::allowed;
use super::{DEFAULT_TIMEOUT, Done, Failed, Flow, SnapshotRequest};
use crate::model::text::{count, printable, shorten};
use crate::model::{ControlError, LogLine, RunningProcess, TargetControl, Which};
use crate::scenario::{LogStep, RestartStep, SignalStep};

/// The pause between two looks at the processes.
const LOOK: Duration = Duration::from_millis(200);

/// The pause between two looks at the log.
const READ: Duration = Duration::from_millis(250);

/// How many processes or pids a sentence names.
const NAMED: usize = 10;

/// How much of a command line or a pattern a sentence quotes.
const QUOTED: usize = 120;

/// How many lines of the log a failure shows.
const TAIL: usize = 5;

/// How much of a line of the log a failure shows.
const LINE: usize = 300;

impl Flow {
    /// Sends a signal to processes of the target.
    pub(super) async fn signal<C: TargetControl>(&mut self, step: &SignalStep, target: &C) -> Result<Done, Failed> {
        let what = format!("signal {} {}", step.signal, quoted(&step.process));
        let (_, chosen) = self.choose(&step.process, step.which, target).await.map_err(|failed| failed.of(&what))?;
        let hit = send(&chosen, &step.signal, target).await.map_err(|failed| failed.of(&what))?;
        Ok(Done { said: format!("{} to {}", step.signal, named(&hit)), what, seen: None })
    }

    /// Ends the container or processes of the target, and waits until they are there again.
    pub(super) async fn restart<C: TargetControl>(
        &mut self,
        step: &RestartStep,
        target: &C,
        deadline: Option<Instant>,
    ) -> Result<Done, Failed> {
        match step {
            RestartStep::Container { within } => {
                // Never cut short: the target would be left without its main process.
                target.restart(*within).await.map_err(|err| refused(&err).of("restart"))?;
                Ok(Done { said: "it runs again".to_owned(), what: "restart".to_owned(), seen: None })
            }
            RestartStep::Process { process, signal, which, within } => {
                let what = format!("restart {}", quoted(process));
                let started = Instant::now();
                let (within, cut) = allowed(*within, deadline);
                let (before, chosen) = self.choose(process, *which, target).await.map_err(|failed| failed.of(&what))?;
                let hit = send(&chosen, signal, target).await.map_err(|failed| failed.of(&what))?;
                let known: BTreeSet<_> = before.iter().map(identity).collect();
                loop {
                    let now = matching(process, target).await.map_err(|failed| failed.of(&what))?;
                    let new: Vec<_> = now.iter().filter(|process| !known.contains(&identity(process))).collect();
                    if new.len() >= hit.len() {
                        let said = format!("{} after {} to {}", named_new(&new), signal, named(&hit));
                        return Ok(Done { said, what, seen: None });
                    }
                    if started.elapsed() >= within {
                        let left =
                            now.iter().filter(|process| hit.iter().any(|hit| identity(hit) == identity(process)));
                        let problem = format!(
                            "{signal} went to {}, and within {} {} there instead{}",
                            named(&hit),
                            took(within),
                            came(new.len()),
                            still(left.count()),
                        );
                        return Err(Failed { cut, ..Failed::new(what, problem) });
                    }
                    tokio::time::sleep(LOOK.min(within.saturating_sub(started.elapsed()))).await;
                }
            }
        }
    }

    /// Makes the target stand still, for a time or until further notice.
    pub(super) async fn pause<C: TargetControl>(
        &mut self,
        lasts: Option<Duration>,
        target: &C,
        deadline: Option<Instant>,
    ) -> Result<Done, Failed> {
        let what = "pause".to_owned();
        if let Err(error) = target.pause(true).await {
            // It may have come to pass all the same, in part.
            let _ = target.pause(false).await;
            return Err(refused(&error).of(&what));
        }
        let Some(lasts) = lasts else { return Ok(Done { said: "it stands still".to_owned(), what, seen: None }) };
        let (time, cut) = allowed(lasts, deadline);
        tokio::time::sleep(time).await;
        target.pause(false).await.map_err(|err| refused(&err).of(&what))?;
        if cut {
            let problem = format!("it was to stand still for {}, and goes on after {}", took(lasts), took(time));
            return Err(Failed { cut, ..Failed::new(what, problem) });
        }
        Ok(Done { said: format!("it stood still for {}", took(lasts)), what, seen: None })
    }

    /// Makes the target go on.
    pub(super) async fn unpause<C: TargetControl>(&mut self, target: &C) -> Result<Done, Failed> {
        target.pause(false).await.map_err(|err| refused(&err).of("unpause"))?;
        Ok(Done { said: "it goes on".to_owned(), what: "unpause".to_owned(), seen: None })
    }

    /// Does nothing for a while.
    pub(super) async fn sleep(&mut self, time: Duration, deadline: Option<Instant>) -> Result<Done, Failed> {
        let what = format!("sleep {}", took(time));
        let (within, cut) = allowed(time, deadline);
        tokio::time::sleep(within).await;
        if cut {
            return Err(Failed { cut, ..Failed::new(what, format!("only {} of it were left", took(within))) });
        }
        Ok(Done { said: "done".to_owned(), what, seen: None })
    }

    /// Waits for a line of the log.
    pub(super) async fn log<C: TargetControl>(
        &mut self,
        step: &LogStep,
        target: &C,
        deadline: Option<Instant>,
    ) -> Result<Done, Failed> {
        let what = format!("log {}", quoted(&step.matches));
        let started = Instant::now();
        let (within, cut) = allowed(step.within, deadline);
        let mut problem: Option<ControlError> = None;
        let mut lines: Vec<LogLine> = Vec::new();
        loop {
            let left = within.saturating_sub(started.elapsed());
            // An engine that hangs must not hold up the step, one that is busy for a moment must not end it.
            match tokio::time::timeout(left.max(READ), target.logs_since(self.since)).await {
                Ok(Ok(now)) => (lines, problem) = (now, None),
                Ok(Err(error @ (ControlError::Unsupported { .. } | ControlError::NoSuchSidecar { .. }))) => {
                    return Err(refused(&error).of(&what));
                }
                Ok(Err(error)) => problem = Some(error),
                Err(_) => {}
            }
            if let Some(line) = lines.iter().find(|line| step.matches.is_match(&line.text)) {
                let seen = Seen::Line(line.text.clone());
                let said = format!("`{}`", shorten(&self.secrets.mask(&line.text), QUOTED));
                return match self.keep(&step.capture, &seen).await {
                    Ok(()) => Ok(Done { said, what, seen: None }),
                    Err(problem) => Err(Failed { seen: Some(seen), ..Failed::new(what, problem) }),
                };
            }
            if started.elapsed() >= within {
                break;
            }
            tokio::time::sleep(READ.min(within.saturating_sub(started.elapsed()))).await;
        }
        let mut problems = vec![format!(
            "no such line within {}; {} came since the step before began",
            took(within),
            count(lines.len() as u64, "line")
        )];
        problems.extend(problem.map(|error| format!("the log cannot be read: {error}")));
        let tail = lines.len().saturating_sub(TAIL);
        problems.extend(lines.iter().skip(tail).map(|line| {
            let stream = if line.stderr { "stderr" } else { "stdout" };
            format!("the log ({stream}): {}", shorten(&self.secrets.mask(&line.text), LINE))
        }));
        Err(Failed { what, problems, cut, ..Failed::default() })
    }

    /// Has a snapshot taken, now.
    pub(super) async fn probe(&mut self, name: &str, deadline: Option<Instant>) -> Result<Done, Failed> {
        let what = format!("probe {name}");
        let Some(prober) = &self.prober else {
            return Err(Failed::wrong(what, "snapshots are taken only during a night"));
        };
        let (within, cut) = allowed(DEFAULT_TIMEOUT, deadline);
        let asked = async {
            let (done, answer) = oneshot::channel();
            prober.send(SnapshotRequest { name: name.to_owned(), done }).await.ok()?;
            answer.await.ok()
        };
        match tokio::time::timeout(within, asked).await {
            Ok(Some(Ok(()))) => Ok(Done { said: "a snapshot was taken".to_owned(), what, seen: None }),
            Ok(Some(Err(problem))) => Err(Failed::new(what, format!("no snapshot was taken: {problem}"))),
            Ok(None) => Err(Failed::new(what, "no snapshot was taken: nobody takes them any more")),
            Err(_) => {
                Err(Failed { cut, ..Failed::new(what, format!("no snapshot was taken within {}", took(within))) })
            }
        }
    }

    /// The processes whose command lines match, and those of them that are meant; there is one at least.
    async fn choose<C: TargetControl>(
        &self,
        pattern: &Regex,
        which: Which,
        target: &C,
    ) -> Result<(Vec<RunningProcess>, Vec<RunningProcess>), Failed> {
        let all = target.processes().await.map_err(|err| refused(&err))?;
        let matching: Vec<RunningProcess> =
            all.iter().filter(|process| pattern.is_match(&process.command)).cloned().collect();
        if matching.is_empty() {
            return Err(Failed::new("", self.nobody(pattern, all)));
        }
        let chosen = pick(matching.clone(), which);
        Ok((matching, chosen))
    }

    /// Which processes there are, where none matches.
    fn nobody(&self, pattern: &Regex, mut all: Vec<RunningProcess>) -> String {
        if all.is_empty() {
            return format!("no process of the target matches {}: it has none", quoted(pattern));
        }
        let age = age(&all);
        all.sort_by_key(age);
        let more = match all.len().saturating_sub(NAMED) {
            0 => String::new(),
            more => format!(", and {more} more"),
        };
        let there: Vec<String> = all
            .iter()
            .take(NAMED)
            .map(|process| {
                let command = shorten(&printable(&self.secrets.mask(&process.command)), QUOTED / 2);
                format!("{} `{command}`", process.pid)
            })
            .collect();
        format!("no process of the target matches {} (there are: {}{more})", quoted(pattern), there.join(", "))
    }
}

impl Failed {
    /// The same, of a step of this name.
    fn of(self, what: &str) -> Self {
        Self { what: what.to_owned(), ..self }
    }
}

fn refused(error: &ControlError) -> Failed {
    let permanent = match error {
        ControlError::NoSuchSidecar { .. } | ControlError::Unsupported { .. } => true,
        ControlError::Failed(_) => false,
    };
    Failed { permanent, ..Failed::new("", error.to_string()) }
}

async fn matching<C: TargetControl>(pattern: &Regex, target: &C) -> Result<Vec<RunningProcess>, Failed> {
    let mut all = target.processes().await.map_err(|err| refused(&err))?;
    all.retain(|process| pattern.is_match(&process.command));
    Ok(all)
}

/// Sends a signal to all, oldest first, and says whom it reached; that is one at least.
async fn send<C: TargetControl>(
    chosen: &[RunningProcess],
    signal: &str,
    target: &C,
) -> Result<Vec<RunningProcess>, Failed> {
    let mut hit = Vec::new();
    for process in chosen {
        if target.signal(process, signal).await.map_err(|err| refused(&err))? {
            hit.push(process.clone());
        }
    }
    if hit.is_empty() {
        let problem = format!("{} matched, gone before {signal} could be sent", named(chosen));
        return Err(Failed::new("", problem));
    }
    Ok(hit)
}

/// Those that are meant, oldest first.
fn pick(mut matching: Vec<RunningProcess>, which: Which) -> Vec<RunningProcess> {
    let age = age(&matching);
    matching.sort_by_key(age);
    match which {
        Which::All => matching,
        Which::Oldest => matching.into_iter().take(1).collect(),
        Which::Newest => matching.into_iter().next_back().into_iter().collect(),
    }
}

/// What orders processes by age: their starts where all are known, else their pids, which come again only after a long time.
fn age(processes: &[RunningProcess]) -> impl Fn(&RunningProcess) -> (Option<u64>, u32) + use<> {
    let known = processes.iter().all(|process| process.start.is_some());
    move |process| (process.start.filter(|_| known), process.pid)
}

fn identity(process: &RunningProcess) -> (u32, Option<u64>) {
    (process.pid, process.start)
}

/// `2 processes (pids 12 and 40)`
fn named(processes: &[RunningProcess]) -> String {
    named_by("", &processes.iter().collect::<Vec<_>>())
}

fn named_new(processes: &[&RunningProcess]) -> String {
    named_by("new ", processes)
}

fn named_by(adjective: &str, processes: &[&RunningProcess]) -> String {
    let mut pids: Vec<String> = processes.iter().take(NAMED).map(|process| process.pid.to_string()).collect();
    if processes.len() > NAMED {
        pids.push(format!("and {} more", processes.len() - NAMED));
    }
    match processes {
        [one] => format!("1 {adjective}process (pid {})", one.pid),
        several => format!("{} {adjective}processes (pids {})", several.len(), pids.join(", ")),
    }
}

fn came(new: usize) -> String {
    match new {
        0 => "no new one was".to_owned(),
        1 => "only 1 new one was".to_owned(),
        several => format!("only {several} new ones were"),
    }
}

fn still(left: usize) -> String {
    match left {
        0 => String::new(),
        1 => "; 1 has not ended".to_owned(),
        several => format!("; {several} have not ended"),
    }
}

fn quoted(pattern: &Regex) -> String {
    format!("/{}/", shorten(pattern.as_str(), QUOTED))
}
