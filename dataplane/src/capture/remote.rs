//! Remote mirrors that end on this machine: VXLAN, Geneve, TZSP and the like in UDP, ERSPAN and
//! others in GRE, received by sockets as the ordinary traffic that they are.
//!
//! A socket for each port has a second use: without one the kernel would answer the switch that
//! the port is unreachable. Nothing here sends. Each datagram is given as the IP packet that it
//! was, with a header put before it again, so that the packet path sees no difference.

#![expect(unsafe_code, reason = "recvmmsg: many datagrams for one system call")]

use std::io;
use std::mem::MaybeUninit;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use libc::{c_int, iovec, mmsghdr, msghdr, sockaddr_in};
use parsers::time::Time;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::sockopt;
use crate::batch::{Block, Frame, LinkType};
use crate::capture::blocks::{BLOCK_BYTES, Pool};
use crate::capture::clock::Clock;
use crate::capture::live::{IDLE, machine_time};
use crate::capture::{Batch, CaptureError, Fill, Losses, Source};
use crate::telemetry::{Sample, sockets};

/// Where mirrors send to.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The machine's own address that they send to.
    pub address: Ipv4Addr,
    /// UDP ports of VXLAN, Geneve, TZSP.
    pub ports: Vec<u16>,
    /// Whether GRE is taken, with ERSPAN in it.
    pub gre: bool,
    /// Bytes that the kernel keeps for each socket while nobody reads.
    pub buffer_bytes: usize,
}

/// Datagrams taken by one system call.
const TAKEN_MAX: usize = 32;

/// Room for a datagram with its headers: a jumbo frame in a tunnel, and some.
const ROOM: usize = BLOCK_BYTES / TAKEN_MAX / 2;

/// An IPv4 and a UDP header.
const HEADERS: usize = 28;

/// IP protocol numbers.
const UDP: u8 = 17;

/// The sockets.
pub struct Remote {
    sockets: Vec<Socket>,
    address: Ipv4Addr,
    /// The socket to be read first the next time, so that none starves.
    next: usize,
    pool: Pool,
    clock: Clock,
    names: Vec<String>,
}

struct Socket {
    fd: OwnedFd,
    /// The local port, of UDP; the kernel gives GRE with its IP header.
    port: Option<u16>,
    /// What the kernel dropped since nobody read, as it said last.
    dropped: u64,
    taken: u64,
}

impl Remote {
    /// Opens the sockets.
    ///
    /// # Errors
    /// The address is not of this machine, a port is taken, or GRE without CAP_NET_RAW.
    pub fn open(settings: &Settings) -> Result<Self, CaptureError> {
        let mut sockets = Vec::new();
        let mut names = Vec::new();
        for port in &settings.ports {
            let name = format!("udp:{port}");
            sockets.push(udp(settings, *port).map_err(|error| failed(&name, settings, &error))?);
            names.push(name);
        }
        if settings.gre {
            let name = "gre".to_owned();
            sockets.push(gre(settings).map_err(|error| failed(&name, settings, &error))?);
            names.push(name);
        }
        Ok(Self {
            sockets,
            address: settings.address,
            next: 0,
            pool: Pool::new(BLOCK_BYTES),
            clock: Clock::default(),
            names,
        })
    }

    /// Waits for a datagram at any socket, at most the idle poll.
    fn wait(&self) -> bool {
        let mut fds: Vec<PollFd<'_>> = self
            .sockets
            .iter()
            .map(|socket| PollFd::new(&socket.fd, PollFlags::IN))
            .collect();
        let nanos = IDLE.subsec_nanos().into();
        let timeout = Timespec {
            tv_sec: 0,
            tv_nsec: nanos,
        };
        poll(&mut fds, Some(&timeout)).is_ok_and(|ready| ready > 0)
    }
}

fn failed(name: &str, settings: &Settings, error: &io::Error) -> CaptureError {
    let what = match error.kind() {
        io::ErrorKind::AddrNotAvailable => format!(
            "{} is not an address of this machine: `ip address` lists them",
            settings.address
        ),
        io::ErrorKind::AddrInUse => "somebody else has this port: `ss -ulnp` says who".to_owned(),
        io::ErrorKind::PermissionDenied => {
            "not allowed: run as root, or give the program CAP_NET_RAW".to_owned()
        }
        _ => error.to_string(),
    };
    CaptureError::Interface {
        interface: name.to_owned(),
        what,
    }
}

fn udp(settings: &Settings, port: u16) -> io::Result<Socket> {
    let at = SocketAddr::new(IpAddr::V4(settings.address), port);
    let fd = OwnedFd::from(UdpSocket::bind(at)?);
    prepare(fd, Some(port), settings)
}

fn gre(settings: &Settings) -> io::Result<Socket> {
    let fd = sockopt::raw(libc::AF_INET, libc::IPPROTO_GRE)?;
    let address = sockaddr_in {
        sin_family: u16::try_from(libc::AF_INET).unwrap_or(0),
        sin_port: 0,
        sin_addr: libc::in_addr {
            s_addr: u32::from_ne_bytes(settings.address.octets()),
        },
        sin_zero: [0; 8],
    };
    sockopt::bind(fd.as_fd(), &address)?;
    prepare(fd, None, settings)
}

fn prepare(fd: OwnedFd, port: Option<u16>, settings: &Settings) -> io::Result<Socket> {
    let bytes = c_int::try_from(settings.buffer_bytes).unwrap_or(c_int::MAX);
    // Beyond what net.core.rmem_max allows only CAP_NET_ADMIN gets it; else as much as there is.
    if set(fd.as_fd(), libc::SO_RCVBUFFORCE, bytes).is_err() {
        set(fd.as_fd(), libc::SO_RCVBUF, bytes)?;
    }
    set(fd.as_fd(), libc::SO_TIMESTAMPNS, 1)?;
    set(fd.as_fd(), libc::SO_RXQ_OVFL, 1)?;
    Ok(Socket {
        fd,
        port,
        dropped: 0,
        taken: 0,
    })
}

fn set(fd: BorrowedFd<'_>, name: c_int, value: c_int) -> io::Result<()> {
    sockopt::set(fd, libc::SOL_SOCKET, name, &value)
}

/// What the kernel tells beside a datagram.
#[derive(Clone, Copy, Debug, Default)]
struct Beside {
    stamp: Option<Time>,
    dropped: Option<u32>,
}

/// Room for a time stamp and a count, with their headers.
#[derive(Clone, Copy)]
#[repr(C, align(8))]
struct Control([u8; 64]);

/// One datagram, where it lies in the block.
#[derive(Clone, Copy, Debug)]
struct Datagram {
    offset: usize,
    len: usize,
    from: Ipv4Addr,
    from_port: u16,
    beside: Beside,
}

impl Socket {
    /// How much of the room that the kernel has for it is taken, in percent. What finds none is
    /// dropped.
    fn backlog(&self) -> u8 {
        let memory = sockopt::get::<u32, 2>(self.fd.as_fd(), libc::SOL_SOCKET, libc::SO_MEMINFO);
        let [taken, room] = memory.unwrap_or([0, 1]);
        let percent = u64::from(taken) * 100 / u64::from(room.max(1));
        u8::try_from(percent.min(100)).unwrap_or(100)
    }

    /// Takes what is there into a block, each datagram into a place of its own.
    fn take(&self, block: &mut [u8]) -> io::Result<Vec<Datagram>> {
        let head = if self.port.is_some() { HEADERS } else { 0 };
        let mut from = [const { MaybeUninit::<sockaddr_in>::zeroed() }; TAKEN_MAX];
        let mut control = [Control([0; 64]); TAKEN_MAX];
        let mut vectors = [iovec {
            iov_base: std::ptr::null_mut(),
            iov_len: 0,
        }; TAKEN_MAX];
        let places = block.chunks_exact_mut(ROOM);
        for (vector, place) in vectors.iter_mut().zip(places) {
            let room = place.get_mut(head..).unwrap_or_default();
            (vector.iov_base, vector.iov_len) = (room.as_mut_ptr().cast(), room.len());
        }
        // SAFETY: all zeros is a valid value of this plain C structure.
        let mut messages: [mmsghdr; TAKEN_MAX] = unsafe { std::mem::zeroed() };
        for (((message, vector), from), control) in messages
            .iter_mut()
            .zip(&mut vectors)
            .zip(&mut from)
            .zip(&mut control)
        {
            let header = &mut message.msg_hdr;
            (header.msg_iov, header.msg_iovlen) = (&raw mut *vector, 1);
            header.msg_name = from.as_mut_ptr().cast();
            header.msg_namelen = u32::try_from(size_of::<sockaddr_in>()).unwrap_or(0);
            let Control(bytes) = control;
            (header.msg_control, header.msg_controllen) = (bytes.as_mut_ptr().cast(), bytes.len());
        }
        let count = u32::try_from(TAKEN_MAX).unwrap_or(0);
        // SAFETY: every pointer is to memory that lives until the call is over, of the length that
        // is said; a null timeout means none.
        let taken = unsafe {
            libc::recvmmsg(
                self.fd.as_raw_fd(),
                messages.as_mut_ptr(),
                count,
                libc::MSG_DONTWAIT,
                std::ptr::null_mut(),
            )
        };
        let taken = usize::try_from(taken).map_err(|_| io::Error::last_os_error())?;
        let datagrams = messages.iter().zip(&from).enumerate().take(taken);
        Ok(datagrams
            .map(|(at, (message, from))| {
                // SAFETY: zeroed above, and the kernel wrote at most an address into it.
                let from = unsafe { from.assume_init_ref() };
                Datagram {
                    offset: at.saturating_mul(ROOM),
                    len: head.saturating_add(message.msg_len as usize),
                    from: Ipv4Addr::from(from.sin_addr.s_addr.to_ne_bytes()),
                    from_port: u16::from_be(from.sin_port),
                    beside: beside(&message.msg_hdr),
                }
            })
            .collect())
    }
}

/// Reads the control messages of one datagram.
fn beside(header: &msghdr) -> Beside {
    let mut told = Beside::default();
    // SAFETY: the header is one that the kernel filled in.
    let mut at = unsafe { libc::CMSG_FIRSTHDR(header) };
    while !at.is_null() {
        // SAFETY: not null, so it is a whole control header within the buffer.
        let control = unsafe { &*at };
        let (level, kind) = (control.cmsg_level, control.cmsg_type);
        // SAFETY: as above.
        let data = unsafe { libc::CMSG_DATA(at) };
        if level == libc::SOL_SOCKET && kind == libc::SCM_TIMESTAMPNS {
            // SAFETY: this kind carries a timespec.
            let stamp = unsafe { data.cast::<libc::timespec>().read_unaligned() };
            let nanos = u32::try_from(stamp.tv_nsec).unwrap_or(0);
            told.stamp = Some(Time::new(stamp.tv_sec, nanos));
        }
        if level == libc::SOL_SOCKET && kind == libc::SO_RXQ_OVFL {
            // SAFETY: this kind carries a count of 32 bits.
            told.dropped = Some(unsafe { data.cast::<u32>().read_unaligned() });
        }
        // SAFETY: both are of the same message.
        at = unsafe { libc::CMSG_NXTHDR(header, at) };
    }
    told
}

/// Puts the headers back that the kernel took off a UDP datagram.
fn put_headers(room: &mut [u8], datagram: &Datagram, to: Ipv4Addr, port: u16) {
    let len = u16::try_from(datagram.len).unwrap_or(u16::MAX);
    let [t0, t1] = len.to_be_bytes();
    let [u0, u1] = len.saturating_sub(20).to_be_bytes();
    let [a, b, c, d] = datagram.from.octets();
    let [e, f, g, h] = to.octets();
    let [s0, s1] = datagram.from_port.to_be_bytes();
    let [p0, p1] = port.to_be_bytes();
    // Without identification and checksums: those that came were right, or it were not here.
    let headers: [u8; HEADERS] = [
        0x45, 0, t0, t1, 0, 0, 0x40, 0, 64, UDP, 0, 0, a, b, c, d, e, f, g, h, s0, s1, p0, p1, u0,
        u1, 0, 0,
    ];
    if let Some(place) = room.get_mut(..HEADERS) {
        place.copy_from_slice(&headers);
    }
}

impl Source for Remote {
    fn fill(&mut self, batch: &mut Batch) -> Result<Fill, CaptureError> {
        if !self.wait() {
            batch.now = self.clock.idle(machine_time());
            batch.upto = self.clock.upto();
            return Ok(Fill::More);
        }
        let waits = self.sockets.iter().map(Socket::backlog);
        batch.backlog = waits.max().unwrap_or(0);
        let count = self.sockets.len().max(1);
        for turn in 0..count {
            let at = self.next.saturating_add(turn) % count;
            self.read(at, batch);
        }
        self.next = self.next.saturating_add(1) % count;
        batch.now = self.clock.now();
        batch.upto = self.clock.upto();
        Ok(Fill::More)
    }

    fn interfaces(&self) -> &[String] {
        &self.names
    }

    fn losses(&mut self) -> Losses {
        let sum = |of: fn(&Socket) -> u64| self.sockets.iter().map(of).sum::<u64>();
        let kernel = sum(|socket| socket.dropped);
        Losses {
            received: kernel.saturating_add(sum(|socket| socket.taken)),
            kernel,
            interface: 0,
        }
    }

    fn samples(&self) -> Vec<Sample> {
        vec![sockets("remote", "datagrams", self.sockets.len())]
    }
}

impl Remote {
    /// Reads one socket into a block of its own.
    fn read(&mut self, at: usize, batch: &mut Batch) {
        let Some(socket) = self.sockets.get_mut(at) else {
            return;
        };
        let mut block = self.pool.take();
        let room = block.writable();
        // Nothing there is no error, and of an error the next wait tells.
        let datagrams = socket.take(room).unwrap_or_default();
        let index = u16::try_from(batch.blocks.len()).unwrap_or(u16::MAX);
        for datagram in &datagrams {
            if let (Some(port), Some(room)) = (socket.port, room.get_mut(datagram.offset..)) {
                put_headers(room, datagram, self.address, port);
            }
            socket.taken = socket.taken.saturating_add(1);
            if let Some(dropped) = datagram.beside.dropped {
                socket.dropped = grown(socket.dropped, dropped);
            }
            let time = datagram.beside.stamp.unwrap_or_else(machine_time);
            let (no, now) = self.clock.frame(time);
            let len = u32::try_from(datagram.len).unwrap_or(u32::MAX);
            batch.frames.push(Frame {
                no,
                time,
                now,
                block: index,
                offset: u32::try_from(datagram.offset).unwrap_or(u32::MAX),
                len,
                wire_len: len,
                link: LinkType::RAW,
                interface: u16::try_from(at).unwrap_or(u16::MAX),
                vlan: None,
            });
        }
        if datagrams.is_empty() {
            self.pool.put(block);
        } else {
            batch.blocks.push(Block::clone(&block));
            self.pool.put(block);
        }
    }
}

/// A count of 32 bits that grew, and may have begun anew at 0.
fn grown(before: u64, now: u32) -> u64 {
    let low = u32::try_from(before & u64::from(u32::MAX)).unwrap_or(0);
    before.saturating_add(now.wrapping_sub(low).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::{Net, Transport, decode};

    fn settings(port: u16) -> Settings {
        Settings {
            address: Ipv4Addr::LOCALHOST,
            ports: vec![port],
            gre: false,
            buffer_bytes: 1 << 20,
        }
    }

    /// A free port: somebody else may take it before we do, which the test then says.
    fn free_port() -> u16 {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.local_addr().unwrap().port()
    }

    #[test]
    fn datagrams_become_the_packets_that_they_were() {
        let port = free_port();
        let mut remote = Remote::open(&settings(port)).unwrap();
        let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
        for n in 0..100_u8 {
            sender.send_to(&[n; 50], ("127.0.0.1", port)).unwrap();
        }
        let mut batch = Batch::default();
        let mut seen = Vec::new();
        while seen.len() < 100 {
            batch.clear();
            remote.fill(&mut batch).unwrap();
            for frame in &batch.frames {
                let bytes = frame.bytes(&batch.blocks);
                let packet = decode(frame, bytes).unwrap();
                let Net::Ip(ip) = packet.net else {
                    panic!("no IP")
                };
                let Transport::Udp {
                    src, dest, payload, ..
                } = ip.transport
                else {
                    panic!("no UDP")
                };
                assert_eq!(src, sender.local_addr().unwrap().port());
                assert_eq!(dest, port);
                seen.push(payload.of(bytes).to_vec());
            }
        }
        let sent: Vec<Vec<u8>> = (0..100_u8).map(|n| vec![n; 50]).collect();
        assert_eq!(seen, sent);
        assert_eq!(remote.losses().received, 100);
    }

    #[test]
    fn what_the_kernel_drops_is_counted() {
        let port = free_port();
        let few = Settings {
            buffer_bytes: 4096,
            ..settings(port)
        };
        let mut remote = Remote::open(&few).unwrap();
        let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
        let flood = |count| {
            for _ in 0..count {
                sender.send_to(&[0; 1000], ("127.0.0.1", port)).unwrap();
            }
        };
        flood(200);
        let mut batch = Batch::default();
        for _ in 0..3 {
            batch.clear();
            remote.fill(&mut batch).unwrap();
            // The count comes with the next datagram.
            flood(1);
        }
        let losses = remote.losses();
        assert!(losses.kernel > 100, "{losses:?}");
    }

    #[test]
    fn what_waits_in_a_socket_is_told_in_percent() {
        let port = free_port();
        let small = Settings {
            buffer_bytes: 256 << 10,
            ..settings(port)
        };
        let mut remote = Remote::open(&small).unwrap();
        let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
        let mut batch = Batch::default();
        let mut told = |count: u32| {
            for _ in 0..count {
                sender.send_to(&[0; 1400], ("127.0.0.1", port)).unwrap();
            }
            batch.clear();
            remote.fill(&mut batch).unwrap();
            batch.backlog
        };
        let little = told(1);
        assert!(little <= 5, "{little}");
        let full = told(2000);
        assert!(full >= 90, "{full}");
        let mut less = full;
        while less > 0 {
            let now = told(0);
            assert!(now <= less, "{less} {now}");
            less = now;
        }
        // What was dropped is told with the next datagram.
        told(1);
        assert!(
            remote.losses().kernel > 0,
            "more was sent than there is room for"
        );
    }

    #[test]
    fn a_port_that_somebody_has_is_said() {
        let taken = UdpSocket::bind("127.0.0.1:0").unwrap();
        let port = taken.local_addr().unwrap().port();
        let error = Remote::open(&settings(port)).err().unwrap().to_string();
        assert!(error.contains("somebody else has this port"), "{error}");
    }

    #[test]
    fn counts_of_32_bits_go_on() {
        assert_eq!(grown(5, 9), 9);
        assert_eq!(grown(u64::from(u32::MAX), 3), u64::from(u32::MAX) + 4);
    }
}
