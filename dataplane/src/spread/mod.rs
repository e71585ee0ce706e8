//! Frames to workers: decode, defragment, hash the innermost flow, hand out.

use std::sync::Arc;

use parsers::time::Time;
use rules::Ruleset;

use crate::batch::{Block, Frame};
use crate::decode::DecodeIssue;
use crate::decode::Packet;

/// What one worker is given at a time.
pub struct Work {
    /// The worker's frames, in order, each with its packet.
    pub items: Vec<Item>,
    /// What the frames, and reassembled packets, point into.
    pub blocks: Vec<Block>,
    /// Whole seconds that packet time reached, each with the number of the frame that brought it:
    /// the same for every worker. A tick comes before its frame.
    pub ticks: Vec<Tick>,
    /// Every frame up to this one has been handed out, to this worker or to another.
    pub dispatched_upto: u64,
    /// Packet time at that frame, or the capture clock on an idle poll.
    pub now: Time,
    /// The rules to match this with.
    pub ruleset: Arc<Ruleset>,
    /// When the reader had it, on the monotonic clock, for latency figures only.
    pub read_at: u64,
}

/// A frame and what it carries.
pub struct Item {
    /// The frame; of a reassembled packet, the frame that completed it, its block and span being
    /// those of the whole packet.
    pub frame: Frame,
    /// What it carries, or why it cannot be read.
    pub packet: Result<Packet, DecodeIssue>,
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
