//! Frames on their way from a source to a worker: borrowed from blocks, never copied.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use parsers::time::Time;

/// Bytes that frames point into. Filled by one source, read by many workers, and given back or
/// recycled when the last of them lets go.
#[derive(Clone)]
pub enum Block {
    /// Memory of a pool of ours.
    Own(Arc<[u8]>),
    /// Memory of somebody else: the kernel's ring, a driver's pool, a file.
    Lent(Arc<dyn Lent>),
}

/// Memory that somebody lent; dropping it gives it back. What it holds stays as it is until then.
pub trait Lent: Send + Sync {
    /// All of it.
    fn bytes(&self) -> &[u8];
}

impl Deref for Block {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        match self {
            Self::Own(bytes) => bytes,
            Self::Lent(lent) => lent.bytes(),
        }
    }
}

impl fmt::Debug for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.len())
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
    #[must_use]
    pub fn bytes<'a>(&self, blocks: &'a [Block]) -> &'a [u8] {
        let block = blocks.get(usize::from(self.block));
        block.map(|b| self.within(b)).unwrap_or_default()
    }

    /// Its bytes, in its block.
    #[must_use]
    pub fn within<'a>(&self, block: &'a [u8]) -> &'a [u8] {
        let from = self.offset as usize;
        block
            .get(from..from.saturating_add(self.len as usize))
            .unwrap_or_default()
    }
}
