//! Flow opens, and ends of flows that carried something, summed per second and pair of hosts, so that
//! a scan of a million flows costs the correlator a few records.

use std::net::IpAddr;

use hashbrown::HashMap;
use parsers::event::{Endpoint, Envelope};
use rules::record::{Body, Key, OPEN_PORTS_MAX, OpenSum, Phase, Service};

use crate::counters::Count;
use crate::emit::{Lane, Recorder};

/// The sums of the second that runs now.
pub(crate) struct Opens {
    sums: HashMap<(IpAddr, IpAddr), Sum>,
    /// Of flows that ended, with the outermost VLAN.
    ends: HashMap<(IpAddr, IpAddr, u16), Sum>,
    max: usize,
}

struct Sum {
    first_frame: u64,
    envelope: Envelope,
    sum: OpenSum,
}

impl Opens {
    pub(crate) fn new(max: usize) -> Self {
        Self {
            sums: HashMap::new(),
            ends: HashMap::new(),
            max,
        }
    }

    /// A flow began.
    pub(crate) fn open(&mut self, envelope: &Envelope, recorder: &mut Recorder) {
        let (Some(src), Some(dest)) = (envelope.src.ip, envelope.dest.ip) else {
            return;
        };
        if self.sums.len() >= self.max && !self.sums.contains_key(&(src, dest)) {
            recorder.counts.one(Count::BoundOpenPairs);
            return;
        }
        let Sum { sum, .. } = self.sums.entry((src, dest)).or_insert_with(|| Sum {
            first_frame: envelope.frame,
            envelope: pair(envelope),
            sum: OpenSum::default(),
        });
        sum.count = sum.count.saturating_add(1);
        let port = envelope.dest.port.unwrap_or(0);
        let known = sum.ports.iter().any(|(_, p)| *p == port);
        if !known && sum.ports.len() < OPEN_PORTS_MAX {
            sum.ports.push((envelope.frame, port));
        }
    }

    /// A flow that began within this second was answered: by a service, if it was not refused.
    pub(crate) fn answer(&mut self, src: IpAddr, dest: IpAddr, service: Service, refused: bool) {
        if let Some(Sum { sum, .. }) = self.sums.get_mut(&(src, dest)) {
            sum.answered = sum.answered.saturating_add(1);
            sum.refused = sum.refused.saturating_add(refused.into());
            if !refused {
                add(sum, service);
            }
        }
    }

    /// A flow that carried something ended; the envelope is that of its client.
    pub(crate) fn end(
        &mut self,
        envelope: &Envelope,
        first_frame: u64,
        service: Service,
        recorder: &mut Recorder,
    ) {
        let (Some(src), Some(dest), [vlan, ..]) =
            (envelope.src.ip, envelope.dest.ip, envelope.vlan)
        else {
            return;
        };
        let hosts = (src, dest, vlan);
        if self.ends.len() >= self.max && !self.ends.contains_key(&hosts) {
            recorder.counts.one(Count::BoundOpenPairs);
            return;
        }
        let begun = || Sum {
            first_frame,
            envelope: pair(envelope),
            sum: OpenSum::default(),
        };
        let ended = self.ends.entry(hosts).or_insert_with(begun);
        if first_frame < ended.first_frame {
            // Which flow ended first may depend on the number of workers, which began first not.
            (ended.first_frame, ended.envelope) = (first_frame, pair(envelope));
        }
        add(&mut ended.sum, service);
    }

    /// The second is over: tells the sums. Their keys make them stand in the order of the first
    /// flows' frames, which no two sums share.
    pub(crate) fn close(&mut self, frame: u64, second: i64, recorder: &mut Recorder) {
        let opens = self.sums.drain().map(|(_, sum)| sum).collect();
        tell(opens, OPENS_SUB, (frame, second), recorder);
        let ends = self.ends.drain().map(|(_, sum)| sum).collect();
        tell(ends, ENDS_SUB, (frame, second), recorder);
    }
}

fn tell(mut sums: Vec<Sum>, sub: u32, (frame, second): (u64, i64), recorder: &mut Recorder) {
    sums.sort_unstable_by_key(|sum| sum.first_frame);
    for Sum {
        first_frame,
        envelope,
        mut sum,
    } in sums
    {
        sum.second = second;
        recorder.at(Key {
            frame,
            phase: Phase::Timer,
            first_frame,
            sub,
        });
        recorder.body(Lane::Bulk, envelope, Body::Opens(sum));
    }
}

/// Adds what was seen of a service.
fn add(sum: &mut OpenSum, service: Service) {
    let same = |s: &&mut Service| (s.proto, s.port) == (service.proto, service.port);
    if let Some(known) = sum.services.iter_mut().find(same) {
        known.add(&service);
    } else if sum.services.len() < OPEN_PORTS_MAX {
        sum.services.push(service);
    }
}

/// What a sum can say of where and when: who, to whom, since the first of its flows.
fn pair(envelope: &Envelope) -> Envelope {
    let without_port = |endpoint: Endpoint| Endpoint {
        port: None,
        ..endpoint
    };
    Envelope {
        src: without_port(envelope.src),
        dest: without_port(envelope.dest),
        flow: None,
        direction: None,
        ..*envelope
    }
}

/// Behind whatever the end of the flow with the same first frame tells.
const OPENS_SUB: u32 = 1 << 31;
const ENDS_SUB: u32 = OPENS_SUB + 1;
