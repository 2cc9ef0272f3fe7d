//! The integration tests, in one binary: one file per subject.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests may panic as tests do")]

mod access;
mod architecture;
mod bad_days;
mod bad_input;
mod bad_nights;
mod browser;
mod calibrate;
mod churn;
mod demo_app;
mod diff;
mod doctor;
mod documents;
mod driven;
mod engine;
mod fixture;
mod gate;
mod night;
mod probe;
mod reading;
mod scenarios;
mod schemas;
mod shapes;
mod side_by_side;
mod stored_schemas;
mod support;
mod target;
