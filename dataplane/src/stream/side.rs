//! One direction of a stream: where it is, what is missing, what its parser wants.

use parsers::event::Direction;
use parsers::protocol::{BUFFER_BYTES_MAX, Then};
use parsers::time::{NANOS_PER_SEC, Time};

use super::segments::{Piece, Segments};
use super::{Consumer, Memory, Outcome, Segment};

/// What handling one segment needs beside the side itself.
pub(super) struct Turn<'a> {
    pub(super) direction: Direction,
    pub(super) memory: &'a mut Memory,
    pub(super) reader: &'a mut dyn Consumer,
}

/// One direction. Places are 64-bit offsets; [`BASE`] is the first one seen.
#[derive(Debug, Default)]
pub(super) struct Side {
    synced: bool,
    stopped: bool,
    closed: bool,
    /// The highest place seen, and its sequence number.
    top: u64,
    top_seq: u32,
    /// The next place wanted; beyond `top` while the parser skips.
    pub(super) next: u64,
    /// The highest place that the peer acknowledged.
    acked: u64,
    /// Where the direction ends, once known.
    fin: Option<u64>,
    /// Bytes that the parser wants in one piece.
    want: usize,
    /// Bytes before `next` that the parser has not consumed.
    pub(super) kept: Vec<u8>,
    pub(super) base_of_replay: u64,
    pub(super) pieces: Segments,
    pub(super) hole: Option<Hole>,
}

/// A hole at `next`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hole {
    since: Time,
    /// Since when the peer has acknowledged past it.
    acked: Option<Time>,
    /// Segments of this direction since then.
    after: u32,
}

impl Side {
    pub(super) fn acknowledge(&mut self, ack: u32) {
        if self.synced
            && let Some(place) = self.place(ack)
        {
            self.acked = self.acked.max(place);
        }
    }

    /// The place of a sequence number: the one nearest to the highest seen.
    fn place(&self, seq: u32) -> Option<u64> {
        let delta = seq.wrapping_sub(self.top_seq).cast_signed();
        let near = delta.unsigned_abs() <= WINDOW_BYTES_MAX;
        near.then(|| self.top.saturating_add_signed(delta.into()))
    }

    /// Whether the parser waits for the end of a value that it does not look at.
    pub(super) const fn is_skipping(&self) -> bool {
        self.synced && self.next > self.top
    }

    /// Whether nothing is missing, waits or ends here.
    pub(super) fn is_calm(&self) -> bool {
        self.pieces.is_empty()
            && self.hole.is_none()
            && self.fin.is_none()
            && self.acked <= self.next
    }

    /// How far the peer has acknowledged with this, if it acknowledges only what was seen.
    pub(super) fn acknowledged(&self, ack: Option<u32>) -> Option<u64> {
        let place = ack.filter(|_| self.synced).and_then(|ack| self.place(ack));
        let acked = self.acked.max(place.unwrap_or(0));
        (acked <= self.next).then_some(acked)
    }

    /// Takes a segment without SYN or FIN in which there is nothing to hand on: it is empty and
    /// beyond nothing, or new and wholly inside a value that the parser skips. Says whether.
    pub(super) fn passes(&mut self, segment: &Segment<'_>) -> bool {
        let Some(at) = self.place(segment.seq).filter(|_| self.synced) else {
            return false;
        };
        let end = at.saturating_add(segment.wire_len.into());
        if segment.wire_len == 0 {
            return end <= self.top;
        }
        if end <= self.top || end > self.next {
            return false;
        }
        self.top = end;
        self.top_seq = segment.seq.wrapping_add(segment.wire_len);
        true
    }

    pub(super) const fn set_acked(&mut self, acked: u64) {
        self.acked = acked;
    }

    fn sync(&mut self, seq: u32) {
        self.synced = true;
        (self.top, self.top_seq) = (BASE, seq);
        (self.next, self.acked) = (BASE, BASE);
        self.want = 1;
    }

    pub(super) fn push(&mut self, segment: &Segment<'_>, turn: &mut Turn<'_>) -> Outcome {
        let seq = segment.seq.wrapping_add(segment.syn.into());
        let empty = segment.wire_len == 0;
        if !self.synced {
            if empty && !segment.syn {
                return Outcome::Handed;
            }
            self.sync(seq);
        }
        let Some(at) = self.place(seq) else {
            return Outcome::Outside;
        };
        let end = at.saturating_add(segment.wire_len.into());
        if end > self.top {
            (self.top, self.top_seq) = (end, seq.wrapping_add(segment.wire_len));
        }
        if segment.fin {
            self.fin = Some(self.fin.map_or(end, |fin| fin.min(end)));
        }
        if empty {
            return Outcome::Handed;
        }
        if end <= self.next {
            let newest = end == self.top;
            return if newest {
                Outcome::Skipped
            } else {
                Outcome::Duplicate
            };
        }
        if at <= self.next {
            self.accept(at, segment.payload, end, turn);
            self.drain(turn);
            return Outcome::Handed;
        }
        self.keep(at, segment, turn);
        Outcome::OutOfOrder
    }

    fn keep(&mut self, at: u64, segment: &Segment<'_>, turn: &mut Turn<'_>) {
        if self.stopped {
            return;
        }
        let len = u64::from(segment.wire_len);
        if self.pieces.insert(at, segment.payload, len, turn.memory) {
            turn.reader.conflict(turn.direction);
        }
    }

    /// Takes bytes at or before the next place wanted. Those up to `end` that are not in `data`
    /// were cut off by the capture.
    pub(super) fn accept(&mut self, at: u64, data: &[u8], end: u64, turn: &mut Turn<'_>) {
        let old = usize::try_from(self.next.saturating_sub(at)).unwrap_or(usize::MAX);
        if let Some(fresh) = data.get(old..).filter(|fresh| !fresh.is_empty()) {
            self.deliver(fresh, turn);
        }
        if self.next < end {
            self.lose(end, turn);
        }
    }

    pub(super) fn drain(&mut self, turn: &mut Turn<'_>) {
        while let Some(Piece { at, len, data }) = self.pieces.pop(self.next, turn.memory) {
            self.accept(at, &data, at.saturating_add(len), turn);
            turn.memory.give_back(data);
        }
    }

    /// Hands on the bytes at the next place wanted: directly, or behind those that are kept.
    fn deliver(&mut self, fresh: &[u8], turn: &mut Turn<'_>) {
        self.next = self.next.saturating_add(fresh.len() as u64);
        if self.stopped {
            return;
        }
        if self.kept.is_empty() {
            let used = self.feed(fresh, turn);
            if let Some(rest) = fresh.get(used..).filter(|rest| !rest.is_empty()) {
                self.kept = turn.memory.buffer();
                self.kept.extend_from_slice(rest);
                turn.memory.kept = turn.memory.kept.saturating_add(rest.len());
            }
        } else {
            let mut kept = std::mem::take(&mut self.kept);
            let before = kept.len();
            kept.extend_from_slice(fresh);
            let used = self.feed(&kept, turn);
            if used >= kept.len() {
                turn.memory.kept = turn.memory.kept.saturating_sub(before);
                turn.memory.give_back(kept);
            } else {
                kept.drain(..used);
                turn.memory.kept = turn
                    .memory
                    .kept
                    .saturating_sub(before)
                    .saturating_add(kept.len());
                self.kept = kept;
            }
        }
        self.bound(turn);
    }

    /// Keeps no more than a parser may ask for, and no more than all flows together may keep.
    fn bound(&mut self, turn: &mut Turn<'_>) {
        let alone = self.kept.len().max(self.want) > BUFFER_BYTES_MAX;
        let together = turn.memory.kept > turn.memory.kept_max;
        if !alone && (!together || self.kept.is_empty()) {
            return;
        }
        if alone {
            turn.reader.too_much(turn.direction);
        } else {
            let [_, _, hits] = &mut turn.memory.hits;
            *hits = hits.saturating_add(1);
        }
        self.clear(turn.memory);
        turn.reader.gap(turn.direction, 0);
    }

    /// Calls the parser while it gets somewhere. Says how many bytes it is done with.
    fn feed(&mut self, data: &[u8], turn: &mut Turn<'_>) -> usize {
        let mut at = 0_usize;
        loop {
            let rest = data.get(at..).unwrap_or_default();
            if rest.is_empty() || rest.len() < self.want {
                return at;
            }
            let progress = turn.reader.data(turn.direction, rest);
            let consumed = progress.consumed.min(rest.len());
            at = at.saturating_add(consumed);
            self.want = 1;
            match progress.then {
                Then::More(bytes) => {
                    self.want = bytes.max(1);
                    if consumed == 0 {
                        return at;
                    }
                }
                Then::Skip(bytes) => {
                    let left = rest.len().saturating_sub(consumed) as u64;
                    if bytes >= left {
                        self.next = self.next.saturating_add(bytes.saturating_sub(left));
                        return data.len();
                    }
                    if consumed == 0 && bytes == 0 {
                        return at;
                    }
                    at = at.saturating_add(usize::try_from(bytes).unwrap_or(0));
                }
                Then::Resync if consumed == 0 => return at,
                Then::Resync => {}
                Then::Stop => {
                    self.stopped = true;
                    self.pieces.clear(turn.memory);
                    return data.len();
                }
            }
        }
    }

    /// The end of the hole that there is now.
    fn hole_end(&self) -> Option<u64> {
        match self.pieces.first() {
            Some(first) => Some(first),
            None if self.acked > self.next => Some(self.acked),
            None => None,
        }
    }

    /// Gives up holes that nothing will fill any more.
    pub(super) fn settle(&mut self, now: Time, one_sided: bool, sent: bool, turn: &mut Turn<'_>) {
        while let Some(until) = self.hole_end().filter(|_| !self.closed) {
            let due = self.is_due(until, now, one_sided, sent);
            if !due && !self.is_beyond_bounds(turn.memory) {
                return;
            }
            self.lose(until, turn);
            self.drain(turn);
            self.hole = None;
        }
        self.hole = None;
    }

    fn is_due(&mut self, until: u64, now: Time, one_sided: bool, sent: bool) -> bool {
        let acked = self.acked >= until;
        let hole = self.hole.get_or_insert(Hole {
            since: now,
            acked: None,
            after: 0,
        });
        if one_sided {
            return self.pieces.bytes() >= ONE_SIDED_BYTES
                || now.since(hole.since) >= ONE_SIDED_NANOS;
        }
        match hole.acked {
            None if acked => hole.acked = Some(now),
            Some(_) if sent => hole.after = hole.after.saturating_add(1),
            _ => {}
        }
        let long = hole
            .acked
            .is_some_and(|since| now.since(since) >= ACKED_NANOS);
        long || hole.after >= ACKED_SEGMENTS
    }

    fn is_beyond_bounds(&self, memory: &mut Memory) -> bool {
        let [together, alone, _] = &mut memory.hits;
        if self.pieces.bytes() > OUT_OF_ORDER_BYTES_MAX || self.pieces.count() > PIECES_MAX {
            *alone = alone.saturating_add(1);
            return true;
        }
        let beyond = memory.out_of_order > memory.out_of_order_max && !self.pieces.is_empty();
        if beyond {
            *together = together.saturating_add(1);
        }
        beyond
    }

    /// Bytes up to `until` will not come.
    pub(super) fn lose(&mut self, until: u64, turn: &mut Turn<'_>) {
        let len = until.saturating_sub(self.next);
        if len == 0 {
            return;
        }
        self.clear(turn.memory);
        self.next = until;
        if !self.stopped {
            turn.reader.gap(turn.direction, len);
        }
    }

    pub(super) fn close_at_end(&mut self, turn: &mut Turn<'_>) {
        if self
            .fin
            .is_some_and(|fin| fin <= self.next && fin <= self.top)
            && self.pieces.is_empty()
        {
            self.close(turn);
        }
    }

    pub(super) fn close(&mut self, turn: &mut Turn<'_>) {
        if self.closed {
            return;
        }
        self.closed = true;
        if !self.stopped {
            turn.reader.close(turn.direction, &self.kept);
        }
        self.stopped = true;
        self.clear(turn.memory);
    }

    pub(super) fn clear(&mut self, memory: &mut Memory) {
        let kept = std::mem::take(&mut self.kept);
        memory.kept = memory.kept.saturating_sub(kept.len());
        memory.give_back(kept);
        self.want = 1;
    }

    /// Takes back what is kept, as if it had not been handed on.
    pub(super) fn rewind(&mut self) -> Vec<u8> {
        let kept = std::mem::take(&mut self.kept);
        self.next = self.next.saturating_sub(kept.len() as u64);
        self.base_of_replay = self.next;
        self.want = 1;
        kept
    }
}

/// Where a direction's first byte is: far from 0, so that older bytes have a place too.
const BASE: u64 = 1 << 32;
/// The largest window that TCP can announce (RFC 7323 2.3); what is further away is not of this
/// connection, or not of this time.
const WINDOW_BYTES_MAX: u32 = 1 << 30;
/// The receiver has the bytes and these many segments came since: our capture lost them.
const ACKED_SEGMENTS: u32 = 64;
/// Or this much time has passed.
const ACKED_NANOS: i64 = NANOS_PER_SEC;
/// Without the other direction nobody says what arrived: longer patience.
const ONE_SIDED_NANOS: i64 = 5 * NANOS_PER_SEC;
/// Or this much came behind the hole.
const ONE_SIDED_BYTES: usize = 1 << 20;
/// One direction keeps at most this out of order: what a window of common size holds.
const OUT_OF_ORDER_BYTES_MAX: usize = 2 << 20;
/// And in at most so many pieces, so that a piece is found fast.
const PIECES_MAX: usize = 512;
