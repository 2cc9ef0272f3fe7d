//! Figures and foreign text, made fit for people. Escaping for HTML, XML and Markdown is the renderers' own.

use super::class::Unit;

/// Text of the target made harmless for a terminal, a log file and a single line: control characters and those that
/// turn the direction of writing are shown as escapes (`\n`, `\u{1b}`).
pub fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        let turns = matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2028}' | '\u{2029}' | '\u{2066}'..='\u{2069}');
        if c.is_control() || turns {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    out
}

/// Cuts text after `max` characters and says so with an ellipsis.
pub fn shorten(text: &str, max: usize) -> String {
    if text.chars().count() <= max {
        return text.to_owned();
    }
    let mut out: String = text.chars().take(max.saturating_sub(1)).collect();
    out.push('…');
    out
}

/// A figure with at most one decimal below 10 and none above: `0.4`, `23`, `1024`.
pub fn figure(value: f64) -> String {
    let rounded = if value.abs() < 10.0 { (value * 10.0).round() / 10.0 } else { value.round() };
    // Adding zero turns a negative zero into a plain one.
    format!("{}", rounded + 0.0)
}

/// Bytes in binary units: `512 B`, `1.5 MiB`, `432 MiB`.
pub fn bytes(value: f64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut scaled = value;
    let mut unit = UNITS[0];
    for next in UNITS.iter().skip(1) {
        if scaled.abs() < 1024.0 {
            break;
        }
        scaled /= 1024.0;
        unit = next;
    }
    format!("{} {unit}", figure(scaled))
}

/// An amount in its unit: `23`, `432 MiB`.
pub fn amount(value: f64, unit: Unit) -> String {
    match unit {
        Unit::Count => figure(value),
        Unit::Bytes => bytes(value),
    }
}

/// A rate in its unit: `23/h`, `3.1 MiB/h`.
pub fn per_hour(value: f64, unit: Unit) -> String {
    format!("{}/h", amount(value, unit))
}

/// Seconds as people say them: `45 s`, `3 min`, `3 min 20 s`, `2 h`, `2 h 5 min`.
pub fn seconds(value: f64) -> String {
    if value < 10.0 && value.fract() > 0.0 {
        return format!("{} s", figure(value));
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a float cast saturates")]
    let whole = value.round() as u64;
    let (hours, minutes, seconds) = (whole / 3600, whole / 60 % 60, whole % 60);
    match (hours, minutes, seconds) {
        (0, 0, s) => format!("{s} s"),
        (0, m, 0) => format!("{m} min"),
        (0, m, s) => format!("{m} min {s} s"),
        (h, 0, _) => format!("{h} h"),
        (h, m, _) => format!("{h} h {m} min"),
    }
}

/// A word with its plural where it is needed: `1 step`, `2 steps`.
pub fn count(n: u64, word: &str) -> String {
    if n == 1 { format!("1 {word}") } else { format!("{n} {word}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_control_and_bidi_characters_as_escapes() {
        assert_eq!(printable("a\nb\x1b[31m\u{202e}c"), "a\\nb\\u{1b}[31m\\u{202e}c");
    }

    #[test]
    fn says_figures_as_people_do() {
        assert_eq!(figure(0.44), "0.4");
        assert_eq!(figure(-0.01), "0");
        assert_eq!(figure(1023.6), "1024");
        assert_eq!(bytes(1.5 * 1024.0 * 1024.0), "1.5 MiB");
        assert_eq!(seconds(200.0), "3 min 20 s");
        assert_eq!(seconds(0.8), "0.8 s");
    }
}
