//! `flow`: one conversation, told when it ends.

use crate::kind;
use crate::phi::Class;

kind! {
    /// A finished flow, EVE's `flow` object.
    pub static KIND = 0, "flow", "a finished flow", medical: false, paths: None;
    PKTS_TOSERVER = "pkts_toserver": Int, Class::Clear, "packets from the client", "";
    PKTS_TOCLIENT = "pkts_toclient": Int, Class::Clear, "packets from the server", "";
    BYTES_TOSERVER = "bytes_toserver": Int, Class::Clear, "bytes on the wire from the client", "";
    BYTES_TOCLIENT = "bytes_toclient": Int, Class::Clear, "bytes on the wire from the server", "";
    START = "start": Text, Class::Clear, "time stamp of the first packet", "";
    END = "end": Text, Class::Clear, "time stamp of the last packet", "";
    AGE = "age": Int, Class::Clear, "whole seconds from first to last packet", "";
    STATE = "state": Word, Class::Clear, "new, established or closed", "";
    REASON = "reason": Word, Class::Clear, "why it ended: fin, rst, timeout, evicted, shutdown, reuse, clock_step", "";
    APP = "app": Word, Class::Clear, "recognised application protocol, or unknown", "";
    MEDICAL = "medical": Bool, Class::Clear, "whether a medical protocol was recognised", "";
    MIDSTREAM = "midstream": Bool, Class::Clear, "whether it was picked up without its beginning", "";
    ONE_SIDED = "one_sided": Bool, Class::Clear, "whether only one direction was seen", "";
    SYN = "syn": Bool, Class::Clear, "whether the client's SYN was seen", "RFC 9293 3.5";
    SYN_ACK = "syn_ack": Bool, Class::Clear, "whether the server's SYN ACK was seen", "RFC 9293 3.5";
    RST = "rst": Bool, Class::Clear, "whether a reset ended it", "RFC 9293 3.5";
    GAP_BYTES_TOSERVER = "gap_bytes_toserver": Int, Class::Clear, "bytes from the client that the capture missed", "";
    GAP_BYTES_TOCLIENT = "gap_bytes_toclient": Int, Class::Clear, "bytes from the server that the capture missed", "";
    PAYLOAD_TOSERVER = "payload_toserver": Int, Class::Clear, "transport payload bytes from the client", "";
    PAYLOAD_TOCLIENT = "payload_toclient": Int, Class::Clear, "transport payload bytes from the server", "";
}
