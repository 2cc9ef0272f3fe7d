//! The JSON Schema of thresholds files. What goes with which class is taken from [`Takes`], as the reader takes it.

use std::collections::BTreeSet;

use schemars::{JsonSchema as _, Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value, json};

use super::class::RULES;
use super::takes::Takes;
use super::wire::{ClassWire, ThresholdsWire};
use super::{Per, log, select};
use crate::document::{self, form};
use crate::model::{Metric, Unit};

/// Keys whose figures are in the unit of the class.
const IN_UNIT: [&str; 5] = ["max", "max_growth_per_hour", "baseline_slack", "settle_to", "must_detect_per_hour"];

/// The JSON Schema (draft 7) of thresholds files, as indented text.
pub fn schema() -> String {
    document::schema::<ThresholdsWire>()
}

/// A mapping of classes: the built-in ones by name, and classes of one's own.
pub(super) fn classes(generator: &mut SchemaGenerator) -> Schema {
    let class = ClassWire::json_schema(generator);
    let mut properties = Map::new();
    for metric in Metric::all() {
        let takes = Takes::metric(metric);
        let name = metric.to_string();
        let family = name.split('.').next().unwrap_or_default();
        let dead = if takes.dead { "_with_dead" } else { "" };
        let definition = match takes.unit {
            Unit::Count => format!("class_of_{family}{dead}"),
            Unit::Bytes => format!("class_of_{family}_in_bytes"),
        };
        let about = format!("A class of `{family}.*`, {}.", unit(takes));
        let reference = define(generator, &definition, || narrow(&class, takes, None, &about));
        properties.insert(name, json!({"description": format!("Counts {}.", metric.about()), "allOf": [reference]}));
    }
    let paths = define(generator, "class_by_match", || {
        narrow(&class, Takes::LINKS, Some("match"), "A class of your own: descriptors by path.")
    });
    let processes = define(generator, "class_by_match_cmdline", || {
        let about = "A class of your own: processes by command line.";
        narrow(&class, Takes::CMDLINE, Some("match_cmdline"), about)
    });
    let by_cmdline = json!({"type": "object", "required": ["match_cmdline"]});
    json_schema!({
        "type": "object",
        "propertyNames": {"pattern": select::NAME, "maxLength": select::LONGEST_NAME},
        "properties": properties,
        "additionalProperties": {"if": by_cmdline, "then": processes, "else": paths},
    })
}

fn unit(takes: Takes) -> &'static str {
    match takes.unit {
        Unit::Count => "counted",
        Unit::Bytes => "in bytes",
    }
}

/// Names a schema once, and refers to it.
fn define(generator: &mut SchemaGenerator, name: &str, schema: impl Fn() -> Schema) -> Value {
    let path = format!("#{}/{name}", generator.settings().definitions_path);
    generator.definitions_mut().entry(name).or_insert_with(|| schema().to_value());
    json!({"$ref": path})
}

/// What can be said of a class, and no more; `by` is the key that makes it a class of one's own.
fn narrow(class: &Schema, takes: Takes, by: Option<&str>, about: &str) -> Schema {
    let mut schema = class.clone();
    let left_out: BTreeSet<&str> = [
        ("max_limit_ratio", takes.limit),
        ("max_dead", takes.dead),
        ("older_than", takes.older_than),
        ("match", by == Some("match")),
        ("match_cmdline", by == Some("match_cmdline")),
    ]
    .into_iter()
    .filter_map(|(key, goes)| (!goes).then_some(key))
    .collect();
    if let Some(Value::Object(properties)) = schema.get_mut("properties") {
        properties.retain(|key, _| !left_out.contains(key.as_str()));
        for (key, property) in properties.iter_mut() {
            let Value::Object(property) = property else { continue };
            if IN_UNIT.contains(&key.as_str()) {
                property.insert("pattern".to_owned(), figure(takes.unit, key == "settle_to").into());
            }
            if key == "must_detect_per_hour" {
                property.remove("minimum");
                property.insert("exclusiveMinimum".to_owned(), 0.into());
            }
            if key == "per" {
                let allowed: Vec<&str> = takes.per().into_iter().map(Per::key).collect();
                property.insert("enum".to_owned(), allowed.into());
            }
        }
    }
    schema.insert("description".to_owned(), about.into());
    schema.insert("dependencies".to_owned(), json!({"baseline_slack": ["max_vs_baseline"]}));
    let rules: Vec<&str> = RULES.into_iter().filter(|rule| !left_out.contains(rule)).collect();
    document::one_of_at_least(&mut schema, &rules);
    if let Some(by) = by {
        schema.insert("required".to_owned(), json!([by]));
    }
    schema
}

/// A figure that is written as text.
fn figure(unit: Unit, percent: bool) -> String {
    let figure = match unit {
        Unit::Count => form::NUMBER.to_owned(),
        Unit::Bytes => form::size(),
    };
    if percent { format!("({figure})|(^\\+?[0-9.]+([eE][-+]?[0-9]+)?\\s*%$)") } else { figure }
}

/// A log rule needs a figure.
pub(super) fn log_rule(schema: &mut Schema) {
    document::one_of_at_least(schema, &log::RULES);
}

/// The name of a class, built-in or of the file's own.
pub(super) fn class_name(_: &mut SchemaGenerator) -> Schema {
    let built_in: Vec<String> = Metric::all().map(|metric| metric.to_string()).collect();
    json_schema!({"anyOf": [
        {"enum": built_in},
        {"type": "string", "pattern": select::NAME, "maxLength": select::LONGEST_NAME},
    ]})
}
