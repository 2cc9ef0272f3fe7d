//! What is soaked, and what runs beside it.

use std::path::{Component, Path};

use super::options;
use super::reader::Reader;
use super::wire::{BuildWire, BuilderWire, ServiceWire};
use super::{Build, Builder, Network, Sidecar, Target, TargetKind};
use crate::document::{Choice, FileError, Ordered, Place, Scalar, listed};

/// What can be a target.
pub(super) const KINDS: [&str; 5] = ["build", "image", "container", "command", "pid"];

/// Reads the target; `image` is what `--image` says.
pub(super) fn target(
    document: &Path,
    place: Place<'_>,
    wire: &ServiceWire,
    image: Option<&str>,
    reader: &mut Reader<'_>,
) -> Result<Target, FileError> {
    let key = one_kind(place, &KINDS)?;
    let kind = match (image, key) {
        (Some(reference), "build" | "image") => image_override(document, reference)?,
        (Some(_), _) => {
            let message = format!("`--image` has no place here: the target is a `{key}`");
            return Err(FileError::new(
                document,
                message,
                "use it with scenarios whose target is a `build` or an `image`",
            ));
        }
        (None, _) => kind(place, wire, reader)?,
    };
    check_options(place, &kind)?;
    let options = options::read(place, wire, reader)?;
    match options.network {
        Network::Target => {
            let help = "the target's network is `private` (the default), `host` or `none`; `target` is for sidecars";
            return Err(place.key("network").error("the target cannot share its own network", help));
        }
        Network::None if !options.publish.is_empty() => {
            let help = "remove `publish`, or the `network: none`";
            return Err(place.key("publish").key_error("a port is published, and the target has no network", help));
        }
        Network::Private | Network::Host | Network::None => {}
    }
    Ok(Target { kind, options })
}

/// Reads the sidecars, in the order of the file.
pub(super) fn sidecars(
    place: Place<'_>,
    wire: &Ordered<ServiceWire>,
    target: &Target,
    reader: &mut Reader<'_>,
) -> Result<Vec<Sidecar>, FileError> {
    let mut sidecars = Vec::new();
    for (at, name, wire) in wire.at(place) {
        check_host_name(at, name)?;
        let foreign = ["container", "command", "pid", "workdir"];
        if let Some(key) = at.keys().iter().find(|key| foreign.contains(&key.as_str())) {
            let help = match key.as_str() {
                "command" => "to replace the command of its image, write `cmd: […]`",
                _ => "a sidecar is made of a `build` or an `image`",
            };
            return Err(at.key(key).key_error(format!("a sidecar cannot have `{key}`"), help));
        }
        one_kind(at, &["build", "image"])?;
        let kind = kind(at, wire, reader)?;
        let options = options::read(at, wire, reader)?;
        if options.network == Network::Target {
            let container =
                matches!(target.kind, TargetKind::Build(_) | TargetKind::Image(_) | TargetKind::Container(_));
            if !container {
                let message = format!("the target is a `{}` and has no network of its own to share", target.kind.key());
                return Err(at.key("network").error(message, "write `network: host`"));
            }
            if !options.publish.is_empty() {
                let help = "add the port to the target's `publish`; both have the same ports";
                return Err(at.key("publish").key_error("a sidecar in the target's network publishes no ports", help));
            }
        }
        sidecars.push(Sidecar { name: name.to_owned(), kind, options });
    }
    Ok(sidecars)
}

/// The one key that says what it is.
fn one_kind<'d>(place: Place<'d>, kinds: &[&str]) -> Result<&'d str, FileError> {
    let mut found = place.keys().iter().map(String::as_str).filter(|key| kinds.contains(key));
    match (found.next(), found.next()) {
        (Some(kind), None) => Ok(kind),
        (Some(first), Some(second)) => {
            let help = match (first, second) {
                ("image" | "build", "command") | ("command", "image" | "build") => {
                    "keep one of them; to replace the command of an image, write `cmd: […]`".to_owned()
                }
                ("image", "build") | ("build", "image") => {
                    "keep one of them; `--image` replaces a `build` for one night".to_owned()
                }
                _ => format!("keep one of {}", listed(kinds)),
            };
            let message = format!("{} has both `{first}` and `{second}`", place.quoted());
            Err(place.key(second).key_error(message, help))
        }
        (None, _) => {
            let message = format!("{} does not say what it is", place.quoted());
            Err(place.key_error(message, format!("add one of {}", listed(kinds))))
        }
    }
}

fn kind(place: Place<'_>, wire: &ServiceWire, reader: &Reader<'_>) -> Result<TargetKind, FileError> {
    if let Some(build) = &wire.build {
        return Ok(TargetKind::Build(self::build(place.key("build"), build, reader)?));
    }
    if let Some(image) = &wire.image {
        let at = place.key("image");
        let reference = reader.word(at, image)?;
        if let Some(problem) = not_an_image(&reference) {
            return Err(at.error(format!("`{reference}` is not the name of an image: {problem}"), IMAGE_HELP));
        }
        return Ok(TargetKind::Image(reference));
    }
    if let Some(container) = &wire.container {
        return Ok(TargetKind::Container(reader.word(place.key("container"), container)?));
    }
    if let Some(pid) = &wire.pid {
        let at = place.key("pid");
        let pid: u32 = reader.number(at, pid, "the number of a process")?;
        if pid == 0 || i32::try_from(pid).is_err() {
            return Err(at.error(format!("there is no process {pid}"), "write the number of a running process"));
        }
        return Ok(TargetKind::Pid(pid));
    }
    let argv = reader.command(place.key("command"), wire.command.as_deref().unwrap_or_default())?;
    let workdir = wire.workdir.as_ref().map(|workdir| folder(place.key("workdir"), workdir, reader)).transpose()?;
    Ok(TargetKind::Command { argv, workdir })
}

const IMAGE_HELP: &str = "write it as `docker run` takes it: `registry/name:tag` or `name@sha256:…`";

fn not_an_image(reference: &str) -> Option<&'static str> {
    if reference.contains(|c: char| c.is_whitespace() || c.is_control()) {
        Some("it holds white space")
    } else if reference.contains("://") {
        Some("it is an address")
    } else if reference.starts_with('-') {
        Some("it begins with a dash")
    } else {
        None
    }
}

fn image_override(document: &Path, reference: &str) -> Result<TargetKind, FileError> {
    if reference.trim().is_empty() {
        return Err(FileError::new(document, "`--image` is empty", IMAGE_HELP));
    }
    match not_an_image(reference) {
        Some(problem) => {
            let message = format!("`--image {reference}` is not the name of an image: {problem}");
            Err(FileError::new(document, message, IMAGE_HELP))
        }
        None => Ok(TargetKind::Image(reference.to_owned())),
    }
}

fn build(place: Place<'_>, wire: &BuildWire, reader: &Reader<'_>) -> Result<Build, FileError> {
    let context = folder(place.key("context"), &wire.context, reader)?;
    let optional = |key: &str, value: &Option<Scalar>| -> Result<Option<String>, FileError> {
        value.as_ref().map(|value| reader.word(place.key(key), value)).transpose()
    };
    let named = optional("dockerfile", &wire.dockerfile)?;
    let dockerfile = named.clone().unwrap_or_else(|| "Dockerfile".to_owned());
    let at = if named.is_some() { place.key("dockerfile") } else { place.key("context") };
    let inside =
        Path::new(&dockerfile).components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    if !inside {
        let help = "only what is in the context is sent to the engine; write a path in it";
        return Err(at.error(format!("`{dockerfile}` lies outside the build context"), help));
    }
    if !context.join(&dockerfile).is_file() {
        let message = format!("there is no `{dockerfile}` in the build context");
        let help =
            format!("it was looked for at `{}`; name another with `dockerfile:`", context.join(&dockerfile).display());
        return Err(at.error(message, help));
    }
    Ok(Build {
        context,
        dockerfile,
        args: reader.build_args(place.key("args"), &wire.args)?,
        stage: optional("target", &wire.target)?,
        network: optional("network", &wire.network)?,
        cache: wire.cache.unwrap_or(true),
        builder: match wire.builder {
            None | Some(Choice(BuilderWire::Auto)) => Builder::Auto,
            Some(Choice(BuilderWire::Classic)) => Builder::Classic,
            Some(Choice(BuilderWire::Buildkit)) => Builder::BuildKit,
        },
    })
}

/// A folder of this machine that must be there.
fn folder(place: Place<'_>, scalar: &Scalar, reader: &Reader<'_>) -> Result<std::path::PathBuf, FileError> {
    let path = reader.path(place, scalar)?;
    if path.is_dir() {
        return Ok(path);
    }
    let problem = if path.exists() { "is not a folder" } else { "does not exist" };
    let help = format!("it was looked for at `{}`; paths count from the folder of the scenario", path.display());
    Err(place.error(format!("the folder of {} {problem}", place.quoted()), help))
}

/// Refuses options that would be ignored.
fn check_options(place: Place<'_>, kind: &TargetKind) -> Result<(), FileError> {
    let (allowed, why): (&[&str], &str) = match kind {
        TargetKind::Build(_) | TargetKind::Image(_) => (&[], ""),
        TargetKind::Command { .. } => (&["env", "publish", "workdir"], "it runs as a local process"),
        TargetKind::Container(_) => (&["publish"], "it runs already, and is only watched"),
        TargetKind::Pid(_) => (&["publish"], "it runs already, and is only watched"),
    };
    for key in place.keys().iter().map(String::as_str).filter(|key| !KINDS.contains(key)) {
        let fits = if allowed.is_empty() { key != "workdir" } else { allowed.contains(&key) };
        if !fits {
            let help = match (key, kind) {
                ("workdir", _) => "only a `command` has a working directory here".to_owned(),
                _ => format!("remove it; {why}, so what counts is {}", listed(allowed)),
            };
            let message = format!("`{key}` does not go with a target of kind `{}`", kind.key());
            return Err(place.key(key).key_error(message, help));
        }
    }
    Ok(())
}

/// Sidecars are reached by their names.
fn check_host_name(place: Place<'_>, name: &str) -> Result<(), FileError> {
    let letters = name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    if name.is_empty() || name.len() > 63 || !letters || name.starts_with('-') || name.ends_with('-') {
        let help = "use lower-case letters, digits and `-`, at most 63 of them, and no `-` at the ends";
        return Err(place.key_error(format!("`{name}` cannot be the name of a sidecar, which is a host name"), help));
    }
    if ["target", "localhost"].contains(&name) {
        return Err(place.key_error(format!("`{name}` is taken"), "give the sidecar another name"));
    }
    Ok(())
}
