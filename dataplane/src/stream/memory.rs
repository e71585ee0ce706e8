//! What the streams of one worker keep together, and its bounds.

/// What a worker's streams keep together, and its bounds.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    pub(crate) out_of_order: usize,
    pub(crate) out_of_order_max: usize,
    pub(crate) kept: usize,
    pub(crate) kept_max: usize,
    /// Connections that are looked into.
    pub(crate) conversations: usize,
    /// How often a bound cut something: all flows' bytes out of order, one flow's, kept bytes.
    pub(crate) hits: [u64; 3],
    pool: Vec<Vec<u8>>,
}

impl Memory {
    pub(crate) fn new(out_of_order_max: usize, kept_max: usize) -> Self {
        Self {
            out_of_order_max,
            kept_max,
            ..Self::default()
        }
    }

    pub(super) fn buffer(&mut self) -> Vec<u8> {
        self.pool.pop().unwrap_or_default()
    }

    pub(super) fn give_back(&mut self, mut buffer: Vec<u8>) {
        buffer.clear();
        if self.pool.len() < POOL_MAX && buffer.capacity() > 0 {
            self.pool.push(buffer);
        }
    }
}

/// Buffers that wait to be used again.
const POOL_MAX: usize = 256;
