//! Frames straight from a network adapter, through DPDK: a source for each receive queue.
//!
//! Mbufs are read where the adapter put them and given back, a whole batch at once, when the last
//! frame of the batch is let go. Nothing is ever sent: the port has no queue to send with.
//!
//! The environment (EAL) can be initialised only once a process, and a port can be opened only
//! once in it. What EAL itself has to say it says on stderr.

mod eal;
mod idle;
mod pool;
mod port;
mod spread;
mod stamps;
mod statistics;

use std::sync::Arc;

use dpdk_sys::{VW_SEGMENTS, VW_STAMPED, VW_VLAN, vw_frame};
use parsers::time::{NANOS_PER_SEC, Time};
use pcap::{BpfProgram, Capture, Linktype};

use crate::batch::{Block, Frame, LinkType};
use crate::capture::blocks::{FRAME_BYTES_MAX, Pool as Blocks};
use crate::capture::clock::Clock;
use crate::capture::live::machine_time;
use crate::capture::{Batch, CaptureError, Fill, Losses, Source};
use crate::telemetry::Sample;
use idle::Idle;
use pool::{Burst, Pool};
use port::Port;
use stamps::Stamps;

pub use eal::in_its_thread;
pub use port::About;
pub use spread::Spread;

/// How to listen.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Settings {
    /// Arguments for EAL, without the program's name. Without a choice of processors among them,
    /// EAL has one thread, which does nothing, on those that this process may use.
    pub eal_args: Vec<String>,
    /// The port: its number, or its device's name, as `0000:3b:00.0` or `net_pcap0`.
    pub port: String,
    /// Queues: 0 takes one for each worker if the device spreads flows over them, else one.
    pub queues: u16,
    /// Mbufs of each queue: those that the adapter has, and those that hold frames not yet let go.
    pub mbufs: u32,
    /// Bytes of a frame that fit into an mbuf; longer frames are put together by copying them.
    pub mbuf_bytes: u16,
    /// Descriptors of each queue: what bridges the moments in which nobody reads.
    pub descriptors: u16,
    /// The most frames taken from the adapter at a time.
    pub burst: u16,
    /// What to do while nothing comes.
    pub poll: Poll,
    /// Bytes kept of a frame.
    pub snap_len: u32,
    /// Whether frames not meant for this machine are taken too, as a mirror port needs.
    pub promiscuous: bool,
    /// A filter in the language of tcpdump, or nothing. It sees frames as they are in memory: a
    /// VLAN tag that the device took off is not there.
    pub filter: Option<String>,
}

/// What to do while nothing comes.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Poll {
    /// Look again at once, and keep the processor busy with it.
    Busy,
    /// Look again at once for a while, then sleep in between.
    #[default]
    Adaptive,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            eal_args: ["--in-memory", "--no-telemetry", "--log-level=4"]
                .map(str::to_owned)
                .to_vec(),
            port: "0".to_owned(),
            queues: 0,
            mbufs: 16_383,
            mbuf_bytes: 2048,
            descriptors: 4096,
            burst: 64,
            poll: Poll::Adaptive,
            snap_len: 65_535,
            promiscuous: true,
            filter: None,
        }
    }
}

/// The most frames of a batch: what is paid once a batch is paid rarely, and the frames are still
/// within the cache when it is given back. `benches/README.md` has the figures.
const BATCH_FRAMES_MAX: usize = 128;

/// Bytes of a block for frames that are put together.
const COPY_BYTES: usize = 2 * FRAME_BYTES_MAX;

/// The longest wait without a frame before the time is told all the same.
const IDLE_NANOS: i64 = NANOS_PER_SEC / 10;

/// Its driver is asked how full a queue is at most this often: some look at every descriptor.
const BACKLOG_NANOS: i64 = NANOS_PER_SEC / 1000;

/// The device is asked what it lost at most this often: that can be slow.
const ASK_NANOS: i64 = NANOS_PER_SEC / 10;

/// An open port.
pub struct Opened {
    /// A source for each queue.
    pub queues: Vec<Queue>,
    /// Whether there is one for each worker, which is to read it itself.
    pub steered: bool,
    /// The device's name.
    pub device: String,
    /// What it says of itself.
    pub about: About,
    /// What the operator should know of how it was opened.
    pub remark: Option<String>,
}

/// Opens the port, with a queue for each worker where that is wanted and possible.
///
/// # Errors
/// What is in the way, and what to do.
pub fn open(settings: &Settings, workers: usize) -> Result<Opened, CaptureError> {
    let failed = |what| CaptureError::Interface {
        interface: format!("dpdk port {}", settings.port),
        what,
    };
    let filters = filters(settings, workers).map_err(failed)?;
    eal::init(&settings.eal_args).map_err(failed)?;
    let (port, remark) = Port::open(settings, workers).map_err(failed)?;
    let port = Arc::new(port);
    let device = port.device().to_owned();
    let steered = port.pools().len() == workers;
    let clock = if steered {
        Clock::by_stamp()
    } else {
        Clock::default()
    };
    let of_queues = port.pools().iter().zip(filters).enumerate();
    let queues = of_queues.map(|(at, (pool, filter))| Queue {
        number: u16::try_from(at).unwrap_or(u16::MAX),
        taker: Taker {
            pool: Arc::clone(pool),
            stamps: port.stamps(),
            snap_len: settings.snap_len,
            clock,
            copies: Blocks::new(COPY_BYTES),
            copied: 0,
            filter,
            alter: None,
        },
        port: Arc::clone(&port),
        burst: settings.burst.max(1),
        poll: settings.poll,
        spare: None,
        described: Vec::new(),
        interface: [device.clone()],
        losses: Losses::default(),
        extended: Vec::new(),
        asked: None,
        backlog: None,
        backlog_at: Time::ZERO,
        blind: None,
    });
    Ok(Opened {
        queues: queues.collect(),
        steered,
        device,
        about: port.about().clone(),
        remark,
    })
}

/// The filter, compiled once for each queue that there may be.
fn filters(settings: &Settings, queues: usize) -> Result<Vec<Option<BpfProgram>>, String> {
    let Some(text) = &settings.filter else {
        return Ok(std::iter::repeat_with(|| None)
            .take(queues.max(1))
            .collect());
    };
    let compile = || Capture::dead(Linktype::ETHERNET)?.compile(text, true);
    let compiled: Result<Vec<_>, _> = std::iter::repeat_with(compile)
        .take(queues.max(1))
        .collect();
    match compiled {
        Ok(programs) => Ok(programs.into_iter().map(Some).collect()),
        Err(error) => Err(format!("filter {text:?}: {error}")),
    }
}

/// Changes a frame where it lies, before anybody has seen it.
pub type Alter = Box<dyn FnMut(&mut [u8]) + Send>;

/// Listens on a queue of a port.
pub struct Queue {
    number: u16,
    taker: Taker,
    port: Arc<Port>,
    burst: u16,
    poll: Poll,
    /// An empty burst, of a time that brought nothing.
    spare: Option<Burst>,
    /// What the last burst brought; kept for what it allocated.
    described: Vec<vw_frame>,
    interface: [String; 1],
    losses: Losses,
    extended: Vec<(String, u64)>,
    /// When the device was last asked what it lost.
    asked: Option<Time>,
    /// How full the queue was when last asked, where the driver knows.
    backlog: Option<u8>,
    backlog_at: Time,
    blind: Option<String>,
}

impl Queue {
    /// The same, with every frame changed: for measurements, in which the same frames come again
    /// and again and should not look so.
    #[must_use]
    pub fn altered(mut self, alter: Alter) -> Self {
        self.taker.alter = Some(alter);
        self
    }

    /// Takes what the queue has, in bursts, until it has no more or the batch is full.
    fn take(&mut self, batch: &mut Batch) {
        let spare = self.spare.take();
        let mut burst = spare.unwrap_or_else(|| Burst::new(&self.taker.pool, BATCH_FRAMES_MAX));
        let mut copies = Copies::default();
        while let Some(room) = BATCH_FRAMES_MAX.checked_sub(burst.len()).filter(|n| *n > 0) {
            let wanted = self.burst.min(u16::try_from(room).unwrap_or(u16::MAX));
            let stamps = self.taker.stamps.place;
            let first = burst.len();
            let got = burst.receive(&self.port, self.number, stamps, wanted, &mut self.described);
            if got == 0 {
                break;
            }
            if first == 0 {
                // Its place, until all that belongs to it is there.
                batch.blocks.push(Block::own(Arc::default()));
            }
            let now = machine_time();
            for (at, frame) in (first..).zip(&self.described) {
                self.taker.frame(&burst, at, frame, now, &mut copies, batch);
            }
            if got < usize::from(wanted) {
                break;
            }
        }
        self.taker.finish(copies, batch);
        match batch.blocks.first_mut() {
            Some(place) => *place = Block::lent(Arc::new(burst)),
            None => self.spare = Some(burst),
        }
        if batch.frames.is_empty() {
            // The filter left nothing.
            batch.blocks.clear();
        }
    }

    /// How much of what holds frames is full, in percent: the adapter's queue, where its driver
    /// knows, or the mbufs that frames still have.
    fn backlog(&mut self, now: Time) -> u8 {
        if !(0..BACKLOG_NANOS).contains(&now.since(self.backlog_at)) {
            self.backlog_at = now;
            self.backlog = self.port.backlog(self.number);
        }
        self.backlog.unwrap_or(0).max(self.taker.pool.lent())
    }

    /// Nothing came: is there still something that could come?
    fn look(&mut self, now: Time) {
        self.blind = self.port.blind().map(str::to_owned);
        self.taker.stamps.correct(&self.port, now);
        self.ask(now);
    }

    /// Asks the device what it lost. It counts for all queues together: the first one tells.
    fn ask(&mut self, now: Time) {
        self.asked = Some(now);
        if self.number == 0 {
            self.losses = self.port.losses();
            self.port.extended(&mut self.extended);
        }
    }
}

impl Source for Queue {
    fn fill(&mut self, batch: &mut Batch) -> Result<Fill, CaptureError> {
        eal::register_thread();
        let mut idle = Idle::new(self.poll);
        let mut since = None;
        loop {
            self.take(batch);
            let now = machine_time();
            if !batch.frames.is_empty() {
                self.blind = None;
                self.taker.stamps.correct(&self.port, now);
                batch.backlog = self.backlog(now);
                batch.now = self.taker.clock.now();
                return Ok(Fill::More);
            }
            let since: &Time = since.get_or_insert(now);
            let waited = now.since(*since);
            if !(0..IDLE_NANOS).contains(&waited) {
                self.look(now);
                batch.now = self.taker.clock.idle(now);
                batch.upto = self.taker.clock.upto();
                return Ok(Fill::More);
            }
            idle.wait();
        }
    }

    fn interfaces(&self) -> &[String] {
        &self.interface
    }

    fn losses(&mut self) -> Losses {
        let now = machine_time();
        let fresh = |asked: Time| (0..ASK_NANOS).contains(&now.since(asked));
        if !self.asked.is_some_and(fresh) {
            self.ask(now);
        }
        self.losses
    }

    fn samples(&self) -> Vec<Sample> {
        let queue = vec![("queue", self.number.to_string())];
        let copied = Sample {
            name: "vitalwire_capture_dpdk_copied_frames_total",
            help: "frames that came in several pieces and were put together",
            counter: true,
            labels: queue,
            value: self.taker.copied,
        };
        let extended = self.extended.iter().map(|(name, value)| Sample {
            name: "vitalwire_capture_dpdk_port_total",
            help: "what the device's driver counts, by its own names",
            counter: true,
            labels: vec![("statistic", name.clone())],
            value: *value,
        });
        let backlog = self.backlog.map(|percent| Sample {
            name: "vitalwire_capture_dpdk_queue_full_percent",
            help: "how full the adapter's queue is; not there where its driver does not know",
            counter: false,
            labels: vec![("queue", self.number.to_string())],
            value: percent.into(),
        });
        std::iter::once(copied)
            .chain(extended)
            .chain(backlog)
            .collect()
    }

    fn blind(&self) -> Option<&str> {
        self.blind.as_deref()
    }
}

/// The block of a batch that is the burst's memory.
const LENT: u16 = 0;

/// Makes frames of what was received.
struct Taker {
    pool: Arc<Pool>,
    stamps: Stamps,
    snap_len: u32,
    clock: Clock,
    copies: Blocks,
    copied: u64,
    filter: Option<BpfProgram>,
    alter: Option<Alter>,
}

/// The block for frames that are put together, while it is filled.
#[derive(Default)]
struct Copies {
    block: Option<Block>,
    /// Its place in the batch.
    index: u16,
    used: usize,
}

impl Taker {
    /// Adds a frame of a burst to the batch.
    #[inline]
    fn frame(
        &mut self,
        burst: &Burst,
        at: usize,
        received: &vw_frame,
        now: Time,
        copies: &mut Copies,
        batch: &mut Batch,
    ) {
        let whole = received.flags & VW_SEGMENTS == 0;
        let place = self.pool.offset(received.data, received.len);
        let (at_block, offset, len) = match place {
            Some(offset) if whole => {
                let len = received.len.min(self.snap_len);
                if let Some(alter) = &mut self.alter {
                    burst.alter(at, received, alter);
                }
                (LENT, offset, len)
            }
            _ => self.copy(burst, at, received.len, copies, batch),
        };
        if let Some(filter) = &self.filter {
            let bytes = match &copies.block {
                Some(block) if at_block != LENT => block.get(offset as usize, len as usize),
                _ => burst.bytes(at, received).get(..len as usize),
            };
            if !bytes.is_some_and(|bytes| filter.filter(bytes)) {
                return;
            }
        }
        let stamped = received.flags & VW_STAMPED != 0;
        let time = self
            .stamps
            .time(stamped.then_some(received.stamp))
            .unwrap_or(now);
        let (no, now) = self.clock.frame(time);
        batch.frames.push(Frame {
            no,
            time,
            now,
            block: at_block,
            offset,
            len,
            wire_len: received.len,
            link: LinkType::ETHERNET,
            interface: 0,
            vlan: (received.flags & VW_VLAN != 0).then_some(received.vlan),
        });
    }

    /// Puts a frame of several pieces together; gives its block, offset and length.
    #[cold]
    fn copy(
        &mut self,
        burst: &Burst,
        at: usize,
        len: u32,
        copies: &mut Copies,
        batch: &mut Batch,
    ) -> (u16, u32, u32) {
        let most = u32::try_from(FRAME_BYTES_MAX).unwrap_or(u32::MAX);
        let len = len.min(self.snap_len).min(most);
        let end = copies.used.saturating_add(len as usize);
        if end > COPY_BYTES {
            self.finish(std::mem::take(copies), batch);
        }
        if copies.block.is_none() {
            copies.block = Some(self.copies.take());
            copies.index = u16::try_from(batch.blocks.len()).unwrap_or(u16::MAX);
            batch.blocks.push(Block::own(Arc::default()));
        }
        let from = copies.used;
        let end = from.saturating_add(len as usize);
        let room = copies
            .block
            .as_mut()
            .map(Block::writable)
            .unwrap_or_default();
        let room = room.get_mut(from..end).unwrap_or_default();
        let copied = burst.copy(at, room);
        copies.used = end;
        self.copied = self.copied.saturating_add(1);
        (
            copies.index,
            u32::try_from(from).unwrap_or(u32::MAX),
            copied,
        )
    }

    /// Puts the block of copies where an empty one stands for it.
    fn finish(&mut self, copies: Copies, batch: &mut Batch) {
        let Some(block) = copies.block else {
            return;
        };
        if let Some(place) = batch.blocks.get_mut(usize::from(copies.index)) {
            *place = block.clone();
        }
        self.copies.put(block);
    }
}

#[cfg(test)]
mod tests;
