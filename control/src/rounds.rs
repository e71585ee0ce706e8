//! Captures that are read again and again as if they happened now: stamps are moved so that the
//! captures end when a round begins, and frames come at an even pace. So each round tells new alerts.

use std::path::PathBuf;
use std::time::Duration;

use dataplane::capture::{Batch, CaptureError, Fill, Losses, ReadProgress, Source};
use dataplane::telemetry::Sample;
use parsers::time::Time;

use crate::clock::{self, Stopwatch};
use crate::config::Capture;
use crate::engine;

/// How long a reader waits at a time: it looks whether to stop between two waits.
const WAIT: Duration = Duration::from_millis(50);

/// One round.
pub(crate) struct Round {
    inner: Box<dyn Source>,
    /// Nanoseconds that are added to each stamp.
    later: i64,
    /// Frames of all captures, and those that were given.
    frames: u64,
    given: u64,
    /// How long the round takes.
    within: Duration,
    since: Stopwatch,
    /// The newest stamp that was given.
    now: Time,
    ended: bool,
}

impl Round {
    /// A round over these captures that begins now. Reads them once to know where they end; what
    /// cannot be read is said when it is read again.
    #[must_use]
    pub(crate) fn begin(capture: &Capture, paths: &[PathBuf]) -> Self {
        let (frames, last) = measure(engine::files(capture, paths));
        Self {
            inner: engine::files(capture, paths),
            later: clock::now().0.saturating_sub(last.0),
            frames,
            given: 0,
            within: capture.round.0,
            since: Stopwatch::start(),
            now: Time::default(),
            ended: false,
        }
    }

    /// Whether the next frames, or the end, are not due yet.
    fn is_early(&self) -> bool {
        let share = match self.ended {
            true => 1.0,
            false => share(self.given, self.frames),
        };
        self.since.elapsed() < self.within.mul_f64(share)
    }

    fn moved(&self, time: Time) -> Time {
        Time(time.0.saturating_add(self.later))
    }
}

#[expect(clippy::cast_precision_loss, reason = "a pace")]
fn share(part: u64, whole: u64) -> f64 {
    (part as f64 / whole.max(1) as f64).min(1.0)
}

/// How many frames there are, and the newest stamp.
fn measure(mut source: Box<dyn Source>) -> (u64, Time) {
    let (mut frames, mut last, mut batch) = (0_u64, Time::default(), Batch::default());
    loop {
        batch.clear();
        let filled = source.fill(&mut batch);
        frames = frames.saturating_add(u64::try_from(batch.frames.len()).unwrap_or(u64::MAX));
        last = batch.frames.iter().map(|f| f.time).fold(last, Time::max);
        if matches!(filled, Ok(Fill::End)) {
            return (frames, last);
        }
    }
}

impl Source for Round {
    fn fill(&mut self, batch: &mut Batch) -> Result<Fill, CaptureError> {
        batch.now = self.now;
        if self.is_early() {
            clock::pause(WAIT);
            return Ok(Fill::More);
        }
        if self.ended {
            return Ok(Fill::End);
        }
        let filled = self.inner.fill(batch);
        for frame in &mut batch.frames {
            frame.time = self.moved(frame.time);
            frame.now = self.moved(frame.now);
            self.now = self.now.max(frame.now);
        }
        batch.now = self.now;
        let given = u64::try_from(batch.frames.len()).unwrap_or(u64::MAX);
        self.given = self.given.saturating_add(given);
        match filled {
            Ok(Fill::End) => {
                self.ended = true;
                Ok(Fill::More)
            }
            other => other,
        }
    }

    fn interfaces(&self) -> &[String] {
        self.inner.interfaces()
    }

    fn losses(&mut self) -> Losses {
        self.inner.losses()
    }

    fn samples(&self) -> Vec<Sample> {
        self.inner.samples()
    }

    fn progress(&self) -> ReadProgress {
        self.inner.progress()
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::units::Span;

    #[test]
    fn a_round_ends_when_it_began_and_takes_its_time() {
        let ward = Path::new(env!("CARGO_MANIFEST_DIR")).join("../pcaps/ward/attack.pcap");
        let within = Duration::from_millis(300);
        let capture = Capture {
            round: Span(within),
            ..Capture::default()
        };
        let paths = [ward];
        let (frames, last) = measure(engine::files(&capture, &paths));
        let (before, since) = (clock::now(), Stopwatch::start());
        let round = Round::begin(&capture, &paths);
        let later = round.later;
        let (given, end) = measure(Box::new(round));
        assert_eq!((given, end.0), (frames, last.0 + later));
        assert!(end >= before && end <= clock::now(), "{end:?}");
        assert!(since.elapsed() >= within);
    }
}
