//! The door for newcomers: a short night against an application that leaks on purpose, with nothing else at hand.
//!
//! [`prepare`] writes the scenario, its thresholds and an image of this very program into a folder; the night is run like any other;
//! [`judge_demo`] says whether exactly what was [`planted`] was found. [`Shipped`] are longer nights against the same application, each with
//! a fault that was met in real ones and without it.

pub mod app;
pub mod image;

mod outcome;
mod prepare;
mod shipped;

pub use outcome::{DemoOutcome, judge_demo, planted};
pub use prepare::{PrepareError, Prepared, prepare, prepare_shipped};
pub use shipped::Shipped;

/// The demo's scenario in a container, `scenarios/demo.yaml`.
pub const SCENARIO: &str = include_str!("../../scenarios/demo.yaml");
/// The demo's scenario as a local process, `scenarios/demo-process.yaml`.
pub const SCENARIO_PROCESS: &str = include_str!("../../scenarios/demo-process.yaml");
/// The thresholds of both, `thresholds/demo.yaml`.
pub const THRESHOLDS: &str = include_str!("../../thresholds/demo.yaml");
