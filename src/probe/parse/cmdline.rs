//! `/proc/PID/cmdline` and the names of threads.

/// The command line: arguments as they are.
pub fn arguments(text: &[u8]) -> Vec<&[u8]> {
    let end = text.iter().rposition(|&b| b != 0).map_or(0, |last| last + 1);
    let text = text.get(..end).unwrap_or_default();
    if text.is_empty() { Vec::new() } else { text.split(|&b| b == 0).collect() }
}

/// A name with every run of digits made one `*`, so that the threads of a pool share it: `worker-12` is `worker-*`.
pub fn collapsed(name: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(name.len());
    let mut in_number = false;
    for byte in name {
        if !byte.is_ascii_digit() {
            out.push(*byte);
        } else if !in_number {
            out.push(b'*');
        }
        in_number = byte.is_ascii_digit();
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn splits_command_lines() {
        assert_eq!(arguments(b"sh\0-c\0a b\0"), [&b"sh"[..], b"-c", b"a b"]);
        assert_eq!(arguments(b"nginx: master process\0\0\0"), [&b"nginx: master process"[..]]);
        assert!(arguments(b"").is_empty());
        assert!(arguments(b"\0\0").is_empty());
    }

    #[test]
    fn collapses_every_number_of_a_name() {
        assert_eq!(collapsed(b"worker-12"), b"worker-*");
        assert_eq!(collapsed(b"1:2-33x"), b"*:*-*x");
        assert_eq!(collapsed(b"\xff\n"), b"\xff\n");
    }

    proptest! {
        #[test]
        fn arguments_read_back_what_was_written(words in proptest::collection::vec("[a-z =/\n]{1,8}", 1..6)) {
            let text: String = words.iter().map(|word| format!("{word}\0")).collect();
            let read: Vec<&[u8]> = arguments(text.as_bytes());
            prop_assert_eq!(read, words.iter().map(String::as_bytes).collect::<Vec<_>>());
        }
    }
}
