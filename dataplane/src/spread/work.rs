//! What the spread stage hands to a worker.

use std::ops::Deref;
use std::sync::Arc;

use parsers::time::Time;
use rules::Ruleset;

use crate::batch::{Block, Frame};
use crate::decode::{DecodeIssue, Packet};

/// What one worker is given at a time.
pub struct Work {
    /// The worker's frames, in order, each with its packet.
    pub items: Items,
    /// What the frames, and reassembled packets, point into.
    pub blocks: Vec<Block>,
    /// Whole seconds that packet time reached, each with the number of the frame that brought it:
    /// the same for every worker. A tick comes before its frame.
    pub ticks: Vec<Tick>,
    /// Every frame up to this one has been handed out, to this worker or to another.
    pub dispatched_upto: u64,
    /// Packet time at that frame, or the capture clock on an idle poll.
    pub now: Time,
    /// How much of what holds frames behind these is full, in percent.
    pub backlog: u8,
    /// The rules to match this with.
    pub ruleset: Arc<Ruleset>,
    /// When it was read, on the monotonic clock, for latency figures only.
    pub read_at: u64,
}

impl Work {
    /// A work with nothing in it.
    #[must_use]
    pub const fn new(ruleset: Arc<Ruleset>) -> Self {
        Self {
            items: Items::new(),
            blocks: Vec::new(),
            ticks: Vec::new(),
            dispatched_upto: 0,
            now: Time::ZERO,
            backlog: 0,
            ruleset,
            read_at: 0,
        }
    }

    /// Lets go of frames and blocks, so that these can be recycled; what it allocated is kept.
    pub fn clear(&mut self) {
        self.items.clear();
        self.blocks.clear();
        self.ticks.clear();
    }
}

/// A frame and what it carries.
#[derive(Clone, Copy)]
pub struct Item {
    /// The frame; of a reassembled packet, the frame that completed it, its block and span being
    /// those of the whole packet.
    pub frame: Frame,
    /// What it carries, or why it cannot be read.
    pub packet: Result<Packet, DecodeIssue>,
}

/// Items, in places that are used again: what a place held is written over, not first made empty.
/// There are as many as the largest work had.
pub struct Items {
    places: Vec<Item>,
    used: usize,
}

impl Items {
    const fn new() -> Self {
        Self {
            places: Vec::new(),
            used: 0,
        }
    }

    /// One more, which holds whatever it held before.
    #[inline]
    pub(super) fn place(&mut self) -> Option<&mut Item> {
        if self.used >= self.places.len() {
            self.places.push(Item {
                frame: Frame::default(),
                packet: Ok(Packet::NOTHING),
            });
        }
        let place = self.places.get_mut(self.used);
        self.used = self.used.saturating_add(1);
        place
    }

    pub(super) fn push(&mut self, item: Item) {
        if let Some(place) = self.place() {
            *place = item;
        }
    }

    /// Takes the last one away.
    pub(super) fn pop(&mut self) -> Option<Item> {
        self.used = self.used.checked_sub(1)?;
        self.places.get(self.used).copied()
    }

    /// Takes one away; those behind it move up.
    pub(crate) fn remove(&mut self, at: usize) -> Option<Item> {
        let from = self.places.get_mut(at..self.used)?;
        (!from.is_empty()).then(|| from.rotate_left(1))?;
        self.pop()
    }

    const fn clear(&mut self) {
        self.used = 0;
    }
}

impl Deref for Items {
    type Target = [Item];

    #[inline]
    fn deref(&self) -> &[Item] {
        self.places.get(..self.used).unwrap_or_default()
    }
}

/// Packet time reached a second.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Tick {
    /// The frame that brought it.
    pub frame: u64,
    /// The second, since the epoch.
    pub second: i64,
    /// Whether the clock jumped by over an hour, either way: flows and windows end.
    pub step: bool,
}
