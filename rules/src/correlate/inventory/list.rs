//! The hospital's own list of its devices, as imported: what people call each, and whom to ask.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::Asset;
use super::asset::Attribute;
use super::key::Mac;

/// One device of the list. What is left out is not known.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Listed {
    /// What people call it.
    pub name: String,
    /// What it is for: `pump_server`, `archive`, `modality`, …; most have one role.
    pub roles: Vec<String>,
    /// Who answers for it.
    pub owner: String,
    /// Whom to call about it.
    pub phone: String,
    /// Ward or department.
    pub unit: String,
    /// How much depends on it, in the list's own words.
    pub criticality: String,
    /// Whether a life depends on it.
    pub life_support: Option<bool>,
    /// Whether it is connected to a patient; else its role tells.
    pub patient_connected: Option<bool>,
    /// Ethernet addresses.
    pub macs: Vec<Mac>,
    /// Addresses.
    pub ips: Vec<IpAddr>,
    /// Serial number.
    pub serial: String,
    /// The line of the list.
    pub line: u64,
}

/// Whom to call where the list names nobody.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Contact {
    /// Who, as `clinical engineering`.
    pub name: String,
    /// The number.
    pub phone: String,
}

/// The list, with what its devices are found by.
#[derive(Clone, Debug, Default)]
pub struct List {
    /// The devices, in the order of the list.
    pub devices: Vec<Listed>,
    /// Whom to call where the list names nobody.
    pub contact: Contact,
    by_mac: BTreeMap<Mac, usize>,
    by_ip: BTreeMap<IpAddr, usize>,
    by_serial: BTreeMap<String, usize>,
}

/// Roles whose devices are connected to a patient, or to one most of the time.
const AT_THE_PATIENT: &[&str] = &[
    "pump",
    "infusion_pump",
    "syringe_pump",
    "monitor",
    "bedside_monitor",
    "patient_monitor",
    "telemetry",
    "ventilator",
    "anesthesia",
    "anaesthesia",
    "dialysis",
    "ecmo",
    "incubator",
    "defibrillator",
];

impl List {
    /// Of devices in the order of the list; of two with the same address the first is found.
    #[must_use]
    pub fn new(devices: Vec<Listed>, contact: Contact) -> Self {
        let (mut by_mac, mut by_ip) = (BTreeMap::new(), BTreeMap::new());
        let mut by_serial = BTreeMap::new();
        for (at, device) in devices.iter().enumerate() {
            for mac in &device.macs {
                by_mac.entry(*mac).or_insert(at);
            }
            for ip in &device.ips {
                by_ip.entry(*ip).or_insert(at);
            }
            // Who claims a serial number is easily a liar: it counts where nothing else is listed.
            if !device.serial.is_empty() && device.macs.is_empty() && device.ips.is_empty() {
                by_serial.entry(device.serial.clone()).or_insert(at);
            }
        }
        Self {
            devices,
            contact,
            by_mac,
            by_ip,
            by_serial,
        }
    }

    /// Whether nothing was imported.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.devices.is_empty()
    }

    /// The entry of a device: by its Ethernet address, else its address, else its serial number.
    /// Who takes a listed address with another Ethernet address than the listed one is a stranger.
    #[must_use]
    pub fn find(
        &self,
        mac: Option<Mac>,
        ip: Option<IpAddr>,
        asset: Option<&Asset>,
    ) -> Option<&Listed> {
        let by_mac = mac.and_then(|mac| self.by_mac.get(&mac));
        let is_it = |at: &&usize| {
            let macs = self.devices.get(**at).map(|device| &device.macs);
            let macs = macs.filter(|macs| !macs.is_empty());
            mac.is_none_or(|mac| macs.is_none_or(|macs| macs.contains(&mac)))
        };
        let by_ip = || ip.and_then(|ip| self.by_ip.get(&ip)).filter(is_it);
        let by_serial = || {
            let serial = asset?.single(Attribute::Serial)?;
            self.by_serial.get(serial)
        };
        let at = by_mac.or_else(by_ip).or_else(by_serial)?;
        self.devices.get(*at)
    }

    /// The sets that the list feeds: each named for a role, holding its devices' addresses, and
    /// `inventory` with those of all.
    #[must_use]
    pub fn sets(&self) -> BTreeMap<String, Vec<String>> {
        let mut sets: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for device in &self.devices {
            let all = sets.entry("inventory".to_owned()).or_default();
            all.extend(device.ips.iter().map(ToString::to_string));
            for role in &device.roles {
                let set = sets.entry(role_set(role)).or_default();
                set.extend(device.ips.iter().map(ToString::to_string));
            }
        }
        sets.retain(|_, entries| !entries.is_empty());
        sets
    }
}

/// The set that a role feeds: `pump_servers` of `pump_server`, `modalities` of `modality`.
#[must_use]
pub fn role_set(role: &str) -> String {
    match role.strip_suffix('y') {
        Some(stem) => format!("{stem}ies"),
        None => format!("{role}s"),
    }
}

impl Listed {
    /// Whether it is connected to a patient.
    #[must_use]
    pub fn is_at_the_patient(&self) -> bool {
        let by_role = |role: &String| AT_THE_PATIENT.contains(&role.as_str());
        let any = || self.roles.iter().any(by_role);
        self.patient_connected.unwrap_or_else(any)
    }

    /// Whether cutting it off may hurt somebody, as far as the list knows. Of what is not said
    /// the worst is thought.
    #[must_use]
    pub fn must_stay(&self) -> bool {
        self.roles.is_empty() || self.life_support == Some(true) || self.is_at_the_patient()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(name: &str, role: &str, ip: [u8; 4]) -> Listed {
        Listed {
            name: name.to_owned(),
            roles: vec![role.to_owned()],
            ips: vec![ip.into()],
            ..Listed::default()
        }
    }

    #[test]
    fn roles_feed_sets_of_their_name() {
        let devices = vec![
            device("a", "pump_server", [10, 0, 0, 1]),
            device("b", "pump_server", [10, 0, 0, 2]),
            device("c", "modality", [10, 0, 0, 3]),
        ];
        let sets = List::new(devices, Contact::default()).sets();
        assert_eq!(sets["pump_servers"], ["10.0.0.1", "10.0.0.2"]);
        assert_eq!(sets["modalities"], ["10.0.0.3"]);
        assert_eq!(sets["inventory"].len(), 3);
        assert_eq!(sets.len(), 3);
    }

    #[test]
    fn who_takes_a_listed_address_with_another_ethernet_address_is_a_stranger() {
        let mut archive = device("PACS", "archive", [10, 0, 0, 1]);
        let ip = archive.ips.first().copied();
        let (own, other) = ([0, 1, 2, 3, 4, 5], [0, 1, 2, 3, 4, 6]);
        let find = |archive: &Listed, mac| {
            let list = List::new(vec![archive.clone()], Contact::default());
            list.find(mac, ip, None).is_some()
        };
        assert!(find(&archive, Some(other)), "no Ethernet address is listed");
        archive.macs.push(own);
        assert!(find(&archive, Some(own)));
        assert!(find(&archive, None), "behind a router nobody knows");
        assert!(!find(&archive, Some(other)));
    }

    #[test]
    fn what_may_hurt_somebody_stays() {
        let mut archive = device("a", "archive", [10, 0, 0, 1]);
        assert!(!archive.must_stay());
        archive.life_support = Some(true);
        assert!(archive.must_stay());
        assert!(device("p", "pump", [10, 0, 0, 2]).must_stay());
        let mut unknown = device("?", "", [10, 0, 0, 3]);
        unknown.roles.clear();
        assert!(unknown.must_stay());
        let mut spare = device("p", "pump", [10, 0, 0, 2]);
        spare.patient_connected = Some(false);
        assert!(!spare.must_stay());
    }
}
