//! The JSON Schema of scenario files: what the types of the wire form do not say by themselves.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

use super::options::{NETWORKS, ULIMITS};
use super::phases::{CHECKS, SIGNALS};
use super::service::KINDS;
use super::wire::{HttpWire, ServiceWire, UlimitWire};
use crate::document::{self, form};

/// Scenarios name folders.
pub(super) fn name(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "pattern": "^[a-z0-9][a-z0-9_-]*(\\.[a-z0-9_-]+)*\\.?$", "maxLength": 64})
}

/// The target: of exactly one kind.
pub(super) fn target(generator: &mut SchemaGenerator) -> Schema {
    let mut schema = ServiceWire::json_schema(generator);
    document::one_of(&mut schema, &KINDS);
    // The choice of networks stands within that between a network and none.
    let networks: Vec<&str> = NETWORKS.into_iter().filter(|name| *name != "target").collect();
    if let Some(network) = schema.pointer_mut("/properties/network/anyOf/0/anyOf/0/enum") {
        *network = networks.into();
    }
    schema
}

/// Sidecars, by name: built, or of an image.
pub(super) fn sidecars(generator: &mut SchemaGenerator) -> Schema {
    let mut schema = ServiceWire::json_schema(generator);
    if let Some(Value::Object(properties)) = schema.get_mut("properties") {
        properties.retain(|key, _| !["container", "command", "pid", "workdir"].contains(&key.as_str()));
    }
    document::one_of(&mut schema, &["build", "image"]);
    json_schema!({
        "type": "object",
        "propertyNames": {"pattern": "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$", "maxLength": 63},
        "additionalProperties": schema,
    })
}

/// Limits, by name.
pub(super) fn ulimits(generator: &mut SchemaGenerator) -> Schema {
    let limit = generator.subschema_for::<form::Or<form::Templated<Limit>, UlimitWire>>();
    json_schema!({"type": "object", "propertyNames": {"enum": ULIMITS}, "additionalProperties": limit})
}

/// A request without a body.
pub(super) enum Get {}

impl JsonSchema for Get {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "request_without_body".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = HttpWire::json_schema(generator);
        if let Some(Value::Object(properties)) = schema.get_mut("properties") {
            properties.retain(|key, _| !["form", "json"].contains(&key.as_str()));
        }
        schema
    }
}

/// One check.
pub(super) fn ready(schema: &mut Schema) {
    document::one_of(schema, &CHECKS);
}

/// One place in the answer.
pub(super) fn capture(schema: &mut Schema) {
    document::one_of(schema, &["json", "css"]);
    schema.insert("dependencies".to_owned(), json!({"attr": ["css"]}));
}

form::forms! {
    /// A limit of resources.
    Limit: json_schema!({"type": ["string", "integer"], "minimum": -1, "pattern": "^\\s*[-+]?[0-9]+\\s*$"});
    /// A network.
    Network: json_schema!({"anyOf": [{"enum": NETWORKS}, template()]});
    /// An HTTP status.
    Status: json_schema!({"type": "integer", "minimum": 100, "maximum": 599});
    /// An HTTP status that may be written as text.
    StatusText: json_schema!({
        "type": ["string", "integer"], "minimum": 100, "maximum": 599, "pattern": "^\\s*\\+?[1-5][0-9]{2}\\s*$",
    });
    /// A signal; with or without `SIG`, in any case.
    Signal: json_schema!({"anyOf": [
        {"enum": SIGNALS},
        {"type": "string", "pattern": signals()},
        template(),
    ]});
    /// A length of the warm-up.
    Warmup: json_schema!({"anyOf": [{"const": "auto"}, {"type": "string", "pattern": form::duration(false)}]});
}

fn template() -> Value {
    json!({"type": "string", "pattern": form::TEMPLATE})
}

fn signals() -> String {
    let names: Vec<String> = SIGNALS.iter().map(|name| form::any_case(name.trim_start_matches("SIG"))).collect();
    format!("^({})?({})$", form::any_case("SIG"), names.join("|"))
}
