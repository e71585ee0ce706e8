//! Whether the appliance sees: liveness is not readiness.

use std::sync::Mutex;
use std::time::Duration;

use dataplane::telemetry::Snapshot;
use tokio::sync::{Notify, watch};

use crate::clock::Stopwatch;
use crate::ledger;
use crate::pulse::{Pulse, Second};

/// Workers that make no progress for this long while frames wait are stuck.
const STUCK_AFTER: Duration = Duration::from_secs(10);
/// How long the appliance may take for its counts before those of the last second have to do.
const ANSWER: Duration = Duration::from_millis(500);

/// What `/readyz` and `/metrics` answer from; refreshed each second by the appliance.
#[derive(Debug, Default)]
pub struct Health {
    state: Mutex<State>,
    /// Somebody wants the counts of now.
    asked: Notify,
    told: watch::Sender<()>,
}

#[derive(Debug, Default)]
struct State {
    snapshot: Snapshot,
    running: bool,
    /// Why the source sees nothing, as it says itself.
    blind: Option<String>,
    stopping: bool,
    read: Watch,
    handled: Watch,
    /// Since when frames were read and none handled.
    behind: Option<Stopwatch>,
    pulse: Pulse,
}

impl State {
    /// For how long no frame came, if that is too long.
    fn silent(&self, max_silence: Duration) -> Option<Duration> {
        let silent = self.read.moved.elapsed();
        (!max_silence.is_zero() && silent > max_silence).then_some(silent)
    }
}

/// A counter and when it last moved.
#[derive(Debug, Default)]
struct Watch {
    value: u64,
    moved: Stopwatch,
}

impl Watch {
    /// Says whether it moved.
    fn see(&mut self, value: u64) -> bool {
        let moved = value != self.value;
        if moved {
            self.value = value;
            self.moved = Stopwatch::start();
        }
        moved
    }
}

impl Health {
    /// Takes the counts of this second, whether the pipeline runs, and why its source is blind.
    pub fn update(&self, snapshot: Snapshot, running: bool, blind: Option<String>) {
        let mut state = self.lock();
        let read = state.read.see(snapshot.total(ledger::FRAMES_READ));
        let handled = state.handled.see(ledger::frames_done(&snapshot));
        if handled {
            state.behind = None;
        } else if read && state.behind.is_none() {
            state.behind = Some(Stopwatch::start());
        }
        state.pulse.beat(crate::store::words::now(), &snapshot);
        state.snapshot = snapshot;
        state.running = running;
        state.blind = blind;
    }

    /// Until somebody wants the counts of now.
    pub async fn asked(&self) {
        self.asked.notified().await;
    }

    /// Takes the counts of now, between two seconds.
    pub fn refresh(&self, snapshot: Snapshot) {
        self.lock().snapshot = snapshot;
        self.told.send_replace(());
    }

    /// The counts of now, as far as the appliance gives them at once.
    pub async fn fresh(&self) -> Snapshot {
        let mut told = self.told.subscribe();
        self.asked.notify_one();
        // Late, or on its way down: what is there has to do.
        drop(tokio::time::timeout(ANSWER, told.changed()).await);
        self.snapshot()
    }

    /// The appliance is going down.
    pub fn stopping(&self) {
        self.lock().stopping = true;
    }

    /// The last counts.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        self.lock().snapshot.clone()
    }

    /// The last hour, second by second.
    #[must_use]
    pub fn pulse(&self) -> Vec<Second> {
        self.lock().pulse.seconds()
    }

    /// Why the appliance is blind, or nothing.
    #[must_use]
    pub fn blind(&self, max_silence: Duration) -> Option<String> {
        let state = self.lock();
        if state.stopping {
            Some("stopping".to_owned())
        } else if !state.running {
            Some("no source: capture has ended".to_owned())
        } else if state.blind.is_some() {
            state.blind.clone()
        } else if state
            .behind
            .is_some_and(|since| since.elapsed() > STUCK_AFTER)
        {
            Some("workers are stuck: frames are read but not handled".to_owned())
        } else {
            let silent = state.silent(max_silence);
            silent
                .map(|silent| format!("no frame for {} s: is the SPAN port on?", silent.as_secs()))
        }
    }

    /// Whether no frame came for longer than that.
    #[must_use]
    pub fn is_silent(&self, max_silence: Duration) -> bool {
        self.lock().silent(max_silence).is_some()
    }

    /// A thread that panicked while it held the lock leaves whole values behind.
    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_source_or_frames_it_is_blind() {
        let health = Health::default();
        assert!(health.blind(Duration::ZERO).unwrap().contains("no source"));
        health.update(Snapshot::default(), true, None);
        assert_eq!(health.blind(Duration::from_secs(60)), None);
        health.update(Snapshot::default(), true, Some("is down".to_owned()));
        assert_eq!(health.blind(Duration::ZERO).unwrap(), "is down");
        health.update(Snapshot::default(), true, None);
        crate::clock::pause(Duration::from_millis(5));
        assert!(
            health
                .blind(Duration::from_millis(1))
                .unwrap()
                .contains("no frame")
        );
        health.stopping();
        assert_eq!(health.blind(Duration::ZERO).unwrap(), "stopping");
    }
}
