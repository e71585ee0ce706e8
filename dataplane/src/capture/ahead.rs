//! A source read by a thread of its own, ahead of whoever wants its frames.
//!
//! With one worker there is nobody to spread frames over: the worker decodes them itself, right
//! before it works on them, and the reader does nothing but read. So each core has its share, and
//! what is decoded never changes cores.

use std::sync::Arc;
use std::thread::JoinHandle;

use crossbeam::channel::{Receiver, Sender, bounded};

use super::{Batch, CaptureError, Fill, Losses, ReadProgress, Source};
use crate::telemetry::{Sample, monotonic_nanos};

/// The near end of a source that another thread reads.
pub(crate) struct Ahead {
    filled: Receiver<Filled>,
    /// Emptied batches go back.
    spare: Sender<Batch>,
    thread: Option<JoinHandle<()>>,
    /// Whether frames are lost when it is not asked often enough.
    live: bool,
    /// Whether it said that nothing comes any more.
    ended: bool,
    told: Told,
}

/// What the source said at the time of a batch.
#[derive(Default)]
struct Told {
    losses: Losses,
    progress: ReadProgress,
    blind: Option<String>,
    interfaces: Arc<[String]>,
    samples: Arc<[Sample]>,
}

/// A batch on its way.
struct Filled {
    batch: Batch,
    outcome: Result<Fill, CaptureError>,
    told: Told,
}

impl Ahead {
    /// Starts to read, at most `depth` batches ahead.
    ///
    /// # Errors
    /// A thread that the system refuses.
    pub(crate) fn start(
        source: Box<dyn Source>,
        depth: usize,
        live: bool,
    ) -> std::io::Result<Self> {
        let (full, filled) = bounded(depth);
        let (spare, emptied) = bounded(depth.saturating_add(2));
        let mut reading = Reading::new(source);
        let told = reading.tell();
        let thread = std::thread::Builder::new()
            .name(NAME.to_owned())
            .spawn(move || reading.run(&full, &emptied))?;
        Ok(Self {
            filled,
            spare,
            thread: Some(thread),
            live,
            ended: false,
            told,
        })
    }
}

impl Source for Ahead {
    fn fill(&mut self, batch: &mut Batch) -> Result<Fill, CaptureError> {
        let Ok(mut filled) = self.filled.recv() else {
            if std::mem::replace(&mut self.ended, true) {
                return Ok(Fill::End);
            }
            return Err(CaptureError::Died(NAME.to_owned()));
        };
        self.ended = matches!(filled.outcome, Ok(Fill::End));
        self.told = filled.told;
        if self.live {
            filled.batch.backlog = filled
                .batch
                .backlog
                .max(percent(self.filled.len(), self.filled.capacity()));
        }
        std::mem::swap(batch, &mut filled.batch);
        filled.batch.clear();
        // The thread makes a new one when none came back.
        drop(self.spare.try_send(filled.batch));
        filled.outcome
    }

    fn interfaces(&self) -> &[String] {
        &self.told.interfaces
    }

    fn losses(&mut self) -> Losses {
        self.told.losses
    }

    fn blind(&self) -> Option<&str> {
        self.told.blind.as_deref()
    }

    fn samples(&self) -> Vec<Sample> {
        self.told.samples.to_vec()
    }

    fn progress(&self) -> ReadProgress {
        self.told.progress
    }
}

impl Drop for Ahead {
    /// The source is closed when this returns.
    fn drop(&mut self) {
        let (_, nobody) = bounded(0);
        self.filled = nobody;
        if let Some(thread) = self.thread.take() {
            // That it panicked was told by then.
            drop(thread.join());
        }
    }
}

/// The far end.
struct Reading {
    source: Box<dyn Source>,
    interfaces: Arc<[String]>,
    samples: Arc<[Sample]>,
    /// When the samples were taken, on the monotonic clock.
    sampled: u64,
}

impl Reading {
    fn new(source: Box<dyn Source>) -> Self {
        Self {
            interfaces: source.interfaces().into(),
            samples: source.samples().into(),
            source,
            sampled: 0,
        }
    }

    /// Reads until nothing comes any more or nobody wants it.
    fn run(mut self, full: &Sender<Filled>, emptied: &Receiver<Batch>) {
        loop {
            let mut batch = emptied.try_recv().unwrap_or_default();
            let outcome = self.source.fill(&mut batch);
            batch.read_at = monotonic_nanos();
            let ended = matches!(outcome, Ok(Fill::End));
            if ended || batch.read_at.saturating_sub(self.sampled) >= SAMPLE_NANOS {
                self.sampled = batch.read_at;
                self.samples = self.source.samples().into();
            }
            let told = self.tell();
            let filled = Filled {
                batch,
                outcome,
                told,
            };
            if full.send(filled).is_err() || ended {
                return;
            }
        }
    }

    fn tell(&mut self) -> Told {
        if self.interfaces.len() != self.source.interfaces().len() {
            self.interfaces = self.source.interfaces().into();
        }
        Told {
            losses: self.source.losses(),
            progress: self.source.progress(),
            blind: self.source.blind().map(str::to_owned),
            interfaces: Arc::clone(&self.interfaces),
            samples: Arc::clone(&self.samples),
        }
    }
}

/// Of the thread.
const NAME: &str = "reader";

/// How full a queue is, in percent.
pub(crate) fn percent(len: usize, capacity: Option<usize>) -> u8 {
    let most = capacity.unwrap_or(usize::MAX).max(1);
    u8::try_from(len.saturating_mul(100) / most).unwrap_or(100)
}

/// Samples are taken this often: making them allocates, and nobody asks more often.
const SAMPLE_NANOS: u64 = 250_000_000;
