//! What a look costs, held against the bare kernel, other tools and the target's own work. Two things are always timed in one
//! run, turn by turn, and given as ratios.
//!
//! `cargo bench --bench probe` runs all parts, `cargo bench --bench probe -- scan sockets` some of them. docs/performance.md
//! says what each figure means.

#![expect(clippy::print_stdout, reason = "the figures are what a benchmark is for")]

mod felt;
mod holder;
mod scan;
mod soak;
mod sockets;
mod whole;

/// A part of the benchmark: its name, and what prints its table.
type Part = (&'static str, fn());

const PARTS: &[Part] =
    &[("scan", scan::run), ("whole", whole::run), ("sockets", sockets::run), ("soak", soak::run), ("felt", felt::run)];

fn main() {
    if holder::wanted() {
        return holder::hold();
    }
    // `cargo bench` hands `--bench` on.
    let wanted: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    for (name, run) in PARTS {
        if wanted.is_empty() || wanted.iter().any(|wanted| wanted == name) {
            println!("\n## {name}\n");
            run();
        }
    }
}
