//! JSON Schemas of the two kinds of files, made from their wire forms: what editors know of a file before it is read.

use std::borrow::Cow;

use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::Value;

use super::{Choice, Either, OneOrMany, Ordered, Scalar};
use crate::model::unwrap_lines;

/// The JSON Schema of a wire form, as indented text that ends with a line feed. Of draft 7, which every editor reads.
pub(crate) fn schema<T: JsonSchema>() -> String {
    let generator = SchemaSettings::draft07()
        .with_transform(RecursiveTransform(refuse_nulls))
        .with_transform(RecursiveTransform(unwrap_lines))
        .into_generator();
    format!("{:#}\n", generator.into_root_schema_for::<T>().to_value())
}

/// A key that may be left out may still not be empty.
fn refuse_nulls(schema: &mut Schema) {
    let Some(object) = schema.as_object_mut() else { return };
    if let Some(Value::Array(types)) = object.get_mut("type") {
        types.retain(|name| name != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            object.insert("type".to_owned(), only);
        }
    }
    let Some(Value::Array(choices)) = object.get_mut("anyOf") else { return };
    let before = choices.len();
    choices.retain(|choice| choice.get("type") != Some(&Value::from("null")));
    // What was one of two is all of one.
    if let ([only], true) = (choices.as_slice(), choices.len() < before) {
        let only = only.clone();
        object.remove("anyOf");
        match only.as_object().filter(|only| !only.contains_key("$ref")) {
            Some(only) => {
                for (key, value) in only {
                    object.entry(key.as_str()).or_insert_with(|| value.clone());
                }
            }
            // Draft 7 does not look at what stands beside a reference.
            None => {
                object.insert("allOf".to_owned(), Value::Array(vec![only]));
            }
        }
    }
}

/// Asks for at least one of these keys.
pub(crate) fn one_of_at_least(schema: &mut Schema, keys: &[&str]) {
    schema.insert("anyOf".to_owned(), required(keys));
}

/// Asks for exactly one of these keys.
pub(crate) fn one_of(schema: &mut Schema, keys: &[&str]) {
    schema.insert("oneOf".to_owned(), required(keys));
}

fn required(keys: &[&str]) -> Value {
    keys.iter().map(|key| serde_json::json!({"required": [key]})).collect()
}

impl JsonSchema for Scalar {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "scalar".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": ["string", "number", "boolean"]})
    }
}

impl<T: JsonSchema> JsonSchema for Choice<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        generator.subschema_for::<T>()
    }
}

impl<M: JsonSchema> JsonSchema for Either<M> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("scalar_or_{}", M::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({"anyOf": [generator.subschema_for::<Scalar>(), generator.subschema_for::<M>()]})
    }
}

impl<T: JsonSchema> JsonSchema for OneOrMany<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("one_or_many_{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({"anyOf": [generator.subschema_for::<T>(), generator.subschema_for::<Vec<T>>()]})
    }
}

impl<T: JsonSchema> JsonSchema for Ordered<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("mapping_of_{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "object", "additionalProperties": generator.subschema_for::<T>()})
    }
}
