//! What the target feels of being read.
//!
//! A process that holds many descriptors opens and closes a file as fast as it can, and says every 100 ms how often it did.
//! In turns it is left alone, looked at, or (the control) another process with as many descriptors is looked at, which costs
//! the machine the same and the process nothing. Each turn is as long as the interval of a soak and has one look in it. The
//! order within a round is random; the interval of confidence is of whole rounds drawn with replacement (bootstrap).

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot go on ends")]

use std::io::BufRead as _;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use slowdrip::model::{Phase, Scope};
use slowdrip::probe::{Depth, ProcRoot, Sampler};

use crate::holder::{Holder, descriptors, now_s, ready_until_end, role, say};

/// How many descriptors the process holds.
const HELD: usize = 10_000;
/// The length of a turn, and the interval between looks.
const TURN: Duration = Duration::from_secs(5);
/// How many rounds of three turns.
const ROUNDS: usize = 8;
/// The same with `--full`.
const ROUNDS_FULL: usize = 60;
/// How long a figure of the process stands for, seconds.
const STEP_S: f64 = 0.1;
/// How many sets of rounds are drawn.
const DRAWS: usize = 10_000;

/// What is looked at in a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    Nobody,
    Target,
    Other,
}

/// Loops per second over a turn, and in the steps that the look fell into.
#[derive(Debug, Clone, Copy, Default)]
struct Pace {
    turn: f64,
    look: Option<f64>,
}

/// One round: the pace of each kind of turn.
#[derive(Debug, Clone, Copy, Default)]
struct Round {
    nobody: Pace,
    target: Pace,
    other: Pace,
}

/// A figure with its 95 % interval of confidence.
type Estimate = (f64, f64, f64);

/// Prints the table.
pub(crate) fn run() {
    match role().as_deref() {
        Some("loop") => return open_and_close(),
        Some(_) => {
            let _held = descriptors(HELD);
            return ready_until_end();
        }
        None => {}
    }
    let rounds = if std::env::args().any(|argument| argument == "--full") { ROUNDS_FULL } else { ROUNDS };
    let mut target = Holder::start("felt", "loop");
    let other = Holder::start("felt", "idle");
    let told: Arc<Mutex<Vec<(f64, f64)>>> = Arc::default();
    let (lines, heard) = (target.lines(), Arc::clone(&told));
    let listener = std::thread::spawn(move || {
        for line in lines.lines().map_while(Result::ok) {
            let figures: Vec<f64> = line.split(' ').filter_map(|word| word.parse().ok()).collect();
            if let [at, loops] = figures.as_slice() {
                heard.lock().unwrap().push((*at, *loops));
            }
        }
    });
    let measured = measure(rounds, target.pid(), other.pid(), &told);
    drop(target);
    listener.join().unwrap();
    report(&measured);
}

/// The target: opens and closes, and says how often.
fn open_and_close() {
    let _held = descriptors(HELD);
    say("ready");
    let mut next = Instant::now();
    loop {
        next += Duration::from_secs_f64(STEP_S);
        let mut loops = 0_u32;
        while Instant::now() < next {
            for _ in 0..16 {
                drop(std::fs::File::open("/dev/null").unwrap());
                loops += 1;
            }
        }
        say(&format!("{} {loops}", now_s()));
    }
}

fn measure(rounds: usize, target: u32, other: u32, told: &Mutex<Vec<(f64, f64)>>) -> Vec<Round> {
    let sampler = |pid| Sampler::new(ProcRoot::system(), Scope::Descent { pid });
    let (mut target, mut other) = (sampler(target), sampler(other));
    let mut seq = 0;
    let mut look = |sampler: &mut Sampler| {
        seq += 1;
        drop(sampler.snapshot(seq, u64::from(seq) * 5000, jiff::Timestamp::now(), Phase::Soak, Depth::Light));
    };
    // Names are learned and buffers are filled before anything is measured.
    (0..3).for_each(|_| [&mut target, &mut other].into_iter().for_each(&mut look));
    let mut measured = Vec::new();
    for _ in 0..rounds {
        let mut round = Round::default();
        for turn in shuffled() {
            let begun = now_s();
            std::thread::sleep(TURN / 2);
            let looked = now_s();
            match turn {
                Turn::Nobody => {}
                Turn::Target => look(&mut target),
                Turn::Other => look(&mut other),
            }
            let done = now_s();
            std::thread::sleep(Duration::from_secs_f64((begun + TURN.as_secs_f64() - done).max(0.0)));
            let during = (turn != Turn::Nobody).then_some((looked, done));
            let pace = pace(told, begun, during);
            match turn {
                Turn::Nobody => round.nobody = pace,
                Turn::Target => round.target = pace,
                Turn::Other => round.other = pace,
            }
        }
        measured.push(round);
    }
    measured
}

/// The pace of the turn that began then and ends now, and in the steps that the look touched.
fn pace(told: &Mutex<Vec<(f64, f64)>>, begun: f64, during: Option<(f64, f64)>) -> Pace {
    let now = now_s();
    let steps: Vec<(f64, f64)> = std::mem::take(&mut *told.lock().unwrap());
    let whole = steps.iter().filter(|(end, _)| end - STEP_S >= begun && *end <= now);
    let look = during.map(|(from, to)| {
        steps.iter().filter(|(end, _)| *end >= from && end - STEP_S <= to).map(|(_, loops)| *loops).collect::<Vec<_>>()
    });
    Pace {
        turn: mean(&whole.map(|(_, loops)| *loops).collect::<Vec<_>>()) / STEP_S,
        look: look.filter(|steps| !steps.is_empty()).map(|steps| mean(&steps) / STEP_S),
    }
}

fn report(rounds: &[Round]) {
    let plain: Vec<f64> = rounds.iter().map(|round| round.nobody.turn).collect();
    println!(
        "{HELD} descriptors, {} rounds of three turns of {} s with one look in each; alone the process opens and closes \
         {:.0} times a second.\n",
        rounds.len(),
        TURN.as_secs(),
        mean(&plain)
    );
    let alone = |round: &Round| Some(round.nobody.turn);
    let (target, target_look) = (|round: &Round| Some(round.target.turn), |round: &Round| round.target.look);
    let (other, other_look) = (|round: &Round| Some(round.other.turn), |round: &Round| round.other.look);
    println!("| Pace of the target | Ratio | 95 % |");
    println!("| --- | ---: | ---: |");
    row("looked at every 5 s, against being left alone", bootstrap(rounds, target, alone));
    row("another process looked at (control), against being left alone", bootstrap(rounds, other, alone));
    row("looked at, against the control", bootstrap(rounds, target, other));
    row("in the 100 ms of the look, against being left alone", bootstrap(rounds, target_look, alone));
    row("in the 100 ms of the other's look, against being left alone", bootstrap(rounds, other_look, alone));
    row("in the 100 ms of the look, against the control", bootstrap(rounds, target_look, other_look));
    println!("\nLess than 1 is slower. What is not felt has 1 within its interval.");
}

fn row(what: &str, estimate: Option<Estimate>) {
    match estimate {
        Some((ratio, low, high)) => println!("| {what} | {ratio:.4} | {low:.4} to {high:.4} |"),
        None => println!("| {what} | not measured | |"),
    }
}

/// The ratio of what `of` tells to what `to` tells, over all rounds, and the middle 95 % of it over rounds that are drawn with
/// replacement.
fn bootstrap(
    rounds: &[Round],
    of: impl Fn(&Round) -> Option<f64>,
    to: impl Fn(&Round) -> Option<f64>,
) -> Option<Estimate> {
    let pairs: Vec<(f64, f64)> = rounds.iter().filter_map(|round| Some((of(round)?, to(round)?))).collect();
    let ratio = |pairs: &[(f64, f64)]| {
        let (of, to): (Vec<f64>, Vec<f64>) = pairs.iter().copied().unzip();
        mean(&of) / mean(&to)
    };
    if pairs.is_empty() {
        return None;
    }
    let mut random = Random::new();
    let mut drawn: Vec<f64> = (0..DRAWS)
        .map(|_| {
            let draw: Vec<(f64, f64)> =
                pairs.iter().filter_map(|_| pairs.get(random.below(pairs.len()))).copied().collect();
            ratio(&draw)
        })
        .collect();
    drawn.sort_by(f64::total_cmp);
    let at = |share: usize| drawn.get(DRAWS * share / 1000).copied();
    Some((ratio(&pairs), at(25)?, at(974)?))
}

#[expect(clippy::cast_precision_loss, reason = "a few thousand steps")]
fn mean(figures: &[f64]) -> f64 {
    figures.iter().sum::<f64>() / figures.len().max(1) as f64
}

fn shuffled() -> [Turn; 3] {
    let mut turns = [Turn::Nobody, Turn::Target, Turn::Other];
    let mut random = Random::new();
    for last in (1..turns.len()).rev() {
        turns.swap(last, random.below(last + 1));
    }
    turns
}

/// SplitMix64, seeded by the kernel.
struct Random(u64);

impl Random {
    fn new() -> Self {
        let mut seed = [0_u8; 8];
        let _filled = rustix::rand::getrandom(&mut seed, rustix::rand::GetRandomFlags::empty());
        Self(u64::from_ne_bytes(seed))
    }

    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) >> 33).unwrap_or(0) % end.max(1)
    }
}
