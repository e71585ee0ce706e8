//! The thread that writes evidence.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam::channel::{Receiver, RecvTimeoutError, Sender, bounded};
use dataplane::evidence::Evidence;
use rules::eve::Eve;

use super::folder::{Bounds, Counts, Folder};
use super::manifest::{Manifest, program};
use crate::error::Error;

/// What manifests say beside the alert.
#[derive(Clone, Debug)]
pub struct About {
    /// What every event shares.
    pub eve: Eve,
    /// Names the site key.
    pub key_id: u32,
    /// Whether frames are stamped by this machine.
    pub live: bool,
}

/// The thread at work.
pub struct Running {
    queue: Sender<Evidence>,
    thread: JoinHandle<()>,
    counts: Arc<Counts>,
}

/// Starts it; `anew` in an empty folder, else going on with what is there.
///
/// # Errors
/// A folder that cannot be made or read, a thread that the system refuses.
pub fn spawn(path: &Path, bounds: Bounds, about: About, anew: bool) -> Result<Running, Error> {
    let folder = if anew {
        Folder::anew(path, bounds)
    } else {
        Folder::resumed(path, bounds)
    };
    let hint = "name a writable folder in evidence.dir, or set evidence.enabled to false";
    let folder = folder.map_err(|error| Error::file(path, error, hint))?;
    let counts = Arc::new(Counts::default());
    let (queue, asked) = bounded(QUEUE_DEPTH);
    let writer = Writer {
        folder,
        about,
        counts: Arc::clone(&counts),
        failing: false,
    };
    let thread = std::thread::Builder::new()
        .name("out-evidence".to_owned())
        .spawn(move || writer.run(&asked))
        .map_err(|error| Error::Failed(format!("evidence: {error}")))?;
    Ok(Running {
        queue,
        thread,
        counts,
    })
}

impl Running {
    /// Another end of its queue.
    #[must_use]
    pub fn queue(&self) -> Sender<Evidence> {
        self.queue.clone()
    }

    /// What became of evidence.
    #[must_use]
    pub fn counts(&self) -> &Arc<Counts> {
        &self.counts
    }

    /// Closes the queue and waits until everything is written.
    pub fn finish(self) {
        drop(self.queue);
        // A thread that panicked has nothing more to write.
        drop(self.thread.join());
    }
}

struct Writer {
    folder: Folder,
    about: About,
    counts: Arc<Counts>,
    failing: bool,
}

impl Writer {
    fn run(mut self, queue: &Receiver<Evidence>) {
        self.folder.make_room(&self.counts);
        loop {
            match queue.recv_timeout(IDLE) {
                Ok(evidence) => self.write(&evidence),
                Err(RecvTimeoutError::Timeout) => self.folder.make_room(&self.counts),
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
    }

    fn write(&mut self, evidence: &Evidence) {
        let pcapng = evidence.pcapng(&program());
        let manifest = Manifest::new(&self.about, evidence, &pcapng);
        let mut text = serde_json::to_vec_pretty(&manifest).unwrap_or_default();
        text.push(b'\n');
        let id = &evidence.alert.alert_id;
        let put = self.folder.put(id, &pcapng, &text, &self.counts);
        let folder = self.folder.path().display();
        match put {
            Ok(()) => {
                self.counts.written.fetch_add(1, Ordering::Relaxed);
                if std::mem::take(&mut self.failing) {
                    tracing::info!(%folder, "evidence is written again");
                }
            }
            Err(error) => {
                self.counts.failed.fetch_add(1, Ordering::Relaxed);
                if !std::mem::replace(&mut self.failing, true) {
                    tracing::error!(%folder, %error,
                        "cannot write evidence; it is lost, and counted, until there is room again");
                }
            }
        }
    }
}

/// Evidence that waits for the disk: at most 140 kB each.
const QUEUE_DEPTH: usize = 64;
/// How often to look for evidence that has become too old.
const IDLE: Duration = Duration::from_secs(60);
