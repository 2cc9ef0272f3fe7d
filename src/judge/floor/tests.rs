//! The rules held against labelled series: simulated counts and memory of everyday shapes, half of them with a known drip.

use serde::Deserialize;

use super::judge;
use crate::judge::evidence::{Evidence, Growth, Outcome, Terms, judge_memory};

/// A series with what is true of it and what the reference procedure (counts only) said.
#[derive(Debug, Deserialize)]
struct Labelled {
    name: String,
    shape: String,
    times: Vec<f64>,
    values: Vec<f64>,
    unit: String,
    label: String,
    true_rate: f64,
    restarts: Vec<f64>,
    cycle_s: f64,
    reference: Reference,
}

#[derive(Debug, Deserialize)]
struct Reference {
    verdict: String,
    k: Option<usize>,
    rise: Option<f64>,
    obs_s: Option<f64>,
    rate: f64,
    lo: Option<f64>,
    hi: Option<f64>,
    excluded: Option<f64>,
}

const MIB: f64 = 1024.0 * 1024.0;

impl Labelled {
    fn all(text: &str) -> Vec<Self> {
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn judged(&self) -> Growth {
        let scale = if self.unit == "MB" { MIB } else { 1.0 };
        let points: Vec<_> = self.times.iter().zip(&self.values).map(|(at, value)| (*at, value * scale)).collect();
        let evidence = Evidence { points: &points, lives: None, restarts: &self.restarts, room: Some(1000.0) };
        if self.unit == "MB" {
            return judge_memory(&evidence, &Terms::allowing(None));
        }
        let cycle_s = Some(self.cycle_s).filter(|cycle| *cycle > 0.0);
        judge(&evidence, &Terms { cycle_s, ..Terms::allowing(Some(0.0)) })
    }
}

fn word(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Leaks => "LEAK",
        Outcome::Holds => "PASS",
        Outcome::Undecided(_) => "INCONCLUSIVE",
    }
}

fn fixtures() -> Vec<Labelled> {
    Labelled::all(include_str!("../../../tests/fixtures/series.jsonl"))
}

#[test]
fn no_clean_series_leaks() {
    for series in fixtures().iter().filter(|series| series.label == "clean") {
        assert_ne!(word(&series.judged().outcome), "LEAK", "{} ({})", series.name, series.shape);
    }
}

#[test]
fn no_verdict_contradicts_the_reference() {
    for series in fixtures() {
        let found = series.judged();
        let pair = (word(&found.outcome), series.reference.verdict.as_str());
        let contradicts = matches!(pair, ("PASS", "LEAK") | ("LEAK", "PASS"));
        assert!(!contradicts, "{} ({}): {pair:?}", series.name, series.shape);
    }
}

#[test]
fn figures_agree_with_the_reference() {
    for series in fixtures() {
        let found = series.judged();
        let (Some(estimate), expected) = (found.estimate, &series.reference) else { continue };
        // Of what was too short the reference gives no figures.
        if estimate.excluded_above.is_none() {
            continue;
        }
        let scale = if series.unit == "MB" { MIB } else { 1.0 };
        let close = |what: &str, found: f64, expected: Option<f64>, slack: f64| {
            if let Some(expected) = expected {
                let found = found / scale;
                assert!(
                    (found - expected).abs() <= slack * expected.abs() + 1e-6,
                    "{}: {what} {found}, {expected}",
                    series.name
                );
            }
        };
        close("rate", estimate.rate, Some(expected.rate), 1e-6);
        close("low", estimate.low, expected.lo, 1e-6);
        close("high", estimate.high, expected.hi, 1e-6);
        if let (Some(k), Some(obs_s)) = (expected.k, expected.obs_s) {
            assert_eq!(estimate.steps.len(), k, "{}", series.name);
            close("rise", estimate.rise, expected.rise, 1e-9);
            close("observed", estimate.observed_s, Some(obs_s), 1e-9);
        }
        if let (Some(excluded), Some(most), "count") = (estimate.excluded_above, expected.excluded, &*series.unit) {
            // Steps of a warm-up do not count against the bound any more.
            assert!(excluded <= most + 1e-6, "{}: excluded {excluded}, {most}", series.name);
        }
    }
}

#[test]
fn most_drips_above_the_sensitivity_are_found() {
    let fixtures = fixtures();
    let above: Vec<_> = fixtures
        .iter()
        .filter(|series| {
            let sensitivity = series.judged().estimate.and_then(|estimate| estimate.sensitivity);
            series.unit == "count" && sensitivity.is_some_and(|rate| series.true_rate > 1.5 * rate)
        })
        .collect();
    let found = above.iter().filter(|series| word(&series.judged().outcome) == "LEAK").count();
    assert!(above.len() >= 4 && found * 10 >= above.len() * 8, "{found} of {}", above.len());
}
