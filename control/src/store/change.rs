//! A change: what is written in one transaction, together with what the outbox and eve.json say of it.

use std::cell::RefCell;
use std::ops::Deref;

use parsers::time::Time;
use rules::eve::Eve;
use rusqlite::{Connection, OptionalExtension, Params, Row};
use serde_json::Value;

use super::error::Error;
use super::words;
use crate::outbox::{Kind, New};

/// An EVE line that the store itself made.
pub(super) struct OwnLine {
    pub(super) kind: Kind,
    pub(super) time: Time,
    pub(super) text: String,
}

impl OwnLine {
    /// `now` in microseconds.
    pub(super) fn new(eve: &Eve, now: i64, kind: Kind, body: &Value) -> Self {
        let mut line = Vec::with_capacity(1024);
        let time = Time(now.saturating_mul(1_000));
        eve.open(time, kind.word(), &mut line);
        eve.ours(&mut line);
        line.extend_from_slice(format!("}},\"{}\":{body}}}\n", kind.word()).as_bytes());
        let text = String::from_utf8_lossy(&line).into_owned();
        Self { kind, time, text }
    }
}

/// One transaction of the writer. It is the connection, and knows the time and the sensor.
pub struct Change<'a> {
    conn: &'a Connection,
    eve: &'a Eve,
    now: i64,
    incident_window: i64,
    lines: RefCell<Vec<OwnLine>>,
}

impl Deref for Change<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.conn
    }
}

impl<'a> Change<'a> {
    pub(super) fn new(conn: &'a Connection, eve: &'a Eve, incident_window: i64) -> Self {
        Self {
            conn,
            eve,
            now: words::now(),
            incident_window,
            lines: RefCell::default(),
        }
    }

    /// The machine's time, in microseconds.
    #[must_use]
    pub const fn now(&self) -> i64 {
        self.now
    }

    /// For how long alerts about one thing are one incident, in microseconds.
    pub(super) const fn incident_window(&self) -> i64 {
        self.incident_window
    }

    /// Runs a statement that is prepared once. Says how many rows it changed.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn run(&self, sql: &str, params: impl Params) -> Result<usize, Error> {
        Ok(self.conn.prepare_cached(sql)?.execute(params)?)
    }

    /// The first row of a query that is prepared once, or nothing.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn one<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>, Error> {
        let mut statement = self.conn.prepare_cached(sql)?;
        Ok(statement.query_row(params, read).optional()?)
    }

    /// Says something in the outbox, and in eve.json, as an event of the sensor's own.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn tell(&self, new: &New<'_>, body: &Value) -> Result<(), Error> {
        let line = OwnLine::new(self.eve, self.now, new.kind, body);
        crate::outbox::append(self, new, line.text.trim_end())?;
        self.lines.borrow_mut().push(line);
        Ok(())
    }

    pub(super) fn into_lines(self) -> Vec<OwnLine> {
        self.lines.into_inner()
    }
}

/// Does something as a whole or not at all, within a transaction. What is wrong with the file and not
/// with the thing is the outer error.
pub(super) fn whole<T>(
    conn: &Connection,
    act: impl FnOnce() -> Result<T, Error>,
) -> Result<Result<T, Error>, Error> {
    conn.prepare_cached("SAVEPOINT whole")?.execute([])?;
    let outcome = act();
    match &outcome {
        Ok(_) => {}
        Err(error) if error.is_of_row() => {
            conn.prepare_cached("ROLLBACK TO whole")?.execute([])?;
        }
        Err(_) => return outcome.map(Ok),
    }
    conn.prepare_cached("RELEASE whole")?.execute([])?;
    Ok(outcome)
}
