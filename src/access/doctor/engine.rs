//! What the engine says of itself, and what follows from it. Pure.

use super::{Check, CheckState};
use crate::target::{EngineFacts, TargetError};

/// The version of the API from which on everything that slowdrip asks for is there.
const API: (u32, u32) = (1, 41);

/// What the engine answered, and the release of the kernel here.
#[derive(Debug)]
pub(super) struct Answer<'a> {
    pub(super) facts: &'a Result<EngineFacts, TargetError>,
    pub(super) release: Option<&'a str>,
}

/// All checks of this part; one only where the engine does not answer.
pub(super) fn checks(answer: &Answer<'_>) -> Vec<Check> {
    match answer.facts {
        Ok(facts) => vec![
            reached(facts),
            api(facts),
            place(facts, answer.release),
            security(facts),
            Check::ok("engine_storage", storage(facts)),
        ],
        Err(error) => vec![missing(error)],
    }
}

fn reached(facts: &EngineFacts) -> Check {
    Check::ok("engine", format!("{} at {}", or_unknown(&facts.version), facts.address))
}

/// What to do stands apart from what was found.
fn missing(error: &TargetError) -> Check {
    let meaning = "Without an engine only processes can be read, by their pid, and neither the helper nor exec works.";
    let (found, advice) = if let TargetError::NoPermission { address } = error {
        (
            format!("no permission to use {address}"),
            "Join the group docker: sudo usermod -aG docker $USER, then log in again. Or run slowdrip with sudo.",
        )
    } else if let TargetError::NoEngine { address, reason } = error {
        (
            format!("nobody answers at {address}: {reason}"),
            "Start it: sudo systemctl start docker. If it is elsewhere, set DOCKER_HOST.",
        )
    } else if let TargetError::UnsupportedHost { host } = error {
        (
            format!("DOCKER_HOST is {host}"),
            "Only unix:///path and tcp://host:port are spoken: unset it, or forward the engine's socket to one of these (ssh -L).",
        )
    } else {
        (error.to_string(), "Look at the engine's log: journalctl -u docker")
    };
    Check::new("engine", CheckState::Warn, found, meaning, advice)
}

fn api(facts: &EngineFacts) -> Check {
    let numbers = facts.api.split_once('.').and_then(|(one, two)| Some((one.parse().ok()?, two.parse().ok()?)));
    match numbers {
        Some(have) if have >= API => Check::ok("engine_api", &facts.api),
        Some(_) => Check::new(
            "engine_api",
            CheckState::Warn,
            format!("{}, older than {}.{}", facts.api, API.0, API.1),
            "Some options of a scenario may be refused.",
            "Use an engine of version 20.10 or later.",
        ),
        None => {
            let meaning = "Whether the engine understands slowdrip is not known.";
            Check::new(
                "engine_api",
                CheckState::Unknown,
                or_unknown(&facts.api),
                meaning,
                "Use an engine of version 20.10 or later.",
            )
        }
    }
}

/// Where the engine's machine is: what it says of its kernel against the kernel here.
fn place(facts: &EngineFacts, release: Option<&str>) -> Check {
    const NAME: &str = "engine_place";
    let machine = or_unknown(&facts.machine);
    if facts.kernel.is_empty() || release.is_none() {
        let meaning = "Whether containers run on this machine is not known.";
        return Check::new(
            NAME,
            CheckState::Unknown,
            format!("on {machine}"),
            meaning,
            "Name a container: the ways to it are tried.",
        );
    }
    let same = Some(facts.kernel.as_str()) == release;
    match (same, facts.address.starts_with("unix://")) {
        (true, true) => Check::ok(NAME, "this machine"),
        (true, false) => Check::ok(NAME, format!("{machine}, by the network, with the same kernel as here")),
        (false, _) => Check::new(
            NAME,
            CheckState::Warn,
            format!(
                "{machine} ({}), another machine or a virtual one: its kernel is {}",
                or_unknown(&facts.system),
                facts.kernel
            ),
            "Processes of its containers are not in this machine's /proc.",
            "Nothing: the helper reads them there, for `snapshot` and for targets of kind `container`.",
        ),
    }
}

fn security(facts: &EngineFacts) -> Check {
    const NAME: &str = "engine_security";
    let has =
        |name: &str| facts.security.iter().any(|option| option == name || option.starts_with(&format!("{name},")));
    let names: Vec<&str> = facts.security.iter().map(|option| option.trim_start_matches("name=")).collect();
    let found = if names.is_empty() { "no options".to_owned() } else { names.join("; ") };
    if has("name=rootless") {
        return Check::new(
            NAME,
            CheckState::Warn,
            found,
            "A rootless engine: its containers live in a user namespace of the user who runs it. Root on the machine reads them; the helper has rights in that namespace only, which is enough for its containers.",
            "If the helper is refused: run slowdrip with sudo, with DOCKER_HOST set to the engine's socket.",
        );
    }
    if has("name=userns") {
        return Check::new(
            NAME,
            CheckState::Warn,
            found,
            "User namespaces are remapped (userns-remap): a container cannot join the namespaces of another by all rights.",
            "If the helper is refused: run slowdrip as root, which reads from the host.",
        );
    }
    Check::ok(NAME, found)
}

fn storage(facts: &EngineFacts) -> String {
    format!(
        "{}, cgroups v{} by {}",
        or_unknown(&facts.storage),
        or_unknown(&facts.cgroup_version),
        or_unknown(&facts.cgroup_driver)
    )
}

fn or_unknown(text: &str) -> &str {
    if text.is_empty() { "unknown" } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> EngineFacts {
        EngineFacts {
            address: "unix:///var/run/docker.sock".to_owned(),
            version: "28.0.1".to_owned(),
            api: "1.48".to_owned(),
            storage: "overlay2".to_owned(),
            cgroup_driver: "systemd".to_owned(),
            cgroup_version: "2".to_owned(),
            security: vec!["name=seccomp,profile=builtin".to_owned(), "name=cgroupns".to_owned()],
            kernel: "6.18.4".to_owned(),
            machine: "build-7".to_owned(),
            system: "Debian".to_owned(),
        }
    }

    #[test]
    fn an_engine_on_this_machine_is_as_it_should_be() {
        let checks = checks(&Answer { facts: &Ok(facts()), release: Some("6.18.4") });
        assert!(checks.iter().all(|check| check.state == CheckState::Ok), "{checks:?}");
        let found: Vec<&str> = checks.iter().map(|check| check.found.as_str()).collect();
        assert_eq!(
            found,
            [
                "28.0.1 at unix:///var/run/docker.sock",
                "1.48",
                "this machine",
                "seccomp,profile=builtin; cgroupns",
                "overlay2, cgroups v2 by systemd"
            ]
        );
    }

    #[test]
    fn a_socket_that_may_not_be_used_is_told_from_one_that_is_not_there() {
        let of = |error| checks(&Answer { facts: &Err(error), release: None }).remove(0);
        let address = || "unix:///var/run/docker.sock".to_owned();
        let refused = of(TargetError::NoPermission { address: address() });
        assert!(refused.advice.contains("usermod -aG docker"), "{refused:?}");
        let none = of(TargetError::NoEngine { address: address(), reason: "there is no such socket".to_owned() });
        assert!(none.advice.contains("systemctl start docker"), "{none:?}");
        let ssh = of(TargetError::UnsupportedHost { host: "ssh://you@there".to_owned() });
        assert!(ssh.found.contains("ssh://you@there") && ssh.advice.contains("ssh -L"), "{ssh:?}");
    }

    #[test]
    fn another_kernel_is_another_machine() {
        assert_eq!(place(&facts(), Some("6.18.4")).state, CheckState::Ok);
        let remote = place(&facts(), Some("6.1.0"));
        assert!(remote.state == CheckState::Warn && remote.found.contains("build-7 (Debian)"), "{remote:?}");
        assert_eq!(place(&facts(), None).state, CheckState::Unknown);
    }

    #[test]
    fn rootless_and_remapped_engines_and_old_ones_are_seen() {
        let secured = |option: &str| security(&EngineFacts { security: vec![option.to_owned()], ..facts() });
        assert!(secured("name=rootless").meaning.contains("rootless"));
        assert!(secured("name=userns").meaning.contains("userns-remap"));
        assert_eq!(secured("name=usernsless").state, CheckState::Ok);
        let spoken = |version: &str| api(&EngineFacts { api: version.to_owned(), ..facts() }).state;
        assert_eq!(
            [spoken("1.41"), spoken("1.9"), spoken("2.0"), spoken("")],
            [CheckState::Ok, CheckState::Warn, CheckState::Ok, CheckState::Unknown]
        );
    }
}
