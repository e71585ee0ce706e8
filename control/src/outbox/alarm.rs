//! Findings about a sink: that it panicked, and that it takes nothing; until it delivers again.

use crate::clock::Stopwatch;
use crate::store::{Change, Error, Store, findings, words};

/// What they are called.
const PANICKED: &str = "sink-panicked";
const FAILING: &str = "sink-failing";

/// Those about one sink.
pub(super) struct Alarm {
    store: Store,
    sink: String,
    /// Whether they may be raised: they may be so from before the start.
    panicked: bool,
    failing: bool,
    outage: Option<Outage>,
}

impl Alarm {
    pub(super) fn new(store: &Store, sink: String) -> Self {
        Self {
            store: store.clone(),
            sink,
            panicked: true,
            failing: true,
            outage: None,
        }
    }

    pub(super) fn panicked(&mut self) {
        self.panicked = true;
        let sink = &self.sink;
        let explain = format!(
            "a fault in vitalwire stopped the sink {sink}; it is started anew, and what it has not \
             delivered waits"
        );
        let what_to_do = "Look into the log for what panicked, and report it. An entry that stops the sink \
                          each time is given up after three tries, and counted.";
        self.raise(PANICKED, explain, what_to_do.to_owned());
    }

    /// What it panicked over is behind it.
    pub(super) fn works(&mut self) {
        if std::mem::take(&mut self.panicked) {
            self.over(PANICKED);
        }
    }

    /// An attempt failed. It is told once it has gone on for a while.
    pub(super) fn failed(&mut self, why: &str) {
        let outage = self.outage.get_or_insert_with(Outage::begin);
        if outage.told || outage.lasts.elapsed() < self.store.tell_after() {
            return;
        }
        outage.told = true;
        self.failing = true;
        let (sink, since) = (&self.sink, words::stamp(outage.since));
        let explain = format!("the sink {sink} has taken nothing since {since}: {why}");
        let name = sink.split(',').next().unwrap_or(sink);
        let what_to_do = format!(
            "Is the receiver up, and does it let us in? `vitalwire sinks test {name} --config FILE` sends \
             it a message and says what is wrong. What it has not taken waits, within store.outbox; \
             protocol events wait in memory, and are lost beyond limits.sink_queue."
        );
        self.raise(FAILING, explain, what_to_do);
    }

    /// Something was delivered.
    pub(super) fn delivered(&mut self) {
        self.outage = None;
        if std::mem::take(&mut self.failing) {
            self.over(FAILING);
        }
    }

    fn raise(&self, name: &'static str, explain: String, what_to_do: String) {
        let subject = self.sink.clone();
        self.tell(move |change| {
            let told = findings::Told {
                name,
                subject: &subject,
                severity: 3,
                explain: &explain,
                what_to_do: &what_to_do,
            };
            findings::raise(change, &told)
        });
    }

    fn over(&self, name: &'static str) {
        let sink = self.sink.clone();
        self.tell(move |change| findings::over(change, name, &sink));
    }

    fn tell(&self, act: impl FnOnce(&Change<'_>) -> Result<(), Error> + Send + 'static) {
        if let Err(error) = self.store.write(act) {
            tracing::warn!(%error, "a finding about a sink could not be stored");
        }
    }
}

/// A time in which a sink takes nothing that it should.
struct Outage {
    /// Machine time, in microseconds.
    since: i64,
    lasts: Stopwatch,
    told: bool,
}

impl Outage {
    fn begin() -> Self {
        Self {
            since: words::now(),
            lasts: Stopwatch::start(),
            told: false,
        }
    }
}

/// Nothing is wrong any more with sinks that are none of these.
///
/// # Errors
/// What SQLite says.
pub(super) fn forget_others(change: &Change<'_>, sinks: &[String]) -> Result<(), Error> {
    let mut open = change.prepare_cached(
        "SELECT name, subject FROM findings WHERE name IN (?1, ?2) AND state = 'open'",
    )?;
    let open = open.query_map([PANICKED, FAILING], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let open: Vec<(String, String)> = open.collect::<Result<_, _>>()?;
    for (name, subject) in open {
        let of = subject.split(',').next().unwrap_or(&subject);
        if !sinks.iter().any(|sink| sink == of) {
            findings::over(change, &name, &subject)?;
        }
    }
    Ok(())
}
