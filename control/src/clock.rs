//! The machine's clock. Everything below this crate knows packet time only.
#![expect(
    clippy::disallowed_types,
    reason = "the appliance itself lives in machine time: rotation, heartbeats, readiness"
)]

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use parsers::time::Time;

/// Wall-clock time as events stamp it.
#[must_use]
pub fn now() -> Time {
    let nanos = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_nanos());
    Time(i64::try_from(nanos).unwrap_or(i64::MAX))
}

/// Measures spans of time, whatever the wall clock does.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(Instant);

impl Default for Stopwatch {
    fn default() -> Self {
        Self::start()
    }
}

impl Stopwatch {
    /// Starts now.
    #[must_use]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// As if it had been started so long ago; now, if the machine was not up then.
    #[must_use]
    pub fn ago(span: Duration) -> Self {
        let now = Instant::now();
        Self(now.checked_sub(span).unwrap_or(now))
    }

    /// Since the start.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

/// Waits a little without work.
pub fn pause(span: Duration) {
    let started = Stopwatch::start();
    while let Some(left) = span.checked_sub(started.elapsed()).filter(|l| !l.is_zero()) {
        std::thread::park_timeout(left);
    }
}

/// Something that is due again and again.
pub(crate) struct Every {
    interval: Duration,
    since: Stopwatch,
}

impl Every {
    pub(crate) fn new(interval: Duration) -> Self {
        Self {
            interval,
            since: Stopwatch::start(),
        }
    }

    pub(crate) fn is_due(&mut self) -> bool {
        let due = !self.interval.is_zero() && self.since.elapsed() >= self.interval;
        if due {
            self.since = Stopwatch::start();
        }
        due
    }
}

/// `20261121T221500Z`: a time stamp for a file's name.
#[must_use]
pub fn file_stamp(time: Time) -> String {
    let mut text = Vec::new();
    rules::eve::timestamp(time, &mut text);
    let digits: String = String::from_utf8_lossy(&text)
        .chars()
        .take(19)
        .filter(|c| !matches!(c, '-' | ':'))
        .collect();
    format!("{digits}Z")
}
