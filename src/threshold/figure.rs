//! Figures as the file writes them.

use super::SettleTo;
use crate::document::{FileError, Place, Scalar, size};
use crate::model::Unit;

/// Reads what a key says, where it is there.
pub(super) fn optional<T>(
    place: Place<'_>,
    key: &str,
    wire: &Option<Scalar>,
    read: impl Fn(Place<'_>, &str) -> Result<T, FileError>,
) -> Result<Option<T>, FileError> {
    let at = place.key(key);
    wire.as_ref().map(|wire| read(at, wire.at(at))).transpose()
}

/// A figure in the unit of its class, from 0 on.
pub(super) fn of_class(place: Place<'_>, written: &str, unit: Unit) -> Result<f64, FileError> {
    if unit == Unit::Bytes {
        let bytes = place.size(written)?;
        #[expect(clippy::cast_precision_loss, reason = "sizes are below 2^60, and judged to a few digits")]
        return Ok(bytes as f64);
    }
    number(place, written, "this class is counted, not measured in bytes: write a number without a unit")
}

/// A number that is no share and no size: lines of a log, lines an hour.
pub(super) fn plain(place: Place<'_>, written: &str) -> Result<f64, FileError> {
    number(place, written, "lines are counted, not measured in bytes: write a number without a unit")
}

fn number(place: Place<'_>, written: &str, not_a_size: &str) -> Result<f64, FileError> {
    match written.parse::<f64>() {
        Ok(figure) if figure.is_finite() && figure >= 0.0 => Ok(figure),
        Ok(figure) if figure < 0.0 && figure.is_finite() => {
            let help = format!("did you mean `{}`?", written.trim_start_matches('-'));
            Err(place.error(format!("{} is negative", place.quoted()), help))
        }
        Ok(_) | Err(_) => {
            let message = format!("{}: `{written}` is not a number", place.quoted());
            Err(place.error(message, if size(written).is_ok() { not_a_size } else { "write a number from 0 on" }))
        }
    }
}

/// The drip that a pass must have been able to see.
pub(super) fn must_detect(place: Place<'_>, wire: &Scalar, unit: Unit) -> Result<f64, FileError> {
    let figure = of_class(place, wire.at(place), unit)?;
    if figure > 0.0 {
        return Ok(figure);
    }
    let help = "no night sees every drip: write the slowest one that must be seen, for example `24`";
    Err(place.error(format!("{} is zero", place.quoted()), help))
}

/// A share of a limit: above 0, up to 1.
pub(super) fn share(place: Place<'_>, written: &str) -> Result<f64, FileError> {
    let help = "write a number above 0 and up to 1, for example `0.5` for the half";
    let share = number(place, written, help)?;
    if share > 0.0 && share <= 1.0 {
        return Ok(share);
    }
    Err(place.error(format!("{} is not a share of the limit", place.quoted()), help))
}

/// A multiple: 1 or more.
pub(super) fn multiple(place: Place<'_>, written: &str) -> Result<f64, FileError> {
    let help = "write a number from 1 on, for example `1.2` for 20 % above the earlier nights";
    let Some(multiple) = written.parse::<f64>().ok().filter(|multiple| multiple.is_finite()) else {
        return Err(place.error(format!("{}: `{written}` is not a multiple", place.quoted()), help));
    };
    if multiple >= 1.0 {
        return Ok(multiple);
    }
    Err(place.error(format!("{} is below 1", place.quoted()), help))
}

/// A whole number from 0 on.
pub(super) fn whole(place: Place<'_>, written: &str) -> Result<u64, FileError> {
    written.parse().map_err(|_| {
        let message = format!("{}: `{written}` is not a count", place.quoted());
        place.error(message, "write a whole number from 0 on")
    })
}

/// A figure in the unit of its class, or a share in percent.
pub(super) fn settle_to(place: Place<'_>, written: &str, unit: Unit) -> Result<SettleTo, FileError> {
    let Some(percent) = written.strip_suffix('%') else {
        return of_class(place, written, unit).map(SettleTo::Above);
    };
    match percent.trim_end().parse::<f64>() {
        Ok(percent) if percent.is_finite() && percent >= 0.0 => Ok(SettleTo::Share(percent / 100.0)),
        Ok(_) | Err(_) => {
            let figure = match unit {
                Unit::Count => "3",
                Unit::Bytes => "20MiB",
            };
            let message = format!("{}: `{written}` is not a share in percent", place.quoted());
            Err(place.error(message, format!("write `10%`, or a figure such as `{figure}`")))
        }
    }
}
