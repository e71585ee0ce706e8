//! Segments to chunks: the bytes of each direction in order, once, with holes marked.
//!
//! Overlap: the first bytes win; what was handed on cannot be taken back, and of what still waits
//! the copy that came first is kept. Bytes that the parser skips are never touched: the place up
//! to which it skips *is* the next place wanted, so that whatever lies before it, in or out of
//! order, is old, and a hole there is no gap.

#[cfg(any(test, fuzzing))]
mod fuzz;
mod memory;
mod segments;
mod side;

use parsers::event::Direction;
use parsers::protocol::Progress;
use parsers::time::Time;

#[cfg(any(test, fuzzing))]
pub use fuzz::fuzz;
pub(crate) use memory::Memory;
use side::{Side, Turn};

/// Who reads a stream.
pub(crate) trait Consumer {
    /// Bytes in order; see [`parsers::protocol::Parser::parse`].
    fn data(&mut self, direction: Direction, bytes: &[u8]) -> Progress;
    /// Bytes are missing.
    fn gap(&mut self, direction: Direction, len: u64);
    /// The direction ended.
    fn close(&mut self, direction: Direction, rest: &[u8]);
    /// A copy of bytes differs from the one before.
    fn conflict(&mut self, direction: Direction);
    /// The parser asked for more than may be kept.
    fn too_much(&mut self, direction: Direction);
}

/// A TCP segment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Segment<'a> {
    pub(crate) seq: u32,
    pub(crate) ack: Option<u32>,
    pub(crate) payload: &'a [u8],
    /// Bytes that it announces; more than `payload` when the frame is truncated.
    pub(crate) wire_len: u32,
    pub(crate) syn: bool,
    pub(crate) fin: bool,
    pub(crate) now: Time,
    /// Whether the other direction has not been seen at all.
    pub(crate) one_sided: bool,
}

/// What became of a segment.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Outcome {
    /// Bytes were handed on, or nothing was in it.
    Handed,
    /// All of it lies in what the parser skips.
    Skipped,
    /// It waits.
    OutOfOrder,
    /// Nothing new.
    Duplicate,
    /// Too far from everything else.
    Outside,
}

/// What a glance at a segment tells.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Glance {
    /// It was taken: it lies wholly inside a value that the parser skips, or acknowledges parts of
    /// one and says nothing else.
    Bulk,
    /// It was taken: it acknowledges, and says nothing else.
    Empty,
    /// It was not taken.
    Look,
}

/// Both directions of one connection.
#[derive(Debug, Default)]
pub(crate) struct Stream {
    sides: [Side; 2],
    /// While nobody has taken any bytes: who sent how many, in order of arrival.
    order: smallvec::SmallVec<[(Direction, u32); 4]>,
}

impl Stream {
    /// Takes a segment.
    pub(crate) fn push(
        &mut self,
        direction: Direction,
        segment: &Segment<'_>,
        memory: &mut Memory,
        reader: &mut dyn Consumer,
    ) -> Outcome {
        let [to_server, to_client] = &mut self.sides;
        let (side, peer) = match direction {
            Direction::ToServer => (to_server, to_client),
            Direction::ToClient => (to_client, to_server),
        };
        if let Some(ack) = segment.ack {
            peer.acknowledge(ack);
        }
        let mut turn = Turn {
            direction,
            memory,
            reader,
        };
        let outcome = side.push(segment, &mut turn);
        side.settle(
            segment.now,
            segment.one_sided,
            segment.wire_len > 0,
            &mut turn,
        );
        side.close_at_end(&mut turn);
        turn.direction = direction.other();
        peer.settle(segment.now, false, false, &mut turn);
        peer.close_at_end(&mut turn);
        outcome
    }

    /// Gives up the holes that time has come for.
    pub(crate) fn tick(
        &mut self,
        now: Time,
        one_sided: bool,
        memory: &mut Memory,
        reader: &mut dyn Consumer,
    ) {
        for (direction, side) in BOTH.into_iter().zip(&mut self.sides) {
            let mut turn = Turn {
                direction,
                memory,
                reader,
            };
            side.settle(now, one_sided, false, &mut turn);
            side.close_at_end(&mut turn);
        }
    }

    /// Takes a segment without SYN or FIN that changes nothing but how far its sender got, as
    /// [`Self::push`] would. Most segments of a transfer are such.
    #[inline]
    pub(crate) fn glance(&mut self, direction: Direction, segment: &Segment<'_>) -> Glance {
        let [to_server, to_client] = &mut self.sides;
        let (side, peer) = match direction {
            Direction::ToServer => (to_server, to_client),
            Direction::ToClient => (to_client, to_server),
        };
        if !side.is_calm() || !peer.is_calm() {
            return Glance::Look;
        }
        let Some(acked) = peer.acknowledged(segment.ack) else {
            return Glance::Look;
        };
        if !side.passes(segment) {
            return Glance::Look;
        }
        peer.set_acked(acked);
        if segment.wire_len > 0 || peer.is_skipping() {
            Glance::Bulk
        } else {
            Glance::Empty
        }
    }

    /// Whether time may bring something: a hole is open.
    pub(crate) fn waits(&self) -> bool {
        self.sides.iter().any(|side| side.hole.is_some())
    }

    /// The connection is over: hands on what waited, and closes both directions.
    pub(crate) fn close(&mut self, memory: &mut Memory, reader: &mut dyn Consumer) {
        for (direction, side) in BOTH.into_iter().zip(&mut self.sides) {
            let mut turn = Turn {
                direction,
                memory,
                reader,
            };
            while let Some(until) = side.pieces.first() {
                side.lose(until, &mut turn);
                side.drain(&mut turn);
            }
            side.close(&mut turn);
        }
    }

    /// Lets go of everything without telling anybody.
    pub(crate) fn forget(&mut self, memory: &mut Memory) {
        for side in &mut self.sides {
            side.pieces.clear(memory);
            side.clear(memory);
        }
    }

    /// Notes the arrival of bytes that nobody has taken yet.
    pub(crate) fn arrived(&mut self, direction: Direction, total: usize) {
        let of = |(d, len): &(Direction, u32)| if *d == direction { *len as usize } else { 0 };
        let mut before: usize = self.order.iter().map(of).sum();
        if before > total {
            // What had arrived before was given up.
            self.order.retain(|(d, _)| *d != direction);
            before = 0;
        }
        let len = u32::try_from(total.saturating_sub(before)).unwrap_or(u32::MAX);
        match self.order.last_mut() {
            _ if len == 0 => {}
            Some((last, sum)) if *last == direction => *sum = sum.saturating_add(len),
            _ => self.order.push((direction, len)),
        }
    }

    /// Bytes of a direction that are kept.
    pub(crate) fn kept(&self, direction: Direction) -> usize {
        self.sides
            .get(direction.index())
            .map_or(0, |side| side.kept.len())
    }

    /// Hands on again, in order of arrival, all bytes that are kept: the reader has just become
    /// another. Of one direction the first `without` bytes are left out.
    pub(crate) fn replay(
        &mut self,
        (late, mut without): (Direction, usize),
        memory: &mut Memory,
        reader: &mut dyn Consumer,
    ) {
        let kept = self.sides.each_mut().map(|side| side.rewind());
        let mut at = [0_usize; 2];
        for (direction, len) in std::mem::take(&mut self.order) {
            let index = direction.index();
            let (Some(bytes), Some(at), Some(side)) = (
                kept.get(index),
                at.get_mut(index),
                self.sides.get_mut(index),
            ) else {
                continue;
            };
            let until = at.saturating_add(len as usize).min(bytes.len());
            let mut chunk = bytes.get(*at..until).unwrap_or_default();
            *at = until;
            if direction == late {
                let cut = without.min(chunk.len());
                without = without.saturating_sub(cut);
                chunk = chunk.get(cut..).unwrap_or_default();
                side.next = side.next.saturating_add(cut as u64);
            }
            // A skip of the chunk before may reach into this one.
            let end = side.base_of_replay.saturating_add(until as u64);
            side.accept(
                end.saturating_sub(chunk.len() as u64),
                chunk,
                end,
                &mut Turn {
                    direction,
                    memory,
                    reader,
                },
            );
        }
        for ((buffer, side), direction) in kept.into_iter().zip(&mut self.sides).zip(BOTH) {
            memory.kept = memory.kept.saturating_sub(buffer.len());
            memory.give_back(buffer);
            side.close_at_end(&mut Turn {
                direction,
                memory,
                reader,
            });
        }
    }
}

const BOTH: [Direction; 2] = [Direction::ToServer, Direction::ToClient];
