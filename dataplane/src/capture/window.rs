//! A view that slides over a byte source, block by block.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read};

use crate::batch::Block;
use crate::capture::Batch;
use crate::capture::blocks::{BLOCK_BYTES, Pool};
use crate::capture::mapped::Mapped;
use crate::capture::strides::Strides;
use crate::prefetch;

/// Bytes of one read of a stream, so that what is in flight stays in the cache: larger costs
/// cache, smaller costs system calls. `benches/README.md` has the figures.
const READ_BYTES: usize = BLOCK_BYTES / 2;
/// Bytes of a record of which the first says where the next one is.
const RECORD_HEAD: usize = 16;

/// The view.
#[derive(Debug)]
pub(crate) struct Window {
    pool: Pool,
    /// Pieces of a file that others may still have: it is unmapped here and not by who works on
    /// its frames.
    passed: VecDeque<Block>,
    /// The block under the view; none before the first refill.
    block: Option<Block>,
    /// `at <= filled <=` the block's length.
    at: usize,
    filled: usize,
    /// Offset in the source of the block's first byte.
    base: u64,
    strides: Strides,
    /// Index of the block in the batch being filled, once a frame of it is there.
    attached: Option<u16>,
}

impl Window {
    pub(crate) const fn new() -> Self {
        Self {
            pool: Pool::new(BLOCK_BYTES),
            passed: VecDeque::new(),
            block: None,
            at: 0,
            filled: 0,
            base: 0,
            strides: Strides::new(),
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

    /// What is at hand and not yet consumed.
    pub(crate) fn bytes(&self) -> &[u8] {
        let len = self.filled.saturating_sub(self.at);
        let block = self.block.as_ref();
        block
            .and_then(|block| block.get(self.at, len))
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

    /// Consumes a record, and asks for the header of one to come.
    #[inline]
    pub(crate) fn pass(&mut self, bytes: usize) {
        self.skip(bytes as u64);
        let Self {
            block,
            at,
            filled,
            strides,
            ..
        } = self;
        strides.passed(u32::try_from(bytes).unwrap_or(0), |distance| {
            let soon = at.saturating_add(distance);
            let left = filled.saturating_sub(soon).min(RECORD_HEAD);
            let header = block.as_ref().and_then(|block| block.get(soon, left));
            prefetch::line(header.unwrap_or_default());
        });
    }

    /// Reads on: the unconsumed tail moves to the start of a block that nobody else has, and the
    /// source is read behind it. Says whether anything came.
    ///
    /// # Errors
    /// [`ErrorKind::WouldBlock`] where more may come later.
    pub(crate) fn refill(&mut self, from: &mut dyn Read) -> io::Result<bool> {
        let mut next = self.pool.take();
        let tail = self.bytes();
        let kept = tail.len();
        let room = next.writable();
        if let Some(start) = room.get_mut(..kept) {
            start.copy_from_slice(tail);
        }
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
        self.base = self.offset();
        self.release();
        (self.at, self.filled) = (0, filled);
        self.block = Some(next);
        match failed {
            // What came before the failure is looked at first; the failure comes again.
            Some(e) if filled == kept => Err(e),
            _ => Ok(filled > kept),
        }
    }

    /// Goes on in a file that is mapped: nothing moves. Says whether there is more of it.
    ///
    /// # Errors
    /// What cannot be mapped.
    pub(crate) fn remap(&mut self, file: &Mapped) -> io::Result<bool> {
        let (offset, end) = (self.offset(), self.end());
        if end >= file.len() {
            return Ok(false);
        }
        let (piece, before) = file.piece(offset)?;
        self.release();
        self.base = offset.saturating_sub(before as u64);
        (self.at, self.filled) = (before, piece.len());
        self.block = Some(piece);
        file.count(self.end().saturating_sub(end));
        Ok(true)
    }

    /// Offset in the source of the first byte that is not at hand yet.
    pub(crate) const fn end(&self) -> u64 {
        self.base.saturating_add(self.filled as u64)
    }

    /// Index in the batch of the block under the view.
    pub(crate) fn attach(&mut self, batch: &mut Batch) -> u16 {
        if let Some(index) = self.attached {
            return index;
        }
        let index = u16::try_from(batch.blocks.len()).unwrap_or(u16::MAX);
        if let Some(block) = &self.block {
            batch.blocks.push(block.clone());
        }
        self.attached = Some(index);
        index
    }

    fn release(&mut self) {
        self.attached = None;
        match self.block.take() {
            Some(block) if block.is_own() => self.pool.put(block),
            Some(piece) => self.passed.push_back(piece),
            None => {}
        }
        while self.passed.front().is_some_and(Block::is_free) {
            self.passed.pop_front();
        }
    }
}
