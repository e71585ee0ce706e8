//! Counts of a closed vocabulary. Each worker adds to plain numbers of its own and publishes them
//! once a batch; whoever reads them costs the worker nothing.
//!
//! Every layer accounts for itself: `seen = handled + Σ dropped{cause}`.

use std::sync::atomic::{AtomicU64, Ordering};

use crossbeam::utils::CachePadded;

use crate::telemetry::Sample;

macro_rules! counts {
    ($( $variant:ident = $name:literal, [$( $label:literal = $value:literal ),*], $help:literal; )*) => {
        /// What is counted.
        #[derive(Clone, Copy, Debug, Eq, PartialEq)]
        #[repr(usize)]
        pub enum Count { $( #[doc = $help] $variant, )* }

        /// How many there are.
        pub const COUNTS: usize = [$( Count::$variant ),*].len();

        static DESCRIPTIONS: [Description; COUNTS] = [$( Description {
            name: $name, labels: &[$( ($label, $value) ),*], help: $help,
        } ),*];
    };
}

struct Description {
    name: &'static str,
    labels: &'static [(&'static str, &'static str)],
    help: &'static str,
}

counts! {
    WorkerSeen = "vitalwire_worker_seen_frames_total", [], "frames handed to workers";
    WorkerHandled = "vitalwire_worker_handled_frames_total", [], "frames that workers were done with";
    WorkerBytes = "vitalwire_worker_seen_bytes_total", [], "bytes on the wire of those frames";
    WorkerPanicked = "vitalwire_worker_dropped_frames_total", ["cause" = "panic"], "frames lost with a worker that was restarted";
    WorkerUndecoded = "vitalwire_worker_dropped_frames_total", ["cause" = "undecoded"], "frames whose headers could not be read";
    Panics = "vitalwire_worker_panics_total", [], "faults of this program that it survived: workers restarted empty, frames left out";
    NotIp = "vitalwire_worker_other_frames_total", [], "frames that carry neither IP nor ARP";
    Arp = "vitalwire_worker_arp_frames_total", [], "ARP messages";
    FlowSeen = "vitalwire_flow_seen_packets_total", [], "IP packets that came to the flow table";
    FlowHandled = "vitalwire_flow_handled_packets_total", [], "IP packets that found or made their flow";
    FlowFull = "vitalwire_flow_dropped_packets_total", ["cause" = "table_full"], "IP packets without room for their flow";
    FlowCopies = "vitalwire_flow_dropped_packets_total", ["cause" = "duplicate"], "IP packets that a mirror gave twice";
    FlowOpened = "vitalwire_flow_opened_flows_total", [], "flows begun";
    FlowEnded = "vitalwire_flow_ended_flows_total", [], "flows ended, for whatever reason";
    FlowEvicted = "vitalwire_flow_evicted_flows_total", [], "flows ended to make room for another";
    FlowEvictedMedical = "vitalwire_flow_evicted_medical_flows_total", [], "recognised medical flows ended to make room for another";
    FlowMedical = "vitalwire_flow_recognised_medical_flows_total", [], "flows in which a medical protocol was recognised";
    FlowMidstream = "vitalwire_flow_midstream_flows_total", [], "TCP flows whose beginning was not seen";
    FlowVlanAsymmetric = "vitalwire_flow_vlan_asymmetric_flows_total", [], "flows whose two directions carry different VLAN tags";
    StreamSeen = "vitalwire_stream_seen_segments_total", [], "TCP segments with payload of flows that are looked into";
    StreamBytes = "vitalwire_stream_seen_bytes_total", [], "payload bytes of those segments";
    StreamHandled = "vitalwire_stream_handled_segments_total", [], "segments that brought bytes, now or later";
    StreamDuplicate = "vitalwire_stream_dropped_segments_total", ["cause" = "duplicate"], "segments that brought nothing new";
    StreamOutside = "vitalwire_stream_dropped_segments_total", ["cause" = "outside_window"], "segments far outside what the stream could hold";
    StreamSkipped = "vitalwire_stream_skipped_segments_total", [], "segments handled without touching their payload";
    StreamOutOfOrder = "vitalwire_stream_out_of_order_segments_total", [], "segments kept until those before them came";
    StreamGaps = "vitalwire_stream_gaps_total", [], "holes in streams given up";
    StreamGapBytes = "vitalwire_stream_gap_bytes_total", [], "bytes missing in those holes";
    ParserSeen = "vitalwire_parser_seen_bytes_total", [], "bytes given to parsers, each once or more";
    ParserEvents = "vitalwire_parser_events_total", [], "events that parsers made";
    ParserAnomalies = "vitalwire_parser_anomalies_total", [], "anomalies found in flows";
    ParserAnomaliesCut = "vitalwire_parser_anomalies_cut_total", [], "anomalies counted but not told, beyond a flow's bound";
    ParserResyncs = "vitalwire_parser_resyncs_total", [], "times that a parser looked for its place";
    ParserTooMuch = "vitalwire_parser_buffer_exceeded_total", [], "times that a parser asked for more than may be kept";
    DecodeAnomaliesCut = "vitalwire_decode_anomalies_cut_total", [], "decoding anomalies counted but not told, beyond the bound of a second";
    ShedOthers = "vitalwire_worker_shed_bytes_total", ["what" = "others"], "payload bytes not looked into, while behind";
    ShedUnknown = "vitalwire_worker_shed_bytes_total", ["what" = "unrecognised"], "payload bytes not looked into, while behind";
    BoundFlows = "vitalwire_worker_bounds_hit_total", ["bound" = "flows"], "times that a bound cut something";
    BoundOutOfOrder = "vitalwire_worker_bounds_hit_total", ["bound" = "out_of_order_bytes"], "times that a bound cut something";
    BoundFlowOutOfOrder = "vitalwire_worker_bounds_hit_total", ["bound" = "flow_out_of_order"], "times that a bound cut something";
    BoundParserBytes = "vitalwire_worker_bounds_hit_total", ["bound" = "parser_bytes"], "times that a bound cut something";
    BoundCopies = "vitalwire_worker_bounds_hit_total", ["bound" = "copies"], "times that a bound cut something";
    BoundOpenPairs = "vitalwire_worker_bounds_hit_total", ["bound" = "open_pairs"], "times that a bound cut something";
    EvidenceFrames = "vitalwire_evidence_kept_frames_total", [], "frames whose headers were kept for evidence";
    EvidenceWanted = "vitalwire_evidence_seen_alerts_total", [], "alerts whose frames a worker was asked for";
    EvidenceHandled = "vitalwire_evidence_handled_alerts_total", [], "alerts whose frames were handed on";
    EvidenceGone = "vitalwire_evidence_dropped_alerts_total", ["cause" = "overwritten"], "alerts left without evidence";
    EvidenceFull = "vitalwire_evidence_dropped_alerts_total", ["cause" = "full"], "alerts left without evidence";
    LaneMedicalSeen = "vitalwire_lane_seen_records_total", ["lane" = "medical"], "records put on a lane";
    LaneMedicalHandled = "vitalwire_lane_handled_records_total", ["lane" = "medical"], "records that a lane took";
    LaneMedicalFull = "vitalwire_lane_dropped_records_total", ["lane" = "medical", "cause" = "full"], "records shed";
    LaneBulkSeen = "vitalwire_lane_seen_records_total", ["lane" = "bulk"], "records put on a lane";
    LaneBulkHandled = "vitalwire_lane_handled_records_total", ["lane" = "bulk"], "records that a lane took";
    LaneBulkFull = "vitalwire_lane_dropped_records_total", ["lane" = "bulk", "cause" = "full"], "records shed";
}

/// One thread's own counts.
#[derive(Clone, Debug)]
pub struct Counts([u64; COUNTS]);

impl Default for Counts {
    fn default() -> Self {
        Self([0; COUNTS])
    }
}

impl Counts {
    /// Adds to one.
    #[inline]
    pub fn add(&mut self, count: Count, by: u64) {
        if let Some(slot) = self.0.get_mut(count as usize) {
            *slot = slot.wrapping_add(by);
        }
    }

    /// Adds one to one.
    #[inline]
    pub fn one(&mut self, count: Count) {
        self.add(count, 1);
    }

    /// The number of one.
    #[must_use]
    pub fn get(&self, count: Count) -> u64 {
        self.0.get(count as usize).copied().unwrap_or(0)
    }
}

/// Where one thread publishes its counts: a single writer, any number of readers.
#[derive(Debug)]
pub struct Published(CachePadded<[AtomicU64; COUNTS]>);

impl Default for Published {
    fn default() -> Self {
        Self(CachePadded::new([const { AtomicU64::new(0) }; COUNTS]))
    }
}

impl Published {
    /// Makes the counts readable.
    pub fn publish(&self, counts: &Counts) {
        for (slot, value) in self.0.iter().zip(counts.0) {
            slot.store(value, Ordering::Relaxed);
        }
    }

    /// Adds what was published.
    pub fn add_to(&self, sum: &mut Counts) {
        for (sum, slot) in sum.0.iter_mut().zip(self.0.iter()) {
            *sum = sum.wrapping_add(slot.load(Ordering::Relaxed));
        }
    }
}

/// The sums as samples, in the order of the table.
#[must_use]
pub fn samples(sum: &Counts) -> Vec<Sample> {
    let describe = |(description, value): (&Description, &u64)| Sample {
        name: description.name,
        help: description.help,
        counter: true,
        labels: description
            .labels
            .iter()
            .map(|(label, value)| (*label, (*value).to_owned()))
            .collect(),
        value: *value,
    };
    DESCRIPTIONS.iter().zip(&sum.0).map(describe).collect()
}
