//! Which sinks there are, and what each takes.

use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::params;
use serde_json::json;

use super::{Kind, alarm};
use crate::store::{Change, Error, Store, audit, findings};

/// The sinks that are registered.
#[derive(Debug, Default)]
pub(crate) struct Sinks(Mutex<Vec<(String, Vec<Kind>)>>);

impl Sinks {
    fn set(&self, sinks: Vec<(String, Vec<Kind>)>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = sinks;
    }

    /// Writes them: a new one begins with what comes from now on, one that was gone where it stopped.
    pub(crate) fn write(&self, change: &Change<'_>) -> Result<(), Error> {
        let sinks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (name, kinds) in sinks.iter() {
            let listed: String = kinds.iter().map(|kind| kind.listed()).collect();
            change.run(
                "INSERT INTO sinks (name, kinds, cursor) VALUES (?1, ?2,
                     coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'outbox'), 0))
                 ON CONFLICT (name) DO UPDATE SET kinds = excluded.kinds, gone = NULL",
                params![name, listed],
            )?;
            findings::over(change, GONE, name)?;
        }
        Ok(())
    }

    /// Those that are no more are forgotten if they have all that there was for them; else they are
    /// kept for a while, and somebody is told: a new name for the same receiver looks like this.
    fn part_with_others(&self, change: &Change<'_>) -> Result<(), Error> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for known in known(change)? {
            if kept.iter().any(|(name, _)| *name == known.name) || known.gone.is_some() {
                continue;
            }
            match known.waiting(change)? {
                0 => known.forget(change, 0)?,
                waiting => known.leave(change, waiting)?,
            }
        }
        Ok(())
    }
}

/// What the finding is called of a sink that is no more and had not all.
const GONE: &str = "sink-gone";

/// For how long what such a sink had still to take is kept for it, in microseconds: a day.
const KEPT: i64 = 24 * 3600 * 1_000_000;

/// A sink, as the store knows it.
struct Known {
    name: String,
    kinds: String,
    cursor: i64,
    gone: Option<i64>,
}

fn known(change: &Change<'_>) -> Result<Vec<Known>, Error> {
    let mut statement = change.prepare_cached("SELECT name, kinds, cursor, gone FROM sinks")?;
    let known = statement.query_map([], |row| {
        Ok(Known {
            name: row.get(0)?,
            kinds: row.get(1)?,
            cursor: row.get(2)?,
            gone: row.get(3)?,
        })
    })?;
    Ok(known.collect::<Result<_, _>>()?)
}

impl Known {
    /// What it has still to take.
    fn waiting(&self, change: &Change<'_>) -> Result<u64, Error> {
        let waiting = change.one(
            "SELECT count(*) FROM outbox WHERE seq > ?1 AND instr(?2, ',' || kind || ',') > 0",
            params![self.cursor, self.kinds],
            |row| row.get(0),
        )?;
        Ok(waiting.unwrap_or(0))
    }

    fn has_waiting(&self, change: &Change<'_>) -> Result<bool, Error> {
        let one = change.one(
            "SELECT 1 FROM outbox WHERE seq > ?1 AND instr(?2, ',' || kind || ',') > 0 LIMIT 1",
            params![self.cursor, self.kinds],
            |_| Ok(()),
        )?;
        Ok(one.is_some())
    }

    fn leave(&self, change: &Change<'_>, waiting: u64) -> Result<(), Error> {
        let name = &self.name;
        change.run(
            "UPDATE sinks SET gone = ?2 WHERE name = ?1",
            params![name, change.now()],
        )?;
        let explain = format!(
            "the sink {name} is not in the configuration any more, and {waiting} entries waited for it"
        );
        let what_to_do = format!(
            "If it only has another name now, give it the name {name} again within a day: it then goes on \
             where it stopped, and has to be renamed when nothing waits. If it shall be gone, nothing \
             has to be done: what waits for it is dropped after a day."
        );
        tracing::warn!(sink = name, waiting, "{explain}; {what_to_do}");
        let told = findings::Told {
            name: GONE,
            subject: name,
            severity: 3,
            explain: &explain,
            what_to_do: &what_to_do,
        };
        findings::raise(change, &told)
    }

    fn forget(&self, change: &Change<'_>, dropped: u64) -> Result<(), Error> {
        change.run("DELETE FROM sinks WHERE name = ?1", [&self.name])?;
        let act = audit::Act {
            actor: "system",
            action: "sink.forget",
            object: &format!("sink:{}", self.name),
        };
        let detail = json!({"cursor": self.cursor, "dropped": dropped});
        audit::append(change, act, &detail)?;
        findings::over(change, GONE, &self.name)
    }
}

/// Forgets the sinks that are gone for long enough. Says which.
pub(crate) fn forget_gone(change: &Change<'_>) -> Result<Vec<String>, Error> {
    let long_ago = change.now().saturating_sub(KEPT);
    let mut names = Vec::new();
    for sink in known(change)? {
        let Some(gone) = sink.gone else {
            continue;
        };
        // Its thread may have been at the last of it when the configuration changed.
        if gone < long_ago || !sink.has_waiting(change)? {
            let dropped = sink.waiting(change)?;
            tracing::warn!(
                sink = sink.name,
                dropped,
                "a sink that is gone is forgotten"
            );
            sink.forget(change, dropped)?;
            names.push(sink.name);
        }
    }
    Ok(names)
}

/// Says which sinks there are and what each takes of the outbox, which may be nothing. A new one begins
/// with what comes from now on; one that is no more is forgotten once it has all, or after a day.
///
/// # Errors
/// A store that cannot be written.
pub fn register(store: &Store, mut sinks: Vec<(String, Vec<Kind>)>) -> Result<(), Error> {
    let all: Vec<String> = sinks.iter().map(|(name, _)| name.clone()).collect();
    sinks.retain(|(_, kinds)| !kinds.is_empty());
    let known = Arc::clone(store.sinks());
    known.set(sinks);
    store.write(move |change| {
        known.write(change)?;
        known.part_with_others(change)?;
        alarm::forget_others(change, &all)
    })
}
