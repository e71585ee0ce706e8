//! Live capture through libpcap. It listens and never sends: the handle is opened for reading, and
//! nothing here has a way to write to it.

use std::time::{Duration, UNIX_EPOCH};

use parsers::time::Time;
use pcap::{Active, Capture, Direction, Error, Precision};

use crate::batch::{Block, Frame, LinkType};
use crate::capture::blocks::{FRAME_BYTES_MAX, Pool, writable};
use crate::capture::clock::Clock;
use crate::capture::{Batch, CaptureError, Fill, Losses, Source};

/// How to listen.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The interface's name.
    pub interface: String,
    /// Bytes kept of a frame, at most 256 KiB.
    pub snap_len: u32,
    /// Bytes of the kernel's ring: what bridges the moments in which nobody reads.
    pub ring_bytes: u32,
    /// Whether frames not meant for this machine are taken too, as a mirror port needs.
    pub promiscuous: bool,
    /// Whether frames that this machine itself sends are left out.
    pub inbound_only: bool,
    /// A filter in the language of tcpdump, or nothing.
    pub filter: Option<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            interface: String::new(),
            snap_len: 65_535,
            ring_bytes: 64 << 20,
            promiscuous: true,
            inbound_only: false,
            filter: None,
        }
    }
}

/// How long the kernel gathers frames before it shows them, in ms: what a frame waits at most.
const GATHER_MS: i32 = 10;

/// How long to wait before looking again. libpcap can wait itself, but on a quiet Linux ring
/// it waits for the next frame however long that takes, and time would stand still.
const LOOK_AGAIN: Duration = Duration::from_millis(1);

/// Looks without a frame after which the time is told all the same: a tenth of a second.
const IDLE_LOOKS: usize = 100;

/// The most frames of a batch.
const BATCH_FRAMES_MAX: usize = 1024;

/// Bytes of a block. Smaller than a file's, since a quiet network leaves blocks almost empty while
/// workers have them.
const BLOCK_BYTES: usize = 2 * FRAME_BYTES_MAX;

/// Listens on an interface.
pub struct Live {
    capture: Capture<Active>,
    interface: [String; 1],
    link: LinkType,
    nanos: bool,
    pool: Pool,
    clock: Clock,
    losses: Losses,
}

impl Live {
    /// Opens the interface.
    ///
    /// # Errors
    /// There is none of that name, this process may not listen on it, or the filter is wrong.
    pub fn open(settings: &Settings) -> Result<Self, CaptureError> {
        let refused = |what: String| CaptureError::Interface {
            interface: settings.interface.clone(),
            what,
        };
        // Nanoseconds where the adapter has them; libpcap refuses where it cannot scale.
        let nanos = activate(settings, Precision::Nano);
        let (mut capture, nanos) = match nanos {
            Ok(capture) => (capture, true),
            Err(_) => match activate(settings, Precision::Micro) {
                Ok(capture) => (capture, false),
                Err(e) => return Err(refused(explain(&e))),
            },
        };
        if let Some(filter) = &settings.filter {
            capture
                .filter(filter, true)
                .map_err(|e| refused(format!("filter {filter:?}: {}", text(&e))))?;
        }
        if settings.inbound_only && capture.direction(Direction::In).is_err() {
            return Err(refused(
                "cannot leave out what this machine sends: set inbound_only to false".to_owned(),
            ));
        }
        capture = capture.setnonblock().map_err(|e| refused(explain(&e)))?;
        let link = capture.get_datalink().0;
        Ok(Self {
            capture,
            interface: [settings.interface.clone()],
            link: LinkType(u16::try_from(link).unwrap_or(u16::MAX)),
            nanos,
            pool: Pool::new(BLOCK_BYTES),
            clock: Clock::default(),
            losses: Losses::default(),
        })
    }

    /// Takes what the kernel has.
    fn dispatch(&mut self, batch: &mut Batch) -> Result<usize, Error> {
        let mut taken = Taken {
            block: None,
            used: 0,
            pool: &mut self.pool,
            clock: &mut self.clock,
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

    /// A last look at the kernel's counters, and why listening ended.
    fn gone(&self, error: &Error) -> CaptureError {
        let [interface] = &self.interface;
        CaptureError::Interface {
            interface: interface.clone(),
            what: format!("listening ended: {}", text(error)),
        }
    }
}

impl Source for Live {
    fn fill(&mut self, batch: &mut Batch) -> Result<Fill, CaptureError> {
        for _ in 0..IDLE_LOOKS {
            match self.dispatch(batch) {
                Ok(0) | Err(Error::TimeoutExpired) => look_again_later(),
                Ok(_) => {
                    batch.now = self.clock.now();
                    return Ok(Fill::More);
                }
                Err(e) => return Err(self.gone(&e)),
            }
        }
        batch.now = self.clock.tick(machine_time());
        Ok(Fill::More)
    }

    fn interfaces(&self) -> &[String] {
        &self.interface
    }

    fn losses(&mut self) -> Losses {
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
        if let Some(room) = writable(block).get_mut(self.used..end) {
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

#[expect(
    clippy::disallowed_methods,
    reason = "this is Source::fill, the one place that may wait"
)]
fn look_again_later() {
    std::thread::sleep(LOOK_AGAIN);
}

/// What libpcap said, and what to do.
fn explain(error: &Error) -> String {
    let said = text(error);
    let lower = said.to_lowercase();
    if lower.contains("permission") || lower.contains("not permitted") {
        return "not allowed to listen: run as root, or give the program CAP_NET_RAW".to_owned();
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

/// What the machine's clock says, as frames are stamped by it too.
fn machine_time() -> Time {
    #[expect(
        clippy::disallowed_types,
        reason = "the capture clock of an idle poll: the kernel stamps frames with the same"
    )]
    let since = std::time::SystemTime::now().duration_since(UNIX_EPOCH);
    let nanos = since.map(|d| d.as_nanos()).unwrap_or_default();
    Time(i64::try_from(nanos).unwrap_or(i64::MAX))
}
