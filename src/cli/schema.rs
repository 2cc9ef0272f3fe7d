//! `slowdrip schema scenario|flow|thresholds|diff`: the JSON Schema of a kind of file.

use super::args::{SchemaArgs, SchemaOf};
use super::{Exit, console};
use crate::{report, scenario, threshold};

pub(super) fn run(args: &SchemaArgs) -> Exit {
    console::out(&match args.of {
        SchemaOf::Scenario => scenario::schema(),
        SchemaOf::Flow => scenario::flow_schema(),
        SchemaOf::Thresholds => threshold::schema(),
        SchemaOf::Diff => report::diff_schema(),
    });
    Exit::Pass
}
