//! Packets that come twice: a mirror of what enters and of what leaves shows a packet once for each.

use std::hash::{BuildHasher, Hasher};

use hashbrown::DefaultHashBuilder;
use parsers::time::Time;

use crate::decode::Ip;

/// Packets that are remembered: half of the window below at a million packets a second, 256 KiB.
const SLOTS: usize = 16_384;
/// A copy comes right behind its original; a retransmission takes longer.
const WINDOW_NANOS: i64 = 20_000_000;
/// What is compared of a packet, from its IP header on; its length is compared too.
const BYTES_MAX: u32 = 320;

pub(super) struct Twice {
    key: DefaultHashBuilder,
    /// What was seen last with this remainder, and when.
    slots: Box<[(u64, Time)]>,
}

impl Twice {
    pub(super) fn new() -> Self {
        Self {
            key: DefaultHashBuilder::default(),
            slots: vec![(0, Time(i64::MIN)); SLOTS].into_boxed_slice(),
        }
    }

    /// Whether this packet, whose payload ends at `end`, was there a moment ago. What routers change
    /// on the way is left out: time to live, checksum of the header, traffic class.
    pub(super) fn again(&mut self, time: Time, bytes: &[u8], ip: &Ip, end: u32) -> bool {
        let start = ip.header.offset;
        let stop = end.min(start.saturating_add(BYTES_MAX));
        let seen = bytes.get(start as usize..stop as usize).unwrap_or_default();
        let mut hash = self.key.build_hasher();
        hash.write_u32(end.saturating_sub(start));
        if ip.src.is_ipv4() {
            hash.write(seen.get(2..8).unwrap_or_default());
            hash.write(seen.get(9..10).unwrap_or_default());
            hash.write(seen.get(12..).unwrap_or_default());
        } else {
            hash.write(seen.get(4..7).unwrap_or_default());
            hash.write(seen.get(8..).unwrap_or_default());
        }
        let hash = hash.finish();
        let place = usize::try_from(hash >> 32).unwrap_or(0) & (SLOTS - 1);
        let Some(slot) = self.slots.get_mut(place) else {
            return false;
        };
        let (known, when) = std::mem::replace(slot, (hash, time));
        let apart = time.since(when);
        known == hash && (0..=WINDOW_NANOS).contains(&apart)
    }
}
