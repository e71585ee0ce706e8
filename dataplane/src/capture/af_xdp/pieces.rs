//! A frame that takes more than a chunk: the kernel gives it in pieces, which lie apart. They are
//! copied together, and their chunks are free again at once.

#![expect(unsafe_code, reason = "memory that a batch borrows")]

use std::ptr::NonNull;

use super::umem::Umem;
use crate::batch::Lent;
use crate::capture::blocks::FRAME_BYTES_MAX;

/// Pieces of one frame, in order.
#[derive(Default)]
pub(super) struct Joined {
    bytes: Vec<u8>,
    /// Bytes of all pieces, those beyond [`FRAME_BYTES_MAX`] included.
    len: usize,
}

impl Joined {
    /// Whether there is no piece yet.
    pub(super) const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Adds the piece in a chunk of the kernel's, and gives the chunk back.
    pub(super) fn add(&mut self, umem: &Umem, chunk: usize, offset: usize, len: usize) {
        let piece = umem.bytes(chunk, offset, len).unwrap_or_default();
        let room = FRAME_BYTES_MAX.saturating_sub(self.bytes.len());
        let kept = piece.get(..room).unwrap_or(piece);
        if self.bytes.is_empty() {
            self.bytes.reserve(JUMBO);
        }
        self.bytes.extend_from_slice(kept);
        // Never 0, so that there is something to go on with.
        self.len = self.len.saturating_add(len.max(1));
        umem.drop_chunk(chunk);
    }

    /// How many bytes are kept, and how many there were.
    pub(super) fn lens(&self) -> (u32, u32) {
        let of = |len| u32::try_from(len).unwrap_or(u32::MAX);
        (of(self.bytes.len()), of(self.len))
    }
}

// SAFETY: the bytes are this one's own, and nothing changes them once it is shared.
unsafe impl Lent for Joined {
    fn memory(&self) -> NonNull<[u8]> {
        NonNull::from(self.bytes.as_slice())
    }
}

/// What most frames that take more than a chunk fit into.
const JUMBO: usize = 10 << 10;
