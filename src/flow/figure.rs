//! Numbers that an answer tells.

use regex::Regex;
use serde_json::Value;
use serde_json_path::JsonPath;

use super::answer::{Body, Seen};
use super::failure::Request;
use super::{Failed, Flow, StepError, capture, expect};
use crate::model::TargetControl;
use crate::model::text::{count, shorten};
use crate::scenario::{Figure, FigureFrom};

/// How much of a text that is no number is quoted.
const QUOTED: usize = 120;

impl Flow {
    /// Reads a figure; `name` is for messages.
    ///
    /// # Errors
    /// The step failed, or its answer holds no number at the place.
    pub async fn read<C: TargetControl>(&mut self, name: &str, figure: &Figure, target: &C) -> Result<f64, StepError> {
        self.rest();
        let done = self.step(&figure.read, target, None).await?;
        let fail = |problem: String, seen: Option<(Request, Seen)>| {
            let (request, seen) = seen.unzip();
            let problems = vec![format!("`{name}`: {problem}")];
            let failed = Failed { what: done.what.clone(), problems, request, seen, ..Failed::default() };
            self.fail(&figure.read, failed)
        };
        let Some((_, seen)) = &done.seen else {
            return Err(fail("it must be read by a request or a command".to_owned(), None));
        };
        let body = Body::of(seen);
        let number = match &figure.from {
            FigureFrom::Json(path) => {
                at_path(&body, path, figure.absent, |value| expect::quoted(value, &self.secrets.about(seen.body())))
            }
            FigureFrom::Regex(regex) => in_text(&body, regex, figure.absent, |text| {
                shorten(&self.secrets.about(seen.body()).mask(text), QUOTED)
            }),
        };
        number.map_err(|problem| fail(problem, done.seen))
    }
}

fn at_path(
    body: &Body<'_>,
    path: &JsonPath,
    absent: Option<f64>,
    quoted: impl Fn(&Value) -> String,
) -> Result<f64, String> {
    let nodes = body.find(path)?;
    match nodes.as_slice() {
        [] | [Value::Null] => absent.ok_or_else(|| format!("{path} finds nothing{}", body.keys())),
        [node] => expect::number(node).ok_or_else(|| format!("{path} is {}, which is no number", quoted(node))),
        several => Err(format!("{path} finds {}, and exactly one is needed", count(several.len() as u64, "value"))),
    }
}

fn in_text(
    body: &Body<'_>,
    regex: &Regex,
    absent: Option<f64>,
    quoted: impl Fn(&str) -> String,
) -> Result<f64, String> {
    let found = capture::matches(regex, body.text())?;
    match found.as_slice() {
        [] => absent.ok_or_else(|| format!("regex `{regex}` matches nothing in {}", body.name)),
        [text] => expect::number(&Value::from(*text))
            .ok_or_else(|| format!("regex `{regex}` finds `{}`, which is no number", quoted(text))),
        several => Err(format!("regex `{regex}` matches {} times, and exactly once is needed", several.len())),
    }
}
