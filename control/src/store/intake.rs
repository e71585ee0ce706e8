//! The output that feeds the store: picks what it keeps, and never waits for the disk.

use rules::correlate::Out;

use super::Store;
use super::queue::Taken;
use crate::sinks::Sink;

/// What the store keeps of all that goes by. Protocol events are not among it.
const KEPT: [&str; 3] = ["alert", "finding", "heartbeat"];

/// The output.
pub struct Intake {
    store: Store,
    /// Whether to wait for room: when files are read, and nothing is lost by waiting.
    wait: bool,
}

impl Intake {
    /// Feeds that store. `live` traffic does not wait.
    #[must_use]
    pub const fn new(store: Store, live: bool) -> Self {
        Self { store, wait: !live }
    }
}

impl Sink for Intake {
    fn take(&mut self, out: &Out) {
        for item in &out.items {
            if !KEPT.contains(&item.event_type) {
                continue;
            }
            let (from, to) = (item.line.start as usize, item.line.end as usize);
            let line = out.arena.get(from..to).unwrap_or_default();
            let taken = Taken {
                event_type: item.event_type,
                time: item.time,
                severity: item.alert.as_ref().map(|alert| alert.severity),
                json: String::from_utf8_lossy(line).trim_end().into(),
            };
            self.store.offer(taken, self.wait);
        }
    }
}
