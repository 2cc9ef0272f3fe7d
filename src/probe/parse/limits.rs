//! `/proc/PID/limits`, see proc_pid_limits(5).

/// The soft limit of open descriptors in `/proc/PID/limits`; `None`: unlimited.
///
/// # Errors
/// The line is missing, or no number.
pub fn nofile(text: &[u8]) -> Result<Option<u64>, String> {
    let text = String::from_utf8_lossy(text);
    let line = text.lines().find_map(|line| line.strip_prefix("Max open files")).ok_or("limits has no open files")?;
    let soft = line.split_ascii_whitespace().next().ok_or("limits: no figure for open files")?;
    if soft == "unlimited" {
        return Ok(None);
    }
    soft.parse().map(Some).map_err(|e| format!("limits: open files `{}`: {e}", soft.escape_debug()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_limit_of_open_files() {
        let text = b"Limit                     Soft Limit           Hard Limit           Units     \n\
            Max open files            1024                 524288               files     \n";
        assert_eq!(nofile(text), Ok(Some(1024)));
        assert_eq!(nofile(b"Max open files            unlimited            unlimited            files\n"), Ok(None));
        assert!(nofile(b"Max processes 5 5\n").is_err());
    }
}
