//! Evidence: the headers of a medical flow's frames, from before anybody knew of an alert.
//!
//! Each worker keeps the headers of frames in two rings of its own: one for flows of recognised
//! medical protocols, and a small one for flows that are not recognised yet, so that a flood of
//! connections pushes none of the former out. A frame is cut behind its transport header, and at
//! 96 bytes: no byte of payload is kept. Within a value that a parser skips (the pixels of an
//! image) nothing is kept at all; such frames are counted.
//!
//! A third, small ring has frames of no TCP or UDP flow: ARP whole, ICMP up to its identifiers, of
//! what cannot be read the Ethernet header. An alert about such a frame gets those of its address.
//!
//! A record tells where the newest frame of its flow is. The correlator asks for it when it tells
//! an alert, and the worker answers between two works.

mod desk;
mod loose;
mod pcapng;
mod ring;
#[cfg(test)]
mod tests;

use std::num::NonZeroU64;
use std::sync::Arc;

use parsers::time::Time;
use rules::correlate::Facts;
use smallvec::SmallVec;

use crate::batch::Frame;
use crate::flow::{Flow, Looks};

pub(crate) use desk::{Desk, desk};
pub use ring::HEADER_BYTES_MAX;
pub(crate) use ring::SLOT_BYTES;
use ring::{Ring, Slot};

/// What was kept of an alert's flow.
#[derive(Debug)]
pub struct Evidence {
    /// The alert.
    pub alert: Box<Facts>,
    /// The capture interfaces, by index.
    interfaces: Arc<[String]>,
    /// The first one first; there is at least one.
    frames: Vec<Slot>,
    kept: Kept,
}

/// Which ring it was kept in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kept {
    /// Of flows that are not recognised yet.
    Undecided,
    /// Of flows of a medical protocol.
    Medical,
    /// Of no TCP or UDP flow.
    Loose,
}

/// How much of a flow the evidence holds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Extent {
    /// Frames in it.
    pub kept: u64,
    /// Frames of the flow before these, which are no longer there or beyond the bound.
    pub cut: u64,
    /// Frames in between that carried the inside of a large value.
    pub bulk: u64,
    /// Whether the flow was seen from its beginning, and its first frame is the first one here.
    pub from_start: bool,
    /// Whether frames were kept up to the alert, and not only until the flow was known to be none
    /// of a medical protocol.
    pub to_alert: bool,
    /// Number and time of the first one.
    pub first: (u64, Time),
    /// Number and time of the last one.
    pub last: (u64, Time),
}

impl Evidence {
    /// How much of the flow it holds.
    #[must_use]
    pub fn extent(&self) -> Extent {
        let end =
            |slot: Option<&Slot>| slot.map_or((0, 0, Time::ZERO), |s| (s.nth.into(), s.no, s.time));
        let (first_nth, first_no, first_time): (u64, _, _) = end(self.frames.first());
        let (last_nth, last_no, last_time): (u64, _, _) = end(self.frames.last());
        let kept = self.frames.len() as u64;
        let cut = first_nth.saturating_sub(1);
        Extent {
            kept,
            cut,
            bulk: last_nth.saturating_sub(cut).saturating_sub(kept),
            from_start: cut == 0 && !self.alert.midstream && self.kept != Kept::Loose,
            to_alert: self.kept == Kept::Medical || last_no >= self.alert.frame,
            first: (first_no, first_time),
            last: (last_no, last_time),
        }
    }

    /// Whether it is of one flow; if not, it is of an address.
    #[must_use]
    pub fn is_of_flow(&self) -> bool {
        self.kept != Kept::Loose
    }

    /// The frames as a pcapng file that says what program made it, and of what.
    #[must_use]
    pub fn pcapng(&self, program: &str) -> Vec<u8> {
        let about = format!(
            "alert {}, rule {} revision {}; headers only, at most {HEADER_BYTES_MAX} bytes a frame",
            self.alert.alert_id, self.alert.slug, self.alert.rev
        );
        pcapng::write(&self.frames, &self.interfaces, program, &about)
    }
}

/// What one worker keeps.
#[derive(Debug)]
pub(crate) struct Keeper {
    undecided: Ring,
    medical: Ring,
    loose: Ring,
}

impl Keeper {
    /// With so many bytes for all rings.
    pub(crate) fn new(bytes: usize) -> Self {
        let undecided = bytes / UNDECIDED_SHARE;
        let loose = (bytes / LOOSE_SHARE).min(LOOSE_MAX.saturating_mul(SLOT_BYTES));
        Self {
            undecided: Ring::new(undecided),
            medical: Ring::new(bytes.saturating_sub(undecided).saturating_sub(loose)),
            loose: Ring::new(loose),
        }
    }

    /// Keeps a frame of no TCP or UDP flow; says where.
    pub(crate) fn keep_loose(&mut self, frame: &Frame, header: &[u8]) -> Option<NonZeroU64> {
        let place = Place {
            kept: Kept::Loose,
            name: self.loose.keep(frame, header, 1, None),
        };
        place.trail()
    }

    /// Keeps a frame of a flow that is medical, or may yet turn out to be. Says where the newest
    /// one of the flow is.
    #[inline]
    pub(crate) fn keep(
        &mut self,
        flow: &mut Flow,
        frame: &Frame,
        header: &[u8],
        bulk: bool,
    ) -> Option<NonZeroU64> {
        let medical = flow.is_medical();
        if !medical && flow.looks() == Looks::No {
            return None;
        }
        let trail = flow.cold.trail;
        if bulk || !(medical || flow.cold.app.is_none()) {
            return trail;
        }
        let nth = flow.packets();
        let before = trail.map(Place::of);
        let place = if medical {
            let before = before.and_then(|place| self.moved(place));
            Place {
                kept: Kept::Medical,
                name: self.medical.keep(frame, header, nth, before),
            }
        } else {
            let before = before.map(|place| place.name);
            Place {
                kept: Kept::Undecided,
                name: self.undecided.keep(frame, header, nth, before),
            }
        };
        flow.cold.trail = place.trail();
        flow.cold.trail
    }

    /// Frames that were kept so far.
    fn count(&self) -> u64 {
        let of_flows = self.undecided.count.saturating_add(self.medical.count);
        of_flows.saturating_add(self.loose.count)
    }

    /// The place in the medical ring of a frame that may still be in the other one: the flow has
    /// just been recognised.
    fn moved(&mut self, place: Place) -> Option<u64> {
        if place.kept == Kept::Medical {
            return Some(place.name);
        }
        let Self {
            undecided, medical, ..
        } = self;
        let chain: SmallVec<[&Slot; MOVED_MAX]> =
            undecided.back_from(place.name).take(MOVED_MAX).collect();
        let mut before = None;
        for slot in chain.iter().rev() {
            before = Some(medical.adopt(slot, before));
        }
        before
    }

    /// The frames of a flow up to this one, as far as they are still there.
    fn gather(&self, place: Place) -> Vec<Slot> {
        let ring = match place.kept {
            Kept::Medical => &self.medical,
            Kept::Undecided => &self.undecided,
            Kept::Loose => return loose::gather(&self.loose, place.name),
        };
        let back = ring.back_from(place.name).take(FRAMES_MAX);
        let mut frames: Vec<Slot> = back.cloned().collect();
        frames.reverse();
        frames
    }
}

/// Where a frame is kept.
#[derive(Clone, Copy)]
struct Place {
    kept: Kept,
    name: u64,
}

impl Place {
    const fn of(trail: NonZeroU64) -> Self {
        let raw = trail.get();
        Self {
            kept: match raw & 3 {
                0 => Kept::Undecided,
                1 => Kept::Medical,
                _ => Kept::Loose,
            },
            name: (raw >> 2).saturating_sub(1),
        }
    }

    /// In one number, which other threads only carry.
    fn trail(self) -> Option<NonZeroU64> {
        let name = self.name.saturating_add(1);
        let kept = match self.kept {
            Kept::Undecided => 0,
            Kept::Medical => 1,
            Kept::Loose => 2,
        };
        NonZeroU64::new(name << 2 | kept)
    }
}

/// The most frames of one piece of evidence, the newest ones: the exchange that an alert is about
/// is far shorter, and 140 kB are copied in less than a tenth of a millisecond.
pub const FRAMES_MAX: usize = 1024;
/// What flows that are not recognised yet have of the rings: they are few packets old.
const UNDECIDED_SHARE: usize = 8;
/// What frames of no flow have of the rings, and the most of them: all are looked at for an alert.
const LOOSE_SHARE: usize = 16;
const LOOSE_MAX: usize = 4096;
/// The most frames that a flow brings along when it is recognised; connections are after a few.
const MOVED_MAX: usize = 64;
