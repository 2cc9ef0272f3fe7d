//! Made-up nights with a known truth.
//!
//! Everything is built from handles that are opened and closed: a count is the number of those open at each sample, and
//! identity is what a sampler would see of the same handles. Times are seconds since the soak began.

mod blocks;
mod leak;
mod memory;
mod observe;
mod shapes;

pub(crate) use leak::{LeakKind, leak};
pub(crate) use memory::{MemoryNight, MemoryShape};
pub(crate) use observe::{Identity, Sampled, sample};
pub(crate) use shapes::{Background, Shape};

use rand::Rng as _;
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;

/// The generator of all of it.
pub(crate) type Rng = ChaCha8Rng;

/// A handle: when it was opened and closed; infinity: never.
pub(crate) type Handle = (f64, f64);

/// A night to make.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    /// What goes on beside the leak.
    pub(crate) shape: Shape,
    /// Leaked handles per hour; 0: clean.
    pub(crate) rate: f64,
    /// How they come.
    pub(crate) kind: LeakKind,
    /// Minutes.
    pub(crate) minutes: f64,
    /// Seconds between samples.
    pub(crate) interval: f64,
    /// What the sampler knows of a handle.
    pub(crate) identity: Identity,
}

/// The generator for the n-th series of a part: every series has its own, so that threads do not matter.
pub(crate) fn generator(seed: u64, part: &str, n: u64) -> Rng {
    // FNV-1a over the part's name keeps the parts apart.
    let name = part
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    let mut rng = Rng::seed_from_u64(seed ^ name);
    rng.set_stream(n);
    rng
}

/// Makes a night.
pub(crate) fn night(plan: &Plan, rng: &mut Rng) -> Sampled {
    made(plan, plan.shape.background(plan.minutes * 60.0, rng), rng)
}

/// Makes a night on a background that is there already.
pub(crate) fn made(plan: &Plan, background: Background, rng: &mut Rng) -> Sampled {
    let end = plan.minutes * 60.0;
    let Background { mut handles, restart, hole, cycle_s } = background;
    if plan.rate > 0.0 {
        handles.extend(leak(plan.kind, plan.rate, end, rng));
    }
    let mut restarts = Vec::new();
    if let Some(at) = restart {
        handles.retain(|handle| handle.0 < at);
        handles.iter_mut().for_each(|handle| handle.1 = handle.1.min(at));
        let again = Shape::Flat.background(end, rng).handles;
        handles.extend(again.into_iter().map(|(born, died)| (born + at + 5.0, died)));
        handles.extend((0..8).map(|_| (at + 5.0 + blocks::exponential(30.0, rng), f64::INFINITY)));
        if plan.rate > 0.0 {
            let late = leak(plan.kind, plan.rate, end - at - 5.0, rng);
            handles.extend(late.into_iter().map(|(born, died)| (born + at + 5.0, died + at + 5.0)));
        }
        restarts.push(at);
    }
    let mut times = sample_times(plan, rng);
    if let Some((from, to)) = hole {
        times.retain(|at| *at < from || *at > to);
    }
    Sampled { restarts, cycle_s, ..sample(handles, times, plan.identity) }
}

/// Samplers are a little early or late.
fn sample_times(plan: &Plan, rng: &mut Rng) -> Vec<f64> {
    let mut times: Vec<f64> = Vec::new();
    let mut due = plan.interval;
    while due <= plan.minutes * 60.0 + 0.01 {
        // The sum of twelve uniform deviates: near enough to a normal one for a jitter of a thirtieth of the interval.
        let jitter: f64 = (0..12).map(|_| rng.random::<f64>()).sum::<f64>() - 6.0;
        times.push(due + 0.03 * plan.interval * jitter);
        due += plan.interval;
    }
    times
}
