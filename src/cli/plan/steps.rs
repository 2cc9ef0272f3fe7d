//! Steps as the plan shows them: one on a line, those within others below them.

use std::path::Path;
use std::time::Duration;

use super::Plan;
use crate::model::Which;
use crate::model::text::{count, printable, seconds};
use crate::scenario::{Action, Items, RestartStep, Step, WsEnd};

impl Plan {
    /// Steps under a title; `file` is the one in which the title stands.
    pub(super) fn steps(&mut self, title: &str, steps: &[Step], file: &str) {
        self.line(0, title, &count(steps.len() as u64, "step"));
        self.inner(1, steps, file);
    }

    pub(super) fn inner(&mut self, depth: usize, steps: &[Step], file: &str) {
        for step in steps {
            self.step(depth, step, file);
        }
    }

    fn step(&mut self, depth: usize, step: &Step, file: &str) {
        let line = format!("line {}", step.at.line);
        let own = Path::new(&*step.file).strip_prefix(&self.folder).unwrap_or(Path::new(&*step.file));
        let place =
            if *step.file == *file { line } else { format!("{} {line}", printable(&own.display().to_string())) };
        self.line(depth, &place, &described(step));
        let file = &*step.file;
        let [steps, otherwise] = step.action.held();
        self.inner(depth + 1, steps, file);
        if !otherwise.is_empty() {
            self.line(depth, "else", &count(otherwise.len() as u64, "step"));
            self.inner(depth + 1, otherwise, file);
        }
    }
}

fn said(time: Duration) -> String {
    seconds(time.as_secs_f64())
}

/// A step with what its name leaves out.
fn described(step: &Step) -> String {
    let name = step.name();
    let bound = |name: &Option<String>| name.as_ref().map_or_else(String::new, |name| format!(", as {name}"));
    let which = |which: Which| match which {
        Which::All => "all processes that match",
        Which::Oldest => "the oldest process that matches",
        Which::Newest => "the newest process that matches",
    };
    match &step.action {
        Action::Ws(ws) => match ws.end {
            WsEnd::Close => format!("{name}, closed at its end"),
            WsEnd::Drop => format!("{name}, dropped at its end"),
            WsEnd::Reset => format!("{name}, reset at its end"),
            WsEnd::Silent(lasts) => format!("{name}, silent at its end for {}", said(lasts)),
        },
        Action::Await(step) => format!("{name} a message within {}", said(step.within)),
        Action::Ping { within } => format!("{name}, its pong within {}", said(*within)),
        Action::Sse(sse) => format!("{name}, {} within {}", count(u64::from(sse.events), "event"), said(sse.within)),
        Action::Exec(exec) => {
            let place = exec.sidecar.as_ref().map_or_else(|| "the target".to_owned(), |name| format!("sidecar {name}"));
            format!("in {place}: {}", exec.command.join(" "))
        }
        Action::Signal(signal) => format!("{} to {} {}", signal.signal, which(signal.which), signal.process),
        Action::Restart(RestartStep::Container { within }) => {
            format!("restart of the target, {} to stop", said(*within))
        }
        Action::Restart(RestartStep::Process { process, signal, which: some, within }) => {
            format!("{signal} to {} {process}, as many others within {}", which(*some), said(*within))
        }
        Action::Pause { lasts: Some(lasts) } => format!("{name} for {}", said(*lasts)),
        Action::Pause { lasts: None } => format!("{name} until an unpause"),
        Action::Log(log) => format!("a log line that matches {} within {}", log.matches, said(log.within)),
        Action::WaitUntil { within, every, .. } => {
            format!("again and again every {} within {}", said(*every), said(*within))
        }
        Action::Repeat { times, name, .. } => format!("{} over{}", count(u64::from(*times), "time"), bound(name)),
        Action::ForEach { items: Items::List(items), .. } => {
            format!("{name} of {}", count(items.len() as u64, "value"))
        }
        Action::ForEach { items: Items::Expression(list), .. } => format!("{name} of {list}"),
        Action::Parallel { users, name, .. } => {
            format!("{} at once{}", count(u64::from(*users), "user"), bound(name))
        }
        Action::Include { with, .. } if !with.is_empty() => {
            let names: Vec<&str> = with.keys().map(String::as_str).collect();
            format!("{name} with {}", names.join(", "))
        }
        Action::Http(_)
        | Action::Send(_)
        | Action::Unpause
        | Action::Sleep(_)
        | Action::When { .. }
        | Action::Include { .. }
        | Action::Probe(_) => name,
    }
}
