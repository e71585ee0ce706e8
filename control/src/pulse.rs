//! The last hour, second by second: what was read and what was lost.

use std::collections::VecDeque;

use dataplane::telemetry::Snapshot;

use crate::ledger;

/// Seconds that are kept.
pub const SECONDS_MAX: usize = 3_600;

/// One second.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Second {
    /// When it ended, in microseconds.
    pub at: i64,
    /// Frames that were read.
    pub frames: u64,
    /// Frames that were lost.
    pub lost: u64,
    /// Payload bytes of streams that were seen.
    pub bytes: u64,
    /// Payload bytes that were missing in them.
    pub gaps: u64,
}

impl Second {
    /// The share of what passed that was seen, of frames or of streams' bytes, whichever is less;
    /// nothing if nothing passed.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a share for people")]
    pub fn coverage(&self) -> Option<f64> {
        let share = |seen: u64, lost: u64| {
            let all = seen.saturating_add(lost);
            (all > 0).then(|| seen as f64 / all as f64)
        };
        let frames = share(self.frames, self.lost)?;
        Some(share(self.bytes, self.gaps).map_or(frames, |bytes| frames.min(bytes)))
    }
}

/// The seconds of the last hour, the oldest first.
#[derive(Debug, Default)]
pub struct Pulse {
    seconds: VecDeque<Second>,
    /// Totals at the last beat.
    totals: Option<Second>,
}

impl Pulse {
    /// Takes the counts of a second that ended.
    pub fn beat(&mut self, at: i64, snapshot: &Snapshot) {
        let now = totals(at, snapshot);
        if let Some(before) = self.totals.replace(now) {
            if self.seconds.len() >= SECONDS_MAX {
                self.seconds.pop_front();
            }
            self.seconds.push_back(Second {
                at,
                frames: now.frames.saturating_sub(before.frames),
                lost: now.lost.saturating_sub(before.lost),
                bytes: now.bytes.saturating_sub(before.bytes),
                gaps: now.gaps.saturating_sub(before.gaps),
            });
        }
    }

    /// The seconds.
    #[must_use]
    pub fn seconds(&self) -> Vec<Second> {
        self.seconds.iter().copied().collect()
    }
}

fn totals(at: i64, snapshot: &Snapshot) -> Second {
    let lost = ["capture", "spread", "worker"].iter().map(|stage| {
        let name = format!("vitalwire_{stage}_dropped_frames_total");
        snapshot.total(&name)
    });
    Second {
        at,
        frames: snapshot.total(ledger::FRAMES_READ),
        lost: lost.sum(),
        bytes: snapshot.total("vitalwire_stream_seen_bytes_total"),
        gaps: snapshot.total("vitalwire_stream_gap_bytes_total"),
    }
}

/// The sum of seconds, at the time of the last one.
#[must_use]
pub fn sum(seconds: &[Second]) -> Second {
    seconds
        .iter()
        .fold(Second::default(), |sum, second| Second {
            at: second.at,
            frames: sum.frames.saturating_add(second.frames),
            lost: sum.lost.saturating_add(second.lost),
            bytes: sum.bytes.saturating_add(second.bytes),
            gaps: sum.gaps.saturating_add(second.gaps),
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::counter;

    #[test]
    fn seconds_are_differences_and_coverage_is_the_worse_of_two() {
        let mut pulse = Pulse::default();
        for (at, frames, lost) in [(0, 100, 0), (1, 190, 10), (2, 290, 10)] {
            let snapshot = Snapshot {
                samples: vec![
                    counter(ledger::FRAMES_READ, "", frames),
                    counter("vitalwire_capture_dropped_frames_total", "", lost),
                ],
                latencies: Vec::new(),
            };
            pulse.beat(at, &snapshot);
        }
        let seconds = pulse.seconds();
        assert_eq!((seconds[0].frames, seconds[0].lost), (90, 10));
        assert_eq!(seconds[0].coverage(), Some(0.9));
        assert_eq!(seconds[1].coverage(), Some(1.0));
        let gaps = Second {
            bytes: 50,
            gaps: 50,
            ..seconds[1]
        };
        assert_eq!(gaps.coverage(), Some(0.5));
        assert_eq!(
            Second::default().coverage(),
            None,
            "nothing passed: unknown"
        );
        assert_eq!(sum(&seconds).frames, 190);
    }
}
