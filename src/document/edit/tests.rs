//! What is changed, what stays, and what is refused.

use std::path::Path;

use proptest::prelude::*;
use serde_yaml::Value;

use super::*;
use crate::document::Kind;

const ANY: Kind = Kind {
    noun: "test",
    whole: "the test",
    smallest: "`a: 1`",
    not_yet: &[],
    synonyms: &[],
    bare: &[],
    nulls_below: &[],
};

fn parse(text: &str) -> Document {
    Document::parse(Path::new("x.yaml"), text.to_owned(), ANY).unwrap()
}

/// A setting by its way, behind the usual siblings.
fn set(way: &[&str], value: &str) -> Setting {
    Setting {
        keys: way.iter().map(|key| (*key).to_owned()).collect(),
        value: value.to_owned(),
        after: Some(vec!["max".to_owned(), "max_dead".to_owned()]),
    }
}

fn edited(text: &str, settings: &[Setting]) -> String {
    parse(text).edited(settings, None).unwrap().text
}

#[test]
fn only_the_value_is_replaced() {
    let text = "# top\nclasses:\n  fd.total:  {max: 91, max_limit_ratio: 0.50}   # why\n  'fd.pipe':\n    max:   \"12\"   # quoted\n\n    severity: warn\n# end";
    let settings = [set(&["classes", "fd.total", "max"], "27"), set(&["classes", "fd.pipe", "max"], "6")];
    let expected = text.replace("max: 91", "max: 27").replace("\"12\"", "\"6\"");
    assert_eq!(edited(text, &settings), expected);
}

#[test]
fn new_keys_go_beside_their_siblings_in_their_style() {
    let text = "classes:\n  a: {max: 1, cycle: 30m} # a\n  b: {cycle: 30m}\n  c:\n    # of max\n    max: 1 # one\n    # of cycle\n    cycle: 30m\n  d:\n      cycle: 1m\n";
    let settings = ["a", "b", "c", "d"].map(|class| set(&["classes", class, "max_dead"], "0"));
    let expected = "classes:\n  a: {max: 1, max_dead: 0, cycle: 30m} # a\n  b: {max_dead: 0, cycle: 30m}\n  c:\n    # of max\n    max: 1 # one\n    max_dead: 0\n    # of cycle\n    cycle: 30m\n  d:\n      max_dead: 0\n      cycle: 1m\n";
    assert_eq!(edited(text, &settings), expected);
}

#[test]
fn two_new_keys_stand_in_the_order_in_which_they_are_set() {
    let settings = [set(&["a", "max"], "1"), set(&["a", "max_dead"], "0")];
    assert_eq!(edited("a: {b: 1}\n", &settings), "a: {max: 1, max_dead: 0, b: 1}\n");
    assert_eq!(edited("a:\n  b: 1\n", &settings), "a:\n  max: 1\n  max_dead: 0\n  b: 1\n");
    assert_eq!(edited("a: {}\nb: 1", &settings[..1]), "a: {max: 1}\nb: 1");
}

#[test]
fn a_key_goes_behind_all_that_is_there() {
    let last = |way: &[&str]| Setting { after: None, ..set(way, "{max: 3}") };
    let nested = "classes:\n  a:\n    match: [x,\n      y] # why\n  # about nothing\nstop: warn\n";
    let expected = "classes:\n  a:\n    match: [x,\n      y] # why\n  b: {max: 3}\n  # about nothing\nstop: warn\n";
    assert_eq!(edited(nested, &[last(&["classes", "b"])]), expected);
    assert_eq!(
        edited("classes:\n  a:\n    - 1\n    - c: 2", &[last(&["classes", "b"])]),
        "classes:\n  a:\n    - 1\n    - c: 2\n  b: {max: 3}"
    );
    assert_eq!(edited("a: {b: [1, {c: 2}]}\n", &[last(&["a", "d"])]), "a: {b: [1, {c: 2}], d: {max: 3}}\n");
}

#[test]
fn ends_of_lines_and_a_mark_at_the_top_stay() {
    let text = "\u{feff}a:\r\n  max: 1\r\n  é: ü # ö\r\nb: {ä: 1, max: 2}";
    let settings = [set(&["a", "max_dead"], "0"), set(&["b", "max"], "3"), Setting { after: None, ..set(&["c"], "4") }];
    let expected = "\u{feff}a:\r\n  max: 1\r\n  max_dead: 0\r\n  é: ü # ö\r\nb: {ä: 1, max: 3}\r\nc: 4";
    assert_eq!(edited(text, &settings), expected);
}

#[test]
fn one_heading_is_kept_and_renewed() {
    let earlier = Regex::new(r"^# Made on \d+\.$").unwrap();
    let heading = |day: &str| Heading { earlier: &earlier, comment: format!("# Made on {day}.") };
    let first = parse("# mine\na: 1\n").edited(&[], Some(&heading("3"))).unwrap();
    assert_eq!(first.text, "# Made on 3.\n# mine\na: 1\n");
    assert_eq!(first.lines, [LineChange { line: 0, before: None, after: "# Made on 3.".to_owned() }]);
    let second = parse(&first.text).edited(&[], Some(&heading("4"))).unwrap();
    assert_eq!(second.text, "# Made on 4.\n# mine\na: 1\n");
    assert_eq!(parse(&second.text).edited(&[], Some(&heading("4"))).unwrap().lines, []);
    // Further down it is somebody's text.
    let below = parse("a: 1\n# Made on 3.\n").edited(&[], Some(&heading("4"))).unwrap();
    assert_eq!(below.text, "# Made on 4.\na: 1\n# Made on 3.\n");
}

#[test]
fn every_changed_line_is_told() {
    let document = parse("a: {max: 1, b: 2}\nc:\n  max: 1\n");
    let edited =
        document.edited(&[set(&["a", "max"], "5"), set(&["a", "max_dead"], "0"), set(&["c", "max_dead"], "0")], None);
    let told: Vec<_> = edited.unwrap().lines.into_iter().map(|line| (line.line, line.before, line.after)).collect();
    let before = Some("a: {max: 1, b: 2}".to_owned());
    assert_eq!(told, [(1, before, "a: {max: 5, max_dead: 0, b: 2}".to_owned()), (3, None, "  max_dead: 0".to_owned())]);
}

#[test]
fn what_is_not_edited_is_refused_and_said() {
    for (text, setting) in [
        ("a:\n  max: |\n    1\n  b: 2\n", set(&["a", "max"], "3")),
        ("a: {max: [1]}\n", set(&["a", "max"], "3")),
        ("a: 1\n", set(&["a", "max"], "3")),
        ("a: {b: 1}\n", set(&["c", "max"], "3")),
        ("? a\n: {max: 1}\n", Setting { after: Some(Vec::new()), ..set(&["b"], "3") }),
        ("a: {max: 1}\n", set(&["a", "max"], "3 # three")),
        ("a: {max: 1}\n", set(&["a", "max"], "3, b: 4")),
        ("a: {max: 1}\n", set(&["a", "max_dead"], "[")),
    ] {
        let error = parse(text).edited(std::slice::from_ref(&setting), None).unwrap_err().to_string();
        assert!(error.contains("nothing was written") && error.contains("x.yaml"), "{text}: {error}");
    }
}

/// A scalar as a file may have it.
fn scalar() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "1",
        "1.10",
        "10MiB",
        "\"12\"",
        "'a b'",
        "\"# no comment\"",
        "true",
        "0x1f",
        "a#b",
        "'it''s'",
        "é",
    ])
    .prop_map(str::to_owned)
}

/// The keys of a class, some of them lists.
fn keys() -> impl Strategy<Value = Vec<(&'static str, String)>> {
    let names = vec!["max", "max_dead", "cycle", "unknown", "match", "severity"];
    let list = prop::collection::vec(scalar(), 1..3).prop_map(|items| format!("[{}]", items.join(", "))).boxed();
    prop::sample::subsequence(names, 1..5).prop_flat_map(move |names| {
        let count = names.len();
        prop::collection::vec(prop_oneof![4 => scalar(), 1 => list.clone()], count)
            .prop_map(move |values| names.iter().copied().zip(values).collect())
    })
}

/// A comment, or a blank, or nothing.
fn between() -> impl Strategy<Value = String> {
    prop_oneof![3 => Just(String::new()), 1 => Just("\n".to_owned()), 2 => "[ ]{0,6}# [a-z{}:,'\"#]{0,12}\n"]
}

/// A class of a file, in brackets or not.
fn class(name: usize) -> impl Strategy<Value = String> {
    let trail = prop_oneof![Just(String::new()), "[ ]{1,3}#[a-z {}:]{0,9}"];
    (keys(), 0..3_u8, between(), trail, between(), 2..6_usize).prop_map(
        move |(keys, style, before, trail, inner, deep)| {
            let entries = keys.iter().map(|(key, value)| format!("{key}: {value}"));
            let text = match style {
                0 => format!("  c{name}: {{{}}}{trail}\n", entries.collect::<Vec<_>>().join(", ")),
                1 => format!("  c{name}: {{ {}\n     }}{trail}\n", entries.collect::<Vec<_>>().join(",\n       ")),
                _ => {
                    let lines: String =
                        entries.map(|entry| format!("  {}{entry}{trail}\n{inner}", " ".repeat(deep))).collect();
                    format!("  c{name}:{trail}\n{lines}")
                }
            };
            format!("{before}{text}")
        },
    )
}

fn file() -> impl Strategy<Value = String> {
    (class(0), class(1), class(2), between(), between(), any::<bool>(), any::<bool>()).prop_map(
        |(a, b, c, top, end, windows, ended)| {
            let text = format!("{top}stop: warn\nclasses:\n{a}{b}{c}log: [{{pattern: 'x: y'}}]\n{end}");
            let text = if ended { text } else { text.trim_end().to_owned() };
            if windows { text.replace('\n', "\r\n") } else { text }
        },
    )
}

/// The values with one of them set as it must come out: as text where it has quotes.
fn with(mut values: Value, setting: &Setting, quoted: bool) -> Value {
    let (name, above) = setting.keys.split_last().unwrap();
    let value =
        if quoted { Value::String(setting.value.clone()) } else { serde_yaml::from_str(&setting.value).unwrap() };
    let parent = above.iter().fold(&mut values, |at, key| at.get_mut(key.as_str()).unwrap());
    parent.as_mapping_mut().unwrap().insert(name.as_str().into(), value);
    values
}

proptest! {
    #[test]
    fn comments_and_other_values_survive(text in file(), chosen in prop::collection::vec((0..3_usize, 0..2_usize, 0..500_u32), 1..4), new in any::<bool>()) {
        let mut settings: Vec<Setting> = Vec::new();
        for (class, key, value) in chosen {
            let setting = set(&["classes", &format!("c{class}"), ["max", "max_dead"][key]], &value.to_string());
            if !settings.iter().any(|other| other.keys == setting.keys) {
                settings.push(setting);
            }
        }
        if new {
            settings.push(Setting { after: None, ..set(&["classes", "d"], "{max: 3}") });
        }
        let document = parse(&text);
        let lists = |setting: &Setting| document.place_of(&setting.keys).is_some_and(|place| place.items() > 0);
        if settings.iter().any(lists) {
            prop_assert!(document.edited(&settings, None).is_err());
            return Ok(());
        }
        let edited = document.edited(&settings, None).unwrap();
        let comments = |text: &str| -> Vec<String> {
            text.lines().filter(|line| line.trim_start().starts_with('#')).map(str::to_owned).collect()
        };
        prop_assert_eq!(comments(&edited.text), comments(&text));
        // Also those behind a value, and every line that is not told of.
        let told: Vec<&str> = edited.lines.iter().filter_map(|line| line.before.as_deref()).collect();
        let kept = |line: &&str| !told.contains(line);
        let after: Vec<&str> = edited.text.lines().collect();
        prop_assert!(text.lines().filter(kept).all(|line| after.contains(&line)));
        for change in &edited.lines {
            let tail = |line: &str| line.rfind(" #").map(|at| line[at..].to_owned());
            if let Some(before) = &change.before {
                prop_assert_eq!(tail(before), tail(&change.after));
            }
        }
        let quoted = |setting: &Setting| {
            let parent = document.place_of(&setting.keys[..setting.keys.len() - 1])?;
            let place = parent.get(setting.keys.last()?)?;
            Some(matches!(place.node()?.content, Content::Scalar { plain: false, .. }))
        };
        let expected = settings.iter().fold(serde_yaml::from_str(&text).unwrap(), |values, setting| {
            with(values, setting, quoted(setting).unwrap_or(false))
        });
        prop_assert_eq!(serde_yaml::from_str::<Value>(&edited.text).unwrap(), expected);
        // Twice is as good as once.
        settings.retain(|setting| setting.after.is_some());
        prop_assert_eq!(parse(&edited.text).edited(&settings, None).unwrap().lines, []);
    }

    #[test]
    fn no_text_makes_it_panic(text in "(a|max|b|[ :{},\\[\\]#\n\r'\"|?-]|é|1){0,40}") {
        if let Ok(document) = Document::parse(Path::new("x.yaml"), text, ANY) {
            for way in [["a", "max"], ["b", "max_dead"], ["max", "a"]] {
                let _ = document.edited(&[set(&way, "7")], None);
                let _ = document.edited(&[set(&way[..1], "7"), Setting { after: None, ..set(&["c"], "{max: 1}") }], None);
            }
        }
    }
}
