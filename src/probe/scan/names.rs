//! The names that links have, each with its class and its count in the census under way.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, BuildHasherDefault, Hasher};

use rustix::io::Errno;

use super::file::{Place, asked, lacks_means};
use super::{Entry, decimal};
use crate::model::{FdCensus, FdClass, FdKind, LinkCount};
use crate::probe::classify::{classify, pty_side, readable};

/// The bit that is set in digests of names, and in no inode.
pub(super) const DIGEST: u64 = 1 << 63;

/// Names that are remembered before those that are gone are swept out.
const MAX_NAMES: usize = 65_536;

/// Bytes of all names that are remembered, as they are shown.
const MAX_TEXT: usize = 16 << 20;

/// After this many scans texts are swept out that have become too many.
const PATIENCE: u64 = 1024;

/// Bytes of one name. The middle of a longer one is left out: its folder and its suffix say what it is.
const LONGEST_NAME: usize = 1024;

/// What is numbered by an inode of its own: too many for a name each.
const NUMBERED: [(FdClass, &str); 3] =
    [(FdClass::Socket, "socket:[*]"), (FdClass::Pipe, "pipe:[*]"), (FdClass::Pidfd, "pidfd:[*]")];

/// Every name that was met.
///
/// A name is known by its digest alone. The key of the digest is drawn at random for each run, so that no target can make
/// names that collide, and by chance two of a million names do so once in 10^7 runs.
#[derive(Debug)]
pub(super) struct Names {
    key: RandomState,
    known: HashMap<u64, Name, BuildHasherDefault<AsItIs>>,
    // Those of `known` that were met in this census, in the order in which they were met.
    met: Vec<Met>,
    numbered: [Count; NUMBERED.len()],
    census: u64,
    // Places in `numbered` and after it in `met`, by rank; kept for its room.
    ranked: Vec<(Reverse<u64>, u32, usize)>,
    // Bytes of the texts in `known`.
    text: usize,
    limit: usize,
    swept: u64,
}

#[derive(Debug)]
struct Name {
    class: FdClass,
    kind: Option<FdKind>,
    // False where it could not be asked what the path leads to, because the descriptor was closed meanwhile.
    settled: bool,
    // `None` where there are too many.
    text: Option<Box<str>>,
    // The last census in which it was met, and its place in `met` of that one.
    census: u64,
    place: usize,
}

#[derive(Debug)]
struct Met {
    digest: u64,
    count: Count,
}

#[derive(Debug, Clone, Copy)]
struct Count {
    number: u64,
    // The lowest descriptor that has the name. Among names that are equally frequent it decides, so that two looks at the
    // same descriptors tell the same.
    lowest: u32,
}

impl Count {
    const NONE: Self = Self { number: 0, lowest: u32::MAX };

    #[inline]
    fn add(&mut self, fd: u32) {
        self.number += 1;
        self.lowest = self.lowest.min(fd);
    }
}

impl Default for Names {
    fn default() -> Self {
        Self {
            key: RandomState::new(),
            known: HashMap::default(),
            met: Vec::new(),
            numbered: [Count::NONE; NUMBERED.len()],
            ranked: Vec::new(),
            census: 0,
            text: 0,
            limit: MAX_NAMES,
            swept: 0,
        }
    }
}

impl Names {
    /// Begins a census.
    pub(super) fn begin(&mut self) {
        if self.known.len() > self.limit || (self.text > MAX_TEXT && self.census > self.swept + PATIENCE) {
            self.sweep();
        }
        self.met.clear();
        self.numbered = [Count::NONE; NUMBERED.len()];
        self.census += 1;
    }

    /// Forgets what was not met since the last sweep, or has no text: there may be room for it now. What is left may be more than the limit where as much is open: the limit
    /// then rises with it, so that the next sweep is as far away as the last.
    fn sweep(&mut self) {
        self.known.retain(|_, name| name.census > self.swept && name.text.is_some());
        self.text = self.known.values().filter_map(|name| name.text.as_ref()).map(|text| text.len()).sum();
        self.limit = MAX_NAMES.max(2 * self.known.len());
        self.swept = self.census;
    }

    /// Counts one descriptor. Where its path leads is asked only for a name that is met for the first time.
    ///
    /// # Errors
    /// Slowdrip lacks the means to ask.
    #[inline]
    pub(super) fn count(&mut self, fd: u32, link: &[u8], place: &Place<'_>) -> Result<Entry, Errno> {
        if let Some((number, inode)) = numbered(link)
            && let (Some((class, _)), Some(count)) = (NUMBERED.get(number), self.numbered.get_mut(number))
        {
            count.add(fd);
            return Ok(Entry { fd, class: *class, kind: None, ident: inode });
        }
        let digest = self.key.hash_one(link);
        let ident = digest | DIGEST;
        if let Some(name) = self.known.get_mut(&digest)
            && name.settled
        {
            meet(&mut self.met, name, self.census, digest, fd);
            return Ok(Entry { fd, class: name.class, kind: name.kind, ident });
        }
        self.count_new(fd, digest, link, place)
    }

    /// Counts a descriptor whose link could not be read. It is open, whatever it is.
    #[cold]
    pub(super) fn count_unreadable(&mut self, fd: u32, error: Errno) -> Entry {
        let text = format!("unreadable: {error}");
        let digest = self.key.hash_one(text.as_bytes());
        self.enter(fd, digest, text.as_bytes(), (FdClass::Unknown, None), true);
        Entry { fd, class: FdClass::Unknown, kind: None, ident: digest | DIGEST }
    }

    #[cold]
    fn count_new(&mut self, fd: u32, digest: u64, link: &[u8], place: &Place<'_>) -> Result<Entry, Errno> {
        let (class, text) = classify(link);
        let kind = pty_side(link);
        let (class, kind, settled) = if asked(class) {
            match place.node() {
                Ok(Some(node)) => {
                    let (class, kind) = node.class(class, link);
                    (class, kind, true)
                }
                Ok(None) => (class, kind, true),
                Err(lack) if lacks_means(lack) => return Err(lack),
                Err(_closed) => (class, kind, false),
            }
        } else {
            (class, kind, true)
        };
        // A name with a number in it (`net:[4026531840]`) is counted under the name without.
        let counted = if *text == *link { digest } else { self.key.hash_one(&*text) };
        self.enter(fd, counted, &text, (class, kind), settled);
        Ok(Entry { fd, class, kind, ident: digest | DIGEST })
    }

    fn enter(&mut self, fd: u32, digest: u64, text: &[u8], (class, kind): (FdClass, Option<FdKind>), settled: bool) {
        let room = self.text <= MAX_TEXT;
        let name = self.known.entry(digest).or_insert(Name { class, kind, settled, text: None, census: 0, place: 0 });
        if name.text.is_none() && room {
            let shown = fit(readable(text));
            self.text += shown.len();
            name.text = Some(shown);
        }
        (name.class, name.kind, name.settled) = (class, kind, settled);
        meet(&mut self.met, name, self.census, digest, fd);
    }

    /// The names of this census, the most frequent first, and among equals the one with the lowest descriptor.
    pub(super) fn links(&mut self) -> Vec<LinkCount> {
        let counts = self.numbered.iter().chain(self.met.iter().map(|met| &met.count));
        let ranked = counts.enumerate().filter(|(_, count)| count.number > 0);
        self.ranked.clear();
        self.ranked.extend(ranked.map(|(place, count)| (Reverse(count.number), count.lowest, place)));
        if self.ranked.len() > FdCensus::MAX_LINKS {
            self.ranked.select_nth_unstable(FdCensus::MAX_LINKS);
            self.ranked.truncate(FdCensus::MAX_LINKS);
        }
        self.ranked.sort_unstable();
        self.ranked.iter().filter_map(|(Reverse(count), _, place)| self.link(*place, *count)).collect()
    }

    /// `None` for a name whose text was not kept.
    fn link(&self, place: usize, count: u64) -> Option<LinkCount> {
        if let Some((class, name)) = NUMBERED.get(place) {
            return Some(LinkCount { name: (*name).to_owned(), class: *class, count });
        }
        let name = self.known.get(&self.met.get(place - NUMBERED.len())?.digest)?;
        Some(LinkCount { name: name.text.as_deref()?.to_owned(), class: name.class, count })
    }
}

/// Counts a name once more.
#[inline]
fn meet(met: &mut Vec<Met>, name: &mut Name, census: u64, digest: u64, fd: u32) {
    if name.census != census {
        (name.census, name.place) = (census, met.len());
        met.push(Met { digest, count: Count::NONE });
    }
    if let Some(met) = met.get_mut(name.place) {
        met.count.add(fd);
    }
}

/// The number of a kind in [`NUMBERED`], and the inode.
#[inline]
fn numbered(link: &[u8]) -> Option<(usize, u64)> {
    let (number, rest) = match link {
        [b's', ..] => (0, link.strip_prefix(b"socket:[")?),
        [b'p', b'i', b'p', ..] => (1, link.strip_prefix(b"pipe:[")?),
        [b'p', b'i', b'd', ..] => (2, link.strip_prefix(b"pidfd:[")?),
        _ => return None,
    };
    Some((number, decimal(rest.strip_suffix(b"]")?)?))
}

/// Leaves out the middle of a long name.
fn fit(name: String) -> Box<str> {
    if name.len() <= LONGEST_NAME {
        return name.into();
    }
    let half = LONGEST_NAME / 2 - 2;
    let head = (0..=half).rev().find(|at| name.is_char_boundary(*at)).and_then(|at| name.get(..at));
    let tail = (name.len() - half..name.len()).find(|at| name.is_char_boundary(*at)).and_then(|at| name.get(at..));
    format!("{}…{}", head.unwrap_or_default(), tail.unwrap_or_default()).into()
}

/// Digests are as good as any hash of them.
#[derive(Debug, Default)]
struct AsItIs(u64);

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, digest: u64) {
        self.0 = digest;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A census of these names.
    fn census(names: &mut Names, texts: impl Iterator<Item = String>) {
        names.begin();
        for (fd, text) in (0..).zip(texts) {
            let digest = names.key.hash_one(text.as_bytes());
            names.enter(fd, digest, text.as_bytes(), (FdClass::Deleted, None), true);
        }
    }

    #[test]
    fn a_target_that_makes_ever_new_names_does_not_fill_the_memory() {
        let mut names = Names::default();
        for round in 0..100 {
            census(
                &mut names,
                ["/standing".to_owned()].into_iter().chain((0..4000).map(|n| format!("/tmp/{round}-{n}"))),
            );
        }
        assert!(names.known.len() <= 2 * MAX_NAMES + 4001, "{}", names.known.len());
        let kept: usize = names.known.values().map(|name| name.text.as_ref().unwrap().len()).sum();
        assert_eq!(kept, names.text);
        assert!(names.links().iter().any(|link| link.name == "/standing"));
    }

    #[test]
    fn long_names_are_counted_beyond_what_is_kept_of_them() {
        let mut names = Names::default();
        let long = "x".repeat(1000);
        census(&mut names, (0..20_000).map(|n| format!("/{long}{n}")));
        assert!(names.text <= MAX_TEXT + LONGEST_NAME, "{}", names.text);
        assert_eq!(names.met.len(), 20_000);
        assert_eq!(names.links().len(), FdCensus::MAX_LINKS);
        // Once they are gone there is room again.
        for _ in 0..=PATIENCE + 1 {
            census(&mut names, std::iter::once("/short".to_owned()));
        }
        names.begin();
        for _ in 0..=PATIENCE + 1 {
            census(&mut names, std::iter::once("/short".to_owned()));
        }
        assert!(names.text < LONGEST_NAME, "{}", names.text);
    }

    #[test]
    fn only_plain_numbers_are_inodes() {
        assert_eq!(numbered(b"socket:[81234]"), Some((0, 81_234)));
        assert_eq!(numbered(b"pipe:[0]"), Some((1, 0)));
        assert_eq!(numbered(b"pidfd:[7]"), Some((2, 7)));
        for link in
            [&b"socket:[]"[..], b"socket:[1", b"socket:[-1]", b"socket:[1]]", b"pipe:[99999999999999999999]", b""]
        {
            assert_eq!(numbered(link), None, "{link:?}");
        }
    }
}
