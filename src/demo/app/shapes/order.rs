//! `--shape KIND=N[@TIME][:HANDLE]`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::Serialize;

use super::super::args::{ArgumentError, interval, whole};

/// More would only test how fast the machine is.
const MOST: u32 = 1000;

macro_rules! named {
    ($(#[$about:meta])* $name:ident, $wrong:ident, $($(#[$each:meta])* $variant:ident = $text:literal,)+) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum $name { $($(#[$each])* $variant,)+ }

        impl $name {
            /// Every one.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// Its name on the command line.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }
        }

        impl FromStr for $name {
            type Err = ArgumentError;

            fn from_str(name: &str) -> Result<Self, Self::Err> {
                let found = Self::ALL.iter().find(|one| one.name() == name);
                found.copied().ok_or_else(|| ArgumentError::$wrong { name: name.to_owned(), known: [$($text),+].join(", ") })
            }
        }
    };
}

named! {
    /// How the number of a shape's handles goes. All of them are healthy: none grows for ever.
    ShapeKind, Shape,
    /// Fills ever slower to its size, and stays. Its time is the time constant.
    Pool = "pool",
    /// So many at once, again and again, each for some tens of seconds. Its time is that from one burst to the next.
    Burst = "burst",
    /// Piles up evenly; all are closed when its size is reached. Its time is the period.
    Sawtooth = "sawtooth",
    /// Piles up by chance; all are closed at irregular times. Its time is the mean from one to the next, in which its size is opened on
    /// average.
    Gc = "gc",
    /// A pool of members that are replaced at the latest after its time.
    Rotate = "rotate",
    /// Short-lived work: its size is open on average, each for its time on average.
    Inflight = "inflight",
}

named! {
    /// What a shape holds.
    HandleKind, Handle,
    /// A bound datagram socket.
    Socket = "socket",
    /// Both ends of a pipe.
    Pipe = "pipe",
    /// A file that is there.
    File = "file",
    /// An eventpoll, watched by another one on which a thread waits.
    Eventpoll = "eventpoll",
}

impl ShapeKind {
    /// Its time, where none is given.
    pub fn default_time(self) -> Duration {
        Duration::from_secs(match self {
            Self::Pool => 90,
            Self::Burst | Self::Sawtooth => 240,
            Self::Gc => 130,
            Self::Rotate => 600,
            Self::Inflight => 10,
        })
    }
}

/// A shape that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShapeOrder {
    /// How it goes.
    pub kind: ShapeKind,
    /// How many handles: see [`ShapeKind`].
    pub size: u32,
    /// How slowly: see [`ShapeKind`].
    pub time: Duration,
    /// What it holds.
    pub handle: HandleKind,
}

impl FromStr for ShapeOrder {
    type Err = ArgumentError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const FORM: ArgumentError =
            ArgumentError::Form("KIND=N[@TIME][:HANDLE], for example `pool=20` or `burst=30@5m:pipe`");
        let (kind, rest) = text.split_once('=').ok_or(FORM)?;
        let kind: ShapeKind = kind.parse()?;
        let (rest, handle) = match rest.split_once(':') {
            Some((rest, handle)) => (rest, handle.parse()?),
            None => (rest, HandleKind::Socket),
        };
        let (size, time) = match rest.split_once('@') {
            Some((size, time)) => (size, interval(time)?),
            None => (rest, kind.default_time()),
        };
        Ok(Self { kind, size: whole(size, MOST)?, time, handle })
    }
}

impl fmt::Display for ShapeOrder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = jiff::SignedDuration::try_from(self.time).unwrap_or(jiff::SignedDuration::MAX);
        write!(f, "{}={}@{time:#}:{}", self.kind.name(), self.size, self.handle.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_is_given_and_takes_what_is_sensible_for_the_rest() {
        let order = |text: &str| text.parse::<ShapeOrder>().unwrap();
        let pool =
            ShapeOrder { kind: ShapeKind::Pool, size: 20, time: Duration::from_secs(90), handle: HandleKind::Socket };
        assert_eq!(order("pool=20"), pool);
        assert_eq!(order("pool=20:file"), ShapeOrder { handle: HandleKind::File, ..pool });
        assert_eq!(order("pool=7@5m:pipe").time, Duration::from_secs(300));
        for kind in ShapeKind::ALL {
            for handle in HandleKind::ALL {
                let text = format!("{}=3:{}", kind.name(), handle.name());
                let read = order(&text);
                assert_eq!((read.kind, read.handle, read.time), (*kind, *handle, kind.default_time()));
                assert_eq!(order(&read.to_string()), read, "{read}");
            }
        }
    }

    #[test]
    fn says_what_is_wrong_with_a_shape() {
        let wrong = |text: &str| text.parse::<ShapeOrder>().unwrap_err().to_string();
        assert!(wrong("pool").contains("KIND=N[@TIME][:HANDLE]"));
        assert!(wrong("lake=3").contains("`lake`") && wrong("lake=3").contains("sawtooth"));
        assert!(wrong("pool=3:pidfd").contains("`pidfd`") && wrong("pool=3:pidfd").contains("eventpoll"));
        assert!(wrong("pool=3@soon").contains("`soon`"));
        assert!(wrong("pool=3@-5s").contains("`-5s`"));
        for number in ["0", "1001", "-1", "", "many"] {
            assert!(wrong(&format!("pool={number}")).contains("from 1 to 1000"), "{number}");
        }
    }
}
