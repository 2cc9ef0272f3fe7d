//! How a container is made.

use std::collections::BTreeMap;
use std::time::Duration;

use super::reader::Reader;
use super::wire::{BindWire, HealthcheckWire, ServiceWire, UlimitWire};
use super::{ContainerOptions, Healthcheck, Network, Volume};
use crate::document::{Either, FileError, Ordered, Place, Scalar, listed, suggest};

/// What engines know; a misspelt limit would be refused by them only after the build.
pub(super) const ULIMITS: [&str; 15] = [
    "core",
    "cpu",
    "data",
    "fsize",
    "locks",
    "memlock",
    "msgqueue",
    "nice",
    "nofile",
    "nproc",
    "rss",
    "rtprio",
    "rttime",
    "sigpending",
    "stack",
];
pub(super) const NETWORKS: [&str; 4] = ["private", "target", "host", "none"];
/// Engines refuse less.
const LEAST_MEMORY: u64 = 6 * 1024 * 1024;

/// Reads the options of a container.
pub(super) fn read(
    place: Place<'_>,
    wire: &ServiceWire,
    reader: &mut Reader<'_>,
) -> Result<ContainerOptions, FileError> {
    let command = |key: &str, list: &Option<Vec<Scalar>>, reader: &Reader<'_>| {
        list.as_ref().map(|list| reader.texts(place.key(key), list)).transpose()
    };
    Ok(ContainerOptions {
        env: reader.env(place.key("env"), &wire.env)?,
        publish: publish(place.key("publish"), &wire.publish, reader)?,
        volumes: volumes(place.key("volumes"), &wire.volumes, reader)?,
        tmpfs: tmpfs(place.key("tmpfs"), &wire.tmpfs, reader)?,
        ulimits: ulimits(place.key("ulimits"), &wire.ulimits, reader)?,
        memory: wire.memory.as_ref().map(|memory| self::memory(place.key("memory"), memory, reader)).transpose()?,
        cpus: wire.cpus.as_ref().map(|cpus| self::cpus(place.key("cpus"), cpus, reader)).transpose()?,
        init: wire.init,
        cap_add: capabilities(place.key("cap_add"), &wire.cap_add, reader)?,
        cap_drop: capabilities(place.key("cap_drop"), &wire.cap_drop, reader)?,
        user: wire.user.as_ref().map(|user| reader.word(place.key("user"), user)).transpose()?,
        entrypoint: command("entrypoint", &wire.entrypoint, reader)?,
        cmd: command("cmd", &wire.cmd, reader)?,
        network: match &wire.network {
            Some(network) => self::network(place.key("network"), network, reader)?,
            None => Network::default(),
        },
        healthcheck: match &wire.healthcheck {
            Some(check) => Some(healthcheck(place.key("healthcheck"), check, reader)?),
            None => None,
        },
    })
}

fn publish(place: Place<'_>, list: &[Scalar], reader: &Reader<'_>) -> Result<Vec<u16>, FileError> {
    let mut ports = Vec::new();
    for (index, scalar) in list.iter().enumerate() {
        let at = place.item(index);
        let port = reader.port(at, scalar)?;
        if ports.contains(&port) {
            return Err(at.error(format!("the port {port} is published twice"), "remove one of the two"));
        }
        ports.push(port);
    }
    Ok(ports)
}

/// A path in the container.
fn inside(place: Place<'_>, scalar: &Scalar, reader: &Reader<'_>) -> Result<String, FileError> {
    let path = reader.word(place, scalar)?;
    if path.starts_with('/') {
        return Ok(path);
    }
    let help =
        "write a path in the container that begins with `/`; a folder of the host is `{host: ./folder, path: /folder}`";
    Err(place.error(format!("{}: `{path}` is not an absolute path", place.quoted()), help))
}

fn volumes(place: Place<'_>, list: &[Either<BindWire>], reader: &Reader<'_>) -> Result<Vec<Volume>, FileError> {
    let mut volumes: Vec<Volume> = Vec::new();
    for (index, wire) in list.iter().enumerate() {
        let at = place.item(index);
        let volume = match wire {
            Either::Short(path) => {
                if let Some((host, path)) = reader.text(at, path)?.split_once(':') {
                    let (path, more) = match path.strip_suffix(":ro") {
                        Some(path) => (path, ", read_only: true"),
                        None => (path, ""),
                    };
                    let help = format!("write `{{host: {host}, path: {path}{more}}}`");
                    return Err(at.error(format!("{} is written as Docker does", at.quoted()), help));
                }
                Volume::Fresh(inside(at, path, reader)?)
            }
            Either::Long(bind) => bind_mount(at, bind, reader)?,
        };
        let path_of = |volume: &Volume| match volume {
            Volume::Fresh(path) | Volume::Bind { path, .. } => path.clone(),
        };
        if volumes.iter().any(|other| path_of(other) == path_of(&volume)) {
            let message = format!("two volumes have the path `{}`", path_of(&volume));
            return Err(at.error(message, "remove one of the two"));
        }
        volumes.push(volume);
    }
    Ok(volumes)
}

fn bind_mount(place: Place<'_>, wire: &BindWire, reader: &Reader<'_>) -> Result<Volume, FileError> {
    let at = place.key("host");
    let host = reader.path(at, &wire.host)?;
    // The engine would make a folder of root's where nothing is, and take a relative path for the name of a volume.
    let host = match std::path::absolute(&host) {
        Ok(absolute) if absolute.exists() => absolute,
        Ok(_) | Err(_) => {
            let help =
                format!("it was looked for at `{}`; paths count from the folder of the scenario", host.display());
            return Err(at.error(format!("{} does not exist", at.quoted()), help));
        }
    };
    Ok(Volume::Bind { host, path: inside(place.key("path"), &wire.path, reader)?, read_only: wire.read_only })
}

fn tmpfs(place: Place<'_>, list: &[Scalar], reader: &Reader<'_>) -> Result<Vec<String>, FileError> {
    list.iter().enumerate().map(|(index, path)| inside(place.item(index), path, reader)).collect()
}

fn ulimits(
    place: Place<'_>,
    wire: &Ordered<Either<UlimitWire>>,
    reader: &Reader<'_>,
) -> Result<BTreeMap<String, (i64, i64)>, FileError> {
    let mut limits = BTreeMap::new();
    for (at, name, limit) in wire.at(place) {
        if !ULIMITS.contains(&name) {
            let all = format!("the limits are {}", listed(ULIMITS));
            let help = suggest(name, ULIMITS, &all);
            return Err(at.key_error(format!("there is no limit `{name}`"), help));
        }
        let (soft, hard) = match limit {
            Either::Short(both) => {
                let both = reader.number(at, both, "a whole number, or `-1` for no limit")?;
                (both, both)
            }
            Either::Long(wire) => (wire.soft, wire.hard),
        };
        if soft < -1 || hard < -1 {
            return Err(at.error(format!("{} is negative", at.quoted()), "write `-1` where there is to be no limit"));
        }
        if hard != -1 && (soft == -1 || soft > hard) {
            let message = format!("{}: the soft limit is above the hard one", at.quoted());
            return Err(at.key("soft").error(message, format!("write at most {hard}, or a higher `hard`")));
        }
        limits.insert(name.to_owned(), (soft, hard));
    }
    Ok(limits)
}

fn memory(place: Place<'_>, scalar: &Scalar, reader: &Reader<'_>) -> Result<u64, FileError> {
    let bytes = place.size(&reader.word(place, scalar)?)?;
    if bytes < LEAST_MEMORY {
        return Err(
            place.error(format!("{} is too small to run in", place.quoted()), "engines take no less than `6MiB`")
        );
    }
    Ok(bytes)
}

fn cpus(place: Place<'_>, scalar: &Scalar, reader: &Reader<'_>) -> Result<f64, FileError> {
    let cpus: f64 = reader.number(place, scalar, "a number of processors, for example `1.5`")?;
    if cpus.is_finite() && cpus > 0.0 {
        return Ok(cpus);
    }
    Err(place.error(format!("{} is not above zero", place.quoted()), "write a number of processors, for example `1.5`"))
}

fn capabilities(place: Place<'_>, list: &[Scalar], reader: &Reader<'_>) -> Result<Vec<String>, FileError> {
    let mut names = Vec::new();
    for (index, scalar) in list.iter().enumerate() {
        let at = place.item(index);
        let name = reader.word(at, scalar)?;
        let fits = name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_');
        if !fits {
            let help = "write it in capital letters, for example `SYS_PTRACE`, or `ALL`";
            return Err(at.error(format!("{}: `{name}` is not a capability", at.quoted()), help));
        }
        names.push(name);
    }
    Ok(names)
}

fn network(place: Place<'_>, scalar: &Scalar, reader: &Reader<'_>) -> Result<Network, FileError> {
    let name = reader.word(place, scalar)?;
    Ok(match name.as_str() {
        "private" => Network::Private,
        "target" => Network::Target,
        "host" => Network::Host,
        "none" => Network::None,
        _ => {
            let all = format!("a network is one of {}", listed(NETWORKS));
            let help = suggest(&name, NETWORKS, &all);
            return Err(place.error(format!("{}: `{name}` is not known", place.quoted()), help));
        }
    })
}

fn healthcheck(
    place: Place<'_>,
    wire: &Either<HealthcheckWire>,
    reader: &Reader<'_>,
) -> Result<Healthcheck, FileError> {
    const FORMS: &str = "write `none`, or `{test: \"a shell command\"}`, or `{test: [CMD, program, argument]}`";
    let wire = match wire {
        Either::Long(wire) => wire,
        Either::Short(word) if reader.text(place, word)? == "none" => return Ok(Healthcheck::Disabled),
        Either::Short(_) => return Err(place.error(format!("{} is not a health check", place.quoted()), FORMS)),
    };
    let at = place.key("test");
    let mut test = Vec::new();
    for (at, item) in wire.test.at(at) {
        test.push(reader.text(at, item)?);
    }
    if !wire.test.list {
        test.insert(0, "CMD-SHELL".to_owned());
    }
    match test.as_slice() {
        [form, program, ..] if ["CMD", "CMD-SHELL"].contains(&form.as_str()) && !program.trim().is_empty() => {}
        [form] if form == "NONE" => return Ok(Healthcheck::Disabled),
        [form, ..] if !["CMD", "CMD-SHELL"].contains(&form.as_str()) => {
            let message = format!("{}: the list begins with `{form}`", at.quoted());
            return Err(at.error(message, "begin it with `CMD` (a program) or `CMD-SHELL` (a line for the shell)"));
        }
        _ => return Err(at.error(format!("{} runs nothing", at.quoted()), FORMS)),
    }
    if wire.retries == Some(0) {
        return Err(place.key("retries").error("a check needs a try", "write a number from 1 on"));
    }
    let duration = |key: &str, value: &Option<Scalar>, default: u64| match value {
        Some(value) => place.key(key).duration(&reader.text(place.key(key), value)?),
        None => Ok(Duration::from_secs(default)),
    };
    // The defaults are the engine's own.
    Ok(Healthcheck::Test {
        test,
        interval: duration("interval", &wire.interval, 30)?,
        timeout: duration("timeout", &wire.timeout, 30)?,
        retries: wire.retries.unwrap_or(3),
        start_period: match &wire.start_period {
            Some(value) => {
                let at = place.key("start_period");
                at.duration_or_zero(&reader.text(at, value)?)?
            }
            None => Duration::ZERO,
        },
    })
}
