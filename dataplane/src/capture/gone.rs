//! Pages of a mapped file that are gone, since the file was cut by force: they read as zeros and are
//! counted, where they would have ended the process (SIGBUS).
#![expect(unsafe_code, reason = "a signal's handler, and what it maps")]

use std::mem::{MaybeUninit, zeroed};
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use libc::{c_int, c_void, siginfo_t};

/// Pieces of files that may be out at a time. One for which there is no place is read instead.
const PIECES_MAX: usize = 256;

/// Where pieces begin and end; both 0 where there is none.
static PIECES: [[AtomicUsize; 2]; PIECES_MAX] =
    [const { [AtomicUsize::new(0), AtomicUsize::new(0)] }; PIECES_MAX];
static PAGES: AtomicU64 = AtomicU64::new(0);
/// What was done before us, which is what is done with all that is not ours.
static BEFORE: OnceLock<libc::sigaction> = OnceLock::new();

/// How many pages were gone so far.
pub(super) fn pages() -> u64 {
    PAGES.load(Ordering::Relaxed)
}

/// Looks after a piece until it is dropped, which is before the piece is unmapped.
pub(super) struct Watched(&'static [AtomicUsize; 2]);

impl Watched {
    /// Nothing where there is no place.
    pub(super) fn new(start: usize, len: usize) -> Option<Self> {
        let _before = BEFORE.get_or_init(handle);
        let takes = |[begin, _]: &&[AtomicUsize; 2]| {
            let order = Ordering::Relaxed;
            begin.compare_exchange(0, start, order, order).is_ok()
        };
        let place = PIECES.iter().find(takes)?;
        let [_, end] = place;
        end.store(start.saturating_add(len), Ordering::Release);
        Some(Self(place))
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        let [begin, end] = self.0;
        end.store(0, Ordering::Relaxed);
        begin.store(0, Ordering::Release);
    }
}

/// Handles the signal from now on; gives what was done before.
fn handle() -> libc::sigaction {
    let handler: extern "C" fn(c_int, *mut siginfo_t, *mut c_void) = gone;
    // SAFETY: plain integers, and a handler that may be none.
    let mut ours: libc::sigaction = unsafe { zeroed() };
    ours.sa_sigaction = handler as libc::sighandler_t;
    ours.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
    let mut before = MaybeUninit::zeroed();
    // SAFETY: both are whole, and the handler does what a handler may: it asks for memory by a
    // system call and works on numbers that are never locked.
    unsafe { libc::sigaction(libc::SIGBUS, &raw const ours, before.as_mut_ptr()) };
    // SAFETY: as above; the call fails for no signal that there is, and then it is zero.
    unsafe { before.assume_init() }
}

extern "C" fn gone(signal: c_int, info: *mut siginfo_t, _: *mut c_void) {
    // SAFETY: with SA_SIGINFO the kernel gives one.
    let info = unsafe { *info };
    // SAFETY: for this signal it has an address.
    let address = unsafe { info.si_addr() }.addr();
    let is_in = |[begin, end]: &[AtomicUsize; 2]| {
        let end = end.load(Ordering::Acquire);
        address < end && address >= begin.load(Ordering::Relaxed)
    };
    if PIECES.iter().any(is_in) && put_zeros(address) {
        PAGES.fetch_add(1, Ordering::Relaxed);
        return;
    }
    // It happens once more, and is then what it was before.
    let before = BEFORE.get().map_or(ptr::null(), ptr::from_ref);
    // SAFETY: null or whole.
    unsafe { libc::sigaction(signal, before, ptr::null_mut()) };
}

/// Puts a page of zeros where the address is.
fn put_zeros(address: usize) -> bool {
    // SAFETY: takes no pointer, and a handler may call it.
    let asked = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    let size = usize::try_from(asked).unwrap_or(4096);
    let page = ptr::with_exposed_provenance_mut(address & !size.wrapping_sub(1));
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED;
    // SAFETY: within a piece that is mapped for reading and was read just now: nobody unmaps it.
    let mapped = unsafe { libc::mmap(page, size, libc::PROT_READ, flags, -1, 0) };
    mapped != libc::MAP_FAILED
}
