//! Frames on their way from a source to a worker: borrowed from blocks, never copied.
#![expect(
    unsafe_code,
    reason = "memory that the kernel or a driver lends is a pointer"
)]

use std::fmt;
use std::ptr::NonNull;
use std::slice;
use std::sync::Arc;

use parsers::time::Time;

/// Bytes that frames point into. Filled by one source, read by many workers, and given back or
/// recycled when the last of them lets go.
#[derive(Clone)]
pub struct Block {
    /// Where they are, kept here so that a look at a frame is one step.
    start: NonNull<u8>,
    len: usize,
    owner: Owner,
}

#[derive(Clone)]
enum Owner {
    /// Memory of a pool of ours.
    Pool(Arc<[u8]>),
    /// Memory of somebody else: the kernel's ring, a driver's pool, a file.
    Lender(Arc<dyn Lent>),
}

/// Memory that somebody lent; dropping it gives it back.
///
/// # Safety
/// Each call gives the same memory. Until the value is dropped, the bytes of the frames that were
/// described in it may be read from any thread, and nobody writes them. Others of it may change.
pub unsafe trait Lent: Send + Sync {
    /// All of it.
    fn memory(&self) -> NonNull<[u8]>;
}

// SAFETY: what is pointed at belongs to the owner, which may be sent and shared, and is only read.
unsafe impl Send for Block {}
// SAFETY: as above.
unsafe impl Sync for Block {}

impl Block {
    /// Memory of ours.
    #[must_use]
    pub fn own(bytes: Arc<[u8]>) -> Self {
        let memory = Arc::as_ptr(&bytes);
        Self {
            start: NonNull::new(memory.cast::<u8>().cast_mut()).unwrap_or(NonNull::dangling()),
            len: memory.len(),
            owner: Owner::Pool(bytes),
        }
    }

    /// Memory that was lent.
    #[must_use]
    pub fn lent(lender: Arc<dyn Lent>) -> Self {
        let memory = lender.memory();
        Self {
            start: memory.cast(),
            len: memory.len(),
            owner: Owner::Lender(lender),
        }
    }

    /// Some of its bytes: those of a frame, in memory that was lent.
    #[inline]
    pub(crate) fn get(&self, offset: usize, len: usize) -> Option<&[u8]> {
        if offset.checked_add(len)? > self.len {
            return None;
        }
        // SAFETY: within the memory.
        let start = unsafe { self.start.add(offset) };
        // SAFETY: as the owner promised; it lives as long as this does.
        Some(unsafe { slice::from_raw_parts(start.as_ptr(), len) })
    }

    /// Its bytes, to be written: none if somebody else has it or it was lent.
    pub(crate) fn writable(&mut self) -> &mut [u8] {
        match &mut self.owner {
            Owner::Pool(bytes) => Arc::get_mut(bytes).unwrap_or_default(),
            Owner::Lender(_) => &mut [],
        }
    }

    /// How many bytes it has.
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    /// Whether nobody else has it.
    pub(crate) fn is_free(&self) -> bool {
        match &self.owner {
            Owner::Pool(bytes) => Arc::strong_count(bytes) == 1,
            Owner::Lender(lender) => Arc::strong_count(lender) == 1,
        }
    }

    /// Whether it is memory of ours.
    pub(crate) const fn is_own(&self) -> bool {
        matches!(self.owner, Owner::Pool(_))
    }
}

impl fmt::Debug for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.len)
    }
}

/// Link type of a frame, as pcap numbers it.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct LinkType(pub u16);

impl LinkType {
    /// BSD loopback: an address family in the order of the machine that captured.
    pub const NULL: Self = Self(0);
    /// Ethernet.
    pub const ETHERNET: Self = Self(1);
    /// PPP, with or without its address and control bytes.
    pub const PPP: Self = Self(9);
    /// PPP in HDLC-like framing.
    pub const PPP_HDLC: Self = Self(50);
    /// A PPPoE session header and what follows.
    pub const PPP_ETHER: Self = Self(51);
    /// IPv4 or IPv6 without anything below.
    pub const RAW: Self = Self(101);
    /// Cisco HDLC.
    pub const CHDLC: Self = Self(104);
    /// OpenBSD loopback: an address family in network order.
    pub const LOOP: Self = Self(108);
    /// Linux cooked capture.
    pub const SLL: Self = Self(113);
    /// IPv4 without anything below.
    pub const IPV4: Self = Self(228);
    /// IPv6 without anything below.
    pub const IPV6: Self = Self(229);
    /// Linux cooked capture, second version.
    pub const SLL2: Self = Self(276);
}

/// One captured frame: where its bytes are, and what the capture said of it.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Frame {
    /// Number from 1, over all captures of a run, in the order in which they were read.
    pub no: u64,
    /// Time stamp.
    pub time: Time,
    /// The running maximum of time stamps, this one included.
    pub now: Time,
    /// Which of the batch's blocks.
    pub block: u16,
    /// Where in it.
    pub offset: u32,
    /// Bytes captured.
    pub len: u32,
    /// Bytes on the wire.
    pub wire_len: u32,
    /// What the first header is.
    pub link: LinkType,
    /// Index of the capture interface in the run's table.
    pub interface: u16,
    /// VLAN tag that the capture took off and told beside the frame (TCI), if any.
    pub vlan: Option<u16>,
}

impl Frame {
    /// Its bytes, in the blocks of its batch or work; empty if it is not of these.
    #[inline]
    #[must_use]
    pub fn bytes<'a>(&self, blocks: &'a [Block]) -> &'a [u8] {
        let block = blocks.get(usize::from(self.block));
        block.map(|b| self.within(b)).unwrap_or_default()
    }

    /// Its bytes, in its block.
    #[inline]
    #[must_use]
    pub fn within<'a>(&self, block: &'a Block) -> &'a [u8] {
        block
            .get(self.offset as usize, self.len as usize)
            .unwrap_or_default()
    }
}
