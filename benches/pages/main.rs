//! What the pages cost: a large night's, the trend of a year, the comparison of two nights; and how often the trend marks a change
//! where there is none.
//!
//! `cargo bench --bench pages` runs all parts, `cargo bench --bench pages -- night trend` some of them. docs/performance.md and
//! docs/statistics.md say what each figure means.

#![expect(
    clippy::print_stdout,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the figures are what a benchmark is for, and its numbers are small"
)]

mod changes;
#[path = "../verdicts/made.rs"]
mod made;
mod night;
mod timed;
mod trend;

/// A part of the benchmark: its name, and what prints its table.
type Part = (&'static str, fn());

const PARTS: &[Part] = &[("night", night::run), ("trend", trend::run), ("changes", changes::run)];

fn main() {
    // `cargo bench` hands `--bench` on.
    let wanted: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    for (name, run) in PARTS {
        if wanted.is_empty() || wanted.iter().any(|wanted| wanted == name) {
            println!("\n## {name}\n");
            run();
        }
    }
}
