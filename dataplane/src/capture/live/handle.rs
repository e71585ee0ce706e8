//! An open interface: libpcap's handle, and waiting for it.

use parsers::time::Time;
use pcap::{Active, Capture, Direction, Error, Precision};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::sockopt::socket_error;

use super::{IDLE, Settings, link, wait};
use crate::batch::{Block, Frame, LinkType};
use crate::capture::blocks::{FRAME_BYTES_MAX, Pool};
use crate::capture::clock::Clock;
use crate::capture::{Batch, Losses};

/// How long the kernel gathers frames before it shows them, in ms: what a frame waits at most.
const GATHER_MS: i32 = 10;

/// The most frames of a batch.
const BATCH_FRAMES_MAX: usize = 1024;

/// Bytes of a block. Smaller than a file's, since a quiet network leaves blocks almost empty while
/// workers have them.
const BLOCK_BYTES: usize = 2 * FRAME_BYTES_MAX;

/// What came of waiting.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Took {
    Frames,
    Nothing,
}

/// An open interface.
pub(super) struct Handle {
    capture: Capture<Active>,
    /// The kernel's number of the interface: a name may come back as another one.
    index: u32,
    link: LinkType,
    nanos: bool,
    pool: Pool,
    losses: Losses,
}

impl Handle {
    /// Opens the interface, or says what is in the way and what to do.
    pub(super) fn open(settings: &Settings) -> Result<Self, String> {
        // Nanoseconds where the adapter has them; libpcap refuses where it cannot scale.
        let nanos = activate(settings, Precision::Nano);
        let (mut capture, nanos) = match nanos {
            Ok(capture) => (capture, true),
            Err(_) => match activate(settings, Precision::Micro) {
                Ok(capture) => (capture, false),
                Err(e) => return Err(explain(&e)),
            },
        };
        if let Some(filter) = &settings.filter {
            capture
                .filter(filter, true)
                .map_err(|e| format!("filter {filter:?}: {}", text(&e)))?;
        }
        if settings.inbound_only && capture.direction(Direction::In).is_err() {
            return Err(
                "cannot leave out what this machine sends: set inbound_only to false".to_owned(),
            );
        }
        capture = capture.setnonblock().map_err(|e| explain(&e))?;
        let link = capture.get_datalink().0;
        Ok(Self {
            capture,
            index: link::index(&settings.interface),
            link: LinkType(u16::try_from(link).unwrap_or(u16::MAX)),
            nanos,
            pool: Pool::new(BLOCK_BYTES),
            losses: Losses::default(),
        })
    }

    /// The kernel's number of the interface, as it was opened.
    pub(super) const fn interface_index(&self) -> u32 {
        self.index
    }

    /// Waits for frames, not for ever, and takes those that the kernel has.
    ///
    /// libpcap can wait itself, but on a quiet Linux ring it waits for the next frame however long
    /// that takes, and time would stand still.
    pub(super) fn fill(&mut self, batch: &mut Batch, clock: &mut Clock) -> Result<Took, String> {
        if !self.wait() {
            return Ok(Took::Nothing);
        }
        match self.dispatch(batch, clock) {
            Ok(0) | Err(Error::TimeoutExpired) => Ok(Took::Nothing),
            Ok(_) => Ok(Took::Frames),
            Err(e) => Err(format!("listening ended: {}", text(&e))),
        }
    }

    /// Whether frames came before it was time to tell the time.
    fn wait(&self) -> bool {
        let timeout = Timespec::try_from(IDLE).ok();
        let mut fds = [PollFd::new(&self.capture, PollFlags::IN)];
        // An interrupted wait is a short one.
        let ready = poll(&mut fds, timeout.as_ref()).unwrap_or(0);
        let [fd] = &fds;
        if fd.revents().contains(PollFlags::IN) {
            return true;
        }
        if ready > 0 {
            // The interface went down. Reading the socket's error takes it away; a condition that
            // stays all the same must not keep a processor busy.
            let _taken = socket_error(&self.capture);
            wait();
        }
        false
    }

    /// Takes what the kernel has.
    fn dispatch(&mut self, batch: &mut Batch, clock: &mut Clock) -> Result<usize, Error> {
        let mut taken = Taken {
            block: None,
            used: 0,
            pool: &mut self.pool,
            clock,
            batch,
            link: self.link,
            nanos: self.nanos,
        };
        let result = self
            .capture
            .dispatch(Some(BATCH_FRAMES_MAX), |packet| taken.take(&packet));
        taken.share();
        result
    }

    /// What the kernel and the adapter lost since it was opened.
    pub(super) fn losses(&mut self) -> Losses {
        if let Ok(now) = self.capture.stats() {
            // The kernel counts in 32 bits and starts again.
            let grown = |total: u64, now: u32| {
                let seen = u32::try_from(total & u64::from(u32::MAX)).unwrap_or_default();
                total.saturating_add(u64::from(now.wrapping_sub(seen)))
            };
            self.losses = Losses {
                received: grown(self.losses.received, now.received),
                kernel: grown(self.losses.kernel, now.dropped),
                interface: grown(self.losses.interface, now.if_dropped),
            };
        }
        self.losses
    }
}

/// Frames on their way from the kernel's ring into a block: the one copy there is.
struct Taken<'a> {
    /// Taken when the first frame comes.
    block: Option<Block>,
    used: usize,
    pool: &'a mut Pool,
    clock: &'a mut Clock,
    batch: &'a mut Batch,
    link: LinkType,
    nanos: bool,
}

impl Taken<'_> {
    fn take(&mut self, packet: &pcap::Packet<'_>) {
        let bytes = packet.data.get(..FRAME_BYTES_MAX).unwrap_or(packet.data);
        if self.used.saturating_add(bytes.len()) > BLOCK_BYTES {
            self.share();
        }
        let end = self.used.saturating_add(bytes.len());
        let block = self.block.get_or_insert_with(|| self.pool.take());
        if let Some(room) = block.writable().get_mut(self.used..end) {
            room.copy_from_slice(bytes);
        }
        let len = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        let fraction = packet.header.ts.tv_usec;
        // With nanosecond precision libpcap puts nanoseconds where microseconds were.
        let nanos = if self.nanos {
            fraction
        } else {
            fraction.saturating_mul(1000)
        };
        let time = Time::new(packet.header.ts.tv_sec, u32::try_from(nanos).unwrap_or(0));
        let (no, now) = self.clock.frame(time);
        self.batch.frames.push(Frame {
            no,
            time,
            now,
            block: u16::try_from(self.batch.blocks.len()).unwrap_or(u16::MAX),
            offset: u32::try_from(self.used).unwrap_or(u32::MAX),
            len,
            wire_len: packet.header.len.max(len),
            link: self.link,
            interface: 0,
            vlan: None,
        });
        self.used = end;
    }

    /// Hands the block to the batch.
    fn share(&mut self) {
        if let Some(full) = self.block.take() {
            self.batch.blocks.push(full.clone());
            self.pool.put(full);
        }
        self.used = 0;
    }
}

fn activate(settings: &Settings, precision: Precision) -> Result<Capture<Active>, Error> {
    let most = u32::try_from(FRAME_BYTES_MAX).unwrap_or(u32::MAX);
    let signed = |n: u32| i32::try_from(n).unwrap_or(i32::MAX);
    Capture::from_device(settings.interface.as_str())?
        .promisc(settings.promiscuous)
        .snaplen(signed(settings.snap_len.clamp(64, most)))
        .buffer_size(signed(settings.ring_bytes))
        .timeout(GATHER_MS)
        .precision(precision)
        .open()
}

/// What libpcap said, and what to do.
fn explain(error: &Error) -> String {
    let said = text(error);
    let lower = said.to_lowercase();
    if lower.contains("permission") || lower.contains("not permitted") {
        return "not allowed to listen: run as root, or give the program CAP_NET_RAW \
                (sudo setcap cap_net_raw+ep on it)"
            .to_owned();
    }
    if lower.contains("no such device") || lower.contains("doesn't exist") {
        return "no such interface: `ip link` lists those there are".to_owned();
    }
    if lower.contains("not up") || lower.contains("is down") {
        return "the interface is down: `ip link set <interface> up`".to_owned();
    }
    said
}

/// libpcap's own words, without the crate's prefix, on one line.
fn text(error: &Error) -> String {
    let said = error.to_string();
    let said = said.strip_prefix("libpcap error: ").unwrap_or(&said);
    said.replace('\n', " ")
}
