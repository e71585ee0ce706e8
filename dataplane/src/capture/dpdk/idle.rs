//! Waiting for frames without an interrupt: looking again and again, and how often.

use std::time::Duration;

use super::Poll;

/// So often at once: a gap within a burst of traffic is shorter than that.
const SPINS: u32 = 1024;

/// The first sleep, and the longest: with 4096 descriptors the adapter bridges 275 microseconds at
/// 10 Gbit/s of the smallest frames.
const SLEEP_MIN: Duration = Duration::from_micros(10);
const SLEEP_MAX: Duration = Duration::from_micros(100);

/// One wait for frames, from the last that came.
pub(super) struct Idle {
    poll: Poll,
    spins: u32,
    sleep: Duration,
}

impl Idle {
    pub(super) const fn new(poll: Poll) -> Self {
        Self {
            poll,
            spins: 0,
            sleep: SLEEP_MIN,
        }
    }

    /// Between two looks.
    pub(super) fn wait(&mut self) {
        if self.poll == Poll::Busy || self.spins < SPINS {
            self.spins = self.spins.saturating_add(1);
            std::hint::spin_loop();
            return;
        }
        sleep(self.sleep);
        self.sleep = self.sleep.saturating_mul(2).min(SLEEP_MAX);
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "for Source::fill, the one place that may wait, and for opening"
)]
pub(super) fn sleep(duration: Duration) {
    std::thread::sleep(duration);
}
