//! Durations and sizes as people write them: `1h30m`, `4GiB`. The command line reads its flags with the same functions.

use std::time::Duration;

use jiff::fmt::friendly::SpanParser;

/// Longer than any night; keeps sums of times far from overflow.
const LONGEST: Duration = Duration::from_secs(31 * 24 * 3600);
const BYTES: [(&str, u64); 9] = [
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
    ("kB", 1_000),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
];

/// Why a text is no quantity, and what to write.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem}; {help}")]
pub struct QuantityError {
    /// What is wrong, a lowercase fragment.
    pub problem: String,
    /// What to write.
    pub help: String,
}

fn refused<T>(problem: impl Into<String>, help: impl Into<String>) -> Result<T, QuantityError> {
    Err(QuantityError { problem: problem.into(), help: help.into() })
}

/// The units of sizes.
pub(super) fn units() -> impl Iterator<Item = &'static str> {
    BYTES.iter().map(|(name, _)| *name)
}

/// Reads a duration of at least a millisecond: `90s`, `25m`, `1h30m`.
///
/// # Errors
/// It is none, or not above zero, or has units of the calendar.
pub fn duration(text: &str) -> Result<Duration, QuantityError> {
    match duration_or_zero(text)? {
        Duration::ZERO => refused("a duration of zero", "write one that is longer, for example `5s`"),
        short if short < Duration::from_millis(1) => {
            refused(format!("`{text}` is too short"), "the shortest duration is `1ms`")
        }
        duration => Ok(duration),
    }
}

/// Reads a duration, zero allowed.
///
/// # Errors
/// It is none, or negative, or has units of the calendar.
pub fn duration_or_zero(text: &str) -> Result<Duration, QuantityError> {
    let text = text.trim();
    if text.is_empty() {
        return refused("no duration", "write one, for example `30m`");
    }
    if let Some(positive) = text.strip_prefix('-') {
        return refused(format!("a negative duration, `{text}`"), format!("did you mean `{}`?", positive.trim()));
    }
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    if text.parse::<f64>().is_ok() {
        return refused(format!("`{text}` has no unit"), format!("did you mean `{text}s` or `{text}m`?"));
    }
    let help = "write hours, minutes and seconds, for example `90s`, `25m` or `1h30m`";
    if text.contains(':') || text.starts_with('P') || text.starts_with('p') {
        return refused(format!("`{text}` is not a duration"), help);
    }
    let signed = match SpanParser::new().parse_duration(text) {
        Ok(signed) => signed,
        Err(_) => {
            // What the parser takes as a span and not as a duration has days, weeks, months or years.
            return match SpanParser::new().parse_span(text) {
                Ok(_) => refused(format!("`{text}` counts in days or longer"), "write hours, for example `24h`"),
                Err(_) => refused(format!("`{text}` is not a duration"), help),
            };
        }
    };
    match Duration::try_from(signed) {
        Err(_) => refused(format!("a negative duration, `{text}`"), help),
        Ok(long) if long > LONGEST => {
            refused(format!("`{text}` is too long"), format!("the longest duration is `{}h`", LONGEST.as_secs() / 3600))
        }
        Ok(duration) => Ok(duration),
    }
}

/// A duration as it is written in files: `1h 30m`, `200ms`. [`duration_or_zero`] reads it back.
pub fn written(duration: Duration) -> String {
    let signed = jiff::SignedDuration::try_from(duration).unwrap_or(jiff::SignedDuration::MAX);
    format!("{signed:#}")
}

/// Reads a size in bytes: `4GiB`, `512MB`, `1048576`.
///
/// # Errors
/// It is none, or too large to be one.
pub fn size(text: &str) -> Result<u64, QuantityError> {
    let text = text.trim();
    let help = "write bytes, or a number with `KiB`, `MiB`, `GiB`, `kB`, `MB` or `GB`, for example `512MiB`";
    if let Some(positive) = text.strip_prefix('-') {
        return refused(format!("a negative size, `{text}`"), format!("did you mean `{}`?", positive.trim()));
    }
    let split = text.find(|c: char| !c.is_ascii_digit() && c != '.' && c != '_').unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let unit = unit.trim_start();
    let factor = match unit {
        "" | "B" => 1,
        _ => match BYTES.iter().find(|(name, _)| *name == unit) {
            Some((_, factor)) => *factor,
            None => {
                let Some(first) = unit.chars().next().filter(|c| "kmgtKMGT".contains(*c)) else {
                    return refused(format!("`{text}` is not a size"), help);
                };
                let first = first.to_ascii_uppercase();
                let decimal = if first == 'K' { 'k' } else { first };
                return refused(
                    format!("`{text}` has no unit that is known"),
                    format!("did you mean `{number}{first}iB` (1024) or `{number}{decimal}B` (1000)?"),
                );
            }
        },
    };
    let digits = number.replace('_', "");
    // Whole numbers do not pass through a float, which would round the large ones.
    if let Ok(whole) = digits.parse::<u64>() {
        return whole
            .checked_mul(factor)
            .filter(|bytes| *bytes <= 1 << 60)
            .map_or_else(|| refused(format!("`{text}` is too large"), "the largest size is `1048576TiB`"), Ok);
    }
    match digits.parse::<f64>() {
        #[expect(clippy::cast_precision_loss, reason = "factors are powers far below 2^53")]
        Ok(fraction) if fraction.is_finite() && fraction * (factor as f64) <= 1e18 =>
        {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bounded above, digits only")]
            Ok((fraction * (factor as f64)).round() as u64)
        }
        Ok(_) => refused(format!("`{text}` is too large"), "the largest size is `1048576TiB`"),
        Err(_) => refused(format!("`{text}` is not a size"), help),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn problem<T: std::fmt::Debug>(result: Result<T, QuantityError>) -> String {
        result.unwrap_err().to_string()
    }

    #[test]
    fn reads_durations_as_people_write_them() {
        assert_eq!(duration("25m"), Ok(Duration::from_secs(1500)));
        assert_eq!(duration("1h30m"), Ok(Duration::from_secs(5400)));
        assert_eq!(duration("1h 30m"), Ok(Duration::from_secs(5400)));
        assert_eq!(duration("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("200ms"), Ok(Duration::from_millis(200)));
        assert_eq!(duration("2 minutes"), Ok(Duration::from_secs(120)));
        assert_eq!(duration_or_zero("0s"), Ok(Duration::ZERO));
        assert_eq!(duration_or_zero("0"), Ok(Duration::ZERO));
    }

    #[test]
    fn writes_durations_as_people_do() {
        let shown = [5400, 90, 0].map(|seconds| written(Duration::from_secs(seconds)));
        assert_eq!(shown, ["1h 30m", "1m 30s", "0s"]);
        assert_eq!(written(Duration::from_millis(50)), "50ms");
    }

    #[test]
    fn refuses_durations_that_are_none() {
        assert_eq!(problem(duration("-5m")), "a negative duration, `-5m`; did you mean `5m`?");
        assert_eq!(problem(duration("0m")), "a duration of zero; write one that is longer, for example `5s`");
        assert_eq!(problem(duration("30")), "`30` has no unit; did you mean `30s` or `30m`?");
        assert_eq!(problem(duration("1d")), "`1d` counts in days or longer; write hours, for example `24h`");
        assert_eq!(problem(duration("1us")), "`1us` is too short; the shortest duration is `1ms`");
        assert_eq!(problem(duration("745h")), "`745h` is too long; the longest duration is `744h`");
        let help = "write hours, minutes and seconds, for example `90s`, `25m` or `1h30m`";
        assert_eq!(problem(duration("soon")), format!("`soon` is not a duration; {help}"));
        assert_eq!(problem(duration("1:30")), format!("`1:30` is not a duration; {help}"));
        assert_eq!(problem(duration("PT5M")), format!("`PT5M` is not a duration; {help}"));
        assert_eq!(problem(duration("5m ago")), format!("a negative duration, `5m ago`; {help}"));
        assert_eq!(problem(duration("NaN")), "`NaN` has no unit; did you mean `NaNs` or `NaNm`?");
    }

    #[test]
    fn reads_sizes_in_both_families_of_units() {
        assert_eq!(size("4GiB"), Ok(4 << 30));
        assert_eq!(size("512MB"), Ok(512_000_000));
        assert_eq!(size("1.5 KiB"), Ok(1536));
        assert_eq!(size("1_048_576"), Ok(1 << 20));
        assert_eq!(size("0"), Ok(0));
    }

    #[test]
    fn refuses_sizes_that_are_none() {
        assert_eq!(problem(size("4g")), "`4g` has no unit that is known; did you mean `4GiB` (1024) or `4GB` (1000)?");
        assert_eq!(problem(size("-1MiB")), "a negative size, `-1MiB`; did you mean `1MiB`?");
        assert_eq!(problem(size("99999999TiB")), "`99999999TiB` is too large; the largest size is `1048576TiB`");
        for none in ["", "GiB", "much", "1.2.3", ".", "inf", "NaN", "1e3"] {
            assert!(size(none).is_err(), "{none}");
        }
    }

    proptest! {
        #[test]
        fn every_duration_in_seconds_reads_back(seconds in 1u64..=LONGEST.as_secs()) {
            let parts = format!("{}h{}m{}s", seconds / 3600, seconds / 60 % 60, seconds % 60);
            prop_assert_eq!(duration(&format!("{seconds}s")), Ok(Duration::from_secs(seconds)));
            prop_assert_eq!(duration(&parts), Ok(Duration::from_secs(seconds)));
        }

        #[test]
        fn every_duration_reads_back_as_it_is_written(millis in 1u64..=744 * 3600 * 1000) {
            let duration = Duration::from_millis(millis);
            prop_assert_eq!(super::duration(&written(duration)), Ok(duration));
        }

        #[test]
        fn every_size_reads_back(count in 0u64..1 << 20, unit in 0..BYTES.len()) {
            let (name, factor) = BYTES[unit];
            prop_assert_eq!(size(&format!("{count}{name}")), Ok(count * factor));
            prop_assert_eq!(size(&count.to_string()), Ok(count));
        }

        #[test]
        fn no_text_makes_them_panic(text in "\\PC{0,40}|[-+0-9.eEhmsKMGiBd_ ]{0,20}") {
            let _ = duration(&text);
            let _ = duration_or_zero(&text);
            let _ = size(&text);
        }
    }
}
