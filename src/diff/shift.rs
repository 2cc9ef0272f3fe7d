//! One figure in two nights: by how much it moved, and whether that is more than it moves by itself.

use super::LEVEL;
use crate::stats::noise::{Floor, Noise, holm};

/// How far a change must be beyond the noise within both nights, in its standard deviations, to ask for an answer where the
/// noise from night to night is not known.
const OWN_NOISE: f64 = 3.0;

/// What is known of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// It is more than nights of this scenario move by themselves.
    Beyond,
    /// It is not.
    Within,
    /// It is more than the two nights move within themselves, or their noise is not known, and too few past nights tell how
    /// much of that there is from night to night.
    Unknown,
}

impl Told {
    /// The words shown to people.
    pub fn words(self) -> &'static str {
        match self {
            Self::Beyond => "beyond noise",
            Self::Within => "within noise",
            Self::Unknown => "not known",
        }
    }
}

/// What the noise is known from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Basis {
    /// So many comparable past nights.
    PastNights(usize),
    /// The two nights themselves: what moved within them.
    TheseNights,
    /// Nothing.
    Nothing,
}

/// A figure before and after.
#[derive(Debug, Clone, PartialEq)]
pub struct Shift {
    /// Before; `None`: it is not known.
    pub before: Option<f64>,
    /// After.
    pub after: Option<f64>,
    /// The standard deviation of a change between two nights that do not differ, in the figure's unit (of a latency: in natural
    /// logarithms); `None`: not known.
    pub deviation: Option<f64>,
    /// What that is known from.
    pub basis: Basis,
    /// The change in standard deviations.
    pub score: Option<f64>,
    /// Whether it is more than noise.
    pub told: Told,
    /// True where it is large enough to matter.
    pub large: bool,
    /// The chance of so large a change without any difference; `None`: it is not part of the test.
    chance: Option<f64>,
}

/// What is known of a figure's noise.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known<'a> {
    /// The figures of comparable past nights, oldest first.
    pub(super) past: &'a [f64],
    /// The least that a change between two nights is taken to move.
    pub(super) floor: Floor,
    /// The standard deviation of the change by what moved within the two nights.
    pub(super) own: Option<f64>,
}

impl Shift {
    /// A figure in both nights. `change` is in the scale of the noise.
    pub(super) fn of(before: Option<f64>, after: Option<f64>, change: Option<f64>, known: Known<'_>) -> Self {
        let mut shift = Self {
            before,
            after,
            deviation: None,
            basis: Basis::Nothing,
            score: None,
            told: Told::Unknown,
            large: false,
            chance: None,
        };
        let Some(change) = change.filter(|change| change.is_finite()) else { return shift };
        if let Some(noise) = Noise::between(known.past, known.floor) {
            shift.basis = Basis::PastNights(known.past.iter().filter(|value| value.is_finite()).count());
            shift.deviation = Some(noise.deviation);
            shift.score = Some(noise.score(change));
            shift.chance = Some(noise.chance(change));
            shift.told = Told::Within;
        } else if let Some(own) = known.own.filter(|own| own.is_finite()) {
            let deviation = match known.floor {
                Floor::Counted => own.max(1.0),
                Floor::Of(least) => own.max(least),
            };
            shift.basis = Basis::TheseNights;
            shift.deviation = Some(deviation);
            shift.score = Some(change / deviation);
            shift.told = if (change / deviation).abs() <= OWN_NOISE { Told::Within } else { Told::Unknown };
        }
        shift
    }

    /// By how much it moved.
    pub fn change(&self) -> Option<f64> {
        self.before.zip(self.after).map(|(before, after)| after - before)
    }

    /// True where it is higher after.
    pub fn rose(&self) -> bool {
        self.change().is_some_and(|change| change > 0.0)
    }

    /// True where it moved by more than noise and enough to matter.
    pub fn matters(&self) -> bool {
        self.large && self.told == Told::Beyond
    }

    /// True where it moved enough to matter and nobody can tell whether that is noise.
    pub fn is_open(&self) -> bool {
        self.large && self.told == Told::Unknown
    }
}

/// Tests all figures of a diff together, so that their number alone makes none of them remarkable.
pub(super) fn test<'a>(shifts: impl Iterator<Item = &'a mut Shift>) {
    let (chances, mut tested): (Vec<f64>, Vec<&mut Shift>) =
        shifts.filter_map(|shift| shift.chance.map(|chance| (chance, shift))).unzip();
    for (shift, beyond) in tested.iter_mut().zip(holm(&chances, LEVEL)) {
        shift.told = if beyond { Told::Beyond } else { Told::Within };
    }
}
