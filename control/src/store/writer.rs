//! The one thread that writes. What came meanwhile is written in one transaction: while the disk is
//! busy with one, the next one gathers.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crossbeam::channel::{RecvTimeoutError, Sender, TrySendError};
use rules::correlate::{Item as OutItem, Out};
use rusqlite::{Connection, TransactionBehavior};
use serde_json::json;

use super::audit::{self, Act};
use super::bell::Bell;
use super::change::{Change, OwnLine, whole};
use super::counts::{Counts, add};
use super::error::Error;
use super::queue::{Item, Job, Reply, Taken, Waiting};
use super::upkeep::{self, Upkeep};
use super::{Settings, alerts, findings, opening};
use crate::clock::{self, Stopwatch};
use crate::outbox::{self, Kind, New, Sinks};

/// The most in one transaction.
const GROUP_MAX: usize = 1000;
/// How long a transaction waits for more lines. Nobody waits for a line; somebody who waits for a
/// change ends this at once.
const GATHER: Duration = Duration::from_millis(20);
/// How often the writer looks after the store.
const UPKEEP: Duration = Duration::from_secs(1);
/// After a failure.
const PAUSE: Duration = Duration::from_millis(250);
/// How often it tries to write what is left when it has to stop.
const LAST_TRIES: u32 = 8;

/// The thread's own.
pub(super) struct Writer {
    pub(super) path: PathBuf,
    pub(super) conn: Connection,
    pub(super) settings: Settings,
    pub(super) waiting: Waiting,
    pub(super) counts: Arc<Counts>,
    pub(super) outbox: Arc<outbox::Counts>,
    pub(super) generation: Arc<AtomicU64>,
    pub(super) bell: Arc<Bell>,
    /// Where lines that the store makes itself go too: eve.json.
    pub(super) echo: Option<Sender<Arc<Out>>>,
    pub(super) group: Group,
    pub(super) upkeep: Upkeep,
    pub(super) since_upkeep: Stopwatch,
    pub(super) failing: bool,
    /// The sinks that are registered: a fresh store gets them too.
    pub(super) sinks: Arc<Sinks>,
}

/// What the next transaction holds.
#[derive(Default)]
pub(super) struct Group {
    lines: Vec<Taken>,
    jobs: Vec<Job>,
    damaged: Option<(u64, String)>,
    stop: bool,
}

impl Group {
    fn add(&mut self, item: Item) {
        match item {
            Item::Line(line) => self.lines.push(line),
            Item::Job(job) => self.jobs.push(job),
            Item::Damaged(generation, why) => self.damaged = Some((generation, why)),
            Item::Stop => self.stop = true,
        }
    }
}

impl Writer {
    /// Runs until it is told to stop and nothing waits.
    pub(super) fn run(mut self) {
        loop {
            self.gather();
            if let Some((generation, why)) = self.group.damaged.take() {
                // Several may have found it before it was set aside.
                if generation == self.generation.load(Ordering::Acquire) {
                    self.set_aside(&why);
                }
            }
            if !self.group.lines.is_empty() || !self.group.jobs.is_empty() {
                self.write();
            }
            if self.since_upkeep.elapsed() >= UPKEEP || self.upkeep.has_more() {
                self.look_after();
            }
            if self.group.stop && self.waiting.is_empty() {
                break;
            }
        }
        self.look_after();
        // What is left in the log is as durable there.
        drop(
            self.conn
                .execute_batch("PRAGMA optimize; PRAGMA wal_checkpoint(TRUNCATE)"),
        );
    }

    /// Fills the next transaction.
    fn gather(&mut self) {
        let mut since: Option<Stopwatch> = None;
        while self.group.lines.len() < GROUP_MAX {
            let within = match since {
                None if self.upkeep.has_more() || self.group.stop => Duration::ZERO,
                None => UPKEEP.saturating_sub(self.since_upkeep.elapsed()),
                Some(since) => GATHER.saturating_sub(since.elapsed()),
            };
            let hurry = !self.group.jobs.is_empty() || self.group.stop;
            let within = if hurry { Duration::ZERO } else { within };
            match self.waiting.next(within) {
                Ok(item) => self.group.add(item),
                Err(RecvTimeoutError::Disconnected) => return self.group.add(Item::Stop),
                Err(RecvTimeoutError::Timeout) => return,
            }
            since.get_or_insert_with(Stopwatch::start);
        }
    }

    /// Writes the group, however often it takes. Lines stay until they are written; whoever asked
    /// for a change is told at once that it failed.
    fn write(&mut self) {
        let mut tries = 0_u32;
        while let Err(error) = self.try_write() {
            tries = tries.saturating_add(1);
            self.group.jobs.clear();
            add(&self.counts.failures, 1);
            if error.is_damage() {
                self.set_aside(&error.to_string());
            } else {
                self.stalled(&error);
            }
            if self.group.stop && tries >= LAST_TRIES {
                let lost = self.group.lines.len();
                tracing::error!(
                    lost,
                    "the store could not be written; eve.json has these alerts"
                );
                break;
            }
        }
        for line in self.group.lines.drain(..) {
            self.waiting.done(&line);
        }
    }

    fn stalled(&mut self, error: &Error) {
        if !self.failing {
            tracing::error!(file = %self.path.display(), %error,
                "cannot write the store; alerts wait in memory, trying again");
        }
        if !self.failing {
            let body = findings::STORE_FAILING.body();
            let now = super::words::now();
            let line = OwnLine::new(&self.settings.eve, now, Kind::Finding, &body);
            self.echo(vec![line]);
        }
        self.failing = true;
        self.counts.failing.store(1, Ordering::Relaxed);
        clock::pause(PAUSE);
    }

    fn try_write(&mut self) -> Result<(), Error> {
        let started = clock::now();
        let jobs = std::mem::take(&mut self.group.jobs);
        let tx = self
            .conn
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let window = self.settings.incident_window;
        let change = Change::new(&tx, &self.settings.eve, window);
        let mut tally = Tally::default();
        for line in &self.group.lines {
            tally.count(whole(&change, || store(&change, line))?);
        }
        let mut replies: Vec<(Reply, Option<Error>)> = Vec::new();
        for job in jobs {
            let mut reply = None;
            let outcome = whole(&change, || {
                // It comes from all over the program, and this thread must not die of it.
                let done = catch_unwind(AssertUnwindSafe(|| job(&change)));
                let (outcome, tell) = done.map_err(|_| Error::Unwritten)?;
                reply = Some(tell);
                outcome
            })?;
            replies.extend(reply.map(|reply| (reply, outcome.err())));
        }
        if self.failing {
            let told = findings::STORE_FAILING;
            findings::raise(&change, &told)?;
            findings::over(&change, told.name, told.subject)?;
        }
        let lines = change.into_lines();
        tx.commit()?;
        for (reply, error) in replies {
            reply(error);
        }
        self.written(&tally, lines, started);
        Ok(())
    }

    fn written(&mut self, tally: &Tally, lines: Vec<OwnLine>, started: parsers::time::Time) {
        if self.failing {
            tracing::info!("the store is written again");
            self.failing = false;
            self.counts.failing.store(0, Ordering::Relaxed);
        }
        add(&self.counts.commits, 1);
        add(&self.counts.stored, tally.stored);
        add(&self.counts.known, tally.known);
        add(&self.counts.refused, tally.refused);
        let took = clock::now().since(started);
        self.counts
            .latency
            .since(0, u64::try_from(took).unwrap_or(0));
        self.bell.ring();
        self.echo(lines);
    }

    /// Gives the store's own lines to eve.json.
    fn echo(&self, lines: Vec<OwnLine>) {
        let Some(echo) = self.echo.as_ref().filter(|_| !lines.is_empty()) else {
            return;
        };
        let mut out = Out::default();
        let count = u64::try_from(lines.len()).unwrap_or(u64::MAX);
        for line in lines {
            let place = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
            let from = out.arena.len();
            out.arena.extend_from_slice(line.text.as_bytes());
            out.items.push(OutItem {
                line: place(from)..place(out.arena.len()),
                object: place(from),
                event_type: line.kind.word(),
                time: line.time,
                alert: None,
            });
        }
        match echo.try_send(Arc::new(out)) {
            Ok(()) => {}
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                add(&self.counts.eve_lost, count);
            }
        }
    }

    /// What is done again and again: incidents that grew are told, old things go.
    fn look_after(&mut self) {
        self.since_upkeep = Stopwatch::start();
        let outcome = upkeep::step(self);
        match outcome {
            Ok(lines) => {
                if !lines.is_empty() {
                    self.bell.ring();
                }
                self.echo(lines);
            }
            Err(error) if error.is_damage() => self.set_aside(&error.to_string()),
            Err(error) => {
                self.upkeep.rest();
                self.stalled(&error);
            }
        }
    }

    /// Puts a damaged store out of the way, and begins a fresh one in its place.
    fn set_aside(&mut self, why: &str) {
        let outcome = self.begin_anew(why);
        if let Err(error) = outcome {
            self.stalled(&error);
        }
    }

    fn begin_anew(&mut self, why: &str) -> Result<(), Error> {
        // The file is let go of before it is moved.
        self.conn = Connection::open_in_memory()?;
        let aside = opening::set_aside(&self.path)?;
        self.conn = opening::open(&self.path)?.conn;
        self.generation.fetch_add(1, Ordering::Release);
        self.begun_anew(&aside, why)
    }

    /// Says loudly that a damaged store was set aside.
    pub(super) fn begun_anew(&mut self, aside: &std::path::Path, why: &str) -> Result<(), Error> {
        let (file, aside) = (self.path.display(), aside.display());
        tracing::error!(%file, %aside, "the store is damaged; it was set aside and a fresh one begun: {why}");
        add(&self.counts.set_aside, 1);
        let tx = self
            .conn
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let change = Change::new(&tx, &self.settings.eve, 0);
        self.sinks.write(&change)?;
        let explain = format!("the store was damaged ({why}); it was set aside as {aside}");
        let what_to_do = "Look after the disk (smartctl -a). What was stored is in the file that was \
                          set aside (sqlite3 FILE .recover), alerts are in eve.json too.";
        let told = findings::Told {
            name: "store-damaged",
            subject: "store",
            severity: 3,
            explain: &explain,
            what_to_do,
        };
        findings::raise(&change, &told)?;
        let act = Act {
            actor: "system",
            action: "store.begin",
            object: "store",
        };
        let detail = json!({"set_aside": aside.to_string(), "why": why});
        audit::append(&change, act, &detail)?;
        let lines = change.into_lines();
        tx.commit()?;
        self.echo(lines);
        Ok(())
    }
}

/// What became of a group's lines.
#[derive(Default)]
struct Tally {
    stored: u64,
    known: u64,
    refused: u64,
}

impl Tally {
    fn count(&mut self, outcome: Result<Option<bool>, Error>) {
        match outcome {
            Ok(Some(true)) => self.stored = self.stored.saturating_add(1),
            Ok(Some(false)) => self.known = self.known.saturating_add(1),
            Ok(None) => {}
            Err(error) => {
                tracing::error!(%error, "a line cannot be stored; it is in eve.json");
                self.refused = self.refused.saturating_add(1);
            }
        }
    }
}

/// Stores one line; says of an alert whether it was new.
fn store(change: &Change<'_>, line: &Taken) -> Result<Option<bool>, Error> {
    match line.event_type {
        "alert" => alerts::insert(change, line).map(Some),
        "finding" => findings::insert(change, line).map(|()| None),
        _ => {
            let time = line.time.0.to_string();
            let new = New {
                kind: Kind::Heartbeat,
                id: &time,
                action: "create",
                severity: None,
            };
            outbox::append(change, &new, &line.json).map(|()| None)
        }
    }
}
