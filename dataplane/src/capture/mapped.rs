//! Files as they lie in the page cache: windows of them are mapped, so that not a byte is copied
//! and payload that nobody asks for is never touched.
//!
//! A mapped page whose bytes went away, since somebody cut the file or its disk failed, faults on
//! the first look at it. Such a page is replaced by zeros and counted ([`lost_pages`]); the source
//! then says that the file cannot be read on.

#![expect(
    unsafe_code,
    reason = "mapping files, and surviving those that are cut while they are mapped"
)]

use std::fs::File;
use std::io;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

use crate::batch::{Block, Lent};

/// Maps bytes `from..until` of a file as a block. `from` is a multiple of [`PAGE`], and all of it
/// is brought in at once: a fault for each page costs more than the page.
///
/// # Errors
/// What the system says, or [`WINDOWS_MAX`] windows in use.
pub(crate) fn map(file: &File, from: u64, until: u64) -> io::Result<Block> {
    survive_bus_errors()?;
    let len = usize::try_from(until.saturating_sub(from)).unwrap_or(0);
    if len == 0 {
        return Ok(Block::Own(Arc::from([])));
    }
    let flags = MapFlags::SHARED | MapFlags::POPULATE;
    // SAFETY: a new mapping at an address of the kernel's choice touches nothing of ours.
    let start = unsafe { mmap(ptr::null_mut(), len, ProtFlags::READ, flags, file, from) }?;
    let start = NonNull::new(start).ok_or(io::ErrorKind::OutOfMemory)?;
    let mut window = Window {
        start,
        len,
        slot: None,
    };
    window.slot = Some(Slot::claim(start.as_ptr().addr(), len)?);
    Ok(Block::Lent(Arc::new(window)))
}

/// Granularity of mappings. A multiple of every page size that Linux has on x86 and ARM.
pub(crate) const PAGE: u64 = 64 * 1024;

/// Pages of mapped files that were gone when they were looked at, since the start of the process.
pub(crate) fn lost_pages() -> u64 {
    LOST_PAGES.load(Ordering::Relaxed)
}

struct Window {
    start: NonNull<std::ffi::c_void>,
    len: usize,
    slot: Option<&'static Slot>,
}

// SAFETY: the mapping is read-only and belongs to the process, not to a thread.
unsafe impl Send for Window {}
// SAFETY: as above; all that threads do with it is read.
unsafe impl Sync for Window {}

impl Lent for Window {
    #[inline]
    fn bytes(&self) -> &[u8] {
        // SAFETY: `len` bytes are mapped readable until `self` is dropped; pages that go away are
        // replaced by the handler below.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr().cast(), self.len) }
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        // SAFETY: nobody borrows from it any more. It fails for no range that was mapped.
        let unmapped = unsafe { munmap(self.start.as_ptr(), self.len) };
        debug_assert!(unmapped.is_ok(), "{unmapped:?}");
        if let Some(slot) = self.slot {
            slot.release();
        }
    }
}

/// Windows mapped at a time, of all sources together: bounded by the queues behind them, far
/// below this.
const WINDOWS_MAX: usize = 256;

/// Where the handler finds what is mapped. A slot is free while `start` is 0.
struct Slot {
    start: AtomicUsize,
    len: AtomicUsize,
}

static SLOTS: [Slot; WINDOWS_MAX] = [const {
    Slot {
        start: AtomicUsize::new(0),
        len: AtomicUsize::new(0),
    }
}; WINDOWS_MAX];

static LOST_PAGES: AtomicU64 = AtomicU64::new(0);

impl Slot {
    fn claim(start: usize, len: usize) -> io::Result<&'static Self> {
        let claim = |slot: &&Self| {
            let order = Ordering::AcqRel;
            let claimed = slot
                .start
                .compare_exchange(0, start, order, Ordering::Relaxed);
            claimed.is_ok()
        };
        let slot = SLOTS.iter().find(claim);
        let slot = slot.ok_or_else(|| io::Error::other("too many pieces of files in use"))?;
        slot.len.store(len, Ordering::Release);
        Ok(slot)
    }

    fn release(&self) {
        self.len.store(0, Ordering::Release);
        self.start.store(0, Ordering::Release);
    }

    fn holds(&self, address: usize) -> bool {
        let start = self.start.load(Ordering::Acquire);
        let len = self.len.load(Ordering::Acquire);
        start != 0 && address >= start && address.wrapping_sub(start) < len
    }
}

/// What was done on a bus error before us.
static BEFORE: OnceLock<libc::sigaction> = OnceLock::new();

/// Sees to it, once, that a page which went away under a mapping does not end the process.
fn survive_bus_errors() -> io::Result<()> {
    if BEFORE.get().is_some() {
        return Ok(());
    }
    // SAFETY: all zeros is a valid value of this plain C structure.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = (on_bus_error as extern "C" fn(_, _, _)) as usize;
    action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
    let mut before = action;
    // SAFETY: reads what is set now; both pointers are to live values.
    let read = unsafe { libc::sigaction(libc::SIGBUS, ptr::null(), &raw mut before) };
    if read != 0 {
        return Err(io::Error::last_os_error());
    }
    if BEFORE.set(before).is_err() {
        return Ok(()); // another thread was faster
    }
    // SAFETY: the handler does only what a signal handler may: atomics and system calls.
    let set = unsafe { libc::sigaction(libc::SIGBUS, &raw const action, ptr::null_mut()) };
    if set != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// Puts a page of zeros in the place of one of ours that went away. Any other bus error is left to
/// whoever was there before: the instruction faults again and finds them.
extern "C" fn on_bus_error(
    _signal: libc::c_int,
    info: *mut libc::siginfo_t,
    _context: *mut libc::c_void,
) {
    // SAFETY: the kernel gives a valid structure to a handler that was set with SA_SIGINFO.
    let info = unsafe { &*info };
    // SAFETY: a bus error has an address.
    let address = unsafe { info.si_addr() }.addr();
    // SAFETY: asks for a number.
    let page_bytes = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    let page_bytes = usize::try_from(page_bytes).unwrap_or(4096).max(1);
    if SLOTS.iter().any(|slot| slot.holds(address)) {
        let page = address & !page_bytes.wrapping_sub(1);
        // SAFETY: the page is within a mapping of ours, which is only ever read.
        let zeros = unsafe {
            libc::mmap(
                ptr::without_provenance_mut(page),
                page_bytes,
                libc::PROT_READ,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED,
                -1,
                0,
            )
        };
        if zeros != libc::MAP_FAILED {
            LOST_PAGES.fetch_add(1, Ordering::Relaxed);
            return;
        }
    }
    if let Some(before) = BEFORE.get() {
        // SAFETY: sets what was set before.
        unsafe { libc::sigaction(libc::SIGBUS, before, ptr::null_mut()) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_cut_while_it_is_mapped_reads_as_zeros_and_is_counted() {
        let file = tempfile::tempfile().unwrap();
        file.set_len(4 * PAGE).unwrap();
        let block = map(&file, PAGE, 4 * PAGE).unwrap();
        assert_eq!(block.len() as u64, 3 * PAGE);
        let before = lost_pages();
        file.set_len(2 * PAGE).unwrap();
        assert!(block.iter().all(|byte| *byte == 0));
        assert!(lost_pages() > before);
    }

    #[test]
    fn windows_are_given_back() {
        let file = tempfile::tempfile().unwrap();
        file.set_len(PAGE).unwrap();
        for _ in 0..WINDOWS_MAX * 2 {
            drop(map(&file, 0, PAGE).unwrap());
        }
    }
}
