//! What a sampler sees of handles.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use slowdrip::series::{Life, Lives};

use super::Handle;

/// What a sampler knows of a handle beside that it is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Identity {
    /// Nothing: counts only.
    None,
    /// Which one it is, as of sockets and pipes by their inode.
    Unique,
    /// Its number, as of eventpolls: one that is closed and opened again between two samples looks the same.
    Number,
}

impl Identity {
    pub(crate) const ALL: [Self; 3] = [Self::None, Self::Unique, Self::Number];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Unique => "unique",
            Self::Number => "fdnum",
        }
    }
}

/// A night as a sampler saw it.
#[derive(Debug)]
pub(crate) struct Sampled {
    pub(crate) points: Vec<(f64, f64)>,
    pub(crate) lives: Option<Lives>,
    pub(crate) restarts: Vec<f64>,
    pub(crate) cycle_s: Option<f64>,
}

/// Looks at the handles at these times.
pub(crate) fn sample(mut handles: Vec<Handle>, mut times: Vec<f64>, identity: Identity) -> Sampled {
    times.sort_by(f64::total_cmp);
    handles.sort_by(|a, b| a.0.total_cmp(&b.0));
    let look = |at: f64| times.partition_point(|time| *time < at);
    let mut change = vec![0_i64; times.len() + 1];
    for (born, died) in &handles {
        change[look(*born)] += 1;
        change[look(*died)] -= 1;
    }
    let mut open = 0;
    let points = times.iter().zip(&change).map(|(at, change)| {
        open += change;
        (*at, open as f64)
    });
    let points = points.collect();
    let seen: Vec<(usize, usize)> = match identity {
        Identity::None => Vec::new(),
        Identity::Unique => handles.iter().map(|(born, died)| (look(*born), look(*died))).collect(),
        Identity::Number => by_number(&handles, look),
    };
    let lives = (identity != Identity::None).then(|| {
        let at = |look: usize| times.get(look).copied();
        let seen = seen.into_iter().filter(|(from, to)| to > from);
        Lives::new(seen.filter_map(|(from, to)| Some(Life { born_s: at(from)?, died_s: at(to), count: 1 })).collect())
    });
    Sampled { points, lives, restarts: Vec::new(), cycle_s: None }
}

/// The kernel gives out the lowest free number. Where no sample saw a number free, its handles are one.
fn by_number(handles: &[Handle], look: impl Fn(f64) -> usize) -> Vec<(usize, usize)> {
    let mut free = BinaryHeap::new();
    let mut busy: BinaryHeap<Reverse<(u64, u32)>> = BinaryHeap::new();
    let mut next = 3_u32;
    let mut seen: HashMap<u32, Vec<(usize, usize)>> = HashMap::new();
    for (born, died) in handles {
        // Positive doubles order as their bits do.
        while let Some(Reverse((at, number))) = busy.peek().copied().filter(|gone| gone.0.0 <= born.to_bits()) {
            debug_assert!(at <= born.to_bits());
            busy.pop();
            free.push(Reverse(number));
        }
        let number = free.pop().map_or_else(
            || {
                next += 1;
                next - 1
            },
            |Reverse(number)| number,
        );
        busy.push(Reverse((died.to_bits(), number)));
        let (from, to) = (look(*born), look(*died));
        if to > from {
            let own = seen.entry(number).or_default();
            match own.last_mut() {
                Some(last) if last.1 >= from => last.1 = last.1.max(to),
                Some(_) | None => own.push((from, to)),
            }
        }
    }
    seen.into_values().flatten().collect()
}
