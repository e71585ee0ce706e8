//! Flow opens, summed per second and pair of hosts, so that a scan of a million flows costs the
//! correlator a few records.

use std::net::IpAddr;

use hashbrown::HashMap;
use parsers::event::{Endpoint, Envelope};
use rules::record::{Body, Key, OPEN_PORTS_MAX, OpenSum, Phase};

use crate::counters::Count;
use crate::emit::{Lane, Recorder};

/// The sums of the second that runs now.
pub(crate) struct Opens {
    sums: HashMap<(IpAddr, IpAddr), Sum>,
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

    /// A flow that began within this second was answered.
    pub(crate) fn answer(&mut self, src: IpAddr, dest: IpAddr, refused: bool) {
        if let Some(Sum { sum, .. }) = self.sums.get_mut(&(src, dest)) {
            sum.answered = sum.answered.saturating_add(1);
            sum.refused = sum.refused.saturating_add(refused.into());
        }
    }

    /// The second is over: tells the sums. Their keys make them stand in the order of the first
    /// flows' frames, which no two sums share.
    pub(crate) fn close(&mut self, frame: u64, second: i64, recorder: &mut Recorder) {
        let mut sums: Vec<Sum> = self.sums.drain().map(|(_, sum)| sum).collect();
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
                sub: OPENS_SUB,
            });
            recorder.body(Lane::Bulk, envelope, Body::Opens(sum));
        }
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
