//! Trouble on the way: any source, with frames lost, doubled, reordered, cut or bent.
//!
//! For tests. What it does depends on the seed and on frame numbers only, so that a failure can be
//! had again.

use parsers::time::Time;

use crate::batch::Frame;
use crate::capture::blocks::{BLOCK_BYTES, Pool};
use crate::capture::clock::Clock;
use crate::capture::{Batch, CaptureError, Fill, Losses, ReadProgress, Source};
use crate::telemetry::Sample;

/// How often what goes wrong, in frames of a thousand.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Faults {
    /// What makes it random.
    pub seed: u64,
    /// Lost.
    pub lost: u16,
    /// Given twice.
    pub doubled: u16,
    /// Swapped with the next one of the batch; stamps go along.
    pub swapped: u16,
    /// Cut to a random length, as a short snap length does.
    pub cut: u16,
    /// With one bit flipped.
    pub bent: u16,
    /// Held back by up to a second of packet time: stamped later, not given later.
    pub late: u16,
}

/// A source with trouble.
pub struct Fault<S> {
    source: S,
    faults: Faults,
    inner: Batch,
    pool: Pool,
    clock: Clock,
    random: u64,
    lost: u64,
}

impl<S: Source> Fault<S> {
    /// Wraps a source.
    pub fn new(source: S, faults: Faults) -> Self {
        Self {
            source,
            faults,
            inner: Batch::default(),
            pool: Pool::new(BLOCK_BYTES.saturating_mul(2)),
            clock: Clock::default(),
            random: faults.seed,
            lost: 0,
        }
    }

    /// splitmix64.
    const fn random(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Below `bound`; 0 if that is 0.
    fn below(&mut self, bound: u64) -> u64 {
        self.random().checked_rem(bound).unwrap_or(0)
    }

    const fn happens(&mut self, in_a_thousand: u16) -> bool {
        self.random() % 1000 < in_a_thousand as u64
    }

    /// The frames to give, in order, by their place in the inner batch.
    fn order(&mut self) -> Vec<Frame> {
        let frames = std::mem::take(&mut self.inner.frames);
        let mut out = Vec::with_capacity(frames.len());
        for frame in &frames {
            if self.happens(self.faults.lost) {
                self.lost = self.lost.saturating_add(1);
                continue;
            }
            out.push(*frame);
            if self.happens(self.faults.doubled) {
                out.push(*frame);
            }
        }
        for at in 1..out.len() {
            if self.happens(self.faults.swapped) {
                out.swap(at, at.saturating_sub(1));
            }
        }
        self.inner.frames = frames;
        out
    }

    fn spoil(&mut self, frame: &mut Frame, bytes: &mut [u8]) {
        if self.happens(self.faults.cut) {
            let len = self.below(u64::from(frame.len));
            frame.len = u32::try_from(len).unwrap_or(frame.len);
        }
        if self.happens(self.faults.bent) {
            let at = self.below(bytes.len() as u64);
            let bit = self.below(8);
            if let Some(byte) = usize::try_from(at).ok().and_then(|at| bytes.get_mut(at)) {
                *byte ^= 1_u8
                    .checked_shl(u32::try_from(bit).unwrap_or(0))
                    .unwrap_or(1);
            }
        }
        if self.happens(self.faults.late) {
            let late = i64::try_from(self.below(1_000_000_000)).unwrap_or(0);
            frame.time = Time(frame.time.0.saturating_add(late));
        }
    }
}

impl<S: Source> Source for Fault<S> {
    fn fill(&mut self, batch: &mut Batch) -> Result<Fill, CaptureError> {
        self.inner.clear();
        let filled = self.source.fill(&mut self.inner)?;
        let mut block = self.pool.take();
        let mut used = 0_usize;
        for mut frame in self.order() {
            // Copied, since the source's own blocks are not ours to bend.
            let bytes = frame.bytes(&self.inner.blocks);
            let end = used.saturating_add(bytes.len());
            if end > self.pool.size() {
                batch.blocks.push(block.clone());
                self.pool.put(block);
                block = self.pool.take();
                used = 0;
            }
            let end = used.saturating_add(bytes.len());
            let mut place = Vec::from(bytes);
            self.spoil(&mut frame, &mut place);
            if let Some(room) = block.writable().get_mut(used..end) {
                room.copy_from_slice(&place);
            }
            (frame.no, frame.now) = self.clock.frame(frame.time);
            frame.block = u16::try_from(batch.blocks.len()).unwrap_or(u16::MAX);
            frame.offset = u32::try_from(used).unwrap_or(u32::MAX);
            used = end;
            batch.frames.push(frame);
        }
        batch.blocks.push(block.clone());
        self.pool.put(block);
        batch.now = self.clock.now();
        Ok(filled)
    }

    fn interfaces(&self) -> &[String] {
        self.source.interfaces()
    }

    fn losses(&mut self) -> Losses {
        let mut losses = self.source.losses();
        losses.interface = losses.interface.saturating_add(self.lost);
        losses
    }

    fn blind(&self) -> Option<&str> {
        self.source.blind()
    }

    fn samples(&self) -> Vec<Sample> {
        self.source.samples()
    }

    fn progress(&self) -> ReadProgress {
        self.source.progress()
    }
}
