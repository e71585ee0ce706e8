//! A ring between the kernel and us: one writes, the other reads, each moves its own index.

#![expect(unsafe_code, reason = "memory shared with the kernel")]

use std::io;
use std::marker::PhantomData;
use std::os::fd::BorrowedFd;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

/// A ring of entries of one type.
pub(super) struct Ring<T> {
    map: NonNull<u8>,
    len: usize,
    producer: NonNull<u8>,
    consumer: NonNull<u8>,
    entries: NonNull<u8>,
    /// Entries, a power of two.
    size: u32,
    /// Our own index.
    own: u32,
    of: PhantomData<T>,
}

// SAFETY: the mapping belongs to the process, not to a thread; one thread at a time moves `own`.
unsafe impl<T: Entry> Send for Ring<T> {}

/// What may lie in a ring: any bytes are a value of it.
pub(super) trait Entry: Copy {}

/// An address of the fill ring.
impl Entry for u64 {}

/// Address, length, options.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(super) struct Descriptor {
    pub(super) address: u64,
    pub(super) len: u32,
    pub(super) options: u32,
}

impl Entry for Descriptor {}

/// Where the parts of a ring are: producer, consumer, entries, flags.
pub(super) type Places = [u64; 4];

impl<T: Entry> Ring<T> {
    /// Maps a ring of a socket, which has so many entries.
    pub(super) fn new(
        socket: BorrowedFd<'_>,
        page_offset: u64,
        places: Places,
        size: u32,
    ) -> io::Result<Self> {
        let place = |n: u64| usize::try_from(n).map_err(|_| io::ErrorKind::InvalidData);
        let [producer, consumer, entries, _flags] = places;
        let (producer, consumer, entries) = (place(producer)?, place(consumer)?, place(entries)?);
        let count = usize::try_from(size).unwrap_or(usize::MAX);
        let behind = entries.saturating_add(count.saturating_mul(size_of::<T>()));
        let len = behind
            .max(producer.saturating_add(4))
            .max(consumer.saturating_add(4));
        let protection = ProtFlags::READ | ProtFlags::WRITE;
        let flags = MapFlags::SHARED | MapFlags::POPULATE;
        // SAFETY: a new mapping at an address of the kernel's choice touches nothing of ours.
        let map = unsafe { mmap(ptr::null_mut(), len, protection, flags, socket, page_offset) }?;
        let map: NonNull<u8> = NonNull::new(map.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
        // SAFETY: within the mapping, which was made to hold all three.
        let at = |offset| unsafe { map.add(offset) };
        let mut ring = Self {
            map,
            len,
            producer: at(producer),
            consumer: at(consumer),
            entries: at(entries),
            size,
            own: 0,
            of: PhantomData,
        };
        ring.own = ring.consumer().load(Ordering::Relaxed);
        Ok(ring)
    }

    fn producer(&self) -> &AtomicU32 {
        // SAFETY: within the mapping and aligned, as the kernel lays it out; written whole.
        unsafe { AtomicU32::from_ptr(self.producer.cast().as_ptr()) }
    }

    fn consumer(&self) -> &AtomicU32 {
        // SAFETY: as above.
        unsafe { AtomicU32::from_ptr(self.consumer.cast().as_ptr()) }
    }

    fn entry(&self, index: u32) -> NonNull<T> {
        let at = usize::try_from(index & self.size.wrapping_sub(1)).unwrap_or(0);
        // SAFETY: below `size`, so within the mapping.
        unsafe { self.entries.cast().add(at) }
    }

    /// How many entries there are to read.
    pub(super) fn readable(&self) -> u32 {
        let there = self
            .producer()
            .load(Ordering::Acquire)
            .wrapping_sub(self.own);
        there.min(self.size)
    }

    /// How much of it is full, in percent.
    pub(super) fn backlog(&self) -> u8 {
        let percent = u64::from(self.readable()) * 100 / u64::from(self.size.max(1));
        u8::try_from(percent).unwrap_or(100)
    }

    /// Reads the entry that is so far ahead; it must be one of [`Self::readable`].
    pub(super) fn read(&self, ahead: u32) -> T {
        let entry = self.entry(self.own.wrapping_add(ahead));
        // SAFETY: aligned and within the mapping; the kernel wrote it before it moved its index.
        unsafe { entry.read() }
    }

    /// Gives so many entries that were read back.
    pub(super) fn consume(&mut self, count: u32) {
        self.own = self.own.wrapping_add(count);
        self.consumer().store(self.own, Ordering::Release);
    }

    /// Writes an entry, if there is room; [`Self::publish`] shows it.
    pub(super) fn write(&mut self, value: T) -> bool {
        let used = self
            .own
            .wrapping_sub(self.consumer().load(Ordering::Acquire));
        if used >= self.size {
            return false;
        }
        let entry = self.entry(self.own);
        // SAFETY: aligned and within the mapping; the kernel reads it when our index has moved.
        unsafe { entry.write(value) };
        self.own = self.own.wrapping_add(1);
        true
    }

    /// Shows the kernel what was written.
    pub(super) fn publish(&self) {
        self.producer().store(self.own, Ordering::Release);
    }
}

impl<T> Drop for Ring<T> {
    fn drop(&mut self) {
        // SAFETY: nothing borrows from it but methods. It fails for no range that was mapped.
        let unmapped = unsafe { munmap(self.map.as_ptr().cast(), self.len) };
        debug_assert!(unmapped.is_ok(), "{unmapped:?}");
    }
}
