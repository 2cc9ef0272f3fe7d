//! The JSON Schemas of the files that a night leaves: for whoever reads them with another program.

use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use schemars::{JsonSchema, Schema};
use serde_json::Value;

use super::{Assessment, HistoryLine, RunRecord};

/// The JSON Schema (draft 7) of `run.json`, as indented text. Files of every older format are of it.
pub fn run_schema() -> String {
    schema::<RunRecord>("run.json of slowdrip")
}

/// The JSON Schema (draft 7) of `findings.json`, as indented text. Files of every older format are of it.
pub fn findings_schema() -> String {
    schema::<Assessment>("findings.json of slowdrip")
}

/// The JSON Schema (draft 7) of one line of `history.jsonl`, as indented text. Lines of every older format are of it.
pub fn history_schema() -> String {
    schema::<HistoryLine>("A line of history.jsonl of slowdrip")
}

fn schema<T: JsonSchema>(title: &str) -> String {
    let generator = SchemaSettings::draft07()
        .with_transform(RecursiveTransform(unwrap_lines))
        .with_transform(RecursiveTransform(unlink))
        .into_generator();
    let mut schema = generator.into_root_schema_for::<T>();
    schema.insert("title".to_owned(), title.into());
    format!("{:#}\n", schema.to_value())
}

/// The lines of a comment end where its file ends them, which is nothing to an editor.
pub(crate) fn unwrap_lines(schema: &mut Schema) {
    if let Some(Value::String(about)) = schema.get_mut("description") {
        *about = about.replace('\n', " ");
    }
}

/// Links between comments lead nowhere from a schema.
fn unlink(schema: &mut Schema) {
    if let Some(Value::String(about)) = schema.get_mut("description") {
        *about = about.replace("[`super::", "`").replace("[`", "`").replace("`]", "`");
    }
}
