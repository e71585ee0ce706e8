//! Rung after each transaction: wakes sinks, and whoever shows alerts as they come.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

/// The bell.
pub(super) struct Bell {
    rung: Mutex<u64>,
    heard: Condvar,
    watched: watch::Sender<u64>,
}

impl Bell {
    pub(super) fn new() -> Self {
        Self {
            rung: Mutex::new(0),
            heard: Condvar::new(),
            watched: watch::Sender::new(0),
        }
    }

    pub(super) fn ring(&self) {
        let mut rung = self.rung.lock().unwrap_or_else(PoisonError::into_inner);
        *rung = rung.wrapping_add(1);
        self.heard.notify_all();
        self.watched.send_replace(*rung);
    }

    /// Until it rings, at most so long.
    pub(super) fn wait(&self, at_most: Duration) {
        let rung = self.rung.lock().unwrap_or_else(PoisonError::into_inner);
        let before = *rung;
        let outcome = self
            .heard
            .wait_timeout_while(rung, at_most, |now| *now == before);
        // A poisoned lock is as good: the count is only compared.
        drop(outcome);
    }

    pub(super) fn watch(&self) -> watch::Receiver<u64> {
        self.watched.subscribe()
    }
}
