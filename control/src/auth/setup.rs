//! The first user: made with a token that only the log of the appliance has.

use std::sync::{Mutex, PoisonError};

use super::secret::{Secret, same};
use crate::store::{Error, Store};

/// The token, while there is no user.
#[derive(Default)]
pub struct Setup(Mutex<Option<String>>);

impl Setup {
    /// Makes a token if there is no user yet. It is said once, in the log, and lives in memory only.
    ///
    /// # Errors
    /// A store that cannot be read.
    pub fn new(store: &Store) -> Result<Self, Error> {
        if store.read(super::users::any)? {
            return Ok(Self::default());
        }
        let secret = Secret::random()?.tell();
        // 128 bits: it may have to be typed.
        let token: String = secret.chars().take(32).collect();
        tracing::warn!(
            "nobody can log in yet; make the first admin with this set-up token: {token}"
        );
        Ok(Self(Mutex::new(Some(token))))
    }

    /// Whether there is nobody yet.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.lock().is_some()
    }

    /// Whether it is the token.
    #[must_use]
    pub fn fits(&self, token: &str) -> bool {
        self.lock()
            .as_ref()
            .is_some_and(|expected| same(expected, token))
    }

    /// There is somebody now.
    pub fn done(&self) {
        *self.lock() = None;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
