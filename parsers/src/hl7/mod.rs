//! HL7 v2 over MLLP (HL7 v2.1 to v2.9; MLLP release 1), and what infusion pumps say in it.
//!
//! Each direction is read by itself: the framing (`mllp`) gives segments to a bounded store
//! (`store`), and when a message ends, one event is made of it (`event`); pump messages are
//! looked into by `pump`. Nothing waits for a whole message: a message of any size is read
//! with `KEPT_BYTES_MAX` bytes a direction.
//!
//! Not here: HL7 v3, FHIR, HL7 over HTTP, the commit acknowledgments of MLLP release 2, and which
//! acknowledgment belongs to which message (they are paired by control id, across connections).

mod charset;
mod embedded;
mod escape;
mod event;
mod fields;
mod findings;
mod inject;
pub(crate) mod message;
mod mllp;
mod names;
mod path;
mod state;
mod store;
#[cfg(test)]
mod tests;
pub(crate) mod wire;

pub use path::PATHS;

use crate::event::Direction::{ToClient, ToServer};
use crate::kinds;
use crate::protocol::{Probe, Sample, Spec, Transport, Verdict};
use wire::{Head, head};

crate::anomalies! {
    /// What can be wrong with HL7 v2 and its framing.
    pub static ANOMALIES;
    NO_START_BLOCK = "hl7.no_start_block", "a message begins without start block (0x0b); told once a connection", "MLLP R1";
    NO_END_BLOCK = "hl7.no_end_block", "a message ends without end block (0x1c)", "MLLP R1";
    NO_CARRIAGE_RETURN = "hl7.no_carriage_return", "no carriage return behind the end block; told once a connection", "MLLP R1";
    NO_FINAL_RETURN = "hl7.no_final_return", "the last segment has no carriage return; told once a connection", "HL7 v2.5 2.5.2";
    LINE_FEEDS = "hl7.line_feeds", "segments end with line feeds; told once a connection", "HL7 v2.5 2.5.2";
    BYTES_BETWEEN = "hl7.bytes_between_frames", "bytes between an end block and the next start block", "MLLP R1";
    START_INSIDE = "hl7.start_block_inside", "a start block in the middle of a message", "MLLP R1";
    END_INSIDE = "hl7.end_block_inside", "an end block in the middle of a message", "MLLP R1";
    NOT_A_MESSAGE = "hl7.not_a_message", "a frame does not begin with MSH, FHS or BHS", "HL7 v2.5 2.14";
    SEVERAL_MESSAGES = "hl7.several_messages", "several messages in one frame that is no batch", "MLLP R1";
    BATCH_COUNT = "hl7.batch_count", "a batch has another number of messages than its trailer says", "HL7 v2.5 2.15.3";
    DELIMITERS = "hl7.delimiters", "delimiters are letters, missing, or the same twice", "HL7 v2.5 2.5.4";
    DELIMITERS_CHANGED = "hl7.delimiters_changed", "delimiters differ from those of the message before", "HL7 v2.5 2.5.4";
    SEGMENT_NAME = "hl7.segment_name", "a segment's name is not three letters or digits", "HL7 v2.5 2.5.2";
    FIELD_LONG = "hl7.field_long", "a field other than OBX-5 is longer than 16 KiB", "HL7 v2.5 2.5.3";
    KEPT_IN_PART = "hl7.kept_in_part", "the message is longer than what is kept for rules to look into", "";
    SEGMENTS_MANY = "hl7.segments_many", "the message has more segments than are kept", "";
    ESCAPE_UNBALANCED = "hl7.escape_unbalanced", "an escape character without its partner; told once a connection", "HL7 v2.5 2.7";
    ESCAPE_UNKNOWN = "hl7.escape_unknown", "an escape sequence that the standard does not have; told once a connection", "HL7 v2.5 2.7";
    ESCAPE_CONTROL = "hl7.escape_control", "a hexadecimal escape sequence gives a control character or a delimiter", "HL7 v2.5 2.7.7";
    CONTROL_CHARACTERS = "hl7.control_characters", "control characters in text", "HL7 v2.5 2.5.3";
    CHARSET_UNKNOWN = "hl7.charset_unknown", "MSH-18 names a character set that is not known; told once a connection", "HL7 v2.5 2.15.9.18";
    CHARSET_MISMATCH = "hl7.charset_mismatch", "bytes that the declared character set does not have; told once a connection", "HL7 v2.5 2.15.9.18";
    SEGMENT_INJECTED = "hl7.segment_injected", "a field hides a line end and a segment's name", "HL7 v2.5 2.7";
    ORDER_SEGMENT = "hl7.pcd_order_segment", "a pump order has a segment that its profile forbids", "IHE DEV TF-2 3.3.4.4";
}

/// Anomalies that are a sender's habit: told once a connection and direction, since every message
/// of that sender has them.
static HABITS: &[&crate::protocol::Anomaly] = &[
    &NO_START_BLOCK,
    &NO_CARRIAGE_RETURN,
    &NO_FINAL_RETURN,
    &LINE_FEEDS,
    &ESCAPE_UNBALANCED,
    &ESCAPE_UNKNOWN,
    &CHARSET_UNKNOWN,
    &CHARSET_MISMATCH,
];

/// HL7 v2 over MLLP, and without.
pub static SPEC: Spec = Spec {
    name: "hl7",
    transport: Transport::Tcp,
    kinds: &[&kinds::hl7::KIND, &kinds::pump::KIND],
    anomalies: ANOMALIES,
    medical: true,
    each_side: true,
    probe,
    open: Some(state::open),
    sample: SAMPLE,
};

/// An admission and its acknowledgment, results with an escape sequence, a pump order with its
/// acknowledgment and response, a pump's start and its alarm. Everybody in it is made up.
const SAMPLE: Sample = &[
    (ToServer, include_bytes!("testdata/adt_a01.bin")),
    (ToClient, include_bytes!("testdata/ack_a01.bin")),
    (ToServer, include_bytes!("testdata/oru_r01.bin")),
    (ToClient, include_bytes!("testdata/ack_r01.bin")),
    (ToServer, include_bytes!("testdata/pcd03_dose.bin")),
    (ToClient, include_bytes!("testdata/ack_o15.bin")),
    (ToServer, include_bytes!("testdata/rrg_o16_refused.bin")),
    (ToServer, include_bytes!("testdata/pcd01_report.bin")),
    (ToServer, include_bytes!("testdata/pcd10_start.bin")),
    (ToServer, include_bytes!("testdata/pcd04_alarm.bin")),
];

/// Bytes that a sender may put before its first message.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

fn probe(probe: &Probe<'_>) -> Verdict {
    if !probe.from_start {
        return mllp::find_start(probe.bytes);
    }
    let mark = BYTE_ORDER_MARK.len();
    let skipped = if probe.bytes.starts_with(BYTE_ORDER_MARK) {
        mark
    } else {
        0
    };
    let bytes = probe.bytes.get(skipped..).unwrap_or_default();
    let start = bytes
        .iter()
        .position(|b| !matches!(b, b'\r' | b'\n'))
        .unwrap_or(bytes.len());
    let verdict = match bytes.get(start..).unwrap_or_default() {
        [0x0b, behind @ ..] => head(behind, false),
        bare => head(bare, true),
    };
    match verdict {
        Head::Yes => Verdict::Yes(0),
        Head::Short if start <= START_BYTES_MAX => Verdict::Unsure,
        _ => Verdict::No,
    }
}

/// The most line ends that are passed over before a first message.
const START_BYTES_MAX: usize = 8;
