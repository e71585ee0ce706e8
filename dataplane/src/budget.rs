//! One memory budget, and every share of it in one place.

use crate::flow::FLOW_BYTES;

/// What one worker, and the threads around it, may take. Computed from `Settings.memory_bytes`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Shares {
    /// Flows in one worker's table.
    pub flows: usize,
    /// Bytes that one worker keeps of segments out of order.
    pub out_of_order_bytes: usize,
    /// Bytes that one worker keeps for its parsers between segments.
    pub parser_bytes: usize,
    /// Pairs of hosts whose flow opens one worker sums within a second.
    pub open_pairs: usize,
}

impl Shares {
    /// Half of the budget is for flows, since losing one loses its whole conversation; a quarter
    /// for bytes out of order, an eighth for parsers. The rest is for queues, arenas and the
    /// correlator, whose sizes follow from the depth of the queues.
    #[must_use]
    pub fn of(memory_bytes: u64, workers: usize) -> Self {
        let bytes = usize::try_from(memory_bytes).unwrap_or(usize::MAX);
        let each = bytes.checked_div(workers.max(1)).unwrap_or(bytes);
        Self {
            flows: (each / 2 / FLOW_BYTES).clamp(FLOWS_MIN, FLOWS_MAX),
            out_of_order_bytes: (each / 4).max(BUFFERS_MIN_BYTES),
            parser_bytes: (each / 8).max(BUFFERS_MIN_BYTES),
            open_pairs: (each / 64 / OPEN_BYTES).clamp(OPEN_PAIRS_MIN, OPEN_PAIRS_MAX),
        }
    }
}

/// A table smaller than this would lose flows on any network.
const FLOWS_MIN: usize = 1024;
/// A slab's index has 32 bits; this is far below and far above any device network.
const FLOWS_MAX: usize = 1 << 26;
/// One flow out of order must fit, or reassembly would never work.
const BUFFERS_MIN_BYTES: usize = 4 << 20;
/// What one sum of opens takes with its ports.
const OPEN_BYTES: usize = 1200;
const OPEN_PAIRS_MIN: usize = 1024;
/// More pairs within one second is a flood, told by the counter of the bound.
const OPEN_PAIRS_MAX: usize = 1 << 16;
