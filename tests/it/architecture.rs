//! Holds the sources against the import table of `docs/architecture.md`, which is the one place where the table is kept.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The most lines that a source file may have.
const MAX_LINES: usize = 450;

/// Files that may be longer: path, lines, why.
const LONGER: &[(&str, usize, &str)] = &[];

/// What a pure module may not name, as the root of a path.
const IMPURE_CRATES: &[&str] = &["tokio", "reqwest", "bollard"];

/// What a pure module may not name below `std`.
const IMPURE_STD: &[&str] = &["fs", "env", "net", "process"];

/// What stands below `std::net` and is a value all the same.
const ADDRESSES: &[&str] =
    &["AddrParseError", "IpAddr", "Ipv4Addr", "Ipv6Addr", "SocketAddr", "SocketAddrV4", "SocketAddrV6"];

/// A row of the import table.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Row {
    imports: BTreeSet<String>,
    /// `None`: not pure; else the files of the module that need not be.
    pure_but: Option<BTreeSet<String>>,
}

type Table = BTreeMap<String, Row>;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The words in backticks of a cell.
fn quoted(cell: &str) -> BTreeSet<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// Reads the table below the heading "Who may import whom".
fn table(document: &str) -> Result<Table, String> {
    let lines = document.lines().skip_while(|line| *line != "## Who may import whom");
    let cells: Vec<Vec<&str>> = lines
        .skip_while(|line| !line.starts_with('|'))
        .take_while(|line| line.starts_with('|'))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .collect();
    let mut rows = cells.iter();
    if rows.next().is_none_or(|head| !head.starts_with(&["Module", "May import", "Pure"])) {
        return Err("there is no table `| Module | May import | Pure | …` below `## Who may import whom`".to_owned());
    }
    let rows: Vec<_> = rows.skip(1).collect();
    let names: BTreeSet<String> = rows.iter().filter_map(|row| row.first()).flat_map(|cell| quoted(cell)).collect();
    let mut table = Table::new();
    for row in rows {
        let [name, imports, pure, ..] = row.as_slice() else { return Err(format!("a row is too short: {row:?}")) };
        let name = name.trim_matches('`').to_owned();
        let named = quoted(imports);
        if let Some(unknown) = named.iter().find(|import| !names.contains(*import)) {
            return Err(format!("the row of `{name}` names `{unknown}`, which has no row of its own"));
        }
        let imports = match imports.split_whitespace().next() {
            // The binary is nobody's to import.
            Some("all") => names.iter().filter(|name| *name != "main" && !named.contains(*name)).cloned().collect(),
            Some("nothing") => BTreeSet::new(),
            _ => named,
        };
        let pure_but = pure.starts_with("yes").then(|| quoted(pure));
        if table.insert(name.clone(), Row { imports, pure_but }).is_some() {
            return Err(format!("`{name}` has two rows"));
        }
    }
    Ok(table)
}

/// An identifier, a `::` or any other single character that is not blank.
#[derive(Debug)]
struct Token {
    text: String,
    line: usize,
    /// Part of an item under `#[cfg(test)]`.
    test: bool,
}

/// Cuts Rust source into tokens. Comments, strings, characters and lifetimes are left out: nothing in them is a path.
fn tokens(source: &str) -> Vec<Token> {
    let mut out = Vec::new();
    let mut rest = source;
    let mut line = 1;
    while let Some(c) = rest.chars().next() {
        let word = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        let (taken, keep) = if let Some(raw) = raw_string(rest) {
            (raw, false)
        } else if rest.starts_with("//") {
            (rest.find('\n').unwrap_or(rest.len()), false)
        } else if rest.starts_with("/*") {
            (block_comment(rest), false)
        } else if c == '"' {
            (string(rest), false)
        } else if c == '\'' {
            (character_or_lifetime(rest), false)
        } else if word > 0 {
            (word, true)
        } else if rest.starts_with("::") {
            (2, true)
        } else {
            (c.len_utf8(), !c.is_whitespace())
        };
        let (text, after) = rest.split_at(taken);
        if keep {
            out.push(Token { text: text.to_owned(), line, test: false });
        }
        line += text.matches('\n').count();
        rest = after;
    }
    mark_tests(&mut out);
    out
}

/// The length of a raw string at the start of the text, `r#"…"#` with or without `b` or `c` before it.
fn raw_string(text: &str) -> Option<usize> {
    let opened = text.trim_start_matches(['b', 'c']).strip_prefix('r')?;
    let hashes = opened.len() - opened.trim_start_matches('#').len();
    let body = opened.trim_start_matches('#').strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    Some(text.len() - body.len() + body.find(&end).map_or(body.len(), |at| at + end.len()))
}

fn block_comment(text: &str) -> usize {
    let mut depth = 0_usize;
    for (at, _) in text.char_indices() {
        let here = text.get(at..).unwrap_or_default();
        let before = at.checked_sub(1).and_then(|before| text.get(before..)).unwrap_or_default();
        if here.starts_with("/*") && !before.starts_with("*/*") {
            depth += 1;
        } else if here.starts_with("*/") && !before.starts_with("/*/") {
            depth -= 1;
            if depth == 0 {
                return at + 2;
            }
        }
    }
    text.len()
}

fn string(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            '"' if !escaped => return at + 1,
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    text.len()
}

fn character_or_lifetime(text: &str) -> usize {
    let mut chars = text.char_indices().skip(1);
    match (chars.next(), chars.next()) {
        // After a backslash at least one character follows that is not the closing quote.
        (Some((_, '\\')), Some((at, c))) => {
            let from = at + c.len_utf8();
            text.get(from..).and_then(|rest| rest.find('\'')).map_or(text.len(), |end| from + end + 1)
        }
        (Some(_), Some((at, '\''))) => at + 1,
        (Some((at, _)), _) => {
            at + text
                .get(at..)
                .map_or(0, |rest| rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len()))
        }
        (None, _) => text.len(),
    }
}

/// Marks every item under `#[cfg(test)]`: up to its closing brace, or its semicolon where it has none.
fn mark_tests(tokens: &mut [Token]) {
    const ATTRIBUTE: [&str; 7] = ["#", "[", "cfg", "(", "test", ")", "]"];
    let starts: Vec<usize> = tokens
        .windows(ATTRIBUTE.len())
        .enumerate()
        .filter(|(_, window)| window.iter().map(|token| token.text.as_str()).eq(ATTRIBUTE))
        .map(|(at, _)| at)
        .collect();
    for start in starts {
        let mut depth = 0_usize;
        for token in tokens.iter_mut().skip(start + ATTRIBUTE.len()) {
            token.test = true;
            match token.text.as_str() {
                "{" => depth += 1,
                "}" if depth == 1 => break,
                "}" => depth = depth.saturating_sub(1),
                ";" if depth == 0 => break,
                _ => {}
            }
        }
    }
}

/// The names that stand right after the path separator at `at`: one, or those of a group.
fn heads(tokens: &[Token], at: usize) -> Vec<(usize, &Token)> {
    let mut rest = tokens.iter().enumerate().skip(at);
    let Some((first, token)) = rest.next() else { return Vec::new() };
    if token.text != "{" {
        return vec![(first, token)];
    }
    let (mut depth, mut expected, mut out) = (1_usize, true, Vec::new());
    for (at, token) in rest {
        match token.text.as_str() {
            "{" => depth += 1,
            "}" => depth -= 1,
            "," if depth == 1 => expected = true,
            _ if expected => {
                expected = false;
                out.push((at, token));
            }
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    out
}

fn is(tokens: &[Token], at: usize, text: &str) -> bool {
    tokens.get(at).is_some_and(|token| token.text == text)
}

/// What a file names at the root of its crate: the name and its line. `depth` is how far below the root the file's module is.
fn crate_heads<'a>(tokens: &'a [Token], depth: usize, crate_name: &str) -> Vec<&'a Token> {
    let mut out = Vec::new();
    let mut braces = 0_usize;
    // Brace depths at which an inline module began.
    let mut inline: Vec<usize> = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        match token.text.as_str() {
            "{" => braces += 1,
            "}" => {
                braces = braces.saturating_sub(1);
                inline.pop_if(|began| *began == braces);
            }
            "mod" if is(tokens, at + 2, "{") => inline.push(braces),
            "super" if at == 0 || !is(tokens, at - 1, "::") => {
                let mut ups = 1;
                while is(tokens, at + 2 * ups - 1, "::") && is(tokens, at + 2 * ups, "super") {
                    ups += 1;
                }
                if ups >= depth + inline.len() && is(tokens, at + 2 * ups - 1, "::") {
                    out.extend(heads(tokens, at + 2 * ups).into_iter().map(|(_, head)| head));
                }
            }
            text if text == crate_name && is(tokens, at + 1, "::") => {
                out.extend(heads(tokens, at + 2).into_iter().map(|(_, head)| head));
            }
            _ => {}
        }
    }
    out
}

/// What a pure file must not name outside its tests: the name and its line.
fn impurities(tokens: &[Token]) -> Vec<(String, usize)> {
    let mut out = Vec::new();
    for (at, token) in tokens.iter().enumerate().filter(|(_, token)| !token.test) {
        let text = token.text.as_str();
        if IMPURE_CRATES.contains(&text) {
            out.push((text.to_owned(), token.line));
        }
        if text == "now" && at > 1 && is(tokens, at - 1, "::") {
            out.push((format!("{}::now", tokens.get(at - 2).map_or("…", |owner| &owner.text)), token.line));
        }
        if text == "std" && is(tokens, at + 1, "::") {
            for (head_at, head) in heads(tokens, at + 2) {
                let values = head.text == "net"
                    && is(tokens, head_at + 1, "::")
                    && heads(tokens, head_at + 2).iter().all(|(_, name)| ADDRESSES.contains(&name.text.as_str()));
                if IMPURE_STD.contains(&head.text.as_str()) && !values {
                    out.push((format!("std::{}", head.text), head.line));
                }
            }
        }
    }
    out
}

/// Every Rust file below `src`, relative to the repository, sorted.
fn sources() -> Vec<String> {
    let mut folders = vec![root().join("src")];
    let mut out = Vec::new();
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(&folder).expect("a source folder can be listed");
        for path in entries.map(|entry| entry.expect("a source entry can be read").path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let relative: PathBuf = path.strip_prefix(root()).expect("a source is in the repository").into();
                out.push(relative.to_str().expect("source paths are UTF-8").to_owned());
            }
        }
    }
    out.sort();
    out
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn the_table() -> Table {
    table(&read("docs/architecture.md")).unwrap_or_else(|problem| panic!("docs/architecture.md: {problem}"))
}

/// The top-level module of a source file and how far below the crate's root the file's module is.
fn place(path: &str) -> (String, usize) {
    let inside = path.trim_start_matches("src/").trim_end_matches(".rs");
    let names: Vec<&str> = inside.split('/').collect();
    let top = names.first().copied().unwrap_or_default().to_owned();
    let files_of_their_folder = usize::from(names.last() == Some(&"mod") || inside == "main" || inside == "lib");
    (top, names.len() - files_of_their_folder)
}

/// What is wrong with one file, line by line.
fn problems(path: &str, source: &str, table: &Table) -> Vec<String> {
    let tokens = tokens(source);
    let (module, depth) = place(path);
    let mut out = Vec::new();
    if !path.starts_with("src/target/docker") {
        for token in tokens.iter().filter(|token| token.text == "bollard") {
            out.push(format!("{path}:{}: only `src/target/docker*` may name `bollard`", token.line));
        }
    }
    let Some(row) = table.get(&module) else {
        return out;
    };
    let crate_name = if module == "main" { "slowdrip" } else { "crate" };
    for head in crate_heads(&tokens, depth, crate_name) {
        if head.text == "*" || !table.contains_key(&head.text) {
            out.push(format!(
                "{path}:{}: `{crate_name}::{}` is not a module of the import table: name things through their module",
                head.line, head.text
            ));
        } else if head.text != module && !row.imports.contains(&head.text) {
            let allowed: Vec<&str> = row.imports.iter().map(String::as_str).collect();
            out.push(format!(
                "{path}:{}: `{module}` may not import `{}`; it may import {}",
                head.line,
                head.text,
                if allowed.is_empty() { "nothing".to_owned() } else { allowed.join(", ") }
            ));
        }
    }
    let file = path.trim_start_matches(&format!("src/{module}/"));
    let tests = file.ends_with("tests.rs") || file.contains("tests/");
    if !tests && row.pure_but.as_ref().is_some_and(|but| !but.contains(file)) {
        for (name, line) in impurities(&tokens) {
            out.push(format!("{path}:{line}: `{module}` is pure and may not name `{name}`"));
        }
    }
    out
}

#[test]
fn every_import_is_allowed_by_the_table() {
    let table = the_table();
    // A file of tests may use what it needs to make its material.
    let tests = |path: &&String| path.ends_with("/tests.rs") || path.contains("/tests/");
    let problems: Vec<String> =
        sources().iter().filter(|path| !tests(path)).flat_map(|path| problems(path, &read(path), &table)).collect();
    assert!(
        problems.is_empty(),
        "the sources break the import table of docs/architecture.md:\n{}\n\
         Move the code to where it may stand, or change the table and say why.",
        problems.join("\n")
    );
}

#[test]
fn the_table_has_exactly_the_modules_of_the_crate() {
    let lib = tokens(&read("src/lib.rs"));
    let mut declared: BTreeSet<&str> =
        lib.windows(2).filter(|pair| pair[0].text == "mod").map(|pair| pair[1].text.as_str()).collect();
    declared.insert("main");
    let table = the_table();
    let listed: BTreeSet<&str> = table.keys().map(String::as_str).collect();
    let missing: Vec<_> = declared.difference(&listed).collect();
    let gone: Vec<_> = listed.difference(&declared).collect();
    assert!(missing.is_empty(), "modules of src/lib.rs without a row in docs/architecture.md: {missing:?}");
    assert!(gone.is_empty(), "rows of docs/architecture.md without a module in src/lib.rs: {gone:?}");
}

#[test]
fn the_table_has_no_cycle() {
    let mut open = the_table();
    loop {
        // A module goes when all that it imports, itself excepted, is gone.
        let free: Vec<String> = open
            .iter()
            .filter(|(name, row)| row.imports.iter().all(|import| import == *name || !open.contains_key(import)))
            .map(|(name, _)| name.clone())
            .collect();
        if free.is_empty() {
            break;
        }
        open.retain(|name, _| !free.contains(name));
    }
    assert!(open.is_empty(), "these modules import each other in a circle: {:?}", open.keys().collect::<Vec<_>>());
}

#[test]
fn source_files_stay_short() {
    let mut problems = Vec::new();
    for path in sources() {
        let lines = read(&path).lines().count();
        let exception = LONGER.iter().find(|(longer, _, _)| *longer == path);
        match exception {
            None if lines > MAX_LINES => {
                problems.push(format!("{path} has {lines} lines, at most {MAX_LINES}: split it by subject"))
            }
            Some((_, most, why)) if lines > *most => {
                problems.push(format!("{path} has {lines} lines, at most {most} ({why})"))
            }
            Some(_) if lines <= MAX_LINES => problems.push(format!("{path} has {lines} lines: take it out of LONGER")),
            None | Some(_) => {}
        }
    }
    for (path, ..) in LONGER.iter().filter(|(path, ..)| !root().join(path).exists()) {
        problems.push(format!("{path} is gone: take it out of LONGER"));
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

mod of_the_checker_itself {
    use super::*;

    const TABLE: &str = "## Who may import whom\n\n| Module | May import | Pure | What |\n| --- | --- | --- | --- |\n\
        | `a` | nothing | yes, but `load.rs` | x |\n| `b` | `a` | no | y |\n| `c` | all but `b` | no | z |\n";

    fn found(path: &str, source: &str) -> Vec<String> {
        problems(path, source, &table(TABLE).expect("the table reads"))
    }

    #[test]
    fn reads_nothing_lists_and_all_but() {
        let table = table(TABLE).unwrap();
        let imports = |name: &str| table[name].imports.iter().map(String::as_str).collect::<Vec<_>>();
        assert_eq!((imports("a"), imports("b"), imports("c")), (vec![], vec!["a"], vec!["a", "c"]));
        assert_eq!(table["a"].pure_but, Some(BTreeSet::from(["load.rs".to_owned()])));
        assert_eq!(table["b"].pure_but, None);
    }

    #[test]
    fn sees_single_grouped_and_climbing_paths() {
        assert_eq!(found("src/a/x.rs", "use crate::b::Thing;").len(), 1);
        assert_eq!(found("src/b/x.rs", "use crate::{a::{self, c}, c};").len(), 1);
        assert_eq!(found("src/a/x.rs", "fn f() { super::super::b::f() }").len(), 1);
        assert_eq!(found("src/a/mod.rs", "mod tests { use super::super::{b, a}; }").len(), 1);
        assert_eq!(found("src/a/mod.rs", "use super::b;").len(), 1);
        assert_eq!(found("src/a/x.rs", "use crate::*;").len(), 1);
        assert_eq!(found("src/a/mod.rs", "#[cfg(test)] mod tests { use crate::b; }").len(), 1);
    }

    #[test]
    fn leaves_its_own_paths_comments_and_strings_alone() {
        let source = "//! crate::b\n/* crate::b /* */ crate::b */ use super::x; const S: &str = \"crate::b\";\n\
            const R: &str = r#\"\" crate::b\"#; const C: char = '\"'; fn f<'b>(x: &'b str) { crate::a::g('\\'') } mod t { use super::super::y; }";
        assert_eq!(found("src/a/x.rs", source), Vec::<String>::new());
    }

    #[test]
    fn sees_io_and_clocks_in_pure_files_outside_tests() {
        assert_eq!(found("src/a/x.rs", "use std::{collections::{fs, BTreeMap}, fs::File};").len(), 1);
        assert_eq!(found("src/a/x.rs", "fn f() { tokio::spawn(g(jiff::Timestamp::now())) }").len(), 2);
        assert_eq!(found("src/a/x.rs", "use std::net::{IpAddr, TcpStream};").len(), 1);
        assert_eq!(found("src/a/x.rs", "use std::net::SocketAddr; const V: &str = env!(\"V\");").len(), 0);
        assert_eq!(found("src/a/x.rs", "#[cfg(test)] mod tests { use std::fs; }").len(), 0);
        assert_eq!(found("src/a/load.rs", "use std::fs;").len(), 0);
        assert_eq!(found("src/a/x/tests.rs", "use std::fs;").len(), 0);
        assert_eq!(found("src/b/x.rs", "use std::fs; use bollard::Docker;").len(), 1);
    }
}
