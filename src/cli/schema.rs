//! `slowdrip schema`: the JSON Schema of a kind of file.

use super::args::{SchemaArgs, SchemaOf};
use super::{Exit, console};
use crate::{model, report, scenario, threshold};

pub(super) fn run(args: &SchemaArgs) -> Exit {
    console::out(&match args.of {
        SchemaOf::Scenario => scenario::schema(),
        SchemaOf::Flow => scenario::flow_schema(),
        SchemaOf::Thresholds => threshold::schema(),
        SchemaOf::Diff => report::diff_schema(),
        SchemaOf::Run => model::run_schema(),
        SchemaOf::Findings => model::findings_schema(),
        SchemaOf::History => model::history_schema(),
    });
    Exit::Pass
}
