//! Frames to workers: decode, defragment, hash the innermost flow, hand out.

mod counters;
mod hash;
mod work;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use parsers::time::Time;

pub use counters::Counters;
pub use hash::FlowHash;
pub use work::{Item, Items, Tick, Work};

use crate::batch::{Block, Frame, LinkType};
use crate::capture;
use crate::capture::blocks::{BLOCK_BYTES, Pool};
use crate::capture::clock::is_step;
use crate::decode::{
    DecodeIssue, Fragment, Ip, Net, Packet, Transport, decode_into, decode_reassembled,
};
use crate::defrag::{Defrag, Put, Whole};
use crate::prefetch;

/// The most times that one frame may complete a packet which is a fragment itself: fragments in a
/// tunnel in fragments. Two is odd, more is an attack.
const ROUNDS_MAX: usize = 4;

/// Headers are asked for so many frames before they are looked at: long enough for a line to come
/// from another core. `benches/README.md` has the figures.
const AHEAD: usize = 4;

/// Decodes, defragments and hands out. Runs in the reader's thread.
pub struct Spread {
    hash: FlowHash,
    defrag: Defrag,
    made: Made,
    last_now: Option<Time>,
    /// Where the second of `last_now` ends.
    second_ends: Time,
    dispatched_upto: u64,
    counters: Counters,
    /// Whether packets with wrong checksums are dropped.
    checksums: bool,
    /// Who got the last frame.
    last_worker: usize,
}

impl Spread {
    /// A spread over `workers` (at least one), keyed at random: nothing that can be observed
    /// depends on who gets what.
    #[must_use]
    pub fn new(workers: usize) -> Self {
        Self {
            hash: FlowHash::new(workers),
            defrag: Defrag::default(),
            made: Made::new(),
            last_now: None,
            second_ends: Time::ZERO,
            dispatched_upto: 0,
            counters: Counters::default(),
            checksums: false,
            last_worker: 0,
        }
    }

    /// Whether to drop packets whose checksums are wrong, instead of not looking.
    #[must_use]
    pub const fn with_checksums(mut self, checksums: bool) -> Self {
        self.checksums = checksums;
        self
    }

    /// Hands a batch out: one work for each worker, made empty first. Workers without frames are
    /// told the time all the same. The batch gets further blocks, with what was put together.
    pub fn spread(&mut self, batch: &mut capture::Batch, out: &mut [Work]) {
        for work in &mut *out {
            work.clear();
        }
        let mut from = 0;
        while catch_unwind(AssertUnwindSafe(|| self.hand_out(from, batch, out))).is_err() {
            from = self.leave_out(batch, out);
        }
        self.dispatched_upto = self.dispatched_upto.max(batch.upto);
        // An idle poll has no frame, but time goes on, before the next frame.
        self.tick(self.dispatched_upto.saturating_add(1), batch.now, out);
        self.made.finish(&mut batch.blocks);
        for work in out {
            work.dispatched_upto = self.dispatched_upto;
            work.now = self.last_now.unwrap_or_default();
            work.read_at = batch.read_at;
            work.backlog = batch.backlog;
            if !work.items.is_empty() {
                work.blocks.extend(batch.blocks.iter().cloned());
            }
        }
    }

    /// Hands out the frames from this one on.
    fn hand_out(&mut self, from: usize, batch: &mut capture::Batch, out: &mut [Work]) {
        for at in from..batch.frames.len() {
            let Some(frame) = batch.frames.get(at).copied() else {
                break;
            };
            if let Some(soon) = batch.frames.get(at.saturating_add(AHEAD)) {
                prefetch::headers(soon.bytes(&batch.blocks));
            }
            self.tick(frame.no, frame.now, out);
            self.frame(frame, &mut batch.blocks, out);
            self.dispatched_upto = frame.no;
        }
    }

    /// After a fault, whoever got the last frame is told of the one that it happened at. Gives the
    /// place of the next.
    #[cold]
    fn leave_out(&mut self, batch: &capture::Batch, out: &mut [Work]) -> usize {
        let is_next = |frame: &Frame| frame.no > self.dispatched_upto;
        let at = batch.frames.iter().position(is_next);
        let at = at.unwrap_or(batch.frames.len());
        if let Some(frame) = batch.frames.get(at).copied() {
            for work in &mut *out {
                // It may have been read by half.
                if work
                    .items
                    .last()
                    .is_some_and(|item| item.frame.no == frame.no)
                {
                    work.items.pop();
                }
            }
            self.give(frame, Err(DecodeIssue::Fault), self.last_worker, out);
            self.dispatched_upto = frame.no;
        }
        at.saturating_add(1)
    }

    /// The counts so far.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.counters.clone().with_fragments(&self.defrag)
    }

    /// Most frames are of the second of the one before.
    #[inline]
    fn tick(&mut self, frame: u64, now: Time, out: &mut [Work]) {
        if let Some(last) = &mut self.last_now
            && *last <= now
            && now < self.second_ends
        {
            *last = now;
            return;
        }
        self.other_second(frame, now, out);
    }

    #[cold]
    fn other_second(&mut self, frame: u64, now: Time, out: &mut [Work]) {
        let step = self.last_now.is_some_and(|last| is_step(last, now));
        let second = now.secs();
        let passed = match self.last_now {
            Some(last) => second != last.secs(),
            None => now != Time::ZERO,
        };
        if step || passed {
            let tick = Tick {
                frame,
                second,
                step,
            };
            for work in out {
                work.ticks.push(tick);
            }
            self.defrag.expire(now);
        }
        if passed || self.last_now.is_some() {
            self.last_now = Some(now);
            self.second_ends = Time::new(second.saturating_add(1), 0);
        }
    }

    /// Decodes a frame where the last one went: most often its flow goes there too. If not, what
    /// was decoded moves.
    #[inline]
    fn frame(&mut self, frame: Frame, blocks: &mut Vec<Block>, out: &mut [Work]) {
        self.counters.frame(&frame);
        let bytes = frame.bytes(blocks);
        let Some(work) = out.get_mut(self.last_worker) else {
            return;
        };
        let Some(item) = work.items.place() else {
            return;
        };
        item.frame = frame;
        decode_into(&frame, bytes, &mut item.packet);
        if as_fragment(&item.packet).is_some() {
            if let Some(item) = work.items.pop() {
                self.fragment(item.frame, item.packet, blocks, out);
            }
            return;
        }
        if self.checksums && self.counters.drops(bytes, &item.packet) {
            work.items.pop();
            return;
        }
        self.counters.item(&item.packet);
        let worker = self.hash.worker(&item.packet, bytes);
        if worker != self.last_worker
            && let Some(item) = work.items.pop()
            && let Some(other) = out.get_mut(worker)
        {
            other.items.push(item);
            self.last_worker = worker;
        }
    }

    fn give(
        &mut self,
        frame: Frame,
        packet: Result<Packet, DecodeIssue>,
        worker: usize,
        out: &mut [Work],
    ) {
        self.counters.item(&packet);
        if let Some(work) = out.get_mut(worker) {
            work.items.push(Item { frame, packet });
        }
    }

    /// A fragment waits for the others; the one that completes a packet is given as the packet.
    #[cold]
    fn fragment(
        &mut self,
        mut frame: Frame,
        mut packet: Result<Packet, DecodeIssue>,
        blocks: &mut Vec<Block>,
        out: &mut [Work],
    ) {
        for _ in 0..ROUNDS_MAX {
            let Some((around, ip, fragment)) = as_fragment(&packet) else {
                break;
            };
            let bytes = self.made.bytes(&frame, blocks);
            let payload = fragment.payload.of(bytes);
            match self.defrag.put(&frame, around, ip, fragment, payload) {
                Put::Nothing => return,
                Put::Wrong(issue) => packet = Err(issue),
                Put::Whole(whole) => {
                    frame = self.made.put(&frame, &whole, blocks);
                    let bytes = self.made.bytes(&frame, blocks);
                    packet = decode_reassembled(around, whole.overlapped, bytes);
                }
            }
        }
        if as_fragment(&packet).is_some() {
            packet = Err(DecodeIssue::TooDeep);
        }
        let bytes = self.made.bytes(&frame, blocks);
        if self.checksums && self.counters.drops(bytes, &packet) {
            return;
        }
        let worker = self.hash.worker(&packet, bytes);
        self.give(frame, packet, worker, out);
    }
}

#[inline]
const fn as_fragment(packet: &Result<Packet, DecodeIssue>) -> Option<(&Packet, &Ip, &Fragment)> {
    if let Ok(packet) = packet
        && let Net::Ip(ip) = &packet.net
        && let Transport::Fragment(fragment) = &ip.transport
    {
        return Some((packet, ip, fragment));
    }
    None
}

/// Where reassembled packets of a batch are put: a block that is written until the batch is
/// through, and only then shared.
struct Made {
    pool: Pool,
    block: Option<Block>,
    /// The block's place in the batch, where an empty one stands for it.
    index: u16,
    filled: usize,
    empty: Block,
}

impl Made {
    fn new() -> Self {
        Self {
            pool: Pool::new(BLOCK_BYTES),
            block: None,
            index: 0,
            filled: 0,
            empty: Block::own(Arc::from([])),
        }
    }

    /// The bytes of a frame, which may be one put together in this very batch.
    fn bytes<'a>(&'a self, frame: &Frame, blocks: &'a [Block]) -> &'a [u8] {
        match &self.block {
            Some(block) if frame.block == self.index => frame.within(block),
            _ => frame.bytes(blocks),
        }
    }

    /// Puts a whole packet down; gives the frame for it, made of the one that completed it.
    fn put(&mut self, frame: &Frame, whole: &Whole<'_>, blocks: &mut Vec<Block>) -> Frame {
        let header = whole.header.bytes();
        let len = header.len().saturating_add(whole.payload.len());
        if self.filled.saturating_add(len) > self.pool.size() {
            self.finish(blocks);
        }
        if self.block.is_none() {
            self.index = u16::try_from(blocks.len()).unwrap_or(u16::MAX);
            self.filled = 0;
            self.block = Some(self.pool.take());
            blocks.push(self.empty.clone());
        }
        let offset = self.filled;
        let room = self.block.as_mut().map(Block::writable).unwrap_or_default();
        let room = room.get_mut(offset..).unwrap_or_default();
        if let Some((head, behind)) = room.split_at_mut_checked(header.len()) {
            head.copy_from_slice(header);
            if let Some(behind) = behind.get_mut(..whole.payload.len()) {
                behind.copy_from_slice(whole.payload);
            }
        }
        self.filled = offset.saturating_add(len);
        let len = u32::try_from(len).unwrap_or(u32::MAX);
        Frame {
            block: self.index,
            offset: u32::try_from(offset).unwrap_or(u32::MAX),
            len,
            wire_len: whole.wire_len.max(len),
            link: LinkType::RAW,
            vlan: None,
            ..*frame
        }
    }

    /// Shares the block.
    fn finish(&mut self, blocks: &mut [Block]) {
        let Some(block) = self.block.take() else {
            return;
        };
        if let Some(place) = blocks.get_mut(usize::from(self.index)) {
            *place = block.clone();
        }
        self.filled = 0;
        self.pool.put(block);
    }
}

#[cfg(test)]
mod tests;
