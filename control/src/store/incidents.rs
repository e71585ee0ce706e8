//! Incidents: alerts about one thing, told as one. One thing is a category of rules (what kind of
//! trouble), who acted and on whom; alerts belong together while the incident is not closed and its
//! last alert is within a window of packet time.
//!
//! An alert after closing opens a new incident, always, which names the one before: a verdict was
//! passed on what was known then, and adding to it later would change what the person judged, and
//! with it the rule's precision. What shall stay silent is a suppression's business.

use rusqlite::{Row, params};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::alerts::{self, Alert};
use super::audit::{self, Act};
use super::change::Change;
use super::error::Error;
use super::words::{self, Status, Verdict, impact_word, rank, severity_word, stamp};
use crate::outbox::{Kind, New};

/// What an alert takes over from its incident.
pub(super) struct Joined {
    pub(super) number: i64,
    pub(super) status: i64,
    pub(super) hold: i64,
}

/// Joins an alert to the incident that it belongs to, or opens one.
pub(super) fn join(change: &Change<'_>, alert: &Alert) -> Result<Joined, Error> {
    let window = change.incident_window();
    let open = change.one(
        "SELECT number, status, hold, severity, impact FROM incidents
         WHERE family = ?1 AND actor = ?2 AND victim = ?3 AND last_seen >= ?4 AND first_seen <= ?5
             AND status < 2
         ORDER BY last_seen DESC LIMIT 1",
        params![
            alert.category,
            alert.actor,
            alert.victim,
            alert.time.saturating_sub(window),
            alert.time.saturating_add(window)
        ],
        |row| {
            let joined = Joined {
                number: row.get(0)?,
                status: row.get(1)?,
                hold: row.get(2)?,
            };
            Ok((joined, row.get::<_, i64>(3)?, row.get::<_, i64>(4)?))
        },
    )?;
    match open {
        Some((joined, severity, impact)) => grow(change, alert, joined, (severity, impact)),
        None => begin(change, alert),
    }
}

/// One more alert. One that is worse than what somebody acknowledged opens the incident again.
fn grow(
    change: &Change<'_>,
    alert: &Alert,
    mut joined: Joined,
    (severity, impact): (i64, i64),
) -> Result<Joined, Error> {
    let worse = (alert.impact, alert.severity) > (impact, severity);
    let unread = worse && (alert.severity > severity || alert.impact > impact);
    if unread {
        joined.status = 0;
    }
    change.run(
        "UPDATE incidents SET count = count + 1, grown = 1, status = ?2,
             last_seen = max(last_seen, ?3), first_seen = min(first_seen, ?3),
             severity = max(severity, ?4), impact = max(impact, ?5),
             slug = iif(?6, ?7, slug), title = iif(?6, ?8, title),
             tier = iif(?9 = 'page' OR tier = 'digest', ?9, tier), stays = max(stays, ?10)
         WHERE number = ?1",
        params![
            joined.number,
            joined.status,
            alert.time,
            alert.severity,
            alert.impact,
            worse,
            alert.slug,
            alert.title,
            alert.tier,
            alert.stays
        ],
    )?;
    joined.hold = joined.hold.min(1).saturating_mul(2);
    Ok(joined)
}

fn begin(change: &Change<'_>, alert: &Alert) -> Result<Joined, Error> {
    let previous: Option<String> = change.one(
        "SELECT incident_id FROM incidents WHERE family = ?1 AND actor = ?2 AND victim = ?3
         ORDER BY last_seen DESC LIMIT 1",
        params![alert.category, alert.actor, alert.victim],
        |row| row.get(0),
    )?;
    change.run(
        "INSERT INTO incidents (incident_id, family, actor, victim, title, slug, severity, impact,
             tier, count, first_seen, last_seen, opened, changed, revision, status, previous,
             stays)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 1, ?10, ?10, ?11, ?11, 1, 0, ?12, ?13)",
        params![
            id_of(alert),
            alert.category,
            alert.actor,
            alert.victim,
            alert.title,
            alert.slug,
            alert.severity,
            alert.impact,
            alert.tier,
            alert.time,
            change.now(),
            previous,
            alert.stays
        ],
    )?;
    let number = change.last_insert_rowid();
    tell(change, number, "create")?;
    Ok(Joined {
        number,
        status: 0,
        hold: 0,
    })
}

/// An incident's id comes from its first alert's, so that the same traffic gives the same ids.
fn id_of(alert: &Alert) -> String {
    let digest: [u8; 32] = Sha256::digest(format!("incident {}", alert.id)).into();
    let (kept, _) = digest.split_at(16);
    kept.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Tells of the incidents that grew since they were told last, each with a new revision.
pub(super) fn tell_grown(change: &Change<'_>, at_most: u32) -> Result<usize, Error> {
    let mut statement =
        change.prepare_cached("SELECT number FROM incidents WHERE grown = 1 LIMIT ?1")?;
    let numbers = statement.query_map([at_most], |row| row.get(0))?;
    let numbers: Vec<i64> = numbers.collect::<Result<_, _>>()?;
    for number in &numbers {
        revise(change, *number)?;
        tell(change, *number, "update")?;
    }
    Ok(numbers.len())
}

fn revise(change: &Change<'_>, number: i64) -> Result<(), Error> {
    change.run(
        "UPDATE incidents SET revision = revision + 1, grown = 0, changed = ?2 WHERE number = ?1",
        params![number, change.now()],
    )?;
    Ok(())
}

/// Somebody is at it.
///
/// # Errors
/// No such incident, one that is closed, or what SQLite says.
pub fn acknowledge(change: &Change<'_>, id: &str, who: &str) -> Result<(), Error> {
    let number = open_one(change, id)?;
    set(change, number, Status::Acknowledged, None, who)?;
    log(change, (who, "incident.acknowledge"), id, &json!({}))?;
    tell(change, number, "acknowledge")
}

/// Judged: the verdict goes to each of its alerts that has none of its own.
///
/// # Errors
/// No such incident, one that is closed, or what SQLite says.
pub fn close(change: &Change<'_>, id: &str, verdict: Verdict, who: &str) -> Result<(), Error> {
    let number = open_one(change, id)?;
    set(change, number, Status::Closed, Some(verdict), who)?;
    let detail = json!({"verdict": verdict.word()});
    log(change, (who, "incident.close"), id, &detail)?;
    tell(change, number, "close")
}

/// Judges one alert by itself: its rule's precision counts this verdict, and not the incident's.
///
/// # Errors
/// No such alert, or what SQLite says.
pub fn judge_alert(
    change: &Change<'_>,
    alert_id: &str,
    verdict: Verdict,
    who: &str,
) -> Result<(), Error> {
    let verdict_rank = rank(&Verdict::ALL, &verdict);
    let found = change.run(
        "UPDATE alerts SET status = 2, verdict = ?2 WHERE alert_id = ?1",
        params![alert_id, verdict_rank],
    )?;
    if found == 0 {
        return Err(Error::Missing(format!("alert {alert_id}")));
    }
    let act = Act {
        actor: who,
        action: "alert.close",
        object: &format!("alert:{alert_id}"),
    };
    audit::append(change, act, &json!({"verdict": verdict.word()}))?;
    alerts::tell(change, alert_id, "close")
}

/// Somebody wrote something about it.
pub(super) fn commented(change: &Change<'_>, id: &str) -> Result<(), Error> {
    let number = change.one(
        "SELECT number FROM incidents WHERE incident_id = ?1",
        [id],
        |row| row.get(0),
    )?;
    let Some(number) = number else {
        return Ok(());
    };
    revise(change, number)?;
    tell(change, number, "update")
}

/// The number of an incident that is not closed.
fn open_one(change: &Change<'_>, id: &str) -> Result<i64, Error> {
    let found = change.one(
        "SELECT number, status FROM incidents WHERE incident_id = ?1",
        [id],
        |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)),
    )?;
    match found {
        None => Err(Error::Missing(format!("incident {id}"))),
        Some((_, 2)) => Err(Error::Refused(
            "the incident is closed, and a verdict stands; new alerts open a new one".to_owned(),
        )),
        Some((number, _)) => Ok(number),
    }
}

fn set(
    change: &Change<'_>,
    number: i64,
    status: Status,
    verdict: Option<Verdict>,
    who: &str,
) -> Result<(), Error> {
    let verdict = verdict.map(|verdict| rank(&Verdict::ALL, &verdict));
    let status = rank(&Status::ALL, &status);
    change.run(
        "UPDATE incidents SET status = ?2, verdict = ?3, judged_by = ?4 WHERE number = ?1",
        params![number, status, verdict, verdict.map(|_| who)],
    )?;
    change.run(
        "UPDATE alerts SET status = ?2, verdict = ?3 WHERE incident = ?1 AND status < 2",
        params![number, status, verdict],
    )?;
    revise(change, number)
}

fn log(
    change: &Change<'_>,
    (actor, action): (&str, &str),
    id: &str,
    detail: &Value,
) -> Result<(), Error> {
    let object = format!("incident:{id}");
    let act = Act {
        actor,
        action,
        object: &object,
    };
    audit::append(change, act, detail).map(drop)
}

fn tell(change: &Change<'_>, number: i64, action: &'static str) -> Result<(), Error> {
    let read = |row: &Row<'_>| {
        let severity: i64 = row.get(9)?;
        Ok((row.get::<_, String>(0)?, severity, body(row, action)?))
    };
    let sql = "SELECT incident_id, family, actor, victim, title, slug, count, revision, status,
                   severity, impact, tier, first_seen, last_seen, verdict, previous, number
               FROM incidents WHERE number = ?1";
    let Some((id, severity, body)) = change.one(sql, [number], read)? else {
        return Ok(());
    };
    let new = New {
        kind: Kind::Incident,
        id: &id,
        action,
        severity: Some(severity),
    };
    change.tell(&new, &body)
}

fn body(row: &Row<'_>, action: &str) -> rusqlite::Result<Value> {
    let status = words::at(&Status::ALL, row.get(8)?).unwrap_or(Status::Open);
    let verdict: Option<i64> = row.get(14)?;
    let verdict = verdict.and_then(|rank| words::at(&Verdict::ALL, rank));
    let previous: Option<String> = row.get(15)?;
    let mut body = json!({
        "id": row.get::<_, String>(0)?,
        "number": row.get::<_, i64>(16)?,
        "action": action,
        "revision": row.get::<_, i64>(7)?,
        "status": status.word(),
        "title": row.get::<_, String>(4)?,
        "category": row.get::<_, String>(1)?,
        "slug": row.get::<_, String>(5)?,
        "severity": severity_word(row.get(9)?),
        "clinical_impact": impact_word(row.get(10)?),
        "tier": row.get::<_, String>(11)?,
        "actor": row.get::<_, String>(2)?,
        "victim": row.get::<_, String>(3)?,
        "count": row.get::<_, i64>(6)?,
        "first_seen": stamp(row.get(12)?),
        "last_seen": stamp(row.get(13)?),
    });
    if let Some(object) = body.as_object_mut() {
        if let Some(verdict) = verdict {
            object.insert("verdict".to_owned(), verdict.word().into());
        }
        if let Some(previous) = previous {
            object.insert("previous".to_owned(), previous.into());
        }
    }
    Ok(body)
}
