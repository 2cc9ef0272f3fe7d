//! What all parts of a scenario are read with: variables, the environment, the folder from which paths count.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use minijinja::{Environment, ErrorKind, UndefinedBehavior};

use super::EnvValue;
use super::wire::{FromEnvWire, ScenarioWire};
use crate::document::{Either, FileError, Ordered, Place, Scalar, listed, suggest};
use crate::model::Redactor;

/// Where values of slowdrip's own environment come from.
pub(super) type Env<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Reads values with everything that may stand in for them.
pub(super) struct Reader<'a> {
    env: Env<'a>,
    file: Arc<str>,
    folder: PathBuf,
    set: BTreeMap<&'a str, &'a str>,
    templates: Environment<'static>,
    pub(super) vars: BTreeMap<String, String>,
    pub(super) secrets: Vec<String>,
}

impl<'a> Reader<'a> {
    /// A reader that knows no variables yet.
    pub(super) fn new(path: &Path, folder: &Path, env: Env<'a>, set: &'a [(String, String)]) -> Self {
        let mut templates = Environment::new();
        templates.set_undefined_behavior(UndefinedBehavior::Strict);
        let set = set.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        let file = path.display().to_string().into();
        Self { env, file, folder: folder.to_owned(), set, templates, vars: BTreeMap::new(), secrets: Vec::new() }
    }

    /// The file that is read.
    pub(super) fn file(&self) -> Arc<str> {
        Arc::clone(&self.file)
    }

    /// Refuses a `--set` that would change nothing. `image` says that `--image` replaces the target's build.
    pub(super) fn check_set(&self, path: &Path, wire: &ScenarioWire, image: bool) -> Result<(), FileError> {
        let args = |build: &'_ Option<super::wire::BuildWire>| -> Vec<String> {
            build.iter().flat_map(|build| build.args.keys()).map(str::to_owned).collect()
        };
        let target = args(&wire.target.build);
        let mut known: Vec<String> = wire.vars.keys().map(str::to_owned).collect();
        known.extend(wire.sidecars.values().flat_map(|sidecar| args(&sidecar.build)));
        for key in self.set.keys() {
            if known.iter().any(|known| known == key) {
                continue;
            }
            let is_target = target.iter().any(|arg| arg == key);
            if is_target && image {
                let message =
                    format!("`--set {key}=…` changes a build argument of the target, which `--image` replaces");
                return Err(FileError::new(path, message, "leave out one of the two"));
            }
            if !is_target {
                known.extend(target);
                let all = match known.as_slice() {
                    [] => "the scenario has no `vars` and no build `args`".to_owned(),
                    known => format!("what can be set: {}", listed(known)),
                };
                let help = suggest(key, known.iter().map(String::as_str), &all);
                return Err(FileError::new(path, format!("`--set {key}=…`: the scenario has no `{key}`"), help));
            }
        }
        Ok(())
    }

    /// Reads the variables, which all that comes later may use.
    pub(super) fn read_vars(&mut self, place: Place<'_>, wire: &Ordered<Either<FromEnvWire>>) -> Result<(), FileError> {
        for (at, name, value) in wire.at(place) {
            check_name(at, name)?;
            let value = match (self.set.get(name), value) {
                (Some(set), Either::Short(_)) => (*set).to_owned(),
                (Some(set), Either::Long(_)) => {
                    self.secrets.push((*set).to_owned());
                    (*set).to_owned()
                }
                (None, Either::Short(text)) => text.at(at).to_owned(),
                (None, Either::Long(wire)) => self.read_env(at, wire)?,
            };
            self.vars.insert(name.to_owned(), value);
        }
        Ok(())
    }

    fn read_env(&mut self, place: Place<'_>, wire: &FromEnvWire) -> Result<String, FileError> {
        let (at, name) = (place.key("from_env"), wire.from_env.as_str());
        let Some(value) = (self.env)(name) else {
            let message = format!("{}: the environment has no `{name}`", place.quoted());
            return Err(at.error(message, format!("set it before slowdrip is started: `export {name}=…`")));
        };
        if value.len() < Redactor::MIN_LEN {
            let least = Redactor::MIN_LEN;
            let message =
                format!("{}: the value of `{name}` is too short to be kept out of the reports", place.quoted());
            let help = format!("set `{name}` to at least {least} bytes, or write a value that is no secret here");
            return Err(at.error(message, help));
        }
        if !self.secrets.contains(&value) {
            self.secrets.push(value.clone());
        }
        Ok(value)
    }

    /// Environment variables of a container or a process.
    pub(super) fn env(
        &mut self,
        place: Place<'_>,
        wire: &Ordered<Either<FromEnvWire>>,
    ) -> Result<BTreeMap<String, EnvValue>, FileError> {
        let mut env = BTreeMap::new();
        for (at, name, value) in wire.at(place) {
            if name.is_empty() || name.contains(['=', '\0']) {
                let help = "write the name alone, and the value behind the colon: `NAME: value`";
                return Err(at.key_error(format!("`{name}` cannot be the name of an environment variable"), help));
            }
            let value = match value {
                Either::Short(text) => EnvValue::Plain(self.text(at, text)?),
                Either::Long(wire) => EnvValue::Secret { from: wire.from_env.clone(), value: self.read_env(at, wire)? },
            };
            env.insert(name.to_owned(), value);
        }
        Ok(env)
    }

    /// Build arguments, `--set` applied.
    pub(super) fn build_args(
        &self,
        place: Place<'_>,
        wire: &Ordered<Scalar>,
    ) -> Result<BTreeMap<String, String>, FileError> {
        let mut args = BTreeMap::new();
        for (at, name, value) in wire.at(place) {
            check_name(at, name)?;
            let value = match self.set.get(name) {
                Some(set) => (*set).to_owned(),
                None => self.text(at, value)?,
            };
            args.insert(name.to_owned(), value);
        }
        Ok(args)
    }

    /// A text, its template filled in.
    pub(super) fn text(&self, place: Place<'_>, scalar: &Scalar) -> Result<String, FileError> {
        let written = scalar.at(place);
        let text = if is_template(written) {
            self.templates.render_str(written, &self.vars).map_err(|error| self.explain(place, written, &error))?
        } else {
            written.to_owned()
        };
        if text.contains('\0') {
            return Err(place.error(format!("{} holds a NUL character", place.quoted()), "remove it"));
        }
        Ok(text)
    }

    /// A text that says something, its template filled in.
    pub(super) fn word(&self, place: Place<'_>, scalar: &Scalar) -> Result<String, FileError> {
        let text = self.text(place, scalar)?;
        if text.trim().is_empty() {
            return Err(place.error(format!("{} is empty", place.quoted()), "give it a value, or remove the line"));
        }
        Ok(text)
    }

    /// A list of texts.
    pub(super) fn texts(&self, place: Place<'_>, list: &[Scalar]) -> Result<Vec<String>, FileError> {
        list.iter().enumerate().map(|(index, item)| self.text(place.item(index), item)).collect()
    }

    /// A command: a list whose first item names a program.
    pub(super) fn command(&self, place: Place<'_>, list: &[Scalar]) -> Result<Vec<String>, FileError> {
        let command = self.texts(place, list)?;
        match command.first() {
            Some(program) if !program.trim().is_empty() => Ok(command),
            Some(_) | None => {
                let help = "write the program and its arguments: `[python3, -m, app]`";
                Err(place.error(format!("{} names no program", place.quoted()), help))
            }
        }
    }

    /// A number, its template filled in.
    pub(super) fn number<N: FromStr>(&self, place: Place<'_>, scalar: &Scalar, what: &str) -> Result<N, FileError> {
        let text = self.text(place, scalar)?;
        text.trim()
            .parse()
            .map_err(|_| place.error(format!("{}: `{text}` is not {what}", place.quoted()), format!("write {what}")))
    }

    /// A port, its template filled in.
    pub(super) fn port(&self, place: Place<'_>, scalar: &Scalar) -> Result<u16, FileError> {
        let text = self.text(place, scalar)?;
        if let Some((_, inside)) = text.rsplit_once(':') {
            let message = format!("{}: `{text}` is more than a port", place.quoted());
            let help = format!("write the port in the container, `{inside}`; slowdrip picks a free port of 127.0.0.1");
            return Err(place.error(message, help));
        }
        match text.trim().parse() {
            Ok(port) if port > 0 => Ok(port),
            Ok(_) | Err(_) => {
                let message = format!("{}: `{text}` is not a port", place.quoted());
                Err(place.error(message, "write a number from 1 to 65535"))
            }
        }
    }

    /// A path that counts from the folder of the scenario.
    pub(super) fn path(&self, place: Place<'_>, scalar: &Scalar) -> Result<PathBuf, FileError> {
        Ok(self.folder.join(self.word(place, scalar)?))
    }

    /// Checks the syntax of a template that is filled in when its step runs.
    pub(super) fn template(&self, place: Place<'_>, text: &str) -> Result<(), FileError> {
        if !is_template(text) {
            return Ok(());
        }
        self.templates.template_from_str(text).map(drop).map_err(|error| self.explain(place, text, &error))
    }

    fn explain(&self, place: Place<'_>, text: &str, error: &minijinja::Error) -> FileError {
        if error.kind() == ErrorKind::UndefinedError {
            let names =
                self.templates.template_from_str(text).map(|t| t.undeclared_variables(false)).unwrap_or_default();
            let mut unknown: Vec<_> = names.into_iter().filter(|name| !self.vars.contains_key(name)).collect();
            unknown.sort();
            let known = self.vars.keys();
            let all = if self.vars.is_empty() {
                "the scenario has no `vars`; add `vars: {name: value}`".to_owned()
            } else {
                format!("the variables are {}", listed(known.clone()))
            };
            let help = suggest(unknown.first().map_or("", String::as_str), known.map(String::as_str), &all);
            let what = match unknown.as_slice() {
                [] => "a value that is not defined is used".to_owned(),
                [name] => format!("there is no variable `{name}`"),
                names => format!("there are no variables {}", listed(names)),
            };
            return place.error(format!("{}: {what}", place.quoted()), help);
        }
        let detail = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
        let help = "templates are written `{{ name }}`; a literal `{{` is `{{ '{{' }}`";
        place.error(format!("{}: not a valid template: {detail}", place.quoted()), help)
    }
}

fn is_template(text: &str) -> bool {
    ["{{", "{%", "{#"].iter().any(|opening| text.contains(opening))
}

/// A name that templates and shells can use.
pub(super) fn check_name(place: Place<'_>, name: &str) -> Result<(), FileError> {
    let mut letters = name.chars();
    let first = letters.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
    if first && letters.all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return Ok(());
    }
    let help = "use letters, digits and `_`, and begin with a letter";
    Err(place.key_error(format!("`{name}` cannot be used as a name"), help))
}
