//! When a request is tried again, and what is said of the tries.

use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;
use reqwest::header::{HeaderMap, RETRY_AFTER};

use super::answer::Answer;
use super::exchange::Trouble;
use crate::model::text::shorten;
use crate::scenario::Retry;

/// How much of what ended a try is named.
const NAMED: usize = 100;

/// How many different ends of tries are named.
const ENDS: usize = 6;

/// The tries of a request so far.
#[derive(Debug, Default)]
pub(super) struct Tries {
    /// How many there were.
    pub(super) count: u32,
    /// How they ended, and how many one after the other ended so.
    ends: Vec<(String, u32)>,
}

impl Tries {
    /// Takes note of how a try ended.
    pub(super) fn note(&mut self, answer: Option<&Answer>, result: &Result<(), Trouble>) {
        self.count = self.count.saturating_add(1);
        let end = match (result, answer) {
            (Err(trouble), _) => shorten(&trouble.problem, NAMED),
            (Ok(()), Some(answer)) => answer.status.as_u16().to_string(),
            (Ok(()), None) => "nothing".to_owned(),
        };
        let room = self.ends.len() <= ENDS;
        match self.ends.last_mut() {
            Some((last, times)) if *last == end => *times = times.saturating_add(1),
            // One more than are named, so that it is known that there are more.
            Some(_) | None if room => self.ends.push((end, 1)),
            Some(_) | None => {}
        }
    }

    /// `3 tries (2 × 503, 500)`; `None` where there was but one.
    pub(super) fn said(&self) -> Option<String> {
        if self.count < 2 {
            return None;
        }
        let mut ends: Vec<String> = self
            .ends
            .iter()
            .take(ENDS)
            .map(|(end, times)| if *times == 1 { end.clone() } else { format!("{times} × {end}") })
            .collect();
        if self.ends.len() > ENDS {
            ends.push("…".to_owned());
        }
        Some(format!("{} tries ({})", self.count, ends.join(", ")))
    }
}

/// Whether a request is worth another try.
pub(super) fn is_wanted(retry: &Retry, answer: Option<&Answer>, result: &Result<(), Trouble>) -> bool {
    match (result, answer) {
        (Err(trouble), _) => trouble.passing,
        (Ok(()), Some(answer)) => retry.status.iter().any(|set| set.holds(answer.status.as_u16())),
        (Ok(()), None) => false,
    }
}

/// The rest before the try after the one of this number (from 1); `share`, from 0 to 1, is the lot that was drawn.
pub(super) fn rest(retry: &Retry, number: u32, share: f64, headers: Option<&HeaderMap>, now: Timestamp) -> Duration {
    let doubled = 2_u32.saturating_pow(number.saturating_sub(1));
    let full = retry.backoff.saturating_mul(doubled).min(retry.most);
    let half = full / 2;
    let drawn = half + half.mul_f64(share.clamp(0.0, 1.0));
    let asked = headers.and_then(|headers| retry_after(headers, now)).unwrap_or_default();
    drawn.max(asked).min(retry.most)
}

/// How long an answer asks to wait: seconds, or until a moment.
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let until = DateTimeParser::new().parse_timestamp(text).ok()?;
    // One that is past is no wait.
    Some(Duration::try_from(until.duration_since(now)).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use reqwest::header::HeaderValue;

    use super::*;

    fn retry(backoff: u64, most: u64) -> Retry {
        let (backoff, most) = (Duration::from_millis(backoff), Duration::from_millis(most));
        Retry { times: 3, backoff, most, status: Vec::new() }
    }

    fn after(text: &'static str) -> Option<Duration> {
        let now: Timestamp = "1994-11-06T08:49:07Z".parse().unwrap();
        retry_after(&HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_static(text))]), now)
    }

    #[test]
    fn retry_after_is_a_number_of_seconds_or_a_date() {
        assert_eq!(after("120"), Some(Duration::from_secs(120)));
        assert_eq!(after("Sun, 06 Nov 1994 08:49:37 GMT"), Some(Duration::from_secs(30)));
        assert_eq!(after("Sun, 06 Nov 1994 08:49:00 GMT"), Some(Duration::ZERO));
        for nonsense in ["soon", "-3", "1.5", "", "99999999999999999999999"] {
            assert_eq!(after(nonsense), None, "{nonsense}");
        }
    }

    #[test]
    fn a_server_that_asks_for_a_longer_rest_gets_it_up_to_the_longest() {
        let headers = |text| HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_static(text))]);
        let rest = |text| rest(&retry(1000, 30_000), 1, 1.0, Some(&headers(text)), Timestamp::UNIX_EPOCH);
        assert_eq!(rest("7"), Duration::from_secs(7));
        assert_eq!(rest("0"), Duration::from_secs(1));
        assert_eq!(rest("100"), Duration::from_secs(30));
    }

    #[test]
    fn tries_say_what_each_answered() {
        let mut tries = Tries::default();
        let refused = |_| Err(Trouble { problem: "refused".to_owned(), passing: true });
        tries.note(None, &refused(()));
        assert_eq!(tries.said(), None);
        tries.note(None, &refused(()));
        for number in 0..20 {
            tries.note(None, &Err(Trouble::lasting(format!("problem {number}"))));
        }
        assert_eq!(
            tries.said().unwrap(),
            "22 tries (2 × refused, problem 0, problem 1, problem 2, problem 3, problem 4, …)"
        );
    }

    proptest! {
        #[test]
        fn rests_double_and_stay_in_their_upper_half(backoff in 1_u64..5000, number in 1_u32..80, share in 0.0..=1.0) {
            let most = 60_000;
            let rest = rest(&retry(backoff, most), number, share, None, Timestamp::UNIX_EPOCH);
            let full = Duration::from_millis(backoff.saturating_mul(2_u64.saturating_pow(number - 1)).min(most));
            prop_assert!(rest >= full / 2 && rest <= full, "{rest:?} of {full:?}");
        }
    }
}
