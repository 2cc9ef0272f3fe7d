//! Users made of a user: somebody new, the same once more, the same as before.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, PoisonError};

use reqwest_cookie_store::{CookieStore, CookieStoreMutex};
use serde_json::Value;

use super::identity::Dice;
use super::template::Templates;
use super::{Flow, StepError};

/// What a user has at a moment: cookies and captures.
#[derive(Clone)]
pub struct Memory {
    cookies: CookieStore,
    captured: BTreeMap<String, Value>,
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Names only: the values are secrets.
        f.debug_struct("Memory").field("captured", &self.captured.keys()).finish_non_exhaustive()
    }
}

impl Flow {
    /// Somebody new who knows what this user has captured and was told: without cookies, with a name, a password and ids of
    /// their own, which the label and this user's seed decide. Connections that the new user leaves silent are kept until the
    /// last of both is dropped.
    ///
    /// # Errors
    /// The HTTP client could not be made.
    pub fn fork(&self, label: &str) -> Result<Self, StepError> {
        Ok(self.other(Dice::new(self.identity.fork(label)), Arc::default(), Arc::default()))
    }

    /// The same user once more, with the same cookies, for steps that are taken beside this one's. What one of both captures from
    /// now on, the other does not know.
    ///
    /// # Errors
    /// The HTTP client could not be made.
    pub fn twin(&self) -> Result<Self, StepError> {
        Ok(self.other(self.templates.dice().twin(), Arc::clone(&self.jar), Arc::clone(&self.parallels)))
    }

    /// This user as they are now, to go back to.
    pub fn memory(&self) -> Memory {
        let jar = self.jar.lock().unwrap_or_else(PoisonError::into_inner);
        Memory { cookies: jar.clone(), captured: self.captured.clone() }
    }

    /// Goes back to the cookies and captures of a moment ago; a twin's cookies are the same ones. Who the user is and what they
    /// were told stays.
    pub fn go_back(&mut self, memory: &Memory) {
        self.jar.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&memory.cookies);
        self.captured.clone_from(&memory.captured);
    }

    fn other(&self, dice: Dice, jar: Arc<CookieStoreMutex>, parallels: Arc<AtomicU64>) -> Self {
        let identity = dice.identity().clone();
        let words = BTreeMap::from([("user", identity.user()), ("password", identity.password())]);
        for (name, value) in &words {
            self.secrets.learn_named(name, value);
        }
        Self {
            file: self.file.clone(),
            clients: self.clients.clone(),
            jar,
            templates: Templates::new(dice),
            identity,
            secrets: self.secrets.clone(),
            words,
            vars: self.vars.clone(),
            captured: self.captured.clone(),
            told: self.told.clone(),
            // Steps of a `parallel` are in the same blocks.
            blocks: self.blocks.clone(),
            // A connection has one owner.
            sockets: Vec::new(),
            silent: Arc::clone(&self.silent),
            since: self.since,
            depth: self.depth,
            parallels,
            observer: self.observer.clone(),
            prober: self.prober.clone(),
        }
    }
}
