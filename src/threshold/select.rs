//! What a class counts: a built-in metric, or what its patterns match.

use globset::{GlobBuilder, GlobMatcher};
use regex::Regex;

use super::Selector;
use super::wire::ClassWire;
use crate::document::{FileError, Place, suggest};
use crate::model::Metric;

const GLOB: &str = "\"/logs/*.log\"";
const PATTERN: &str = "'^python3? .*worker'";

/// Too many to list them all under every slip of a key.
const CLASSES: &str = "the classes are `fd.*`, `proc.*`, `mem.*`, `cgroup.*` and `disk.*` as docs/thresholds.md lists them; `match` (paths) or `match_cmdline` (processes) makes a class of your own";

/// Reads what a class counts.
pub(super) fn read(place: Place<'_>, name: &str, wire: &ClassWire) -> Result<Selector, FileError> {
    let built_in = name.parse::<Metric>();
    match (&wire.links, &wire.cmdline, built_in) {
        (None, None, Ok(metric)) => Ok(Selector::Metric(metric)),
        (None, None, Err(_)) => {
            let names: Vec<_> = Metric::all().map(|metric| metric.to_string()).collect();
            let help = suggest(name, names.iter().map(String::as_str), CLASSES);
            Err(place.key_error(format!("there is no class `{name}`"), help))
        }
        (Some(_), Some(_), _) => {
            let both = ["match", "match_cmdline"];
            let second = place.keys().iter().rfind(|key| both.contains(&key.as_str()));
            let at = second.map_or(place, |key| place.key(key));
            Err(at.key_error(format!("the class `{name}` counts paths and processes"), "make two classes of it"))
        }
        (_, _, Ok(_)) => {
            let (family, _) = name.split_once('.').unwrap_or(("fd", ""));
            let family = if wire.cmdline.is_some() { "proc" } else { family };
            let help = format!("give a class of your own another name, for example `{family}.my_class`");
            Err(place.key_error(format!("`{name}` is a built-in class and cannot have patterns of its own"), help))
        }
        (Some(globs), None, Err(_)) => {
            check_name(place, name)?;
            let at = place.key("match");
            let globs = globs.at(at).map(|(at, glob)| self::glob(at, glob.at(at))).collect::<Result<Vec<_>, _>>()?;
            if globs.is_empty() { Err(no_pattern(at, GLOB)) } else { Ok(Selector::Links(globs)) }
        }
        (None, Some(patterns), Err(_)) => {
            check_name(place, name)?;
            let at = place.key("match_cmdline");
            let patterns =
                patterns.at(at).map(|(at, pattern)| regex(at, pattern.at(at))).collect::<Result<Vec<_>, _>>()?;
            if patterns.is_empty() { Err(no_pattern(at, PATTERN)) } else { Ok(Selector::Cmdline(patterns)) }
        }
    }
}

fn no_pattern(place: Place<'_>, example: &str) -> FileError {
    place.key_error(format!("{} has no pattern", place.quoted()), format!("write one, for example `{example}`"))
}

/// What [`check_name`] takes, as a pattern.
pub(super) const NAME: &str = "^[a-z][a-z0-9_]*(\\.[a-z][a-z0-9_]*)*$";
pub(super) const LONGEST_NAME: usize = 64;

/// Names of classes stand in tables, file names and fingerprints.
fn check_name(place: Place<'_>, name: &str) -> Result<(), FileError> {
    let part = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_lowercase())
            && part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
    };
    if name.len() <= LONGEST_NAME && name.split('.').all(part) {
        return Ok(());
    }
    let help = "use lower-case letters, digits and `_`, in parts joined by dots, for example `fd.agent_log`";
    Err(place.key_error(format!("`{name}` cannot be the name of a class"), help))
}

fn glob(place: Place<'_>, written: &str) -> Result<GlobMatcher, FileError> {
    if written.is_empty() {
        return Err(no_pattern(place, GLOB));
    }
    // As in a shell: `*` stays within a folder, `**` does not.
    match GlobBuilder::new(written).literal_separator(true).build() {
        Ok(glob) => Ok(glob.compile_matcher()),
        Err(error) => {
            let message = format!("{} is not a pattern for paths: {}", place.quoted(), error.kind());
            Err(place.error(message, "write it as in a shell, for example `/logs/*.log` or `/data/**/*.db`"))
        }
    }
}

fn regex(place: Place<'_>, written: &str) -> Result<Regex, FileError> {
    if written.is_empty() {
        return Err(no_pattern(place, PATTERN));
    }
    place.regex(written)
}
