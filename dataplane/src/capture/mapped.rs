//! A capture file looked at where the system keeps it: nothing is copied, and payload that nobody
//! looks at is never touched.
//!
//! Memory that is a file changes when the file does, and is gone when it is cut. So a file is
//! mapped only under a read lease (fcntl(2), `F_SETLEASE`): the system gives one while nobody may
//! write the file, and makes whoever wants to write it wait until the lease is given back. That
//! happens as soon as it is asked for and the last frame is through; the rest is read.
//!
//! The system waits `/proc/sys/fs/lease-break-time` seconds (45), then takes the lease by force. No
//! more than a queue's worth of frames is out at a time, which is through in far less; but while the
//! whole process stands still for longer (a terminal's Ctrl-Z, a debugger) somebody may cut the file
//! under frames that are still out: what is gone then reads as zeros ([`gone`]).
#![expect(
    unsafe_code,
    reason = "a mapping is memory that the compiler does not know"
)]

use std::fs::File;
use std::io::{self, Seek, SeekFrom};
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::ptr::{self, NonNull};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mmap, munmap};

use crate::batch::{Block, Lent};
use crate::capture::compressed::{Input, Wrapping};
use crate::capture::gone::{self, Watched};

/// Bytes of a page as large as they come: aligned so, the system maps what it keeps in one piece
/// with one entry.
const LARGE_PAGE: u64 = 2 << 20;

/// Bytes mapped at a time.
const PIECE_BYTES: u64 = 4 * LARGE_PAGE;

/// Says by which signal (linux/fcntl.h).
const F_SETSIG: libc::c_int = 10;

/// Shorter files are read: mapping costs more than it saves.
const FILE_BYTES_MIN: u64 = LARGE_PAGE;

/// A file that nobody writes while this or a piece of it is there.
pub(crate) struct Mapped {
    lease: Arc<Lease>,
    len: u64,
    /// Where the bytes mapped are told.
    read: Arc<AtomicU64>,
    /// Pages of files that were gone before.
    gone: u64,
}

impl Mapped {
    /// Gives the file back where it cannot be had so: it is short or compressed, somebody may
    /// write it, it is another user's, or its file system knows no leases.
    pub(crate) fn of(file: File, read: &Arc<AtomicU64>) -> Result<Self, File> {
        let mut magic = [0; 4];
        let plain =
            file.read_exact_at(&mut magic, 0).is_ok() && Wrapping::of(&magic) == Wrapping::None;
        if !plain || length(&file) < FILE_BYTES_MIN {
            return Err(file);
        }
        let lease = Lease::of(file)?;
        Ok(Self {
            // Nobody changes it from here on.
            len: length(&lease.0),
            lease: Arc::new(lease),
            read: Arc::clone(read),
            gone: gone::pages(),
        })
    }

    /// The bytes from an offset on, with some before it, and how many these are. More than any
    /// record has, unless the file ends.
    ///
    /// # Errors
    /// What cannot be mapped, or not any more since somebody wants to write it: it can be read.
    pub(crate) fn piece(&self, offset: u64) -> io::Result<(Block, usize)> {
        if !self.lease.is_held() {
            return Err(io::ErrorKind::ResourceBusy.into());
        }
        let start = offset - offset % LARGE_PAGE;
        let len = self.len.saturating_sub(start).min(PIECE_BYTES);
        let piece = Piece::map(&self.lease, start, usize::try_from(len).unwrap_or(0))?;
        let before = usize::try_from(offset.saturating_sub(start)).unwrap_or(usize::MAX);
        Ok((Block::lent(Arc::new(piece)), before))
    }

    /// # Errors
    /// It was cut under frames that were out.
    pub(crate) fn is_whole(&self) -> io::Result<()> {
        if gone::pages() > self.gone {
            return Err(io::Error::other("somebody cut the file while it was read"));
        }
        Ok(())
    }

    /// Bytes of it.
    pub(crate) const fn len(&self) -> u64 {
        self.len
    }

    /// Tells that so many bytes more are at hand.
    pub(crate) fn count(&self, bytes: u64) {
        self.read.fetch_add(bytes, Ordering::Relaxed);
    }

    /// The file from an offset on, to be read.
    ///
    /// # Errors
    /// It was cut under frames that were out, or the system's.
    pub(crate) fn stream(&self, offset: u64) -> io::Result<Input> {
        self.is_whole()?;
        let mut file = Arc::clone(&self.lease.0);
        file.seek(SeekFrom::Start(offset))?;
        Ok(Input::Stream(Box::new(file)))
    }
}

/// What a file's length is; 0 of what has none.
fn length(file: &File) -> u64 {
    file.metadata()
        .map_or(0, |about| if about.is_file() { about.len() } else { 0 })
}

/// A read lease on an open file, given back at the end.
struct Lease(Arc<File>);

impl Lease {
    fn of(file: File) -> Result<Self, File> {
        // Whoever wants to write is told of by a signal, which would end us: one that nobody
        // minds instead. We ask before each piece.
        let quiet = ask(&file, F_SETSIG, libc::SIGURG) == 0;
        if quiet && ask(&file, libc::F_SETLEASE, libc::F_RDLCK) == 0 {
            Ok(Self(Arc::new(file)))
        } else {
            Err(file)
        }
    }

    fn is_held(&self) -> bool {
        ask(&self.0, libc::F_GETLEASE, 0) == libc::F_RDLCK
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        ask(&self.0, libc::F_SETLEASE, libc::F_UNLCK);
    }
}

/// Asks the system something about an open file that takes a number.
fn ask(file: &File, what: libc::c_int, number: libc::c_int) -> libc::c_int {
    // SAFETY: of these, none touches memory.
    unsafe { libc::fcntl(file.as_raw_fd(), what, number) }
}

/// A piece of a file in memory.
struct Piece {
    start: NonNull<u8>,
    len: usize,
    watched: Option<Watched>,
    /// Keeps the bytes as they are.
    _lease: Arc<Lease>,
}

// SAFETY: the memory is only read, and nobody writes the file while the lease is held.
unsafe impl Send for Piece {}
// SAFETY: as above.
unsafe impl Sync for Piece {}

impl Piece {
    fn map(lease: &Arc<Lease>, offset: u64, len: usize) -> io::Result<Self> {
        // SAFETY: a new range, wherever the system likes.
        let start = unsafe {
            mmap(
                ptr::null_mut(),
                len,
                ProtFlags::READ,
                MapFlags::SHARED,
                &lease.0,
                offset,
            )
        }?;
        let start = NonNull::new(start.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
        let piece = Self {
            start,
            len,
            watched: Watched::new(start.as_ptr().expose_provenance(), len),
            _lease: Arc::clone(lease),
        };
        if piece.watched.is_none() {
            return Err(io::ErrorKind::QuotaExceeded.into());
        }
        // Reads what is not there yet, so that an error of the disk is an error here.
        // SAFETY: the range was just mapped.
        unsafe { madvise(start.as_ptr().cast(), len, Advice::LinuxPopulateRead) }?;
        Ok(piece)
    }
}

// SAFETY: mapped to the last byte of the file at most, until this is dropped, and unchanged.
unsafe impl Lent for Piece {
    fn memory(&self) -> NonNull<[u8]> {
        NonNull::slice_from_raw_parts(self.start, self.len)
    }
}

impl Drop for Piece {
    fn drop(&mut self) {
        self.watched = None;
        // SAFETY: nothing borrows from it any more. It fails for no range that was mapped.
        let unmapped = unsafe { munmap(self.start.as_ptr().cast(), self.len) };
        debug_assert!(unmapped.is_ok(), "{unmapped:?}");
    }
}
