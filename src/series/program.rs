//! Names of programs and paths that stay the same from night to night: findings are known again by them.

use crate::model::text::{printable, shorten};

/// The longest name, characters.
const LONGEST: usize = 60;
/// So many digits in a row are a pid, a port or an id.
const DIGITS: usize = 3;
/// So many hex digits in a row, a decimal one among them, are an id.
const HEX: usize = 8;
/// A run of letters and digits so long, three of them digits, is an id.
const MIXED: usize = 16;
/// Words of code that name it.
const CODE_WORDS: usize = 3;
/// Scripts that say nothing without their folder.
const NAMED_BY_FOLDER: [&str; 2] = ["__main__.py", "index.js"];
/// Folders whose entries are numbers of whatever length.
const NUMBERED: [&str; 2] = ["/proc/", "/dev/pts/"];

/// A program that runs other programs, and which of its options say what it runs.
struct Interpreter {
    names: &'static [&'static str],
    /// Code stands behind these.
    code: &'static [&'static str],
    /// The name of a module stands behind these.
    module: &'static [&'static str],
    /// A value stands behind these.
    valued: &'static [&'static str],
    /// Words before the script.
    verbs: &'static [&'static str],
}

const SHELL: Interpreter = Interpreter {
    names: &["sh", "bash", "dash", "ash", "zsh", "ksh"],
    code: &["-c"],
    module: &[],
    valued: &["-o", "+o", "-O", "+O"],
    verbs: &[],
};

const INTERPRETERS: [Interpreter; 9] = [
    SHELL,
    Interpreter {
        names: &["python", "pypy"],
        code: &["-c"],
        module: &["-m"],
        valued: &["-W", "-X", "--check-hash-based-pycs"],
        verbs: &[],
    },
    Interpreter {
        names: &["node", "nodejs"],
        code: &["-e", "--eval", "-p", "--print"],
        module: &[],
        valued: &["-r", "--require", "--import", "--loader", "--experimental-loader", "-C", "--conditions"],
        verbs: &[],
    },
    Interpreter { names: &["deno", "bun"], code: &["-e", "eval"], module: &[], valued: &[], verbs: &["run"] },
    Interpreter { names: &["ruby"], code: &["-e"], module: &[], valued: &["-I", "-r"], verbs: &[] },
    Interpreter { names: &["perl", "lua"], code: &["-e", "-E"], module: &[], valued: &["-I"], verbs: &[] },
    Interpreter { names: &["php"], code: &["-r"], module: &[], valued: &["-c", "-d"], verbs: &[] },
    Interpreter {
        names: &["java"],
        code: &[],
        module: &["-m", "--module"],
        valued: &[
            "-cp",
            "-classpath",
            "--class-path",
            "-p",
            "--module-path",
            "--add-opens",
            "--add-exports",
            "--add-modules",
        ],
        verbs: &[],
    },
    Interpreter { names: &["dotnet"], code: &[], module: &[], valued: &[], verbs: &["exec", "run"] },
];

/// The name of a program by its command line, or by its short name where it has none: the base name of the command; for an
/// interpreter what it runs as well ("python app.py", "python -m slash_worker", "sh -c exec sleep 1"). What changes from night
/// to night is a `*`, see [`collapsed`]. Printable, at most 60 characters.
pub(super) fn program(cmdline: &str, comm: &str) -> String {
    let mut words = cmdline.split_ascii_whitespace();
    // A login shell has a dash before its name; a program that sets its title, a colon behind it.
    let first = words.next().map_or(comm, |word| base(word).trim_start_matches('-').trim_end_matches(':'));
    let first = if first.is_empty() { comm } else { first };
    let plain = first.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
    let name = match INTERPRETERS.iter().find(|it| it.names.contains(&plain)) {
        Some(interpreter) => format!("{plain} {}", interpreter.runs(words)),
        None => collapsed(first),
    };
    shorten(printable(name.trim()).trim(), LONGEST)
}

impl Interpreter {
    /// What it runs, by its arguments; empty where they do not say.
    fn runs<'a>(&self, mut words: impl Iterator<Item = &'a str>) -> String {
        let is_shell = self.names == SHELL.names;
        while let Some(word) = words.next() {
            // Shells take their options in one word: `-euxc`.
            let joined = is_shell && word.starts_with('-') && !word.starts_with("--") && word.ends_with('c');
            if self.code.contains(&word) || joined {
                let code: Vec<String> = words.take(CODE_WORDS).map(|word| without_numbers(base(word))).collect();
                return format!("{} {}", if joined { "-c" } else { word }, code.join(" "));
            }
            if self.module.contains(&word) {
                return format!("{word} {}", words.next().map(collapsed).unwrap_or_default());
            }
            if self.valued.contains(&word) {
                words.next();
            } else if !word.starts_with(['-', '+']) && !self.verbs.contains(&word) {
                return script(word);
            }
        }
        String::new()
    }
}

/// The base name of a script, with its folder where the base name says nothing.
fn script(path: &str) -> String {
    let name = base(path);
    match path.strip_suffix(name).map(|folder| base(folder.trim_end_matches('/'))) {
        Some(folder) if NAMED_BY_FOLDER.contains(&name) && !folder.is_empty() && folder != "." => {
            collapsed(&format!("{folder}/{name}"))
        }
        Some(_) | None => collapsed(name),
    }
}

fn base(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Code names descriptors and the like by small numbers too.
fn without_numbers(word: &str) -> String {
    let mut out = String::with_capacity(word.len());
    for c in collapsed(word).chars() {
        let c = if c.is_ascii_digit() { '*' } else { c };
        if c != '*' || !out.ends_with('*') {
            out.push(c);
        }
    }
    out
}

/// A text with a `*` for each of its parts that change from night to night: numbers of three digits and more, numbers of
/// processes and terminals, UUIDs, hex of eight digits and more, long runs of letters and digits, and what `mktemp` makes up.
pub(super) fn collapsed(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if let Some(after) = without_uuid(rest) {
            out.push('*');
            rest = after;
            continue;
        }
        let run = rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
        if run == 0 {
            out.push(c);
            rest = rest.get(c.len_utf8()..).unwrap_or_default();
            continue;
        }
        let (word, after) = rest.split_at(run);
        let numbered = NUMBERED.iter().any(|folder| out.ends_with(folder)) && is_number(word);
        if is_id(word)
            || numbered
            || out.ends_with("tmp.") && word.len() >= 6 && !word.bytes().all(|b| b.is_ascii_lowercase())
        {
            out.push('*');
            rest = after;
        } else if let Some(made_up) = python_temporary(rest) {
            out.push_str("tmp*");
            rest = rest.get(made_up..).unwrap_or_default();
        } else {
            push_without_long_numbers(&mut out, word);
            rest = after;
        }
    }
    out
}

fn is_number(word: &str) -> bool {
    word.bytes().all(|b| b.is_ascii_digit())
}

fn is_id(word: &str) -> bool {
    let digits = word.bytes().filter(u8::is_ascii_digit).count();
    let hex = word.len() >= HEX && digits > 0 && word.bytes().all(|b| b.is_ascii_hexdigit());
    hex || word.len() >= MIXED && digits >= DIGITS && digits < word.len()
}

/// How long the name is that Python's `tempfile` made up at the start of a text: `tmp` and eight of `a-z0-9_`.
fn python_temporary(text: &str) -> Option<usize> {
    let made_up = text.strip_prefix("tmp")?;
    let is_part = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
    let length = made_up.bytes().take_while(|b| is_part(*b)).count();
    (length == 8).then_some("tmp".len() + length)
}

/// What follows a UUID at the start of a text.
fn without_uuid(text: &str) -> Option<&str> {
    let mut rest = text;
    for (n, length) in [8, 4, 4, 4, 12].into_iter().enumerate() {
        if n > 0 {
            rest = rest.strip_prefix('-')?;
        }
        let (part, after) = rest.split_at_checked(length)?;
        if !part.bytes().all(|b| b.is_ascii_hexdigit()) {
            return None;
        }
        rest = after;
    }
    Some(rest)
}

fn push_without_long_numbers(out: &mut String, word: &str) {
    let mut rest = word;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let (number, after) = rest.split_at(digits);
        out.push_str(if number.len() >= DIGITS { "*" } else { number });
        let letters = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let (plain, after) = after.split_at(letters);
        out.push_str(plain);
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_program_has_the_name_that_people_know() {
        for (cmdline, name) in [
            ("/usr/bin/postgres -D /data --port 5432", "postgres"),
            ("/usr/local/bin/python3.11 -u /app/app.py --port 8123", "python app.py"),
            ("python3 -X dev -m slash_worker --id 77", "python -m slash_worker"),
            ("python /srv/slash_worker/__main__.py 4", "python slash_worker/__main__.py"),
            (
                "python -c from multiprocessing.spawn import spawn_main; spawn_main(tracker_fd=5, pipe_handle=7)",
                "python -c from multiprocessing.spawn import",
            ),
            ("node --require ./x.js --max-old-space-size=512 /srv/server.js", "node server.js"),
            ("sh -c while true; do sleep 1; done", "sh -c while true; do"),
            ("bash -euxc /tmp/run-8841.sh 3", "bash -c run-*.sh *"),
            ("-bash", "bash"),
            ("postgres: walwriter", "postgres"),
            ("java -cp a.jar:b.jar -Xmx1g org.example.Main", "java org.example.Main"),
            ("java -jar /opt/app-1.2.jar", "java app-1.2.jar"),
            ("bun run index.ts", "bun index.ts"),
            ("worker-4711 --now", "worker-*"),
            ("python3", "python"),
            ("", "kworker"),
            ("/", "kworker"),
        ] {
            assert_eq!(program(cmdline, "kworker"), name, "{cmdline}");
        }
    }

    #[test]
    fn what_changes_from_night_to_night_is_a_star() {
        for (text, name) in [
            ("/tmp/x123.log", "/tmp/x*.log"),
            ("/data/app.db", "/data/app.db"),
            ("/data/3f2504e0-4f89-41d3-9a0c-0305e82c3301/wal", "/data/*/wal"),
            ("/cache/deadbeef01.bin", "/cache/*.bin"),
            ("/cache/facade.bin", "/cache/facade.bin"),
            ("/proc/42/stat", "/proc/*/stat"),
            ("/dev/pts/3", "/dev/pts/*"),
            ("/tmp/tmpx8_3kqab/data", "/tmp/tmp*/data"),
            ("/tmp/tmp.Xa81KqPzYw", "/tmp/tmp.*"),
            ("/logs/2026-11-23.log", "/logs/*-11-23.log"),
            ("/a/eyJhbGciOi12345QxZ", "/a/*"),
            ("pipe:[*]", "pipe:[*]"),
            ("äöü1234ß", "äöü*ß"),
        ] {
            assert_eq!(collapsed(text), name);
        }
    }

    proptest! {
        #[test]
        fn every_name_is_short_printable_and_has_no_long_number(cmdline in ".{0,80}", comm in ".{0,20}") {
            let name = program(&cmdline, &comm);
            prop_assert!(name.chars().count() <= LONGEST);
            prop_assert!(!name.chars().any(char::is_control));
            let collapsed = collapsed(&cmdline);
            let longest = collapsed.split(|c: char| !c.is_ascii_digit()).map(str::len).max();
            prop_assert!(longest < Some(DIGITS), "{}", collapsed);
        }
    }
}
