//! The JSON Schema of scenario files: what the types of the wire form do not say by themselves.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

use super::capture::{SINGLE, Source, WAYS};
use super::figures::CLASS;
use super::options::{NETWORKS, ULIMITS};
use super::phases::{ALL_SIGNALS, CHECKS, SIGNALS};
use super::service::KINDS;
use super::steps::{BODIES, LEAVES};
use super::wire::{CaptureWire, HttpWire, ServiceWire, StepWire, UlimitWire};
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

/// A schema of another one's keys without some.
macro_rules! without {
    ($($(#[$about:meta])* $name:ident = $of:ty, $shown:literal, $keys:expr;)*) => {
        $(
            $(#[$about])*
            pub(super) enum $name {}

            impl JsonSchema for $name {
                fn schema_name() -> std::borrow::Cow<'static, str> {
                    $shown.into()
                }

                fn json_schema(generator: &mut SchemaGenerator) -> Schema {
                    let mut schema = <$of>::json_schema(generator);
                    remove(&mut schema, &$keys);
                    schema
                }
            }
        )*
    };
}

without! {
    /// A request without a body.
    Get = HttpWire, "request_without_body", BODIES;
    /// A value of a command's output.
    OutputCapture = CaptureWire, "capture_of_output", Source::Output.lacks();
    /// A value of a message, an event or a line of the log.
    MessageCapture = CaptureWire, "capture_of_message", Source::Message.lacks();
}

/// Takes keys away, and what is said of them.
fn remove(schema: &mut Schema, keys: &[&str]) {
    if let Some(Value::Object(properties)) = schema.get_mut("properties") {
        properties.retain(|key, _| !keys.contains(&key.as_str()));
    }
    let named = |value: &Value| value.as_str().is_some_and(|key| keys.contains(&key));
    if let Some(Value::Array(choices)) = schema.get_mut("oneOf") {
        choices.retain(|choice| !choice.pointer("/required/0").is_some_and(named));
    }
    let about =
        |part: &Value| part.pointer("/not/required").and_then(Value::as_array).is_some_and(|all| all.iter().any(named));
    let mut none_left = false;
    if let Some(Value::Array(parts)) = schema.get_mut("allOf") {
        parts.retain(|part| !about(part));
        none_left = parts.is_empty();
    }
    if none_left {
        schema.remove("allOf");
    }
}

/// A step that can be taken again and again.
pub(super) enum Leaf {}

impl JsonSchema for Leaf {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "request_or_command".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = StepWire::json_schema(generator);
        if let Some(Value::Object(properties)) = schema.get_mut("properties") {
            properties.retain(|key, _| LEAVES.contains(&key.as_str()));
        }
        schema
    }
}

/// What may stand without a value.
pub(super) struct Bare<T>(std::marker::PhantomData<T>);

impl<T: JsonSchema> JsonSchema for Bare<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        format!("{}_or_nothing", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({"anyOf": [generator.subschema_for::<T>(), {"const": null}]})
    }
}

/// One check.
pub(super) fn ready(schema: &mut Schema) {
    document::one_of(schema, &CHECKS);
}

/// One place in the answer.
pub(super) fn capture(schema: &mut Schema) {
    document::one_of(schema, &WAYS);
    schema.insert("dependencies".to_owned(), json!({"attr": ["css"]}));
    // `all: false` may stand anywhere.
    let refused = SINGLE.map(|key| json!({"not": {"required": [key, "all"], "properties": {"all": {"const": true}}}}));
    schema.insert("allOf".to_owned(), refused.to_vec().into());
}

/// At most one of these keys.
fn at_most_one(schema: &mut Schema, keys: &[&str]) {
    let mut refused = Vec::new();
    for (index, one) in keys.iter().enumerate() {
        refused.extend(keys.iter().skip(index + 1).map(|other| json!({"not": {"required": [one, other]}})));
    }
    schema.insert("allOf".to_owned(), refused.into());
}

/// One body.
pub(super) fn request(schema: &mut Schema) {
    at_most_one(schema, &BODIES);
}

/// One way to say who asks.
pub(super) fn auth(schema: &mut Schema) {
    document::one_of(schema, &["basic", "bearer"]);
}

/// One content.
pub(super) fn part(schema: &mut Schema) {
    document::one_of(schema, &["text", "file"]);
}

/// One content.
pub(super) fn message(schema: &mut Schema) {
    document::one_of(schema, &["json", "text"]);
}

/// One place that a secret comes from.
pub(super) fn secret(schema: &mut Schema) {
    document::one_of(schema, &["from_env", "from_file"]);
}

/// A time that goes with one end only.
pub(super) fn ws(schema: &mut Schema) {
    let silent = json!({"required": ["end"], "properties": {"end": {"const": "silent"}}});
    schema.insert("dependencies".to_owned(), json!({"silent_for": silent}));
}

/// What is said of processes only.
pub(super) fn restart(schema: &mut Schema) {
    schema.insert("dependencies".to_owned(), json!({"signal": ["process"], "which": ["process"]}));
}

/// One pace, and one end.
pub(super) fn churn(schema: &mut Schema) {
    document::one_of(schema, &["every", "rate"]);
    at_most_one(schema, &["stop", "idle_tail"]);
}

/// One source, and something that is expected.
pub(super) fn counter(schema: &mut Schema) {
    document::one_of_at_least(schema, &["at_least", "at_most"]);
    schema.insert(
        "oneOf".to_owned(),
        json!([{"required": ["read", "json"]}, {"required": ["read", "regex"]}, {"required": ["log"]}]),
    );
    schema.insert(
        "allOf".to_owned(),
        json!([{"not": {"required": ["log", "absent"]}}, {"not": {"required": ["log", "read"]}}]),
    );
    read(schema);
}

/// One place in the answer.
pub(super) fn series(schema: &mut Schema) {
    document::one_of(schema, &["json", "regex"]);
    read(schema);
}

/// What is read is a request or a command.
fn read(schema: &mut Schema) {
    let others = json!({"propertyNames": {"enum": LEAVES}});
    schema.insert("if".to_owned(), json!({"required": ["read"]}));
    schema.insert("then".to_owned(), json!({"properties": {"read": others}}));
}

form::forms! {
    /// A limit of resources.
    Limit: json_schema!({"type": ["string", "integer"], "minimum": -1, "pattern": "^\\s*[-+]?[0-9]+\\s*$"});
    /// A network.
    Network: json_schema!({"anyOf": [{"enum": NETWORKS}, template()]});
    /// An HTTP status, or a class of them.
    Status: json_schema!({
        "type": ["string", "integer"], "minimum": 100, "maximum": 599, "pattern": "^(\\+?0*[1-5][0-9]{2}|\\+?0*[1-5](xx|XX))$",
    });
    /// A number of iterations in a time.
    Rate: json_schema!({"type": "string", "pattern": "^\\s*\\+?[0-9.eE+-]+\\s*/\\s*[smh]\\s*$"});
    /// A name that templates can use.
    Name: json_schema!({"type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_]*$"});
    /// The name of a snapshot.
    ProbeName: json_schema!({"anyOf": [
        {"type": ["string", "number", "boolean"], "pattern": "\\S", "maxLength": 40},
        template(),
    ]});
    /// What is gone through.
    Items: json_schema!({"anyOf": [
        {"type": "array", "minItems": 1},
        {"type": "string", "pattern": "^\\s*\\{\\{"},
    ]});
    /// The name of a class.
    ClassName: json_schema!({"type": "string", "pattern": CLASS, "maxLength": 64});
    /// An HTTP status that may be written as text.
    StatusText: json_schema!({
        "type": ["string", "integer"], "minimum": 100, "maximum": 599, "pattern": "^\\s*\\+?[1-5][0-9]{2}\\s*$",
    });
    /// A signal; with or without `SIG`, in any case.
    Signal: signal(&SIGNALS);
    /// A signal that a step sends.
    AnySignal: signal(&ALL_SIGNALS);
    /// A length of the warm-up.
    Warmup: json_schema!({"anyOf": [{"const": "auto"}, {"type": "string", "pattern": form::duration(false)}]});
}

fn template() -> Value {
    json!({"type": "string", "pattern": form::TEMPLATE})
}

fn signal(known: &[&str]) -> Schema {
    let names: Vec<String> = known.iter().map(|name| form::any_case(name.trim_start_matches("SIG"))).collect();
    let any_case = format!("^({})?({})$", form::any_case("SIG"), names.join("|"));
    json_schema!({"anyOf": [{"enum": known}, {"type": "string", "pattern": any_case}, template()]})
}
