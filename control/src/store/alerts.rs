//! Alerts as they come in: one EVE line each.

use rusqlite::params;
use serde::Deserialize;
use serde_json::{Value, json};

use super::change::Change;
use super::error::Error;
use super::incidents;
use super::queue::Taken;
use super::tokens::joined;
use super::words::{Status, Verdict, at, impact_rank, severity_rank};
use crate::outbox::{self, Kind, New};

/// What the store reads of an alert's line.
#[derive(Debug, Deserialize)]
pub(super) struct Line {
    src_ip: Option<String>,
    src_port: Option<u16>,
    dest_ip: Option<String>,
    dest_port: Option<u16>,
    #[serde(default)]
    vlan: Vec<u16>,
    proto: Option<String>,
    app_proto: Option<String>,
    flow_id: Option<i64>,
    #[serde(default)]
    ether: Ether,
    alert: Rule,
    vitalwire: Ours,
}

#[derive(Debug, Default, Deserialize)]
struct Ether {
    src_mac: Option<String>,
    dest_mac: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Rule {
    signature_id: u32,
    rev: u32,
    signature: String,
    category: String,
    source: Option<Host>,
    target: Option<Host>,
}

#[derive(Debug, Deserialize)]
struct Host {
    ip: String,
}

#[derive(Debug, Deserialize)]
struct Ours {
    slug: String,
    alert_id: String,
    severity: String,
    clinical_impact: String,
    tier: String,
    explain: String,
    #[serde(default)]
    do_not_isolate: bool,
}

/// An alert, as its incident sees it.
#[derive(Debug)]
pub(super) struct Alert {
    pub(super) id: String,
    pub(super) time: i64,
    pub(super) slug: String,
    pub(super) title: String,
    pub(super) category: String,
    pub(super) severity: i64,
    pub(super) impact: i64,
    pub(super) tier: String,
    /// Who acted: an address, or where there is none a MAC.
    pub(super) actor: String,
    /// On whom.
    pub(super) victim: String,
    /// Whether its devices must not be cut off.
    pub(super) stays: bool,
}

impl Line {
    fn actor(&self) -> String {
        let source = self.alert.source.as_ref().map(|host| &host.ip);
        let host = source.or(self.src_ip.as_ref());
        host.or(self.ether.src_mac.as_ref())
            .cloned()
            .unwrap_or_default()
    }

    fn victim(&self) -> String {
        let target = self.alert.target.as_ref().map(|host| &host.ip);
        let host = target.or(self.dest_ip.as_ref());
        host.or(self.ether.dest_mac.as_ref())
            .cloned()
            .unwrap_or_default()
    }

    fn alert(&self, taken: &Taken) -> Alert {
        Alert {
            id: self.vitalwire.alert_id.clone(),
            time: taken.time.0.div_euclid(1_000),
            slug: self.vitalwire.slug.clone(),
            title: self.alert.signature.clone(),
            category: self.alert.category.clone(),
            severity: severity_rank(&self.vitalwire.severity),
            impact: impact_rank(&self.vitalwire.clinical_impact),
            tier: self.vitalwire.tier.clone(),
            actor: self.actor(),
            victim: self.victim(),
            stays: self.vitalwire.do_not_isolate,
        }
    }

    /// What a search for an address finds.
    fn addresses(&self) -> String {
        let all = [
            &self.src_ip,
            &self.dest_ip,
            &self.ether.src_mac,
            &self.ether.dest_mac,
        ];
        let all: Vec<&str> = all.into_iter().flatten().map(String::as_str).collect();
        all.join(" ")
    }
}

/// Stores an alert, joins it to its incident, and tells sinks. An alert whose id is known, as of a
/// capture that is read again, is the same alert; says whether it was new.
pub(super) fn insert(change: &Change<'_>, taken: &Taken) -> Result<bool, Error> {
    let line: Line =
        serde_json::from_str(&taken.json).map_err(|error| Error::Refused(error.to_string()))?;
    let id = &line.vitalwire.alert_id;
    let known = change.one("SELECT 1 FROM alerts WHERE alert_id = ?1", [id], |_| Ok(()))?;
    if known.is_some() {
        return Ok(false);
    }
    let alert = line.alert(taken);
    let incident = incidents::join(change, &alert)?;
    change.run(
        "INSERT INTO alerts (alert_id, time, received, slug, sid, rev, title, category, severity,
             impact, tier, actor, victim, src_ip, src_port, dest_ip, dest_port, src_mac, dest_mac,
             vlan, proto, app_proto, flow_id, explain, incident, status, hold, stays)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18,
             ?19, ?20, ?21, ?22, ?23, ?24, ?25, ?26, ?27, ?28)",
        params![
            alert.id,
            alert.time,
            change.now(),
            alert.slug,
            line.alert.signature_id,
            line.alert.rev,
            alert.title,
            alert.category,
            alert.severity,
            alert.impact,
            alert.tier,
            alert.actor,
            alert.victim,
            line.src_ip,
            line.src_port,
            line.dest_ip,
            line.dest_port,
            line.ether.src_mac,
            line.ether.dest_mac,
            line.vlan.first(),
            line.proto,
            line.app_proto,
            line.flow_id,
            line.vitalwire.explain,
            incident.number,
            incident.status,
            incident.hold,
            alert.stays,
        ],
    )?;
    let seq = change.last_insert_rowid();
    words(change, seq, &line, &alert)?;
    change.run(
        "INSERT INTO alert_lines (seq, json) VALUES (?1, ?2)",
        params![seq, taken.json],
    )?;
    let new = New {
        kind: Kind::Alert,
        id: &alert.id,
        action: "create",
        severity: Some(alert.severity),
    };
    outbox::append(change, &new, &taken.json)?;
    Ok(true)
}

fn words(change: &Change<'_>, seq: i64, line: &Line, alert: &Alert) -> Result<(), Error> {
    let ours = &line.vitalwire;
    let words = format!(
        "{} {} {} {} {}",
        ours.severity,
        ours.clinical_impact,
        ours.tier,
        alert.category,
        line.app_proto.as_deref().unwrap_or_default()
    );
    change.run(
        "INSERT INTO alert_words (rowid, slug, title, explain, addresses, words)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![
            seq,
            alert.slug,
            joined(&alert.title),
            joined(&ours.explain),
            joined(&line.addresses()),
            words
        ],
    )?;
    Ok(())
}

/// Tells sinks that keep alerts under their ids what somebody did to one: its line, with how it stands
/// now. What is done to an incident goes to its alerts too, and is told once, by the incident.
pub(super) fn tell(change: &Change<'_>, alert_id: &str, action: &'static str) -> Result<(), Error> {
    change.run(
        "UPDATE alerts SET revision = revision + 1 WHERE alert_id = ?1",
        [alert_id],
    )?;
    let found = change.one(
        "SELECT l.json, a.severity, a.revision, a.status, a.verdict,
             (SELECT count(*) FROM comments WHERE object = 'alert:' || ?1)
         FROM alerts a JOIN alert_lines l USING (seq) WHERE a.alert_id = ?1",
        [alert_id],
        |row| {
            let verdict: Option<i64> = row.get(4)?;
            let verdict = verdict.and_then(|rank| at(&Verdict::ALL, rank));
            let state = json!({
                "action": action,
                "revision": row.get::<_, i64>(2)?,
                "status": at(&Status::ALL, row.get(3)?).unwrap_or(Status::Open).word(),
                "verdict": verdict.map(Verdict::word),
                "comments": row.get::<_, i64>(5)?,
            });
            Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?, state))
        },
    )?;
    let Some((line, severity, state)) = found else {
        return Ok(());
    };
    let new = New {
        kind: Kind::Triage,
        id: alert_id,
        action,
        severity: Some(severity),
    };
    outbox::append(change, &new, &with(&line, state))
}

/// A line with more in our object.
fn with(line: &str, more: Value) -> String {
    let mut line: Value = serde_json::from_str(line).unwrap_or_default();
    let ours = line.get_mut("vitalwire").and_then(Value::as_object_mut);
    if let (Some(ours), Value::Object(mut more)) = (ours, more) {
        more.retain(|_, value| !value.is_null());
        ours.extend(more);
    }
    line.to_string()
}
