//! The fragments of one packet, and the packet that they become.

use std::net::IpAddr;

use parsers::time::Time;

use super::{FRAGMENTS_MAX, Key};
use crate::decode::{Fragment, Ip};

#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) order: u64,
    pub(super) since: Time,
    pub(super) state: State,
    /// Payload bytes by offset; those outside `have` mean nothing.
    pub(super) payload: Vec<u8>,
    /// What has come, as ranges in order that do not touch. At most `fragments` of them.
    pub(super) have: Vec<(u32, u32)>,
    /// Length of the whole payload, once the last fragment has come.
    pub(super) total: Option<u32>,
    /// Of the first fragment, or of any before it has come.
    pub(super) proto: u8,
    pub(super) ttl: u8,
    pub(super) fragments: u16,
    /// Bytes on the wire, of all its frames.
    pub(super) wire_len: u32,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum State {
    Waiting,
    /// The whole has been given.
    Done,
    /// Given up; what comes of it yet is dropped.
    Refused,
}

/// An IP header made for a packet that was put together.
pub(crate) struct Header {
    bytes: [u8; 40],
    len: usize,
}

impl Header {
    pub(crate) fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

/// What adding a fragment to its packet did.
pub(super) enum Added {
    /// There was something new in it; perhaps something old as well.
    New {
        overlaps: bool,
    },
    Duplicate,
    /// All of it had come before, with other bytes, or it moves the end.
    Contradiction,
    TooMany,
}

impl Waiting {
    pub(super) fn new(order: u64, since: Time, ip: &Ip, payload: Vec<u8>) -> Self {
        Self {
            order,
            since,
            state: State::Waiting,
            payload,
            have: Vec::new(),
            total: None,
            proto: ip.proto,
            ttl: ip.ttl,
            fragments: 0,
            wire_len: 0,
        }
    }

    pub(super) fn add(&mut self, ip: &Ip, fragment: &Fragment, payload: &[u8]) -> Added {
        let start = fragment.offset;
        let end = start.saturating_add(u32::try_from(payload.len()).unwrap_or(u32::MAX));
        let known_end = self.have.last().map_or(0, |&(_, e)| e);
        let contradicts = match (fragment.more, self.total) {
            (true, Some(total)) => end > total,
            (false, Some(total)) => end != total,
            (false, None) => known_end > end,
            (true, None) => false,
        };
        if contradicts {
            return Added::Contradiction;
        }
        let covered = self
            .have
            .iter()
            .map(|&(s, e)| e.min(end).saturating_sub(s.max(start)))
            .fold(0_u32, u32::saturating_add);
        if covered == end.saturating_sub(start) && (fragment.more || self.total.is_some()) {
            return if self.same(start, payload) {
                Added::Duplicate
            } else {
                Added::Contradiction
            };
        }
        if self.fragments >= FRAGMENTS_MAX {
            return Added::TooMany;
        }
        self.fragments = self.fragments.saturating_add(1);
        if !fragment.more {
            self.total = Some(end);
        }
        if start == 0 {
            (self.proto, self.ttl) = (ip.proto, ip.ttl);
        }
        self.write(start, end, payload);
        Added::New {
            overlaps: covered != 0,
        }
    }

    /// Whether these bytes are what is there already.
    fn same(&self, start: u32, payload: &[u8]) -> bool {
        let from = start as usize;
        self.payload.get(from..from.saturating_add(payload.len())) == Some(payload)
    }

    /// Writes what has not come before, and notes it.
    fn write(&mut self, start: u32, end: u32, bytes: &[u8]) {
        if self.payload.len() < end as usize {
            self.payload.resize(end as usize, 0);
        }
        let mut at = start;
        let mut merged = (start, end);
        let mut kept = Vec::with_capacity(self.have.len().saturating_add(1));
        for &(s, e) in &self.have {
            if e < start || s > end {
                kept.push((s, e));
                continue;
            }
            copy(&mut self.payload, bytes, start, (at, s.min(end)));
            at = at.max(e);
            merged = (merged.0.min(s), merged.1.max(e));
        }
        copy(&mut self.payload, bytes, start, (at, end));
        let place = kept.partition_point(|&(s, _)| s < merged.0);
        kept.insert(place, merged);
        self.have = kept;
    }

    pub(super) fn header(&self, key: &Key, payload: usize) -> Header {
        let mut bytes = [0; 40];
        let len = match (key.src, key.dest) {
            (IpAddr::V4(src), IpAddr::V4(dest)) => {
                // More than 65 515 bytes of payload cannot be said: zero says 'all there is'.
                let total = u16::try_from(payload.saturating_add(20)).unwrap_or(0);
                let mut header = etherparse::Ipv4Header {
                    total_len: total,
                    identification: u16::try_from(key.id).unwrap_or(0),
                    time_to_live: self.ttl,
                    protocol: self.proto.into(),
                    source: src.octets(),
                    destination: dest.octets(),
                    ..etherparse::Ipv4Header::default()
                };
                header.header_checksum = header.calc_header_checksum();
                fill(&mut bytes, &header.to_bytes())
            }
            (IpAddr::V6(src), IpAddr::V6(dest)) => {
                let header = etherparse::Ipv6Header {
                    payload_length: u16::try_from(payload).unwrap_or(0),
                    next_header: self.proto.into(),
                    hop_limit: self.ttl,
                    source: src.octets(),
                    destination: dest.octets(),
                    ..etherparse::Ipv6Header::default()
                };
                fill(&mut bytes, &header.to_bytes())
            }
            _ => 0,
        };
        Header { bytes, len }
    }
}

fn fill(room: &mut [u8; 40], bytes: &[u8]) -> usize {
    if let Some(room) = room.get_mut(..bytes.len()) {
        room.copy_from_slice(bytes);
    }
    bytes.len()
}

/// Copies the bytes of a fragment that starts at `start` and belong `from..to`.
fn copy(payload: &mut [u8], bytes: &[u8], start: u32, (from, to): (u32, u32)) {
    let source = from
        .checked_sub(start)
        .zip(to.checked_sub(start))
        .and_then(|(f, t)| bytes.get(f as usize..t as usize));
    let room = payload.get_mut(from as usize..to as usize);
    if let (Some(source), Some(room)) = (source, room) {
        room.copy_from_slice(source);
    }
}
