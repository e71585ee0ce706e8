//! Repeats of an alert: held back for a minute, and counted in the next one.

use std::net::IpAddr;
use std::sync::Arc;

use smallvec::SmallVec;

use super::config::{REPEAT_FLOWS_MAX, REPEAT_NS};
use super::recent::Recent;

/// A rule and the two hosts that met it.
type Key = (Arc<str>, Option<IpAddr>, Option<IpAddr>);

#[derive(Debug)]
pub(super) struct Repeats {
    seen: Recent<Key, Told>,
}

#[derive(Debug)]
struct Told {
    since: i64,
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

impl Repeats {
    pub(super) const fn new(max: usize) -> Self {
        Self {
            seen: Recent::new(max),
        }
    }

    /// Whether to tell of a rule that was met now. Within a minute it is told once for a flow, and
    /// for at most [`REPEAT_FLOWS_MAX`] flows between the same two hosts.
    pub(super) fn tell(
        &mut self,
        rule: &Arc<str>,
        hosts: (Option<IpAddr>, Option<IpAddr>),
        flow: u64,
        now: i64,
    ) -> Option<Stands> {
        let mut fresh = false;
        let told = self
            .seen
            .touch(&(Arc::clone(rule), hosts.0, hosts.1), now, || {
                fresh = true;
                Told {
                    since: now,
                    flows: SmallVec::new(),
                    held: 0,
                    first_held: now,
                }
            });
        if now.saturating_sub(told.since) >= REPEAT_NS {
            told.since = now;
            told.flows.clear();
        }
        let known = told.flows.contains(&flow) || told.flows.len() >= REPEAT_FLOWS_MAX;
        if known && !fresh {
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
        self.seen.expire(now.saturating_sub(REPEAT_NS), |_, _| {});
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

    const NOBODY: (Option<IpAddr>, Option<IpAddr>) = (None, None);

    #[test]
    fn a_repeat_on_one_flow_waits_a_minute_and_counts() {
        let mut repeats = Repeats::new(8);
        let mut at = |now| repeats.tell(&"a".into(), NOBODY, 7, now);
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
    fn other_flows_are_told_up_to_a_few() {
        let mut repeats = Repeats::new(8);
        let told = (0..10).filter(|flow| repeats.tell(&"a".into(), NOBODY, *flow, 0).is_some());
        assert_eq!(told.count(), REPEAT_FLOWS_MAX);
        assert!(
            repeats.tell(&"b".into(), NOBODY, 1, 0).is_some(),
            "another rule"
        );
    }
}
