//! What a packet is looked up by, known some packets before its turn: where it is looked up is asked
//! for then, and has come from memory when it is needed.

use crate::batch::Block;
use crate::copies::{self, Copies};
use crate::decode::{Fragment, Ip, Net, Transport};
use crate::flow::key::Keyed;
use crate::flow::table::Table;
use crate::spread::{Item, Work};

/// Packets ahead, a power of two less one: the ring holds this one too.
const AHEAD: usize = 7;

/// What an IP packet is looked up by.
pub(crate) struct Known {
    pub(crate) keyed: Keyed,
    /// The table's, of its flow.
    pub(crate) hash: u64,
    /// What tells it from all others.
    pub(crate) print: u64,
}

impl Known {
    #[inline]
    fn of(item: &Item, blocks: &[Block], table: &Table) -> Option<Self> {
        let packet = item.packet.as_ref().ok()?;
        let Net::Ip(ip) = &packet.net else {
            return None;
        };
        #[cfg(test)]
        assert_ne!(ip.proto, crate::tests::FAULTY, "as told");
        let keyed = Keyed::of(packet, ip);
        let hash = table.hash(&keyed);
        let print = print(hash, &keyed, ip, || item.frame.bytes(blocks));
        Some(Self { keyed, hash, print })
    }
}

/// The next packets of a work.
#[derive(Default)]
pub(crate) struct Ahead {
    ring: [Option<Known>; AHEAD + 1],
    /// The first item that was not looked at yet.
    upto: usize,
}

impl Ahead {
    /// Begins at an item, with nothing known: another work, or another table.
    pub(crate) const fn begin(&mut self, item: usize) {
        self.upto = item;
    }

    /// The item that a fault happened at, while this one was in hand: a later one, if it was looked
    /// at ahead of its turn.
    pub(crate) const fn fault(&self, item: usize) -> usize {
        if self.upto > item.saturating_add(AHEAD) {
            item
        } else {
            self.upto
        }
    }

    /// What is known of an item, which is nothing if it is no IP packet; looks at later ones.
    #[inline]
    pub(crate) fn of(
        &mut self,
        work: &Work,
        item: usize,
        table: &Table,
        copies: Option<&Copies>,
    ) -> Option<Known> {
        while self.upto <= item.saturating_add(AHEAD) {
            let known = work
                .items
                .get(self.upto)
                .and_then(|item| Known::of(item, &work.blocks, table));
            if let (Some(known), Some(copies)) = (&known, copies) {
                copies.soon(known.print);
            }
            if let Some(place) = self.ring.get_mut(self.upto % (AHEAD + 1)) {
                *place = known;
            }
            self.upto = self.upto.saturating_add(1);
        }
        self.ring.get_mut(item % (AHEAD + 1))?.take()
    }
}

/// What tells this packet from others, for finding those that a mirror gave twice.
#[inline]
fn print<'a>(flow: u64, keyed: &Keyed, ip: &Ip, bytes: impl Fn() -> &'a [u8]) -> u64 {
    let (sum, len, more) = match &ip.transport {
        Transport::Tcp(tcp) => {
            let places = u64::from(tcp.seq) << 32 | u64::from(tcp.ack);
            let len = u64::from(tcp.wire_len) ^ u64::from(tcp.flags) << 24;
            (tcp.checksum, len, places)
        }
        Transport::Udp {
            checksum, payload, ..
        } => (*checksum, payload.len.into(), 0),
        Transport::Icmp { message: span, .. }
        | Transport::Sctp { message: span, .. }
        | Transport::Other(span)
        | Transport::Fragment(Fragment { payload: span, .. }) => {
            let first = span.of(bytes()).first_chunk().copied();
            let more = u64::from_le_bytes(first.unwrap_or_default());
            (0, span.len.into(), more)
        }
    };
    let one = u64::from(ip.ident) << 48 | u64::from(sum) << 32 | len << 1 | u64::from(keyed.from_a);
    copies::print(flow, [one, more])
}
