//! What can be wrong with the wire below the protocols.

use crate::decode::DecodeIssue;
use parsers::protocol::Anomaly;

parsers::anomalies! {
    /// All of them.
    pub static ANOMALIES;
    TOO_SHORT = "decode.too_short", "a frame ends inside a header", "";
    MALFORMED = "decode.malformed", "a header's own length or version makes no sense", "";
    TOO_DEEP = "decode.too_deep", "more encapsulations than are followed", "";
    LINK_TYPE = "decode.link_type", "a link type that is not read", "";
    FAULT = "decode.fault", "this program met a fault while it read a frame's headers, left the frame out and went on", "";
    VLAN_ASYMMETRIC = "flow.vlan_asymmetric", "the two directions of a flow carry different VLAN tags, so the tag is not part of its key", "";
    OVERLAP_CONFLICT = "stream.overlap_conflict", "a segment carries other bytes than the one before it at the same place; the first ones count", "RFC 9293 3.10.7.4";
    TOO_MUCH = "stream.buffer_exceeded", "a message needs more bytes in one piece than are kept", "";
    WORKER_RESTARTED = "capture.worker_restarted", "a worker met a fault in this program, lost its flows and went on", "";
}

/// The anomaly that a decoding issue is.
pub(crate) const fn of_issue(issue: DecodeIssue) -> &'static Anomaly {
    match issue {
        DecodeIssue::TooShort(_) => &TOO_SHORT,
        DecodeIssue::Malformed(_) => &MALFORMED,
        DecodeIssue::TooDeep => &TOO_DEEP,
        DecodeIssue::LinkType(_) => &LINK_TYPE,
        DecodeIssue::Fault => &FAULT,
    }
}
