//! A sink's view of the outbox: what follows its cursor.

use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{Batch, Counts, Entry, Feed, Kind, Told};
use crate::store::{Error, Store};

/// The most bytes of JSON that a batch holds, if it holds more than one entry.
const BATCH_BYTES_MAX: usize = 1024 * 1024;

/// Reads for one sink.
#[derive(Clone)]
pub struct Reader {
    store: Store,
    sink: String,
    counts: Arc<Counts>,
    /// Where the cursor stood when it was last read.
    stood: i64,
}

impl Reader {
    /// For a sink that was [registered](super::register).
    #[must_use]
    pub fn new(store: &Store, sink: &str) -> Self {
        Self {
            store: store.clone(),
            sink: sink.to_owned(),
            counts: Arc::clone(store.outbox_counts()),
            stood: 0,
        }
    }

    /// The next entries, at most so many.
    ///
    /// # Errors
    /// What SQLite says; a sink that is not registered.
    pub fn next(&self, max: usize) -> Result<Batch, Error> {
        let read = self.store.read(|conn| next(conn, &self.sink, max));
        read.map(|(batch, _)| batch)
    }

    /// Notes that everything up to there is delivered, durably.
    ///
    /// # Errors
    /// A store that cannot be written.
    pub fn ack(&self, seq: i64) -> Result<(), Error> {
        let sink = self.sink.clone();
        self.store.write(move |change| {
            change.run(
                "UPDATE sinks SET cursor = max(cursor, ?2) WHERE name = ?1",
                params![sink, seq],
            )?;
            Ok(())
        })
    }
}

impl Feed for Reader {
    fn sink(&self) -> &str {
        &self.sink
    }

    fn next(&mut self, max: usize) -> Result<Batch, String> {
        let read = self.store.read(|conn| next(conn, &self.sink, max));
        let (batch, stood) = read.map_err(|error| error.to_string())?;
        self.stood = stood;
        Ok(batch)
    }

    /// A cursor that stands there already costs no transaction.
    fn ack(&mut self, upto: i64) -> Result<(), String> {
        if upto <= self.stood {
            return Ok(());
        }
        Self::ack(self, upto).map_err(|error| error.to_string())
    }

    fn wait(&self, at_most: Duration) {
        self.store.wait(at_most);
    }

    fn tell(&self, told: Told<'_>) {
        self.counts.tell(&self.sink, told);
    }
}

/// What follows the cursor, and where that stands.
fn next(conn: &Connection, sink: &str, max: usize) -> Result<(Batch, i64), Error> {
    let tx = conn.unchecked_transaction()?;
    let known: Option<(i64, String)> = tx
        .prepare_cached("SELECT cursor, kinds FROM sinks WHERE name = ?1")?
        .query_row([sink], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let (cursor, kinds) = known.ok_or_else(|| Error::Missing(format!("sink {sink}")))?;
    let newest: i64 = tx
        .prepare_cached("SELECT coalesce(max(seq), 0) FROM outbox")?
        .query_row([], |row| row.get(0))?;
    let mut batch = Batch {
        entries: Vec::new(),
        upto: newest.max(cursor),
    };
    let mut bytes = 0_usize;
    let mut statement = tx.prepare_cached(
        "SELECT seq, kind, id, action, created, json FROM outbox
         WHERE seq > ?1 AND instr(?2, ',' || kind || ',') > 0 ORDER BY seq",
    )?;
    for entry in statement.query_map(params![cursor, kinds], read)? {
        let Some(entry) = entry? else {
            continue;
        };
        bytes = bytes.saturating_add(entry.json.len());
        let full = batch.entries.len() >= max || bytes > BATCH_BYTES_MAX;
        if let Some(last) = batch.entries.last().filter(|_| full) {
            batch.upto = last.seq;
            break;
        }
        batch.entries.push(entry);
    }
    Ok((batch, cursor))
}

fn read(row: &Row<'_>) -> rusqlite::Result<Option<Entry>> {
    let kind: String = row.get(1)?;
    let Some(kind) = Kind::stored(&kind) else {
        return Ok(None);
    };
    Ok(Some(Entry {
        seq: row.get(0)?,
        kind,
        id: row.get(2)?,
        action: row.get(3)?,
        created: row.get(4)?,
        json: row.get(5)?,
    }))
}
