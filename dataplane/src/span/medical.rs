//! Which packets belong to medical protocols, by their content.

use std::hash::BuildHasher;

use hashbrown::DefaultHashBuilder;
use parsers::PROTOCOLS;
use parsers::event::Direction;
use parsers::protocol::{Probe, Spec, Transport, Verdict};

use crate::decode::{Ip, Tcp};

/// Conversations that are remembered at a time, 256 KiB.
const SLOTS: usize = 16_384;
/// Segments of a conversation that are looked into before it is taken for something else.
const LOOKS_MAX: u8 = 8;

#[derive(Clone, Copy, Default)]
struct Known {
    hash: u64,
    looks: u8,
    medical: bool,
}

pub(super) struct Medical {
    key: DefaultHashBuilder,
    slots: Box<[Known]>,
}

impl Medical {
    pub(super) fn new() -> Self {
        Self {
            key: DefaultHashBuilder::default(),
            slots: vec![Known::default(); SLOTS].into_boxed_slice(),
        }
    }

    /// Whether a segment is of a conversation that is known, by now, to be a medical one.
    pub(super) fn is(&mut self, ip: &Ip, tcp: &Tcp, payload: &[u8]) -> bool {
        let (src, dest) = ((ip.src, tcp.src), (ip.dest, tcp.dest));
        let hash = self.key.hash_one((src.min(dest), src.max(dest)));
        let place = usize::try_from(hash >> 32).unwrap_or(0) & (SLOTS - 1);
        let Some(slot) = self.slots.get_mut(place) else {
            return false;
        };
        if slot.hash != hash {
            *slot = Known {
                hash,
                ..Known::default()
            };
        }
        if !slot.medical && slot.looks < LOOKS_MAX && !payload.is_empty() {
            slot.medical = knows(tcp, payload, slot.looks == 0);
            slot.looks = slot.looks.saturating_add(1);
        }
        slot.medical
    }
}

/// Whether a medical protocol recognises a segment's payload, as a beginning or midstream.
fn knows(tcp: &Tcp, bytes: &[u8], first: bool) -> bool {
    let (direction, server_port) = if tcp.dest <= tcp.src {
        (Direction::ToServer, tcp.dest)
    } else {
        (Direction::ToClient, tcp.src)
    };
    let medical = |spec: &&&Spec| spec.medical && spec.transport == Transport::Tcp;
    PROTOCOLS.iter().filter(medical).any(|spec| {
        [false, true].into_iter().any(|from_start| {
            let probe = Probe {
                direction,
                bytes,
                from_start,
                server_port,
            };
            (first || !from_start) && matches!((spec.probe)(&probe), Verdict::Yes(_))
        })
    })
}
