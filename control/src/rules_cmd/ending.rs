//! A capture behind whose last frame something happens to the watching itself.

use dataplane::capture::{Batch, CaptureError, Fill, Losses, ReadProgress, Source};
use rules::Then;

/// The source of a rule's test.
pub(super) struct Ending {
    inner: Box<dyn Source>,
    then: Then,
    /// Whether the last frame has been given.
    ended: bool,
}

impl Ending {
    pub(super) const fn new(inner: Box<dyn Source>, then: Then) -> Self {
        Self {
            inner,
            then,
            ended: false,
        }
    }

    fn happens(&self, what: Then) -> bool {
        self.ended && self.then == what
    }
}

impl Source for Ending {
    fn fill(&mut self, batch: &mut Batch) -> Result<Fill, CaptureError> {
        if self.ended {
            return Ok(Fill::End);
        }
        let filled = self.inner.fill(batch)?;
        self.ended = filled == Fill::End;
        Ok(Fill::More)
    }

    fn interfaces(&self) -> &[String] {
        self.inner.interfaces()
    }

    fn losses(&mut self) -> Losses {
        Losses {
            kernel: if self.happens(Then::Loss) { LOST } else { 0 },
            ..self.inner.losses()
        }
    }

    fn blind(&self) -> Option<&str> {
        self.happens(Then::Blind).then_some("as the test says")
    }

    fn progress(&self) -> ReadProgress {
        self.inner.progress()
    }
}

/// Frames.
const LOST: u64 = 1000;
