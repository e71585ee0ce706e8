//! Outputs: each has its own thread and its own bounded queue, so that none waits for another.

pub mod file;
pub mod rotate;
pub mod tally;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam::channel::{Receiver, RecvTimeoutError, Sender, bounded};
use dataplane::telemetry::{Latencies, Sample};
use parsers::time::Time;
use rules::correlate::Out;

use crate::clock;
use crate::error::Error;

/// How often a sink without work looks whether it has to rotate, reopen or try again.
const IDLE: Duration = Duration::from_millis(500);

/// A place that lines go to. Nothing here fails: what could not be delivered is counted.
pub trait Sink: Send + 'static {
    /// Takes lines; may keep them until [`Self::flush`].
    fn take(&mut self, out: &Out);

    /// Delivers what it kept. Called when the queue is empty.
    fn flush(&mut self) {}

    /// Time passed.
    fn tick(&mut self) {}

    /// Somebody moved the file away.
    fn reopen(&mut self) {}
}

/// Lines delivered and lines lost, for people and for Prometheus.
#[derive(Debug, Default)]
pub struct Counts {
    /// Lines delivered.
    pub written: AtomicU64,
    /// Bytes delivered.
    pub bytes: AtomicU64,
    /// Lines lost since nothing could be written.
    pub lost: AtomicU64,
    /// Failed attempts.
    pub errors: AtomicU64,
    /// What the system said to the last failed attempt.
    last_error: Mutex<Option<String>>,
}

impl Counts {
    /// Counts an attempt that failed, and so many lines with it.
    pub fn failed(&self, lines: u64, error: &std::io::Error) {
        self.lost.fetch_add(lines, Ordering::Relaxed);
        self.errors.fetch_add(1, Ordering::Relaxed);
        *self
            .last_error
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(error.to_string());
    }

    /// What the system said to the last failed attempt.
    #[must_use]
    pub fn last_error(&self) -> Option<String> {
        self.last_error
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// As samples of the output of that name.
    #[must_use]
    pub fn samples(&self, output: &str) -> Vec<Sample> {
        let sample = |name, help, value: &AtomicU64| Sample {
            labels: vec![("output", output.to_owned())],
            ..crate::metrics::counter(name, help, value.load(Ordering::Relaxed))
        };
        vec![
            sample(
                "vitalwire_output_written_lines_total",
                "Lines delivered to an output.",
                &self.written,
            ),
            sample(
                "vitalwire_output_written_bytes_total",
                "Bytes delivered to an output.",
                &self.bytes,
            ),
            sample(
                "vitalwire_output_lost_lines_total",
                "Lines that an output could not take.",
                &self.lost,
            ),
            sample(
                "vitalwire_output_errors_total",
                "Failed attempts to write to an output.",
                &self.errors,
            ),
        ]
    }
}

/// How long events take from the stamp of their packet to their delivery.
struct Delay {
    latencies: Arc<Latencies>,
    /// Stamps of what was taken and not yet delivered: of alerts, and of one event of each piece.
    waiting: Vec<Time>,
}

/// Enough for every alert between two deliveries of a sane network.
const WAITING_MAX: usize = 1024;

impl Delay {
    fn new(latencies: &Arc<Latencies>) -> Self {
        Self {
            latencies: Arc::clone(latencies),
            waiting: Vec::with_capacity(WAITING_MAX),
        }
    }

    fn taken(&mut self, out: &Out) {
        let alerts = out.items.iter().filter(|item| item.alert.is_some());
        for item in alerts.chain(out.items.first()) {
            if self.waiting.len() < WAITING_MAX {
                self.waiting.push(item.time);
            }
        }
    }

    fn delivered(&mut self) {
        let now = clock::now();
        for time in self.waiting.drain(..) {
            let nanos = u64::try_from(now.since(time)).unwrap_or(0);
            self.latencies.since(0, nanos);
        }
    }
}

/// A sink at work on its own thread.
pub struct Running<S> {
    queue: Sender<Arc<Out>>,
    reopen: Arc<AtomicBool>,
    thread: JoinHandle<S>,
}

/// Starts a sink's thread with a queue of so many batches.
///
/// # Errors
/// A thread that the system refuses.
pub fn spawn<S: Sink>(name: &str, sink: S, depth: usize) -> Result<Running<S>, Error> {
    start(name, sink, depth, None)
}

/// The same for live traffic: notes how long after its packet an event is delivered.
///
/// # Errors
/// A thread that the system refuses.
pub fn spawn_live<S: Sink>(
    name: &str,
    sink: S,
    depth: usize,
    latencies: &Arc<Latencies>,
) -> Result<Running<S>, Error> {
    start(name, sink, depth, Some(Delay::new(latencies)))
}

fn start<S: Sink>(
    name: &str,
    sink: S,
    depth: usize,
    delay: Option<Delay>,
) -> Result<Running<S>, Error> {
    let (queue, lines) = bounded(depth.max(1));
    let reopen = Arc::new(AtomicBool::new(false));
    let asked = Arc::clone(&reopen);
    let thread = std::thread::Builder::new()
        .name(format!("out-{name}"))
        .spawn(move || deliver(sink, &lines, &asked, delay))
        .map_err(|error| Error::Failed(format!("output {name}: {error}")))?;
    Ok(Running {
        queue,
        reopen,
        thread,
    })
}

impl<S> Running<S> {
    /// Another end of its queue.
    #[must_use]
    pub fn queue(&self) -> Sender<Arc<Out>> {
        self.queue.clone()
    }

    /// Adds a line of the appliance's own.
    pub fn send(&self, out: Arc<Out>) {
        // Fails only when the thread is gone, which `finish` tells.
        drop(self.queue.send(out));
    }

    /// Asks it to open its file anew.
    pub fn reopen(&self) {
        self.reopen.store(true, Ordering::Relaxed);
    }

    /// Closes the queue, waits until everything is delivered, and gives the sink back; nothing if
    /// it panicked.
    #[must_use]
    pub fn finish(self) -> Option<S> {
        drop(self.queue);
        self.thread.join().ok()
    }
}

fn deliver<S: Sink>(
    mut sink: S,
    lines: &Receiver<Arc<Out>>,
    reopen: &AtomicBool,
    mut delay: Option<Delay>,
) -> S {
    loop {
        let next = lines.try_recv().map_or_else(
            |_| {
                sink.flush();
                if let Some(delay) = &mut delay {
                    delay.delivered();
                }
                lines.recv_timeout(IDLE)
            },
            Ok,
        );
        if reopen.swap(false, Ordering::Relaxed) {
            sink.reopen();
        }
        match next {
            Ok(out) => {
                sink.take(&out);
                if let Some(delay) = &mut delay {
                    delay.taken(&out);
                }
            }
            Err(RecvTimeoutError::Timeout) => sink.tick(),
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    sink.flush();
    sink
}
