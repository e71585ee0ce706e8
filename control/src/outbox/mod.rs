//! The outbox: what sinks have still to take. An entry is written in the same transaction as the
//! thing that it is about, so that nothing is told that is not stored, and nothing stored that will
//! not be told. Each sink has its own cursor; an entry goes once every sink is past it.
//!
//! At least once: a sink that crashes between delivery and acknowledgment delivers again; the entry's
//! id is the same then.
//!
//! Bounded: beyond `store.outbox.entries` or `.bytes` the oldest entries of the lowest class go, first
//! heartbeats and tests, then by severity, audit entries last. What goes is counted and logged.

#![expect(
    clippy::result_large_err,
    reason = "rusqlite's error, in its own closures; far from the packet path"
)]

mod alarm;
mod bound;
mod counts;
mod feed;
mod reader;
mod runner;
mod sinks;

use rusqlite::params;
use serde::{Serialize, Serializer};

pub(crate) use bound::{Bounds, trim};
pub use counts::{Counts, State};
pub use feed::{Batch, Feed, Told};
pub use reader::Reader;
pub use runner::{Deliver, Failure, Runner, Way, spawn, stop};
pub use sinks::register;
pub(crate) use sinks::{Sinks, forget_gone};

use crate::store::{Change, Error};

/// What an entry is about.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Kind {
    /// An alert, as eve.json has it.
    Alert,
    /// An incident: a revision of it.
    Incident,
    /// A finding about the mirror or the appliance.
    Finding,
    /// Still here.
    Heartbeat,
    /// An entry of the audit log.
    Audit,
    /// Something that a person asked for, to see whether it arrives.
    Test,
    /// What somebody did to one alert: its line, as it stands now. For sinks that keep a thing under its
    /// id; others would count the alert twice, and have the audit log's entry. Nobody selects it:
    /// it comes with alerts.
    Triage,
    /// A protocol event, by its `event_type`. It is never in the outbox, only in queues of sinks.
    Event(&'static str),
}

impl Kind {
    /// All that can be selected of the outbox.
    pub const ALL: [Self; 6] = [
        Self::Alert,
        Self::Incident,
        Self::Finding,
        Self::Heartbeat,
        Self::Audit,
        Self::Test,
    ];

    /// What a sink takes unless it is told otherwise.
    pub const DEFAULT: [Self; 4] = [Self::Alert, Self::Incident, Self::Heartbeat, Self::Audit];

    /// The word, which is also the `event_type`; but what is done to an alert has the alert's.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Alert => "alert",
            Self::Incident => "incident",
            Self::Finding => "finding",
            Self::Heartbeat => "heartbeat",
            Self::Audit => "audit",
            Self::Test => "test",
            Self::Triage => "triage",
            Self::Event(word) => word,
        }
    }

    /// That of a word, if it can be selected.
    pub(crate) fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }

    /// That of an entry.
    fn stored(word: &str) -> Option<Self> {
        let triage = Some(Self::Triage).filter(|kind| kind.word() == word);
        Self::of_word(word).or(triage)
    }

    /// As it is looked for in a sink's list of kinds.
    fn listed(self) -> String {
        format!(",{},", self.word())
    }
}

impl Serialize for Kind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.word())
    }
}

/// One entry, as a sink sees it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Entry {
    /// Its number: it only grows, and may have gaps.
    pub seq: i64,
    /// What it is about.
    pub kind: Kind,
    /// Of the thing that it is about: the alert's id, the incident's; the same when it comes again.
    pub id: String,
    /// What became of that: `create`, `update`, `acknowledge`, `reopen`, `close`.
    pub action: String,
    /// When it was written, in microseconds.
    pub created: i64,
    /// A line of EVE, without a line feed.
    pub json: String,
}

/// An entry to be.
#[derive(Clone, Copy, Debug)]
pub struct New<'a> {
    /// What it is about.
    pub kind: Kind,
    /// Of the thing that it is about.
    pub id: &'a str,
    /// What became of that.
    pub action: &'static str,
    /// The rank of its severity, 0 (info) to 4 (critical), where it has one.
    pub severity: Option<i64>,
}

impl New<'_> {
    /// What goes first when there is no room.
    fn class(&self) -> i64 {
        match (self.kind, self.severity) {
            (Kind::Heartbeat | Kind::Test, _) => 0,
            (Kind::Audit, _) => 6,
            (_, severity) => severity.unwrap_or(2).clamp(0, 4).saturating_add(1),
        }
    }
}

/// Writes an entry, if any sink takes its kind.
///
/// Of an incident that merely grew, the newest entry stands for those before it.
///
/// # Errors
/// What SQLite says.
pub fn append(change: &Change<'_>, new: &New<'_>, json: &str) -> Result<(), Error> {
    let wanted = change.one(
        "SELECT 1 FROM sinks WHERE instr(kinds, ?1) > 0 LIMIT 1",
        [new.kind.listed()],
        |_| Ok(()),
    )?;
    if wanted.is_none() {
        return Ok(());
    }
    if new.kind == Kind::Incident && new.action == "update" {
        change.run(
            "DELETE FROM outbox WHERE kind = 'incident' AND action = 'update' AND id = ?1",
            [new.id],
        )?;
    }
    let bytes = i64::try_from(json.len()).unwrap_or(i64::MAX);
    change.run(
        "INSERT INTO outbox (kind, id, action, class, created, bytes, json)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![
            new.kind.word(),
            new.id,
            new.action,
            new.class(),
            change.now(),
            bytes,
            json
        ],
    )?;
    Ok(())
}
