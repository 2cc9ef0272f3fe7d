//! From the wire form to a [`Scenario`].

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::reader::{Env, Reader};
use super::steps::{self, Files, Reach, Scope};
use super::wire::{ScenarioWire, StepWire};
use super::{Scenario, Soak, Step, churn, figures, phases, service};
use crate::document::{self, Document, FileError, Kind, Place};

/// What a scenario is, to the reader of documents.
pub(super) const SCENARIO: Kind = Kind {
    noun: "scenario",
    whole: "the scenario",
    smallest: "`name: my-app` and `target: {image: my-app}`",
    not_yet: &["head"],
    synonyms: &[
        ("websocket", "ws"),
        ("kill", "signal"),
        ("eventsource", "sse"),
        ("wait", "sleep"),
        ("if", "when"),
        ("loop", "repeat"),
        ("resume", "unpause"),
        ("snapshot", "probe"),
    ],
    bare: &["await", "ping", "restart", "pause", "unpause"],
    nulls_below: &["json", "in", "with"],
};

/// What the command line says in place of the file.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// `--image`: this image in place of the scenario's `build` or `image`.
    pub image: Option<String>,
    /// `--duration`
    pub duration: Option<Duration>,
    /// `--interval`
    pub interval: Option<Duration>,
    /// `--thresholds`
    pub thresholds: Option<PathBuf>,
    /// `--set KEY=VALUE`, in order.
    pub set: Vec<(String, String)>,
}

/// Reads a scenario file.
///
/// # Errors
/// Whatever is wrong with the file, its name or an override, with its place.
pub fn load(path: &Path, overrides: &Overrides, env: &dyn Fn(&str) -> Option<String>) -> Result<Scenario, FileError> {
    resolve(&Document::read(path, SCENARIO)?, overrides, env)
}

/// Reads a scenario from text; `path` is for messages, and its folder is where paths in the text count from.
///
/// # Errors
/// Whatever is wrong with the text or an override, with its place.
pub fn parse(
    path: &Path,
    text: &str,
    overrides: &Overrides,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<Scenario, FileError> {
    resolve(&Document::parse(path, text.to_owned(), SCENARIO)?, overrides, env)
}

/// The JSON Schema (draft 7) of scenario files, as indented text.
pub fn schema() -> String {
    document::schema::<ScenarioWire>()
}

/// The JSON Schema (draft 7) of flow files, as indented text.
pub fn flow_schema() -> String {
    steps::flow_schema()
}

fn resolve(document: &Document, overrides: &Overrides, env: Env<'_>) -> Result<Scenario, FileError> {
    let wire: ScenarioWire = document.decode()?;
    let (path, root) = (document.path(), document.root());
    check_name(root.key("name"), &wire.name)?;
    let mut reader = Reader::new(path, document.folder(), env, &overrides.set);
    reader.check_set(path, &wire, overrides.image.is_some())?;
    reader.read_vars(root.key("vars"), &wire.vars)?;
    let target = service::target(path, root.key("target"), &wire.target, overrides.image.as_deref(), &mut reader)?;
    let sidecars = service::sidecars(root.key("sidecars"), &wire.sidecars, &target, &mut reader)?;
    let reach = Reach::new(&target, &sidecars);
    let files = Files::new(document.folder());
    let chain = [files.link(path)];
    let scope = Scope::new(&reader, &reach, &files, &chain);
    let ready = phases::ready(root.key("ready"), wire.ready.as_ref(), &target, scope)?;
    let seed = steps::steps(root.key("seed"), &wire.seed, scope)?;
    let soak = phases::soak(path, root.key("soak"), wire.soak.as_ref(), overrides)?;
    let churn = churn::churn(root.key("churn"), wire.churn.as_ref(), &soak, overrides, scope)?;
    let settle = settle(root.key("settle"), &wire.settle, &soak, scope)?;
    let after = steps::steps(root.key("after"), &wire.after, scope)?;
    let counters = figures::counters(root.key("counters"), &wire.counters, scope)?;
    let series = figures::series(root.key("series"), &wire.series, &soak, scope)?;
    let stop = phases::stop(root.key("stop"), wire.stop.as_ref(), &reader)?;
    let thresholds = thresholds(document, wire.thresholds.as_deref(), overrides)?;
    let included = files.into_texts();
    Ok(Scenario {
        name: wire.name,
        path: path.to_owned(),
        text: document.text().to_owned(),
        digest: document.digest_with(included.iter().map(|(_, text)| text.as_str())),
        included,
        target,
        sidecars,
        ready,
        seed,
        soak,
        churn,
        settle,
        after,
        counters,
        series,
        stop,
        thresholds,
        vars: reader.vars,
        secrets: reader.secrets,
    })
}

/// Steps of the settle phase, which must have the time for them.
fn settle(place: Place<'_>, wire: &[StepWire], soak: &Soak, scope: Scope<'_>) -> Result<Vec<Step>, FileError> {
    if !wire.is_empty() && soak.settle.is_zero() {
        let help = "write `soak: {settle: 2m}`, or remove the steps";
        return Err(place.key_error("there are steps for the settle phase, and it has no time", help));
    }
    steps::steps(place, wire, scope)
}

/// The name becomes a folder, a label and a part of the names of containers.
fn check_name(place: Place<'_>, name: &str) -> Result<(), FileError> {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-".contains(c);
    let first = name.chars().next().is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    if first && name.len() <= 64 && name.chars().all(fits) && !name.contains("..") {
        return Ok(());
    }
    let mended: String = name.to_lowercase().chars().map(|c| if fits(c) { c } else { '-' }).take(64).collect();
    let mended = mended.trim_matches(['-', '.', '_']).replace("..", ".");
    let rule =
        "A name has lower-case letters, digits, `.`, `_` and `-`, begins with a letter or digit, and has at most 64";
    let help = match mended.as_str() {
        "" => rule.to_lowercase(),
        mended => format!("did you mean `{mended}`? {rule}"),
    };
    Err(place.error(format!("`{name}` cannot be the name of a scenario"), help))
}

/// The thresholds file: the flag's counts from where slowdrip runs, the scenario's from the scenario's folder.
fn thresholds(document: &Document, wire: Option<&str>, overrides: &Overrides) -> Result<Option<PathBuf>, FileError> {
    if let Some(path) = &overrides.thresholds {
        if path.is_file() {
            return Ok(Some(path.clone()));
        }
        let message = format!("`--thresholds {}`: there is no such file", path.display());
        let help = "check the path; it counts from the folder in which slowdrip runs";
        return Err(FileError::new(document.path(), message, help));
    }
    let Some(written) = wire else { return Ok(None) };
    let path = document.folder().join(written);
    if path.is_file() {
        return Ok(Some(path));
    }
    let help = format!("it was looked for at `{}`; paths count from the folder of the scenario", path.display());
    Err(document.root().key("thresholds").error("the thresholds file does not exist", help))
}
