//! How much of the traffic the sensor saw in the minute before an alert.
//!
//! Computed from records, never from live counters, so that the same capture gives the same
//! figures.

use std::collections::VecDeque;

use parsers::json::display;

use super::config::{COVERAGE_SECS, FRAME_PAYLOAD_BYTES};

#[derive(Debug, Default)]
pub(super) struct Coverage {
    seconds: VecDeque<Second>,
}

/// What happened in one second of packet time.
#[derive(Clone, Copy, Debug, Default)]
struct Second {
    second: i64,
    /// The newest frame before it.
    before: u64,
    /// The newest frame of it.
    frame: u64,
    gap_bytes: u64,
    medical_gap_bytes: u64,
    lost: u64,
}

/// The last minute.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Figures {
    pub(super) frames_seen: u64,
    pub(super) frames_lost: u64,
    pub(super) gap_bytes: u64,
    pub(super) medical_gap_bytes: u64,
}

impl Coverage {
    /// The order has come to this frame, in this second of packet time.
    pub(super) fn advance(&mut self, second: i64, frame: u64) {
        let before = match self.seconds.back_mut() {
            Some(last) if last.second >= second => {
                last.frame = last.frame.max(frame);
                return;
            }
            Some(last) => last.frame,
            None => frame.saturating_sub(1),
        };
        self.seconds.push_back(Second {
            second,
            before,
            frame: frame.max(before),
            ..Second::default()
        });
        while let Some(first) = self.seconds.front()
            && first.second <= second.saturating_sub(COVERAGE_SECS)
        {
            self.seconds.pop_front();
        }
    }

    pub(super) fn gap(&mut self, bytes: u64, medical: bool) {
        if let Some(last) = self.seconds.back_mut() {
            last.gap_bytes = last.gap_bytes.saturating_add(bytes);
            if medical {
                last.medical_gap_bytes = last.medical_gap_bytes.saturating_add(bytes);
            }
        }
    }

    pub(super) fn lost(&mut self, frames: u64) {
        if let Some(last) = self.seconds.back_mut() {
            last.lost = last.lost.saturating_add(frames);
        }
    }

    pub(super) fn figures(&self) -> Figures {
        let first = self.seconds.front().map_or(0, |s| s.before);
        let last = self.seconds.back().map_or(0, |s| s.frame);
        let sum = |of: fn(&Second) -> u64| {
            self.seconds
                .iter()
                .fold(0_u64, |sum, s| sum.saturating_add(of(s)))
        };
        Figures {
            frames_seen: last.saturating_sub(first),
            frames_lost: sum(|s| s.lost),
            gap_bytes: sum(|s| s.gap_bytes),
            medical_gap_bytes: sum(|s| s.medical_gap_bytes),
        }
    }

    pub(super) fn clear(&mut self) {
        self.seconds.clear();
    }
}

impl Figures {
    /// Parts in ten thousand of the frames that should have been seen. Bytes missing from streams
    /// count as the full-size frames that would have carried them.
    fn per_myriad(&self) -> u64 {
        let missing = self.gap_bytes.div_ceil(FRAME_PAYLOAD_BYTES);
        let missing = missing.saturating_add(self.frames_lost);
        if missing == 0 {
            return 10_000;
        }
        let all = self.frames_seen.saturating_add(missing);
        let seen = u128::from(self.frames_seen).saturating_mul(10_000);
        // Rounded down: what is not whole is never called whole.
        let parts = seen.checked_div(u128::from(all)).unwrap_or_default();
        u64::try_from(parts).unwrap_or(10_000)
    }

    /// `,"coverage":{…}`.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let parts = self.per_myriad();
        display(
            out,
            format_args!(
                ",\"coverage\":{{\"window_s\":{COVERAGE_SECS},\"frames_seen\":{},\"frames_lost\":{},\
                 \"gap_bytes\":{},\"medical_gap_bytes\":{},\"ratio\":{}.{:04}}}",
                self.frames_seen,
                self.frames_lost,
                self.gap_bytes,
                self.medical_gap_bytes,
                parts.div_euclid(10_000),
                parts.rem_euclid(10_000),
            ),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_back_a_minute() {
        let mut coverage = Coverage::default();
        coverage.advance(0, 1);
        coverage.lost(50);
        coverage.advance(30, 101);
        coverage.gap(1460, true);
        coverage.advance(59, 200);
        let figures = coverage.figures();
        assert_eq!((figures.frames_seen, figures.frames_lost), (200, 50));
        coverage.advance(60, 300);
        let figures = coverage.figures();
        assert_eq!((figures.frames_seen, figures.frames_lost), (299, 0));
        assert_eq!((figures.gap_bytes, figures.medical_gap_bytes), (1460, 1460));
    }

    #[test]
    fn what_is_not_whole_is_not_called_whole() {
        let mut out = Vec::new();
        let figures = Figures {
            frames_seen: 1_000_000,
            frames_lost: 1,
            ..Figures::default()
        };
        figures.write(&mut out);
        assert!(out.ends_with(b"\"ratio\":0.9999}"));
        out.clear();
        Figures::default().write(&mut out);
        assert!(out.ends_with(b"\"ratio\":1.0000}"));
    }
}
