//! Sentences on the rules that are always on.

use super::events::last_held;
use super::{foreign, minutes};
use crate::judge::events::Level;
use crate::model::text::{count, figure, seconds};
use crate::model::{Ending, Finding, PortEnd, StopRecord, TermResponse};

/// On the end of the target or of the run; `level` is what was held at the last look.
pub(in crate::judge) fn alive(ending: &Ending, soaked_s: f64, level: Option<&Level>) -> String {
    let soaked = minutes(soaked_s);
    match ending {
        Ending::Died { message } => {
            let held = last_held(level);
            format!("The target died after {soaked} of the soak: {}{held}.", foreign(message))
        }
        Ending::Completed => format!("The target lived to the end of the soak of {soaked}."),
        Ending::Unreadable { .. }
        | Ending::NotWritten { .. }
        | Ending::Unfinished
        | Ending::Interrupted { .. }
        | Ending::NotStarted { .. }
        | Ending::NeverReady { .. }
        | Ending::SeedFailed { .. } => format!("{}.", cut_short(ending, soaked_s)),
    }
}

/// Why a night is no whole night, without a full stop.
pub(in crate::judge) fn cut_short(ending: &Ending, soaked_s: f64) -> String {
    let soaked = minutes(soaked_s);
    match ending {
        Ending::Completed => "All phases ran".to_owned(),
        Ending::Unfinished => format!("The run ended without saying how, after {soaked} of the soak"),
        Ending::Interrupted { signal } => {
            format!("The run was interrupted by signal {signal}, after {soaked} of the soak")
        }
        Ending::NotStarted { message } => format!("The target could not be started: {}", foreign(message)),
        Ending::NeverReady { message } => format!("The target was never ready: {}", foreign(message)),
        Ending::SeedFailed { message } => format!("Seeding failed: {}", foreign(message)),
        Ending::Died { message } => format!("The target died after {soaked} of the soak: {}", foreign(message)),
        Ending::Unreadable { message } => format!("What must be judged could not be read: {}", foreign(message)),
        Ending::NotWritten { message } => format!("The night could not be written: {}", foreign(message)),
    }
}

/// On classes of which the kernel refused every reading.
pub(in crate::judge) fn refused(classes: &[&str]) -> String {
    format!(
        "The kernel refused every reading of {}; run slowdrip with the right to read /proc/PID/fd.",
        classes.join(", ")
    )
}

/// On what could be read.
pub(in crate::judge) fn readable(snapshots: usize) -> String {
    format!("What must be judged could be read in {}.", count(snapshots as u64, "snapshot"))
}

/// On a counter of the workload.
pub(in crate::judge) fn workload(grown: Option<f64>, at_least: f64, problem: Option<&str>) -> String {
    match (grown, problem) {
        (Some(grown), _) => format!("Grew by {} (at least {}).", figure(grown), figure(at_least)),
        (None, Some(problem)) => format!("Could not be read: {}.", foreign(problem)),
        (None, None) => format!("Could not be read; it must grow by {}.", figure(at_least)),
    }
}

/// On a counter that must come back once the load is over.
pub(in crate::judge) fn comes_back(above: Option<f64>, most: f64, rested: bool, problem: Option<&str>) -> String {
    let Some(above) = above else {
        return match problem {
            Some(problem) => format!("Could not be read: {}.", foreign(problem)),
            None => format!("Could not be read; it must come back to at most {} above its start.", figure(most)),
        };
    };
    let place = if above < 0.0 { "below" } else { "above" };
    let stands = format!("{} {place} its start", figure(above.abs()));
    let allowed = format!("at most {} above", figure(most));
    if rested {
        return format!("Ended {stands} ({allowed}).");
    }
    let why = problem.map_or_else(String::new, |problem| format!(": {}", foreign(problem)));
    format!("Stood {stands} when the load ended ({allowed}), and was not read after the settle phase{why}.")
}

/// On a failed check after the soak.
pub(in crate::judge) fn after(text: &str) -> String {
    format!("Check after the soak failed: {}.", foreign(text))
}

/// On an acknowledgement that has expired while its breach is still there.
pub(in crate::judge) fn expired(breach: &Finding, reason: &str, last: jiff::civil::Date) -> String {
    let (fingerprint, class) = (&breach.fingerprint, foreign(&breach.class));
    format!("The acknowledgement of {fingerprint} ({class}: {}) expired on {last}.", foreign(reason))
}

/// On the answer to the stop signal.
pub(in crate::judge) fn stop(stop: &StopRecord) -> String {
    let signal = foreign(&stop.signal);
    let took = seconds(stop.took_s);
    let port = match stop.port {
        PortEnd::Silent => " and port silent",
        PortEnd::StillServing => ", but the port still answered",
        PortEnd::NoPort => "",
    };
    match (stop.response, stop.port) {
        (TermResponse::Exited, PortEnd::StillServing) => {
            format!("{signal} stopped the main process in {took}{port}: something goes on serving.")
        }
        (TermResponse::Exited, PortEnd::Silent | PortEnd::NoPort) => format!("Exited in {took}{port} after {signal}."),
        (TermResponse::Ignored, PortEnd::StillServing) => {
            format!("Ignored {signal} for {took} (had to be killed) and the port still answered.")
        }
        (TermResponse::Ignored, PortEnd::Silent) => {
            format!("Ignored {signal} for {took} (had to be killed), port silent.")
        }
        (TermResponse::Ignored, PortEnd::NoPort) => format!("Ignored {signal} for {took} (had to be killed)."),
    }
}
