//! The text of a failed step.

use std::fmt;

use super::answer::{Shown, size};
use crate::model::text::{printable, shorten};

/// How much of a request's or an answer's body is shown, characters.
const BODY: usize = 2048;

/// How much of the headers is shown, characters.
const HEAD: usize = 8192;

/// The longest sentence about what is wrong, characters.
const SENTENCE: usize = 600;

/// Why a step failed: `Display` shows the step with its place, the request as sent (secrets masked), the answer and the expectation.
#[derive(Debug, Clone)]
pub struct StepError(Box<Parts>);

/// The parts of the text. Secrets are masked in all of them; they are made printable when they are put together.
#[derive(Debug, Clone, Default)]
pub(super) struct Parts {
    /// `scenario.yaml:12:5`; empty where no step is to blame.
    pub(super) place: String,
    /// `post /auth/register`
    pub(super) what: String,
    /// What is wrong, at least one sentence.
    pub(super) problems: Vec<String>,
    /// Which iteration of which repeat, outermost first.
    pub(super) iterations: Vec<String>,
    /// The request or the command as sent.
    pub(super) request: Option<Request>,
    /// What came back.
    pub(super) answer: Option<Lines>,
    /// The captured values there were, `name = value`.
    pub(super) captured: Vec<String>,
    /// Trying again cannot help: the scenario itself is wrong.
    pub(super) permanent: bool,
    /// The step was cut short by the deadline of what waits for it.
    pub(super) cut: bool,
}

/// A request as sent, secrets masked.
#[derive(Debug, Clone)]
pub(super) struct Request {
    /// Request line and headers, or the command.
    pub(super) head: String,
    /// The body; empty: none.
    pub(super) body: String,
}

/// Lines ready to be shown.
#[derive(Debug, Clone)]
pub(super) struct Lines(Vec<String>);

impl From<Shown> for Lines {
    fn from(shown: Shown) -> Self {
        let mut lines = cut(&shown.head, HEAD, None);
        let several = shown.parts.len() > 1;
        for part in shown.parts {
            if several {
                if part.size > 0 {
                    lines.push(format!("{}:", part.name));
                }
            } else {
                lines.push(String::new());
            }
            if part.size > 0 {
                lines.extend(cut(&part.text, BODY, Some(part.size)));
            } else if !several {
                lines.push("(no body)".to_owned());
            }
        }
        Self(lines)
    }
}

impl From<Parts> for StepError {
    fn from(parts: Parts) -> Self {
        Self(Box::new(parts))
    }
}

impl StepError {
    /// What failed and why, in one line: for a table, a heading or a log.
    pub fn summary(&self) -> String {
        let parts = &self.0;
        let mut line = String::new();
        for part in [&parts.place, &parts.what] {
            if !part.is_empty() {
                line.push_str(part);
                line.push_str(": ");
            }
        }
        line.push_str(parts.problems.first().map_or("it failed", String::as_str));
        shorten(&printable(&line), SENTENCE)
    }

    /// The step, in a few words.
    pub(super) fn what(&self) -> &str {
        &self.0.what
    }

    /// The first sentence of what is wrong.
    pub(super) fn problem(&self) -> &str {
        self.0.problems.first().map_or("it failed", String::as_str)
    }

    /// Whether trying again could end otherwise.
    pub(super) fn is_permanent(&self) -> bool {
        self.0.permanent
    }

    /// Whether the step was cut short by the deadline of what waits for it.
    pub(super) fn was_cut(&self) -> bool {
        self.0.cut
    }

    /// The same, as the end of a wait that did not succeed.
    pub(super) fn after_waiting(mut self, waited: &str) -> Self {
        if let Some(first) = self.0.problems.first_mut() {
            *first = format!("{waited}: {first}");
        }
        self
    }
}

impl fmt::Display for StepError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = &self.0;
        f.write_str(&self.summary())?;
        for problem in parts.problems.iter().skip(1) {
            write!(f, "\n  also: {}", shorten(&printable(problem), SENTENCE))?;
        }
        for iteration in &parts.iterations {
            write!(f, "\n  in: {}", printable(iteration))?;
        }
        if let Some(request) = &parts.request {
            f.write_str("\n  sent:")?;
            block(f, &cut(&request.head, HEAD, None))?;
            if !request.body.is_empty() {
                block(f, &[String::new()])?;
                block(f, &cut(&request.body, BODY, Some(request.body.len())))?;
            }
        }
        if let Some(answer) = &parts.answer {
            f.write_str("\n  answered:")?;
            block(f, &answer.0)?;
        }
        if parts.request.is_some() {
            let captured = if parts.captured.is_empty() { "nothing".to_owned() } else { parts.captured.join(", ") };
            write!(f, "\n  captured before: {}", printable(&captured))?;
        }
        Ok(())
    }
}

impl std::error::Error for StepError {}

fn block(f: &mut fmt::Formatter<'_>, lines: &[String]) -> fmt::Result {
    for line in lines {
        if line.is_empty() {
            f.write_str("\n")?;
        } else {
            write!(f, "\n    {line}")?;
        }
    }
    Ok(())
}

/// The lines of a text, each made printable, cut after `max` characters in all; `size` is that of the whole, to be named
/// where something is left out.
fn cut(text: &str, max: usize, whole: Option<usize>) -> Vec<String> {
    let end = text.char_indices().nth(max).map(|(index, _)| index);
    let head = end.and_then(|end| text.get(..end)).unwrap_or(text);
    let mut lines: Vec<String> =
        head.trim_end().split('\n').map(|line| printable(line.strip_suffix('\r').unwrap_or(line))).collect();
    if end.is_some() {
        lines.push(match whole {
            Some(whole) => format!("… (cut; {} in all)", size(whole)),
            None => "… (cut)".to_owned(),
        });
    }
    lines
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_summary_is_one_line_whatever_the_target_says() {
        let error = StepError::from(Parts {
            place: "s.yaml:1:2".to_owned(),
            what: "get /".to_owned(),
            problems: vec!["found \"a\nb\u{1b}[2J\"".to_owned()],
            ..Parts::default()
        });
        assert_eq!(error.summary(), "s.yaml:1:2: get /: found \"a\\nb\\u{1b}[2J\"");
        assert_eq!(error.to_string(), error.summary());
        assert_eq!(
            error.after_waiting("not within 3 s").summary(),
            "s.yaml:1:2: get /: not within 3 s: found \"a\\nb\\u{1b}[2J\""
        );
    }

    #[test]
    fn long_texts_are_cut_and_their_size_is_named() {
        let lines = cut(&"x".repeat(5000), BODY, Some(5000));
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[0].len(), BODY);
        assert_eq!(lines[1], "… (cut; 4.9 KiB in all)");
        assert_eq!(cut("a\r\nb\n\n", BODY, None), ["a", "b"]);
    }

    proptest! {
        #[test]
        fn shown_lines_never_hold_control_characters(text in any::<String>(), max in 0_usize..40) {
            for line in cut(&text, max, None) {
                prop_assert!(!line.chars().any(char::is_control), "{:?}", line);
            }
        }
    }
}
