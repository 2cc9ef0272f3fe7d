//! slowdrip soaks a containerised application for half an hour, reads its handles from the host's /proc, and says what leaks.
//!
//! The modules stand in the order of the pipeline:
//!
//! 1. [`scenario`] and [`threshold`] read (through [`document`]) what to run and what is acceptable, in the words of [`model`],
//! 2. [`target`] brings the application up, [`flow`] seeds it, [`probe`] takes snapshots (through [`access`]), [`evidence`] keeps what would be lost,
//! 3. [`history`] stores the night as it comes and loads it again,
//! 4. [`series`], [`stats`], [`judge`], [`diff`] and [`gate`] turn stored nights into findings and a verdict, and [`calibrate`] clean nights into thresholds, without I/O,
//! 5. [`report`] renders the pages,
//! 6. [`night`] runs the phases, [`cli`] is the command line, [`demo`] brings an application that leaks on purpose.

pub mod document;
pub mod model;

pub mod scenario;
pub mod threshold;

pub mod pack;

pub mod target;

pub mod flow;

pub mod probe;

pub mod evidence;

pub mod access;

pub mod history;

pub mod series;

pub mod stats;

pub mod judge;

pub mod calibrate;

pub mod diff;

pub mod gate;

pub mod report;

pub mod night;

pub mod demo;

pub mod cli;
