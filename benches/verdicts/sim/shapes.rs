//! What applications do that do not leak.

use super::blocks::{
    base, collections, cron, exponential, in_flight, late, moments, pool, processes, reclaimed, rotation, slow_churn,
    stairs, uniform, whole,
};
use super::{Handle, Rng};

macro_rules! shapes {
    ($($variant:ident = $name:literal, $about:literal;)+) => {
        /// A clean night's shape: bounded for ever.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub(crate) enum Shape { $(#[doc = $about] $variant,)+ }

        impl Shape {
            /// Every shape.
            pub(crate) const ALL: &'static [Self] = &[$(Self::$variant,)+];

            pub(crate) fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }
        }
    };
}

shapes! {
    Flat = "flat", "Nothing happens.";
    InFlight = "inflight", "Short work, in flight.";
    WarmExp = "warm_exp", "A pool of 5 to 60 fills, time constant 20 to 150 s.";
    WarmStair = "warm_stair", "A pool fills in stairs within 2 to 7 minutes.";
    Cron = "cron", "A burst every 5 minutes.";
    GcSaw = "gc_saw", "Handles pile up until a collector comes, every 1 to 3 minutes.";
    Rotate = "rotate", "A pool whose members are replaced every 2 to 15 minutes.";
    SlowChurn = "slowchurn", "Work of 1 to 5 minutes each, in flight.";
    LateStep = "late_step", "One step at some time.";
    Procs = "procs", "Short processes with many handles.";
    Mix = "mix", "A pool, work in flight, bursts and a collector together.";
    Restart = "restart", "The process is restarted once.";
    Gap = "gap", "Samples are missing for 1 to 4 minutes.";
    WarmSlow = "warm_slow", "A pool fills, time constant 3 to 7 minutes.";
    Wave = "wave", "Traffic in waves of 7 to 20 minutes.";
    TwoSteps = "two_steps", "Two steps at some time.";
    LruFill = "lru_fill", "A cache of handles fills ever slower.";
    SyncRotate = "sync_rotate", "A whole pool is replaced at once, the new before the old is closed.";
    Tick10 = "tick10", "A burst every 10 minutes, and slow churn.";
    Saw30 = "saw30", "Handles pile up for half an hour.";
    GcSlow = "gc_slow", "Handles pile up for 5 to 15 minutes.";
}

/// What a shape makes.
#[derive(Debug)]
pub(crate) struct Background {
    pub(crate) handles: Vec<Handle>,
    pub(crate) restart: Option<f64>,
    pub(crate) hole: Option<(f64, f64)>,
    /// How long its cycle is, where one is worth declaring.
    pub(crate) cycle_s: Option<f64>,
}

impl Shape {
    /// Everyday shapes.
    pub(crate) const EVERYDAY: [Self; 13] = [
        Self::Flat,
        Self::InFlight,
        Self::WarmExp,
        Self::WarmStair,
        Self::Cron,
        Self::GcSaw,
        Self::Rotate,
        Self::SlowChurn,
        Self::LateStep,
        Self::Procs,
        Self::Mix,
        Self::Restart,
        Self::Gap,
    ];
    /// Harder ones.
    pub(crate) const HARDER: [Self; 6] =
        [Self::WarmSlow, Self::Wave, Self::TwoSteps, Self::LruFill, Self::SyncRotate, Self::Tick10];
    /// Cycles that one night may be too short for.
    pub(crate) const CYCLES: [Self; 2] = [Self::Saw30, Self::GcSlow];

    pub(crate) fn background(self, end: f64, rng: &mut Rng) -> Background {
        let mut made = Background { handles: base(whole(4, 60, rng), rng), restart: None, hole: None, cycle_s: None };
        let more = match self {
            Self::Flat => Vec::new(),
            Self::InFlight => in_flight(end, uniform(1.0, 15.0, rng), uniform(2.0, 30.0, rng), rng),
            Self::WarmExp => pool(whole(5, 60, rng), uniform(20.0, 150.0, rng), rng),
            Self::WarmStair => stairs(whole(5, 40, rng), whole(3, 9, rng), uniform(120.0, 420.0, rng), rng),
            Self::Cron => cron(end, 300.0, 10, 40, rng),
            Self::GcSaw => {
                let at = collections(end, uniform(60.0, 200.0, rng), rng);
                reclaimed(end, uniform(60.0, 600.0, rng), &at, rng)
            }
            Self::Rotate => {
                rotation(end, whole(4, 20, rng), uniform(90.0, 200.0, rng), uniform(240.0, 900.0, rng), rng)
            }
            Self::SlowChurn => slow_churn(end, uniform(3.0, 15.0, rng), uniform(60.0, 300.0, rng), rng),
            Self::LateStep => late(end, 1, rng),
            Self::TwoSteps => late(end, 2, rng),
            Self::Procs => {
                let mut all = processes(end, uniform(10.0, 120.0, rng), 5, 30, rng);
                all.extend(in_flight(end, uniform(0.5, 4.0, rng), uniform(2.0, 10.0, rng), rng));
                all
            }
            Self::Mix => {
                let mut all = pool(whole(5, 30, rng), uniform(20.0, 100.0, rng), rng);
                all.extend(in_flight(end, uniform(0.5, 6.0, rng), uniform(2.0, 20.0, rng), rng));
                all.extend(cron(end, 300.0, 10, 40, rng));
                let at = collections(end, uniform(40.0, 120.0, rng), rng);
                all.extend(reclaimed(end, uniform(30.0, 200.0, rng), &at, rng));
                all
            }
            Self::Restart => {
                made.restart = Some(uniform(0.25, 0.75, rng) * end);
                pool(whole(3, 15, rng), uniform(10.0, 60.0, rng), rng)
            }
            Self::Gap => {
                let from = uniform(0.2, 0.7, rng) * end;
                made.hole = Some((from, from + uniform(60.0, 240.0, rng)));
                in_flight(end, uniform(0.5, 5.0, rng), uniform(2.0, 20.0, rng), rng)
            }
            Self::WarmSlow => pool(whole(5, 40, rng), uniform(180.0, 420.0, rng), rng),
            Self::Wave => wave(end, rng),
            Self::LruFill => {
                let (size, per_second) = (whole(10, 50, rng), uniform(0.1, 0.6, rng));
                pool(size, size as f64 / per_second, rng)
            }
            Self::SyncRotate => sync_rotation(end, rng),
            Self::Tick10 => {
                let mut all = cron(end, 600.0, 5, 20, rng);
                all.extend(slow_churn(end, uniform(1.0, 5.0, rng), uniform(30.0, 120.0, rng), rng));
                all
            }
            Self::Saw30 => {
                made.cycle_s = Some(1800.0);
                let first = uniform(0.0, 1800.0, rng);
                let at: Vec<f64> = (0..20).map(|i| first + 1800.0 * f64::from(i)).collect();
                reclaimed(end, uniform(10.0, 120.0, rng), &at, rng)
            }
            Self::GcSlow => {
                let mean = uniform(300.0, 900.0, rng);
                made.cycle_s = Some(2.0 * mean);
                let at = collections(end, mean, rng);
                reclaimed(end, uniform(20.0, 200.0, rng), &at, rng)
            }
        };
        made.handles.extend(more);
        made
    }
}

fn wave(end: f64, rng: &mut Rng) -> Vec<Handle> {
    let (period, phase, height) =
        (uniform(400.0, 1200.0, rng), uniform(0.0, std::f64::consts::TAU, rng), uniform(2.0, 10.0, rng));
    let life = uniform(3.0, 20.0, rng);
    let mut handles = Vec::new();
    for at in moments(2.0 * height / life, 0.0, end, rng) {
        let share = f64::midpoint(1.0, (std::f64::consts::TAU * at / period + phase).sin());
        if uniform(0.0, 1.0, rng) < share {
            handles.push((at, at + exponential(life, rng)));
        }
    }
    handles
}

fn sync_rotation(end: f64, rng: &mut Rng) -> Vec<Handle> {
    let (size, period) = (whole(3, 12, rng), uniform(200.0, 700.0, rng));
    let mut at = uniform(0.0, period, rng);
    let mut handles: Vec<Handle> = (0..size).map(|_| (uniform(0.0, 30.0, rng), at + 3.0)).collect();
    while at < end {
        handles.extend(vec![(at, at + period + 3.0); size]);
        at += period;
    }
    handles
}
