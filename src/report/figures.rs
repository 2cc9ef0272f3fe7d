//! Figures as pages write them, read back so that a table can be sorted by them.

/// What a cell is sorted by where its text is more than a plain number: bytes, seconds, or the number itself. Empty where the text
/// is no figure, and where it is a plain number, which needs no help.
pub(crate) fn sort_key(said: &str) -> String {
    let text = said.trim();
    if text.parse::<f64>().is_ok() {
        return String::new();
    }
    value(text).filter(|value| value.is_finite()).map_or_else(String::new, |value| format!("{value}"))
}

/// The first figure of a text with its unit. An hour in parts, `1 h 5 min`, and a clock, `1:02:03`, count in seconds.
fn value(text: &str) -> Option<f64> {
    if let Some(seconds) = clock(text) {
        return Some(seconds);
    }
    // `3 → 142` is about what it became, `< 3` and `≥ 3` about the figure.
    let text = text.rsplit('→').next().unwrap_or(text).trim_start_matches([' ', '<', '>', '≤', '≥', '~', '+', '±']);
    let end = text.find(|c: char| !matches!(c, '0'..='9' | '.' | '-')).unwrap_or(text.len());
    let (number, rest) = text.split_at_checked(end)?;
    let number: f64 = number.parse().ok()?;
    // A digest may begin with a digit, too: what follows a figure stands apart from it.
    if !matches!(rest.chars().next(), None | Some(' ' | '\u{a0}' | '\u{202f}' | '/' | ',' | '%')) {
        return None;
    }
    let rest = rest.trim_start_matches([' ', '\u{a0}', '\u{202f}']);
    let end = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
    let (unit, rest) = rest.split_at_checked(end)?;
    let factor = match unit {
        "KiB" => 1024.0,
        "MiB" => 1_048_576.0,
        "GiB" => 1_073_741_824.0,
        "TiB" => 1_099_511_627_776.0,
        "ms" => 1e-3,
        "µs" => 1e-6,
        "min" => 60.0,
        "h" => 3600.0,
        "d" | "day" | "days" => 86_400.0,
        _ => 1.0,
    };
    // `2 min 5 s`: smaller parts follow.
    let part = if matches!(unit, "d" | "h" | "min") { value(rest).filter(|_| rest.starts_with(' ')) } else { None };
    Some(number * factor + part.unwrap_or(0.0))
}

/// `4:05`, `1:02:03`, `-0:12`.
fn clock(text: &str) -> Option<f64> {
    let (sign, text) = text.strip_prefix('-').map_or((1.0, text), |text| (-1.0, text));
    let parts: Vec<&str> = text.split(':').collect();
    if !(2..=3).contains(&parts.len()) {
        return None;
    }
    let seconds = parts.iter().try_fold(0.0, |sum, part| {
        let digits = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| part.parse::<f64>().ok()).flatten().map(|part| sum * 60.0 + part)
    });
    seconds.map(|seconds| sign * seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_with_units_are_read_back() {
        let cases = [
            ("1.5 MiB", "1572864"),
            ("-1.5 KiB", "-1536"),
            ("3.1 KiB/h", "3174.4"),
            ("23/h", "23"),
            ("98 %", "98"),
            ("2 min 5 s", "125"),
            ("1 h 5 min", "3900"),
            ("2.5 s", "2.5"),
            ("4:05", "245"),
            ("1:02:03", "3723"),
            ("-0:12", "-12"),
            ("+3 KiB", "3072"),
            ("1 → 142 MiB", "148897792"),
            ("< 7/h", "7"),
            ("2, 1 zombie", "2"),
        ];
        for (text, key) in cases {
            assert_eq!(sort_key(text), key, "{text}");
        }
    }

    #[test]
    fn plain_numbers_need_no_key_and_other_texts_have_none() {
        for text in [
            "",
            "23",
            "-1.5",
            "–",
            "not read",
            "denied",
            "fd.total",
            "a:b",
            "12:",
            "1:2:3:4",
            "5d41402a",
            "7e1c",
            "\u{202e}5",
        ] {
            assert_eq!(sort_key(text), "", "{text:?}");
        }
    }
}
