//! The verdicts held against made-up nights whose truth is known: false alarms, power, sensitivity, and what a night costs.
//!
//! `cargo bench --bench verdicts [-- PARTS] [--seed N] [--series N] [--corpus FILE --identity FILE]`. Every run has a fresh
//! seed unless one is given, and prints it. docs/statistics.md says what each figure means.

#![expect(
    clippy::print_stdout,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::indexing_slicing,
    reason = "the figures are what a benchmark is for, and its numbers are small"
)]

mod alarms;
mod corpus;
mod dead;
mod gate;
mod made;
mod memory;
mod night;
mod options;
mod power;
mod sensitivity;
mod sim;
mod tradeoff;
mod trial;

use options::Options;

/// A part of the benchmark: its name, and what prints its tables.
type Part = (&'static str, fn(&Options));

const PARTS: &[Part] = &[
    ("corpus", corpus::run),
    ("false-alarms", alarms::run),
    ("power", power::run),
    ("memory", memory::run),
    ("tradeoff", tradeoff::run),
    ("sensitivity", sensitivity::run),
    ("dead", dead::run),
    ("night", night::run),
    ("gate", gate::run),
];

fn main() {
    let options = match Options::read(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(why) => {
            println!("{why}");
            std::process::exit(2);
        }
    };
    println!("seed {}, {} nights a row", options.seed, options.series);
    for (name, run) in PARTS {
        if options.parts.is_empty() || options.parts.iter().any(|wanted| wanted == name) {
            let begun = std::time::Instant::now();
            println!("\n## {name}\n");
            run(&options);
            println!("\n{name}: {:.0} s", begun.elapsed().as_secs_f64());
        }
    }
}
