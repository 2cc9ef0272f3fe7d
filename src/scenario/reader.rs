//! What all parts of a scenario are read with: variables, the environment, the folder from which paths count.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use minijinja::{Environment, ErrorKind, UndefinedBehavior};

use super::EnvValue;
use super::wire::{ScenarioWire, SecretWire};
use crate::document::{Either, FileError, Ordered, Place, Scalar, listed, suggest};
use crate::model::Redactor;

/// The largest file of a secret, bytes.
const LARGEST_SECRET: u64 = 64 * 1024;

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

    /// The same for a file that is included.
    pub(super) fn of_file(&self, path: &Path, folder: &Path) -> Self {
        Self {
            env: self.env,
            file: path.display().to_string().into(),
            folder: folder.to_owned(),
            set: self.set.clone(),
            templates: self.templates.clone(),
            vars: self.vars.clone(),
            secrets: Vec::new(),
        }
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
    pub(super) fn read_vars(&mut self, place: Place<'_>, wire: &Ordered<Either<SecretWire>>) -> Result<(), FileError> {
        for (at, name, value) in wire.at(place) {
            check_name(at, name)?;
            let value = match (self.set.get(name), value) {
                (Some(set), Either::Short(_)) => (*set).to_owned(),
                (Some(set), Either::Long(_)) => {
                    self.secrets.push((*set).to_owned());
                    (*set).to_owned()
                }
                (None, Either::Short(text)) => text.at(at).to_owned(),
                (None, Either::Long(wire)) => self.secret(at, wire)?.1,
            };
            self.vars.insert(name.to_owned(), value);
        }
        Ok(())
    }

    /// A value that is not written in the scenario, behind where it comes from.
    fn secret(&mut self, place: Place<'_>, wire: &SecretWire) -> Result<(String, String), FileError> {
        let (from, value) = match (&wire.from_env, &wire.from_file) {
            (Some(name), None) => (name.clone(), self.of_env(place, name)?),
            (None, Some(file)) => self.of_secret_file(place, file)?,
            (Some(_), Some(_)) => {
                let help = "keep one of `from_env` and `from_file`";
                return Err(place.key_error(format!("{} comes from two places", place.quoted()), help));
            }
            (None, None) => {
                let message = format!("{} does not say where the value comes from", place.quoted());
                return Err(place.key_error(message, "add `from_env: VARIABLE` or `from_file: PATH`"));
            }
        };
        if !self.secrets.contains(&value) {
            self.secrets.push(value.clone());
        }
        Ok((from, value))
    }

    fn of_env(&self, place: Place<'_>, name: &str) -> Result<String, FileError> {
        let at = place.key("from_env");
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
        Ok(value)
    }

    /// The text of a file, behind its path. What it holds is in no message.
    fn of_secret_file(&self, place: Place<'_>, file: &Scalar) -> Result<(String, String), FileError> {
        let at = place.key("from_file");
        let path = self.file_at(at, file, "of the secret")?;
        let shown = path.display();
        let fail = |problem: String, help: &str| at.error(format!("{}: {problem}", place.quoted()), help);
        let mut bytes = Vec::new();
        let read = File::open(&path).and_then(|file| file.take(LARGEST_SECRET + 1).read_to_end(&mut bytes));
        if let Err(error) = read {
            return Err(fail(format!("`{shown}` cannot be read: {error}"), "check who may read it"));
        }
        if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > LARGEST_SECRET {
            let help = "a secret has at most 64 KiB; check that the path names the file of one";
            return Err(fail(format!("`{shown}` is too large"), help));
        }
        let Ok(text) = String::from_utf8(bytes) else {
            return Err(fail(format!("`{shown}` is not UTF-8"), "write the secret as text, for example in base64"));
        };
        let value = text.strip_suffix('\n').map_or(text.as_str(), |line| line.strip_suffix('\r').unwrap_or(line));
        if value.contains('\0') {
            return Err(fail(format!("`{shown}` holds a NUL character"), "remove it"));
        }
        if value.len() < Redactor::MIN_LEN {
            let help = format!("write at least {} bytes, or a value that is no secret here", Redactor::MIN_LEN);
            return Err(fail(format!("what `{shown}` holds is too short to be kept out of the reports"), &help));
        }
        Ok((format!("file {shown}"), value.to_owned()))
    }

    /// Environment variables of a container or a process.
    pub(super) fn env(
        &mut self,
        place: Place<'_>,
        wire: &Ordered<Either<SecretWire>>,
    ) -> Result<BTreeMap<String, EnvValue>, FileError> {
        let mut env = BTreeMap::new();
        for (at, name, value) in wire.at(place) {
            if name.is_empty() || name.contains(['=', '\0']) {
                let help = "write the name alone, and the value behind the colon: `NAME: value`";
                return Err(at.key_error(format!("`{name}` cannot be the name of an environment variable"), help));
            }
            let value = match value {
                Either::Short(text) => EnvValue::Plain(self.text(at, text)?),
                Either::Long(wire) => {
                    let (from, value) = self.secret(at, wire)?;
                    EnvValue::Secret { from, value }
                }
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
        self.rendered(place, scalar.at(place))
    }

    /// What a text is with its template filled in.
    pub(super) fn rendered(&self, place: Place<'_>, written: &str) -> Result<String, FileError> {
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

    /// A file that must be there, by a path that counts from the folder of the file it stands in; `what` is behind "the file".
    pub(super) fn file_at(&self, place: Place<'_>, scalar: &Scalar, what: &str) -> Result<PathBuf, FileError> {
        let path = self.path(place, scalar)?;
        if path.is_file() {
            return Ok(path);
        }
        let problem = if path.exists() { "is no regular file" } else { "does not exist" };
        let help = format!("it was looked for at `{}`; paths count from the folder of this file", path.display());
        Err(place.error(format!("{}: the file {what} {problem}", place.quoted()), help))
    }

    /// Checks the syntax of an expression, which is a template without its braces.
    pub(super) fn expression(&self, place: Place<'_>, text: &str) -> Result<(), FileError> {
        self.templates.compile_expression(text).map(drop).map_err(|error| {
            let detail = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
            let help = "write one expression, for example `{{ count > 5 and name == 'a' }}`";
            place.error(format!("{}: not a valid expression: {detail}", place.quoted()), help)
        })
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
