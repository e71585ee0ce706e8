//! Flow opens of one second, summed over the workers that saw some of them.
//!
//! A worker tells what it saw of one source and destination; which worker saw what depends on how
//! many there are, the sum does not.

use std::collections::BTreeMap;
use std::net::IpAddr;

use parsers::event::{Direction, Envelope, Event, Value};
use parsers::kinds::opens;

use crate::record::{Key, OPEN_PORTS_MAX, OpenSum, Phase, Service};

/// Who opened flows to whom, in which second and outermost VLAN; whether these are flows that ended,
/// of which none opened.
type Pair = (i64, Option<IpAddr>, Option<IpAddr>, u16, bool);

#[derive(Debug)]
pub(super) struct Opens {
    pairs: BTreeMap<Pair, Sum>,
    /// The frame whose timers told of them.
    frame: u64,
    max: usize,
    /// Sums that found no room.
    pub(super) dropped: u64,
}

/// The sum over all workers.
#[derive(Debug)]
pub(super) struct Sum {
    pub(super) key: Key,
    pub(super) envelope: Envelope,
    pub(super) count: u32,
    pub(super) answered: u32,
    pub(super) refused: u32,
    ports: Vec<(u64, u16)>,
    pub(super) services: Vec<Service>,
}

impl Opens {
    pub(super) const fn new(max: usize) -> Self {
        Self {
            pairs: BTreeMap::new(),
            frame: 0,
            max,
            dropped: 0,
        }
    }

    /// Whether sums wait that are complete once the order has come to this place.
    pub(super) fn is_due(&self, frame: u64, phase: Phase) -> bool {
        !self.pairs.is_empty() && (frame, phase) > (self.frame, Phase::Timer)
    }

    pub(super) fn add(&mut self, key: Key, envelope: &Envelope, sum: &OpenSum) {
        self.frame = key.frame;
        let [vlan, ..] = envelope.vlan;
        let (src, dest) = (envelope.src.ip, envelope.dest.ip);
        let pair = (sum.second, src, dest, vlan, sum.count == 0);
        if !self.pairs.contains_key(&pair) && self.pairs.len() >= self.max {
            self.dropped = self.dropped.saturating_add(1);
            return;
        }
        let merged = self.pairs.entry(pair).or_insert_with(|| Sum {
            key,
            envelope: *envelope,
            count: 0,
            answered: 0,
            refused: 0,
            ports: Vec::new(),
            services: Vec::new(),
        });
        if key < merged.key {
            (merged.key, merged.envelope) = (key, *envelope);
        }
        merged.count = merged.count.saturating_add(sum.count);
        merged.answered = merged.answered.saturating_add(sum.answered);
        merged.refused = merged.refused.saturating_add(sum.refused);
        merged.ports.extend_from_slice(&sum.ports);
        merged.services.extend_from_slice(&sum.services);
    }

    /// The sums, in the order of the first flow of each.
    pub(super) fn take(&mut self) -> Vec<Sum> {
        let mut sums: Vec<Sum> = std::mem::take(&mut self.pairs).into_values().collect();
        for sum in &mut sums {
            sum.close();
        }
        // Stable, so that what has the same key stays in the order of its addresses.
        sums.sort_by_key(|sum| sum.key);
        sums
    }
}

impl Sum {
    /// What every worker saw of a service together, the first ones by frame.
    fn close_services(&mut self) {
        let name = |service: &Service| (service.proto, service.port);
        self.services.sort_unstable_by_key(|s| (name(s), s.frame));
        self.services.dedup_by(|next, first| {
            let same = name(next) == name(first);
            if same {
                first.add(next);
            }
            same
        });
        self.services.sort_unstable_by_key(|s| (s.frame, name(s)));
        self.services.truncate(OPEN_PORTS_MAX);
    }

    /// The first distinct ports, by frame.
    fn close(&mut self) {
        self.close_services();
        self.ports.sort_unstable();
        let mut distinct: Vec<(u64, u16)> = Vec::new();
        for (frame, port) in self.ports.drain(..) {
            if distinct.len() >= OPEN_PORTS_MAX {
                break;
            }
            if !distinct.iter().any(|(_, seen)| *seen == port) {
                distinct.push((frame, port));
            }
        }
        self.ports = distinct;
    }

    pub(super) fn port_values(&self) -> Vec<Value<'static>> {
        let ports = self.ports.iter();
        ports.map(|(_, port)| Value::from(*port)).collect()
    }

    pub(super) fn event<'a>(&self, ports: &'a [Value<'a>]) -> Event<'a> {
        let mut event = Event::new(&opens::KIND, Direction::ToServer);
        event.set(opens::COUNT, self.count);
        event.set(opens::ANSWERED, self.answered);
        event.set(opens::REFUSED, self.refused);
        event.set(opens::PORTS, ports);
        event
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(first_frame: u64) -> Key {
        Key {
            frame: 900,
            phase: Phase::Timer,
            first_frame,
            sub: 0,
        }
    }

    fn sum(count: u32, ports: &[(u64, u16)]) -> OpenSum {
        OpenSum {
            second: 5,
            count,
            answered: 1,
            refused: count.saturating_sub(1),
            ports: ports.to_vec(),
            services: Vec::new(),
        }
    }

    #[test]
    fn the_sum_does_not_depend_on_who_saw_what() {
        let parts = [
            (key(10), sum(3, &[(10, 80), (14, 443), (15, 22)])),
            (key(11), sum(2, &[(11, 443), (12, 104)])),
            (key(13), sum(1, &[(13, 80)])),
        ];
        let mut seen = Vec::new();
        for order in [[0, 1, 2], [2, 1, 0], [1, 0, 2], [1, 2, 0]] {
            let mut opens = Opens::new(8);
            for at in order {
                let (key, sum) = &parts[at];
                opens.add(*key, &Envelope::default(), sum);
            }
            assert!(!opens.is_due(900, Phase::Timer) && opens.is_due(900, Phase::Frame));
            seen.push(format!("{:?}", opens.take()));
        }
        assert!(seen.iter().all(|s| s == &seen[0]));
        assert!(seen[0].contains("[(10, 80), (11, 443), (12, 104), (15, 22)]"));
        assert!(seen[0].contains("count: 6"));
    }

    #[test]
    fn ports_and_pairs_are_bounded() {
        let many: Vec<(u64, u16)> = (0..200).map(|n| (u64::from(n), n)).collect();
        let mut opens = Opens::new(1);
        opens.add(key(1), &Envelope::default(), &sum(200, &many));
        let mut other = Envelope::default();
        other.src.ip = Some([10, 0, 0, 1].into());
        opens.add(key(2), &other, &sum(1, &[]));
        assert_eq!(opens.dropped, 1);
        assert_eq!(opens.take()[0].port_values().len(), OPEN_PORTS_MAX);
    }
}
