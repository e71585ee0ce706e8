//! OCSF 1.6: alerts are Detection Findings (2004), incidents Incident Findings (2005), findings about
//! the mirror and the appliance Compliance Findings (2003), flows and medical events Network Activity
//! (4001), what is learned of a device Device Inventory Info (5001), heartbeats and tests Application
//! Lifecycle (6002), entries of the audit log Entity Management (3004).

mod activity;
mod finding;

use rules::Severity;
use serde_json::Value;

use super::document::Document;
use super::event::{End, Event};
use super::stamp::micros;

/// The version that events say they follow.
pub(super) const VERSION: &str = "1.6.0";

/// As what findings about the mirror and the appliance are sent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Posture {
    /// 2003.
    Compliance,
    /// 2004.
    Detection,
}

pub(super) fn document(event: &Event<'_>, posture: Posture) -> Value {
    match (event.kind(), posture) {
        ("alert", _) | ("finding", Posture::Detection) => finding::detection(event),
        ("incident", _) => finding::incident(event),
        ("finding", Posture::Compliance) => finding::compliance(event),
        ("asset", _) => activity::inventory(event),
        ("heartbeat" | "test" | "stats" | "capture", _) => activity::lifecycle(event),
        ("audit", _) => activity::management(event),
        _ => activity::network(event),
    }
    .into_value()
}

/// A class, and what the event does in it.
struct Class {
    uid: u32,
    activity: (u32, &'static str),
}

/// Everything that each class wants.
fn base(event: &Event<'_>, class: &Class) -> Document {
    let mut doc = Document::default();
    let (activity, name) = class.activity;
    doc.set("class_uid", class.uid);
    doc.set("category_uid", class.uid / 1_000);
    doc.set("activity_id", activity);
    doc.set("activity_name", name);
    doc.set("type_uid", u64::from(class.uid) * 100 + u64::from(activity));
    doc.put("time", millis(event.timestamp()));
    let severity = event.severity();
    doc.set("severity_id", severity.ocsf());
    doc.set("severity", severity_word(severity));
    doc.set(
        "message",
        event.explain().map_or_else(|| event.title(), str::to_owned),
    );
    doc.set("metadata.version", VERSION);
    doc.set("metadata.uid", event.message_id());
    doc.set("metadata.product.name", "Vitalwire");
    doc.set("metadata.product.vendor_name", "Vitalwire");
    doc.set("metadata.product.version", crate::version::VERSION);
    doc.set("metadata.product.uid", event.sensor());
    doc.set("metadata.log_name", event.kind());
    doc.set("metadata.original_time", event.timestamp());
    if let Some(sid) = event.number("/alert/signature_id") {
        doc.set("metadata.event_code", sid.to_string());
    }
    doc.put("unmapped", unmapped(event));
    doc
}

/// What has no place of its own: our object, and the event's.
fn unmapped(event: &Event<'_>) -> Option<Value> {
    let mut doc = Document::default();
    for (name, value) in event.members() {
        let own = value.is_object() && !matches!(name.as_str(), "alert" | "ether" | "tunnel");
        doc.put(name, Some(value.clone()).filter(|_| own));
    }
    doc.into_some()
}

fn millis(stamp: &str) -> Option<i64> {
    Some(micros(stamp)?.div_euclid(1_000))
}

const fn severity_word(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "Informational",
        Severity::Low => "Low",
        Severity::Medium => "Medium",
        Severity::High => "High",
        Severity::Critical => "Critical",
    }
}

/// A `network_endpoint`, which has to have an address or a name.
fn endpoint(event: &Event<'_>, end: &End<'_>) -> Document {
    let mut doc = Document::default();
    if end.is_empty() {
        return doc;
    }
    doc.put("ip", end.ip);
    doc.put("port", end.port);
    doc.put("mac", end.hyphened());
    doc.put("uid", end.mac.filter(|_| end.ip.is_none()));
    let vlan = event.at("/vlan/0").map(ToString::to_string);
    doc.put("vlan_uid", vlan);
    doc
}

/// A `network_connection_info`.
fn connection(event: &Event<'_>) -> Document {
    let mut doc = Document::default();
    let Some(proto) = event.text("/proto") else {
        return doc;
    };
    doc.set("protocol_name", proto.to_lowercase());
    let number = match proto {
        "ICMP" => Some(1),
        "TCP" => Some(6),
        "UDP" => Some(17),
        "IPv6-ICMP" | "ICMPv6" => Some(58),
        "SCTP" => Some(132),
        _ => None,
    };
    doc.put("protocol_num", number);
    doc.put("community_uid", event.text("/community_id"));
    doc.put("uid", event.number("/flow_id").map(|id| id.to_string()));
    // Towards the server or away from it; what is inside and what outside, nobody told us.
    let direction = event.text("/direction");
    doc.set("direction_id", if direction.is_some() { 99 } else { 0 });
    doc.put("direction", direction);
    doc
}
