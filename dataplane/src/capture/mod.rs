//! Where frames come from: one trait, one file each.

pub mod af_packet;
pub mod af_xdp;
pub(crate) mod ahead;
pub mod blocks;
pub mod clock;
mod compressed;
#[cfg(feature = "dpdk")]
pub mod dpdk;
pub mod fault;
pub mod files;
pub mod flags;
#[cfg(any(test, fuzzing))]
mod fuzz;
mod gone;
mod listing;
pub mod live;
mod mapped;
pub mod memory;
mod pcap_file;
mod pcapng;
mod record;
pub mod remote;
mod sockopt;
mod strides;
mod waiting;
mod window;

use std::path::PathBuf;

#[cfg(any(test, fuzzing))]
pub use fuzz::fuzz;

use parsers::time::Time;

use crate::batch::{Block, Frame};
use crate::telemetry::Sample;

/// A place that frames come from. Numbering, the running maximum of time and the table of
/// interfaces are the source's business, so that they do not depend on who reads.
pub trait Source: Send {
    /// Puts the next frames into the batch, which is empty. May wait: live for the next frame or
    /// the idle poll (at most a second, so that timers run without traffic), for a file never.
    ///
    /// # Errors
    /// What could not be read, once; frames before the damage have been given already.
    fn fill(&mut self, batch: &mut Batch) -> Result<Fill, CaptureError>;

    /// Names of the capture interfaces seen so far, by index.
    fn interfaces(&self) -> &[String];

    /// What the capture itself lost so far.
    fn losses(&mut self) -> Losses;

    /// Why nothing can come at present, or nothing: an interface without a link.
    fn blind(&self) -> Option<&str> {
        None
    }

    /// What it counts beside its losses.
    fn samples(&self) -> Vec<Sample> {
        Vec::new()
    }

    /// How far it got, for a progress bar.
    fn progress(&self) -> ReadProgress {
        ReadProgress::default()
    }
}

/// Frames of one fill and the blocks that they point into.
#[derive(Debug, Default)]
pub struct Batch {
    /// The frames, in order.
    pub frames: Vec<Frame>,
    /// Their blocks.
    pub blocks: Vec<Block>,
    /// The newest time stamp, or the capture clock on an idle poll.
    pub now: Time,
    /// No frame with this number or a lower one comes any more; 0 where the frames say it all.
    pub upto: u64,
    /// How much of what holds frames behind these is full, in percent; 0 where nothing is lost when
    /// it is, as of files.
    pub backlog: u8,
    /// When it was read, on the monotonic clock; 0 where it is handed on at
    /// once.
    pub read_at: u64,
}

impl Batch {
    /// Makes it empty, as [`Source::fill`] wants it; what it allocated is kept.
    pub fn clear(&mut self) {
        self.frames.clear();
        self.blocks.clear();
        self.upto = 0;
        self.backlog = 0;
        self.read_at = 0;
    }
}

/// What a fill brought.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fill {
    /// Perhaps frames, perhaps none: go on.
    More,
    /// Nothing will come any more.
    End,
}

/// Frames that a capture lost before anybody saw them, each since the start.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Losses {
    /// Received by the capture, as it counts.
    pub received: u64,
    /// Dropped by the kernel: our ring was full.
    pub kernel: u64,
    /// Dropped by the network interface.
    pub interface: u64,
}

impl Losses {
    /// What never reached us, whoever dropped it.
    #[must_use]
    pub const fn dropped(self) -> u64 {
        self.kernel.saturating_add(self.interface)
    }

    /// Both together.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            received: self.received.saturating_add(other.received),
            kernel: self.kernel.saturating_add(other.kernel),
            interface: self.interface.saturating_add(other.interface),
        }
    }
}

/// How far a source got.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct ReadProgress {
    /// Bytes of the files read so far.
    pub bytes: u64,
    /// Bytes of all files; 0 if nobody knows.
    pub total: u64,
}

impl ReadProgress {
    /// Both together.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            bytes: self.bytes.saturating_add(other.bytes),
            total: self.total.saturating_add(other.total),
        }
    }
}

/// Why a capture cannot be read (on).
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// The file cannot be opened or read.
    #[error("{path}: {error}")]
    Io {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// The file is not a capture, or is damaged.
    #[error("{path}: {what} at byte {offset}")]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What is wrong, and what to do.
        what: &'static str,
        /// Where.
        offset: u64,
    },
    /// The interface cannot be captured from.
    #[error("{interface}: {what}")]
    Interface {
        /// Which interface.
        interface: String,
        /// What is wrong, and what to do.
        what: String,
    },
    /// A thread of ours died, and what it had not told with it.
    #[error(
        "the thread {0} died of a fault of Vitalwire's own, and what it had not told yet is lost: \
         please report what it printed"
    )]
    Died(String),
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod wire;
