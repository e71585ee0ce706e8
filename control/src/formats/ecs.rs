//! Elastic Common Schema 9. What ECS has no field for stays under `vitalwire`, the event's own object
//! (`dicom`, `hl7`, `pump`, …) below it.

use serde_json::{Value, json};

use super::document::Document;
use super::event::{End, Event};
use super::rfc3339;

/// The version that documents say they follow.
const VERSION: &str = "9.0.0";

pub(super) fn document(event: &Event<'_>) -> Value {
    let mut doc = Document::default();
    doc.set("@timestamp", rfc3339(event.timestamp()));
    doc.set("ecs.version", VERSION);
    doc.put("message", event.explain());
    about(event, &mut doc);
    rule(event, &mut doc);
    threat(event, &mut doc);
    ends(event, &mut doc);
    network(event, &mut doc);
    observer(event, &mut doc);
    ours(event, &mut doc);
    doc.into_value()
}

/// `event.*`.
fn about(event: &Event<'_>, doc: &mut Document) {
    let (kind, categories, types) = class(event.kind());
    doc.set("event.kind", kind);
    doc.list(
        "event.category",
        categories.iter().map(|&c| c.into()).collect(),
    );
    doc.list("event.type", types.iter().map(|&t| t.into()).collect());
    doc.set("event.module", "vitalwire");
    doc.set("event.provider", "vitalwire");
    doc.set("event.dataset", format!("vitalwire.{}", event.kind()));
    doc.set("event.id", event.id());
    doc.set("event.action", event.name());
    doc.put("event.reason", event.explain());
    doc.set("event.severity", event.severity().ecs());
    doc.put(
        "event.sequence",
        event.revision().or_else(|| event.own_number("seq")),
    );
    let code = event.number("/alert/signature_id");
    doc.put("event.code", code.map(|sid| sid.to_string()));
    let seen = |key: &str| {
        let ours = event.text(&format!("/vitalwire/{key}"));
        ours.or_else(|| event.own(key)).map(rfc3339)
    };
    doc.put("event.start", seen("first_seen"));
    doc.put("event.end", seen("last_seen"));
    doc.put(
        "user.name",
        event.own("actor").filter(|_| event.kind() == "audit"),
    );
}

/// `event.kind`, `event.category` and `event.type`, by ECS's tables.
fn class(
    kind: &str,
) -> (
    &'static str,
    &'static [&'static str],
    &'static [&'static str],
) {
    match kind {
        "alert" => ("alert", &["intrusion_detection", "network"], &["info"]),
        "incident" => ("alert", &["intrusion_detection"], &["info"]),
        "finding" => ("state", &["configuration"], &["info"]),
        "heartbeat" | "stats" | "capture" => ("metric", &["process"], &["info"]),
        "audit" => ("event", &["configuration"], &["change"]),
        "asset" => ("asset", &["host"], &["info"]),
        "test" => ("event", &["process"], &["info"]),
        "flow" => ("event", &["network"], &["connection", "end"]),
        _ => ("event", &["network"], &["protocol", "info"]),
    }
}

/// `rule.*`.
fn rule(event: &Event<'_>, doc: &mut Document) {
    let text = |number: Option<u64>| number.map(|number| number.to_string());
    doc.put("rule.id", text(event.number("/alert/signature_id")));
    doc.put("rule.version", text(event.number("/alert/rev")));
    doc.put("rule.name", event.text("/alert/signature"));
    let category = event.text("/alert/category");
    doc.put("rule.category", category.or_else(|| event.own("category")));
    if event.kind() == "alert" {
        doc.set("rule.ruleset", "vitalwire");
    }
    let references = event.texts("/alert/references");
    doc.list(
        "rule.reference",
        references.into_iter().map(Into::into).collect(),
    );
}

/// `threat.*`: a sub-technique names its technique too.
fn threat(event: &Event<'_>, doc: &mut Document) {
    let known = event.techniques();
    let mut techniques: Vec<&str> = Vec::new();
    for id in &known {
        let technique = id.split('.').next().unwrap_or(id);
        if !techniques.contains(&technique) {
            techniques.push(technique);
        }
    }
    if !techniques.is_empty() {
        doc.set("threat.framework", "MITRE ATT&CK");
    }
    let list = |ids: Vec<&str>| ids.into_iter().map(Into::into).collect();
    doc.list("threat.technique.id", list(techniques));
    let sub = known.into_iter().filter(|id| id.contains('.')).collect();
    doc.list("threat.technique.subtechnique.id", list(sub));
}

fn ends(event: &Event<'_>, doc: &mut Document) {
    let (source, destination) = event.ends();
    let mut related: Vec<Value> = Vec::new();
    for (name, end) in [("source", source), ("destination", destination)] {
        doc.within(name, endpoint(&end));
        let ip = end.ip.map(Value::from).filter(|ip| !related.contains(ip));
        related.extend(ip);
    }
    doc.list("related.ip", related);
    if event.kind() == "asset" {
        doc.list(
            "host.ip",
            event.own("ip").map(Into::into).into_iter().collect(),
        );
        let mac = End {
            mac: event.own("mac"),
            ..End::default()
        };
        doc.list(
            "host.mac",
            mac.hyphened().map(Into::into).into_iter().collect(),
        );
    }
}

fn endpoint(end: &End<'_>) -> Document {
    let mut doc = Document::default();
    doc.put("address", end.ip.or(end.mac));
    doc.put("ip", end.ip);
    doc.put("port", end.port);
    doc.put("mac", end.hyphened());
    doc
}

/// `network.*`.
fn network(event: &Event<'_>, doc: &mut Document) {
    let lower = |pointer| event.text(pointer).map(str::to_lowercase);
    doc.put("network.transport", lower("/proto"));
    doc.put("network.protocol", lower("/app_proto"));
    doc.put("network.community_id", event.text("/community_id"));
    let version = event
        .text("/src_ip")
        .map(|ip| if ip.contains(':') { "ipv6" } else { "ipv4" });
    doc.put("network.type", version);
    let vlans = event.at("/vlan").and_then(Value::as_array);
    let mut tags = vlans.into_iter().flatten().map(ToString::to_string);
    doc.put("network.vlan.id", tags.next());
    doc.put("network.inner.vlan.id", tags.next());
}

/// `observer.*`: the sensor.
fn observer(event: &Event<'_>, doc: &mut Document) {
    doc.set("observer.vendor", "Vitalwire");
    doc.set("observer.product", "Vitalwire");
    doc.set("observer.type", "ids");
    doc.set("observer.version", crate::version::VERSION);
    doc.set("observer.name", event.sensor());
    doc.put("observer.hostname", event.text("/host"));
    doc.put("observer.ingress.interface.name", event.text("/in_iface"));
    doc.put("observer.geo.name", event.text("/vitalwire/site"));
}

/// What is ours, with the event's own object.
fn ours(event: &Event<'_>, doc: &mut Document) {
    let mut own = event.at("/vitalwire").cloned().unwrap_or_else(|| json!({}));
    if let Some(object) = own.as_object_mut() {
        object.insert("event_type".to_owned(), event.kind().into());
        let bodies = event
            .members()
            .filter(|(name, value)| value.is_object() && !ELSEWHERE.contains(&name.as_str()));
        object.extend(bodies.map(|(name, body)| (name.clone(), body.clone())));
        let flow = event.number("/flow_id").map(|id| id.to_string());
        object.extend(flow.map(|id| ("flow_id".to_owned(), id.into())));
    }
    doc.set("vitalwire", own);
}

/// Objects of EVE whose contents have fields of their own.
const ELSEWHERE: [&str; 4] = ["alert", "ether", "tunnel", "vitalwire"];
