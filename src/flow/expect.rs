//! Whether an answer is what it must be.

use std::time::Duration;

use regex::Regex;
use reqwest::header::HeaderMap;
use serde_json::{Number, Value};
use serde_json_path::JsonPath;

use super::answer::{Body, Seen, exactly, size, status};
use super::secrets::{AnswerMask, Secrets};
use super::template::{Renderer, TemplateError};
use crate::model::text::{count, shorten};
use crate::scenario::{Expect, JsonExpect, Sought};

/// How much of a value a sentence quotes.
const QUOTED: usize = 120;

/// What of the expectations does not hold, one sentence each; empty: all hold.
pub(super) fn unmet(
    expect: &Expect,
    seen: &Seen,
    took: Duration,
    renderer: &Renderer<'_>,
    secrets: &Secrets,
) -> Result<Vec<String>, TemplateError> {
    let mut unmet = Vec::new();
    let mask = secrets.about(seen.body());
    match seen {
        Seen::Http(answer) => {
            let code = answer.status.as_u16();
            let wanted: Vec<String> = expect.status.iter().map(ToString::to_string).collect();
            if wanted.is_empty() {
                if code >= 400 {
                    unmet.push(format!("expected a status below 400, got {}", status(answer.status)));
                }
            } else if !expect.status.iter().any(|set| set.holds(code)) {
                unmet.push(format!("expected status {}, got {}", wanted.join(" or "), status(answer.status)));
            }
            for (name, template) in &expect.header {
                unmet.extend(header(name, template, &answer.headers, renderer, &mask)?);
            }
        }
        Seen::Message(_) | Seen::Line(_) => {}
        Seen::Exec(output) => {
            let wanted = expect.exit.unwrap_or(0);
            if output.exit_code != wanted {
                unmet.push(format!("expected exit code {wanted}, got {}", output.exit_code));
            }
        }
    }
    if let Some(most) = expect.latency.filter(|most| took > *most) {
        let what = match seen {
            Seen::Exec(_) => "the command to end",
            Seen::Http(_) | Seen::Message(_) | Seen::Line(_) => "the whole answer",
        };
        unmet.push(format!("expected {what} within {}, it took {}", exactly(most), exactly(took)));
    }
    let wanted = Within { json: &expect.json, matches: expect.matches.as_ref(), contains: expect.contains.as_deref() };
    unmet.extend(within(&wanted, &Body::of(seen), renderer, &mask)?);
    Ok(unmet)
}

/// Whether a message is the one that is sought. One that is not JSON is not, where something is sought in JSON.
pub(super) fn sought(
    sought: &Sought,
    body: &str,
    renderer: &Renderer<'_>,
    secrets: &Secrets,
) -> Result<bool, TemplateError> {
    Ok(lacking(sought, body, renderer, secrets)?.is_empty())
}

/// What a message lacks to be the one that is sought, one sentence each, secrets masked.
pub(super) fn lacking(
    sought: &Sought,
    body: &str,
    renderer: &Renderer<'_>,
    secrets: &Secrets,
) -> Result<Vec<String>, TemplateError> {
    let wanted = Within { json: &sought.json, matches: sought.matches.as_ref(), contains: sought.contains.as_deref() };
    within(&wanted, &Body::of_message(body), renderer, &secrets.about(body.as_bytes()))
}

/// What a body must hold.
struct Within<'a> {
    json: &'a [(JsonPath, JsonExpect)],
    matches: Option<&'a Regex>,
    contains: Option<&'a str>,
}

fn within(
    wanted: &Within<'_>,
    body: &Body<'_>,
    renderer: &Renderer<'_>,
    mask: &AnswerMask<'_>,
) -> Result<Vec<String>, TemplateError> {
    let mut unmet = Vec::new();
    if let Some(template) = wanted.contains {
        let wanted = renderer.text(template)?;
        if !body.text().contains(&wanted) {
            let quoted = shorten(&mask.mask(&wanted), QUOTED);
            unmet.push(format!(
                "expected {} to contain `{quoted}`, which its {} do not{}",
                body.name,
                size(body.len()),
                body.flaw()
            ));
        }
    }
    if let Some(regex) = wanted.matches
        && !regex.is_match(body.text())
    {
        let quoted = shorten(regex.as_str(), QUOTED);
        unmet.push(format!(
            "expected {} to match `{quoted}`, which its {} do not{}",
            body.name,
            size(body.len()),
            body.flaw()
        ));
    }
    for (path, wanted) in wanted.json {
        let problem = match body.find(path) {
            Ok(nodes) => json(path, wanted, &nodes, renderer, mask)?,
            Err(problem) => Some(problem),
        };
        // A body that is not JSON is said once, not for every path.
        unmet.extend(problem.filter(|problem| !unmet.contains(problem)));
    }
    Ok(unmet)
}

fn header(
    name: &str,
    template: &str,
    headers: &HeaderMap,
    renderer: &Renderer<'_>,
    mask: &AnswerMask<'_>,
) -> Result<Option<String>, TemplateError> {
    let wanted = renderer.text(template)?;
    let found: Vec<String> =
        headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).collect();
    // The star is the scenario's: one that a captured value ends with is an ordinary character.
    let prefix = if template.ends_with('*') { wanted.strip_suffix('*') } else { None };
    let holds = found.iter().any(|value| prefix.map_or(*value == wanted, |prefix| value.starts_with(prefix)));
    if holds {
        return Ok(None);
    }
    let got = if found.is_empty() {
        "the answer has no such header".to_owned()
    } else {
        let shown: Vec<String> =
            found.iter().map(|value| format!("`{}`", shorten(&mask.mask_named(name, value), QUOTED))).collect();
        format!("got {}", shown.join(" and "))
    };
    Ok(Some(format!("expected header `{name}: {}`, {got}", shorten(&mask.mask_named(name, &wanted), QUOTED))))
}

fn json(
    path: &JsonPath,
    wanted: &JsonExpect,
    nodes: &[&Value],
    renderer: &Renderer<'_>,
    mask: &AnswerMask<'_>,
) -> Result<Option<String>, TemplateError> {
    let quoted = |value: &Value| quoted(value, mask);
    let one = || match nodes {
        [node] => Ok(*node),
        [] => Err("found nothing there".to_owned()),
        several => Err(format!("found {} there; write a path that finds one", count(several.len() as u64, "value"))),
    };
    Ok(match wanted {
        JsonExpect::Exists => match nodes {
            [] => Some(format!("expected something at {path}, found nothing there")),
            nodes if nodes.iter().all(|node| node.is_null()) => {
                Some(format!("expected something at {path}, found null"))
            }
            _ => None,
        },
        JsonExpect::Equals(template) => {
            let wanted = renderer.json(template)?;
            match one() {
                Ok(node) if same(node, &wanted) => None,
                Ok(node) => Some(format!(
                    "expected {path} to be {}, found {}{}",
                    quoted(&wanted),
                    quoted(node),
                    hint(node, &wanted)
                )),
                Err(problem) => Some(format!("expected {path} to be {}, {problem}", quoted(&wanted))),
            }
        }
        JsonExpect::AtLeast(least) => bound(path, &format!("at least {least}"), |figure| figure >= *least, one(), mask),
        JsonExpect::AtMost(most) => bound(path, &format!("at most {most}"), |figure| figure <= *most, one(), mask),
        JsonExpect::Matches(regex) => {
            let wanted = shorten(regex.as_str(), QUOTED);
            match one() {
                Ok(Value::String(text)) if regex.is_match(text) => None,
                Ok(node @ Value::String(_)) => {
                    Some(format!("expected {path} to match `{wanted}`, found {}", quoted(node)))
                }
                Ok(node) => {
                    Some(format!("expected {path} to match `{wanted}`, found {}, which is no text", quoted(node)))
                }
                Err(problem) => Some(format!("expected {path} to match `{wanted}`, {problem}")),
            }
        }
    })
}

fn bound(
    path: &JsonPath,
    wanted: &str,
    holds: impl Fn(f64) -> bool,
    node: Result<&Value, String>,
    mask: &AnswerMask<'_>,
) -> Option<String> {
    let found = match node.map(|node| (node, number(node))) {
        Ok((_, Some(figure))) if holds(figure) => return None,
        Ok((node, Some(_))) => format!("found {}", quoted(node, mask)),
        Ok((node, None)) => format!("found {}, which is no number", quoted(node, mask)),
        Err(problem) => problem,
    };
    Some(format!("expected {path} to be {wanted}, {found}"))
}

/// The number in a JSON value: a number, or a text that is nothing but one.
pub(super) fn number(value: &Value) -> Option<f64> {
    let figure = match value {
        Value::Number(number) => number.as_f64()?,
        Value::String(text) => text.trim().parse().ok()?,
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => return None,
    };
    figure.is_finite().then_some(figure)
}

/// A JSON value as a sentence quotes it.
pub(super) fn quoted(value: &Value, mask: &AnswerMask<'_>) -> String {
    // Masked first: of a secret that is cut in two nobody would know the halves.
    shorten(&mask.mask(&value.to_string()), QUOTED)
}

/// Whether two JSON values are the same; `1` and `1.0` are.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a == b || equal_as_floats(a, b),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| same(a, b)))
        }
        _ => a == b,
    }
}

/// Whether a float and another number have the same value. Two whole numbers are told apart exactly, not by this.
fn equal_as_floats(a: &Number, b: &Number) -> bool {
    // Adding zero turns a negative zero into a plain one.
    let float = |number: &Number| number.as_f64().map(|float| float + 0.0);
    (a.is_f64() || b.is_f64()) && float(a).zip(float(b)).is_some_and(|(a, b)| a.total_cmp(&b).is_eq())
}

fn hint(found: &Value, wanted: &Value) -> &'static str {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    match (found, wanted) {
        (Value::String(_), Value::Number(_) | Value::Bool(_))
        | (Value::Number(_) | Value::Bool(_), Value::String(_))
            if text(found) == text(wanted) =>
        {
            " (the same text, but another type)"
        }
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn whole_numbers_and_floats_of_the_same_value_are_the_same() {
        assert!(same(&json!({"a": [1, 2.0]}), &json!({"a": [1.0, 2]})));
        assert!(!same(&json!([1]), &json!([1, 2])));
        assert!(!same(&json!("1"), &json!(1)));
        assert!(same(&json!(0), &json!(-0.0)));
        // Beyond what a float can tell apart.
        assert!(!same(&json!(9_007_199_254_740_993_u64), &json!(9_007_199_254_740_992_u64)));
    }

    #[test]
    fn numbers_may_be_written_as_text() {
        assert_eq!(number(&json!(" 12.5 ")), Some(12.5));
        assert_eq!(number(&json!(7)), Some(7.0));
        for no_number in
            [json!("NaN"), json!("inf"), json!(true), json!(null), json!(""), json!("12 apples"), json!([1])]
        {
            assert_eq!(number(&no_number), None, "{no_number}");
        }
    }

    proptest! {
        #[test]
        fn every_number_equals_itself_however_it_is_written(n in -1_000_000_000_i64..1_000_000_000) {
            #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
            let float = n as f64;
            prop_assert!(same(&json!(n), &json!(float)));
            prop_assert_eq!(number(&json!(n.to_string())), Some(float));
            prop_assert!(!same(&json!(n), &json!(n + 1)));
        }
    }
}
