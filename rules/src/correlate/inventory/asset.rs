//! One device: what it said of itself, on which ports it answers, with whom it talks.

use std::borrow::Cow;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::key::{Key, Mac};
use super::oui;
use crate::record::Service;

/// A device, with everything that is known of it.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Asset {
    /// What it is known by.
    pub key: Key,
    /// The address that it used last.
    pub ip: Option<IpAddr>,
    /// When it was first seen, in nanoseconds since the epoch.
    pub first_seen: i64,
    /// When it was last seen.
    pub last_seen: i64,
    /// The frame that told of it last.
    pub frame: u64,
    /// The capture interface of that frame.
    #[serde(default)]
    pub interface: u16,
    /// Whether it carries the packets of others.
    pub router: bool,
    /// Whether an event has told of it.
    pub told: bool,
    /// What is known, oldest first.
    pub facts: Vec<Fact>,
    /// With whom it talks.
    pub peers: Vec<Peer>,
    /// Changes told in the hour that runs.
    #[serde(skip)]
    pub(super) changes: (i64, u32),
}

/// One thing that is known of a device, and who told.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Fact {
    /// Of what kind.
    pub attribute: Attribute,
    /// What.
    pub value: Box<str>,
    /// The field that told first, as `dicom.calling_ae`.
    pub source: Cow<'static, str>,
    /// The frame that told first.
    pub frame: u64,
    /// The address that it had then.
    pub ip: Option<IpAddr>,
    /// When it was first told.
    pub first_seen: i64,
    /// When it was last told.
    pub last_seen: i64,
}

/// With whom a device talks, over what, and how much.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Peer {
    /// The other one's address.
    pub ip: IpAddr,
    /// Whether the device opened the conversation.
    pub client: bool,
    /// IP protocol number.
    pub proto: u8,
    /// The server's port.
    pub port: u16,
    /// The recognised protocol, or empty.
    pub app: Cow<'static, str>,
    /// Whether the server was seen to answer a medical message.
    #[serde(default)]
    pub answers: bool,
    /// Conversations with payload that have ended.
    pub flows: u64,
    /// Bytes that the device sent in them.
    pub bytes_sent: u64,
    /// Bytes that it received.
    pub bytes_received: u64,
    /// Medical messages, both ways.
    pub messages: u64,
    /// When they first talked.
    pub first_seen: i64,
    /// When they last talked.
    pub last_seen: i64,
}

/// What may be known of a device.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Attribute {
    /// An address that it used.
    Address,
    /// A DICOM application entity title.
    AeTitle,
    /// An HL7 application.
    Application,
    /// An HL7 facility.
    Facility,
    /// What it does: `C-STORE SCP`, `HL7 sender`.
    Function,
    /// A port on which it answers: `tcp/104`.
    Service,
    /// A pump or other device that it speaks for.
    Device,
    /// Manufacturer of what it sends.
    Manufacturer,
    /// Model of what it sends.
    Model,
    /// Serial number of what it sends.
    Serial,
    /// Software of what it sends.
    Software,
    /// Station name of what it sends.
    Station,
    /// DICOM implementation version name.
    Implementation,
    /// That it carries the packets of others.
    Router,
}

/// Values of one attribute: an archive passes on images of every device on the site, and would
/// otherwise seem to be all of them.
pub(super) const VALUES_MAX: usize = 16;
/// Services: a server of many has some dozens; a host that answers on every port is no device.
const SERVICES_MAX: usize = 48;
/// Facts about one device, of all kinds.
const FACTS_MAX: usize = 96;
/// Peers of one device; the one longest not talked with makes room.
const PEERS_MAX: usize = 64;
/// The longest value; longer ones are no names.
pub(super) const VALUE_BYTES_MAX: usize = 128;

impl Attribute {
    /// As in events.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::AeTitle => "ae_title",
            Self::Application => "application",
            Self::Facility => "facility",
            Self::Function => "function",
            Self::Service => "service",
            Self::Device => "device",
            Self::Manufacturer => "manufacturer",
            Self::Model => "model",
            Self::Serial => "serial",
            Self::Software => "software",
            Self::Station => "station",
            Self::Implementation => "implementation",
            Self::Router => "router",
        }
    }

    /// Whether a device has one at a time, so that a new value means that the old one is gone.
    const fn is_single(self) -> bool {
        matches!(
            self,
            Self::Manufacturer
                | Self::Model
                | Self::Serial
                | Self::Software
                | Self::Station
                | Self::Implementation
                | Self::Address
        )
    }
}

/// When and by what frame something was told.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    pub(super) time: i64,
    pub(super) frame: u64,
    pub(super) interface: u16,
}

/// What came of telling a fact.
#[derive(Debug, PartialEq)]
pub(super) enum Learnt {
    /// It was known.
    Old,
    /// It is new; the value that it takes the place of.
    New(Option<Box<str>>),
    /// A bound was hit.
    Cut,
}

impl Asset {
    pub(super) const fn new(key: Key, at: Moment) -> Self {
        Self {
            key,
            ip: None,
            first_seen: at.time,
            last_seen: at.time,
            frame: at.frame,
            interface: at.interface,
            router: false,
            told: false,
            facts: Vec::new(),
            peers: Vec::new(),
            changes: (0, 0),
        }
    }

    /// It was seen again.
    pub(super) fn seen(&mut self, at: Moment) {
        self.first_seen = self.first_seen.min(at.time);
        self.last_seen = self.last_seen.max(at.time);
        self.frame = at.frame;
        self.interface = at.interface;
    }

    /// Something is told of it.
    pub(super) fn learn(
        &mut self,
        attribute: Attribute,
        value: &str,
        source: &'static str,
        ip: Option<IpAddr>,
        at: Moment,
    ) -> Learnt {
        let mut of = self.facts.iter_mut().filter(|f| f.attribute == attribute);
        if let Some(known) = of.find(|fact| *fact.value == *value) {
            known.first_seen = known.first_seen.min(at.time);
            known.last_seen = known.last_seen.max(at.time);
            return Learnt::Old;
        }
        if value.is_empty() {
            return Learnt::Old;
        }
        let max = if attribute == Attribute::Service {
            SERVICES_MAX
        } else {
            VALUES_MAX
        };
        let many = self.facts(attribute).count() >= max || self.facts.len() >= FACTS_MAX;
        if many || value.len() > VALUE_BYTES_MAX {
            return Learnt::Cut;
        }
        let before = self.facts(attribute).max_by_key(|fact| fact.last_seen);
        let before = before.filter(|_| attribute.is_single());
        let before = before.map(|fact| fact.value.clone());
        self.facts.push(Fact {
            attribute,
            value: value.into(),
            source: Cow::Borrowed(source),
            frame: at.frame,
            ip,
            first_seen: at.time,
            last_seen: at.time,
        });
        Learnt::New(before)
    }

    /// It talked with a peer over a service; true if another peer made room for this one.
    pub(super) fn meet(
        &mut self,
        (ip, client): (IpAddr, bool),
        (proto, port): (u8, u16),
        time: i64,
        count: impl FnOnce(&mut Peer),
    ) -> bool {
        let is = |p: &&mut Peer| (p.ip, p.client, p.proto, p.port) == (ip, client, proto, port);
        if let Some(peer) = self.peers.iter_mut().find(is) {
            peer.first_seen = peer.first_seen.min(time);
            peer.last_seen = peer.last_seen.max(time);
            count(peer);
            return false;
        }
        let full = self.peers.len() >= PEERS_MAX;
        let by_age = self.peers.iter().enumerate();
        let oldest = by_age.min_by_key(|(_, peer)| peer.last_seen);
        if let Some(oldest) = oldest.map(|(at, _)| at).filter(|_| full) {
            self.peers.remove(oldest);
        }
        let mut peer = Peer::new((ip, client), (proto, port), time);
        count(&mut peer);
        self.peers.push(peer);
        full
    }

    /// What is known of one kind, oldest first.
    pub fn facts(&self, attribute: Attribute) -> impl Iterator<Item = &Fact> {
        let facts = self.facts.iter();
        facts.filter(move |fact| fact.attribute == attribute)
    }

    /// The values of one kind, oldest first.
    pub fn values(&self, attribute: Attribute) -> impl Iterator<Item = &str> {
        self.facts(attribute).map(|fact| &*fact.value)
    }

    /// The value that all it sends agrees on. What an archive passes on are images of others, and
    /// what a gateway reports are others' pumps.
    #[must_use]
    pub fn single(&self, attribute: Attribute) -> Option<&str> {
        let several = |of: Attribute| self.values(of).nth(1).is_some();
        let passes_on = several(Attribute::Serial)
            || several(Attribute::Model)
            || several(Attribute::Station)
            || several(Attribute::Device)
            || self
                .values(Attribute::Function)
                .any(|f| ARCHIVE.contains(&f));
        let newest = self.facts(attribute).max_by_key(|fact| fact.last_seen);
        newest.filter(|_| !passes_on).map(|fact| &*fact.value)
    }

    /// Its Ethernet address.
    #[must_use]
    pub const fn mac(&self) -> Option<Mac> {
        self.key.mac()
    }

    /// Who was assigned its Ethernet address.
    #[must_use]
    pub fn vendor(&self) -> Option<&'static str> {
        self.mac().and_then(oui::vendor)
    }

    /// Whether it said or offered anything, or was only seen.
    pub(super) fn is_known(&self) -> bool {
        let said = |fact: &Fact| fact.attribute != Attribute::Address;
        self.facts.iter().any(said)
    }

    /// Takes over what was known of the same device under another key.
    pub(super) fn absorb(&mut self, other: Self) {
        self.first_seen = self.first_seen.min(other.first_seen);
        self.last_seen = self.last_seen.max(other.last_seen);
        for fact in other.facts {
            let same = |f: &&mut Fact| f.attribute == fact.attribute && f.value == fact.value;
            if let Some(known) = self.facts.iter_mut().find(same) {
                known.first_seen = known.first_seen.min(fact.first_seen);
                known.last_seen = known.last_seen.max(fact.last_seen);
            } else if self.facts.len() < FACTS_MAX {
                self.facts.push(fact);
            }
        }
        for peer in other.peers {
            if self.peers.len() < PEERS_MAX {
                self.peers.push(peer);
            }
        }
    }

    /// What was told while it had this address: of a router, another device's.
    pub(super) fn part(&mut self, ip: IpAddr) -> Self {
        let (of_ip, rest) = std::mem::take(&mut self.facts)
            .into_iter()
            .partition(|fact| fact.ip == Some(ip));
        self.facts = rest;
        let at = Moment {
            time: self.first_seen,
            frame: self.frame,
            interface: self.interface,
        };
        let mut part = Self::new(Key::Ip(ip), at);
        part.facts = of_ip;
        part.ip = Some(ip);
        let first = part.facts.iter().map(|fact| fact.first_seen).min();
        let last = part.facts.iter().map(|fact| fact.last_seen).max();
        part.first_seen = first.unwrap_or(self.first_seen);
        part.last_seen = last.unwrap_or(self.last_seen);
        part
    }

    /// Within the bounds, whoever wrote it.
    pub(super) fn bound(&mut self) {
        self.facts
            .retain(|fact| fact.value.len() <= VALUE_BYTES_MAX);
        self.facts.truncate(FACTS_MAX);
        self.peers.truncate(PEERS_MAX);
    }
}

/// What only archives do.
const ARCHIVE: [&str; 2] = ["C-FIND SCP", "C-MOVE SCP"];

impl Peer {
    /// Conversations with it ended.
    pub(super) fn ended(&mut self, service: &Service) {
        if !service.app.is_empty() {
            self.app = service.app.into();
        }
        let [sent, received] = match self.client {
            true => [service.bytes_to_server, service.bytes_to_client],
            false => [service.bytes_to_client, service.bytes_to_server],
        };
        self.flows = self.flows.saturating_add(service.flows);
        self.bytes_sent = self.bytes_sent.saturating_add(sent);
        self.bytes_received = self.bytes_received.saturating_add(received);
    }

    const fn new((ip, client): (IpAddr, bool), (proto, port): (u8, u16), time: i64) -> Self {
        Self {
            ip,
            client,
            proto,
            port,
            app: Cow::Borrowed(""),
            answers: false,
            flows: 0,
            bytes_sent: 0,
            bytes_received: 0,
            messages: 0,
            first_seen: time,
            last_seen: time,
        }
    }
}
