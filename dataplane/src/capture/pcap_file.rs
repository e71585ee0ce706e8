//! Classic pcap files: a header that says byte order and resolution, then record after record.
//!
//! Format: draft-ietf-opsawg-pcap. Beside it the variant of Kuznetzov's patched libpcap, whose
//! record headers are eight bytes longer. Not read: the Fmesquita and Navtel variants.

use parsers::time::Time;

use crate::batch::LinkType;
use crate::capture::blocks::FRAME_BYTES_MAX;
use crate::capture::record::{Damage, Order, Raw, Step};

/// Reads the records of one file.
#[derive(Debug)]
pub(crate) struct Pcap {
    order: Order,
    nanos: bool,
    /// Bytes of a record header.
    head: usize,
    link: LinkType,
}

/// Bytes of the file header.
const FILE_HEADER: usize = 24;

impl Pcap {
    /// Whether these first four bytes start such a file.
    pub(crate) fn is(magic: [u8; 4]) -> bool {
        Variant::of(magic).is_some()
    }

    /// Reads the file header; gives the reader and how many bytes to skip.
    pub(crate) fn open(bytes: &[u8]) -> Result<(Self, usize), Damage> {
        let short = Damage::new("the file ends inside its header", 0);
        let header = bytes.first_chunk::<FILE_HEADER>().ok_or(short)?;
        let [a, b, c, d, v0, v1, .., l0, l1, l2, l3] = *header;
        let variant = Variant::of([a, b, c, d]).ok_or(Damage::new("not a pcap file", 0))?;
        let order = variant.order;
        if order.u16([v0, v1]) != 2 {
            return Err(Damage::new("a version of pcap that is not 2", 4));
        }
        // The upper half tells of frame check sequences, which the lengths account for.
        let link = order.u32([l0, l1, l2, l3]) & 0xffff;
        let pcap = Self {
            order,
            nanos: variant.nanos,
            head: variant.head,
            link: LinkType(u16::try_from(link).unwrap_or(u16::MAX)),
        };
        Ok((pcap, FILE_HEADER))
    }

    /// Reads the record that `bytes` starts with.
    #[inline]
    pub(crate) fn next(&self, bytes: &[u8]) -> Result<Step, Damage> {
        let Some(header) = bytes.first_chunk::<16>() else {
            return Ok(Step::More("the file ends inside a record header"));
        };
        let [
            s0,
            s1,
            s2,
            s3,
            f0,
            f1,
            f2,
            f3,
            c0,
            c1,
            c2,
            c3,
            w0,
            w1,
            w2,
            w3,
        ] = *header;
        let secs = self.order.u32([s0, s1, s2, s3]);
        let frac = self.order.u32([f0, f1, f2, f3]);
        let len = self.order.u32([c0, c1, c2, c3]);
        let wire_len = self.order.u32([w0, w1, w2, w3]);
        if len as usize > FRAME_BYTES_MAX {
            return Err(Damage::new("a record that claims over 256 KiB", 8));
        }
        let take = self.head.saturating_add(len as usize);
        if bytes.len() < take {
            return Ok(Step::More("the file ends inside a frame"));
        }
        let nanos = if self.nanos {
            frac
        } else {
            frac.saturating_mul(1000)
        };
        Ok(Step::Frame(Raw {
            take,
            head: self.head,
            len,
            wire_len: wire_len.max(len),
            time: Some(Time::new(i64::from(secs), nanos)),
            link: self.link,
            interface: 0,
        }))
    }
}

/// What the magic number tells.
struct Variant {
    order: Order,
    nanos: bool,
    head: usize,
}

impl Variant {
    fn of(magic: [u8; 4]) -> Option<Self> {
        let (order, number) = match magic {
            [0xa1, ..] => (Order::Big, u32::from_be_bytes(magic)),
            _ => (Order::Little, u32::from_le_bytes(magic)),
        };
        let (nanos, head) = match number {
            0xa1b2_c3d4 => (false, 16),
            0xa1b2_3c4d => (true, 16),
            0xa1b2_cd34 => (false, 24),
            _ => return None,
        };
        Some(Self { order, nanos, head })
    }
}
