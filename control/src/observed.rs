//! A source that is looked at while it is read: time span and link types, for the summary. Stamps
//! and lengths only, never bytes.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use dataplane::batch::LinkType;
use dataplane::capture::{Batch, CaptureError, Fill, Losses, ReadProgress, Source};
use dataplane::telemetry::Sample;
use parsers::time::Time;

/// The most link types that are told apart.
const LINKS_MAX: usize = 16;

/// What went by.
#[derive(Clone, Debug, Default)]
pub struct Observed {
    /// The earliest and the latest time stamp.
    pub span: Option<(Time, Time)>,
    /// Bytes on the wire.
    pub bytes: u64,
    /// Frames by link type.
    pub links: BTreeMap<u16, u64>,
}

impl Observed {
    fn batch(&mut self, batch: &Batch) {
        let mut link = (LinkType::default(), 0_u64);
        for frame in &batch.frames {
            let (first, last) = self.span.unwrap_or((frame.time, frame.time));
            self.span = Some((first.min(frame.time), last.max(frame.time)));
            self.bytes = self.bytes.saturating_add(u64::from(frame.wire_len));
            if frame.link != link.0 {
                self.count(link);
                link = (frame.link, 0);
            }
            link.1 = link.1.saturating_add(1);
        }
        self.count(link);
    }

    fn count(&mut self, (link, frames): (LinkType, u64)) {
        let LinkType(number) = link;
        if frames > 0 && (self.links.contains_key(&number) || self.links.len() < LINKS_MAX) {
            let seen = self.links.entry(number).or_default();
            *seen = seen.saturating_add(frames);
        }
    }
}

/// The source and what is known of it so far.
pub struct Watched {
    inner: Box<dyn Source>,
    seen: Arc<Mutex<Observed>>,
}

impl Watched {
    /// Wraps a source; the second is to be read by whoever asks.
    #[must_use]
    pub fn new(inner: Box<dyn Source>) -> (Self, Arc<Mutex<Observed>>) {
        let seen = Arc::<Mutex<Observed>>::default();
        let watched = Self {
            inner,
            seen: Arc::clone(&seen),
        };
        (watched, seen)
    }
}

impl Source for Watched {
    fn fill(&mut self, batch: &mut Batch) -> Result<Fill, CaptureError> {
        let fill = self.inner.fill(batch);
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.batch(batch);
        fill
    }

    fn interfaces(&self) -> &[String] {
        self.inner.interfaces()
    }

    fn losses(&mut self) -> Losses {
        self.inner.losses()
    }

    fn blind(&self) -> Option<&str> {
        self.inner.blind()
    }

    fn samples(&self) -> Vec<Sample> {
        self.inner.samples()
    }

    fn progress(&self) -> ReadProgress {
        self.inner.progress()
    }
}

/// What people call a link type.
#[must_use]
pub fn link_name(number: u16) -> String {
    let name = match LinkType(number) {
        LinkType::NULL => "loopback",
        LinkType::ETHERNET => "Ethernet",
        LinkType::RAW | LinkType::IPV4 | LinkType::IPV6 => "raw IP",
        LinkType::LOOP => "OpenBSD loopback",
        LinkType::SLL => "Linux cooked",
        LinkType::SLL2 => "Linux cooked 2",
        LinkType::PPP | LinkType::PPP_HDLC | LinkType::PPP_ETHER => "PPP",
        _ => return format!("link type {number}"),
    };
    name.to_owned()
}
