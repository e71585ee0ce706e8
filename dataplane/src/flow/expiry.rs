//! When flows end: buckets of whole packet-time seconds, so that nothing ever scans the table.
//!
//! A flow has one entry of its own, filed under the second at which it would end if nothing came.
//! A packet only moves the flow's own deadline; the entry is filed anew when its bucket comes due
//! and the deadline has moved. So a packet costs nothing here.

use std::collections::BTreeMap;

use parsers::protocol::Spec;

use super::{Flow, TcpState};

/// A flow that may be due: its place in the slab, and the frame it began with, since places are
/// used again.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Entry {
    pub(crate) first_frame: u64,
    pub(crate) slot: u32,
    pub(crate) what: What,
}

/// What is due.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum What {
    /// A hole in a stream may have to be given up.
    Hole,
    /// The flow may have to end.
    Idle,
}

/// Deadlines by second.
#[derive(Debug, Default)]
pub(crate) struct Wheel {
    buckets: BTreeMap<i64, Vec<Entry>>,
}

impl Wheel {
    pub(crate) fn file(&mut self, second: i64, entry: Entry) {
        self.buckets.entry(second).or_default().push(entry);
    }

    /// Takes everything that is due at `second`, in order of the flows' first frames.
    pub(crate) fn due(&mut self, second: i64, into: &mut Vec<(i64, Entry)>) {
        while let Some(bucket) = self.buckets.first_entry() {
            if *bucket.key() > second {
                break;
            }
            let (filed, entries) = bucket.remove_entry();
            into.extend(entries.into_iter().map(|entry| (filed, entry)));
        }
        into.sort_unstable_by_key(|(_, entry)| (entry.first_frame, entry.what));
    }

    /// Takes one of the entries that are due first.
    pub(crate) fn soonest(&mut self) -> Option<(i64, Entry)> {
        loop {
            let mut bucket = self.buckets.first_entry()?;
            match bucket.get_mut().pop() {
                Some(entry) => return Some((*bucket.key(), entry)),
                None => {
                    bucket.remove();
                }
            }
        }
    }

    pub(crate) fn clear(&mut self) {
        self.buckets.clear();
    }
}

/// The first second at which a flow is over if nothing more comes of it.
pub(crate) fn deadline(flow: &Flow) -> i64 {
    flow.last
        .secs()
        .saturating_add(timeout_secs(flow))
        .saturating_add(1)
}

fn timeout_secs(flow: &Flow) -> i64 {
    let medical = flow.cold.app.is_some_and(|spec: &Spec| spec.medical);
    match (flow.key.proto(), flow.tcp) {
        (TCP, TcpState::Closed) => TCP_CLOSED_SECS,
        (TCP, TcpState::Syn) => TCP_SYN_SECS,
        (TCP | UDP, _) if medical => MEDICAL_SECS,
        (TCP, _) => TCP_ESTABLISHED_SECS,
        (UDP, _) => UDP_SECS,
        (ICMP | ICMPV6, _) => ICMP_SECS,
        _ => OTHER_SECS,
    }
}

/// IP protocol numbers.
pub(crate) const ICMP: u8 = 1;
/// TCP.
pub(crate) const TCP: u8 = 6;
/// UDP.
pub(crate) const UDP: u8 = 17;
/// SCTP.
pub(crate) const SCTP: u8 = 132;
/// ICMPv6.
pub(crate) const ICMPV6: u8 = 58;

/// A SYN without an answer: scans must not fill the table, and stacks give up retrying the first
/// few times within this.
const TCP_SYN_SECS: i64 = 30;
/// An idle connection of a protocol that we do not know.
const TCP_ESTABLISHED_SECS: i64 = 3600;
/// Modalities and interface engines hold a connection over a weekend without a byte.
const MEDICAL_SECS: i64 = 3 * 86_400;
/// Long enough for what the network still carries after the end.
const TCP_CLOSED_SECS: i64 = 10;
/// Datagrams have no end; most exchanges are over within seconds.
const UDP_SECS: i64 = 120;
/// An echo and its answer.
const ICMP_SECS: i64 = 30;
const OTHER_SECS: i64 = 60;
