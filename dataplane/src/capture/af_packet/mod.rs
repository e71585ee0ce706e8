//! Live capture through AF_PACKET rings, one for each worker, read where the kernel wrote them.
//!
//! Nothing here can send: the sockets are bound to no protocol before they are set up, and nobody
//! writes to them. Frames that this machine sends are left out.
//!
//! All rings of an interface are one group. The kernel gives each frame to one of them, by a
//! program that finds the flow as the spread stage does ([`fanout`]). An interface that goes down,
//! or away, does not end the capture: the sources say that they are blind and wait; when it is
//! back, the first of them opens all rings anew, so that no flow is split between old and new.

pub mod fanout;
mod group;
mod hash;
mod ring;
mod socket;

use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::sockopt::socket_error;

use crate::batch::{Block, Frame, LinkType};
use crate::capture::blocks::BATCH_FRAMES_MAX;
use crate::capture::clock::Clock;
use crate::capture::live::{IDLE, Prepare, Retry, link, machine_time, pause};
use crate::capture::strides::Strides;
use crate::capture::{Batch, CaptureError, Fill, Losses, Source, sockopt};
use crate::decode::decode;
use crate::telemetry::{Sample, counter, monotonic_nanos, sockets};
use group::{Group, Opened};
use ring::{Next, Ring, Walk};

/// How to listen.
#[derive(Clone)]
pub struct Settings {
    /// The interface's name.
    pub interface: String,
    /// Bytes kept of a frame.
    pub snap_len: u32,
    /// Bytes of all rings together: what bridges the moments in which nobody reads. Each has half a
    /// MiB at least.
    pub ring_bytes: usize,
    /// How many rings: one for each worker.
    pub rings: usize,
    /// Whether each ring is a worker's own, so that frames are numbered by their stamps.
    pub steered: bool,
    /// Whether frames not meant for this machine are taken too, as a mirror port needs.
    pub promiscuous: bool,
    /// A filter in the language of tcpdump, or nothing.
    pub filter: Option<String>,
    /// How long to look again and again before waiting, in microseconds.
    pub busy_poll_micros: u32,
    /// Whether the adapter stamps frames, where its driver can: this changes its setting, and its
    /// clock has to be right.
    pub adapter_stamps: bool,
    /// Makes an interface that came back fit to be listened on, or says why it cannot.
    pub prepare: Option<Prepare>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            interface: String::new(),
            snap_len: 65_535,
            ring_bytes: 64 << 20,
            rings: 1,
            steered: true,
            promiscuous: true,
            filter: None,
            busy_poll_micros: 0,
            adapter_stamps: false,
            prepare: None,
        }
    }
}

/// What opening gave.
pub struct Rings {
    /// The sources, one for each ring.
    pub sources: Vec<AfPacket>,
    /// Whether the kernel gives each flow to one of them, so that each may be a worker's own. If
    /// not, there is one ring only.
    pub steered: bool,
    /// What could not be had as it was wanted, for people.
    pub notes: Vec<String>,
}

/// Opens all rings of an interface.
///
/// # Errors
/// There is no such interface, this process may not listen on it, or the filter is wrong.
pub fn open(settings: &Settings) -> Result<Rings, CaptureError> {
    let opened = Group::open(settings).map_err(|what| CaptureError::Interface {
        interface: settings.interface.clone(),
        what,
    })?;
    let Opened {
        group,
        rings,
        notes,
    } = opened;
    let steered = settings.steered && rings.len() == settings.rings.max(1);
    let group = Arc::new(group);
    let sources = rings
        .into_iter()
        .enumerate()
        .map(|(at, ring)| AfPacket::new(Arc::clone(&group), at, ring, steered))
        .collect();
    Ok(Rings {
        sources,
        steered,
        notes,
    })
}

/// Listens on one ring of an interface.
pub struct AfPacket {
    group: Arc<Group>,
    /// Which of the rings.
    at: usize,
    interface: [String; 1],
    /// Nothing while the interface is gone.
    ring: Option<Ring>,
    /// The kernel's number of the interface.
    index: u32,
    /// A block that has more frames than a batch.
    current: Option<(Arc<ring::Block>, Walk)>,
    strides: Strides,
    clock: Clock,
    counts: Counts,
    /// What the program gives for this ring's frames, modulo their number, as the first ones told.
    place: Option<u32>,
    blind: Option<String>,
    retry: Retry,
}

/// Makes an interface promiscuous until what this gives is dropped: a socket that takes nothing.
pub(super) fn promiscuous(index: u32) -> std::io::Result<OwnedFd> {
    let socket = sockopt::socket(libc::AF_PACKET)?;
    socket::promiscuous(socket.as_fd(), index)?;
    Ok(socket)
}

/// What a source counts.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    losses: Losses,
    /// Times that the kernel found the ring full.
    freezes: u64,
    /// Frames that this machine sent.
    outgoing: u64,
    adapter_stamps: u64,
    /// Frames of those tried that belong to another ring.
    elsewhere: u64,
    frames: u64,
    /// The interface's own count at the beginning; asking it is not cheap.
    interface_before: u64,
    asked: u32,
}

impl AfPacket {
    fn new(group: Arc<Group>, at: usize, ring: Ring, steered: bool) -> Self {
        let interface = group.settings.interface.clone();
        let counts = Counts {
            interface_before: link::dropped(&interface),
            ..Counts::default()
        };
        Self {
            index: link::index(&interface),
            interface: [interface],
            group,
            at,
            ring: Some(ring),
            current: None,
            strides: Strides::new(),
            clock: if steered {
                Clock::by_stamp()
            } else {
                Clock::default()
            },
            counts,
            place: None,
            blind: None,
            retry: Retry::default(),
        }
    }

    /// Takes what is there, without waiting; says whether anything came.
    fn take(&mut self, batch: &mut Batch) -> bool {
        while batch.frames.len() < BATCH_FRAMES_MAX {
            if self.current.is_none() {
                let Some(Next::Block(block)) = self.ring.as_mut().map(Ring::take) else {
                    break;
                };
                let walk = Walk::new(block.bytes());
                self.current = Some((block, walk));
            }
            self.read(batch);
        }
        !batch.frames.is_empty()
    }

    /// Frames of the current block, as many as the batch has room for.
    fn read(&mut self, batch: &mut Batch) {
        let Some((block, mut walk)) = self.current.take() else {
            return;
        };
        let place = u16::try_from(batch.blocks.len()).unwrap_or(u16::MAX);
        let bytes = block.bytes();
        let lent = Block::lent(Arc::clone(&block) as Arc<_>);
        let mut is_over = false;
        while batch.frames.len() < BATCH_FRAMES_MAX {
            let Some(entry) = walk.next(bytes, &mut self.strides) else {
                is_over = true;
                break;
            };
            if entry.outgoing {
                self.counts.outgoing = self.counts.outgoing.saturating_add(1);
                continue;
            }
            let (no, now) = self.clock.frame(entry.time);
            let frame = Frame {
                no,
                time: entry.time,
                now,
                block: place,
                offset: entry.offset,
                len: entry.len,
                wire_len: entry.wire_len,
                link: LinkType::ETHERNET,
                interface: 0,
                vlan: entry.vlan,
            };
            let stamped = u64::from(entry.adapter_stamp);
            self.counts.adapter_stamps = self.counts.adapter_stamps.saturating_add(stamped);
            self.counts.frames = self.counts.frames.wrapping_add(1);
            if self.counts.frames % TRY_ONE_IN == 1 {
                self.try_place(&frame, frame.within(&lent));
            }
            batch.frames.push(frame);
        }
        batch.blocks.push(lent);
        if !is_over {
            self.current = Some((block, walk));
        }
    }

    /// Whether a frame is one that the program gives to this ring.
    fn try_place(&mut self, frame: &Frame, bytes: &[u8]) {
        let Some(fanout) = &self.group.fanout else {
            return;
        };
        // The program sees the frame without the tag that the kernel took off, which decides
        // nothing.
        let packet = decode(frame, bytes);
        let rings = u32::try_from(self.group.settings.rings).unwrap_or(1);
        let Some(value) = fanout.expected_of(&packet, bytes) else {
            return;
        };
        let place = value.checked_rem(rings).unwrap_or(0);
        if *self.place.get_or_insert(place) != place {
            self.counts.elsewhere = self.counts.elsewhere.saturating_add(1);
        }
    }

    /// Waits for frames, not for ever; says whether the kernel has nothing.
    fn wait(&self, ring: &Ring) -> bool {
        let micros = u64::from(self.group.settings.busy_poll_micros);
        if micros > 0 {
            let until = monotonic_nanos().saturating_add(micros.saturating_mul(1000));
            while monotonic_nanos() < until {
                if ring.is_ready() {
                    return false;
                }
                std::hint::spin_loop();
            }
        }
        let timeout = Timespec::try_from(IDLE).ok();
        let mut fds = [PollFd::new(ring, PollFlags::IN)];
        // An interrupted wait is a short one.
        let ready = poll(&mut fds, timeout.as_ref()).unwrap_or(0);
        let [fd] = &fds;
        if fd.revents().contains(PollFlags::IN) {
            if !ring.is_ready() {
                pause(LENT); // the blocks are with somebody who has not looked yet
            }
            return false;
        }
        if ready > 0 {
            // The interface went down. Reading the socket's error takes it away; a condition that
            // stays all the same must not keep a processor busy.
            let _taken = socket_error(ring.socket());
            pause(IDLE);
        }
        true
    }

    /// Nothing came: is there still an interface that something could come from?
    fn look(&mut self) {
        match link::state(&self.group.settings.interface) {
            link::State::Up(index) if index == self.index => self.blind = None,
            // The kernel's sockets come back with their interface, perhaps in another order.
            link::State::Down(index, why) if index == self.index => {
                self.blind = Some(why.to_owned());
                self.place = None;
            }
            // Another interface of that name: the old sockets stay deaf for ever.
            link::State::Up(_) | link::State::Down(..) => self.close("was replaced"),
            link::State::Gone => self.close("is gone"),
        }
    }

    fn close(&mut self, why: &str) {
        self.count();
        self.ring = None;
        self.current = None;
        self.place = None;
        self.blind = Some(why.to_owned());
        self.retry = Retry::default();
    }

    /// Takes the ring that the first source opened anew; the first one opens all, if it is time.
    fn reopen(&mut self) {
        if self.at == 0 && self.retry.is_due() {
            match self.group.reopen() {
                Ok(()) => {}
                Err(why) => {
                    self.blind = Some(why);
                    self.retry.later();
                }
            }
        }
        if let Some((ring, index)) = self.group.waiting(self.at) {
            self.ring = Some(ring);
            self.index = index;
            self.counts.interface_before = link::dropped(&self.group.settings.interface);
            self.blind = None;
        }
    }

    /// Adds what the kernel counted since.
    fn count(&mut self) {
        let counts = &mut self.counts;
        if let Some(ring) = &self.ring {
            let now = ring.statistics();
            let losses = &mut counts.losses;
            losses.received = losses.received.saturating_add(now.packets.into());
            losses.kernel = losses.kernel.saturating_add(now.drops.into());
            counts.freezes = counts.freezes.saturating_add(now.freezes.into());
        }
        counts.asked = counts.asked.wrapping_add(1);
        // The interface's count is that of all rings.
        if self.at == 0 && counts.asked.is_multiple_of(ASK_ONE_IN) {
            let now = link::dropped(&self.group.settings.interface);
            let more = now.saturating_sub(counts.interface_before);
            counts.losses.interface = counts.losses.interface.saturating_add(more);
            counts.interface_before = now.max(counts.interface_before);
        }
    }
}

impl Source for AfPacket {
    fn fill(&mut self, batch: &mut Batch) -> Result<Fill, CaptureError> {
        let mut came = self.take(batch);
        if !came && let Some(ring) = &self.ring {
            let is_quiet = self.wait(ring);
            came = self.take(batch);
            if is_quiet && !came {
                self.look();
            }
        } else if !came {
            pause(IDLE);
            self.reopen();
        }
        if came {
            self.blind = None;
            batch.backlog = self.ring.as_ref().map_or(0, Ring::backlog);
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
        self.count();
        self.counts.losses
    }

    fn blind(&self) -> Option<&str> {
        self.blind.as_deref()
    }

    fn samples(&self) -> Vec<Sample> {
        let group = (self.at == 0).then(|| self.group.samples());
        let mut samples = group.unwrap_or_default();
        let counts = &self.counts;
        let open = usize::from(self.ring.is_some());
        samples.push(sockets("af_packet", self.group.mode(), open));
        samples.push(counter(
            "vitalwire_capture_misplaced_frames_total",
            MISPLACED,
            &[("cause", "other_worker")],
            counts.elsewhere,
        ));
        samples.push(counter(
            "vitalwire_capture_ring_full_total",
            "Times that the kernel found a ring full.",
            &[],
            counts.freezes,
        ));
        samples.push(counter(
            "vitalwire_capture_own_frames_total",
            "Frames that this machine sent on the interface, left out.",
            &[],
            counts.outgoing,
        ));
        samples.push(counter(
            "vitalwire_capture_adapter_stamps_total",
            "Frames that the adapter stamped.",
            &[],
            counts.adapter_stamps,
        ));
        samples
    }
}

const MISPLACED: &str = "Frames that may have gone to another worker than the rest of their flow; \
                         of other_worker one frame in 64 is tried.";

/// One frame in so many is tried whether it came to the right ring.
const TRY_ONE_IN: u64 = 64;

/// The interface is asked for its own losses once in so many times.
const ASK_ONE_IN: u32 = 64;

/// How long those who have all blocks are given.
const LENT: Duration = Duration::from_millis(1);

#[cfg(test)]
mod tests;
