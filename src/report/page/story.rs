//! What the breaches of a night are about: the findings of one cause together, the others one by one.

use std::collections::HashMap;

use super::parts::Mark;
use super::view::View;
use crate::model::{Cause, Finding, Severity, Status};

/// Findings that are told together.
#[derive(Debug)]
pub(crate) struct Story<'a> {
    /// What they come from; `None` for a finding of its own.
    pub(crate) cause: Option<&'a Cause>,
    /// The leading one first, never empty.
    pub(crate) findings: Vec<&'a Finding>,
}

impl Story<'_> {
    /// True where it fails the night.
    pub(crate) fn fails(&self) -> bool {
        self.findings.iter().any(|finding| finding.severity == Severity::Fail && finding.ack.is_none())
    }

    /// True where nothing of it weighs: all of it is acknowledged.
    pub(crate) fn is_known(&self) -> bool {
        self.findings.iter().all(|finding| finding.ack.is_some())
    }

    /// The mark of the finding that weighs most.
    pub(crate) fn mark(&self) -> Mark {
        if self.fails() {
            Mark::FAIL
        } else if self.is_known() {
            Mark::KNOWN
        } else {
            Mark::WARN
        }
    }
}

/// The stories of a night: those that fail it first, then warnings, then what is known; in each the surest cause first.
pub(crate) fn stories<'a>(view: &View<'a>) -> Vec<Story<'a>> {
    let Some(assessment) = &view.night.assessment else { return Vec::new() };
    let mut open: HashMap<&str, &Finding> = HashMap::new();
    for finding in view.with(Status::Breaks) {
        open.entry(finding.fingerprint.as_str()).or_insert(finding);
    }
    let mut stories = Vec::new();
    for cause in &assessment.causes {
        let findings: Vec<&Finding> = cause.findings.iter().filter_map(|print| open.remove(print.as_str())).collect();
        if !findings.is_empty() {
            stories.push(Story { cause: Some(cause), findings });
        }
    }
    let rest = view.with(Status::Breaks).filter(|finding| open.remove(finding.fingerprint.as_str()).is_some());
    stories.extend(rest.map(|finding| Story { cause: None, findings: vec![finding] }));
    stories.sort_by_key(|story| (!story.fails(), story.is_known()));
    stories
}
