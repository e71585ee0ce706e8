//! A source whose mirror is judged now and then while it is read, so that a SPAN session that was
//! changed at noon is found before somebody asks the doctor.

use std::sync::{Arc, Mutex, PoisonError};

use parsers::time::{NANOS_PER_SEC, Time};

use super::{Expect, Finding, Judge};
use crate::capture::{Batch, CaptureError, Fill, Losses, ReadProgress, Source};
use crate::telemetry::Sample;

/// How long a look takes: long enough that both directions of a conversation show.
const LOOK_NANOS: i64 = 10 * NANOS_PER_SEC;

/// From one look to the next. Frames are decoded twice while it looks: a thirtieth of the time.
const CYCLE_NANOS: i64 = 300 * NANOS_PER_SEC;

/// A VLAN that was not seen in two looks is silent.
const SILENT_NANOS: i64 = 2 * CYCLE_NANOS + LOOK_NANOS;

/// What the last look of one source found.
#[derive(Clone, Debug, Default)]
pub struct Told(Arc<Mutex<Option<Vec<Finding>>>>);

impl Told {
    /// The findings; nothing before the first look is over.
    #[must_use]
    pub fn findings(&self) -> Option<Vec<Finding>> {
        let told = self.0.lock();
        told.unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn tell(&self, findings: Vec<Finding>) {
        let told = self.0.lock();
        *told.unwrap_or_else(PoisonError::into_inner) = Some(findings);
    }
}

/// The source.
pub struct Observer {
    source: Box<dyn Source>,
    judge: Judge,
    told: Told,
    /// When this look ends, or the next one begins.
    until: Option<Time>,
    looks: bool,
}

impl Observer {
    /// Wraps a source. What is found is told by the second.
    #[must_use]
    pub fn new(source: Box<dyn Source>, expect: Expect) -> (Self, Told) {
        let told = Told::default();
        let observer = Self {
            source,
            judge: Judge::new(Expect {
                silent_after: SILENT_NANOS,
                ..expect
            }),
            told: told.clone(),
            until: None,
            looks: true,
        };
        (observer, told)
    }

    /// Whether it is time to begin a look or to end one. A clock that jumps begins anew.
    fn turn(&mut self, now: Time) {
        let until = *self.until.get_or_insert_with(|| now.plus(LOOK_NANOS));
        let jumped = until.since(now) > CYCLE_NANOS;
        if now < until && !jumped {
            return;
        }
        if self.looks && !jumped {
            self.told.tell(self.judge.findings(now));
            self.until = Some(now.plus(CYCLE_NANOS));
        } else {
            self.judge.begin(now);
            self.until = Some(now.plus(LOOK_NANOS));
        }
        self.looks = !self.looks || jumped;
    }
}

impl Source for Observer {
    fn fill(&mut self, batch: &mut Batch) -> Result<Fill, CaptureError> {
        let fill = self.source.fill(batch);
        if batch.now != Time::ZERO {
            self.turn(batch.now);
        }
        if self.looks {
            self.judge.batch(batch);
        }
        fill
    }

    fn interfaces(&self) -> &[String] {
        self.source.interfaces()
    }

    fn losses(&mut self) -> Losses {
        self.source.losses()
    }

    fn samples(&self) -> Vec<Sample> {
        self.source.samples()
    }

    fn blind(&self) -> Option<&str> {
        self.source.blind()
    }

    fn progress(&self) -> ReadProgress {
        self.source.progress()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::memory::{Memory, Stored};

    /// Frames to everybody, a second apart, for so many seconds.
    fn broadcasts(seconds: i64) -> Memory {
        let frame = |second| {
            let mut bytes = vec![0xff; 6];
            bytes.extend([2, 0, 0, 0, 0, 1, 0x88, 0xb5]);
            bytes.resize(60, 0);
            Stored::ethernet(Time::new(1_700_000_000 + second, 0), bytes)
        };
        Memory::in_batches((0..seconds).map(frame), 1)
    }

    fn looked(seconds: i64) -> Option<Vec<Finding>> {
        let expect = Expect {
            vlans: vec![30],
            ..Expect::default()
        };
        let (mut observer, told) = Observer::new(Box::new(broadcasts(seconds)), expect);
        let mut batch = Batch::default();
        while observer.fill(&mut batch).unwrap() == Fill::More {
            batch.clear();
        }
        told.findings()
    }

    #[test]
    fn nothing_is_said_before_a_look_is_over_and_an_access_port_after() {
        assert!(looked(9).is_none());
        let found = looked(30).unwrap();
        assert!(
            found
                .iter()
                .any(|f| matches!(f, Finding::AccessPort { .. })),
            "{found:?}"
        );
        assert!(
            !found
                .iter()
                .any(|f| matches!(f, Finding::SilentVlan { .. }))
        );
    }

    #[test]
    fn a_vlan_that_stays_away_is_said_later() {
        let found = looked(1300).unwrap();
        assert!(
            found
                .iter()
                .any(|f| matches!(f, Finding::SilentVlan { vlan: 30, .. })),
            "{found:?}"
        );
    }
}
