//! Which sinks there are, and what each takes.

use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::params;
use serde_json::json;

use super::Kind;
use crate::store::{Change, Error, Store, audit};

/// The sinks that are registered.
#[derive(Debug, Default)]
pub(crate) struct Sinks(Mutex<Vec<(String, Vec<Kind>)>>);

impl Sinks {
    fn set(&self, sinks: Vec<(String, Vec<Kind>)>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = sinks;
    }

    /// Writes them: a new one begins with what comes from now on.
    pub(crate) fn write(&self, change: &Change<'_>) -> Result<(), Error> {
        let sinks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (name, kinds) in sinks.iter() {
            let listed: String = kinds.iter().map(|kind| kind.listed()).collect();
            change.run(
                "INSERT INTO sinks (name, kinds, cursor) VALUES (?1, ?2,
                     coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'outbox'), 0))
                 ON CONFLICT (name) DO UPDATE SET kinds = excluded.kinds",
                params![name, listed],
            )?;
        }
        Ok(())
    }

    /// Forgets those that are no more.
    fn forget_others(&self, change: &Change<'_>) -> Result<(), Error> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut statement = change.prepare_cached("SELECT name, cursor FROM sinks")?;
        let known = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let known: Vec<(String, i64)> = known.collect::<Result<_, _>>()?;
        let gone = |(name, _): &(String, i64)| !kept.iter().any(|(kept, _)| kept == name);
        for (name, cursor) in known.into_iter().filter(gone) {
            change.run("DELETE FROM sinks WHERE name = ?1", [&name])?;
            let act = audit::Act {
                actor: "system",
                action: "sink.forget",
                object: &format!("sink:{name}"),
            };
            audit::append(change, act, &json!({"cursor": cursor}))?;
        }
        Ok(())
    }
}

/// Says which sinks there are and what each takes. A new one begins with what comes from now on; one
/// that is no more is forgotten, with what it had still to take.
///
/// # Errors
/// A store that cannot be written.
pub fn register(store: &Store, sinks: Vec<(String, Vec<Kind>)>) -> Result<(), Error> {
    let known = Arc::clone(store.sinks());
    known.set(sinks);
    store.write(move |change| {
        known.write(change)?;
        known.forget_others(change)
    })
}
