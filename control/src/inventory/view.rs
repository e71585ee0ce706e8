//! A device with everything that is known of it and who told, as answers and exports show it.

use std::collections::BTreeMap;
use std::net::IpAddr;

use parsers::json;
use parsers::time::Time;
use rules::correlate::inventory::{self as learnt, Attribute, is_local};
use schemars::JsonSchema;
use serde::Serialize;

use super::devices::{Known, Now};

/// What is known of a device, in short.
#[derive(Clone, Debug, JsonSchema, PartialEq, Serialize)]
pub struct Device {
    /// What it is known by: `mac-HEX`, `mac-HEX-VLAN`, or `ip-ADDRESS` behind a router.
    pub id: String,
    /// The address that it used last.
    pub ip: Option<IpAddr>,
    /// Its Ethernet address.
    pub mac: Option<String>,
    /// Its VLAN.
    pub vlan: Option<u16>,
    /// Who was assigned its Ethernet address.
    pub vendor: Option<&'static str>,
    /// Whether software made its Ethernet address up.
    pub random_mac: Option<bool>,
    /// Whether it carries the packets of others.
    pub router: bool,
    /// Manufacturer, where all that it sends says the same; so the next four.
    pub manufacturer: Option<String>,
    /// Model.
    pub model: Option<String>,
    /// Serial number.
    pub serial: Option<String>,
    /// Software.
    pub software: Option<String>,
    /// Station name.
    pub station: Option<String>,
    /// DICOM titles that it goes by.
    pub ae_titles: Vec<String>,
    /// HL7 applications that it sends as.
    pub applications: Vec<String>,
    /// HL7 facilities that it sends as.
    pub facilities: Vec<String>,
    /// What it was seen to do, as `C-STORE SCP`.
    pub functions: Vec<String>,
    /// Ports on which it answers, as `tcp/104`.
    pub services: Vec<String>,
    /// Pumps and other devices that it speaks for.
    pub devices: Vec<String>,
    /// Protocols that it speaks with others.
    pub protocols: Vec<String>,
    /// When it was seen first.
    pub first_seen: String,
    /// When it was seen last.
    pub last_seen: String,
    /// What the hospital's list says of it.
    pub listed: Option<Entry>,
}

/// What the hospital's list says of a device. Empty is what it does not say.
#[derive(Clone, Debug, JsonSchema, PartialEq, Serialize)]
pub struct Entry {
    /// What people call it.
    pub name: String,
    /// What it is for.
    pub roles: Vec<String>,
    /// Who answers for it.
    pub owner: String,
    /// Whom to call about it.
    pub phone: String,
    /// Ward or department.
    pub unit: String,
    /// How much depends on it.
    pub criticality: String,
    /// Whether a life depends on it.
    pub life_support: Option<bool>,
    /// Whether it is connected to a patient, by the list or by its role.
    pub patient_connected: bool,
    /// Whether cutting it off may hurt somebody, as far as the list knows.
    pub do_not_isolate: bool,
    /// The line of the list.
    pub line: u64,
}

/// Everything that is known of a device.
#[derive(Clone, Debug, JsonSchema, PartialEq, Serialize)]
pub struct Whole {
    /// In short.
    #[serde(flatten)]
    pub device: Device,
    /// Everything that was learnt, by kind, each with who told and when.
    pub facts: BTreeMap<&'static str, Vec<Fact>>,
    /// With whom it talks.
    pub peers: Vec<Peer>,
}

/// One thing that was learnt.
#[derive(Clone, Debug, JsonSchema, PartialEq, Serialize)]
pub struct Fact {
    /// What.
    pub value: String,
    /// The field that told first, as `dicom.calling_ae`.
    pub source: String,
    /// The frame that told first; none where frames have no numbers.
    pub frame: Option<u64>,
    /// The address that it had then.
    pub ip: Option<IpAddr>,
    /// When it was told first.
    pub first_seen: String,
    /// When it was told last.
    pub last_seen: String,
}

/// With whom it talks, over what, and how much.
#[derive(Clone, Debug, JsonSchema, PartialEq, Serialize)]
pub struct Peer {
    /// The other one's address.
    pub ip: IpAddr,
    /// What the hospital calls it.
    pub name: Option<String>,
    /// The device that has this address now.
    pub id: Option<String>,
    /// Whether the device opened the conversation.
    pub client: bool,
    /// The protocol below the application's.
    pub proto: String,
    /// The server's port.
    pub port: u16,
    /// The application's protocol, or empty.
    pub app: String,
    /// Conversations with payload that have ended.
    pub flows: u64,
    /// Bytes that the device sent in them.
    pub bytes_sent: u64,
    /// Bytes that it received.
    pub bytes_received: u64,
    /// Medical messages, both ways.
    pub messages: u64,
    /// When they talked first.
    pub first_seen: String,
    /// When they talked last.
    pub last_seen: String,
}

/// Frames that are read side by side are numbered by their stamps, which is no count.
const FRAME_MAX: u64 = 1 << 53;

fn stamp(nanos: i64) -> String {
    let mut text = Vec::new();
    rules::eve::timestamp(Time(nanos), &mut text);
    String::from_utf8(text).unwrap_or_default()
}

impl Device {
    /// Of what is known.
    #[must_use]
    pub fn of(known: Known<'_>) -> Self {
        let asset = known.asset;
        let all = |attribute| asset.values(attribute).map(str::to_owned).collect();
        let one = |attribute| asset.single(attribute).map(str::to_owned);
        Self {
            id: asset.key.to_string(),
            ip: asset.ip,
            mac: asset.mac().map(mac),
            vlan: Some(asset.key.vlan()).filter(|vlan| *vlan != 0),
            vendor: asset.vendor(),
            random_mac: asset.mac().map(is_local),
            router: asset.router,
            manufacturer: one(Attribute::Manufacturer),
            model: one(Attribute::Model),
            serial: one(Attribute::Serial),
            software: one(Attribute::Software),
            station: one(Attribute::Station),
            ae_titles: all(Attribute::AeTitle),
            applications: all(Attribute::Application),
            facilities: all(Attribute::Facility),
            functions: all(Attribute::Function),
            services: all(Attribute::Service),
            devices: all(Attribute::Device),
            protocols: protocols(asset),
            first_seen: stamp(asset.first_seen),
            last_seen: stamp(asset.last_seen),
            listed: known.listed.map(Entry::of),
        }
    }

    /// What the hospital calls it, or nothing.
    #[must_use]
    pub fn name(&self) -> &str {
        self.listed.as_ref().map_or("", |listed| &listed.name)
    }

    /// Manufacturer and model, else who was assigned its Ethernet address.
    #[must_use]
    pub fn make(&self) -> String {
        let words = [&self.manufacturer, &self.model];
        let words: Vec<&str> = words.into_iter().flatten().map(String::as_str).collect();
        match (words.is_empty(), self.random_mac) {
            (false, _) => words.join(" "),
            (true, Some(true)) => "(made-up address)".to_owned(),
            (true, _) => self.vendor.unwrap_or_default().to_owned(),
        }
    }

    /// What it does: what it was seen to do, else where it answers.
    #[must_use]
    pub fn does(&self) -> String {
        match (self.router, self.functions.is_empty()) {
            (true, _) => "router".to_owned(),
            (false, true) => self.services.join(", "),
            (false, false) => self.functions.join(", "),
        }
    }
}

fn mac(mac: learnt::Mac) -> String {
    let mut text = Vec::new();
    json::mac(mac, &mut text);
    String::from_utf8(text).unwrap_or_default()
}

fn protocols(asset: &learnt::Asset) -> Vec<String> {
    let all = asset.peers.iter().map(|peer| peer.app.to_string());
    let mut all: Vec<String> = all.filter(|app| !app.is_empty()).collect();
    all.sort();
    all.dedup();
    all
}

impl Entry {
    /// Of a line of the list.
    #[must_use]
    pub fn of(listed: &learnt::Listed) -> Self {
        Self {
            name: listed.name.clone(),
            roles: listed.roles.clone(),
            owner: listed.owner.clone(),
            phone: listed.phone.clone(),
            unit: listed.unit.clone(),
            criticality: listed.criticality.clone(),
            life_support: listed.life_support,
            patient_connected: listed.is_at_the_patient(),
            do_not_isolate: listed.must_stay(),
            line: listed.line,
        }
    }
}

impl Whole {
    /// Of what is known; `now` knows its peers.
    #[must_use]
    pub fn of(known: Known<'_>, now: &Now) -> Self {
        let mut facts: BTreeMap<&'static str, Vec<Fact>> = BTreeMap::new();
        for fact in &known.asset.facts {
            let of = facts.entry(fact.attribute.word()).or_default();
            of.push(Fact::of(fact));
        }
        let peers = known.asset.peers.iter();
        Self {
            device: Device::of(known),
            facts,
            peers: peers.map(|peer| Peer::of(peer, now)).collect(),
        }
    }
}

impl Fact {
    fn of(fact: &learnt::Fact) -> Self {
        Self {
            value: fact.value.to_string(),
            source: fact.source.to_string(),
            frame: Some(fact.frame).filter(|frame| *frame < FRAME_MAX),
            ip: fact.ip,
            first_seen: stamp(fact.first_seen),
            last_seen: stamp(fact.last_seen),
        }
    }
}

impl Peer {
    fn of(peer: &learnt::Peer, now: &Now) -> Self {
        let other = now.at(peer.ip).find(|k| k.asset.ip == Some(peer.ip));
        Self {
            ip: peer.ip,
            name: now.name(peer.ip).map(str::to_owned),
            id: other.map(|known| known.asset.key.to_string()),
            client: peer.client,
            proto: parsers::kinds::envelope::proto_name(peer.proto).to_string(),
            port: peer.port,
            app: peer.app.to_string(),
            flows: peer.flows,
            bytes_sent: peer.bytes_sent,
            bytes_received: peer.bytes_received,
            messages: peer.messages,
            first_seen: stamp(peer.first_seen),
            last_seen: stamp(peer.last_seen),
        }
    }
}
