//! What is counted of every frame, and the findings that come of counts alone.

use super::finding::{Cut, Finding, Share};
use super::is_group;
use crate::batch::{Frame, LinkType};
use crate::decode::{Tcp, tcp_flags};

/// Kinds of tunnels that are told apart; there are not as many.
pub const TUNNELS_MAX: usize = 8;

/// The longest Ethernet frame without a tag, as captures have it: without its checksum.
const WHOLE: u32 = 1514;
/// Longer than any jumbo frame that switches forward.
const JUMBO_MAX: u32 = 9216 + 22;
/// Payloads of full segments over IPv4, without and with time stamps: an offload glues these.
const SEGMENTS: [u32; 2] = [1460, 1448];
/// Every packet's checksum is looked at until so many were, then one of [`SAMPLE`].
const SAMPLED_ALL: u64 = 1024;
const SAMPLE: u64 = 16;
/// Frames below which nothing is said of the port as a whole.
const FRAMES_MIN: u64 = 5;

/// Counts of one window.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Frames.
    pub frames: u64,
    /// Bytes on the wire.
    pub bytes: u64,
    /// Frames that could not be read.
    pub undecoded: u64,
    /// Frames to broadcast or multicast addresses.
    pub group: u64,
    /// Frames from one other station to another: what only a mirror shows.
    pub foreign: u64,
    /// Frames with an Ethernet header.
    pub addressed: u64,
    /// IP packets to one station.
    pub ip: u64,
    /// TCP segments of conversations that both sides agreed to.
    pub established: u64,
    /// Packets that could be compared, and those that came twice.
    pub comparable: u64,
    /// See `comparable`.
    pub again: u64,
    /// Frames that arrived shorter than their headers say.
    pub cut_before: u64,
    /// Frames that our own capture cut.
    pub cut_here: u64,
    /// Frames longer than a whole one.
    pub giants: u64,
    /// Of these, those that an offload glued together.
    pub merged: u64,
    /// Bytes of the longest frame.
    pub longest: u32,
    /// Packets whose checksums were looked at.
    pub checked: u64,
    /// Of these, those with a wrong one.
    pub wrong: u64,
    /// Frames of medical protocols.
    pub medical: u64,
    /// Their bytes on the wire.
    pub medical_bytes: u64,
    /// Tunnels by kind, with frames of each; unused ones have no name.
    pub tunnels: [(&'static str, u64); TUNNELS_MAX],
    transports: u64,
}

impl Tally {
    pub(super) fn any(&mut self, frame: &Frame, vlans: u8) {
        self.frames = self.frames.saturating_add(1);
        self.bytes = self.bytes.saturating_add(u64::from(frame.wire_len));
        self.longest = self.longest.max(frame.wire_len);
        let whole = WHOLE.saturating_add(u32::from(vlans).saturating_mul(4));
        if frame.link == LinkType::ETHERNET && frame.wire_len > whole {
            self.giants = self.giants.saturating_add(1);
        }
    }

    pub(super) fn addressed(&mut self, src: [u8; 6], dest: [u8; 6], own: Option<[u8; 6]>) {
        self.addressed = self.addressed.saturating_add(1);
        if is_group(dest) {
            self.group = self.group.saturating_add(1);
        } else if own != Some(dest) && own != Some(src) {
            self.foreign = self.foreign.saturating_add(1);
        }
    }

    pub(super) fn cut(&mut self, frame: &Frame) {
        let counter = if frame.wire_len > frame.len {
            &mut self.cut_here
        } else {
            &mut self.cut_before
        };
        *counter = counter.saturating_add(1);
    }

    pub(super) fn tunnel(&mut self, kind: &'static str) {
        let place = self
            .tunnels
            .iter_mut()
            .find(|(name, _)| *name == kind || name.is_empty());
        if let Some((name, frames)) = place {
            *name = kind;
            *frames = frames.saturating_add(1);
        }
    }

    pub(super) fn segment(&mut self, frame: &Frame, tcp: &Tcp) {
        if is_established(tcp) {
            self.established = self.established.saturating_add(1);
        }
        let several = |one: &u32| {
            tcp.wire_len > *one && tcp.wire_len.checked_rem(*one).is_some_and(|rest| rest == 0)
        };
        let glued = frame.wire_len > WHOLE && SEGMENTS.iter().any(several);
        if glued || frame.wire_len > JUMBO_MAX {
            self.merged = self.merged.saturating_add(1);
        }
    }

    /// Whether this packet's checksums are looked at.
    pub(super) fn is_sample(&mut self) -> bool {
        self.transports = self.transports.saturating_add(1);
        self.transports <= SAMPLED_ALL || self.transports.is_multiple_of(SAMPLE)
    }

    pub(super) fn checked(&mut self, wrong: bool) {
        self.checked = self.checked.saturating_add(1);
        self.wrong = self.wrong.saturating_add(u64::from(wrong));
    }

    pub(super) fn medical(&mut self, frame: &Frame) {
        self.medical = self.medical.saturating_add(1);
        self.medical_bytes = self.medical_bytes.saturating_add(u64::from(frame.wire_len));
    }

    /// Whether this is no mirror at all: what reaches every port, and hardly anything else.
    pub(super) fn port(&self) -> Option<Finding> {
        let foreign = Share::new(self.foreign, self.addressed);
        (self.addressed >= FRAMES_MIN && foreign.percent() < 2).then_some(Finding::AccessPort {
            frames: self.addressed,
            foreign: self.foreign,
        })
    }

    /// That nothing has a tag, if that holds: whoever asks knows whether tags are expected.
    pub(super) fn untagged(&self) -> Option<Finding> {
        let frames = self.frames;
        (frames >= FRAMES_MIN).then_some(Finding::Untagged { frames })
    }

    pub(super) fn findings(&self) -> Vec<Finding> {
        let mut found = Vec::new();
        let again = Share::new(self.again, self.comparable);
        if self.again >= FRAMES_MIN && again.percent() >= 5 {
            found.push(Finding::Duplicates(again));
        }
        for (count, by) in [
            (self.cut_before, Cut::Mirror),
            (self.cut_here, Cut::Capture),
        ] {
            if count > 0 {
                let share = Share::new(count, self.frames);
                found.push(Finding::Truncated { share, by });
            }
        }
        if self.giants > 0 {
            found.push(Finding::Giants {
                share: Share::new(self.giants, self.frames),
                longest: self.longest,
                merged: self.merged > 0,
            });
        }
        let wrong = Share::new(self.wrong, self.checked);
        if self.wrong >= FRAMES_MIN && wrong.percent() >= 5 {
            found.push(Finding::Checksums(wrong));
        }
        let undecoded = Share::new(self.undecoded, self.frames);
        if self.undecoded >= FRAMES_MIN && undecoded.percent() >= 5 {
            found.push(Finding::Unreadable(undecoded));
        }
        for (kind, frames) in self.tunnels {
            // A tunnel or two that hosts use themselves is nothing to tell.
            let share = Share::new(frames, self.frames);
            if frames >= FRAMES_MIN && share.percent() >= 5 {
                found.push(Finding::Encapsulated { kind, share });
            }
        }
        if self.established > 0 && self.medical == 0 {
            found.push(Finding::NothingMedical {
                frames: self.frames,
            });
        }
        found
    }
}

/// Whether a segment can only be of a conversation to which both sides agreed. A scan is none.
pub(super) const fn is_established(tcp: &Tcp) -> bool {
    tcp.flags & tcp_flags::ACK != 0 && tcp.flags & (tcp_flags::SYN | tcp_flags::RST) == 0
}
