//! Frame numbers and packet time, as every source has to give them.

use parsers::time::{NANOS_PER_SEC, Time};

/// A jump of the stamps by more than this, either way, is a step of the clock that made them and
/// starts a new epoch. Reordering between queues is milliseconds; a pause of an hour on a hospital
/// VLAN does not happen.
pub const STEP_NANOS: i64 = 3600 * NANOS_PER_SEC;

/// Numbers frames and keeps the running maximum of their stamps.
#[derive(Clone, Copy, Debug, Default)]
pub struct Clock {
    no: u64,
    now: Option<Time>,
}

impl Clock {
    /// Takes a frame's stamp; gives its number, from 1, and the running maximum.
    pub fn frame(&mut self, time: Time) -> (u64, Time) {
        self.no = self.no.saturating_add(1);
        (self.no, self.tick(time))
    }

    /// Takes a stamp without a frame, of an idle poll.
    pub fn tick(&mut self, time: Time) -> Time {
        let now = match self.now {
            Some(now) if time <= now && now.since(time) <= STEP_NANOS => now,
            _ => time,
        };
        self.now = Some(now);
        now
    }

    /// The running maximum; the epoch before the first frame.
    #[must_use]
    pub fn now(&self) -> Time {
        self.now.unwrap_or_default()
    }
}

/// Whether going from one running maximum to the next is a step of the clock.
#[must_use]
pub const fn is_step(from: Time, to: Time) -> bool {
    let moved = to.since(from);
    moved < 0 || moved > STEP_NANOS
}
