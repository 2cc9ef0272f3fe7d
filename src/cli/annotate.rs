//! Annotations for a forge that runs slowdrip: printed where it reads them, beside the report.

use clap::{Args, ValueEnum};

use super::console;
use crate::model::StoredNight;
use crate::report;

#[derive(Debug, Clone, Copy, Args)]
pub(super) struct AnnotationArgs {
    /// Whether the worst ten findings are printed as annotations of GitHub Actions.
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = When::Auto)]
    annotations: When,
}

/// When annotations are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum When {
    /// Within GitHub Actions: where `GITHUB_ACTIONS` is `true`.
    Auto,
    /// Everywhere.
    Always,
    /// Nowhere.
    Never,
}

impl AnnotationArgs {
    /// Whether they are wanted here.
    pub(super) fn wanted(self) -> bool {
        self.annotations.holds(std::env::var("GITHUB_ACTIONS").ok().as_deref())
    }
}

impl When {
    /// `actions` is the value of `GITHUB_ACTIONS`.
    fn holds(self, actions: Option<&str>) -> bool {
        match self {
            Self::Auto => actions == Some("true"),
            Self::Always => true,
            Self::Never => false,
        }
    }
}

/// Prints the annotations of a night to standard output, where workflow commands are read.
pub(super) fn print(night: &StoredNight) {
    for line in report::annotations(night) {
        console::command(&line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_printed_within_actions_or_where_asked_for() {
        assert!(When::Auto.holds(Some("true")));
        assert!(!When::Auto.holds(None) && !When::Auto.holds(Some("false")) && !When::Auto.holds(Some("")));
        assert!(When::Always.holds(None) && !When::Never.holds(Some("true")));
    }
}
