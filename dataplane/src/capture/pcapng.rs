//! pcapng files: sections of blocks, each section with its own byte order and interfaces.
//!
//! Format: draft-ietf-opsawg-pcapng. Read: section header, interface description, enhanced,
//! simple and (obsolete) packet, interface statistics. Everything else is skipped by its length.

use parsers::time::{NANOS_PER_SEC, Time};

use crate::batch::LinkType;
use crate::capture::Losses;
use crate::capture::blocks::{BLOCK_BYTES, FRAME_BYTES_MAX};
use crate::capture::record::{Damage, Names, Order, Raw, Step};

/// Reads the blocks of one file.
#[derive(Debug)]
pub(crate) struct Pcapng {
    order: Order,
    interfaces: Vec<Interface>,
    /// Of the sections before this one.
    lost_before: Losses,
}

/// One interface description of the current section.
#[derive(Clone, Copy, Debug)]
struct Interface {
    link: LinkType,
    snap_len: u32,
    units: Units,
    /// Seconds to add to stamps.
    offset: i64,
    /// In the run's table.
    index: u16,
    /// As its last statistics block has it.
    losses: Losses,
}

/// How long a unit of an interface's stamps is.
#[derive(Clone, Copy, Debug)]
enum Units {
    Micros,
    Nanos,
    /// This many in a second.
    Other(u64),
}

/// Block types, section 11.1.
mod block {
    pub(super) const SECTION: u32 = 0x0a0d_0d0a;
    pub(super) const INTERFACE: u32 = 1;
    pub(super) const PACKET: u32 = 2;
    pub(super) const SIMPLE: u32 = 3;
    pub(super) const STATISTICS: u32 = 5;
    pub(super) const ENHANCED: u32 = 6;
}

/// Option codes of the blocks read.
mod option {
    pub(super) const IF_NAME: u16 = 2;
    pub(super) const IF_TSRESOL: u16 = 9;
    pub(super) const IF_TSOFFSET: u16 = 14;
    pub(super) const ISB_IFRECV: u16 = 4;
    pub(super) const ISB_IFDROP: u16 = 5;
    pub(super) const ISB_OSDROP: u16 = 7;
}

/// The most interfaces of a section; a forged file must not make us keep millions.
const INTERFACES_MAX: usize = 4096;

const CUT: &str = "the file ends inside a block";

impl Pcapng {
    /// Whether these first four bytes start such a file; the same in both byte orders.
    pub(crate) const fn is(magic: [u8; 4]) -> bool {
        u32::from_be_bytes(magic) == block::SECTION
    }

    pub(crate) const fn new() -> Self {
        Self {
            order: Order::Little,
            interfaces: Vec::new(),
            lost_before: Losses {
                received: 0,
                kernel: 0,
                interface: 0,
            },
        }
    }

    /// What the statistics blocks so far tell of lost frames.
    pub(crate) fn losses(&self) -> Losses {
        self.interfaces
            .iter()
            .fold(self.lost_before, |sum, i| sum.plus(i.losses))
    }

    /// Reads the block that `bytes` starts with.
    #[inline]
    pub(crate) fn next(&mut self, bytes: &[u8], names: &mut Names) -> Result<Step, Damage> {
        let Some(&[t0, t1, t2, t3, l0, l1, l2, l3, b0, b1, b2, b3]) = bytes.first_chunk::<12>()
        else {
            return Ok(Step::More(CUT));
        };
        let kind = self.order.u32([t0, t1, t2, t3]);
        if kind == block::SECTION {
            // Its byte order is told behind its length.
            self.section([b0, b1, b2, b3])?;
        }
        let total = self.order.u32([l0, l1, l2, l3]);
        if total < 12 || !total.is_multiple_of(4) {
            return Err(Damage::new("a block whose length is none", 4));
        }
        let read = matches!(
            kind,
            block::SECTION
                | block::INTERFACE
                | block::PACKET
                | block::SIMPLE
                | block::STATISTICS
                | block::ENHANCED
        );
        if !read {
            return Ok(Step::Skip(u64::from(total)));
        }
        let take = total as usize;
        if take > BLOCK_BYTES {
            return Err(Damage::new("a block that claims over 1 MiB", 4));
        }
        let Some(whole) = bytes.get(..take) else {
            return Ok(Step::More(CUT));
        };
        let Some((rest, trailer)) = whole.split_last_chunk::<4>() else {
            return Ok(Step::More(CUT));
        };
        if self.order.u32(*trailer) != total {
            return Err(Damage::new(
                "a block whose two lengths differ",
                u64::from(total).saturating_sub(4),
            ));
        }
        self.known(kind, rest.get(8..).unwrap_or_default(), take, names)
    }

    fn section(&mut self, byte_order: [u8; 4]) -> Result<(), Damage> {
        self.order = match u32::from_be_bytes(byte_order) {
            0x1a2b_3c4d => Order::Big,
            0x4d3c_2b1a => Order::Little,
            _ => return Err(Damage::new("a section of unknown byte order", 8)),
        };
        self.lost_before = self.losses();
        self.interfaces.clear();
        Ok(())
    }

    #[inline]
    fn known(
        &mut self,
        kind: u32,
        body: &[u8],
        take: usize,
        names: &mut Names,
    ) -> Result<Step, Damage> {
        let frame = match kind {
            block::ENHANCED => self.enhanced(body, take)?,
            block::PACKET => self.packet(body, take)?,
            block::SIMPLE => self.simple(body, take)?,
            block::INTERFACE => {
                self.interface(body, names)?;
                return Ok(Step::Skip(take as u64));
            }
            block::STATISTICS => {
                self.statistics(body)?;
                return Ok(Step::Skip(take as u64));
            }
            _ => return Ok(Step::Skip(take as u64)),
        };
        Ok(Step::Frame(frame))
    }

    #[inline]
    fn enhanced(&self, body: &[u8], take: usize) -> Result<Raw, Damage> {
        let fixed = body.first_chunk::<20>().ok_or(SHORT)?;
        let [i0, i1, i2, i3, rest @ ..] = *fixed;
        self.stamped(self.order.u32([i0, i1, i2, i3]), rest, body, take)
    }

    /// As the enhanced one, but for a shorter interface number and a count of drops.
    fn packet(&self, body: &[u8], take: usize) -> Result<Raw, Damage> {
        let fixed = body.first_chunk::<20>().ok_or(SHORT)?;
        let [i0, i1, _, _, rest @ ..] = *fixed;
        self.stamped(u32::from(self.order.u16([i0, i1])), rest, body, take)
    }

    #[inline]
    fn stamped(
        &self,
        interface: u32,
        fixed: [u8; 16],
        body: &[u8],
        take: usize,
    ) -> Result<Raw, Damage> {
        let [
            h0,
            h1,
            h2,
            h3,
            l0,
            l1,
            l2,
            l3,
            c0,
            c1,
            c2,
            c3,
            w0,
            w1,
            w2,
            w3,
        ] = fixed;
        let interface = self
            .interfaces
            .get(interface as usize)
            .ok_or(Damage::new("a packet of an interface not described", 8))?;
        let high = u64::from(self.order.u32([h0, h1, h2, h3]));
        let stamp = (high << 32) | u64::from(self.order.u32([l0, l1, l2, l3]));
        let len = self.order.u32([c0, c1, c2, c3]);
        if len as usize > body.len().saturating_sub(20) || len as usize > FRAME_BYTES_MAX {
            return Err(Damage::new("a packet longer than its block", 20));
        }
        Ok(Raw {
            take,
            head: 28,
            len,
            wire_len: self.order.u32([w0, w1, w2, w3]).max(len),
            time: Some(interface.time(stamp)),
            link: interface.link,
            interface: interface.index,
        })
    }

    fn simple(&self, body: &[u8], take: usize) -> Result<Raw, Damage> {
        let wire_len = self.order.u32(*body.first_chunk::<4>().ok_or(SHORT)?);
        let interface = self
            .interfaces
            .first()
            .ok_or(Damage::new("a packet of an interface not described", 0))?;
        let room = u32::try_from(body.len().saturating_sub(4)).unwrap_or(u32::MAX);
        let snap_len = match interface.snap_len {
            0 => u32::MAX,
            n => n,
        };
        let len = wire_len.min(snap_len);
        if len > room || len as usize > FRAME_BYTES_MAX {
            return Err(Damage::new("a packet longer than its block", 8));
        }
        Ok(Raw {
            take,
            head: 12,
            len,
            wire_len,
            time: None,
            link: interface.link,
            interface: interface.index,
        })
    }

    fn interface(&mut self, body: &[u8], names: &mut Names) -> Result<(), Damage> {
        let &[k0, k1, _, _, s0, s1, s2, s3] = body.first_chunk::<8>().ok_or(SHORT)?;
        if self.interfaces.len() >= INTERFACES_MAX {
            return Err(Damage::new("more interfaces than we keep", 0));
        }
        let mut described = Interface {
            link: LinkType(self.order.u16([k0, k1])),
            snap_len: self.order.u32([s0, s1, s2, s3]),
            units: Units::Micros,
            offset: 0,
            index: 0,
            losses: Losses::default(),
        };
        let mut name: &[u8] = &[];
        for (code, value) in options(self.order, body.get(8..).unwrap_or_default()) {
            match (code, value) {
                (option::IF_NAME, _) => name = value,
                (option::IF_TSRESOL, &[resolution, ..]) => {
                    described.units = Units::of(resolution)
                        .ok_or(Damage::new("an interface with an impossible clock", 8))?;
                }
                (option::IF_TSOFFSET, _) => {
                    if let Some(&offset) = value.first_chunk() {
                        described.offset = self.order.u64(offset).cast_signed();
                    }
                }
                _ => {}
            }
        }
        let name = name.strip_suffix(&[0]).unwrap_or(name);
        described.index = names.intern(&String::from_utf8_lossy(name));
        self.interfaces.push(described);
        Ok(())
    }

    fn statistics(&mut self, body: &[u8]) -> Result<(), Damage> {
        let order = self.order;
        let id = order.u32(*body.first_chunk::<4>().ok_or(SHORT)?);
        let Some(interface) = self.interfaces.get_mut(id as usize) else {
            return Ok(()); // says nothing of a frame, so nothing is wrong with the rest
        };
        for (code, value) in options(order, body.get(12..).unwrap_or_default()) {
            let Some(&count) = value.first_chunk() else {
                continue;
            };
            let count = order.u64(count);
            match code {
                option::ISB_IFRECV => interface.losses.received = count,
                option::ISB_IFDROP => interface.losses.interface = count,
                option::ISB_OSDROP => interface.losses.kernel = count,
                _ => {}
            }
        }
        Ok(())
    }
}

const SHORT: Damage = Damage::new("a block too short for its kind", 4);

impl Interface {
    #[inline]
    fn time(&self, stamp: u64) -> Time {
        let signed = i64::try_from(stamp).unwrap_or(i64::MAX);
        let since_epoch = match self.units {
            Units::Micros => Time(signed.saturating_mul(1000)),
            Units::Nanos => Time(signed),
            Units::Other(per_sec) => {
                let secs = stamp.checked_div(per_sec).unwrap_or(0);
                let part = u128::from(stamp.checked_rem(per_sec).unwrap_or(0));
                let nanos = part
                    .saturating_mul(u128::from(NANOS_PER_SEC.unsigned_abs()))
                    .checked_div(u128::from(per_sec))
                    .and_then(|n| u32::try_from(n).ok());
                Time::new(
                    i64::try_from(secs).unwrap_or(i64::MAX),
                    nanos.unwrap_or_default(),
                )
            }
        };
        since_epoch.plus(self.offset.saturating_mul(NANOS_PER_SEC))
    }
}

impl Units {
    /// From `if_tsresol`: the top bit chooses between powers of 2 and of 10.
    const fn of(resolution: u8) -> Option<Self> {
        let exponent = (resolution & 0x7f) as u32;
        let per_sec = if resolution & 0x80 == 0 {
            10_u64.checked_pow(exponent)
        } else {
            1_u64.checked_shl(exponent)
        };
        match per_sec {
            Some(1_000_000) => Some(Self::Micros),
            Some(1_000_000_000) => Some(Self::Nanos),
            Some(n) => Some(Self::Other(n)),
            None => None,
        }
    }
}

/// Code and value of each option, up to the end or the first that does not fit.
fn options(order: Order, mut rest: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let (&[c0, c1, l0, l1], behind) = rest.split_first_chunk::<4>()?;
        let code = order.u16([c0, c1]);
        let len = usize::from(order.u16([l0, l1]));
        if code == 0 {
            return None;
        }
        let value = behind.get(..len)?;
        rest = behind.get(len.next_multiple_of(4)..).unwrap_or_default();
        Some((code, value))
    })
}
