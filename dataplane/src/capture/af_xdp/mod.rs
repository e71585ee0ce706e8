//! Live capture through AF_XDP sockets, one for each queue of the adapter: frames are taken before
//! the kernel's network stack, which sees none of them. Nothing here can send: the sockets have no
//! ring for it.
//!
//! XDP tells no time, so frames are stamped when they are read; and no VLAN tag that the adapter
//! took off, so it must not (`ethtool -K span0 rxvlan off`). Which queue a frame comes to is the
//! adapter's choice, by outer addresses: one source reads all queues, and the spread stage finds
//! the flows.

mod pieces;
mod program;
mod queue;
mod ring;
mod umem;

use std::sync::Arc;
use std::time::Duration;

use parsers::time::Time;
use pcap::{BpfProgram, Capture, Linktype};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::sockopt::socket_error;

use crate::batch::{Block, Frame, LinkType};
use crate::capture::blocks::BATCH_FRAMES_MAX;
use crate::capture::clock::Clock;
use crate::capture::live::nic::Nic;
use crate::capture::live::{IDLE, Prepare, Retry, link, machine_time, pause};
use crate::capture::{Batch, CaptureError, Fill, Losses, Source};
use crate::telemetry::{Sample, counter, monotonic_nanos, sockets};
use pieces::Joined;
use program::Program;
use queue::{Queue, Taken};
use umem::Run;

/// How to listen.
#[derive(Clone)]
pub struct Settings {
    /// The interface's name.
    pub interface: String,
    /// Bytes of all queues' memory together; each has 2 MiB at least.
    pub ring_bytes: usize,
    /// Whether frames not meant for this machine are taken too, as a mirror port needs.
    pub promiscuous: bool,
    /// A filter in the language of tcpdump, or nothing.
    pub filter: Option<String>,
    /// How long to look again and again before waiting, in microseconds.
    pub busy_poll_micros: u32,
    /// The best that is tried.
    pub mode: Mode,
    /// Makes an interface that came back fit to be listened on, or says why it cannot.
    pub prepare: Option<Prepare>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            interface: String::new(),
            ring_bytes: 64 << 20,
            promiscuous: true,
            filter: None,
            busy_poll_micros: 0,
            mode: Mode::ZeroCopy,
            prepare: None,
        }
    }
}

/// How frames come from the adapter, the best first.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Mode {
    /// The driver puts them into our memory.
    ZeroCopy,
    /// The driver runs the program, and copies.
    Copy,
    /// The kernel runs the program for any driver, and copies.
    Generic,
}

impl Mode {
    /// As labels and people have it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ZeroCopy => "zero_copy",
            Self::Copy => "copy",
            Self::Generic => "generic",
        }
    }
}

/// Listens on all queues of an interface.
pub struct AfXdp {
    settings: Settings,
    interface: [String; 1],
    /// Nothing while the interface is gone.
    open: Option<Opened>,
    clock: Clock,
    /// What sockets lost that are closed by now.
    before: Losses,
    blind: Option<String>,
    retry: Retry,
    /// What could not be had as it was wanted.
    notes: Vec<String>,
}

/// Sockets, and the program that feeds them.
struct Opened {
    queues: Vec<Queue>,
    tally: Tally,
    index: u32,
    mode: Mode,
    /// The queue that is read first the next time.
    first: usize,
    interface_before: u64,
    losses: Losses,
    fill_empty: u64,
    asked: u32,
    /// Last, so that the program goes only when the sockets are closed.
    _program: Program,
}

/// Frames on their way into a batch.
struct Tally {
    filter: Option<Filter>,
    received: u64,
    filtered: u64,
}

/// libpcap's filter, run here: XDP has none.
struct Filter(BpfProgram);

impl AfXdp {
    /// Opens the interface.
    ///
    /// # Errors
    /// There is none of that name, this process may not listen on it so, or the filter is wrong.
    pub fn open(settings: &Settings) -> Result<Self, CaptureError> {
        let mut notes = Vec::new();
        let open = Opened::new(settings, &mut notes).map_err(|what| CaptureError::Interface {
            interface: settings.interface.clone(),
            what,
        })?;
        Ok(Self {
            settings: settings.clone(),
            interface: [settings.interface.clone()],
            open: Some(open),
            clock: Clock::default(),
            before: Losses::default(),
            blind: None,
            retry: Retry::default(),
            notes,
        })
    }

    /// What could not be had as it was wanted, for people.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// What it came to: how frames come, and on how many queues.
    #[must_use]
    pub fn mode(&self) -> Option<(Mode, usize)> {
        let open = self.open.as_ref();
        open.map(|open| (open.mode, open.queues.len()))
    }

    /// Nothing came: is there still an interface that something could come from?
    fn look(&mut self, opened: u32) {
        match link::state(&self.settings.interface) {
            link::State::Up(index) if index == opened => self.blind = None,
            // The sockets stay with their interface.
            link::State::Down(index, why) if index == opened => self.blind = Some(why.to_owned()),
            link::State::Up(_) | link::State::Down(..) => self.close("was replaced"),
            link::State::Gone => self.close("is gone"),
        }
    }

    fn close(&mut self, why: &str) {
        self.before = self.losses();
        self.open = None;
        self.blind = Some(why.to_owned());
        self.retry = Retry::default();
    }

    /// Opens the interface anew, if it is time and it is there.
    fn reopen(&mut self) {
        if !self.retry.is_due() {
            return;
        }
        let interface = &self.settings.interface;
        let prepared = match (link::state(interface), &self.settings.prepare) {
            (link::State::Gone, _) => Err("is gone".to_owned()),
            (_, Some(prepare)) => prepare(interface),
            (_, None) => Ok(()),
        };
        self.notes.clear();
        let opened = prepared.and_then(|()| Opened::new(&self.settings, &mut self.notes));
        match opened {
            Ok(open) => {
                self.open = Some(open);
                self.blind = None;
            }
            Err(why) => {
                self.blind = Some(why);
                self.retry.later();
            }
        }
    }
}

impl Opened {
    /// Attaches the program and opens a socket for each queue, in the best way there is; what was
    /// tried in vain becomes a note.
    fn new(settings: &Settings, notes: &mut Vec<String>) -> Result<Self, String> {
        let interface = &settings.interface;
        match link::state(interface) {
            link::State::Gone => {
                return Err("no such interface: `ip link` lists those there are".to_owned());
            }
            link::State::Down(..) if !link::is_up(interface) => {
                return Err("the interface is down: `ip link set <interface> up`".to_owned());
            }
            _ => {}
        }
        if !link::is_ethernet(interface) {
            return Err("no Ethernet: set capture.source to libpcap".to_owned());
        }
        let filter = settings.filter.as_deref().map(Filter::new).transpose()?;
        let modes = [Mode::ZeroCopy, Mode::Copy, Mode::Generic];
        let mut last = String::new();
        for mode in modes.into_iter().filter(|mode| *mode >= settings.mode) {
            let several = Self::sockets(settings, mode, true);
            let sockets = several.or_else(|why| {
                let one = Self::sockets(settings, mode, false)?;
                notes.push(format!(
                    "frames above 3.8 kB are lost: in several pieces {why}"
                ));
                Ok::<_, String>(one)
            });
            match sockets {
                Ok((program, queues)) => {
                    notes.extend(hazards(interface, mode));
                    return Ok(Self {
                        queues,
                        tally: Tally {
                            filter,
                            received: 0,
                            filtered: 0,
                        },
                        index: link::index(interface),
                        mode,
                        first: 0,
                        interface_before: link::dropped(interface),
                        losses: Losses::default(),
                        fill_empty: 0,
                        asked: 0,
                        _program: program,
                    });
                }
                Err(why) => {
                    notes.push(format!("XDP mode {} cannot be had: {why}", mode.name()));
                    last = why;
                }
            }
        }
        Err(last)
    }

    fn sockets(
        settings: &Settings,
        mode: Mode,
        pieces: bool,
    ) -> Result<(Program, Vec<Queue>), String> {
        let index = link::index(&settings.interface);
        let mut program = Program::attach(index, mode, pieces)?;
        let count = link::queues(&settings.interface);
        let each = settings.ring_bytes.checked_div(count).unwrap_or_default();
        let mut queues = Vec::with_capacity(count);
        for at in (0..).take(count) {
            let queue = Queue::open(index, at, each, mode, pieces, settings.promiscuous)
                .map_err(|error| explain(&error, at))?;
            queues.push(queue);
        }
        // Only now does the program have somewhere to send frames to.
        for (at, queue) in (0..).zip(&queues) {
            program.feed(at, queue)?;
        }
        Ok((program, queues))
    }

    /// Takes what is there, without waiting; says whether anything came.
    fn take(&mut self, batch: &mut Batch, clock: &mut Clock) -> bool {
        let count = self.queues.len();
        let time = machine_time();
        for turn in 0..count {
            let at = self.first.saturating_add(turn).checked_rem(count);
            let Some(queue) = at.and_then(|at| self.queues.get_mut(at)) else {
                break;
            };
            let room = BATCH_FRAMES_MAX.saturating_sub(batch.frames.len());
            let tally = &mut self.tally;
            queue.take(room, |taken| match taken {
                Taken::Run(run) => tally.add(run, time, batch, clock),
                Taken::Joined(joined) => tally.add_joined(joined, time, batch, clock),
            });
        }
        let backlogs = self.queues.iter().map(Queue::backlog);
        batch.backlog = backlogs.max().unwrap_or(0);
        // Nobody may starve the others.
        self.first = self.first.saturating_add(1).checked_rem(count).unwrap_or(0);
        !batch.frames.is_empty()
    }

    /// Waits for frames, not for ever. Asking the kernel also tells it that memory is there again,
    /// where it wants to be told.
    fn wait(&self, micros: u32) {
        let until = monotonic_nanos().saturating_add(u64::from(micros).saturating_mul(1000));
        while micros > 0 && monotonic_nanos() < until {
            if self.queues.iter().any(Queue::is_ready) {
                return;
            }
            std::hint::spin_loop();
        }
        let timeout = Timespec::try_from(IDLE).ok();
        let polled = |queue| PollFd::new(queue, PollFlags::IN);
        let mut fds: Vec<PollFd<'_>> = self.queues.iter().map(polled).collect();
        // An interrupted wait is a short one.
        let ready = poll(&mut fds, timeout.as_ref()).unwrap_or(0);
        let came = fds.iter().any(|fd| fd.revents().contains(PollFlags::IN));
        if came {
            pause(if micros == 0 { GATHER } else { Duration::ZERO });
        } else if ready > 0 {
            for queue in &self.queues {
                let _taken = socket_error(queue);
            }
            pause(IDLE);
        }
    }

    /// What the sockets and the adapter lost since they were opened.
    fn losses(&mut self, interface: &str) -> Losses {
        let mut dropped = 0_u64;
        self.fill_empty = 0;
        for queue in &self.queues {
            let [lost, _, _, full, empty, _] = queue.statistics();
            dropped = dropped.saturating_add(lost).saturating_add(full);
            self.fill_empty = self.fill_empty.saturating_add(empty);
        }
        self.losses.kernel = dropped;
        self.asked = self.asked.wrapping_add(1);
        if self.asked.is_multiple_of(ASK_ONE_IN) {
            let now = link::dropped(interface);
            self.losses.interface = now.saturating_sub(self.interface_before);
        }
        Losses {
            received: self.tally.received.saturating_add(dropped),
            ..self.losses
        }
    }
}

impl Tally {
    /// Adds the frames of a run, all stamped alike, to a batch.
    fn add(&mut self, run: &Arc<Run>, time: Time, batch: &mut Batch, clock: &mut Clock) {
        let place = u16::try_from(batch.blocks.len()).unwrap_or(u16::MAX);
        let lent = Block::lent(Arc::clone(run) as Arc<_>);
        for (offset, len) in run.frames() {
            let frame = Frame {
                time,
                block: place,
                offset,
                len,
                wire_len: len,
                link: LinkType::ETHERNET,
                ..Frame::default()
            };
            self.push(frame, &lent, batch, clock);
        }
        batch.blocks.push(lent);
    }

    /// Adds a frame that was put together.
    fn add_joined(&mut self, joined: Joined, time: Time, batch: &mut Batch, clock: &mut Clock) {
        let (len, wire_len) = joined.lens();
        let frame = Frame {
            time,
            block: u16::try_from(batch.blocks.len()).unwrap_or(u16::MAX),
            len,
            wire_len,
            link: LinkType::ETHERNET,
            ..Frame::default()
        };
        let lent = Block::lent(Arc::new(joined));
        self.push(frame, &lent, batch, clock);
        batch.blocks.push(lent);
    }

    #[inline]
    fn push(&mut self, mut frame: Frame, block: &Block, batch: &mut Batch, clock: &mut Clock) {
        self.received = self.received.saturating_add(1);
        let is_wanted = |filter: &Filter| filter.lets(frame.within(block));
        if !self.filter.as_ref().is_none_or(is_wanted) {
            self.filtered = self.filtered.saturating_add(1);
            return;
        }
        (frame.no, frame.now) = clock.frame(frame.time);
        batch.frames.push(frame);
    }
}

impl Filter {
    fn new(text: &str) -> Result<Self, String> {
        let compiled = Capture::dead(Linktype::ETHERNET).and_then(|dead| dead.compile(text, true));
        let explain = |error| format!("filter {text:?}: {error}").replace('\n', " ");
        compiled.map(Self).map_err(explain)
    }

    fn lets(&self, frame: &[u8]) -> bool {
        self.0.filter(frame)
    }
}

impl Source for AfXdp {
    fn fill(&mut self, batch: &mut Batch) -> Result<Fill, CaptureError> {
        let mut came = false;
        if let Some(open) = &mut self.open {
            let index = open.index;
            came = open.take(batch, &mut self.clock);
            if !came {
                open.wait(self.settings.busy_poll_micros);
                came = open.take(batch, &mut self.clock);
            }
            if !came {
                self.look(index);
            }
        } else {
            pause(IDLE);
            self.reopen();
        }
        if came {
            self.blind = None;
            batch.now = self.clock.now();
        } else {
            batch.now = self.clock.idle(machine_time());
        }
        batch.upto = self.clock.upto();
        Ok(Fill::More)
    }

    fn interfaces(&self) -> &[String] {
        &self.interface
    }

    fn losses(&mut self) -> Losses {
        let interface = &self.settings.interface;
        let now = self.open.as_mut().map(|open| open.losses(interface));
        self.before.plus(now.unwrap_or_default())
    }

    fn blind(&self) -> Option<&str> {
        self.blind.as_deref()
    }

    fn samples(&self) -> Vec<Sample> {
        let open = self.open.as_ref();
        let count = |of: fn(&Opened) -> u64| open.map_or(0, of);
        let mode = open.map_or("none", |open| open.mode.name());
        vec![
            sockets("af_xdp", mode, open.map_or(0, |open| open.queues.len())),
            counter(
                "vitalwire_capture_no_memory_total",
                "Times that the kernel found no free memory of ours for a frame.",
                &[],
                count(|open| open.fill_empty),
            ),
            counter(
                "vitalwire_capture_filtered_frames_total",
                "Frames that capture.bpf left out.",
                &[],
                count(|open| open.tally.filtered),
            ),
        ]
    }
}

/// What the adapter and the kernel do to frames that XDP does not get along with.
fn hazards(interface: &str, mode: Mode) -> Vec<String> {
    let nic = Nic::read(interface).ok();
    let is_on = |name: &str| {
        let feature = nic.as_ref().and_then(|nic| nic.feature(name));
        feature.is_some_and(|feature| feature.on)
    };
    let mut hazards = Vec::new();
    if is_on("rx-vlan-hw-parse") {
        hazards.push(format!(
            "VLAN tags that the adapter takes off are not seen: ethtool -K {interface} rxvlan off"
        ));
    }
    if mode == Mode::Generic && is_on("rx-gro") {
        hazards.push(format!(
            "frames that the kernel puts together are too long and get lost: \
             ethtool -K {interface} gro off"
        ));
    }
    hazards
}

/// What the kernel said, and what to do.
fn explain(error: &std::io::Error, queue: u32) -> String {
    match error.kind() {
        std::io::ErrorKind::ResourceBusy => {
            format!("queue {queue}: another program has it")
        }
        std::io::ErrorKind::PermissionDenied => {
            "not allowed: run as root, or with CAP_NET_RAW, CAP_NET_ADMIN and CAP_BPF".to_owned()
        }
        std::io::ErrorKind::OutOfMemory => {
            "no memory to lock: raise LimitMEMLOCK, or set capture.buffer to less".to_owned()
        }
        _ => format!("queue {queue}: {error}"),
    }
}

/// How long frames are gathered: what a frame waits at most. Each on its own would cost more than
/// all that is done with it.
const GATHER: Duration = Duration::from_millis(1);

/// The interface is asked for its own losses once in so many times.
const ASK_ONE_IN: u32 = 64;

#[cfg(test)]
mod tests;
