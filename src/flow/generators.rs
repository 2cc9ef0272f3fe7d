//! The functions of templates that make values up.

use std::sync::Arc;

use minijinja::value::{Rest, ValueKind};
use minijinja::{Environment, Value};

use super::identity::Dice;
use super::template::wrong;

/// The longest text that `text()` makes.
const LONGEST_TEXT: usize = 1024 * 1024;

/// The functions that give random values: the same for the same label, another at each call without one.
pub(super) fn add(env: &mut Environment<'static>, dice: &Arc<Dice>) {
    fn label(labels: &Rest<Value>) -> Option<String> {
        let labels: Vec<String> = labels.iter().map(Value::to_string).collect();
        (!labels.is_empty()).then(|| labels.join("\u{0}"))
    }
    let own = Arc::clone(dice);
    env.add_function("uuid", move |labels: Rest<Value>| own.uuid(label(&labels).as_deref()));
    let own = Arc::clone(dice);
    env.add_function("number", move |low: i64, high: i64, labels: Rest<Value>| {
        own.number(low, high, label(&labels).as_deref())
            .ok_or_else(|| wrong(format!("number({low}, {high}): the first must not be larger than the second")))
    });
    let own = Arc::clone(dice);
    env.add_function("choice", move |list: Value, labels: Rest<Value>| {
        if !matches!(list.kind(), ValueKind::Seq | ValueKind::Iterable) {
            return Err(wrong(format!("choice() takes a list, and this is a {}", list.kind())));
        }
        let values: Vec<Value> = list.try_iter()?.collect();
        let last = i64::try_from(values.len()).unwrap_or(i64::MAX) - 1;
        let chosen = own.number(0, last, label(&labels).as_deref()).and_then(|chosen| usize::try_from(chosen).ok());
        chosen.and_then(|chosen| values.get(chosen).cloned()).ok_or_else(|| wrong("choice(): the list is empty"))
    });
    let own = Arc::clone(dice);
    env.add_function("text", move |length: usize, labels: Rest<Value>| {
        if length > LONGEST_TEXT {
            return Err(wrong(format!("text({length}): the longest text has {LONGEST_TEXT} characters")));
        }
        Ok(own.text(length, label(&labels).as_deref()))
    });
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::super::identity::Identity;
    use super::super::template::{Templates, from_json};
    use super::*;

    fn values() -> BTreeMap<String, Value> {
        BTreeMap::from([("item".to_owned(), from_json(&json!({"id": 7})))])
    }

    #[test]
    fn random_values_are_fresh_without_a_label_and_the_same_with_one() {
        let templates = Templates::new(Dice::new(Identity::random()));
        let renderer = templates.with(values());
        let text = |template: &str| renderer.text(template).unwrap();
        for call in ["uuid()", "text(12)", "number(0, 1000000000)"] {
            let once = format!("{{{{ {call} }}}}");
            assert_ne!(text(&once), text(&once), "{call}");
            let labelled = once.replace("()", "('a')").replace("2)", "2, 'a')").replace("0)", "0, 'a')");
            assert_ne!(once, labelled);
            assert_eq!(text(&labelled), text(&labelled), "{labelled}");
        }
        assert_ne!(text("{{ uuid('a') }}"), text("{{ uuid('b') }}"));
        let roll = renderer.json(&json!("{{ number(1, 6) }}")).unwrap();
        assert!((1..=6).contains(&roll.as_i64().unwrap()), "{roll}");
        assert_eq!(renderer.json(&json!("{{ choice([item], 'x').id }}")).unwrap(), json!(7));
        assert!(["a", "b"].contains(&text("{{ choice(['a', 'b']) }}").as_str()));
        assert_eq!(text("{{ text(8) }}").len(), 8);
    }

    #[test]
    fn random_values_that_cannot_be_say_why() {
        let templates = Templates::new(Dice::new(Identity::random()));
        let renderer = templates.with(values());
        for (template, problem) in [
            ("{{ number(2, 1) }}", "the first must not be larger than the second"),
            ("{{ choice([]) }}", "the list is empty"),
            ("{{ choice('ab') }}", "takes a list, and this is a string"),
            ("{{ text(1048577) }}", "the longest text has 1048576 characters"),
            ("{{ text(-1) }}", "cannot convert"),
            ("{{ uuid }}", "write it with parentheses"),
            ("a {{ now }}", "write it with parentheses"),
        ] {
            let text = renderer.text(template).unwrap_err().to_string();
            assert!(text.contains(problem), "{text}");
            let text = renderer.json(&json!(template)).unwrap_err().to_string();
            assert!(text.contains(problem), "{text}");
        }
    }
}
