//! One step at a time: a request, a command.

use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, HeaderValue};
use tokio::time::Instant;

use super::answer::Seen;
use super::failure::{self, Request};
use super::redirect::{Prepared, Sender};
use super::retry::{self, Tries};
use super::secrets::Secrets;
use super::{Done, Failed, Flow, capture, exec, expect, http, payload};
use crate::model::TargetControl;
use crate::model::text::shorten;
use crate::scenario::{Capture, ExecStep, Expect, HttpStep};

/// How much of a step's path or command names it.
pub(super) const NAMED: usize = 120;

impl Flow {
    pub(super) async fn http<C: TargetControl>(
        &mut self,
        step: &HttpStep,
        target: &C,
        deadline: Option<Instant>,
    ) -> Result<Done, Failed> {
        let (what, prepared) = self.prepare(step, target).await?;
        let sender = Sender { clients: &self.clients, jar: &self.jar, secrets: &self.secrets, target };
        let mut tries = Tries::default();
        let (answer, result, took, cut) = loop {
            let (within, cut) = allowed(step.timeout, deadline);
            let started = Instant::now();
            let (answer, result) = sender.send(&prepared, step.redirects, within).await;
            let took = started.elapsed();
            tries.note(answer.as_ref(), &result);
            let end = (answer, result, took, cut);
            let Some(retry) = &step.retry else { break end };
            if tries.count > retry.times || !retry::is_wanted(retry, end.0.as_ref(), &end.1) {
                break end;
            }
            let headers = end.0.as_ref().map(|answer| &answer.headers);
            let rest = retry::rest(retry, tries.count, self.templates.dice().rest(), headers, jiff::Timestamp::now());
            // A try that would have no time is none.
            if deadline.is_some_and(|deadline| deadline.saturating_duration_since(Instant::now()) <= rest) {
                break end;
            }
            tokio::time::sleep(rest).await;
        };
        let done = match (answer.map(Seen::Http), result) {
            (Some(seen), Ok(())) => self.judge(what, prepared.shown, (seen, took), &step.expect, &step.capture).await,
            (seen, result) => {
                let problems = result.err().map(|trouble| trouble.problem).into_iter().collect();
                let cut = cut && deadline.is_some_and(|deadline| Instant::now() >= deadline);
                Err(Failed { what, problems, request: Some(prepared.shown), seen, permanent: false, cut })
            }
        };
        match (done, tries.said()) {
            (done, None) => done,
            (Ok(done), Some(_)) => Ok(Done { said: format!("{} at try {}", done.said, tries.count), ..done }),
            (Err(mut failed), Some(said)) => {
                if let Some(first) = failed.problems.first_mut() {
                    *first = format!("after {said}: {first}");
                }
                Err(failed)
            }
        }
    }

    /// Renders a request, and the step by name.
    async fn prepare<C: TargetControl>(&self, step: &HttpStep, target: &C) -> Result<(String, Prepared), Failed> {
        let verb = step.method.to_ascii_lowercase();
        let renderer = self.renderer();
        let path =
            renderer.text(&step.path).map_err(|err| Failed::wrong(format!("{verb} {}", step.path), err.to_string()))?;
        let what = format!("{verb} {}", shorten(&self.secrets.mask_url(&path), NAMED));
        let wrong = |problem: String| Failed::wrong(what.clone(), problem);
        let address = http::address(step.goal.port, target).map_err(wrong)?;
        let mut head = http::head(&path, &step.goal, address, &renderer, &self.jar, &self.secrets).map_err(wrong)?;
        let boundary = self.templates.dice().boundary();
        let payload = payload::write(&step.body, &boundary, &renderer, &self.secrets).await.map_err(wrong)?;
        if let Some(content_type) = &payload.content_type {
            if payload.typed && head.headers.contains_key(CONTENT_TYPE) {
                let problem = "a multipart body names its own content type; remove the header `Content-Type`";
                return Err(wrong(problem.to_owned()));
            }
            let default = HeaderValue::from_str(content_type).map_err(|err| wrong(err.to_string()))?;
            head.headers.entry(CONTENT_TYPE).or_insert(default);
        }
        let method =
            Method::from_bytes(step.method.as_bytes()).map_err(|_| wrong(format!("`{}` is no method", step.method)))?;
        let shown = failure::Request {
            head: format!(
                "{} {}\n{}",
                step.method,
                self.secrets.mask_url(head.url.as_str()),
                self.secrets.mask_headers(&head.headers)
            ),
            body: payload.shown,
        };
        Ok((what, Prepared { method, head, body: payload.bytes, address, tls: step.goal.tls.clone(), shown }))
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
        let started = Instant::now();
        match exec::run(step, &argv, within, target).await {
            Ok(output) => {
                let seen = (Seen::Exec(output), started.elapsed());
                self.judge(what, request, seen, &step.expect, &step.capture).await
            }
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

    /// Holds what came back, and how long it took, against the expectations, and takes the captures when all of them hold.
    async fn judge(
        &mut self,
        what: String,
        request: Request,
        (seen, took): (Seen, Duration),
        expect: &Expect,
        capture: &BTreeMap<String, Capture>,
    ) -> Result<Done, Failed> {
        let (problems, permanent) = match expect::unmet(expect, &seen, took, &self.renderer(), &self.secrets) {
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
