//! Signals by their names.

use rustix::process::Signal;

use super::error::TargetError;

/// A signal by its name, with or without `SIG`.
pub(super) fn signal_of(name: &str) -> Result<(Signal, String), TargetError> {
    const KNOWN: [(&str, Signal); 13] = [
        ("HUP", Signal::HUP),
        ("INT", Signal::INT),
        ("QUIT", Signal::QUIT),
        ("ABRT", Signal::ABORT),
        ("KILL", Signal::KILL),
        ("USR1", Signal::USR1),
        ("USR2", Signal::USR2),
        ("PIPE", Signal::PIPE),
        ("ALRM", Signal::ALARM),
        ("TERM", Signal::TERM),
        ("CONT", Signal::CONT),
        ("STOP", Signal::STOP),
        ("WINCH", Signal::WINCH),
    ];
    let upper = name.trim().to_ascii_uppercase();
    let short = upper.strip_prefix("SIG").unwrap_or(&upper);
    let found = KNOWN.iter().find(|(known, _)| *known == short);
    let (known, signal) = found.ok_or_else(|| TargetError::UnknownSignal { name: name.to_owned() })?;
    Ok((*signal, format!("SIG{known}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_have_names_with_and_without_a_prefix() {
        assert_eq!(signal_of("SIGTERM").unwrap(), (Signal::TERM, "SIGTERM".into()));
        assert_eq!(signal_of("int").unwrap(), (Signal::INT, "SIGINT".into()));
        assert!(signal_of("SIGNOPE").unwrap_err().to_string().contains("`SIGNOPE`"));
    }
}
