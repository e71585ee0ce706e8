//! Connections that read: as many as there are, at most; whoever finds none waits.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crossbeam::channel::{Receiver, Sender, bounded};
use rusqlite::{Connection, ErrorCode};

use super::error::Error;
use super::opening;
use crate::clock::Stopwatch;

/// Reading at once: more would only wait for the disk.
const READERS_MAX: usize = 6;
/// The longest that one question may take.
const LONGEST: Duration = Duration::from_secs(10);
/// Steps of SQLite's machine between two looks at the clock.
const STEPS: i32 = 20_000;

/// A place for a connection, which is opened when it is needed.
type Seat = Option<(u64, Connection)>;

/// The connections.
pub(super) struct Readers {
    path: PathBuf,
    free: Receiver<Seat>,
    back: Sender<Seat>,
    /// Counts the files that there were: a damaged one is set aside and another takes its place.
    generation: Arc<AtomicU64>,
}

impl Readers {
    pub(super) fn new(path: PathBuf, generation: Arc<AtomicU64>) -> Self {
        let (back, free) = bounded(READERS_MAX);
        for _ in 0..READERS_MAX {
            // There is room for exactly these.
            drop(back.send(None));
        }
        Self {
            path,
            free,
            back,
            generation,
        }
    }

    /// Of the file that is read now.
    pub(super) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    pub(super) fn read<T>(
        &self,
        act: impl FnOnce(&Connection) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut seat = self
            .free
            .recv_timeout(LONGEST)
            .map_err(|_| Error::TooSlow)?;
        let outcome = self.read_in(&mut seat, act);
        drop(self.back.send(seat));
        outcome
    }

    fn read_in<T>(
        &self,
        seat: &mut Seat,
        act: impl FnOnce(&Connection) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let generation = self.generation();
        let mut conn = match seat.take() {
            Some((of, conn)) if of == generation => conn,
            _ => opening::read_only(&self.path)?,
        };
        let since = Stopwatch::start();
        conn.progress_handler(STEPS, Some(move || since.elapsed() > LONGEST))?;
        let outcome = act(&conn);
        conn.progress_handler(0, None::<fn() -> bool>)?;
        *seat = Some((generation, conn));
        match outcome {
            Err(error) if error.code() == Some(ErrorCode::OperationInterrupted) => {
                Err(Error::TooSlow)
            }
            other => other,
        }
    }
}
