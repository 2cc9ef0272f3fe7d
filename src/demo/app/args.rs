//! The command line of the demo application.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use super::children::ChildKind;
use super::clock::Pace;
use super::leaks::Leak;
use super::plants::PlantOrder;
use super::shapes::ShapeOrder;
use super::work::Fault;

/// A small HTTP application that works, and leaks what it is told to.
#[derive(Debug, Clone, clap::Args)]
pub struct AppArgs {
    /// Address to listen on; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,

    /// Folder of its databases and log files; made if it is missing.
    #[arg(long, value_name = "DIR", required_unless_present = "child")]
    pub data: Option<PathBuf>,

    /// What to leak and how often, for example `eventpoll=60/m` (`/s`, `/m` or `/h`); may be given again.
    #[arg(long = "leak", value_name = "KIND=RATE")]
    pub leaks: Vec<LeakRate>,

    /// What to hold from the start on, for example `pidfd=2`; may be given again.
    #[arg(long = "at-start", value_name = "KIND=N")]
    pub at_start: Vec<LeakStart>,

    /// What to plant at the start and hold, for example `pipe-no-reader=2`; `all-dead`, `all-healthy` and `all-classes` stand for
    /// many. What was planted is listed at `/plants`. May be given again.
    #[arg(long = "plant", value_name = "NAME[=N]")]
    pub plants: Vec<PlantOrder>,

    /// A healthy shape to keep, for example `pool=20` or `burst=30@5m:pipe`: its kind (pool, burst, sawtooth, gc, rotate, inflight),
    /// its size, its time, and what it holds (socket, pipe, file, eventpoll). What is held is listed at `/shapes`. May be given again.
    #[arg(long = "shape", value_name = "KIND=N[@TIME][:HANDLE]")]
    pub shapes: Vec<ShapeOrder>,

    /// What the chance of the shapes comes from: the same figure gives the same course.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,

    /// How the clock goes by which it does all that it does by itself: `real`, `60x` for 60 times as fast, or `manual`: then it stands
    /// until `POST /clock` moves it.
    #[arg(long, value_name = "PACE", default_value = "real")]
    pub clock: Pace,

    /// How often every subscription is refreshed.
    #[arg(long, value_name = "DURATION", default_value = "2s", value_parser = interval)]
    pub refresh: Duration,

    /// Do nothing on SIGTERM (SIGINT still ends it).
    #[arg(long, conflicts_with = "serve_after_term")]
    pub ignore_term: bool,

    /// On SIGTERM stop the scheduler and the leaks, but keep serving (SIGINT still ends it).
    #[arg(long)]
    pub serve_after_term: bool,

    /// Print the port alone as the first line on standard output.
    #[arg(long)]
    pub print_port: bool,

    /// What to do wrong, for example `ws-drop`: one of the behaviours in the form that leaks. `none` is nothing; may be given again.
    #[arg(long = "fault", value_name = "NAME")]
    pub faults: Vec<Fault>,

    /// Keep a job running: a process that is started again when it ends, and whose output goes to a log.
    #[arg(long)]
    pub supervise: bool,

    /// Keep a manager running: a process with workers of its own, that is started again when it ends.
    #[arg(long)]
    pub tree: bool,

    /// How often the clients of sessions are pinged.
    #[arg(long, value_name = "DURATION", default_value = "2s", value_parser = interval)]
    pub ping_every: Duration,

    /// After how many pings without an answer the client of a session is taken for gone.
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub pings_unanswered: u32,

    /// How long the worker of a session is kept whose client is gone without a word.
    #[arg(long, value_name = "DURATION", default_value = "3s", value_parser = interval)]
    pub session_grace: Duration,

    /// How the application starts its own children.
    #[arg(long, hide = true, value_name = "KIND")]
    pub child: Option<ChildKind>,
}

/// Why an argument was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ArgumentError {
    /// There is no `=` in it.
    #[error("write it as {0}")]
    Form(&'static str),
    /// The kind does not exist.
    #[error("there is no leak `{name}`; there are: {known}")]
    Kind {
        /// What was written.
        name: String,
        /// The kinds there are.
        known: String,
    },
    /// The plant does not exist.
    #[error("there is no plant `{name}`; there are all-classes, all-dead, all-healthy, and one by one: {known}")]
    Plant {
        /// What was written.
        name: String,
        /// The plants there are.
        known: String,
    },
    /// The number is not one, or is out of range.
    #[error("`{given}` is not a whole number from 1 to {most}")]
    Number {
        /// What was written.
        given: String,
        /// The largest that is taken.
        most: u32,
    },
    /// The unit is none of `/s`, `/m`, `/h`.
    #[error("`{0}` is not a unit of time; write `s`, `m` or `h` after the slash")]
    Unit(String),
    /// The clock does not go like that.
    #[error("`{given}` is not how a clock goes; write `real`, `manual`, or for example `60x`, from 1x to {fastest}x")]
    Clock {
        /// What was written.
        given: String,
        /// How many times as fast it goes at most.
        fastest: u32,
    },
    /// The shape does not exist.
    #[error("there is no shape `{name}`; there are: {known}")]
    Shape {
        /// What was written.
        name: String,
        /// The shapes there are.
        known: String,
    },
    /// A shape cannot hold that.
    #[error("a shape cannot hold `{name}`; it can hold: {known}")]
    Handle {
        /// What was written.
        name: String,
        /// What it can hold.
        known: String,
    },
    /// The fault does not exist.
    #[error("there is no fault `{name}`; there are: {known}")]
    Fault {
        /// What was written.
        name: String,
        /// The faults there are.
        known: String,
    },
    /// The duration cannot be used.
    #[error("`{0}` is not a duration from 50ms to 1h, for example `2s`")]
    Duration(String),
}

/// A leak and how often it happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeakRate {
    /// What leaks.
    pub leak: Leak,
    /// The time from one to the next.
    pub period: Duration,
}

/// A leak and how many of it are there from the start on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeakStart {
    /// What is held.
    pub leak: Leak,
    /// How many.
    pub count: u32,
}

// Larger figures would only test how fast the machine is.
const MOST_PER_UNIT: u32 = 100_000;
const MOST_AT_START: u32 = 10_000;
const SHORTEST_PERIOD: Duration = Duration::from_millis(1);

impl FromStr for LeakRate {
    type Err = ArgumentError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const FORM: ArgumentError = ArgumentError::Form("KIND=N/UNIT, for example `eventpoll=60/m`");
        let (kind, rate) = text.split_once('=').ok_or(FORM)?;
        let (number, unit) = rate.split_once('/').ok_or(FORM)?;
        let unit = match unit {
            "s" => Duration::from_secs(1),
            "m" => Duration::from_secs(60),
            "h" => Duration::from_secs(3600),
            other => return Err(ArgumentError::Unit(other.to_owned())),
        };
        let count = whole(number, MOST_PER_UNIT)?;
        Ok(Self { leak: kind.parse()?, period: (unit / count).max(SHORTEST_PERIOD) })
    }
}

impl FromStr for LeakStart {
    type Err = ArgumentError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (kind, number) = text.split_once('=').ok_or(ArgumentError::Form("KIND=N, for example `pidfd=2`"))?;
        Ok(Self { leak: kind.parse()?, count: whole(number, MOST_AT_START)? })
    }
}

/// A whole number from 1 to `most`.
pub(super) fn whole(text: &str, most: u32) -> Result<u32, ArgumentError> {
    match text.parse::<u32>() {
        Ok(number) if (1..=most).contains(&number) => Ok(number),
        Ok(_) | Err(_) => Err(ArgumentError::Number { given: text.to_owned(), most }),
    }
}

/// A time from 50 ms to an hour.
pub(super) fn interval(text: &str) -> Result<Duration, ArgumentError> {
    let refused = || ArgumentError::Duration(text.to_owned());
    let signed: jiff::SignedDuration = text.parse().map_err(|_| refused())?;
    let duration = Duration::try_from(signed).map_err(|_| refused())?;
    let range = Duration::from_millis(50)..=Duration::from_secs(3600);
    if range.contains(&duration) { Ok(duration) } else { Err(refused()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_rates_per_second_minute_and_hour() {
        let rate = |text: &str| text.parse::<LeakRate>().unwrap();
        assert_eq!(rate("eventpoll=60/m"), LeakRate { leak: Leak::Eventpoll, period: Duration::from_secs(1) });
        assert_eq!(rate("event-loop=20/s"), LeakRate { leak: Leak::EventLoop, period: Duration::from_millis(50) });
        assert_eq!(rate("pidfd=360/h"), LeakRate { leak: Leak::Pidfd, period: Duration::from_secs(10) });
        assert_eq!("worker=3".parse::<LeakStart>().unwrap(), LeakStart { leak: Leak::Worker, count: 3 });
    }

    #[test]
    fn says_what_is_wrong_with_a_rate() {
        let wrong = |text: &str| text.parse::<LeakRate>().unwrap_err().to_string();
        assert!(wrong("eventpoll").contains("KIND=N/UNIT"));
        assert!(wrong("eventpoll=60").contains("KIND=N/UNIT"));
        assert!(wrong("eventpoll=60/d").contains("`d`"));
        assert!(wrong("eventpoll=0/s").contains("from 1 to"));
        assert!(wrong("eventpoll=-1/s").contains("from 1 to"));
        assert!(wrong("epoll=1/s").contains("eventpoll"));
    }

    #[test]
    fn refuses_intervals_that_are_negative_zero_or_endless() {
        for bad in ["-5s", "0s", "1ms", "2h", "soon", ""] {
            assert!(interval(bad).is_err(), "{bad}");
        }
        assert_eq!(interval("250ms").unwrap(), Duration::from_millis(250));
    }
}
