//! The correlator's bounds, each with its reason. None depends on the number of workers, so that
//! results do not either.

use parsers::time::NANOS_PER_SEC;

/// How much the correlator may remember. Every bound has a counter for what it cut.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// Keys that one counting rule remembers: as many hosts as a large site has, twice over.
    pub count_keys: usize,
    /// Pairs of a rule and two addresses whose repeats are held back.
    pub repeats: usize,
    /// HL7 messages that wait for their acknowledgment: ten minutes of a hundred a second.
    pub pending_messages: usize,
    /// (VLAN, address) pairs whose Ethernet address is remembered.
    pub bindings: usize,
    /// Devices that said or offered something; twice as many that were only seen are known beside
    /// them. Of each at most some kilobytes.
    pub assets: usize,
    /// Pumps that messages named.
    pub pumps: usize,
    /// Pairs of hosts whose flow opens are summed within one second.
    pub open_pairs: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            count_keys: 65_536,
            repeats: 65_536,
            pending_messages: 65_536,
            bindings: 65_536,
            assets: 8_192,
            pumps: 16_384,
            open_pairs: 65_536,
        }
    }
}

/// The same rule between the same two hosts is told once in this time for a flow; what it met
/// meanwhile is in the next alert's `count`.
pub const REPEAT_NS: i64 = 60 * NANOS_PER_SEC;

/// Each time that a rule is told again the time doubles, up to this: what goes on for days is one
/// story, not a thousand. After so long a silence it begins anew.
pub const REPEAT_MAX_NS: i64 = 3600 * NANOS_PER_SEC;

/// Flows between the same two hosts that one rule tells of in such a time: a scanner that opens a
/// connection for each attempt is one story.
pub const REPEAT_FLOWS_MAX: usize = 4;

/// How long a message may wait for its acknowledgment before it counts as never acknowledged.
pub const ACK_WAIT_NS: i64 = 600 * NANOS_PER_SEC;

/// An Ethernet address that answered for an IP address this recently still holds it.
pub const BINDING_NS: i64 = 60 * NANOS_PER_SEC;

/// The time that an alert's `coverage` looks back on.
pub const COVERAGE_SECS: i64 = 60;

/// Payload bytes of a full-size frame: what turns missing bytes into missing frames.
pub(super) const FRAME_PAYLOAD_BYTES: u64 = 1460;

/// Addresses that reported one pump.
pub(super) const REPORTERS_MAX: usize = 16;

/// The longest identifier of a pump; longer ones are not names.
pub(super) const DEVICE_BYTES_MAX: usize = 128;

/// Distinct names (message types, commands) that the summary counts apart; a stranger chooses
/// them, so the rest is counted together.
pub(super) const NAMES_MAX: usize = 256;
