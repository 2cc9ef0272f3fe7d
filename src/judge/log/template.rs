//! What a line of a log is but for its numbers.

/// How much of a line counts, characters: what comes later makes no difference.
const COUNTED: usize = 300;
/// A word of letters and digits from this length on is an identifier, whatever its letters.
const LONG_WORD: usize = 16;
/// What stands for a number.
const NUMBER: char = '#';

/// A line with everything that differs from one occurrence to the next replaced: numbers, times, addresses, hexadecimal and
/// other identifiers. What is left of equal messages is equal. Digits and letters are those of ASCII.
pub(super) fn template(line: &str) -> String {
    let mut rest = match line.char_indices().nth(COUNTED) {
        Some((end, _)) => line.get(..end).unwrap_or(line),
        None => line,
    };
    let mut out = String::with_capacity(rest.len());
    while !rest.is_empty() {
        let begin = rest.bytes().position(|byte| byte.is_ascii_alphanumeric()).unwrap_or(rest.len());
        let (between, words) = rest.split_at_checked(begin).unwrap_or((rest, ""));
        out.push_str(between);
        let uuid = uuid(words);
        let end = uuid.or_else(|| words.bytes().position(|byte| !byte.is_ascii_alphanumeric())).unwrap_or(words.len());
        let (word, after) = words.split_at_checked(end).unwrap_or((words, ""));
        if uuid.is_some() || is_identifier(word) {
            push_number(&mut out);
        } else {
            push_word(&mut out, word);
        }
        rest = after;
    }
    out
}

/// The length of a UUID at the beginning of a text, see RFC 9562, section 4.
fn uuid(text: &str) -> Option<usize> {
    const GROUPS: [usize; 5] = [8, 4, 4, 4, 12];
    if text.as_bytes().get(8) != Some(&b'-') {
        return None;
    }
    let mut at = 0;
    for (place, length) in GROUPS.iter().enumerate() {
        if place > 0 {
            text.get(at..)?.strip_prefix('-')?;
            at += 1;
        }
        text.get(at..at + length).filter(|group| group.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
        at += length;
    }
    let ends = text.as_bytes().get(at).is_none_or(|next| !next.is_ascii_alphanumeric());
    ends.then_some(at)
}

/// A number, a hexadecimal one, or a long word with many digits.
fn is_identifier(word: &str) -> bool {
    let digits = word.bytes().filter(u8::is_ascii_digit).count();
    let hex = word.strip_prefix("0x").unwrap_or(word);
    digits > 0 && (hex.bytes().all(|byte| byte.is_ascii_hexdigit()) || digits >= 3 && word.len() >= LONG_WORD)
}

/// A word with the numbers in it replaced: `worker3`, `22T02`.
fn push_word(out: &mut String, word: &str) {
    let mut rest = word;
    while let Some(at) = rest.bytes().position(|byte| byte.is_ascii_digit()) {
        out.push_str(rest.get(..at).unwrap_or_default());
        push_number(out);
        rest = rest.get(at..).unwrap_or_default().trim_start_matches(|c: char| c.is_ascii_digit());
    }
    out.push_str(rest);
}

/// Numbers that are joined are one: `1.5`, `10.0.0.7:443`, `2026-11-22`.
fn push_number(out: &mut String) {
    let before = out.strip_suffix(['.', ',', ':', '-', '/', '_']).filter(|before| before.ends_with(NUMBER));
    match before.map(str::len) {
        Some(length) => out.truncate(length),
        None if out.ends_with(NUMBER) => {}
        None => out.push(NUMBER),
    }
}

#[cfg(test)]
mod tests {
    use super::template;

    #[test]
    fn lines_are_equal_but_for_their_numbers() {
        for (one, other) in [
            ("2026-11-22T02:00:05.123Z retry 3 in 1.5 s", "2026-11-23T14:10:59.004Z retry 12 in 20 s"),
            ("GET http://10.0.0.7:8080/a -> 503", "GET http://10.0.0.31:8081/a -> 500"),
            ("lost 550e8400-e29b-41d4-a716-446655440000", "lost aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"),
            ("object at 0x7f3a2c", "object at 0x55d0e4b1"),
            ("worker3: fd 17", "worker12: fd 9"),
            ("token aB3dE5gH7jK9mN1p gone", "token zZ9yY8xX7wW6vV5u gone"),
            ("[12:00:01,250] tick", "[12:00:02,7] tick"),
        ] {
            assert_eq!(template(one), template(other), "{one} / {other}");
        }
    }

    #[test]
    fn words_make_a_difference() {
        assert_ne!(template("opened 3 files"), template("closed 3 files"));
        assert_eq!(template("connection refused by cafe"), "connection refused by cafe");
        assert_eq!(template("worker3 of 4: ٣ left"), "worker# of #: ٣ left");
    }

    #[test]
    fn what_is_no_text_is_read_to_its_end() {
        for line in ["", "\0\0", "\u{202e}1\u{1b}[31m", "é1é", "0x", "-", "1-", "\u{1F9A6}7\u{1F9A6}"] {
            template(line);
        }
        assert_eq!(template(&"a ".repeat(10_000)).len(), 300);
    }
}
