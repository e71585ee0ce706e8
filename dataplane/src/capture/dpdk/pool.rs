//! Mbufs: the pool that they come from, and bursts of them on loan.

#![expect(unsafe_code, reason = "DPDK is a C library")]

use std::ffi::CString;
use std::ptr::{self, NonNull};
use std::slice;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use dpdk_sys::{
    VW_CACHE_MAX, VW_HEADROOM, rte_mbuf, rte_mempool, rte_mempool_free, rte_pktmbuf_free_bulk,
    rte_pktmbuf_pool_create, vw_copy, vw_frame, vw_receive, vw_region, vw_stamps,
};

use super::eal::last_error;
use super::port::Port;
use super::{Alter, Settings};
use crate::batch::Lent;

/// The memory that one queue receives into.
pub(super) struct Pool {
    pool: NonNull<rte_mempool>,
    /// Where its memory begins, and how far it goes: below 4 GiB.
    base: *const u8,
    len: usize,
    /// Mbufs that frames may have beside those that the adapter has.
    spare: usize,
    /// Those that they have.
    lent: AtomicUsize,
}

// SAFETY: a mempool may be used from any thread, known to EAL or not; the rest is never changed.
unsafe impl Send for Pool {}
// SAFETY: as above.
unsafe impl Sync for Pool {}

impl Pool {
    /// Makes the pool of a queue, near the device.
    pub(super) fn new(
        settings: &Settings,
        port: u16,
        queue: u16,
        socket: i32,
    ) -> Result<Self, String> {
        let name = CString::new(format!("vitalwire_{port}_{queue}")).unwrap_or_default();
        let room = VW_HEADROOM.saturating_add(settings.mbuf_bytes);
        let cache = VW_CACHE_MAX.min(settings.mbufs / 2);
        // SAFETY: the name lives through the call.
        let made = unsafe {
            rte_pktmbuf_pool_create(name.as_ptr(), settings.mbufs, cache, 0, room, socket)
        };
        let Some(pool) = NonNull::new(made) else {
            return Err(format!(
                "no memory for {} mbufs of {} bytes: {}; give EAL more (-m, --socket-mem), or \
                 lower capture.dpdk.mbufs",
                settings.mbufs,
                settings.mbuf_bytes,
                last_error()
            ));
        };
        let (mut from, mut to) = (0, 0);
        // SAFETY: the pool is there, and both places live through the call.
        unsafe { vw_region(pool.as_ptr(), &raw mut from, &raw mut to) };
        let made = Self {
            pool,
            base: ptr::with_exposed_provenance(from),
            len: to.saturating_sub(from),
            spare: spare(settings),
            lent: AtomicUsize::new(0),
        };
        if u32::try_from(made.len).is_err() {
            return Err(format!(
                "the mbufs of queue {queue} are spread over {} bytes, and frames are told apart \
                 by 32 bits: lower capture.dpdk.mbufs or mbuf_bytes",
                made.len
            ));
        }
        Ok(made)
    }

    pub(super) const fn as_ptr(&self) -> *mut rte_mempool {
        self.pool.as_ptr()
    }

    /// How many of the mbufs that frames may have they do have, in percent.
    pub(super) fn lent(&self) -> u8 {
        let lent = self.lent.load(Ordering::Relaxed).saturating_mul(100);
        let percent = lent.checked_div(self.spare).unwrap_or(0);
        u8::try_from(percent.min(100)).unwrap_or(100)
    }

    /// Where in the pool's memory these bytes are, if they are there.
    #[inline]
    pub(super) fn offset(&self, data: usize, len: u32) -> Option<u32> {
        let offset = data.checked_sub(self.base.addr())?;
        let end = offset.checked_add(len as usize)?;
        (end <= self.len).then(|| u32::try_from(offset).ok())?
    }
}

/// Mbufs that the adapter's descriptors do not need.
fn spare(settings: &Settings) -> usize {
    let descriptors = usize::from(settings.descriptors);
    let all = usize::try_from(settings.mbufs).unwrap_or(usize::MAX);
    all.saturating_sub(descriptors).max(all / 4).max(1)
}

impl Drop for Pool {
    fn drop(&mut self) {
        // SAFETY: the port is closed and every burst is back, since both have a share of this.
        unsafe { rte_mempool_free(self.pool.as_ptr()) };
    }
}

/// Mbufs that were received, until they are let go.
pub(super) struct Burst {
    pool: Arc<Pool>,
    mbufs: Vec<*mut rte_mbuf>,
}

// SAFETY: it owns its mbufs, which may be freed in any thread.
unsafe impl Send for Burst {}
// SAFETY: shared, it only gives memory to read.
unsafe impl Sync for Burst {}

impl Burst {
    /// With room for so many.
    pub(super) fn new(pool: &Arc<Pool>, most: usize) -> Self {
        Self {
            pool: Arc::clone(pool),
            mbufs: Vec::with_capacity(most),
        }
    }

    pub(super) const fn len(&self) -> usize {
        self.mbufs.len()
    }

    /// Receives at most `wanted` more frames, describes them, and says how many they are.
    pub(super) fn receive(
        &mut self,
        port: &Port,
        queue: u16,
        stamps: vw_stamps,
        wanted: u16,
        described: &mut Vec<vw_frame>,
    ) -> usize {
        let most = usize::from(wanted);
        described.clear();
        described.reserve(most);
        self.mbufs.reserve(most);
        // SAFETY: the port is open as long as somebody has it, only the owner of this queue
        // receives from it, and there is room for `wanted` in both vectors.
        let got = unsafe {
            vw_receive(
                port.number(),
                queue,
                &raw const stamps,
                self.mbufs.spare_capacity_mut().as_mut_ptr().cast(),
                described.spare_capacity_mut().as_mut_ptr().cast(),
                wanted,
            )
        };
        let got = usize::from(got);
        // SAFETY: so many were described.
        unsafe { described.set_len(got) };
        let len = self.mbufs.len().saturating_add(got);
        // SAFETY: so many were received.
        unsafe { self.mbufs.set_len(len) };
        self.pool.lent.fetch_add(got, Ordering::Relaxed);
        got
    }

    /// Copies a frame, however many pieces it is in; says how many bytes.
    pub(super) fn copy(&self, at: usize, to: &mut [u8]) -> u32 {
        let Some(mbuf) = self.mbufs.get(at) else {
            return 0;
        };
        let room = u32::try_from(to.len()).unwrap_or(u32::MAX);
        // SAFETY: the mbuf is ours, and there is room for so many bytes.
        unsafe { vw_copy(*mbuf, to.as_mut_ptr(), room) }
    }

    /// The bytes of a frame in one piece.
    pub(super) fn bytes(&self, at: usize, frame: &vw_frame) -> &[u8] {
        if at >= self.mbufs.len() {
            return &[];
        }
        let data = ptr::with_exposed_provenance(frame.data);
        // SAFETY: these are the bytes of an mbuf of ours, which nobody writes while it is.
        unsafe { slice::from_raw_parts(data, frame.len as usize) }
    }

    /// Lets somebody change a frame in one piece.
    pub(super) fn alter(&self, at: usize, frame: &vw_frame, alter: &mut Alter) {
        if at < self.mbufs.len() {
            let data = ptr::with_exposed_provenance_mut(frame.data);
            // SAFETY: these are the bytes of an mbuf of ours; nobody has been given them yet.
            let bytes = unsafe { slice::from_raw_parts_mut(data, frame.len as usize) };
            alter(bytes);
        }
    }
}

// SAFETY: the memory is there as long as the pool. Of it, the bytes of this burst's frames stay as
// they are until it is dropped; the adapter writes to others meanwhile.
unsafe impl Lent for Burst {
    fn memory(&self) -> NonNull<[u8]> {
        let base = NonNull::new(self.pool.base.cast_mut()).unwrap_or(NonNull::dangling());
        NonNull::slice_from_raw_parts(base, self.pool.len)
    }
}

impl Drop for Burst {
    fn drop(&mut self) {
        let count = u32::try_from(self.mbufs.len()).unwrap_or(u32::MAX);
        // SAFETY: they were received, and nobody else has them.
        unsafe { rte_pktmbuf_free_bulk(self.mbufs.as_mut_ptr(), count) };
        self.pool
            .lent
            .fetch_sub(self.mbufs.len(), Ordering::Relaxed);
    }
}
