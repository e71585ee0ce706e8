//! Memory for frames, in chunks: with the kernel, lent to whoever looks at a frame, or free.

#![expect(unsafe_code, reason = "memory shared with the kernel")]

use std::io;
use std::ptr::{self, NonNull};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mmap_anonymous, munmap};

use crate::batch::Lent;

/// Bytes of a chunk: a page, the most that every driver takes. A frame and the room that the
/// kernel wants before it must fit.
pub(super) const CHUNK: usize = 4096;

/// Chunks of one socket.
pub(super) struct Umem {
    start: NonNull<u8>,
    chunks: usize,
    /// A bit for each chunk that nobody has.
    free: Box<[AtomicU64]>,
}

// SAFETY: the mapping belongs to the process, not to a thread.
unsafe impl Send for Umem {}
// SAFETY: a chunk is read only through the run that it is lent in, and who has it is told by
// atomics.
unsafe impl Sync for Umem {}

/// Chunks behind each other with frames in them, lent until it is dropped.
pub(super) struct Run {
    umem: Arc<Umem>,
    first: usize,
    count: usize,
    /// Where in these chunks frames are, and how long.
    frames: Vec<(u32, u32)>,
}

impl Umem {
    /// So many chunks, a power of two, all free.
    pub(super) fn new(chunks: usize) -> io::Result<Self> {
        let protection = ProtFlags::READ | ProtFlags::WRITE;
        let (len, flags) = (chunks * CHUNK, MapFlags::PRIVATE);
        // SAFETY: a new mapping at an address of the kernel's choice touches nothing of ours.
        let start = unsafe { mmap_anonymous(ptr::null_mut(), len, protection, flags) }?;
        // Each frame is in a page of its own, so that looking at frames is looking pages up, unless
        // they are huge ones. Where there are none, small ones do.
        for advice in [Advice::LinuxHugepage, Advice::LinuxPopulateWrite] {
            // SAFETY: the whole of our own mapping; what it holds stays as it is.
            let _advised = unsafe { madvise(start, len, advice) };
        }
        let start = NonNull::new(start.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
        let mut free: Vec<AtomicU64> = Vec::with_capacity(chunks.div_ceil(64));
        let mut left = chunks;
        while left > 0 {
            let bits = left.min(64);
            free.push(AtomicU64::new(u64::MAX >> (64 - bits)));
            left = left.saturating_sub(bits);
        }
        Ok(Self {
            start,
            chunks,
            free: free.into(),
        })
    }

    pub(super) const fn len(&self) -> usize {
        self.chunks.saturating_mul(CHUNK)
    }

    pub(super) fn address(&self) -> usize {
        self.start.as_ptr().addr()
    }

    /// Takes all chunks that nobody has, the lowest first, so that neighbours stay together.
    pub(super) fn take_free(&self, mut give: impl FnMut(u64)) {
        for (word, base) in self.free.iter().zip((0_u64..).step_by(64)) {
            if word.load(Ordering::Relaxed) == 0 {
                continue;
            }
            let mut bits = word.swap(0, Ordering::Acquire);
            while bits != 0 {
                give(base + u64::from(bits.trailing_zeros()));
                bits &= bits - 1;
            }
        }
    }

    /// Chunks that nobody has any more.
    fn give_back(&self, first: usize, count: usize) {
        let (mut at, end) = (first, first.saturating_add(count));
        while let Some(left) = end.checked_sub(at).filter(|left| *left > 0) {
            let bits = left.min(64 - at % 64);
            let mask = u64::MAX >> (64 - bits) << (at % 64);
            if let Some(word) = self.free.get(at / 64) {
                word.fetch_or(mask, Ordering::Release);
            }
            at = at.saturating_add(bits);
        }
    }

    /// Bytes of a chunk that the kernel filled and that was not given back yet.
    pub(super) fn bytes(&self, chunk: usize, offset: usize, len: usize) -> Option<&[u8]> {
        let fits = chunk < self.chunks && offset.checked_add(len)? <= CHUNK;
        if !fits {
            return None;
        }
        // SAFETY: within the memory, as was just seen.
        let start = unsafe { self.start.add(chunk * CHUNK + offset) };
        // SAFETY: the kernel leaves it alone until it is given back.
        Some(unsafe { std::slice::from_raw_parts(start.as_ptr(), len) })
    }

    /// A chunk that the kernel filled cannot be used after all.
    pub(super) fn drop_chunk(&self, chunk: usize) {
        self.give_back(chunk, 1);
    }
}

impl Drop for Umem {
    fn drop(&mut self) {
        // SAFETY: runs hold the memory, so nobody borrows from it any more; the kernel has pages of
        // its own hold on. It fails for no range that was mapped.
        let unmapped = unsafe { munmap(self.start.as_ptr().cast(), self.len()) };
        debug_assert!(unmapped.is_ok(), "{unmapped:?}");
    }
}

impl Run {
    /// A run that begins with a chunk of the kernel's that has a frame in it.
    pub(super) const fn new(umem: Arc<Umem>, first: usize) -> Self {
        Self {
            umem,
            first,
            count: 0,
            frames: Vec::new(),
        }
    }

    /// Adds the frame at an address, if its chunk is the next one; says whether.
    pub(super) fn add(&mut self, chunk: usize, offset: usize, len: usize) -> bool {
        let fits = chunk < self.umem.chunks && offset.saturating_add(len) <= CHUNK;
        if !fits || self.first.checked_add(self.count) != Some(chunk) {
            return false;
        }
        let at = u32::try_from(self.count.saturating_mul(CHUNK).saturating_add(offset));
        let (Ok(at), Ok(len)) = (at, u32::try_from(len)) else {
            return false;
        };
        self.count = self.count.saturating_add(1);
        self.frames.push((at, len));
        true
    }

    /// Where frames are, and how long.
    pub(super) fn frames(&self) -> impl Iterator<Item = (u32, u32)> + '_ {
        self.frames.iter().copied()
    }
}

// SAFETY: the first chunk is one of the memory's, as `add` saw, and so are the others; the kernel
// leaves them alone until they are given back.
unsafe impl Lent for Run {
    fn memory(&self) -> NonNull<[u8]> {
        let first = self.first.min(self.umem.chunks) * CHUNK;
        // SAFETY: within the memory.
        let start = unsafe { self.umem.start.add(first) };
        NonNull::slice_from_raw_parts(start, self.count * CHUNK)
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        self.umem.give_back(self.first, self.count);
    }
}
