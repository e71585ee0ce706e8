//! Frames of no TCP or UDP flow: for an alert about one, those of the same address.

use super::FRAMES_MAX;
use super::ring::{Ring, Slot};
use crate::batch::LinkType;

/// The frame of this name and those before it that its sender sent or got, or that claim the address
/// that it claims by ARP; the first one first.
pub(super) fn gather(ring: &Ring, name: u64) -> Vec<Slot> {
    let Some(newest) = ring.get(name) else {
        return Vec::new();
    };
    let whom = Whom::of(newest);
    let mut frames: Vec<Slot> = ring
        .all_back_from(name)
        .filter(|slot| slot.no == newest.no || whom.is_in(slot))
        .take(FRAMES_MAX)
        .cloned()
        .collect();
    frames.reverse();
    for (slot, nth) in frames.iter_mut().zip(1..) {
        slot.nth = nth;
    }
    frames
}

/// Whom a frame is from.
struct Whom {
    mac: Option<Mac>,
    /// The address that it claims by ARP.
    ip: Option<[u8; 4]>,
}

type Mac = [u8; 6];

impl Whom {
    fn of(slot: &Slot) -> Self {
        Self {
            mac: macs(slot).map(|[_, src]| src),
            ip: claimed(slot),
        }
    }

    fn is_in(&self, slot: &Slot) -> bool {
        let has = |mac| macs(slot).is_some_and(|macs| macs.contains(&mac));
        self.mac.is_some_and(has) || (self.ip.is_some() && claimed(slot) == self.ip)
    }
}

/// Receiver and sender.
fn macs(slot: &Slot) -> Option<[Mac; 2]> {
    let (dest, rest) = slot.bytes().split_first_chunk()?;
    (slot.link == LinkType::ETHERNET).then_some([*dest, *rest.first_chunk()?])
}

/// The sender's address in an ARP message of Ethernet and IPv4 (RFC 826), behind tags.
fn claimed(slot: &Slot) -> Option<[u8; 4]> {
    macs(slot)?;
    let (_, mut rest) = slot.bytes().split_first_chunk::<12>()?;
    while let [0x81, 0x00, _, _, inner @ ..] | [0x88, 0xa8, _, _, inner @ ..] = rest {
        rest = inner;
    }
    let [0x08, 0x06, arp @ ..] = rest else {
        return None;
    };
    arp.get(SENDER_AT..)?.first_chunk().copied()
}

/// Behind types, lengths, the operation, and the sender's link address.
const SENDER_AT: usize = 14;
