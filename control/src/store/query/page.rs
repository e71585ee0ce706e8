//! Pages of alerts, and single ones.

use std::fmt;
use std::str::FromStr;

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Row, params_from_iter};
use schemars::JsonSchema;
use serde::Serialize;

use super::Filter;
use super::facets::{Facets, counted, facets};
use super::sql::{Condition, has_words};
use crate::store::error::Error;
use crate::store::words::{self, Status, Verdict, impact_word, severity_word, stamp};

/// The most alerts on a page.
const PAGE_MAX: u32 = 1_000;

/// An alert as lists show it.
#[derive(Clone, Debug, JsonSchema, PartialEq, Serialize)]
pub struct Alert {
    /// Its place among those stored.
    pub seq: i64,
    /// Its id.
    pub alert_id: String,
    /// Packet time, in microseconds.
    #[serde(serialize_with = "as_stamp")]
    #[schemars(with = "String")]
    pub time: i64,
    /// When it was stored.
    #[serde(serialize_with = "as_stamp")]
    #[schemars(with = "String")]
    pub received: i64,
    /// The rule's id.
    pub slug: String,
    /// The rule's number.
    pub sid: u32,
    /// The rule's revision.
    pub rev: u32,
    /// The rule's title.
    pub title: String,
    /// What it is about, in one word.
    pub category: String,
    /// How bad.
    pub severity: &'static str,
    /// What it means at the bedside.
    pub clinical_impact: &'static str,
    /// Whom to tell.
    pub tier: String,
    /// Who acted.
    pub actor: String,
    /// On whom.
    pub victim: String,
    /// The sender of the message.
    pub src_ip: Option<String>,
    /// Its port.
    pub src_port: Option<u16>,
    /// The receiver of the message.
    pub dest_ip: Option<String>,
    /// Its port.
    pub dest_port: Option<u16>,
    /// The outermost VLAN.
    pub vlan: Option<u16>,
    /// The transport.
    pub proto: Option<String>,
    /// The protocol.
    pub app_proto: Option<String>,
    /// The flow.
    pub flow_id: Option<i64>,
    /// What happened.
    pub explain: String,
    /// The incident that it belongs to.
    pub incident_id: String,
    /// How far people are with it.
    pub status: &'static str,
    /// What it was judged to be.
    pub verdict: Option<&'static str>,
    /// Whether it is held.
    pub held: bool,
    /// Whether cutting off one of its devices may hurt somebody: call first.
    pub do_not_isolate: bool,
}

fn as_stamp<S: serde::Serializer>(micros: &i64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&stamp(*micros))
}

const COLUMNS: &str = "seq, alert_id, time, received, slug, sid, rev, title, category, severity, impact,
    tier, actor, victim, src_ip, src_port, dest_ip, dest_port, vlan, proto, app_proto, flow_id, explain,
    (SELECT incident_id FROM incidents WHERE number = incident), status, verdict, hold,
    stays";

impl Alert {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        let verdict: Option<i64> = row.get(25)?;
        let verdict = verdict.and_then(|rank| words::at(&Verdict::ALL, rank));
        Ok(Self {
            seq: row.get(0)?,
            alert_id: row.get(1)?,
            time: row.get(2)?,
            received: row.get(3)?,
            slug: row.get(4)?,
            sid: row.get(5)?,
            rev: row.get(6)?,
            title: row.get(7)?,
            category: row.get(8)?,
            severity: severity_word(row.get(9)?),
            clinical_impact: impact_word(row.get(10)?),
            tier: row.get(11)?,
            actor: row.get(12)?,
            victim: row.get(13)?,
            src_ip: row.get(14)?,
            src_port: row.get(15)?,
            dest_ip: row.get(16)?,
            dest_port: row.get(17)?,
            vlan: row.get(18)?,
            proto: row.get(19)?,
            app_proto: row.get(20)?,
            flow_id: row.get(21)?,
            explain: row.get(22)?,
            incident_id: row.get(23)?,
            status: words::at(&Status::ALL, row.get(24)?).map_or("open", Status::word),
            verdict: verdict.map(Verdict::word),
            held: row.get::<_, i64>(26)? > 0,
            do_not_isolate: row.get(27)?,
        })
    }
}

/// A place in the order of alerts: after it the next page begins.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Cursor {
    time: i64,
    seq: i64,
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.time, self.seq)
    }
}

impl FromStr for Cursor {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let parts = text.split_once('.');
        let parsed = parts.and_then(|(time, seq)| {
            Some(Self {
                time: time.parse().ok()?,
                seq: seq.parse().ok()?,
            })
        });
        parsed.ok_or_else(|| {
            Error::Refused("this is no cursor; take the one that the page before gave".to_owned())
        })
    }
}

/// A page of alerts, newest first.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    /// The alerts.
    pub alerts: Vec<Alert>,
    /// Where the next page begins, if there is one.
    pub next: Option<Cursor>,
}

/// A page: the newest, or what follows a cursor.
///
/// # Errors
/// A filter that asks for too much, or what SQLite says.
pub fn page(
    conn: &Connection,
    filter: &Filter,
    after: Option<Cursor>,
    limit: u32,
) -> Result<Page, Error> {
    let limit = limit.clamp(1, PAGE_MAX);
    let mut condition = Condition::new(conn, filter)?;
    if let Some(Cursor { time, seq }) = after {
        condition.after((time, seq));
    }
    let sql = format!(
        "SELECT {COLUMNS} FROM alerts WHERE seq IN
             (SELECT seq {} ORDER BY time DESC, seq DESC LIMIT ?)
         ORDER BY time DESC, seq DESC",
        condition.from()
    );
    let one_more = Value::from(i64::from(limit).saturating_add(1));
    let mut statement = conn.prepare_cached(&sql)?;
    let values = condition.values().chain(std::iter::once(&one_more));
    let rows = statement.query_map(params_from_iter(values), Alert::read)?;
    Ok(cut(rows.collect::<Result<_, _>>()?, limit))
}

/// A page and the counts of all that the filter finds, the newest first. Words are looked for once.
///
/// # Errors
/// A filter that asks for too much, or what SQLite says.
pub fn search(
    conn: &Connection,
    filter: &Filter,
    after: Option<Cursor>,
    limit: u32,
    bar: i64,
) -> Result<(Page, Facets), Error> {
    if !has_words(filter) {
        return Ok((
            page(conn, filter, after, limit)?,
            facets(conn, filter, bar)?,
        ));
    }
    let limit = limit.clamp(1, PAGE_MAX);
    let mut found: Vec<String> = Vec::new();
    let facets = counted(conn, filter, bar, |time, seq| {
        let on_page = after.is_none_or(|after| (time, seq) < (after.time, after.seq));
        if on_page && found.len() <= limit as usize {
            found.push(seq.to_string());
        }
    })?;
    let sql = format!(
        "SELECT {COLUMNS} FROM alerts WHERE seq IN ({}) ORDER BY time DESC, seq DESC",
        found.join(",")
    );
    let mut statement = conn.prepare(&sql)?;
    let rows = statement.query_map([], Alert::read)?;
    Ok((cut(rows.collect::<Result<_, _>>()?, limit), facets))
}

/// A page of alerts of which there is one more if there is another page.
fn cut(mut alerts: Vec<Alert>, limit: u32) -> Page {
    let more = alerts.len() > limit as usize;
    alerts.truncate(limit as usize);
    let next = alerts.last().filter(|_| more).map(|last| Cursor {
        time: last.time,
        seq: last.seq,
    });
    Page { alerts, next }
}

/// One alert.
///
/// # Errors
/// What SQLite says.
pub fn alert(conn: &Connection, alert_id: &str) -> Result<Option<Alert>, Error> {
    let sql = format!("SELECT {COLUMNS} FROM alerts WHERE alert_id = ?1");
    let mut statement = conn.prepare_cached(&sql)?;
    Ok(statement.query_row([alert_id], Alert::read).optional()?)
}

/// The line of EVE of an alert, as it came.
///
/// # Errors
/// What SQLite says.
pub fn line(conn: &Connection, alert_id: &str) -> Result<Option<String>, Error> {
    let mut statement = conn.prepare_cached(
        "SELECT json FROM alert_lines WHERE seq = (SELECT seq FROM alerts WHERE alert_id = ?1)",
    )?;
    Ok(statement
        .query_row([alert_id], |row| row.get(0))
        .optional()?)
}

/// Those stored after one, by its place among those stored; the first stored first.
///
/// # Errors
/// What SQLite says.
pub fn after(conn: &Connection, seq: i64, limit: u32) -> Result<Vec<Alert>, Error> {
    let sql = format!("SELECT {COLUMNS} FROM alerts WHERE seq > ?1 ORDER BY seq LIMIT ?2");
    let mut statement = conn.prepare_cached(&sql)?;
    let rows = statement.query_map(rusqlite::params![seq, limit.min(PAGE_MAX)], Alert::read)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The place of the last one stored.
///
/// # Errors
/// What SQLite says.
pub fn last(conn: &Connection) -> Result<i64, Error> {
    let sql = "SELECT coalesce(max(seq), 0) FROM alerts";
    Ok(conn.query_row(sql, [], |row| row.get(0))?)
}
