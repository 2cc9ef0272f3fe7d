//! `slowdrip diff`: the last night against the one before.

use super::args::DiffArgs;
use super::{Exit, Failure, console};
use crate::{diff, history, report};

pub(super) fn run(args: &DiffArgs) -> Result<Exit, Failure> {
    let bad = |error: &dyn std::fmt::Display| Failure::new(Exit::BadInput, error);
    let scenario = match &args.scenario {
        Some(name) => name.clone(),
        None => only_scenario(args)?,
    };
    let runs = history::runs_of(&args.reports, &scenario).map_err(|error| bad(&error))?;
    let [.., before, after] = runs.as_slice() else {
        return Err(bad(&format!(
            "a diff needs two nights of `{scenario}`, and {} holds {}; run another one",
            args.reports.join(&scenario).display(),
            runs.len()
        )));
    };
    let before = history::load(before).map_err(|error| bad(&error))?;
    let after = history::load(after).map_err(|error| bad(&error))?;
    let diff = diff::compare(&before, &after);
    console::out(&if args.markdown { report::diff_markdown(&diff) } else { report::diff_text(&diff) });
    Ok(Exit::Pass)
}

fn only_scenario(args: &DiffArgs) -> Result<String, Failure> {
    let mut names: Vec<String> = std::fs::read_dir(&args.reports)
        .map_err(|error| Failure::new(Exit::BadInput, &format!("cannot read {}: {error}", args.reports.display())))?
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| history::runs_of(&args.reports, name).is_ok_and(|runs| !runs.is_empty()))
        .collect();
    names.sort();
    match names.as_slice() {
        [one] => Ok(one.clone()),
        [] => Err(Failure::new(Exit::BadInput, &format!("{} holds no nights yet", args.reports.display()))),
        many => Err(Failure::new(
            Exit::BadInput,
            &format!("{} holds nights of several scenarios; name one of: {}", args.reports.display(), many.join(", ")),
        )),
    }
}
