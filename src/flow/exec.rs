//! A command in the target or a sidecar, made from a step.

use std::time::Duration;

use super::answer::took;
use super::failure;
use super::secrets::Secrets;
use super::template::Renderer;
use crate::model::redact::is_secret_name;
use crate::model::{ControlError, ExecOutput, TargetControl};
use crate::scenario::ExecStep;

/// A command that did not come to an end.
#[derive(Debug)]
pub(super) struct NoOutput {
    /// Why.
    pub(super) problem: String,
    /// Trying again cannot help.
    pub(super) permanent: bool,
    /// Its time was up.
    pub(super) late: bool,
}

/// Renders a step's command.
pub(super) fn prepare(step: &ExecStep, renderer: &Renderer<'_>, secrets: &Secrets) -> Result<Vec<String>, String> {
    let argv: Vec<String> =
        step.command.iter().map(|arg| renderer.text(arg).map_err(|err| err.to_string())).collect::<Result<_, _>>()?;
    if argv.first().is_none_or(String::is_empty) {
        return Err("the command has no program".to_owned());
    }
    let mut before: Option<&str> = None;
    for arg in &argv {
        // `--password=x`, `TOKEN=x`, and `--password x`.
        if let Some((name, value)) = arg.split_once('=') {
            if !name.contains(char::is_whitespace) {
                secrets.learn_named(name, value);
            }
        } else if let Some(option) = before.filter(|arg| arg.starts_with('-'))
            && is_secret_name(option)
            && !arg.starts_with('-')
        {
            secrets.learn(arg);
        }
        before = Some(arg);
    }
    Ok(argv)
}

/// The command as a failed step shows it: one argument a line would be long, so arguments with spaces are quoted.
pub(super) fn shown(step: &ExecStep, argv: &[String], secrets: &Secrets) -> failure::Request {
    let place = step.sidecar.as_deref().unwrap_or("the target");
    failure::Request { head: format!("in {place}: {}", secrets.mask(&line(argv))), body: String::new() }
}

/// An argument vector as a line.
pub(super) fn line(argv: &[String]) -> String {
    let quoted = argv.iter().map(|arg| {
        if arg.is_empty() || arg.contains(|c: char| c.is_whitespace() || "\"'$`\\;&|<>()*?".contains(c)) {
            format!("'{}'", arg.replace('\'', "'\\''"))
        } else {
            arg.clone()
        }
    });
    quoted.collect::<Vec<_>>().join(" ")
}

/// Runs the command.
pub(super) async fn run<C: TargetControl>(
    step: &ExecStep,
    argv: &[String],
    within: Duration,
    target: &C,
) -> Result<ExecOutput, NoOutput> {
    match tokio::time::timeout(within, target.exec(step.sidecar.as_deref(), argv)).await {
        Ok(Ok(output)) => Ok(output),
        Ok(Err(error)) => {
            let permanent = match error {
                ControlError::NoSuchSidecar { .. } | ControlError::Unsupported { .. } => true,
                ControlError::Failed(_) => false,
            };
            Err(NoOutput { problem: error.to_string(), permanent, late: false })
        }
        Err(_) => {
            let problem = format!("the command did not end within {}", took(within));
            Err(NoOutput { problem, permanent: false, late: true })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_line_can_be_read_back() {
        let argv = ["sh", "-c", "echo 'a b' | wc", "", "x"].map(str::to_owned);
        assert_eq!(line(&argv), r"sh -c 'echo '\''a b'\'' | wc' '' x");
    }
}
