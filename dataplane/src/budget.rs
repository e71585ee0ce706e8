//! One memory budget, and every share of it in one place.

use crate::evidence::SLOT_BYTES;
use crate::flow::FLOW_BYTES;

/// What one worker, and the threads around it, may take. Computed from `Settings.memory_bytes`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Shares {
    /// Bytes of one worker's flows, and of what looks into them.
    pub flow_bytes: usize,
    /// Bytes that one worker keeps of segments out of order.
    pub out_of_order_bytes: usize,
    /// Bytes that one worker keeps for its parsers between segments.
    pub parser_bytes: usize,
    /// Pairs of hosts whose flow opens one worker sums within a second.
    pub open_pairs: usize,
    /// Bytes that one worker keeps of frame headers, for evidence.
    pub evidence_bytes: usize,
}

impl Shares {
    /// Two thirds of the budget are for flows, since losing one loses its whole conversation; a
    /// sixth is for bytes out of order, a twelfth for parsers, a thirty-second for evidence. The rest
    /// is for queues, arenas and the correlator, whose sizes follow from the depth of the queues.
    #[must_use]
    pub fn of(memory_bytes: u64, workers: usize) -> Self {
        let bytes = usize::try_from(memory_bytes).unwrap_or(usize::MAX);
        let each = bytes.checked_div(workers.max(1)).unwrap_or(bytes);
        Self {
            flow_bytes: (each / 3 * 2).max(FLOWS_MIN * FLOW_BYTES),
            out_of_order_bytes: (each / 6).max(BUFFERS_MIN_BYTES),
            parser_bytes: (each / 12).max(BUFFERS_MIN_BYTES),
            open_pairs: (each / 64 / OPEN_BYTES).clamp(OPEN_PAIRS_MIN, OPEN_PAIRS_MAX),
            evidence_bytes: (each / 32).clamp(EVIDENCE_MIN * SLOT_BYTES, EVIDENCE_BYTES_MAX),
        }
    }
}

/// A table smaller than this would lose flows on any network.
const FLOWS_MIN: usize = 1024;
/// One flow out of order must fit, or reassembly would never work.
const BUFFERS_MIN_BYTES: usize = 4 << 20;
/// What one sum of opens takes with its ports.
const OPEN_BYTES: usize = 1200;
const OPEN_PAIRS_MIN: usize = 1024;
/// More pairs within one second is a flood, told by the counter of the bound.
const OPEN_PAIRS_MAX: usize = 1 << 16;
/// Fewer frames than this are over before the alert is told.
const EVIDENCE_MIN: usize = 8192;
/// Half a million frames: what is longer ago has its own alerts.
const EVIDENCE_BYTES_MAX: usize = 64 << 20;
