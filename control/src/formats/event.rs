//! A line of EVE, as other dialects ask it.

use rules::{Impact, Severity};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// A line of EVE.
#[derive(Clone, Copy)]
pub struct Event<'a>(&'a Value);

/// One end of what happened.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct End<'a> {
    pub(super) ip: Option<&'a str>,
    pub(super) port: Option<u64>,
    pub(super) mac: Option<&'a str>,
}

impl End<'_> {
    /// EUI-48 with hyphens, as ECS and OCSF want it (RFC 7042 2.1).
    pub(super) fn hyphened(&self) -> Option<String> {
        self.mac.map(|mac| mac.replace(':', "-").to_uppercase())
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.ip.is_none() && self.mac.is_none()
    }
}

impl<'a> Event<'a> {
    /// Of a parsed line.
    #[must_use]
    pub const fn new(line: &'a Value) -> Self {
        Self(line)
    }

    /// What is at a JSON pointer.
    pub(super) fn at(&self, pointer: &str) -> Option<&'a Value> {
        self.0.pointer(pointer)
    }

    pub(super) fn text(&self, pointer: &str) -> Option<&'a str> {
        self.at(pointer)?.as_str()
    }

    pub(super) fn number(&self, pointer: &str) -> Option<u64> {
        self.at(pointer)?.as_u64()
    }

    /// A list of texts.
    pub(super) fn texts(&self, pointer: &str) -> Vec<&'a str> {
        let list = self.at(pointer).and_then(Value::as_array);
        list.into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect()
    }

    /// Every member.
    pub(super) fn members(&self) -> impl Iterator<Item = (&'a String, &'a Value)> {
        self.0.as_object().into_iter().flatten()
    }

    /// `event_type`.
    #[must_use]
    pub fn kind(&self) -> &'a str {
        self.text("/event_type").unwrap_or("unknown")
    }

    /// The object that is named like the event's type.
    pub(super) fn body(&self) -> Option<&'a Value> {
        self.0.get(self.kind())
    }

    /// A text of the object that is named like the event's type.
    pub(super) fn own(&self, key: &str) -> Option<&'a str> {
        self.body()?.get(key)?.as_str()
    }

    /// A number of the same.
    pub(super) fn own_number(&self, key: &str) -> Option<u64> {
        self.body()?.get(key)?.as_u64()
    }

    /// What an alert has in our object, and any other event in its own.
    fn ours(&self, key: &str) -> Option<&'a Value> {
        let object = if self.kind() == "alert" {
            self.0.get("vitalwire")
        } else {
            self.body()
        };
        object?.get(key)
    }

    /// Such a text.
    pub(super) fn ours_text(&self, key: &str) -> Option<&'a str> {
        self.ours(key)?.as_str()
    }

    /// Counts the changes of what it is about.
    pub(super) fn revision(&self) -> Option<u64> {
        self.ours("revision")?.as_u64()
    }

    pub(super) fn timestamp(&self) -> &'a str {
        self.text("/timestamp").unwrap_or_default()
    }

    pub(super) fn severity(&self) -> Severity {
        let word = self.ours_text("severity").unwrap_or("info");
        let known = Severity::ALL.into_iter().find(|s| s.word() == word);
        known.unwrap_or(Severity::Info)
    }

    pub(super) fn impact(&self) -> Option<Impact> {
        let word = self.ours_text("clinical_impact")?;
        Impact::ALL.into_iter().find(|impact| impact.word() == word)
    }

    /// What it is about, the same in every message about it.
    #[must_use]
    pub fn id(&self) -> String {
        let own = |key| self.own(key).unwrap_or_default();
        match self.kind() {
            "alert" => self.ours_text("alert_id").unwrap_or_default().to_owned(),
            "incident" | "test" => own("id").to_owned(),
            "audit" => own("hash").to_owned(),
            "finding" => format!(
                "{}:{}:{}",
                self.sensor(),
                own("name"),
                self.subject().unwrap_or_default()
            ),
            "heartbeat" => format!("{}:heartbeat:{}", self.sensor(), self.timestamp()),
            _ => self.digest(),
        }
    }

    /// Of all that it says: two packets may have one stamp, and one packet several events.
    fn digest(&self) -> String {
        let digest = Sha256::digest(self.0.to_string());
        digest
            .iter()
            .take(16)
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }

    /// Of this message: a receiver that has seen it may leave it out.
    #[must_use]
    pub fn message_id(&self) -> String {
        match self.kind() {
            "incident" => format!("{}:{}", self.id(), self.revision().unwrap_or(0)),
            "alert" => match self.revision() {
                Some(revision) => format!("{}:{revision}", self.id()),
                None => self.id(),
            },
            "finding" => format!("{}:{}", self.id(), self.timestamp()),
            _ => self.id(),
        }
    }

    /// What a finding is about.
    pub(super) fn subject(&self) -> Option<&'a str> {
        self.own("interface").or_else(|| self.own("subject"))
    }

    pub(super) fn sensor(&self) -> &'a str {
        let id = self.text("/vitalwire/sensor_id");
        id.or_else(|| self.text("/host")).unwrap_or("vitalwire")
    }

    /// What kind of thing happened: the rule's id, the finding's name.
    pub(super) fn name(&self) -> &'a str {
        match self.kind() {
            "alert" => self.ours_text("slug").unwrap_or("alert"),
            "incident" => self.own("slug").unwrap_or("incident"),
            "finding" => self.own("name").unwrap_or("finding"),
            "audit" => self.own("action").unwrap_or("audit"),
            kind => kind,
        }
    }

    /// In a few words, for people.
    pub(super) fn title(&self) -> String {
        let title = match self.kind() {
            "alert" => self.text("/alert/signature"),
            "incident" => self.own("title"),
            "finding" => self.own("name"),
            "audit" => self.own("action"),
            _ => None,
        };
        title.map_or_else(
            || match self.kind() {
                "heartbeat" => "The sensor is alive".to_owned(),
                "test" => "A test message".to_owned(),
                kind => format!("{kind} event"),
            },
            str::to_owned,
        )
    }

    /// In a sentence, for people.
    pub(super) fn explain(&self) -> Option<&'a str> {
        let own = || self.own("explain").or_else(|| self.own("reason"));
        self.ours_text("explain").or_else(own)
    }

    /// ATT&CK techniques, without the matrix.
    pub(super) fn techniques(&self) -> Vec<&'a str> {
        let own = self.texts("/vitalwire/attack");
        own.into_iter()
            .map(|id| id.strip_prefix("ICS/").unwrap_or(id))
            .collect()
    }

    /// Who acted and on whom, or who sent and to whom.
    pub(super) fn ends(&self) -> (End<'a>, End<'a>) {
        if self.kind() == "incident" {
            let end = |key| self.own(key).map_or_else(End::default, of_text);
            return (end("actor"), end("victim"));
        }
        let source = self.packet_end("src");
        let target = self.packet_end("dest");
        let (actor, victim) = (self.alert_end("source"), self.alert_end("target"));
        let (Some(actor), Some(victim)) = (actor, victim) else {
            return (source, target);
        };
        let full = |end: End<'a>| {
            let known = [source, target].into_iter().find(|of| of.ip == end.ip);
            known.map_or(end, |of| End {
                port: end.port.or(of.port),
                ..of
            })
        };
        (full(actor), full(victim))
    }

    fn packet_end(&self, prefix: &str) -> End<'a> {
        End {
            ip: self.text(&format!("/{prefix}_ip")),
            port: self.number(&format!("/{prefix}_port")),
            mac: self.text(&format!("/ether/{prefix}_mac")),
        }
    }

    fn alert_end(&self, role: &str) -> Option<End<'a>> {
        Some(End {
            ip: Some(self.text(&format!("/alert/{role}/ip"))?),
            port: self.number(&format!("/alert/{role}/port")),
            mac: None,
        })
    }
}

/// An address, or a MAC where there is none.
fn of_text(text: &str) -> End<'_> {
    let ip = text.parse::<std::net::IpAddr>().is_ok().then_some(text);
    let mac = Some(text).filter(|text| ip.is_none() && !text.is_empty());
    End {
        ip,
        mac,
        port: None,
    }
}
