//! Protocol events to sinks that select them. They never enter the store: each sink has a bounded queue
//! in memory and a thread of its own for them, so that alerts never wait behind them. What finds no room
//! is lost to that sink, and counted; whoever offers never waits.

mod lane;

use std::sync::{Arc, Mutex, PoisonError};

use dataplane::telemetry::Sample;
use rules::correlate::Out;

use crate::sinks::Sink;
pub(super) use lane::{Lane, Waiting};

/// The queues of all sinks that take protocol events. Clones are the same ones.
#[derive(Clone, Default)]
pub struct Lanes(Arc<Mutex<Vec<Arc<Lane>>>>);

impl Lanes {
    fn all(&self) -> Vec<Arc<Lane>> {
        let lanes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lanes.clone()
    }

    /// The queue of that sink.
    pub(super) fn of(&self, sink: &str) -> Option<Arc<Lane>> {
        self.all().into_iter().find(|lane| lane.sink() == sink)
    }

    /// These there are from now on. What the others held is lost, and counted.
    pub(super) fn set(&self, lanes: Vec<Arc<Lane>>) {
        let mut now = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::replace(&mut *now, lanes);
        for gone in before {
            if !now.iter().any(|lane| Arc::ptr_eq(lane, &gone)) {
                gone.abandon();
            }
        }
    }

    /// For Prometheus.
    #[must_use]
    pub fn samples(&self) -> Vec<Sample> {
        let all = self.all();
        all.iter().flat_map(|lane| lane.samples()).collect()
    }

    /// What gives them the lines of the pipeline.
    #[must_use]
    pub fn fan(&self) -> Fan {
        Fan(self.clone())
    }
}

/// Gives each queue what its sink selects.
pub struct Fan(Lanes);

impl Sink for Fan {
    fn take(&mut self, out: &Out) {
        for lane in self.0.all() {
            lane.offer(out);
        }
    }
}

#[cfg(test)]
mod tests;
