//! One step at a time: a request, a command.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use super::answer::Seen;
use super::failure::Request;
use super::secrets::Secrets;
use super::{Done, Failed, Flow, capture, exchange, exec, expect, http};
use crate::model::TargetControl;
use crate::model::text::shorten;
use crate::scenario::{Capture, ExecStep, Expect, HttpStep};

/// How much of a step's path or command names it.
const NAMED: usize = 120;

impl Flow {
    pub(super) async fn http<C: TargetControl>(
        &mut self,
        step: &HttpStep,
        target: &C,
        deadline: Option<Instant>,
    ) -> Result<Done, Failed> {
        let verb = step.method.to_ascii_lowercase();
        let wrong = |what: String, problem: String| Failed {
            what,
            problems: vec![problem],
            permanent: true,
            ..Failed::default()
        };
        let renderer = self.renderer();
        let path = renderer.text(&step.path).map_err(|err| wrong(format!("{verb} {}", step.path), err.to_string()))?;
        let what = format!("{verb} {}", shorten(&self.secrets.mask_url(&path), NAMED));
        let address = http::address(step.goal.port, target).map_err(|problem| wrong(what.clone(), problem))?;
        let prepared = http::prepare(step, &path, address, &renderer, &self.jar, &self.secrets)
            .map_err(|problem| wrong(what.clone(), problem))?;

        let (within, cut) = allowed(step.timeout, deadline);
        let (answer, result) = exchange::exchange(&self.client, prepared.request, prepared.address, within).await;
        if let Some(answer) = &answer {
            for (name, value) in &answer.headers {
                self.secrets.learn_header(name, value);
            }
        }
        let seen = answer.map(Seen::Http);
        match (seen, result) {
            (Some(seen), Ok(())) => self.judge(what, prepared.shown, seen, &step.expect, &step.capture).await,
            (seen, result) => {
                let problems = result.err().into_iter().collect();
                let cut = cut && deadline.is_some_and(|deadline| Instant::now() >= deadline);
                Err(Failed { what, problems, request: Some(prepared.shown), seen, permanent: false, cut })
            }
        }
    }

    pub(super) async fn exec<C: TargetControl>(
        &mut self,
        step: &ExecStep,
        target: &C,
        deadline: Option<Instant>,
    ) -> Result<Done, Failed> {
        let name = |argv: &[String], secrets: &Secrets| {
            let place = step.sidecar.as_ref().map_or_else(String::new, |sidecar| format!(" in {sidecar}"));
            format!("exec{place}: {}", shorten(&secrets.mask(&exec::line(argv)), NAMED))
        };
        let argv = exec::prepare(step, &self.renderer(), &self.secrets).map_err(|problem| Failed {
            what: name(&step.command, &self.secrets),
            problems: vec![problem],
            permanent: true,
            ..Failed::default()
        })?;
        let what = name(&argv, &self.secrets);
        let request = exec::shown(step, &argv, &self.secrets);
        let (within, cut) = allowed(step.timeout, deadline);
        match exec::run(step, &argv, within, target).await {
            Ok(output) => self.judge(what, request, Seen::Exec(output), &step.expect, &step.capture).await,
            Err(none) => Err(Failed {
                what,
                problems: vec![none.problem],
                request: Some(request),
                seen: None,
                permanent: none.permanent,
                cut: cut && none.late,
            }),
        }
    }

    /// Takes captures out of what came back, and keeps them.
    pub(super) async fn keep(&mut self, capture: &BTreeMap<String, Capture>, seen: &Seen) -> Result<(), String> {
        for (name, value) in capture::take(capture, seen).await? {
            self.secrets.learn_json(&name, &value);
            self.captured.insert(name, value);
        }
        Ok(())
    }

    /// Holds what came back against the expectations, and takes the captures when all of them hold.
    async fn judge(
        &mut self,
        what: String,
        request: Request,
        seen: Seen,
        expect: &Expect,
        capture: &BTreeMap<String, Capture>,
    ) -> Result<Done, Failed> {
        let (problems, permanent) = match expect::unmet(expect, &seen, &self.renderer(), &self.secrets) {
            Ok(unmet) => (unmet, false),
            Err(err) => (vec![format!("expect: {err}")], true),
        };
        if !problems.is_empty() {
            return Err(Failed { what, problems, request: Some(request), seen: Some(seen), permanent, cut: false });
        }
        match self.keep(capture, &seen).await {
            Ok(()) => Ok(Done { said: seen.said(), what, seen: Some((request, seen)) }),
            Err(problem) => Err(Failed {
                what,
                problems: vec![problem],
                request: Some(request),
                seen: Some(seen),
                permanent: false,
                cut: false,
            }),
        }
    }
}

/// The time a step has, and whether it is less than its own because somebody waits for it.
pub(super) fn allowed(own: Duration, deadline: Option<Instant>) -> (Duration, bool) {
    match deadline.map(|deadline| deadline.saturating_duration_since(Instant::now())) {
        Some(left) if left < own => (left, true),
        Some(_) | None => (own, false),
    }
}
