//! "Tune from this alert": what a suppression would have hidden. The stored alerts of its rule are
//! read back into what the correlator had of them, and the suppression, compiled as always, decides.
//!
//! What an alert's line does not hold cannot be read back: conditions on tunnels, and on segments of
//! HL7 by path, never hold here, so that a preview promises too little rather than too much.

use std::net::IpAddr;

use parsers::catalogue::{Field, Kind, Type};
use parsers::event::{Direction, Endpoint, Envelope, FlowFacts};
use parsers::kinds::{self, envelope::proto_name};
use parsers::time::Time;
use rules::record::{Owned, Text};
use rules::{FieldRef, Rule, Ruleset, Scratch};
use rusqlite::{Connection, params};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::error::Error;
use super::words::{self, Verdict};

/// How far back a preview looks unless it is told otherwise, in microseconds.
pub const THIRTY_DAYS: i64 = 30 * 86_400 * 1_000_000;

/// The most alerts that a preview reads; of more, the newest.
const ALERTS_MAX: i64 = 50_000;
/// So many of the newest that would be hidden are named.
const NAMED_MAX: usize = 20;

/// What a suppression would have hidden.
#[derive(Clone, Debug, Default, JsonSchema, PartialEq, Serialize)]
pub struct Preview {
    /// Alerts of the rule that were looked at.
    pub alerts: u64,
    /// Of these, hidden.
    pub hidden: u64,
    /// Of the hidden ones, those that people judged to be true: think again.
    pub hidden_true: u64,
    /// Whether there were more alerts than were looked at.
    pub complete: bool,
    /// The newest of those hidden, by their ids.
    pub newest: Vec<String>,
}

/// What the suppressions of a rule set would have hidden of a rule's alerts since, in microseconds
/// of packet time.
///
/// # Errors
/// No such rule, or what SQLite says.
pub fn preview(
    conn: &Connection,
    ruleset: &Ruleset,
    slug: &str,
    since: i64,
) -> Result<Preview, Error> {
    let rule = ruleset.rules().iter().find(|rule| &*rule.id == slug);
    let rule = rule.ok_or_else(|| Error::Missing(format!("rule {slug}")))?;
    let mut statement = conn.prepare_cached(
        "SELECT alert_id, verdict, json FROM alerts INDEXED BY alerts_of_rule
             JOIN alert_lines USING (seq)
         WHERE slug = ?1 AND time >= ?2 ORDER BY time DESC LIMIT ?3",
    )?;
    let mut rows = statement.query(params![slug, since, ALERTS_MAX.saturating_add(1)])?;
    let mut preview = Preview {
        complete: true,
        ..Preview::default()
    };
    let mut scratch = Scratch::default();
    while let Some(row) = rows.next()? {
        if i64::try_from(preview.alerts).is_ok_and(|alerts| alerts >= ALERTS_MAX) {
            preview.complete = false;
            break;
        }
        preview.alerts = preview.alerts.saturating_add(1);
        let json: String = row.get(2)?;
        if !hides(ruleset, &mut scratch, rule, &json) {
            continue;
        }
        preview.hidden = preview.hidden.saturating_add(1);
        let verdict: Option<i64> = row.get(1)?;
        let verdict = verdict.and_then(|rank| words::at(&Verdict::ALL, rank));
        if verdict == Some(Verdict::True) {
            preview.hidden_true = preview.hidden_true.saturating_add(1);
        }
        if preview.newest.len() < NAMED_MAX {
            preview.newest.push(row.get(0)?);
        }
    }
    Ok(preview)
}

fn hides(ruleset: &Ruleset, scratch: &mut Scratch, rule: &Rule, json: &str) -> bool {
    let (Ok(line), Some(kind)) = (
        serde_json::from_str::<Value>(json),
        kinds::ALL.get(rule.kind.index()).copied(),
    ) else {
        return false;
    };
    let envelope = envelope(&line);
    let needs = ruleset.needs(rule.kind).iter();
    let fields: Vec<Owned> = needs.map(|need| field(&line, kind, *need)).collect();
    // Before its last day, whatever that is.
    let now = Time::ZERO;
    ruleset.would_suppress(scratch, rule, (&envelope, &fields), now)
}

fn envelope(line: &Value) -> Envelope {
    let text = |name: &str| line.get(name).and_then(Value::as_str);
    let mut envelope = Envelope {
        src: endpoint(line, ["src_ip", "src_port", "src_mac"]),
        dest: endpoint(line, ["dest_ip", "dest_port", "dest_mac"]),
        proto: text("proto").and_then(proto),
        direction: match text("direction") {
            Some("to_server") => Some(Direction::ToServer),
            Some("to_client") => Some(Direction::ToClient),
            _ => None,
        },
        flow: text("app_proto").and_then(app).map(|app| FlowFacts {
            id: 0,
            first_frame: 0,
            start: Time::ZERO,
            app,
            midstream: false,
            one_sided: false,
            gaps: false,
        }),
        ..Envelope::default()
    };
    let tags = line.get("vlan").and_then(Value::as_array);
    let tags = tags.into_iter().flatten().filter_map(Value::as_u64);
    for (slot, tag) in envelope.vlan.iter_mut().zip(tags) {
        *slot = u16::try_from(tag).unwrap_or_default();
        envelope.vlans = envelope.vlans.saturating_add(1);
    }
    envelope
}

fn endpoint(line: &Value, [ip, port, mac]: [&str; 3]) -> Endpoint {
    let ether = line.get("ether").and_then(|ether| ether.get(mac));
    Endpoint {
        ip: line
            .get(ip)
            .and_then(Value::as_str)
            .and_then(|ip| ip.parse().ok()),
        port: line
            .get(port)
            .and_then(Value::as_u64)
            .and_then(|port| u16::try_from(port).ok()),
        mac: ether.and_then(Value::as_str).and_then(self::mac),
    }
}

fn proto(name: &str) -> Option<u8> {
    let known = (0..=u8::MAX).find(|proto| proto_name(*proto) == name && name != "other");
    known.or_else(|| name.parse().ok())
}

fn app(name: &str) -> Option<&'static str> {
    let mut names = parsers::PROTOCOLS.iter().map(|spec| spec.name);
    names.find(|known| *known == name)
}

fn mac(text: &str) -> Option<[u8; 6]> {
    let bytes: Vec<u8> = text
        .split(':')
        .map(|part| u8::from_str_radix(part, 16).ok())
        .collect::<Option<_>>()?;
    bytes.try_into().ok()
}

/// A field as the correlator had it. Pseudonyms are texts here: that is how they are compared.
fn field(line: &Value, kind: &Kind, need: FieldRef) -> Owned {
    let FieldRef::Field(ix) = need else {
        return Owned::Absent;
    };
    let Some(field) = kind.fields.get(ix.index()) else {
        return Owned::Absent;
    };
    owned(find(line, kind, field), field.ty)
}

fn find<'a>(line: &'a Value, kind: &Kind, field: &Field) -> &'a Value {
    let object = line.get(kind.name);
    let inner = match field.object {
        Some(name) => object.and_then(|object| object.get(name)),
        None => object,
    };
    inner
        .and_then(|inner| inner.get(field.key))
        .unwrap_or(&Value::Null)
}

fn owned(value: &Value, ty: Type) -> Owned {
    match (value, ty) {
        (Value::Bool(v), _) => Owned::Bool(*v),
        (Value::Number(v), Type::Decimal) => v.as_f64().map_or(Owned::Absent, Owned::Decimal),
        (Value::Number(v), _) => match v.as_i64() {
            Some(whole) => Owned::Int(whole),
            None => v.as_f64().map_or(Owned::Absent, Owned::Decimal),
        },
        (Value::String(v), Type::Ip) => v.parse::<IpAddr>().map_or(Owned::Absent, Owned::Ip),
        (Value::String(v), Type::Mac) => mac(v).map_or(Owned::Absent, Owned::Mac),
        (Value::String(v), _) => Owned::Text(Text::new(v)),
        (Value::Array(items), _) => Owned::List(items.iter().map(|item| owned(item, ty)).collect()),
        (Value::Null | Value::Object(_), _) => Owned::Absent,
    }
}
