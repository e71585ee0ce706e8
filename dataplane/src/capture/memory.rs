//! Frames from memory as a source, for tests and benchmarks.

use std::collections::VecDeque;

use parsers::time::Time;

use crate::batch::{Frame, LinkType};
use crate::capture::blocks::{BATCH_FRAMES_MAX, BLOCK_BYTES, FRAME_BYTES_MAX, Pool};
use crate::capture::clock::Clock;
use crate::capture::{Batch, CaptureError, Fill, Losses, Source};

/// A frame in memory.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Stored {
    /// Time stamp.
    pub time: Time,
    /// What was captured.
    pub bytes: Vec<u8>,
    /// Bytes on the wire; as captured if that is more.
    pub wire_len: u32,
    /// What the first header is.
    pub link: LinkType,
    /// VLAN tag told beside the frame.
    pub vlan: Option<u16>,
}

impl Stored {
    /// An Ethernet frame, whole.
    #[must_use]
    pub const fn ethernet(time: Time, bytes: Vec<u8>) -> Self {
        Self {
            time,
            bytes,
            wire_len: 0,
            link: LinkType::ETHERNET,
            vlan: None,
        }
    }
}

/// Gives frames that somebody made.
#[derive(Debug)]
pub struct Memory {
    frames: VecDeque<Stored>,
    pool: Pool,
    clock: Clock,
    per_batch: usize,
    names: [String; 1],
}

impl Memory {
    /// These frames, in this order.
    #[must_use]
    pub fn new(frames: impl IntoIterator<Item = Stored>) -> Self {
        Self::in_batches(frames, BATCH_FRAMES_MAX)
    }

    /// The same, so many at a time: results must not depend on it.
    #[must_use]
    pub fn in_batches(frames: impl IntoIterator<Item = Stored>, per_batch: usize) -> Self {
        Self {
            frames: frames.into_iter().collect(),
            pool: Pool::new(BLOCK_BYTES),
            clock: Clock::default(),
            per_batch: per_batch.max(1),
            names: [String::new()],
        }
    }
}

impl Source for Memory {
    fn fill(&mut self, batch: &mut Batch) -> Result<Fill, CaptureError> {
        if self.frames.is_empty() {
            batch.now = self.clock.now();
            return Ok(Fill::End);
        }
        let mut block = self.pool.take();
        let mut room = block.writable();
        let mut offset = 0_usize;
        while batch.frames.len() < self.per_batch {
            let Some(stored) = self.frames.front() else {
                break;
            };
            let bytes = stored.bytes.get(..FRAME_BYTES_MAX).unwrap_or(&stored.bytes);
            let Some((place, rest)) = room.split_at_mut_checked(bytes.len()) else {
                break;
            };
            place.copy_from_slice(bytes);
            room = rest;
            let (no, now) = self.clock.frame(stored.time);
            let len = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
            batch.frames.push(Frame {
                no,
                time: stored.time,
                now,
                block: 0,
                offset: u32::try_from(offset).unwrap_or(u32::MAX),
                len,
                wire_len: stored.wire_len.max(len),
                link: stored.link,
                interface: 0,
                vlan: stored.vlan,
            });
            offset = offset.saturating_add(bytes.len());
            self.frames.pop_front();
        }
        batch.blocks.push(block.clone());
        self.pool.put(block);
        batch.now = self.clock.now();
        Ok(Fill::More)
    }

    fn interfaces(&self) -> &[String] {
        &self.names
    }

    fn losses(&mut self) -> Losses {
        Losses::default()
    }
}
