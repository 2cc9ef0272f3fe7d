//! A watch as text of at most 80 columns. Pure.

use anstyle::{AnsiColor, Style};

use super::watch::Watched;
use super::{dead, handles, processes, target};
use crate::cli::layout::{painted, paragraph};
use crate::model::text::{self, count, seconds};
use crate::model::{ProbeMode, Reading, Unit};
use crate::probe::Graces;

pub(super) const BOLD: Style = Style::new().bold();
pub(super) const RED: Style = AnsiColor::Red.on_default();
pub(super) const YELLOW: Style = AnsiColor::Yellow.on_default();

/// How many processes, dead handles of a kind and gaps are listed.
pub(super) const LISTED: usize = 40;

/// What is shown.
#[derive(Debug)]
pub(super) struct View<'a> {
    /// What was watched, printable.
    pub(super) title: &'a str,
    pub(super) mode: ProbeMode,
    /// Why so and not in a better way; empty where there is no better one.
    pub(super) reason: &'a str,
    pub(super) graces: Graces,
    pub(super) watched: &'a Watched,
}

/// The whole page.
pub(super) fn render(view: &View<'_>) -> String {
    let last = &view.watched.last;
    let mut parts = vec![
        head(view),
        processes::section(last),
        handles::classes(last),
        dead::section(last, view.graces, view.watched.took),
        handles::changes(view.watched),
        target::section(last),
        target::gaps(&last.gaps),
        target::observer(last),
    ];
    parts.retain(|part| !part.is_empty());
    parts.join("\n")
}

fn head(view: &View<'_>) -> String {
    let how = match view.mode {
        ProbeMode::Host => "host: read from this machine's /proc",
        ProbeMode::Helper => "helper: read by a container of slowdrip in the target's namespaces",
        ProbeMode::Exec => "exec: read by commands in the target; descriptors of other users are only counted",
    };
    let why = if view.reason.is_empty() { String::new() } else { format!(" ({})", view.reason) };
    let looks = match view.watched.looks {
        1 => "one look".to_owned(),
        looks => format!(
            "{} in {}; the last one is shown",
            count(looks.into(), "look"),
            seconds(view.watched.took.as_secs_f64())
        ),
    };
    let title = painted(BOLD, &paragraph("", view.title));
    format!("{title}{}{}", paragraph("", &format!("{how}{why}")), paragraph("", &looks))
}

/// The heading of a section.
pub(super) fn heading(text: &str) -> String {
    painted(BOLD, text)
}

/// A reading, or a word for why there is none.
pub(super) fn shown<T>(reading: &Reading<T>, show: impl FnOnce(&T) -> String) -> String {
    match reading {
        Reading::Value(value) => show(value),
        Reading::Denied => "denied".to_owned(),
        Reading::Gone => "-".to_owned(),
        Reading::Malformed(_) => "?".to_owned(),
    }
}

/// `432 MiB`
pub(super) fn bytes(value: u64) -> String {
    text::amount(float(value), Unit::Bytes)
}

/// CPU time in few characters: `0.4 s`, `75 s`, `13 min`, `5 h`.
pub(super) fn cpu(us: u64) -> String {
    let s = float(us) / 1e6;
    match s {
        _ if s < 100.0 => format!("{} s", text::figure(s)),
        _ if s < 6000.0 => format!("{} min", text::figure(s / 60.0)),
        _ => format!("{} h", text::figure(s / 3600.0)),
    }
}

/// `12 %`, or nothing where the whole is nothing.
pub(super) fn share(part: u64, whole: u64) -> Option<String> {
    (whole > 0).then(|| format!("{} %", text::figure(100.0 * float(part) / float(whole))))
}

#[expect(clippy::cast_precision_loss, reason = "shown with two digits")]
pub(super) fn float(value: u64) -> f64 {
    value as f64
}

pub(super) fn number(value: usize) -> u64 {
    u64::try_from(value).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::super::testing;
    use super::*;
    use crate::cli::layout::assert_fits;

    fn page(last: crate::model::Snapshot, title: &str, reason: &str) -> String {
        let watched = Watched { looks: 7, took: Duration::from_secs(3), changes: testing::changes(), last };
        let view = View { title, mode: ProbeMode::Helper, reason, graces: Graces::default(), watched: &watched };
        assert_fits(&render(&view))
    }

    #[test]
    fn says_what_was_watched_how_and_why_so() {
        let text = page(testing::snapshot(), "container web (0123456789ab), pid 7", "no right to read here");
        assert!(text.starts_with("container web (0123456789ab), pid 7\nhelper: read by a container"), "{text}");
        assert!(text.contains("(no right to"), "{text}");
        assert!(text.contains("7 looks in 3 s; the last one is shown"), "{text}");
        for heading in ["Processes", "Descriptors", "Dead handles", "Came and went", "Target", "Not read"] {
            assert!(text.lines().any(|line| line.starts_with(heading)), "{heading}: {text}");
        }
    }

    #[test]
    fn figures_take_few_characters() {
        assert_eq!(cpu(400_000), "0.4 s");
        assert_eq!(cpu(780_000_000), "13 min");
        assert_eq!(cpu(18_000_000_000), "5 h");
        assert_eq!(share(1, 0), None);
        assert_eq!(share(930, 1024).as_deref(), Some("91 %"));
    }

    proptest! {
        #[test]
        fn fits_80_columns_whatever_the_target_calls_itself(name in any::<String>(), big in any::<u64>()) {
            page(testing::hostile(&name.repeat(20), big), &crate::model::text::printable(&name.repeat(9)), &name);
        }
    }
}
