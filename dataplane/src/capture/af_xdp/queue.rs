//! The socket of one queue: its memory, the ring that frames come in, and the ring that memory goes
//! back by.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::Arc;

use libc::c_int;

use super::Mode;
use super::pieces::Joined;
use super::ring::{Descriptor, Ring};
use super::umem::{CHUNK, Run, Umem};
use crate::capture::af_packet::promiscuous;
use crate::capture::sockopt;

/// What is taken.
pub(super) enum Taken<'a> {
    /// Frames where the kernel put them.
    Run(&'a Arc<Run>),
    /// A frame of several pieces, put together.
    Joined(Joined),
}

/// A socket and its rings.
pub(super) struct Queue {
    rx: Ring<Descriptor>,
    fill: Ring<u64>,
    umem: Arc<Umem>,
    /// The pieces so far of a frame that is not whole yet.
    joined: Joined,
    socket: OwnedFd,
    /// Keeps the interface promiscuous.
    _promiscuous: Option<OwnedFd>,
}

impl Queue {
    /// Opens a queue of an interface, with memory of about so many bytes; `pieces` for frames that
    /// take more than a chunk.
    pub(super) fn open(
        index: u32,
        queue: u32,
        bytes: usize,
        mode: Mode,
        pieces: bool,
        is_promiscuous: bool,
    ) -> io::Result<Self> {
        let chunks = (bytes / CHUNK).clamp(CHUNKS_MIN, CHUNKS_MAX);
        let chunks = 1_usize << chunks.ilog2();
        let size = u32::try_from(chunks).map_err(|_| io::ErrorKind::InvalidInput)?;
        let umem = Arc::new(Umem::new(chunks)?);
        let socket = sockopt::socket(libc::AF_XDP)?;
        let set =
            |name: c_int, value: u32| sockopt::set(socket.as_fd(), libc::SOL_XDP, name, &value);
        let as_u64 = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
        let memory = libc::xdp_umem_reg {
            addr: as_u64(umem.address()),
            len: as_u64(umem.len()),
            chunk_size: u32::try_from(CHUNK).unwrap_or(0),
            headroom: 0,
            flags: 0,
            tx_metadata_len: 0,
        };
        sockopt::set(socket.as_fd(), libc::SOL_XDP, libc::XDP_UMEM_REG, &memory)?;
        set(libc::XDP_UMEM_FILL_RING, size)?;
        // The kernel wants one, though nothing is ever sent.
        set(libc::XDP_UMEM_COMPLETION_RING, COMPLETIONS)?;
        set(libc::XDP_RX_RING, size)?;
        let places: [u64; 16] =
            sockopt::get(socket.as_fd(), libc::SOL_XDP, libc::XDP_MMAP_OFFSETS)?;
        let [r0, r1, r2, r3, _, _, _, _, f0, f1, f2, f3, ..] = places;
        let rx = Ring::new(socket.as_fd(), RX_OFFSET, [r0, r1, r2, r3], size)?;
        let fill = Ring::new(socket.as_fd(), FILL_OFFSET, [f0, f1, f2, f3], size)?;
        let mut queue_ = Self {
            rx,
            fill,
            umem,
            joined: Joined::default(),
            socket,
            _promiscuous: is_promiscuous.then(|| promiscuous(index)).transpose()?,
        };
        queue_.refill();
        queue_.bind(index, queue, mode, pieces)?;
        Ok(queue_)
    }

    fn bind(&self, index: u32, queue: u32, mode: Mode, pieces: bool) -> io::Result<()> {
        let several = if pieces { libc::XDP_USE_SG } else { 0 };
        let how = match mode {
            Mode::ZeroCopy => libc::XDP_ZEROCOPY,
            Mode::Copy | Mode::Generic => libc::XDP_COPY,
        };
        let address = libc::sockaddr_xdp {
            sxdp_family: u16::try_from(libc::AF_XDP).unwrap_or(0),
            sxdp_flags: how | several | libc::XDP_USE_NEED_WAKEUP,
            sxdp_ifindex: index,
            sxdp_queue_id: queue,
            sxdp_shared_umem_fd: 0,
        };
        sockopt::bind(self.socket.as_fd(), &address)?;
        // What the kernel says it came to is what counts.
        let [options] =
            sockopt::get::<u32, 1>(self.socket.as_fd(), libc::SOL_XDP, libc::XDP_OPTIONS)?;
        let is_zero_copy = options & libc::XDP_OPTIONS_ZEROCOPY != 0;
        if is_zero_copy != (mode == Mode::ZeroCopy) {
            return Err(io::Error::other("the kernel chose another mode"));
        }
        Ok(())
    }

    /// Gives the kernel the memory that nobody has.
    fn refill(&mut self) {
        let Self { fill, umem, .. } = self;
        let chunk_bytes = u64::try_from(CHUNK).unwrap_or(u64::MAX);
        // The ring has room for every chunk.
        umem.take_free(|chunk| {
            fill.write(chunk.saturating_mul(chunk_bytes));
        });
        fill.publish();
    }

    /// Takes at most so many frames, in runs of neighbours.
    pub(super) fn take(&mut self, most: usize, mut give: impl FnMut(Taken<'_>)) {
        self.refill();
        let most = u32::try_from(most).unwrap_or(u32::MAX);
        let count = self.rx.readable().min(most);
        let mut run: Option<Run> = None;
        for ahead in 0..count {
            let descriptor = self.rx.read(ahead);
            let address = usize::try_from(descriptor.address).unwrap_or(usize::MAX);
            let len = usize::try_from(descriptor.len).unwrap_or(usize::MAX);
            let (chunk, offset) = (address / CHUNK, address % CHUNK);
            let ends = descriptor.options & libc::XDP_PKT_CONTD == 0;
            let whole = ends && self.joined.is_empty();
            if whole && run.as_mut().is_some_and(|run| run.add(chunk, offset, len)) {
                continue;
            }
            if let Some(run) = run.take() {
                give(Taken::Run(&Arc::new(run)));
            }
            if !whole {
                self.joined.add(&self.umem, chunk, offset, len);
                if ends {
                    give(Taken::Joined(std::mem::take(&mut self.joined)));
                }
                continue;
            }
            let mut next = Run::new(Arc::clone(&self.umem), chunk);
            if next.add(chunk, offset, len) {
                run = Some(next);
            } else {
                self.umem.drop_chunk(chunk);
            }
        }
        if let Some(run) = run {
            give(Taken::Run(&Arc::new(run)));
        }
        self.rx.consume(count);
    }

    /// How much of its ring is full, in percent.
    pub(super) fn backlog(&self) -> u8 {
        self.rx.backlog()
    }

    /// Whether there is something to take, without asking the kernel.
    pub(super) fn is_ready(&self) -> bool {
        self.rx.readable() > 0
    }

    /// Dropped; invalid descriptors, ours and to send; ring full; no memory; nothing to send.
    pub(super) fn statistics(&self) -> [u64; 6] {
        let counted = sockopt::get(self.socket.as_fd(), libc::SOL_XDP, libc::XDP_STATISTICS);
        counted.unwrap_or_default()
    }
}

impl AsFd for Queue {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl AsRawFd for Queue {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}

impl AsRawFd for &Queue {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}

/// Where the kernel has the rings, for mmap (linux/if_xdp.h).
const RX_OFFSET: u64 = 0;
const FILL_OFFSET: u64 = 0x1_0000_0000;

/// Chunks of a queue: 2 MiB at least, and what one ring may have at most.
const CHUNKS_MIN: usize = 512;
const CHUNKS_MAX: usize = 1 << 16;
const COMPLETIONS: u32 = 64;
