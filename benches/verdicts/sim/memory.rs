//! Memory of made-up nights, MiB.

use rand_distr::{Distribution as _, StandardNormal};

use super::Rng;
use super::blocks::{exponential, uniform, whole};

/// What memory does beside leaking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MemoryShape {
    /// Coming and going around a level.
    Noise,
    /// Growing towards a level, time constant 30 to 180 s.
    Warm,
    /// Steps of an allocator that become rarer.
    Alloc,
    /// The saw-teeth of a managed heap, and a warm-up.
    Collected,
    /// A burst every 5 minutes.
    Cron,
    /// Warm-up, allocator and saw-teeth together.
    Mix,
    /// The logarithm of time: page cache.
    PageCache,
}

impl MemoryShape {
    pub(crate) const EVERYDAY: [Self; 6] =
        [Self::Noise, Self::Warm, Self::Alloc, Self::Collected, Self::Cron, Self::Mix];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Noise => "noise",
            Self::Warm => "warm",
            Self::Alloc => "alloc",
            Self::Collected => "gcm",
            Self::Cron => "cronm",
            Self::Mix => "mixm",
            Self::PageCache => "pagecache",
        }
    }
}

/// A night's memory to make.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MemoryNight {
    pub(crate) shape: MemoryShape,
    /// MiB per hour.
    pub(crate) rate: f64,
    pub(crate) minutes: f64,
    pub(crate) interval: f64,
}

impl MemoryNight {
    /// Seconds and MiB.
    pub(crate) fn points(&self, rng: &mut Rng) -> Vec<(f64, f64)> {
        use MemoryShape::{Alloc, Collected, Cron, Mix, PageCache, Warm};
        let n = (self.minutes * 60.0 / self.interval) as usize;
        let times: Vec<f64> = (1..=n).map(|i| i as f64 * self.interval).collect();
        let base = uniform(60.0, 900.0, rng);
        let spread = uniform(0.001, 0.006, rng) * base;
        let keep = (-self.interval / uniform(5.0, 60.0, rng)).exp();
        let mut noise = 0.0;
        let mut levels: Vec<f64> = Vec::with_capacity(n);
        for _ in &times {
            let normal: f64 = StandardNormal.sample(rng);
            noise = keep * noise + spread * (1.0 - keep * keep).sqrt() * normal;
            levels.push(base + noise);
        }
        let mut add = |part: &dyn Fn(f64) -> f64| {
            times.iter().zip(&mut levels).for_each(|(at, level)| *level += part(*at));
        };
        if matches!(self.shape, Warm | Mix | Collected) {
            let (size, tau) = (uniform(0.02, 0.3, rng) * base, uniform(30.0, 180.0, rng));
            add(&|at| size * (1.0 - (-at / tau).exp()));
        }
        if matches!(self.shape, Alloc | Mix) {
            for _ in 0..whole(2, 6, rng) {
                let (from, size) = (exponential(200.0, rng), uniform(0.002, 0.02, rng) * base);
                add(&|at| if at > from { size } else { 0.0 });
            }
        }
        if matches!(self.shape, Collected | Mix) {
            let (period, height, phase) =
                (uniform(20.0, 150.0, rng), uniform(0.01, 0.08, rng) * base, uniform(0.0, 1.0, rng));
            add(&|at| height * (at / period + phase).fract());
        }
        if self.shape == PageCache {
            let size = uniform(0.05, 0.4, rng) * base;
            add(&|at| size * (at / 30.0).ln_1p() / 120.0_f64.ln_1p());
        }
        if self.shape == Cron {
            let (phase, length, height) =
                (uniform(0.0, 300.0, rng), uniform(5.0, 40.0, rng), uniform(0.02, 0.2, rng) * base);
            add(&|at| if (at + phase) % 300.0 < length { height } else { 0.0 });
        }
        add(&|at| self.rate * at / 3600.0);
        times.into_iter().zip(levels).collect()
    }
}
