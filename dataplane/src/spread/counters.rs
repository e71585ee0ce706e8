//! The reader thread's ledger: frames captured, decoded, and put together from fragments.

use crate::batch::Frame;
use crate::capture::Losses;
use crate::decode::{DecodeIssue, Net, Packet, Transport, WrongChecksum, checksums_ok};
use crate::defrag::{Counters as Fragments, Defrag};
use crate::telemetry::{Sample, counter};

/// Counts of everything up to the workers. Single writer; clone it to publish it.
///
/// `frames` = items handed out + fragments that became no packet of their own + packets dropped
/// for their checksums.
#[derive(Clone, Debug, Default)]
pub struct Counters {
    /// Frames that the source gave.
    pub frames: u64,
    /// Their bytes on the wire.
    pub bytes: u64,
    /// Items handed out, by what they carry; [`WHAT`] names them.
    packets: [u64; WHAT.len()],
    /// Items whose frame the capture cut.
    pub truncated: u64,
    /// Frames that could not be read, by cause and header. A closed set of a few dozen.
    undecoded: Vec<(DecodeIssue, u64)>,
    /// Packets dropped for a wrong checksum; [`SUMS`] names them.
    checksums: [u64; SUMS.len()],
    fragments: Fragments,
    waiting: u64,
}

/// What an item carries, for the label `carries`.
const WHAT: [&str; 6] = ["tcp", "udp", "icmp", "other_ip", "arp", "other"];

/// Whose checksum was wrong, for the label `header`.
const SUMS: [&str; 4] = ["ipv4", "tcp", "udp", "icmp"];

/// The most causes told apart: all that there are, but for link types, which a file can invent.
const CAUSES_MAX: usize = 64;

impl Counters {
    #[inline]
    pub(super) fn frame(&mut self, frame: &Frame) {
        self.frames = self.frames.wrapping_add(1);
        self.bytes = self.bytes.wrapping_add(u64::from(frame.wire_len));
    }

    #[inline]
    pub(super) fn item(&mut self, packet: &Result<Packet, DecodeIssue>) {
        let packet = match packet {
            Ok(packet) => packet,
            Err(issue) => return self.issue(*issue),
        };
        self.truncated = self.truncated.wrapping_add(u64::from(packet.truncated));
        let what: usize = match &packet.net {
            Net::Ip(ip) => match ip.transport {
                Transport::Tcp(_) => 0,
                Transport::Udp { .. } => 1,
                Transport::Icmp { .. } => 2,
                Transport::Sctp { .. } | Transport::Fragment(_) | Transport::Other(_) => 3,
            },
            Net::Arp(_) => 4,
            Net::Other(_) => 5,
        };
        if let Some(count) = self.packets.get_mut(what) {
            *count = count.wrapping_add(1);
        }
    }

    /// Whether a packet is dropped for its checksums; counts it if so.
    pub(super) fn drops(&mut self, frame: &[u8], packet: &Result<Packet, DecodeIssue>) -> bool {
        let Ok(packet) = packet else {
            return false;
        };
        let Err(wrong) = checksums_ok(frame, packet) else {
            return false;
        };
        let which: usize = match wrong {
            WrongChecksum::Ipv4 => 0,
            WrongChecksum::Tcp => 1,
            WrongChecksum::Udp => 2,
            WrongChecksum::Icmp => 3,
        };
        if let Some(count) = self.checksums.get_mut(which) {
            *count = count.wrapping_add(1);
        }
        true
    }

    #[cold]
    fn issue(&mut self, issue: DecodeIssue) {
        if let Some((_, count)) = self.undecoded.iter_mut().find(|(i, _)| *i == issue) {
            *count = count.wrapping_add(1);
        } else if self.undecoded.len() < CAUSES_MAX {
            self.undecoded.push((issue, 1));
        } else if let Some((_, count)) = self.undecoded.last_mut() {
            *count = count.wrapping_add(1);
        }
    }

    pub(super) fn with_fragments(mut self, defrag: &Defrag) -> Self {
        self.fragments = defrag.counters;
        self.waiting = defrag.waiting();
        self
    }

    /// Items that could not be read.
    #[must_use]
    pub fn undecoded(&self) -> u64 {
        self.undecoded.iter().map(|(_, n)| n).sum()
    }

    /// Fragments that became no packet, and still might not.
    #[must_use]
    pub fn fragments_dropped(&self) -> u64 {
        self.fragments.causes().iter().map(|(_, n)| n).sum()
    }

    /// As Prometheus names them, with what the source says that it lost.
    #[must_use]
    pub fn samples(&self, losses: Losses) -> Vec<Sample> {
        let mut out = Vec::with_capacity(48);
        self.capture(losses, &mut out);
        self.decode(&mut out);
        self.spread(&mut out);
        out
    }

    fn capture(&self, losses: Losses, out: &mut Vec<Sample>) {
        out.push(counter(
            "vitalwire_capture_frames_total",
            "Frames read from the capture.",
            &[],
            self.frames,
        ));
        out.push(counter(
            "vitalwire_capture_bytes_total",
            "Bytes on the wire of the frames read.",
            &[],
            self.bytes,
        ));
        out.push(counter(
            "vitalwire_capture_received_frames_total",
            "Frames that the capture says it received.",
            &[],
            losses.received,
        ));
        for (cause, count) in [
            ("kernel_ring_full", losses.kernel),
            ("interface", losses.interface),
        ] {
            out.push(counter(
                "vitalwire_capture_dropped_frames_total",
                "Frames that the capture lost before they were read.",
                &[("cause", cause)],
                count,
            ));
        }
    }

    fn decode(&self, out: &mut Vec<Sample>) {
        for (what, count) in WHAT.iter().zip(self.packets) {
            out.push(counter(
                "vitalwire_decode_packets_total",
                "Packets read, by what their innermost header is.",
                &[("carries", what)],
                count,
            ));
        }
        out.push(counter(
            "vitalwire_decode_truncated_total",
            "Packets that the capture cut short; they are read as far as they go.",
            &[],
            self.truncated,
        ));
        for (issue, count) in &self.undecoded {
            out.push(counter(
                "vitalwire_decode_dropped_total",
                "Frames that could not be read.",
                &[("cause", issue.cause()), ("header", issue.header())],
                *count,
            ));
        }
        for (header, count) in SUMS.iter().zip(self.checksums) {
            out.push(counter(
                "vitalwire_decode_dropped_total",
                "Frames that could not be read.",
                &[("cause", "checksum"), ("header", header)],
                count,
            ));
        }
    }

    fn spread(&self, out: &mut Vec<Sample>) {
        let f = &self.fragments;
        out.push(counter(
            "vitalwire_spread_fragments_total",
            "IP fragments seen.",
            &[],
            f.seen,
        ));
        out.push(counter(
            "vitalwire_spread_fragments_reassembled_total",
            "IP fragments that became part of a whole packet.",
            &[],
            f.reassembled,
        ));
        out.push(counter(
            "vitalwire_spread_packets_reassembled_total",
            "Packets put together from fragments.",
            &[],
            f.packets,
        ));
        out.push(counter(
            "vitalwire_spread_fragments_overlapping_total",
            "IP fragments that contradicted others and were used as far as they were new.",
            &[],
            f.overlapping,
        ));
        for (cause, count) in f.causes() {
            out.push(counter(
                "vitalwire_spread_fragments_dropped_total",
                "IP fragments that became no packet.",
                &[("cause", cause)],
                count,
            ));
        }
        out.push(Sample {
            counter: false,
            ..counter(
                "vitalwire_spread_fragments_waiting",
                "IP fragments that wait for others.",
                &[],
                self.waiting,
            )
        });
    }
}
