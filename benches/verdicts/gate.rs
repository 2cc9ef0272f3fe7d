//! The release gate: two nights of one application, each a little different by chance, and what a real difference takes to be
//! seen. Every gate has twelve classes of counts and one of memory, and asks of each for growth and for level, as a real one does.

use rand::Rng as _;
use slowdrip::gate::{FALSE_ALARMS, Pair, Terms, counts, level, level_allowed, memory};
use slowdrip::judge::Evidence;
use slowdrip::stats::holm::significant;

use crate::options::Options;
use crate::sim::{
    Background, Identity, LeakKind, MemoryNight, MemoryShape, Plan, Rng, Sampled, Shape, generator, made,
};
use crate::trial::{each, upper};

const MIB: f64 = 1024.0 * 1024.0;
/// Classes of counts in a gate.
const CLASSES: u64 = 12;
/// Questions of a gate: growth and level of each class, memory too.
const QUESTIONS: f64 = 2.0 * (CLASSES as f64 + 1.0);

/// Prints the tables.
pub(crate) fn run(options: &Options) {
    alarms(options);
    power(options);
    standing(options);
    memory_power(options);
}

/// The other night of the same application: what stays for good comes a little earlier or later, what passes comes at other
/// times.
fn twin(background: &Background, end: f64, rng: &mut Rng) -> Background {
    let shift = rng.random_range(0.0..end);
    let handles = background.handles.iter().map(|(born, died)| {
        if died.is_infinite() {
            return (born * rng.random_range(0.8..1.25), *died);
        }
        let moved = (born + shift) % end;
        (moved, moved + died - born)
    });
    Background { handles: handles.collect(), ..*background }
}

/// A class of both nights.
struct Class {
    candidate: Sampled,
    baseline: Sampled,
}

fn class(shape: Shape, minutes: f64, rates: (f64, f64), kind: LeakKind, rng: &mut Rng) -> Class {
    let identity = Identity::ALL[rng.random_range(0..Identity::ALL.len())];
    let plan = |rate| Plan { shape, rate, kind, minutes, interval: 5.0, identity };
    let background = shape.background(minutes * 60.0, rng);
    let other = twin(&background, minutes * 60.0, rng);
    Class { candidate: made(&plan(rates.0), background, rng), baseline: made(&plan(rates.1), other, rng) }
}

/// What a class says: the chances of its growth and of its level, and the extra growth that would have been seen.
fn judged(class: &Class) -> ([f64; 2], Option<f64>) {
    let evidence =
        |night: &'_ Sampled| -> (Vec<(f64, f64)>, Vec<f64>) { (night.points.clone(), night.restarts.clone()) };
    let (own, other) = (evidence(&class.candidate), evidence(&class.baseline));
    let pair = Pair {
        candidate: Evidence { points: &own.0, lives: class.candidate.lives.as_ref(), restarts: &own.1, room: None },
        baseline: Evidence { points: &other.0, lives: class.baseline.lives.as_ref(), restarts: &other.1, room: None },
    };
    let terms =
        Terms { margin: 0.0, cycle_s: class.candidate.cycle_s, warmup_s: None, alpha: FALSE_ALARMS / QUESTIONS };
    let growth = counts(&pair, &terms).ok();
    let held = level(&own.0, &other.0, 0.25);
    let p = held.map_or(1.0, |held| held.p(level_allowed(None, held.baseline, 3.0)));
    ([growth.as_ref().map_or(1.0, |growth| growth.p), p], growth.and_then(|growth| growth.seen))
}

fn memory_pair(shape: MemoryShape, minutes: f64, rates: (f64, f64), rng: &mut Rng) -> ([f64; 2], Option<f64>) {
    let night = |rate| MemoryNight { shape, rate, minutes, interval: 5.0 };
    // The level is the application's, the rest is the night's.
    let points = |rate, rng: &mut Rng| -> Vec<(f64, f64)> {
        let own = night(rate).points(rng);
        let base = own.iter().map(|point| point.1).fold(f64::INFINITY, f64::min);
        own.into_iter().map(|(at, level)| (at, (level - base + 300.0) * MIB)).collect()
    };
    let (own, other) = (points(rates.0, rng), points(rates.1, rng));
    let evidence = |points| Evidence { points, lives: None, restarts: &[], room: None };
    let pair = Pair { candidate: evidence(&own[..]), baseline: evidence(&other[..]) };
    let terms = Terms { margin: 10.0 * MIB, cycle_s: None, warmup_s: None, alpha: FALSE_ALARMS / QUESTIONS };
    let growth = memory(&pair, &terms).ok();
    let held = level(&own, &other, 256.0 * 1024.0);
    let p = held.map_or(1.0, |held| held.p(level_allowed(None, held.baseline, 10.0 * MIB)));
    ([growth.as_ref().map_or(1.0, |growth| growth.p), p], growth.and_then(|growth| growth.seen))
}

/// A whole gate: the questions that found the candidate worse, by whether they ask for growth.
fn gate(shapes: &[Shape], minutes: f64, rate: f64, rng: &mut Rng) -> (bool, bool) {
    let mut all = Vec::new();
    for _ in 0..CLASSES {
        let shape = shapes[rng.random_range(0..shapes.len())];
        all.extend(judged(&class(shape, minutes, (rate, rate), LeakKind::Poisson, rng)).0);
    }
    let shape = MemoryShape::EVERYDAY[rng.random_range(0..MemoryShape::EVERYDAY.len())];
    all.extend(memory_pair(shape, minutes, (0.0, 0.0), rng).0);
    let found = significant(&all, FALSE_ALARMS);
    let any = |which: usize| found.iter().skip(which).step_by(2).any(|found| *found);
    (any(0), any(1))
}

/// Gates between two like applications that find the candidate worse.
fn alarms(options: &Options) {
    println!("Two like nights, {CLASSES} classes of counts and memory: gates that find the candidate worse.\n");
    println!("{:<40} {:>6} {:>8} {:>8} {:>8} {:>8}", "backgrounds", "gates", "growth", "level", "either", "at most");
    for (name, shapes, minutes, rate) in [
        ("everyday, 30 min", &Shape::EVERYDAY[..], 30.0, 0.0),
        ("everyday, 60 min", &Shape::EVERYDAY[..], 60.0, 0.0),
        ("harder, 30 min", &Shape::HARDER[..], 30.0, 0.0),
        ("everyday, all leak alike 30/h, 30 min", &Shape::EVERYDAY[..], 30.0, 30.0),
        ("everyday, all leak alike 200/h, 30 min", &Shape::EVERYDAY[..], 30.0, 200.0),
    ] {
        let n = if minutes > 30.0 || rate > 0.0 { options.series / 2 } else { options.series };
        let found = each(n, |i| gate(shapes, minutes, rate, &mut generator(options.seed, name, i)));
        let count = |of: fn(&(bool, bool)) -> bool| found.iter().filter(|found| of(found)).count() as u64;
        let (growth, held, either) =
            (count(|found| found.0), count(|found| found.1), count(|found| found.0 || found.1));
        let share = |hits: u64| 100.0 * hits as f64 / n as f64;
        println!(
            "{name:<40} {n:>6} {:>6.2} % {:>6.2} % {:>6.2} % {:>6.2} %",
            share(growth),
            share(held),
            share(either),
            100.0 * upper(either, n)
        );
    }
}

/// The share of gates that find one class of the candidate to grow faster; the other classes find nothing.
fn told(options: &Options, name: &str, shape: Shape, minutes: f64, rates: (f64, f64), n: u64) -> (f64, f64) {
    let found = each(n, |i| {
        let mut rng = generator(options.seed, name, i);
        let kind = LeakKind::MIX[i as usize % LeakKind::MIX.len()];
        let (p, seen) = judged(&class(shape, minutes, rates, kind, &mut rng));
        (p[0] <= FALSE_ALARMS / QUESTIONS, seen)
    });
    let share = found.iter().filter(|found| found.0).count() as f64 / n as f64;
    let mut seen: Vec<f64> = found.iter().map(|found| found.1.unwrap_or(f64::INFINITY)).collect();
    seen.sort_by(f64::total_cmp);
    (share, seen[seen.len() / 2])
}

fn power(options: &Options) {
    let n = (options.series / 8).max(8);
    println!("\nA candidate that drips beside a clean baseline: share found by growth, four kinds of leaks alike.\n");
    println!(
        "{:<12} {:>8} {:>7} {:>7} {:>7} {:>7} {:>7} {:>14}",
        "background", "minutes", "12/h", "24/h", "48/h", "96/h", "300/h", "said, clean"
    );
    for minutes in [30.0, 60.0] {
        for shape in [Shape::Flat, Shape::InFlight, Shape::WarmExp, Shape::Rotate, Shape::Mix] {
            let of = |rate| told(options, shape.name(), shape, minutes, (rate, 0.0), n);
            let shares: Vec<String> =
                [12.0, 24.0, 48.0, 96.0, 300.0].iter().map(|rate| format!("{:>7.2}", of(*rate).0)).collect();
            println!("{:<12} {minutes:>8} {} {:>12.0}/h", shape.name(), shares.join(" "), of(0.0).1);
        }
    }
    println!(
        "\nThe same at the growth that the gate says it would have seen (steady drips; 0.90 is what it claims).\n"
    );
    for minutes in [30.0, 60.0] {
        for shape in [Shape::Flat, Shape::InFlight, Shape::WarmExp] {
            let found = each(2 * n, |i| {
                let make = |rate| {
                    let mut rng = generator(options.seed, shape.name(), i);
                    judged(&class(shape, minutes, (rate, 0.0), LeakKind::Poisson, &mut rng))
                };
                let seen = make(0.0).1?;
                Some(make(seen).0[0] <= FALSE_ALARMS / QUESTIONS)
            });
            let known = found.iter().flatten().count().max(1) as f64;
            let share = found.iter().flatten().filter(|found| **found).count() as f64 / known;
            println!("{:<12} {minutes:>8} {share:>7.2}", shape.name());
        }
    }
}

fn standing(options: &Options) {
    let n = (options.series / 8).max(8);
    println!("\nA baseline that leaks already, flat background, 30 min: share of gates that find so much more.\n");
    println!("{:<12} {:>8} {:>8} {:>8} {:>8}", "baseline", "+25 %", "+50 %", "+100 %", "+300 %");
    for rate in [30.0, 60.0, 200.0, 600.0] {
        let of = |times: f64| {
            let found = each(n, |i| {
                let mut rng = generator(options.seed, "standing", i);
                let pair = class(Shape::Flat, 30.0, (rate * times, rate), LeakKind::Poisson, &mut rng);
                judged(&pair).0[0] <= FALSE_ALARMS / QUESTIONS
            });
            found.iter().filter(|found| **found).count() as f64 / n as f64
        };
        let shares: Vec<String> = [1.25, 1.5, 2.0, 4.0].iter().map(|times| format!("{:>8.2}", of(*times))).collect();
        println!("{:<12} {}", format!("{rate}/h"), shares.join(" "));
    }
}

fn memory_power(options: &Options) {
    let n = (options.series / 4).max(8);
    println!(
        "\nMemory that grows beside a baseline that does not, MiB per hour, 10 allowed: share found; and alike.\n"
    );
    println!(
        "{:<10} {:>8} {:>7} {:>7} {:>7} {:>7} {:>14}",
        "shape", "minutes", "alike", "30", "100", "300", "said, clean"
    );
    for minutes in [30.0, 60.0] {
        for shape in MemoryShape::EVERYDAY {
            let of = |rate: f64| {
                let found = each(n, |i| {
                    let mut rng = generator(options.seed, shape.name(), i);
                    let (p, seen) = memory_pair(shape, minutes, (rate, 0.0), &mut rng);
                    (p[0] <= FALSE_ALARMS / QUESTIONS, seen.unwrap_or(f64::INFINITY) / MIB)
                });
                let mut seen: Vec<f64> = found.iter().map(|found| found.1).collect();
                seen.sort_by(f64::total_cmp);
                (found.iter().filter(|found| found.0).count() as f64 / n as f64, seen[seen.len() / 2])
            };
            let shares: Vec<String> =
                [0.0, 30.0, 100.0, 300.0].iter().map(|rate| format!("{:>7.2}", of(*rate).0)).collect();
            println!("{:<10} {minutes:>8} {} {:>12.0}/h", shape.name(), shares.join(" "), of(0.0).1);
        }
    }
}
