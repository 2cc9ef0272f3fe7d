//! The processes of a container, one by one: which there are, and signals to them.

use bollard::models::ContainerTopResponse;
use bollard::query_parameters::{KillContainerOptionsBuilder, TopOptionsBuilder};
use rustix::process::Signal;

use super::application::Application;
use super::words;
use crate::model::text::{printable, shorten};
use crate::model::{ControlError, ProcId, RunningProcess};
use crate::target::State;
use crate::target::descent::send;
use crate::target::still::is_over;
use crate::target::table;

/// How the engine's machine is asked, the best first: whole lines of all processes, then what any `ps` knows.
const QUESTIONS: [&str; 2] = ["-ewwo pid,args", "-ef"];

/// What a signal sent from here came to.
enum Sent {
    Yes,
    Gone,
    NotAllowed,
    /// The process cannot be told from here.
    Elsewhere,
}

impl Application {
    /// The processes that run in the container.
    pub(in crate::target) async fn processes(&self) -> Result<Vec<RunningProcess>, ControlError> {
        let id = self.container_id()?.to_owned();
        let state = self.state().await.map_err(|err| ControlError::Failed(err.to_string()))?;
        let State::Running { pid, .. } = state else {
            return Err(ControlError::Failed("the target does not run any more".to_owned()));
        };
        let container = id.clone();
        let found = tokio::task::spawn_blocking(move || table::of_container(pid, &container));
        match found.await {
            Ok(Some(found)) => Ok(found),
            // The engine is elsewhere, or this machine does not show its processes.
            Ok(None) | Err(_) => self.top(&id).await,
        }
    }

    async fn top(&self, id: &str) -> Result<Vec<RunningProcess>, ControlError> {
        let mut refusal = String::new();
        for question in QUESTIONS {
            let options = TopOptionsBuilder::new().ps_args(question).build();
            match self.engine.api.top_processes(id, Some(options)).await {
                Ok(answer) => return read(&answer),
                Err(err) => refusal = words(&err),
            }
        }
        Err(ControlError::Failed(format!(
            "the processes of the container cannot be listed: the engine says `{}`; it needs `ps` on its machine, or run slowdrip there",
            printable(&refusal)
        )))
    }

    /// Sends a signal to one process. False where it is gone.
    pub(in crate::target) async fn signal_process(
        &self,
        process: &RunningProcess,
        signal: Signal,
        name: &str,
    ) -> Result<bool, ControlError> {
        let id = self.container_id()?;
        let _settled = self.live.asked.settled().await;
        match from_here(process, id, signal)? {
            Sent::Yes => Ok(true),
            Sent::Gone => Ok(false),
            Sent::NotAllowed => self.signal_within(process, name).await,
            Sent::Elsewhere => self.signal_first(process, name).await.unwrap_or_else(|| {
                Err(ControlError::Failed(format!(
                    "{name} cannot be sent to process {}: it cannot be seen on this machine, and the engine can signal only the first process of a container; run slowdrip on the engine's machine",
                    described(process)
                )))
            }),
        }
    }

    /// The container's first process is signalled by the engine. `None` where it is another one.
    async fn signal_first(&self, process: &RunningProcess, name: &str) -> Option<Result<bool, ControlError>> {
        let id = self.container.as_deref()?;
        let found = self.engine.look(id).await.ok()??;
        if found.state?.pid != Some(i64::from(process.pid)) {
            return None;
        }
        let options = KillContainerOptionsBuilder::new().signal(name).build();
        Some(match self.engine.api.kill_container(id, Some(options)).await {
            Ok(()) => Ok(true),
            Err(err) if matches!(super::status(&err), Some(404 | 409)) => Ok(false),
            Err(err) => Err(ControlError::Failed(format!("the engine failed to send {name}: {}", words(&err)))),
        })
    }

    /// Has the container's own `kill` send it, as user 0 of the container.
    pub(super) async fn signal_within(&self, process: &RunningProcess, name: &str) -> Result<bool, ControlError> {
        if let Some(answer) = self.signal_first(process, name).await {
            return answer;
        }
        let id = self.container_id()?;
        let mut problem = "its pid in the container cannot be read".to_owned();
        if let Some(pid) = table::pid_within(process.pid, self.live.pid()) {
            let short = name.strip_prefix("SIG").unwrap_or(name);
            let line = format!("kill -s {short} {pid}");
            let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
            let number = pid.to_string();
            let ways = [
                words(&["kill", "-s", short, &number]),
                words(&["sh", "-c", &line]),
                words(&["busybox", "kill", "-s", short, &number]),
            ];
            for way in ways {
                match self.engine.exec_as(id, &way, Some("0")).await {
                    Ok(done) if done.exit_code == 0 => return Ok(true),
                    // Not there, or no program.
                    Ok(done) if matches!(done.exit_code, 126 | 127) => {
                        problem = "its image has neither `kill` nor `sh`".to_owned();
                    }
                    Ok(done) => {
                        let said = String::from_utf8_lossy(&done.stderr);
                        problem = format!("`kill` in the container says `{}`", shorten(&printable(said.trim()), 200));
                        break;
                    }
                    Err(err) => problem = err.to_string(),
                }
            }
        }
        if is_gone(process) {
            return Ok(false);
        }
        Err(ControlError::Failed(format!(
            "{name} cannot be sent to process {}: it runs as another user, and from within the container it does not work either ({problem}); run slowdrip with sudo",
            described(process)
        )))
    }
}

fn from_here(process: &RunningProcess, container: &str, signal: Signal) -> Result<Sent, ControlError> {
    let Some(start) = process.start else { return Ok(Sent::Elsewhere) };
    let id = ProcId { pid: process.pid, start };
    // Looked at once more: the process may be gone, and its pid somebody else's.
    if table::still(id).is_none() || !table::is_of_container(id, container) {
        return Ok(Sent::Gone);
    }
    match send(id, signal) {
        Ok(()) => Ok(Sent::Yes),
        Err(err) if is_over(&err) => Ok(Sent::Gone),
        Err(err) if err.kind() == std::io::ErrorKind::PermissionDenied => Ok(Sent::NotAllowed),
        Err(err) => {
            Err(ControlError::Failed(format!("process {} could not be sent a signal: {err}", described(process))))
        }
    }
}

fn is_gone(process: &RunningProcess) -> bool {
    process.start.is_some_and(|start| table::still(ProcId { pid: process.pid, start }).is_none())
}

/// `4242 (nginx: worker process)`.
pub(in crate::target) fn described(process: &RunningProcess) -> String {
    format!("{} ({})", process.pid, shorten(&printable(&process.command), 100))
}

/// Reads what a `ps` of the engine's machine wrote, whatever its columns are called.
fn read(answer: &ContainerTopResponse) -> Result<Vec<RunningProcess>, ControlError> {
    let titles = answer.titles.as_deref().unwrap_or_default();
    let pid = titles.iter().position(|title| title == "PID");
    let command = titles.iter().position(|title| matches!(title.as_str(), "COMMAND" | "CMD" | "ARGS"));
    let (Some(pid), Some(command)) = (pid, command) else {
        let text = format!(
            "the processes of the container cannot be listed: the engine names the columns {}",
            printable(&titles.join(", "))
        );
        return Err(ControlError::Failed(text));
    };
    let rows = answer.processes.as_deref().unwrap_or_default();
    let process = |row: &Vec<String>| {
        let pid = row.get(pid)?.parse().ok()?;
        let command = row.get(command)?.trim_end().to_owned();
        // How a zombie is shown.
        let runs = !command.ends_with("<defunct>");
        runs.then_some(RunningProcess { pid, start: None, command })
    };
    Ok(rows.iter().filter_map(process).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn any_ps_is_understood_and_zombies_do_not_run() {
        let of = |value| read(&serde_json::from_value(value).unwrap());
        let found = of(json!({
            "Titles": ["UID", "PID", "PPID", "CMD"],
            "Processes": [["root", "12", "1", "sh -c sleep 5"], ["root", "13", "12", "[sleep] <defunct>"]],
        }));
        assert_eq!(found.unwrap(), [RunningProcess { pid: 12, start: None, command: "sh -c sleep 5".into() }]);
        let found = of(json!({"Titles": ["PID", "COMMAND"], "Processes": [["7", "/app  --x "]]}));
        assert_eq!(found.unwrap(), [RunningProcess { pid: 7, start: None, command: "/app  --x".into() }]);
        assert!(of(json!({"Titles": ["WHAT"], "Processes": []})).unwrap_err().to_string().contains("WHAT"));
    }

    #[test]
    fn a_process_of_this_machine_that_is_not_the_containers_is_never_hit() {
        let own = table::running(std::process::id()).unwrap();
        let sent = from_here(&own, "0123456789abcdef0123456789abcdef", Signal::KILL).unwrap();
        assert!(matches!(sent, Sent::Gone));
        let unknown = RunningProcess { start: None, ..own };
        assert!(matches!(from_here(&unknown, "0123", Signal::KILL).unwrap(), Sent::Elsewhere));
    }
}
