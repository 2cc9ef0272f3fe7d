//! The health check of a container, known by its command line.

/// Tells whether a command line is that of the health check. `command` is written as in an image (`CMD` or `CMD-SHELL`
/// first) or plainly. A shell that was given a script may have become its only command, without the quotes.
pub(crate) fn is_healthcheck(arguments: &[&[u8]], command: &[String]) -> bool {
    let (script, command) = match command {
        [kind, rest @ ..] if kind == "CMD-SHELL" => (rest.first().map(String::as_str), rest),
        [kind, rest @ ..] if kind == "CMD" => (None, rest),
        [kind, ..] if kind == "NONE" => return false,
        [] => return false,
        plain => (plain.last().filter(|_| plain.len() == 3).map(String::as_str), plain),
    };
    if arguments.iter().copied().eq(command.iter().map(String::as_bytes)) {
        return true;
    }
    let Some(script) = script else { return false };
    let given = arguments.last().is_some_and(|last| arguments.len() > 1 && *last == script.as_bytes());
    let words = |text: &str| -> String {
        let bare: String = text.chars().filter(|c| !matches!(c, '"' | '\'' | '\\')).collect();
        bare.split_whitespace().skip_while(|word| *word == "exec").collect::<Vec<_>>().join(" ")
    };
    let became = String::from_utf8_lossy(&arguments.join(&b' ')).into_owned();
    given || (!arguments.is_empty() && words(&became) == words(script))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_the_health_check_in_all_its_shapes() {
        let command = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        let is = |line: &[&str], check: &[&str]| {
            is_healthcheck(&line.iter().map(|word| word.as_bytes()).collect::<Vec<_>>(), &command(check))
        };
        assert!(is(&["/bin/sh", "-c", "a || exit 1"], &["CMD-SHELL", "a || exit 1"]));
        assert!(is(&["/bin/bash", "-eo", "pipefail", "-c", "a || exit 1"], &["CMD-SHELL", "a || exit 1"]));
        assert!(is(&["curl", "-f", "http://x/"], &["CMD-SHELL", "exec curl -f \"http://x/\""]));
        assert!(is(&["/probe", "--deep"], &["CMD", "/probe", "--deep"]));
        assert!(is(&["/probe", "--deep"], &["/probe", "--deep"]));
        assert!(is(&["/bin/sh", "-c", "a"], &["/bin/sh", "-c", "a"]));
        assert!(!is(&["/probe"], &["CMD", "/probe", "--deep"]));
        assert!(!is(&["/bin/sh", "-c", "b"], &["CMD-SHELL", "a"]));
        assert!(!is(&["a"], &["NONE"]));
        assert!(!is(&[], &["CMD-SHELL", ""]));
        assert!(!is(&["a"], &[]));
    }
}
