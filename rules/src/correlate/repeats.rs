//! Repeats of an alert: held back for a minute, later for longer, and counted in the next one.

use std::net::IpAddr;
use std::sync::Arc;

use smallvec::SmallVec;

use super::config::{REPEAT_FLOWS_MAX, REPEAT_MAX_NS, REPEAT_NS};
use super::recent::Recent;

/// A rule, the two hosts that met it, and what they did it to: two pumps are two stories, whoever
/// sends their orders.
type Key = (Arc<str>, Hosts, Box<str>);

/// Sender and receiver.
pub(super) type Hosts = (Option<IpAddr>, Option<IpAddr>);

#[derive(Debug)]
pub(super) struct Repeats {
    seen: Recent<Key, Told>,
}

#[derive(Debug)]
struct Told {
    since: i64,
    /// How long from `since` repeats are held back.
    wait: i64,
    /// When the rule was last met.
    last: i64,
    flows: SmallVec<[u64; REPEAT_FLOWS_MAX]>,
    held: u64,
    first_held: i64,
}

/// What an alert that is told stands for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Stands {
    /// Itself and those held back before it.
    pub(super) count: u64,
    /// When the first of them happened.
    pub(super) first_seen: i64,
}

impl Told {
    fn new(now: i64) -> Self {
        Self {
            since: now,
            wait: REPEAT_NS,
            last: now,
            flows: SmallVec::new(),
            held: 0,
            first_held: now,
        }
    }
}

impl Repeats {
    pub(super) fn new(max: usize) -> Self {
        Self {
            seen: Recent::new(max),
        }
    }

    /// Whether to tell of a rule that was met now. While repeats are held back it is told once for
    /// a flow, and for at most [`REPEAT_FLOWS_MAX`] flows between the same two hosts.
    pub(super) fn tell(
        &mut self,
        rule: &Arc<str>,
        hosts: Hosts,
        object: &str,
        flow: u64,
        now: i64,
    ) -> Option<Stands> {
        let key = (Arc::clone(rule), hosts, object.into());
        let told = self.seen.touch(&key, now, || Told::new(now));
        if now.saturating_sub(told.last) >= REPEAT_MAX_NS {
            *told = Told::new(now);
        }
        told.last = now;
        if now.saturating_sub(told.since) >= told.wait {
            told.since = now;
            told.wait = told.wait.saturating_mul(2).min(REPEAT_MAX_NS);
            told.flows.clear();
        }
        if told.flows.contains(&flow) || told.flows.len() >= REPEAT_FLOWS_MAX {
            told.first_held = if told.held == 0 { now } else { told.first_held };
            told.held = told.held.saturating_add(1);
            return None;
        }
        told.flows.push(flow);
        let held = std::mem::take(&mut told.held);
        Some(Stands {
            count: held.saturating_add(1),
            first_seen: if held > 0 { told.first_held } else { now },
        })
    }

    pub(super) fn expire(&mut self, now: i64) {
        self.seen
            .expire(now.saturating_sub(REPEAT_MAX_NS), |_, _| {});
    }

    pub(super) fn clear(&mut self) {
        self.seen.clear();
    }

    pub(super) const fn evicted(&self) -> u64 {
        self.seen.evicted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOBODY: Hosts = (None, None);

    #[test]
    fn a_repeat_on_one_flow_waits_a_minute_and_counts() {
        let mut repeats = Repeats::new(8);
        let mut at = |now| repeats.tell(&"a".into(), NOBODY, "", 7, now);
        assert_eq!(at(0).map(|s| s.count), Some(1));
        assert!(at(10).is_none() && at(REPEAT_NS - 1).is_none());
        let next = at(REPEAT_NS);
        assert_eq!(
            next,
            Some(Stands {
                count: 3,
                first_seen: 10
            })
        );
    }

    #[test]
    fn what_goes_on_is_told_less_and_less_often_down_to_once_an_hour() {
        let mut repeats = Repeats::new(8);
        let secs = 0..6 * 3600_i64;
        let told = secs.filter(|s| {
            let now = s * parsers::time::NANOS_PER_SEC;
            repeats.tell(&"a".into(), NOBODY, "", 7, now).is_some()
        });
        // At 0, 1, 3, 7, 15, 31, 63 minutes, and each hour from then on.
        let minutes: Vec<i64> = told.map(|s| s / 60).collect();
        assert_eq!(minutes, [0, 1, 3, 7, 15, 31, 63, 123, 183, 243, 303]);
        let later = 24 * 3600 * parsers::time::NANOS_PER_SEC;
        let anew = repeats.tell(&"a".into(), NOBODY, "", 7, later);
        assert_eq!(
            anew.map(|s| s.count),
            Some(1),
            "what was held back is long ago"
        );
        let next = repeats.tell(&"a".into(), NOBODY, "", 7, later + REPEAT_NS);
        assert!(next.is_some(), "a minute again");
    }

    #[test]
    fn other_flows_are_told_up_to_a_few() {
        let mut repeats = Repeats::new(8);
        let told = (0..10).filter(|flow| repeats.tell(&"a".into(), NOBODY, "", *flow, 0).is_some());
        assert_eq!(told.count(), REPEAT_FLOWS_MAX);
        assert!(
            repeats.tell(&"b".into(), NOBODY, "", 1, 0).is_some(),
            "another rule"
        );
    }
}
