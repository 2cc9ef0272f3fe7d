//! Which of the engine's builders a Dockerfile needs: read by the rules of its parser, with nothing but the text.

use std::sync::LazyLock;

use regex::Regex;

static DIRECTIVE: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"^#\s*([a-zA-Z][a-zA-Z0-9]*)\s*=\s*(.+?)\s*$").ok());
static HEREDOC: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"^\d*<<(-?)([^<]+)$").ok());

/// The flags that the classic builder knows, of the instructions that have others with BuildKit.
const CLASSIC_FLAGS: [(&str, &[&str]); 2] = [("ADD", &["chown"]), ("COPY", &["chown", "from"])];
/// Arguments that BuildKit alone sets by itself.
const PLATFORM_ARGUMENTS: [&str; 8] = [
    "BUILDARCH",
    "BUILDOS",
    "BUILDPLATFORM",
    "BUILDVARIANT",
    "TARGETARCH",
    "TARGETOS",
    "TARGETPLATFORM",
    "TARGETVARIANT",
];

/// What in a Dockerfile only BuildKit can build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Need {
    /// The line it begins in, from 1.
    pub(super) line: usize,
    /// `RUN --mount`.
    pub(super) what: String,
}

/// The first thing in a Dockerfile that needs BuildKit. `None`: the classic builder can build it.
pub(super) fn needs_buildkit(text: &str) -> Option<Need> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let lines: Vec<&str> = text.lines().collect();
    let (syntax, escape) = directives(&lines);
    if syntax.is_some() {
        return syntax;
    }
    let mut at = 0;
    while let Some((instruction, next)) = instruction(&lines, at, escape) {
        let line = instruction.line;
        if let Some(what) = need(&instruction.text, lines.get(next..).unwrap_or_default(), escape) {
            return Some(Need { line, what });
        }
        at = next;
    }
    None
}

/// The `# syntax=` of the head, and the character that continues a line.
fn directives(lines: &[&str]) -> (Option<Need>, char) {
    let (mut syntax, mut escape) = (None, '\\');
    for (at, line) in lines.iter().enumerate() {
        // A program that the file itself can be run by.
        if at == 0 && line.starts_with("#!") {
            continue;
        }
        // The first line of another form ends the head.
        let Some(found) = DIRECTIVE.as_ref().and_then(|directive| directive.captures(line)) else { break };
        let value = found.get(2).map_or("", |value| value.as_str());
        match found.get(1).map(|key| key.as_str().to_ascii_lowercase()).as_deref() {
            Some("syntax") => {
                syntax.get_or_insert(Need { line: at + 1, what: format!("# syntax={value}") });
            }
            Some("escape") if value == "`" => escape = '`',
            Some(_) | None => {}
        }
    }
    (syntax, escape)
}

struct Instruction {
    line: usize,
    text: String,
}

/// The next instruction from a line on, its continued lines joined, and the number of the line after it.
fn instruction(lines: &[&str], from: usize, escape: char) -> Option<(Instruction, usize)> {
    let mut text = String::new();
    let mut begun = None;
    for (at, line) in lines.iter().enumerate().skip(from) {
        let bare = line.trim_start();
        // Comments and empty lines may stand between continued lines.
        if bare.starts_with('#') || bare.trim_end().is_empty() {
            continue;
        }
        let line_number = *begun.get_or_insert(at + 1);
        match continued(line, escape) {
            Some(part) => text.push_str(part),
            None => {
                text.push_str(line);
                return Some((Instruction { line: line_number, text }, at + 1));
            }
        }
    }
    begun.map(|line| (Instruction { line, text }, lines.len()))
}

/// The line without what continues it; `None` where it ends here. An escape that is itself escaped continues nothing.
fn continued(line: &str, escape: char) -> Option<&str> {
    let part = line.trim_end_matches([' ', '\t']).strip_suffix(escape)?;
    (!part.ends_with(escape)).then_some(part)
}

/// What of an instruction needs BuildKit; `below` are the lines after it.
fn need(text: &str, below: &[&str], escape: char) -> Option<String> {
    let (name, rest) = first_word(text);
    let name = name.to_ascii_uppercase();
    if name == "ONBUILD" {
        return need(rest, below, escape).map(|what| format!("ONBUILD {what}"));
    }
    let (flags, rest) = flags(rest);
    let known = CLASSIC_FLAGS.iter().find(|(of, _)| *of == name).map_or(&[][..], |(_, flags)| flags);
    if matches!(name.as_str(), "RUN" | "COPY" | "ADD") {
        if let Some(flag) = flags.iter().map(|flag| flag_name(flag)).find(|flag| !known.contains(flag)) {
            return Some(format!("{name} --{flag}"));
        }
        if let Some(end) = heredoc(rest, below, escape) {
            return Some(format!("{name} <<{end}"));
        }
    }
    match name.as_str() {
        "FROM" => {
            let names =
                |argument: &&str| text.contains(&format!("${argument}")) || text.contains(&format!("${{{argument}"));
            PLATFORM_ARGUMENTS.iter().find(|argument| names(argument)).map(|argument| format!("FROM … ${argument}"))
        }
        "ARG" => {
            // With a value of its own it means the same to both builders, where nothing else is set.
            let mut declared = rest.split_whitespace();
            declared.find(|word| PLATFORM_ARGUMENTS.contains(word)).map(|argument| format!("ARG {argument}"))
        }
        "ADD" => {
            let mut sources = rest.split_whitespace();
            let source = sources.find(|word| is_repository(word))?;
            Some(format!("ADD {source}"))
        }
        _ => None,
    }
}

/// `git@host:path`, `https://host/path.git#branch`.
fn is_repository(word: &str) -> bool {
    let path = word.split('#').next().unwrap_or(word);
    word.starts_with("git@")
        || word.starts_with("git://")
        || ((word.starts_with("https://") || word.starts_with("http://")) && path.ends_with(".git"))
}

fn first_word(text: &str) -> (&str, &str) {
    let text = text.trim_start();
    text.split_once(char::is_whitespace).map_or((text, ""), |(word, rest)| (word, rest.trim_start()))
}

/// The flags before an instruction's words, and the words.
fn flags(mut rest: &str) -> (Vec<&str>, &str) {
    let mut flags = Vec::new();
    loop {
        let (word, after) = first_word(rest);
        // Two dashes alone end the flags.
        if !word.starts_with("--") || word == "--" {
            return (flags, rest);
        }
        flags.push(word);
        rest = after;
    }
}

fn flag_name(flag: &str) -> &str {
    let name = flag.trim_start_matches('-');
    name.split_once('=').map_or(name, |(name, _)| name)
}

/// The end mark of the first heredoc of an instruction, if its end is among the lines below: one that never ends is none, but
/// may mean something to a shell.
fn heredoc(text: &str, below: &[&str], escape: char) -> Option<String> {
    // The form of a list runs no shell and reads no heredoc.
    if !text.contains("<<") || serde_json::from_str::<Vec<String>>(text).is_ok() {
        return None;
    }
    words(text, escape).into_iter().find_map(|word| {
        let found = HEREDOC.as_ref()?.captures(&word)?;
        let tabs = found.get(1).is_some_and(|dash| !dash.as_str().is_empty());
        let name: String = found.get(2)?.as_str().chars().filter(|c| !matches!(c, '"' | '\'')).collect();
        let ends = |line: &&str| if tabs { line.trim_start_matches('\t') == name } else { **line == name };
        (!name.is_empty() && below.iter().any(ends)).then_some(name)
    })
}

/// Words as a shell would cut them, quotes left in.
fn words(text: &str, escape: char) -> Vec<String> {
    let (mut words, mut word) = (Vec::new(), String::new());
    let mut quote = None;
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match quote {
            None if letter.is_whitespace() => {
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
                continue;
            }
            None if letter == '"' || letter == '\'' => quote = Some(letter),
            Some(open) if letter == open => quote = None,
            None | Some(_) => {}
        }
        word.push(letter);
        if letter == escape && quote != Some('\'') {
            word.extend(letters.next());
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn found(text: &str) -> Option<(usize, String)> {
        needs_buildkit(text).map(|need| (need.line, need.what))
    }

    fn needs(text: &str) -> String {
        found(text).unwrap_or_else(|| panic!("{text}")).1
    }

    #[test]
    fn a_plain_file_is_left_to_the_classic_builder() {
        for plain in [
            "",
            "FROM scratch\n",
            "FROM --platform=linux/amd64 debian AS base\nCOPY --from=base --chown=1:1 a b\nADD --chown=1 a b\n",
            "FROM x\nHEALTHCHECK --interval=5s --timeout=3s CMD curl --fail http://localhost\n",
            "FROM x\nRUN echo --mount=type=cache && apt-get --yes install curl\n",
            "FROM x\nRUN ls \\\n  --mount=no\n",
            "FROM x\n# RUN --mount=type=cache true\nRUN true\n",
            "FROM x\nRUN a && \\\n # RUN --mount=type=cache\n\n b\n",
            "FROM x\nENV TARGETARCH=amd64\nARG VERSION=1\nARG TARGETARCH=amd64\nRUN echo $TARGETARCH\n",
            "FROM x\nADD https://example.com/x.tar.gz /x\nADD git.tar /git\n",
            "FROM x\nCMD [\"--mount\"]\nLABEL a=\"<<EOF\"\n",
        ] {
            assert_eq!(found(plain), None, "{plain}");
        }
    }

    #[test]
    fn flags_that_only_buildkit_knows_are_found_whatever_the_spelling() {
        assert_eq!(found("FROM x\n\nrun --mount=type=cache,target=/c true\n"), Some((3, "RUN --mount".into())));
        assert_eq!(needs("FROM x\nRUN   --network=none true"), "RUN --network");
        assert_eq!(needs("FROM x\nRUN --security=insecure true"), "RUN --security");
        assert_eq!(needs("FROM x\nCOPY --link a b"), "COPY --link");
        assert_eq!(needs("FROM x\nCOPY --chown=1 --chmod=755 a b"), "COPY --chmod");
        assert_eq!(needs("FROM x\nCOPY --parents a b"), "COPY --parents");
        assert_eq!(needs("FROM x\nCOPY --exclude=*.md a b"), "COPY --exclude");
        assert_eq!(needs("FROM x\nADD --checksum=sha256:00 https://x/y z"), "ADD --checksum");
        assert_eq!(needs("FROM x\nADD https://example.com/x.git#v1 /x"), "ADD https://example.com/x.git#v1");
        assert_eq!(needs("FROM x\nONBUILD RUN --mount=type=cache true"), "ONBUILD RUN --mount");
        assert_eq!(needs("FROM x\nRUN \\\n # why\n --mount=type=cache true"), "RUN --mount");
    }

    #[test]
    fn platforms_that_only_buildkit_sets_are_found() {
        assert_eq!(needs("FROM --platform=$BUILDPLATFORM x"), "FROM … $BUILDPLATFORM");
        assert_eq!(needs("FROM app-${TARGETARCH}"), "FROM … $TARGETARCH");
        assert_eq!(needs("FROM x\nARG TARGETOS TARGETARCH\nRUN echo $TARGETARCH"), "ARG TARGETOS");
    }

    #[test]
    fn directives_count_at_the_head_only() {
        assert_eq!(found("# syntax=docker/dockerfile:1\nFROM x"), Some((1, "# syntax=docker/dockerfile:1".into())));
        assert_eq!(needs("#!/usr/bin/env x\n# escape=`\n#SYNTAX = a/b:1 \nFROM x"), "# syntax=a/b:1");
        assert_eq!(needs("\u{feff}# syntax=a\nFROM x"), "# syntax=a");
        assert_eq!(found("# a comment\n# syntax=docker/dockerfile:1\nFROM x"), None);
        assert_eq!(found("\n# syntax=docker/dockerfile:1\nFROM x"), None);
        assert_eq!(found("FROM x\n# syntax=docker/dockerfile:1\n"), None);
    }

    #[test]
    fn the_escape_directive_says_what_continues_a_line() {
        let windows = "# escape=`\nFROM x\nCOPY a c:\\\nRUN `\n --mount=type=cache true\n";
        assert_eq!(found(windows), Some((4, "RUN --mount".into())));
        // Here the path continues the line, and what looks like an instruction is part of it.
        assert_eq!(found("FROM x\nCOPY a c:\\\nRUN --mount=type=cache true\n"), None);
        assert_eq!(needs("FROM x\nRUN echo a\\\\\nRUN --mount=type=cache true\n"), "RUN --mount");
    }

    #[test]
    fn heredocs_are_found_and_what_only_looks_like_one_is_not() {
        assert_eq!(needs("FROM x\nRUN <<EOF\nFROM y\nEOF\n"), "RUN <<EOF");
        assert_eq!(needs("FROM x\nCOPY <<-\"END\" /x\n\tbody\n\tEND\n"), "COPY <<END");
        assert_eq!(needs("FROM x\nADD <<A <<B /x/\n1\nA\n2\nB\n"), "ADD <<A");
        assert_eq!(needs("FROM x\nRUN cat 3<<'E F' && true\nbody\nE F\n"), "RUN <<E F");
        assert_eq!(needs("FROM x\nRUN cat <<E > \\\n /x\nbody\nE\n"), "RUN <<E");
        for none in [
            "FROM x\nRUN echo \"<<EOF\"\nEOF\n",
            "FROM x\nRUN echo '<<EOF' '\nEOF\n",
            "FROM x\nRUN cat <<<EOF\nEOF\n",
            "FROM x\nRUN echo $((1 << 4))\n",
            "FROM x\nRUN echo $((1 <<4))\nENV a=1\n",
            "FROM x\nRUN [\"cat\", \"<<EOF\"]\nEOF\n",
            "FROM x\nENTRYPOINT cat <<EOF\nEOF\n",
            "FROM x\nRUN cat<<EOF\nEOF\n",
            "FROM x\nRUN cat <<EOF\n EOF\n",
        ] {
            assert_eq!(found(none), None, "{none}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_to_its_end(text in "(\\PC|\n|\\\\|<<|#|\"){0,200}") {
            let _any = needs_buildkit(&text);
        }

        #[test]
        fn what_needs_buildkit_is_found_at_its_line(before in proptest::collection::vec("(# [a-z=]{0,9}|RUN [a-z ]{1,9}|)", 0..9)) {
            let text = format!("FROM x\n{}\nRUN --mount=type=cache true\n", before.join("\n"));
            prop_assert_eq!(found(&text), Some((before.len().max(1) + 2, "RUN --mount".to_owned())));
        }
    }
}
