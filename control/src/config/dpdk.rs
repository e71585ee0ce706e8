//! The keys below `capture.dpdk`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An adapter that DPDK drives.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Dpdk {
    /// Arguments for EAL, DPDK's environment. Without a choice of processors among them it has one
    /// idle thread, on the processors that this process may use.
    pub eal_args: Vec<String>,
    /// The port: its number, or its device's name, such as `0000:3b:00.0`.
    pub port: String,
    /// Receive queues: 0 takes one for each worker if the adapter spreads flows over them (RSS),
    /// else one. A number is one or that of the workers.
    pub queues: u16,
    /// Mbufs of each queue: those that the adapter has, and those of frames not yet done with.
    pub mbufs: u32,
    /// Bytes of a frame that fit into an mbuf; what is longer is copied together.
    pub mbuf_bytes: u16,
    /// Descriptors of each queue: they bridge the moments in which nobody looks.
    pub descriptors: u16,
    /// Frames taken from the adapter at once.
    pub burst: u16,
    /// While nothing comes: `adaptive` sleeps in between, at most 100 microseconds; `busy` never
    /// does, and takes a whole processor for each queue.
    pub poll: Poll,
}

/// What is done while nothing comes.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Poll {
    /// Look again at once for a while, then sleep in between.
    #[default]
    Adaptive,
    /// Look again at once.
    Busy,
}

impl Default for Dpdk {
    fn default() -> Self {
        Self {
            eal_args: ["--in-memory", "--no-telemetry", "--log-level=4"]
                .map(str::to_owned)
                .to_vec(),
            port: "0".to_owned(),
            queues: 0,
            // 38 MiB.
            mbufs: 16_383,
            mbuf_bytes: 2048,
            // A quarter of a millisecond at 10 Gbit/s of the smallest frames.
            descriptors: 4096,
            burst: 64,
            poll: Poll::Adaptive,
        }
    }
}
