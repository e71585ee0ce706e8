//! What must not be touched. Of what is not said the worst is thought.

use std::net::IpAddr;

use rules::correlate::inventory::Listed;
use serde_json::Value;

use crate::inventory::Now;

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
        let ip = ip.filter(|ip| ip.parse::<IpAddr>().is_ok());
        let side = if ip == text("/src_ip") { "src" } else { "dest" };
        let fits = ip == text(&format!("/{side}_ip"));
        let asset = line.pointer(&format!("/vitalwire/asset/{side}"));
        Self {
            ip,
            asset: asset.filter(|_| fits),
        }
    }

    /// Whether a response may touch it without anybody's approval; else why not.
    pub(super) fn may_be_touched(&self, line: &Value, devices: &Now) -> Result<(), String> {
        let ours = |key: &str| line.pointer(&format!("/vitalwire/{key}"));
        let impact = ours("clinical_impact").and_then(Value::as_str);
        if !matches!(impact, Some("none" | "possible")) {
            return Err("the alert may matter at the bedside".to_owned());
        }
        if ours("do_not_isolate").and_then(Value::as_bool) != Some(false) {
            return Err("the alert says that its devices have to stay".to_owned());
        }
        let found = self.listed(devices);
        let listed = || found.iter().flatten();
        let flag = |name: &str| {
            let said = self.asset.and_then(|asset| asset.get(name)?.as_bool());
            said == Some(true)
        };
        if flag("life_support") || listed().any(|of| of.life_support == Some(true)) {
            return Err("a life depends on the device".to_owned());
        }
        if flag("patient_connected") || listed().any(|of| of.is_at_the_patient()) {
            return Err("the device is connected to a patient".to_owned());
        }
        let has_role = |of: &Option<&Listed>| of.is_some_and(|of| !of.roles.is_empty());
        let said = self.asset.and_then(|asset| asset.get("role")?.as_str());
        let known = match found.is_empty() {
            true => said.is_some_and(|role| !role.trim().is_empty()),
            false => found.iter().all(has_role),
        };
        if !known {
            return Err("nobody said what the device is".to_owned());
        }
        Ok(())
    }

    /// What the hospital's list says of every device that was seen with the address, of the one
    /// that the alert names, and of the address itself.
    fn listed<'n>(&self, devices: &'n Now) -> Vec<Option<&'n Listed>> {
        let ip = self.ip.and_then(|ip| ip.parse::<IpAddr>().ok());
        let named = self.asset.and_then(|asset| asset.get("id")?.as_str());
        let named = named.and_then(|id| devices.get(id.parse().ok()?));
        let seen = ip.into_iter().flat_map(|ip| devices.at(ip));
        let mut found: Vec<_> = seen.chain(named).map(|known| known.listed).collect();
        if found.is_empty() {
            let entry = ip.and_then(|ip| devices.entry(ip));
            found.extend(entry.map(Some));
        }
        found
    }
}
