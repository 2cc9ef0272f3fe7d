//! Waits until the target is ready. Each check is a small loop; the deadline and the target's death are watched beside it.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::StreamExt;
use regex::Regex;
use tokio::time::{Instant, sleep, timeout_at};

use super::error::TargetError;
use super::lines::shown_lines;
use super::{LAST_LINES, Progress, State, Target, how_it_ended};
use crate::model::TargetControl;
use crate::model::text::printable;
use crate::scenario::{Ready, ReadyCheck};

/// Between two looks of a check.
const EVERY: Duration = Duration::from_millis(250);
/// Between two looks at the target's life: its death is noticed within a second.
const PULSE: Duration = Duration::from_millis(500);
/// For one request.
const PATIENCE: Duration = Duration::from_secs(5);
/// What a target wrote last may still be on its way when its end is known.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// What the last look saw; changes are reported.
struct Seen<'a> {
    last: Mutex<String>,
    progress: &'a Progress<'a>,
}

impl Seen<'_> {
    fn note(&self, text: String) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if *last != text {
            (self.progress)(&format!("not ready yet: {text}"));
            *last = text;
        }
    }

    fn last(&self) -> String {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Waits for the check, or for the deadline, or for the target's end.
pub(super) async fn wait(target: &Target, ready: &Ready, progress: &Progress<'_>) -> Result<(), TargetError> {
    let deadline = Instant::now() + ready.within;
    let seen = Seen { last: Mutex::new("nothing was seen yet".to_owned()), progress };
    let outcome = async {
        // A target that ended at once has no ports any more: say that it ended, not that it has no port.
        if let Some(ended) = ended(target).await? {
            return Err(ended);
        }
        tokio::select! {
            biased;
            checked = check(target, &ready.check, &seen) => checked,
            died = death(target) => Err(died),
        }
    };
    match timeout_at(deadline, outcome).await {
        Ok(outcome) => outcome,
        Err(_elapsed) => {
            let mut last = vec![seen.last()];
            last.extend(target.ended_sidecars().await);
            let (last, lines) = (last.join("; "), last_lines(target).await);
            Err(TargetError::NeverReady { within: ready.within, last, lines })
        }
    }
}

async fn check(target: &Target, check: &ReadyCheck, seen: &Seen<'_>) -> Result<(), TargetError> {
    match check {
        // Steps are taken by whoever runs the night.
        ReadyCheck::Started | ReadyCheck::Steps(_) => Ok(()),
        ReadyCheck::Healthcheck => healthy(target, seen).await,
        ReadyCheck::Http { port, path, status } => {
            let port =
                port.or_else(|| target.ports().first().copied()).ok_or_else(|| TargetError::ReadyImpossible {
                    reason: "it asks for HTTP, but no port is published; add `publish: [PORT]`".to_owned(),
                })?;
            let address = target.address(port).ok_or_else(|| TargetError::ReadyImpossible {
                reason: format!("port {port} cannot be reached from here; add it to `publish`"),
            })?;
            answers(address, path, *status, seen).await
        }
        ReadyCheck::Log(pattern) => writes(target, pattern, seen).await,
    }
}

async fn healthy(target: &Target, seen: &Seen<'_>) -> Result<(), TargetError> {
    loop {
        match target.state().await? {
            State::Running { health: Some(health), .. } if health == "healthy" => return Ok(()),
            State::Running { health: Some(health), .. } => seen.note(format!("the health check says {health}")),
            State::Running { health: None, .. } => {
                let reason = "there is no health check; add `healthcheck` to the target, or use `ready: {http: …}`";
                return Err(TargetError::ReadyImpossible { reason: reason.to_owned() });
            }
            // Left to the watch for its end.
            State::Exited { .. } | State::Gone => {}
        }
        sleep(EVERY).await;
    }
}

async fn answers(address: SocketAddr, path: &str, status: u16, seen: &Seen<'_>) -> Result<(), TargetError> {
    // No connection is kept: it would be one more descriptor of the target. No proxy and no redirect: this very path is meant.
    let impossible = |reason: String| TargetError::ReadyImpossible { reason };
    let client = reqwest::Client::builder()
        .tls_backend_preconfigured(no_tls().map_err(|err| impossible(err.to_string()))?)
        .pool_max_idle_per_host(0)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .timeout(PATIENCE)
        .build()
        .map_err(|err| impossible(err.to_string()))?;
    let slash = if path.starts_with('/') { "" } else { "/" };
    let url = format!("http://{address}{slash}{path}");
    let name = printable(path);
    loop {
        match client.get(&url).header(reqwest::header::CONNECTION, "close").send().await {
            Ok(answer) if answer.status().as_u16() == status => return Ok(()),
            Ok(answer) => {
                seen.note(format!("GET {name} answered {}, awaited is {status}", answer.status().as_u16()));
            }
            Err(err) if err.is_builder() => {
                return Err(TargetError::ReadyImpossible { reason: format!("`{name}` is no path of a URL") });
            }
            Err(err) if err.is_timeout() => {
                seen.note(format!("GET {name} was not answered within {} s", PATIENCE.as_secs()));
            }
            Err(err) if err.is_connect() => seen.note(format!("nobody listens at {address}")),
            Err(_broken) => seen.note(format!("GET {name} was cut off without an answer")),
        }
        sleep(EVERY).await;
    }
}

/// Trusts nobody: no TLS is spoken here, but a client must have a configuration for it.
fn no_tls() -> Result<rustls::ClientConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(builder.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth())
}

async fn writes(target: &Target, pattern: &Regex, seen: &Seen<'_>) -> Result<(), TargetError> {
    seen.note(format!("no log line matches `{}`", printable(pattern.as_str())));
    loop {
        let mut lines = target.follow().ok_or_else(|| TargetError::ReadyImpossible {
            reason: "it asks for a log line, but the log of a foreign process cannot be read; use `http`".to_owned(),
        })?;
        while let Some(line) = lines.next().await {
            if pattern.is_match(&line.text) {
                return Ok(());
            }
        }
        // The log ended because the target did, which is watched beside this, or because the line to the engine broke.
        sleep(PULSE).await;
    }
}

async fn death(target: &Target) -> TargetError {
    loop {
        sleep(PULSE).await;
        match ended(target).await {
            Ok(Some(ended)) => return ended,
            Ok(None) => {}
            Err(err) => return err,
        }
    }
}

async fn ended(target: &Target) -> Result<Option<TargetError>, TargetError> {
    let how = match target.state().await? {
        State::Running { .. } => return Ok(None),
        State::Exited { code, oom } => how_it_ended(code, oom),
        State::Gone => "and is gone".to_owned(),
    };
    sleep(LAST_WORDS).await;
    Ok(Some(TargetError::EndedEarly { how, lines: last_lines(target).await }))
}

async fn last_lines(target: &Target) -> Vec<String> {
    let lines = target.logs(LAST_LINES).await.unwrap_or_default();
    shown_lines(&lines, target.redactor())
}
