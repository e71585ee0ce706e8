//! What must not be touched. Of what is not said the worst is thought.

use rusqlite::OptionalExtension as _;
use serde_json::Value;

use crate::store::Store;

/// Who would be acted upon: whoever acted, as the alert says.
pub(super) struct Subject<'a> {
    pub(super) ip: Option<&'a str>,
    /// What the alert says of that device.
    asset: Option<&'a Value>,
}

impl<'a> Subject<'a> {
    pub(super) fn of(line: &'a Value) -> Self {
        let text = |pointer: &str| line.pointer(pointer).and_then(Value::as_str);
        let ip = text("/alert/source/ip").or_else(|| text("/src_ip"));
        let ip = ip.filter(|ip| ip.parse::<std::net::IpAddr>().is_ok());
        let side = if ip == text("/src_ip") { "src" } else { "dest" };
        let fits = ip == text(&format!("/{side}_ip"));
        let asset = line.pointer(&format!("/vitalwire/asset/{side}"));
        Self {
            ip,
            asset: asset.filter(|_| fits),
        }
    }

    /// Whether a response may touch it without anybody's approval; else why not.
    pub(super) fn may_be_touched(&self, line: &Value, store: &Store) -> Result<(), String> {
        let ours = |key: &str| line.pointer(&format!("/vitalwire/{key}"));
        let impact = ours("clinical_impact").and_then(Value::as_str);
        if !matches!(impact, Some("none" | "possible")) {
            return Err("the alert may matter at the bedside".to_owned());
        }
        if ours("do_not_isolate").and_then(Value::as_bool) != Some(false) {
            return Err("the alert says that its devices have to stay".to_owned());
        }
        let listed = self.listed(store)?;
        let flag = |name: &str| {
            let said = self.asset.and_then(|asset| asset.get(name)?.as_bool());
            said == Some(true)
        };
        if flag("life_support") || listed.as_ref().is_some_and(|of| of.life_support) {
            return Err("a life depends on the device".to_owned());
        }
        if flag("patient_connected") || listed.as_ref().is_some_and(|of| of.patient_connected) {
            return Err("the device is connected to a patient".to_owned());
        }
        let said = self.asset.and_then(|asset| asset.get("role")?.as_str());
        let role = said.or_else(|| listed.as_ref()?.role.as_deref());
        if role.is_none_or(|role| role.trim().is_empty()) {
            return Err("nobody said what the device is".to_owned());
        }
        Ok(())
    }

    /// What the inventory says of the address: where it knows several, the worst of them.
    fn listed(&self, store: &Store) -> Result<Option<Listed>, String> {
        let Some(ip) = self.ip else {
            return Ok(None);
        };
        let found = store.read(|conn| {
            let sql = "SELECT max(life_support), max(patient_connected), min(coalesce(role, ''))
                       FROM assets WHERE ip = ?1 GROUP BY ip";
            let mut statement = conn.prepare_cached(sql)?;
            let found = statement.query_row([ip], |row| {
                Ok(Listed {
                    life_support: row.get(0)?,
                    patient_connected: row.get(1)?,
                    role: row.get(2)?,
                })
            });
            Ok(found.optional()?)
        });
        found.map_err(|error| error.to_string())
    }
}

/// What the inventory says.
struct Listed {
    life_support: bool,
    patient_connected: bool,
    role: Option<String>,
}
