//! The sockets: their options, their ring, their fanout group.

#![expect(
    unsafe_code,
    reason = "an adapter's setting, and libpcap's instructions as the kernel's"
)]

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use libc::{c_int, c_uint, sock_filter};

use super::Settings;
use crate::capture::sockopt;

/// A packet socket that takes nothing yet.
pub(super) struct Socket {
    fd: OwnedFd,
}

/// How many bytes and blocks a ring has.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Size {
    pub(super) block: usize,
    pub(super) blocks: usize,
}

impl Size {
    /// Of one of so many rings that share these bytes.
    pub(super) fn of(bytes: usize, rings: usize) -> Self {
        let each = bytes.checked_div(rings.max(1)).unwrap_or(bytes);
        // Powers of two, so that the kernel can have them in one piece.
        let block = (each / BLOCKS_WANTED).clamp(BLOCK_MIN, BLOCK_MAX);
        let block = 1_usize << block.ilog2();
        Self {
            block,
            blocks: (each / block).max(BLOCKS_MIN),
        }
    }

    pub(super) const fn bytes(self) -> usize {
        self.block.saturating_mul(self.blocks)
    }
}

/// What the kernel counts of a socket since it was asked last.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Statistics {
    pub(super) packets: u32,
    pub(super) drops: u32,
    pub(super) freezes: u32,
}

impl Socket {
    /// A socket with everything set, that takes no frame before [`Self::open_up`].
    pub(super) fn new(settings: &Settings, index: u32, size: Size) -> io::Result<Self> {
        // Protocol 0: it is bound to nothing yet.
        let fd = sockopt::socket(libc::AF_PACKET)?;
        let socket = Self { fd };
        socket.filter(&[NOTHING])?;
        socket.set(libc::SOL_PACKET, libc::PACKET_VERSION, &TPACKET_V3)?;
        // Older kernels lack it; what this machine sends is then left out by the ring's reader.
        drop(socket.set(libc::SOL_PACKET, PACKET_IGNORE_OUTGOING, &1_i32));
        if settings.busy_poll_micros > 0 {
            let micros = c_int::try_from(settings.busy_poll_micros).unwrap_or(c_int::MAX);
            // Older kernels want CAP_NET_ADMIN; see [`Self::polls_for`].
            drop(socket.set(libc::SOL_SOCKET, libc::SO_BUSY_POLL, &micros));
        }
        if settings.adapter_stamps {
            let flags = libc::SOF_TIMESTAMPING_RAW_HARDWARE;
            socket.set(libc::SOL_PACKET, PACKET_TIMESTAMP, &flags)?;
        }
        socket.ring(size)?;
        socket.bind(index)?;
        if settings.promiscuous {
            promiscuous(socket.fd.as_fd(), index)?;
        }
        Ok(socket)
    }

    fn ring(&self, size: Size) -> io::Result<()> {
        let fit = |n: usize| c_uint::try_from(n).map_err(|_| io::ErrorKind::InvalidInput);
        let request = Request {
            block_size: fit(size.block)?,
            block_nr: fit(size.blocks)?,
            frame_size: fit(FRAME)?,
            frame_nr: fit(size.bytes() / FRAME)?,
            retire_ms: GATHER_MS,
            private: 0,
            features: 0,
        };
        self.set(libc::SOL_PACKET, libc::PACKET_RX_RING, &request)
    }

    fn bind(&self, index: u32) -> io::Result<()> {
        let address = libc::sockaddr_ll {
            sll_family: u16::try_from(libc::AF_PACKET).unwrap_or(0),
            sll_protocol: ETH_P_ALL.to_be(),
            sll_ifindex: c_int::try_from(index).unwrap_or(0),
            sll_hatype: 0,
            sll_pkttype: 0,
            sll_halen: 0,
            sll_addr: [0; 8],
        };
        sockopt::bind(self.fd.as_fd(), &address)
    }

    /// Joins the group of this number, or makes one; gives the number. All sockets of a group give
    /// their frames to the program, which says whose each is.
    pub(super) fn join(&self, group: Option<u16>) -> io::Result<u16> {
        let join = |more: c_uint| {
            let id = c_uint::from(group.unwrap_or(0));
            let unique = if group.is_none() { FANOUT_UNIQUE } else { 0 };
            let argument = id | (FANOUT_EBPF | unique | more) << 16;
            self.set(libc::SOL_PACKET, libc::PACKET_FANOUT, &argument)
        };
        // A group decides itself whether it sees what this machine sends; older kernels cannot.
        join(FANOUT_IGNORE_OUTGOING).or_else(|_| join(0))?;
        let [joined] =
            sockopt::get::<u32, 1>(self.fd.as_fd(), libc::SOL_PACKET, libc::PACKET_FANOUT)?;
        Ok(u16::try_from(joined & 0xffff).unwrap_or(0))
    }

    /// Gives the group that it is in its program.
    pub(super) fn steer(&self, program: BorrowedFd<'_>) -> io::Result<()> {
        let program = program.as_raw_fd();
        self.set(libc::SOL_PACKET, PACKET_FANOUT_DATA, &program)
    }

    /// From now on it takes what the filter lets through.
    pub(super) fn open_up(&self, filter: &[sock_filter]) -> io::Result<()> {
        self.filter(filter)
    }

    fn filter(&self, filter: &[sock_filter]) -> io::Result<()> {
        let program = libc::sock_fprog {
            len: u16::try_from(filter.len()).map_err(|_| io::ErrorKind::InvalidInput)?,
            // The kernel copies it, and writes nothing.
            filter: filter.as_ptr().cast_mut(),
        };
        self.set(libc::SOL_SOCKET, libc::SO_ATTACH_FILTER, &program)
    }

    /// For how many microseconds the kernel asks the adapter again and again while we wait.
    pub(super) fn polls_for(&self) -> u32 {
        let polls = sockopt::get(self.fd.as_fd(), libc::SOL_SOCKET, libc::SO_BUSY_POLL);
        let [micros] = polls.unwrap_or_default();
        micros
    }

    /// What was counted since the last call.
    pub(super) fn statistics(&self) -> Statistics {
        let counted = sockopt::get(self.fd.as_fd(), libc::SOL_PACKET, libc::PACKET_STATISTICS);
        let [packets, drops, freezes] = counted.unwrap_or_default();
        Statistics {
            packets,
            drops,
            freezes,
        }
    }

    fn set<T>(&self, level: c_int, name: c_int, value: &T) -> io::Result<()> {
        sockopt::set(self.fd.as_fd(), level, name, value)
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// Keeps an interface promiscuous until the socket is closed.
pub(super) fn promiscuous(socket: BorrowedFd<'_>, index: u32) -> io::Result<()> {
    let member = Membership {
        index: c_int::try_from(index).unwrap_or(0),
        kind: PACKET_MR_PROMISC,
        len: 0,
        address: [0; 8],
    };
    sockopt::set(
        socket,
        libc::SOL_PACKET,
        libc::PACKET_ADD_MEMBERSHIP,
        &member,
    )
}

/// Asks the driver to stamp every frame that comes: a change of the adapter's setting.
pub(super) fn stamp_in_adapter(interface: &str) -> io::Result<()> {
    // SAFETY: plain integers and bytes, of which zero is one value.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    let name = request.ifr_name.iter_mut().zip(interface.bytes());
    name.for_each(|(to, from)| *to = from.cast_signed());
    let mut config = libc::hwtstamp_config {
        flags: 0,
        tx_type: 0,
        rx_filter: HWTSTAMP_FILTER_ALL,
    };
    request.ifr_ifru.ifru_data = (&raw mut config).cast();
    let fd = sockopt::socket(libc::AF_PACKET)?;
    // SAFETY: the request, and what it points to, live until the call is over.
    let done = unsafe { libc::ioctl(fd.as_raw_fd(), libc::SIOCSHWTSTAMP, &raw mut request) };
    if done < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// The filter in the language of tcpdump as the kernel wants it; without one, all that is done is
/// to cut frames.
///
/// It is compiled for the interface, since the kernel takes a VLAN tag off before the filter looks
/// and libpcap then asks for it beside the frame.
pub(super) fn compile(settings: &Settings) -> Result<Vec<sock_filter>, String> {
    let Some(filter) = &settings.filter else {
        return Ok(vec![sock_filter {
            k: settings.snap_len,
            ..NOTHING
        }]);
    };
    let explain = |error: pcap::Error| format!("filter {filter:?}: {error}").replace('\n', " ");
    let snap_len = i32::try_from(settings.snap_len).unwrap_or(i32::MAX);
    let handle = pcap::Capture::from_device(settings.interface.as_str())
        .and_then(|capture| capture.snaplen(snap_len).buffer_size(1 << 16).open())
        .map_err(explain)?;
    let program = handle.compile(filter, true).map_err(explain)?;
    let instructions = program.get_instructions();
    let at = instructions.as_ptr().cast::<sock_filter>();
    // SAFETY: libpcap's instructions are the kernel's: code, two jumps, and a constant, in this
    // order (pcap/bpf.h and linux/filter.h). They live as long as the program.
    let instructions = unsafe { std::slice::from_raw_parts(at, instructions.len()) };
    Ok(instructions.to_vec())
}

/// `struct tpacket_req3` of linux/if_packet.h.
#[repr(C)]
struct Request {
    block_size: c_uint,
    block_nr: c_uint,
    frame_size: c_uint,
    frame_nr: c_uint,
    retire_ms: c_uint,
    private: c_uint,
    features: c_uint,
}

/// `struct packet_mreq` of linux/if_packet.h.
#[repr(C)]
struct Membership {
    index: c_int,
    kind: u16,
    len: u16,
    address: [u8; 8],
}

/// How long the kernel gathers frames before it shows them: what a frame waits at most.
const GATHER_MS: c_uint = 10;

/// What the kernel counts in; with the third version a frame takes what it needs.
const FRAME: usize = 2048;
/// Blocks that a ring is made of where its bytes allow: some are read while others are filled. With little
/// traffic each is shown nearly empty, so that their number, and not their bytes, is the time for which
/// a worker may be held up: two thirds of a second.
const BLOCKS_WANTED: usize = 64;
const BLOCKS_MIN: usize = 4;
/// The longest frame that an adapter puts together must fit, with its headers.
const BLOCK_MIN: usize = 128 << 10;
const BLOCK_MAX: usize = 1 << 20;

/// Lets nothing through: `BPF_RET | BPF_K` of zero bytes.
const NOTHING: sock_filter = sock_filter {
    code: 0x06,
    jt: 0,
    jf: 0,
    k: 0,
};

const ETH_P_ALL: u16 = 3;
const TPACKET_V3: c_int = 2;
const PACKET_MR_PROMISC: u16 = 1;
const PACKET_TIMESTAMP: c_int = 17;
const PACKET_FANOUT_DATA: c_int = 22;
const PACKET_IGNORE_OUTGOING: c_int = 23;
const FANOUT_EBPF: c_uint = 7;
const FANOUT_UNIQUE: c_uint = 0x2000;
const FANOUT_IGNORE_OUTGOING: c_uint = 0x4000;
const HWTSTAMP_FILTER_ALL: c_int = 1;
