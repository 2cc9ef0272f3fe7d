//! A target of processes and log lines that a test writes.

use super::*;

type OnSignal = dyn Fn(&mut Vec<RunningProcess>, &RunningProcess, &str) -> bool + Send + Sync;

/// A target whose processes do on a signal what a closure says.
pub(super) struct Machine {
    pub(super) processes: Mutex<Vec<RunningProcess>>,
    /// What was done to it.
    pub(super) calls: Mutex<Vec<String>>,
    /// Its log: when a line is there, on the clock of the test, and the line.
    pub(super) log: Mutex<Vec<(tokio::time::Instant, String)>>,
    /// Since when the log was asked for.
    pub(super) asked: Mutex<Vec<jiff::Timestamp>>,
    /// What a call fails with, by its name.
    pub(super) refuses: BTreeMap<&'static str, ControlError>,
    on_signal: Box<OnSignal>,
}

impl Machine {
    pub(super) fn of(processes: &[(u32, u64, &str)]) -> Self {
        Self {
            processes: Mutex::new(processes.iter().map(|process| running(*process)).collect()),
            calls: Mutex::default(),
            log: Mutex::default(),
            asked: Mutex::default(),
            refuses: BTreeMap::new(),
            on_signal: Box::new(|_, _, _| true),
        }
    }

    pub(super) fn on_signal(
        self,
        on_signal: impl Fn(&mut Vec<RunningProcess>, &RunningProcess, &str) -> bool + Send + Sync + 'static,
    ) -> Self {
        Self { on_signal: Box::new(on_signal), ..self }
    }

    pub(super) fn refusing(mut self, call: &'static str, error: ControlError) -> Self {
        self.refuses.insert(call, error);
        self
    }

    /// A line that is there after a time.
    pub(super) fn writes(&self, after: Duration, line: &str) {
        self.log.lock().unwrap().push((tokio::time::Instant::now() + after, line.to_owned()));
    }

    pub(super) fn calls(&self) -> Vec<String> {
        self.calls.lock().unwrap().clone()
    }

    fn call(&self, name: &str, text: String) -> Result<(), ControlError> {
        self.calls.lock().unwrap().push(text);
        self.refuses.get(name).cloned().map_or(Ok(()), Err)
    }
}

pub(super) fn running((pid, start, command): (u32, u64, &str)) -> RunningProcess {
    RunningProcess { pid, start: (start > 0).then_some(start), command: command.to_owned() }
}

impl TargetControl for Machine {
    fn address(&self, _port: u16) -> Option<SocketAddr> {
        None
    }

    fn ports(&self) -> Vec<u16> {
        Vec::new()
    }

    async fn exec(&self, _sidecar: Option<&str>, _command: &[String]) -> Result<ExecOutput, ControlError> {
        self.call("exec", "exec".to_owned())?;
        Ok(output(0, "", ""))
    }

    async fn logs(&self, _tail: usize) -> Result<Vec<LogLine>, ControlError> {
        Ok(Vec::new())
    }

    async fn logs_since(&self, since: jiff::Timestamp) -> Result<Vec<LogLine>, ControlError> {
        self.asked.lock().unwrap().push(since);
        self.refuses.get("log").cloned().map_or(Ok(()), Err)?;
        let now = tokio::time::Instant::now();
        let log = self.log.lock().unwrap();
        let there = log.iter().filter(|(at, _)| *at <= now);
        Ok(there.map(|(_, text)| LogLine { at: None, stderr: false, text: text.clone() }).collect())
    }

    async fn processes(&self) -> Result<Vec<RunningProcess>, ControlError> {
        self.refuses.get("processes").cloned().map_or(Ok(()), Err)?;
        Ok(self.processes.lock().unwrap().clone())
    }

    async fn signal(&self, process: &RunningProcess, signal: &str) -> Result<bool, ControlError> {
        self.call("signal", format!("{signal} {}", process.pid))?;
        Ok((self.on_signal)(&mut self.processes.lock().unwrap(), process, signal))
    }

    async fn restart(&self, within: Duration) -> Result<(), ControlError> {
        self.call("restart", format!("restart within {within:?}"))
    }

    async fn pause(&self, paused: bool) -> Result<(), ControlError> {
        let call = if paused { "pause" } else { "unpause" };
        self.call(call, call.to_owned())
    }
}
