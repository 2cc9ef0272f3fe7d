//! Cookie sessions and their CSRF tokens, in memory.

use std::collections::HashMap;
use std::fmt::Write;
use std::fs::File;
use std::io::{self, Read};

use axum::http::HeaderMap;
use axum::http::header::COOKIE;

/// How many sessions there may be; the one that was used longest ago makes room, those without a user first.
const MOST_SESSIONS: usize = 500;
/// The cookie's name.
const NAME: &str = "session";

/// A session: what the server knows of one browser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Session {
    /// What a form of this session must send back.
    pub(super) csrf: String,
    /// Who is logged in.
    pub(super) user: Option<i64>,
    // The higher, the later it was used.
    used: u64,
}

/// All sessions by their id.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    all: HashMap<String, Session>,
    clock: u64,
}

impl Sessions {
    /// The session that the request's cookie names.
    pub(super) fn find(&mut self, headers: &HeaderMap) -> Option<(String, Session)> {
        let id = id_in(headers)?;
        self.clock += 1;
        let session = self.all.get_mut(id)?;
        session.used = self.clock;
        Some((id.to_owned(), session.clone()))
    }

    /// A fresh session for this user, or for nobody yet. Whoever logs in gets one, so that an id known before is worth nothing after.
    pub(super) fn open(&mut self, user: Option<i64>) -> io::Result<(String, Session)> {
        if self.all.len() >= MOST_SESSIONS {
            let oldest = self.all.iter().min_by_key(|(_, session)| (session.user.is_some(), session.used));
            if let Some(id) = oldest.map(|(id, _)| id.clone()) {
                self.all.remove(&id);
            }
        }
        self.clock += 1;
        let session = Session { csrf: token()?, user, used: self.clock };
        let id = token()?;
        self.all.insert(id.clone(), session.clone());
        Ok((id, session))
    }

    /// Forgets a session.
    pub(super) fn close(&mut self, id: &str) {
        self.all.remove(id);
    }
}

/// The header that sets a session's cookie.
pub(super) fn cookie(id: &str) -> String {
    format!("{NAME}={id}; Path=/; HttpOnly; SameSite=Lax")
}

/// The header that removes it.
pub(super) fn no_cookie() -> String {
    format!("{NAME}=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0")
}

fn id_in(headers: &HeaderMap) -> Option<&str> {
    let pairs = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok()).flat_map(|all| all.split(';'));
    pairs.filter_map(|pair| pair.trim().split_once('=')).find_map(|(name, value)| (name == NAME).then_some(value))
}

/// Random bytes from the kernel.
pub(super) fn random<const N: usize>() -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn token() -> io::Result<String> {
    let mut text = String::new();
    for byte in random::<16>()? {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_cookie(value: &str) -> HeaderMap {
        HeaderMap::from_iter([(COOKIE, value.parse().unwrap())])
    }

    #[test]
    fn a_session_is_found_by_its_cookie_among_others() {
        let mut sessions = Sessions::default();
        let (id, opened) = sessions.open(Some(3)).unwrap();
        let (_, found) = sessions.find(&with_cookie(&format!("theme=dark; {NAME}={id}"))).unwrap();
        assert_eq!((found.user, found.csrf), (Some(3), opened.csrf));
        assert!(sessions.find(&with_cookie("session=guess")).is_none());
        sessions.close(&id);
        assert!(sessions.find(&with_cookie(&format!("{NAME}={id}"))).is_none());
    }

    #[test]
    fn tokens_and_ids_differ() {
        let mut sessions = Sessions::default();
        let (one, first) = sessions.open(None).unwrap();
        let (two, second) = sessions.open(None).unwrap();
        assert_ne!(one, two);
        assert_ne!(first.csrf, second.csrf);
        assert_eq!(first.csrf.len(), 32);
    }

    #[test]
    fn sessions_without_a_user_make_room_first() {
        let mut sessions = Sessions::default();
        let (member, _) = sessions.open(Some(1)).unwrap();
        for _ in 0..2 * MOST_SESSIONS {
            sessions.open(None).unwrap();
        }
        assert_eq!(sessions.all.len(), MOST_SESSIONS);
        assert!(sessions.find(&with_cookie(&format!("{NAME}={member}"))).is_some());
    }
}
