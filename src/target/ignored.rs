//! `.dockerignore`: what of a build context is not sent.
//!
//! The rules are Docker's, not git's: a pattern is anchored at the context's root, `*` does not cross a slash, `**` does, a
//! pattern that matches a folder matches all below it, `!` makes an exception, and the last pattern that matches decides.

use std::path::Path;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

/// The rules of one `.dockerignore`.
#[derive(Debug, Clone)]
pub(super) struct Ignored {
    set: GlobSet,
    // For every pattern whether it is an exception.
    exceptions: Vec<bool>,
}

impl Ignored {
    /// Reads the rules.
    ///
    /// # Errors
    /// The pattern that is none, with the reason.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut builder = GlobSetBuilder::new();
        let mut exceptions = Vec::new();
        for line in text.trim_start_matches('\u{feff}').lines() {
            if line.starts_with('#') {
                continue;
            }
            let line = line.trim();
            let (exception, pattern) = match line.strip_prefix('!') {
                Some(rest) => (true, rest.trim()),
                None => (false, line),
            };
            let cleaned = clean(pattern);
            if cleaned.is_empty() {
                continue;
            }
            let glob = GlobBuilder::new(&cleaned)
                .literal_separator(true)
                .backslash_escape(true)
                .build()
                .map_err(|err| format!("the pattern `{line}` is not valid: {}", err.kind()))?;
            builder.add(glob);
            exceptions.push(exception);
        }
        let set = builder.build().map_err(|err| err.to_string())?;
        Ok(Self { set, exceptions })
    }

    /// True where a path (relative to the context) is left out.
    pub(super) fn excludes(&self, path: &Path) -> bool {
        let last = path
            .ancestors()
            .filter(|part| !part.as_os_str().is_empty())
            .filter_map(|part| self.set.matches(part).into_iter().max())
            .max();
        last.and_then(|index| self.exceptions.get(index)).is_some_and(|exception| !exception)
    }

    /// True where nothing below an excluded folder can be let in again, so that it need not be entered.
    pub(super) fn is_final(&self) -> bool {
        !self.exceptions.contains(&true)
    }
}

/// The pattern without what says nothing (`./`, `//`, `x/..`), its braces taken literally, as Go's matcher does.
fn clean(pattern: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in pattern.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/").replace('{', "[{]").replace('}', "[}]")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn excludes(rules: &str, path: &str) -> bool {
        Ignored::parse(rules).unwrap().excludes(Path::new(path))
    }

    #[test]
    fn a_pattern_is_anchored_at_the_root_and_a_star_stays_in_its_folder() {
        assert!(excludes("*.log", "a.log"));
        assert!(!excludes("*.log", "sub/a.log"));
        assert!(excludes("**/*.log", "sub/deep/a.log"));
        assert!(excludes("**/*.log", "a.log"));
        assert!(excludes("*/temp*", "sub/temporary"));
    }

    #[test]
    fn a_folder_takes_all_below_it_along_and_the_last_match_decides() {
        let rules = "/node_modules/\n!node_modules/keep/me.js\n";
        assert!(excludes(rules, "node_modules"));
        assert!(excludes(rules, "node_modules/deep/x.js"));
        assert!(!excludes(rules, "node_modules/keep/me.js"));
        assert!(excludes("*.md\n!README.md\nREADME.md", "README.md"));
        assert!(!Ignored::parse(rules).unwrap().is_final());
    }

    #[test]
    fn comments_blank_lines_dots_and_braces_are_read_as_docker_does() {
        assert!(!excludes("# *.log\n\n  \n", "a.log"));
        assert!(excludes("  ./a/../b  ", "b"));
        assert!(excludes("{a,b}", "{a,b}"));
        assert!(!excludes("{a,b}", "a"));
        assert!(!excludes(".", "anything"));
        assert!(excludes("**", "any/thing"));
        assert!(excludes("?.[^ch]", "x.o") && !excludes("?.[^ch]", "x.c"));
    }

    #[test]
    fn a_broken_pattern_is_named() {
        let err = Ignored::parse("ok\n[a-\n").unwrap_err();
        assert!(err.contains("`[a-`"), "{err}");
    }
}
