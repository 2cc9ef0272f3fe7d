//! Labelled series from files, one JSON object per line.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use slowdrip::judge::{Evidence, Terms, judge_count, judge_memory};
use slowdrip::series::{Life, Lives};

use crate::options::Options;
use crate::trial::word;

const MIB: f64 = 1024.0 * 1024.0;

/// A series and what is true of it. `mem_…` shapes are memory in MB.
#[derive(Debug, Deserialize)]
struct Labelled {
    name: String,
    shape: String,
    times: Vec<f64>,
    values: Vec<f64>,
    label: String,
    restarts: Vec<f64>,
    cycle_s: f64,
}

/// Births and deaths of the handles of a series; a death of `null` never was.
#[derive(Debug, Deserialize)]
struct Handles {
    name: String,
    births: Vec<f64>,
    deaths: Vec<Option<f64>>,
}

/// Prints the table. Without `--corpus` it takes the repository's own few series.
pub(crate) fn run(options: &Options) {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/series.jsonl");
    let corpus: Vec<Labelled> = lines(options.corpus.as_deref().unwrap_or(&own));
    let identity = options.identity.as_deref().map(lines::<Handles>).unwrap_or_default();
    let identity: BTreeMap<&str, &Handles> = identity.iter().map(|own| (own.name.as_str(), own)).collect();
    let mut table: BTreeMap<(&str, &str), BTreeMap<&'static str, u64>> = BTreeMap::new();
    for series in &corpus {
        let memory = series.shape.starts_with("mem_");
        let scale = if memory { MIB } else { 1.0 };
        let points: Vec<(f64, f64)> =
            series.times.iter().zip(&series.values).map(|(at, value)| (*at, value * scale)).collect();
        let lives = identity.get(series.name.as_str()).map(|own| {
            let seen = own.births.iter().zip(&own.deaths);
            Lives::new(seen.map(|(born, died)| Life { born_s: *born, died_s: *died, count: 1 }).collect())
        });
        let evidence =
            Evidence { points: &points, lives: lives.as_ref(), restarts: &series.restarts, room: Some(1000.0) };
        let growth = if memory {
            judge_memory(&evidence, &Terms::allowing(None))
        } else {
            let cycle_s = Some(series.cycle_s).filter(|cycle| *cycle > 0.0);
            judge_count(&evidence, &Terms { cycle_s, ..Terms::allowing(Some(0.0)) })
        };
        let row = table.entry((&series.label, &series.shape)).or_default();
        *row.entry(word(&growth.outcome)).or_default() += 1;
    }
    println!("{:<6} {:<14} verdicts", "label", "shape");
    for ((label, shape), verdicts) in table {
        let all: Vec<String> = verdicts.iter().map(|(word, n)| format!("{n} {word}")).collect();
        println!("{label:<6} {shape:<14} {}", all.join(", "));
    }
}

fn lines<T: for<'de> Deserialize<'de>>(path: &Path) -> Vec<T> {
    let text = std::fs::read_to_string(path).unwrap_or_else(|why| panic!("cannot read {}: {why}", path.display()));
    text.lines()
        .enumerate()
        .map(|(i, line)| {
            serde_json::from_str(line).unwrap_or_else(|why| panic!("{}, line {}: {why}", path.display(), i + 1))
        })
        .collect()
}
