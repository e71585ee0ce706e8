//! Blocks: big pieces of memory that frames borrow from, recycled when nobody looks any more.
//!
//! A block is written by one source while nobody else has it, then shared, then only read. When
//! the pool's own handle is the last one, it is written again. No frame is ever copied but the
//! tail of a block that is the beginning of a frame.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::batch::Block;

/// Bytes of a block: the longest record that a file may have must fit. A fuzzer's files are small,
/// and are to reach past a block too.
pub const BLOCK_BYTES: usize = if cfg!(fuzzing) { 4 << 10 } else { 1 << 20 };

/// The most bytes of a frame: what libpcap takes for the largest sensible snap length. More in a
/// file's header is damage, not a frame.
pub const FRAME_BYTES_MAX: usize = BLOCK_BYTES / 4;

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

    /// A block that nobody else has, so that it can be written.
    pub fn take(&mut self) -> Block {
        // The oldest is at the front and most likely free.
        let free = self.blocks.iter().position(Block::is_free);
        free.and_then(|at| self.blocks.swap_remove_front(at))
            .unwrap_or_else(|| Block::own(zeros(self.size)))
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

/// Zeros that the system gives: a page that is never written never becomes memory, and none is
/// written twice.
#[expect(
    unsafe_code,
    reason = "the library has no safe way to such zeros in an Arc"
)]
fn zeros(len: usize) -> Arc<[u8]> {
    let zeros = Arc::<[u8]>::new_zeroed_slice(len);
    // SAFETY: zero is a value of a byte.
    unsafe { zeros.assume_init() }
}
