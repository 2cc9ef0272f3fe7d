//! Whether an edited text says what it said, but for what was set.

use std::collections::BTreeMap;

use super::super::tree::Content;
use super::super::{Document, Kind, Place};
use super::Setting;

/// What stands at a place.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Found {
    /// Its text, and whether it has no quotes.
    Scalar(String, bool),
    Map(Vec<String>),
    List(usize),
}

/// Everything in a document by the way that leads to it.
type Flat = BTreeMap<Vec<String>, Found>;

/// What a value is parsed as when it stands alone.
const ALONE: Kind = Kind {
    noun: "value",
    whole: "the value",
    smallest: "`value: 1`",
    not_yet: &[],
    synonyms: &[],
    bare: &[],
    nulls_below: &[],
};

/// The first place, in the quotes of messages, that differs and should not, or does not and should.
pub(super) fn first_unexpected(before: &Document, text: &str, settings: &[Setting]) -> Option<String> {
    let (mut expected, root) = (flat(before.root()), "`the file`");
    for setting in settings {
        let shown = Some(format!("`{}`", setting.keys.join(".")));
        let Some(value) = alone(&setting.value) else { return shown };
        let Some((name, above)) = setting.keys.split_last() else { return shown };
        if let Some(old) = expected.get_mut(&setting.keys) {
            // What had quotes keeps them.
            let (Found::Scalar(old, _), Some(Found::Scalar(new, _))) = (old, value.get(&Vec::new())) else {
                return shown;
            };
            old.clone_from(new);
            continue;
        }
        let Some(Found::Map(keys)) = expected.get_mut(above) else { return shown };
        keys.push(name.clone());
        expected.extend(value.into_iter().map(|(way, found)| ([setting.keys.as_slice(), &way].concat(), found)));
    }
    let Ok(after) = Document::parse(before.path(), text.to_owned(), before.kind) else { return Some(root.to_owned()) };
    let after = flat(after.root());
    let same = |way: &Vec<String>| match (expected.get(way), after.get(way)) {
        (Some(Found::Map(a)), Some(Found::Map(b))) => same_keys(a, b, settings, way),
        (a, b) => a == b,
    };
    let differs = expected.keys().chain(after.keys()).find(|way| !same(way))?;
    Some(if differs.is_empty() { root.to_owned() } else { format!("`{}`", differs.join(".")) })
}

/// The same keys, those that were there before in the same order.
fn same_keys(expected: &[String], found: &[String], settings: &[Setting], way: &[String]) -> bool {
    let set = |key: &str| {
        settings
            .iter()
            .any(|setting| setting.keys.split_last().is_some_and(|(name, above)| name == key && above == way))
    };
    let old = |keys: &[String]| keys.iter().filter(|key| !set(key)).cloned().collect::<Vec<_>>();
    let sorted = |keys: &[String]| {
        let mut keys = keys.to_vec();
        keys.sort();
        keys
    };
    old(expected) == old(found) && sorted(expected) == sorted(found)
}

/// A value as it would be read at its place, below an empty way.
fn alone(value: &str) -> Option<Flat> {
    let document = Document::parse(std::path::Path::new("value"), format!("value: {value}\n"), ALONE).ok()?;
    // Nothing but the value: a comment or a second line would change what is behind it.
    (document.root().keys().len() == 1 && !value.contains(['\n', '\r', '#']))
        .then(|| flat(document.root().key("value")))
}

fn flat(place: Place<'_>) -> Flat {
    let mut all = Flat::new();
    add(place, &mut Vec::new(), &mut all);
    all
}

fn add(place: Place<'_>, way: &mut Vec<String>, all: &mut Flat) {
    let Some(node) = place.node() else { return };
    let found = match &node.content {
        Content::Scalar { text, plain } => Found::Scalar(text.clone(), *plain),
        Content::Map(_, keys) => Found::Map(keys.clone()),
        Content::List(items) => Found::List(items.len()),
    };
    all.insert(way.clone(), found);
    for key in place.keys() {
        way.push(key.clone());
        add(place.key(key), way, all);
        way.pop();
    }
    for index in 0..place.items() {
        way.push(format!("[{index}]"));
        add(place.item(index), way, all);
        way.pop();
    }
}
