//! Frame numbers and packet time, as every source has to give them.

use parsers::time::{NANOS_PER_SEC, Time};

/// A jump of the stamps by more than this, either way, is a step of the clock that made them and
/// starts a new epoch. Reordering between queues is milliseconds; a pause of an hour on a hospital
/// VLAN does not happen.
pub const STEP_NANOS: i64 = 3600 * NANOS_PER_SEC;

/// A frame is given at most this long after its stamp by a source that numbers by stamps.
const GIVEN_WITHIN_NANOS: i64 = 30_000_000;

/// Numbers frames and keeps the running maximum of their stamps.
#[derive(Clone, Copy, Debug, Default)]
pub struct Clock {
    no: u64,
    now: Option<Time>,
    /// Whether a frame's number is its stamp in nanoseconds.
    by_stamp: bool,
}

impl Clock {
    /// For one of several sources that are read side by side: it numbers frames by their stamps,
    /// so that numbers of all of them are in one order without anybody counting for all.
    #[must_use]
    pub const fn by_stamp() -> Self {
        Self {
            no: 0,
            now: None,
            by_stamp: true,
        }
    }

    /// Takes a frame's stamp; gives its number, from 1, and the running maximum.
    pub fn frame(&mut self, time: Time) -> (u64, Time) {
        self.no = self.no.saturating_add(1);
        if self.by_stamp {
            self.no = self.no.max(u64::try_from(time.0).unwrap_or(0));
        }
        (self.no, self.tick(time))
    }

    /// Takes the machine's time when no frame came; gives the running maximum.
    pub fn idle(&mut self, time: Time) -> Time {
        if self.by_stamp {
            let passed = time.0.saturating_sub(GIVEN_WITHIN_NANOS);
            self.no = self.no.max(u64::try_from(passed).unwrap_or(0));
        }
        self.tick(time)
    }

    /// No frame with this number or a lower one comes any more.
    #[must_use]
    pub const fn upto(&self) -> u64 {
        self.no
    }

    fn tick(&mut self, time: Time) -> Time {
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
