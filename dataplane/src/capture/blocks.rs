//! Blocks: big pieces of memory that frames borrow from, recycled when nobody looks any more.
//!
//! A block is written by one source while nobody else has it, then shared, then only read. When
//! the pool's own handle is the last one, it is written again. No frame is ever copied but the
//! tail of a block that is the beginning of a frame.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read};
use std::sync::Arc;

use crate::batch::Block;
use crate::capture::Batch;

/// Bytes of a block: the longest record that a file may have must fit.
pub const BLOCK_BYTES: usize = 1 << 20;

/// Bytes of one read of a file, so that what is in flight stays in the cache: larger costs cache,
/// smaller costs system calls. `benches/README.md` has the figures.
pub const READ_BYTES: usize = 512 * 1024;

/// The most bytes of a frame: what libpcap takes for the largest sensible snap length. More in a
/// file's header is damage, not a frame.
pub const FRAME_BYTES_MAX: usize = 256 * 1024;

/// The most frames of one batch, so that workers get going before a block of small frames is
/// through, and so that a batch's frames stay in the cache.
pub const BATCH_FRAMES_MAX: usize = 1024;

/// Blocks of one size, recycled. It grows to what is in flight at once, which the bounded queues
/// behind it bound.
#[derive(Debug)]
pub struct Pool {
    blocks: VecDeque<Block>,
    size: usize,
}

impl Pool {
    /// A pool of blocks of this many bytes.
    #[must_use]
    pub const fn new(size: usize) -> Self {
        Self {
            blocks: VecDeque::new(),
            size,
        }
    }

    /// A block that nobody else has, so that [`writable`] gives its bytes.
    pub fn take(&mut self) -> Block {
        // The oldest is at the front and most likely free.
        let free = self.blocks.iter().position(|b| Arc::strong_count(b) == 1);
        free.and_then(|at| self.blocks.swap_remove_front(at))
            .unwrap_or_else(|| std::iter::repeat_n(0, self.size).collect())
    }

    /// Remembers a block that others may still have, for later.
    pub fn put(&mut self, block: Block) {
        self.blocks.push_back(block);
    }

    /// Bytes of a block.
    #[must_use]
    pub const fn size(&self) -> usize {
        self.size
    }
}

/// The bytes of a block that nobody else has; none if somebody has.
pub fn writable(block: &mut Block) -> &mut [u8] {
    Arc::get_mut(block).unwrap_or_default()
}

/// A view that slides over a byte source, block by block.
#[derive(Debug)]
pub(crate) struct Window {
    pool: Pool,
    /// The block under the view; none before the first refill.
    block: Option<Block>,
    /// `at <= filled <=` the block's length.
    at: usize,
    filled: usize,
    /// Offset in the source of the block's first byte.
    base: u64,
    /// Index of the block in the batch being filled, once a frame of it is there.
    attached: Option<u16>,
}

impl Window {
    pub(crate) const fn new(pool: Pool) -> Self {
        Self {
            pool,
            block: None,
            at: 0,
            filled: 0,
            base: 0,
            attached: None,
        }
    }

    /// Starts another source: nothing of the last one is left.
    pub(crate) fn restart(&mut self) {
        self.at = 0;
        self.filled = 0;
        self.base = 0;
        self.release();
    }

    /// Starts another batch.
    pub(crate) const fn next_batch(&mut self) {
        self.attached = None;
    }

    /// What is read and not yet consumed.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.block
            .as_deref()
            .and_then(|b| b.get(self.at..self.filled))
            .unwrap_or_default()
    }

    /// Offset in the source of the first byte of [`Self::bytes`].
    pub(crate) const fn offset(&self) -> u64 {
        self.base.saturating_add(self.at as u64)
    }

    /// Offset in its block of the first byte of [`Self::bytes`].
    pub(crate) const fn at(&self) -> usize {
        self.at
    }

    /// Consumes as much of `bytes` as there is; says how much is left to consume.
    pub(crate) fn skip(&mut self, bytes: u64) -> u64 {
        let here = (self.filled.saturating_sub(self.at) as u64).min(bytes);
        self.at = self
            .at
            .saturating_add(usize::try_from(here).unwrap_or(usize::MAX));
        bytes.saturating_sub(here)
    }

    /// Reads on: the unconsumed tail moves to the start of a block that nobody else has, and the
    /// source is read behind it. Says whether anything came.
    pub(crate) fn refill(&mut self, from: &mut dyn Read) -> std::io::Result<bool> {
        let mut next = self.pool.take();
        let tail = self.bytes();
        let kept = tail.len();
        let room = writable(&mut next);
        if let Some(start) = room.get_mut(..kept) {
            start.copy_from_slice(tail);
        }
        self.base = self.offset();
        self.release();
        let until = kept.saturating_add(READ_BYTES).min(room.len());
        let room = room.get_mut(..until).unwrap_or_default();
        let mut filled = kept;
        let mut failed = None;
        while let Some(rest) = room.get_mut(filled..).filter(|r| !r.is_empty()) {
            match from.read(rest) {
                Ok(0) => break,
                Ok(n) => filled = filled.saturating_add(n),
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => {
                    failed = Some(e);
                    break;
                }
            }
        }
        self.block = Some(next);
        self.at = 0;
        self.filled = filled;
        match failed {
            // What came before the failure is looked at first; the failure comes again.
            Some(e) if filled == kept => Err(e),
            _ => Ok(filled > kept),
        }
    }

    /// Index in the batch of the block under the view.
    pub(crate) fn attach(&mut self, batch: &mut Batch) -> u16 {
        if let Some(index) = self.attached {
            return index;
        }
        let index = u16::try_from(batch.blocks.len()).unwrap_or(u16::MAX);
        if let Some(block) = &self.block {
            batch.blocks.push(Arc::clone(block));
        }
        self.attached = Some(index);
        index
    }

    fn release(&mut self) {
        self.attached = None;
        if let Some(block) = self.block.take() {
            self.pool.put(block);
        }
    }
}
