//! What the service manager is told: ready, alive, reloading, stopping. Without one, nothing.

use std::time::Duration;

use sd_notify::NotifyState;

use crate::clock::Stopwatch;

/// The service manager, if one started us.
#[derive(Debug)]
pub struct Service {
    /// How often it wants to hear that we live.
    interval: Option<Duration>,
    since: Stopwatch,
    status: String,
}

impl Service {
    /// Looks whether there is one, and how often it wants to hear of us.
    #[must_use]
    pub fn find() -> Self {
        Self {
            // Twice in the time after which it would start us anew.
            interval: sd_notify::watchdog_enabled().map(|within| within / 2),
            since: Stopwatch::start(),
            status: String::new(),
        }
    }

    /// The source is open and frames are read.
    pub fn ready(&self) {
        tell(&[NotifyState::Ready]);
    }

    /// Still alive: called each second by the loop that looks after everything. `status` is shown
    /// by `systemctl status`.
    pub fn alive(&mut self, status: &str) {
        if self.status != status {
            status.clone_into(&mut self.status);
            tell(&[NotifyState::Status(status)]);
        }
        if self
            .interval
            .is_some_and(|interval| self.since.elapsed() >= interval)
        {
            self.since = Stopwatch::start();
            tell(&[NotifyState::Watchdog]);
        }
    }

    /// What was read is still being written.
    pub fn stopping(&self) {
        tell(&[NotifyState::Stopping]);
    }
}

fn tell(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::debug!("service manager: {error}");
    }
}
