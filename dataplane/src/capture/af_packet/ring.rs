//! A ring that the kernel fills and we read where it lies (TPACKET_V3).
//!
//! A block belongs to the kernel or to us, as its status says. One that is ours is lent to whoever
//! looks at its frames, and is the kernel's again when the last of them lets go.

#![expect(unsafe_code, reason = "memory shared with the kernel")]

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::ptr::{self, NonNull};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use parsers::time::Time;
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

use super::socket::{Size, Socket, Statistics};
use crate::batch::Lent;
use crate::capture::strides::Strides;
use crate::prefetch;

/// A socket and its ring.
pub(super) struct Ring {
    map: Arc<Map>,
    /// The block that comes next.
    next: usize,
}

struct Map {
    start: NonNull<u8>,
    size: Size,
    /// Which blocks are with somebody.
    lent: Box<[AtomicBool]>,
    socket: Socket,
}

// SAFETY: the mapping belongs to the process, not to a thread.
unsafe impl Send for Map {}
// SAFETY: a block is read by us alone while it is ours, and its status is an atomic.
unsafe impl Sync for Map {}

/// A block that is ours.
pub(super) struct Block {
    map: Arc<Map>,
    at: usize,
    /// Bytes of it that the kernel says it wrote; `len <= size.block`.
    len: usize,
}

/// What the next block is.
pub(super) enum Next {
    Block(Arc<Block>),
    /// The kernel still has it.
    Nothing,
    /// All are with whoever looks at them.
    AllLent,
}

impl Ring {
    /// Maps the ring of a socket.
    pub(super) fn new(socket: Socket, size: Size) -> io::Result<Self> {
        let protection = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: a new mapping at an address of the kernel's choice touches nothing of ours.
        let start = unsafe {
            mmap(
                ptr::null_mut(),
                size.bytes(),
                protection,
                MapFlags::SHARED,
                &socket,
                0,
            )
        }?;
        let start = NonNull::new(start.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
        let map = Map {
            start,
            size,
            lent: (0..size.blocks).map(|_| AtomicBool::new(false)).collect(),
            socket,
        };
        Ok(Self {
            map: Arc::new(map),
            next: 0,
        })
    }

    /// Takes the next block, if the kernel is through with it.
    pub(super) fn take(&mut self) -> Next {
        let at = self.next;
        let Some(lent) = self.map.lent.get(at) else {
            return Next::Nothing;
        };
        if lent.load(Ordering::Acquire) {
            return Next::AllLent;
        }
        if self.map.status(at).load(Ordering::Acquire) & TP_STATUS_USER == 0 {
            return Next::Nothing;
        }
        lent.store(true, Ordering::Relaxed);
        self.next = at.saturating_add(1);
        if self.next >= self.map.size.blocks {
            self.next = 0;
        }
        let mut block = Block {
            map: Arc::clone(&self.map),
            at,
            len: self.map.size.block,
        };
        let used = word(block.bytes(), BLOCK_LEN);
        block.len = block.len.min(usize::try_from(used).unwrap_or(block.len));
        Next::Block(Arc::new(block))
    }

    /// Whether there is something to take, without asking the kernel.
    pub(super) fn is_ready(&self) -> bool {
        self.map.is_free(self.next)
            && self.map.status(self.next).load(Ordering::Acquire) & TP_STATUS_USER != 0
    }

    /// How much of the ring the kernel cannot write to, in percent. What waits for us is looked at
    /// in quarters: each look is at memory of the kernel's.
    pub(super) fn backlog(&self) -> u8 {
        let blocks = self.map.size.blocks.max(1);
        let waits = |quarters: &usize| {
            let ahead = (blocks * quarters / 4).saturating_sub(1);
            let at = (self.next + ahead) % blocks;
            self.map.status(at).load(Ordering::Acquire) & TP_STATUS_USER != 0
                && self.map.is_free(at)
        };
        let quarters = [4, 3, 2, 1].into_iter().find(waits).unwrap_or(0);
        let lent = (0..blocks).filter(|at| !self.map.is_free(*at)).count();
        u8::try_from((quarters * 25 + lent * 100 / blocks).min(100)).unwrap_or(100)
    }

    pub(super) fn statistics(&self) -> Statistics {
        self.map.socket.statistics()
    }

    pub(super) fn socket(&self) -> &Socket {
        &self.map.socket
    }
}

impl AsFd for Ring {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.map.socket.as_fd()
    }
}

impl Map {
    /// Whether a block is with nobody of ours.
    fn is_free(&self, at: usize) -> bool {
        let lent = self.lent.get(at);
        lent.is_some_and(|lent| !lent.load(Ordering::Acquire))
    }

    /// The status word of a block.
    fn status(&self, at: usize) -> &AtomicU32 {
        let offset = at.min(self.size.blocks.saturating_sub(1)) * self.size.block + BLOCK_STATUS;
        // SAFETY: within the mapping, since `at` is one of its blocks and a block is longer.
        let word = unsafe { self.start.add(offset) };
        // SAFETY: aligned, since blocks are whole pages; the kernel and we write it whole.
        unsafe { AtomicU32::from_ptr(word.cast().as_ptr()) }
    }
}

impl Drop for Map {
    fn drop(&mut self) {
        // SAFETY: blocks hold the map, so nobody borrows from it any more. It fails for no range
        // that was mapped.
        let unmapped = unsafe { munmap(self.start.as_ptr().cast(), self.size.bytes()) };
        debug_assert!(unmapped.is_ok(), "{unmapped:?}");
    }
}

impl Block {
    #[inline]
    pub(super) fn bytes(&self) -> &[u8] {
        // SAFETY: `len` is within the block, which the kernel leaves alone until `self` is dropped.
        unsafe { std::slice::from_raw_parts(self.start().as_ptr(), self.len) }
    }

    fn start(&self) -> NonNull<u8> {
        // SAFETY: `at` is one of the map's blocks.
        unsafe { self.map.start.add(self.at * self.map.size.block) }
    }
}

// SAFETY: the kernel leaves the block alone until it is dropped.
unsafe impl Lent for Block {
    fn memory(&self) -> NonNull<[u8]> {
        NonNull::slice_from_raw_parts(self.start(), self.len)
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        let status = self.map.status(self.at);
        status.store(TP_STATUS_KERNEL, Ordering::Release);
        if let Some(lent) = self.map.lent.get(self.at) {
            lent.store(false, Ordering::Release);
        }
    }
}

/// Where the walk through a block is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Walk {
    at: usize,
    left: u32,
}

/// A frame in a block.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Entry {
    pub(super) offset: u32,
    pub(super) len: u32,
    pub(super) wire_len: u32,
    pub(super) time: Time,
    pub(super) vlan: Option<u16>,
    /// Sent by this machine.
    pub(super) outgoing: bool,
    /// Stamped by the adapter.
    pub(super) adapter_stamp: bool,
}

impl Walk {
    /// From the first frame of a block.
    pub(super) fn new(block: &[u8]) -> Self {
        Self {
            at: usize::try_from(word(block, BLOCK_FIRST)).unwrap_or(usize::MAX),
            left: word(block, BLOCK_FRAMES),
        }
    }

    /// The next frame; nothing at the end, or where the block contradicts itself.
    pub(super) fn next(&mut self, block: &[u8], strides: &mut Strides) -> Option<Entry> {
        self.left = self.left.checked_sub(1)?;
        let header: &[u8; HEADER] = block.get(self.at..)?.first_chunk()?;
        let status = word(header, 20);
        let (len, wire_len) = (word(header, 12), word(header, 16));
        let mac = usize::from(half(header, 24));
        let offset = self.at.checked_add(mac)?;
        let end = offset.checked_add(usize::try_from(len).ok()?)?;
        if end > block.len() {
            self.left = 0;
            return None;
        }
        let kind_at = self.at.checked_add(HEADER)?.checked_add(SLL_PKTTYPE)?;
        let entry = Entry {
            offset: u32::try_from(offset).ok()?,
            len,
            wire_len: wire_len.max(len),
            time: Time::new(word(header, 4).into(), word(header, 8)),
            vlan: (status & TP_STATUS_VLAN_VALID != 0).then(|| half(header, 32)),
            outgoing: block.get(kind_at) == Some(&PACKET_OUTGOING),
            adapter_stamp: status & TP_STATUS_TS_RAW_HARDWARE != 0,
        };
        let step = usize::try_from(word(header, 0)).ok()?;
        // The last frame of a block has no next one.
        self.left = if step == 0 { 0 } else { self.left };
        self.at = self.at.checked_add(step)?;
        strides.passed(word(header, 0), |distance| {
            let soon = self.at.saturating_add(distance);
            prefetch::headers(block.get(soon..).unwrap_or_default());
        });
        Some(entry)
    }
}

fn word(bytes: &[u8], at: usize) -> u32 {
    let word = bytes.get(at..).and_then(|bytes| bytes.first_chunk());
    word.copied().map_or(0, u32::from_ne_bytes)
}

fn half(bytes: &[u8], at: usize) -> u16 {
    let half = bytes.get(at..).and_then(|bytes| bytes.first_chunk());
    half.copied().map_or(0, u16::from_ne_bytes)
}

// Places in `struct tpacket_block_desc` of linux/if_packet.h.
const BLOCK_STATUS: usize = 8;
const BLOCK_FRAMES: usize = 12;
const BLOCK_FIRST: usize = 16;
const BLOCK_LEN: usize = 20;

/// Bytes of `struct tpacket3_hdr`, aligned; a `struct sockaddr_ll` follows.
const HEADER: usize = 48;
const SLL_PKTTYPE: usize = 10;
const PACKET_OUTGOING: u8 = 4;

const TP_STATUS_KERNEL: u32 = 0;
const TP_STATUS_USER: u32 = 1;
const TP_STATUS_VLAN_VALID: u32 = 1 << 4;
const TP_STATUS_TS_RAW_HARDWARE: u32 = 1 << 31;

#[cfg(test)]
mod tests {
    use super::*;

    fn block(frames: &[(&[u8], u32, u16)]) -> Vec<u8> {
        let mut out = vec![0; 48];
        for (at, value) in [(BLOCK_FRAMES, frames.len()), (BLOCK_FIRST, 48)] {
            let value = u32::try_from(value).unwrap().to_ne_bytes();
            out[at..at + 4].copy_from_slice(&value);
        }
        for (bytes, status, tci) in frames {
            let start = out.len();
            let mac = HEADER + 20;
            let step = (mac + bytes.len()).next_multiple_of(16);
            out.resize(start + step, 0);
            let len = u32::try_from(bytes.len()).unwrap();
            let words = [(0, u32::try_from(step).unwrap()), (4, 9), (8, 7), (12, len)];
            for (at, value) in words.into_iter().chain([(16, len + 3), (20, *status)]) {
                out[start + at..start + at + 4].copy_from_slice(&value.to_ne_bytes());
            }
            let mac = u16::try_from(mac).unwrap();
            out[start + 24..start + 26].copy_from_slice(&mac.to_ne_bytes());
            out[start + 32..start + 34].copy_from_slice(&tci.to_ne_bytes());
            let at = start + usize::from(mac);
            out[at..at + bytes.len()].copy_from_slice(bytes);
        }
        out
    }

    fn entries(block: &[u8]) -> Vec<Entry> {
        let mut walk = Walk::new(block);
        let mut strides = Strides::new();
        std::iter::from_fn(|| walk.next(block, &mut strides)).collect()
    }

    #[test]
    fn frames_are_found_with_their_tag_and_their_stamp() {
        let block = block(&[(b"one", 1, 5), (b"three", 1 | TP_STATUS_VLAN_VALID, 0x6005)]);
        let found = entries(&block);
        let bytes = |e: &Entry| &block[e.offset as usize..][..e.len as usize];
        assert_eq!(found.len(), 2);
        assert_eq!((bytes(&found[0]), found[0].vlan), (&b"one"[..], None));
        assert_eq!(bytes(&found[1]), b"three");
        assert_eq!(found[1].vlan, Some(0x6005));
        assert_eq!((found[1].wire_len, found[1].time), (8, Time::new(9, 7)));
    }

    #[test]
    fn a_block_that_lies_gives_nothing_outside() {
        let whole = block(&[(b"one", 1, 5), (b"two", 1, 5), (b"three", 1, 5)]);
        for at in 0..whole.len() {
            for value in [0, 1, 0x7f, 0xff] {
                let mut bent = whole.clone();
                bent[at] = value;
                for entry in entries(&bent) {
                    assert!((entry.offset + entry.len) as usize <= bent.len());
                }
            }
            for entry in entries(&whole[..at]) {
                assert!((entry.offset + entry.len) as usize <= at);
            }
        }
    }

    #[test]
    fn rings_share_what_there_is() {
        for (bytes, rings) in [(64 << 20, 1), (64 << 20, 8), (4 << 20, 2), (0, 3)] {
            let size = Size::of(bytes, rings);
            assert!(size.block.is_power_of_two() && size.blocks >= 4);
            assert!(size.bytes() * rings <= bytes.max(rings * (512 << 10)));
        }
    }
}
