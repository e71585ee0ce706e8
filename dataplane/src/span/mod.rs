//! What a mirror port really gives: both directions or one, which VLANs, tagged how, twice or cut.
//!
//! The [`Judge`] is pure: frames and their time stamps go in, [`Finding`]s come out, so it judges a
//! live interface and a recording alike. It judges a window: [`Judge::begin`] starts the next one
//! and remembers of the last only which VLANs there were.
//!
//! Its memory is bounded by [`PAIRS_MAX`] and tables of fixed size; once these are warm a frame
//! costs no allocation.

mod finding;
mod medical;
mod observer;
mod pairs;
mod tally;
mod twice;
mod vlans;
mod watch;

use parsers::time::Time;

use crate::batch::{Frame, LinkType};
use crate::capture::Batch;
use crate::decode::{DecodeIssue, Ip, Net, Packet, Transport, checksums_ok, decode};

pub use finding::{Cut, Finding, Severity, Share};
pub use observer::{Observer, Told};
pub use pairs::{Ends, PAIRS_MAX};
pub use tally::{TUNNELS_MAX, Tally};
pub use watch::watch;

use medical::Medical;
use pairs::Pairs;
use twice::Twice;
use vlans::Vlans;

/// What the one who asks knows of the network.
#[derive(Clone, Debug, Default)]
pub struct Expect {
    /// VLANs that have to be seen.
    pub vlans: Vec<u16>,
    /// The capture interface's own address: frames for it prove no mirror.
    pub own: Option<[u8; 6]>,
    /// How long a VLAN, or everything, may say nothing before that is a finding, in nanoseconds;
    /// 0 for a single window, in which only what was never seen counts as silent.
    pub silent_after: i64,
}

/// Judges a mirror port by its frames.
pub struct Judge {
    expect: Expect,
    /// When this window began; nothing before the first frame or [`Judge::begin`].
    began: Option<Time>,
    /// When the first window began.
    first: Option<Time>,
    /// The newest time that anybody told.
    now: Time,
    tally: Tally,
    vlans: Vlans,
    pairs: Pairs,
    twice: Twice,
    medical: Medical,
}

impl Judge {
    /// A judge who has seen nothing.
    #[must_use]
    pub fn new(expect: Expect) -> Self {
        Self {
            expect,
            began: None,
            first: None,
            now: Time::ZERO,
            tally: Tally::default(),
            vlans: Vlans::new(),
            pairs: Pairs::default(),
            twice: Twice::new(),
            medical: Medical::new(),
        }
    }

    /// Begins a window. What the tables have allocated is kept.
    pub fn begin(&mut self, now: Time) {
        self.began = Some(now);
        self.first.get_or_insert(now);
        self.now = now;
        self.tally = Tally::default();
        self.vlans.begin();
        self.pairs.clear();
    }

    /// Tells the time where no frame does.
    pub fn tick(&mut self, now: Time) {
        if now == Time::ZERO {
            return; // A file of which nothing was read has no time.
        }
        self.began.get_or_insert(now);
        self.first.get_or_insert(now);
        self.now = self.now.max(now);
    }

    /// What a source gave at once.
    pub fn batch(&mut self, batch: &Batch) {
        for frame in &batch.frames {
            let bytes = frame.bytes(&batch.blocks);
            match decode(frame, bytes) {
                Ok(packet) => self.frame(frame, bytes, &packet),
                Err(issue) => self.undecoded(frame, issue),
            }
        }
        self.tick(batch.now);
    }

    /// A frame, its bytes, and what they carry.
    pub fn frame(&mut self, frame: &Frame, bytes: &[u8], packet: &Packet) {
        self.any(frame, packet.vlans);
        self.layers(frame, packet);
        if let Net::Ip(ip) = &packet.net {
            self.ip(frame, bytes, packet, ip);
        }
    }

    /// A frame that could not be read.
    pub fn undecoded(&mut self, frame: &Frame, _issue: DecodeIssue) {
        self.any(frame, 0);
        self.tally.undecoded = self.tally.undecoded.saturating_add(1);
    }

    /// What was counted in this window.
    #[must_use]
    pub const fn tally(&self) -> &Tally {
        &self.tally
    }

    /// VLANs of this window with frames and bytes of each, by number.
    pub fn vlans(&self) -> impl Iterator<Item = (u16, u64, u64)> {
        self.vlans.seen()
    }

    /// Pairs of addresses that were told apart in this window, and packets that came when the
    /// table was full.
    #[must_use]
    pub fn pairs(&self) -> (usize, u64) {
        (self.pairs.len(), self.pairs.left_out)
    }

    /// The newest time that anybody told.
    #[must_use]
    pub const fn now(&self) -> Time {
        self.now
    }

    /// Nanoseconds from the beginning of this window until now.
    #[must_use]
    pub fn window(&self) -> i64 {
        self.began.map_or(0, |began| self.now.since(began))
    }

    /// What is to be said of this window, most serious first.
    #[must_use]
    pub fn findings(&self, now: Time) -> Vec<Finding> {
        let mut found = Vec::new();
        let began = self.began.unwrap_or(now);
        if self.tally.frames == 0 {
            let span = now.since(began);
            if span >= self.expect.silent_after {
                found.push(Finding::Silent { nanos: span });
            }
            return found;
        }
        let port = self.tally.port().filter(|_| !self.pairs.are_overheard());
        found.extend(port);
        found.extend(self.pairs.one_sided());
        found.extend(self.pairs.tags());
        let first = self.first.unwrap_or(now);
        let silent = self.vlans.silent(&self.expect, first, now);
        let silent = silent.map(|(vlan, last)| Finding::SilentVlan { vlan, last });
        // An access port has no tags either: what is wrong with it is said already.
        let untagged = self.tally.untagged().filter(|_| port.is_none());
        match untagged.filter(|_| !self.vlans.were_ever()) {
            Some(untagged) if silent.clone().next().is_some() => found.push(untagged),
            _ => found.extend(silent),
        }
        found.extend(self.tally.findings());
        found.sort_by_key(|finding| std::cmp::Reverse(finding.severity()));
        found
    }

    fn any(&mut self, frame: &Frame, vlans: u8) {
        self.began.get_or_insert(frame.time);
        self.first.get_or_insert(frame.time);
        self.now = self.now.max(frame.time);
        self.tally.any(frame, vlans);
    }

    fn layers(&mut self, frame: &Frame, packet: &Packet) {
        if frame.link == LinkType::ETHERNET
            && let Some((src, dest)) = packet.mac
        {
            self.tally.addressed(src, dest, self.expect.own);
        }
        let tags = packet.vlan.iter().take(usize::from(packet.vlans));
        self.vlans.frame(tags.copied(), frame);
        if let Some(tunnel) = packet.tunnel {
            self.tally.tunnel(tunnel.kind);
        }
        if packet.truncated {
            self.tally.cut(frame);
        }
    }

    fn ip(&mut self, frame: &Frame, bytes: &[u8], packet: &Packet, ip: &Ip) {
        if packet.mac.is_some_and(|(_, dest)| is_group(dest)) || ip.dest.is_multicast() {
            return;
        }
        let own = self.expect.own;
        let foreign = packet
            .mac
            .is_none_or(|(src, dest)| own != Some(src) && own != Some(dest));
        self.pairs.packet(packet, ip, foreign);
        self.tally.ip = self.tally.ip.saturating_add(1);
        let payload = match &ip.transport {
            Transport::Tcp(tcp) => {
                self.tally.segment(frame, tcp);
                tcp.payload
            }
            Transport::Udp { payload, .. } => *payload,
            _ => return,
        };
        if payload.len > 0 {
            self.twice(frame, bytes, ip, payload.offset.saturating_add(payload.len));
        }
        if self.tally.is_sample() {
            let wrong = checksums_ok(bytes, packet).is_err();
            self.tally.checked(wrong);
        }
        if let Transport::Tcp(tcp) = &ip.transport
            && self.medical.is(ip, tcp, payload.of(bytes))
        {
            self.tally.medical(frame);
        }
    }

    fn twice(&mut self, frame: &Frame, bytes: &[u8], ip: &Ip, end: u32) {
        let again = self.twice.again(frame.time, bytes, ip, end);
        self.tally.comparable = self.tally.comparable.saturating_add(1);
        if again {
            self.tally.again = self.tally.again.saturating_add(1);
        }
    }
}

/// Whether an Ethernet address is a broadcast or multicast one: IEEE 802, the group bit.
const fn is_group(mac: [u8; 6]) -> bool {
    let [first, ..] = mac;
    first & 1 == 1
}

#[cfg(test)]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    reason = "tests make frames of lengths that fit"
)]
mod tests;
