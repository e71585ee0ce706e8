//! `count`: how often something happened for a key within a sliding window of packet time.

use std::collections::VecDeque;

use smallvec::SmallVec;

use super::recent::Recent;

/// What a window counts up to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Spec {
    /// Fires when this many are reached.
    pub(super) at_least: u32,
    /// Length of the window.
    pub(super) within_ns: i64,
    /// Whether equal values count once.
    pub(super) distinct: bool,
}

/// A key as bytes: equal keys have equal bytes, and their order is the same in every run.
pub(super) type Key = SmallVec<[u8; 48]>;

/// The windows of one rule.
#[derive(Debug)]
pub(super) struct Windows {
    keys: Recent<Key, Series>,
}

/// What happened for one key: no more entries than the rule needs to know whether it is met.
#[derive(Debug, Default)]
struct Series {
    entries: VecDeque<(i64, u64)>,
    above: bool,
}

/// A window that has just been filled.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Reached {
    /// How many, or how many distinct.
    pub(super) count: u64,
    /// When the oldest that counts happened.
    pub(super) first_seen: i64,
}

impl Windows {
    pub(super) fn new(keys_max: usize) -> Self {
        Self {
            keys: Recent::new(keys_max),
        }
    }

    /// Something happened for a key, with these values. Says so when that fills the window; then
    /// it is silent for that key until something happens while the window is below its mark.
    pub(super) fn observe(
        &mut self,
        spec: Spec,
        key: &Key,
        now: i64,
        values: &[u64],
    ) -> Option<Reached> {
        let series = self.keys.touch(key, now, Series::default);
        series.expire(now.saturating_sub(spec.within_ns));
        for value in values {
            if spec.distinct
                && let Some(at) = series.entries.iter().rposition(|(_, seen)| seen == value)
            {
                series.entries.remove(at);
            }
            series.entries.push_back((now, *value));
        }
        let at_least = usize::try_from(spec.at_least).unwrap_or(usize::MAX);
        let count = series.entries.len();
        let first_seen = series.entries.front().map_or(now, |(time, _)| *time);
        let reached = count >= at_least;
        let fires = reached && !series.above;
        series.above = reached;
        series.cut(at_least);
        fires.then_some(Reached {
            count: u64::try_from(count).unwrap_or(u64::MAX),
            first_seen,
        })
    }

    /// Forgets keys for which nothing happened within the window.
    pub(super) fn expire(&mut self, within_ns: i64, now: i64) {
        self.keys.expire(now.saturating_sub(within_ns), |_, _| {});
    }

    pub(super) fn clear(&mut self) {
        self.keys.clear();
    }

    /// Keys that made room for others.
    pub(super) const fn evicted(&self) -> u64 {
        self.keys.evicted
    }
}

impl Series {
    /// What happened exactly the window's length ago still counts.
    fn expire(&mut self, before: i64) {
        while let Some((time, _)) = self.entries.front()
            && *time < before
        {
            self.entries.pop_front();
        }
    }

    /// Whether the mark is reached never depends on more than the newest `keep` entries.
    fn cut(&mut self, keep: usize) {
        while self.entries.len() > keep {
            self.entries.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPEC: Spec = Spec {
        at_least: 3,
        within_ns: 100,
        distinct: false,
    };

    fn key(name: &str) -> Key {
        name.as_bytes().into()
    }

    fn fires(windows: &mut Windows, spec: Spec, now: i64, value: u64) -> bool {
        windows.observe(spec, &key("k"), now, &[value]).is_some()
    }

    #[test]
    fn fires_when_first_reached_then_is_silent_and_arms_again_below() {
        let mut windows = Windows::new(8);
        let mut at = |now| fires(&mut windows, SPEC, now, 0);
        assert!(!at(0) && !at(10));
        assert!(at(20), "the third");
        assert!(!at(30) && !at(90), "still above");
        assert!(!at(200), "below: 200 alone with 100 gone");
        assert!(!at(201));
        assert!(at(202), "reached anew");
    }

    #[test]
    fn a_steady_stream_at_the_mark_is_one_alert() {
        let mut windows = Windows::new(8);
        let fired = (0..100).filter(|n| fires(&mut windows, SPEC, n * 50, 0));
        assert_eq!(fired.count(), 1);
    }

    #[test]
    fn slides_and_counts_what_is_exactly_as_old_as_the_window() {
        let mut windows = Windows::new(8);
        assert!(!fires(&mut windows, SPEC, 0, 0) && !fires(&mut windows, SPEC, 50, 0));
        assert!(fires(&mut windows, SPEC, 100, 0));
        let mut windows = Windows::new(8);
        assert!(!fires(&mut windows, SPEC, 0, 0) && !fires(&mut windows, SPEC, 50, 0));
        assert!(!fires(&mut windows, SPEC, 101, 0));
    }

    #[test]
    fn distinct_counts_equal_values_once() {
        let spec = Spec {
            distinct: true,
            ..SPEC
        };
        let mut windows = Windows::new(8);
        let mut at = |now, value| fires(&mut windows, spec, now, value);
        assert!(!at(0, 1) && !at(1, 1) && !at(2, 2) && !at(3, 2));
        assert!(at(4, 3));
    }

    #[test]
    fn one_event_may_bring_many_values() {
        let spec = Spec {
            distinct: true,
            ..SPEC
        };
        let mut windows = Windows::new(8);
        let reached = windows.observe(spec, &key("k"), 7, &[1, 2, 3, 4, 4]);
        assert_eq!(
            reached,
            Some(Reached {
                count: 4,
                first_seen: 7
            })
        );
    }

    #[test]
    fn keys_are_bounded() {
        let mut windows = Windows::new(2);
        for (now, name) in [(0, "a"), (1, "b"), (2, "c")] {
            windows.observe(SPEC, &key(name), now, &[0]);
        }
        assert_eq!(windows.evicted(), 1);
        windows.observe(SPEC, &key("a"), 3, &[0]);
        assert!(
            windows.observe(SPEC, &key("a"), 4, &[0]).is_none(),
            "a began anew"
        );
    }
}
