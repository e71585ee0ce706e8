//! Devices.

use rusqlite::{Connection, OptionalExtension, Row, params};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::store::error::Error;
use crate::store::words::stamp;

/// The most on a page.
const PAGE_MAX: u32 = 1_000;

/// A device.
#[derive(Clone, Debug, JsonSchema, PartialEq, Serialize)]
pub struct Asset {
    /// What it is known by.
    pub key: String,
    /// Its MAC.
    pub mac: Option<String>,
    /// Its VLAN.
    pub vlan: Option<u16>,
    /// Its address.
    pub ip: Option<String>,
    /// Who made its network card.
    pub vendor: Option<String>,
    /// What the hospital calls it.
    pub name: Option<String>,
    /// Whose it is.
    pub owner: Option<String>,
    /// Where it stands.
    pub unit: Option<String>,
    /// Whom to call.
    pub phone: Option<String>,
    /// How much depends on it.
    pub criticality: Option<String>,
    /// What it is.
    pub role: Option<String>,
    /// Whether a life depends on it.
    pub life_support: bool,
    /// Whether it is at a patient.
    pub patient_connected: bool,
    /// When it was seen first.
    pub first_seen: String,
    /// When it was seen last.
    pub last_seen: String,
    /// Everything that it showed of itself.
    pub shown: Value,
}

const COLUMNS: &str = "key, mac, vlan, ip, vendor, name, owner, unit, phone, criticality, role,
    life_support, patient_connected, first_seen, last_seen, json";

fn read(row: &Row<'_>) -> rusqlite::Result<Asset> {
    let json: String = row.get(15)?;
    Ok(Asset {
        key: row.get(0)?,
        mac: row.get(1)?,
        vlan: row.get(2)?,
        ip: row.get(3)?,
        vendor: row.get(4)?,
        name: row.get(5)?,
        owner: row.get(6)?,
        unit: row.get(7)?,
        phone: row.get(8)?,
        criticality: row.get(9)?,
        role: row.get(10)?,
        life_support: row.get(11)?,
        patient_connected: row.get(12)?,
        first_seen: stamp(row.get(13)?),
        last_seen: stamp(row.get(14)?),
        shown: serde_json::from_str(&json).unwrap_or(Value::Null),
    })
}

/// Those with this text in a column that names them, by key, after a key.
///
/// # Errors
/// What SQLite says.
pub fn page(
    conn: &Connection,
    text: &str,
    after: Option<&str>,
    limit: u32,
) -> Result<Vec<Asset>, Error> {
    let sql = format!(
        "SELECT {COLUMNS} FROM assets WHERE key > ?1 AND (?2 = '' OR instr(lower(concat_ws(
             char(10), key, mac, ip, vendor, name, owner, unit, role)), ?2) > 0)
         ORDER BY key LIMIT ?3"
    );
    let mut statement = conn.prepare_cached(&sql)?;
    let after = after.unwrap_or_default();
    let wanted = params![after, text.to_lowercase(), limit.clamp(1, PAGE_MAX)];
    let rows = statement.query_map(wanted, read)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// One of them.
///
/// # Errors
/// What SQLite says.
pub fn get(conn: &Connection, key: &str) -> Result<Option<Asset>, Error> {
    let sql = format!("SELECT {COLUMNS} FROM assets WHERE key = ?1");
    let mut statement = conn.prepare_cached(&sql)?;
    Ok(statement.query_row([key], read).optional()?)
}
