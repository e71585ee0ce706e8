//! The classes of the category Findings.

use rules::Impact;
use serde_json::Value;

use super::{Class, base, connection, endpoint, millis};
use crate::formats::document::Document;
use crate::formats::event::Event;

/// Detection Finding: an alert, or a finding about the sensor for receivers that know no other.
pub(super) fn detection(event: &Event<'_>) -> Document {
    let class = Class {
        uid: 2004,
        activity: activity(event),
    };
    let mut doc = base(event, &class);
    info(event, &mut doc);
    status(event, &mut doc);
    impact(event, &mut doc);
    if judged(event, &mut doc) {
        // Of this class a verdict is part of a profile only.
        doc.set("metadata.profiles", vec!["incident"]);
    }
    doc.set("is_alert", true);
    let mut evidence = Document::default();
    let (source, destination) = event.ends();
    evidence.within("src_endpoint", endpoint(event, &source));
    evidence.within("dst_endpoint", endpoint(event, &destination));
    evidence.within("connection_info", connection(event));
    let known = !source.is_empty() || !destination.is_empty();
    doc.list(
        "evidences",
        evidence.into_some().filter(|_| known).into_iter().collect(),
    );
    resource(event, &mut doc);
    doc.put("remediation.desc", what_to_do(event));
    doc
}

/// Compliance Finding: what is wrong with the mirror or the appliance.
pub(super) fn compliance(event: &Event<'_>) -> Document {
    let class = Class {
        uid: 2003,
        activity: activity(event),
    };
    let mut doc = base(event, &class);
    info(event, &mut doc);
    status(event, &mut doc);
    doc.put("compliance.control", event.own("name"));
    let closed = event.own("state") == Some("closed");
    doc.set("compliance.standards", vec!["Vitalwire sensor health"]);
    doc.set("compliance.status_id", if closed { 1 } else { 3 });
    doc.set("compliance.status", if closed { "Pass" } else { "Fail" });
    resource(event, &mut doc);
    doc.put("remediation.desc", what_to_do(event));
    doc
}

/// Incident Finding.
pub(super) fn incident(event: &Event<'_>) -> Document {
    let class = Class {
        uid: 2005,
        activity: activity(event),
    };
    let mut doc = base(event, &class);
    let mut info = Document::default();
    info.set("uid", event.id());
    info.set("title", event.title());
    seen(event, &mut info);
    info.put("related_events_count", event.own_number("count"));
    info.list(
        "types",
        event.own("category").map(Into::into).into_iter().collect(),
    );
    doc.list("finding_info_list", info.into_some().into_iter().collect());
    doc.set("desc", event.title());
    // OCSF wants somebody named; who takes an incident on is decided at the receiver's.
    doc.set("assignee_group.name", "Unassigned");
    let (id, word) = match event.own("status") {
        Some("acknowledged") => (2, "In Progress"),
        Some("closed") => (5, "Closed"),
        _ => (1, "New"),
    };
    doc.set("status_id", id);
    doc.set("status", word);
    impact(event, &mut doc);
    judged(event, &mut doc);
    doc
}

/// What people judged, and whether they did.
fn judged(event: &Event<'_>, doc: &mut Document) -> bool {
    let found = event.ours_text("verdict").map(verdict);
    if let Some((id, word)) = found {
        doc.set("verdict_id", id);
        doc.set("verdict", word);
    }
    found.is_some()
}

/// `activity_id` of every finding.
fn activity(event: &Event<'_>) -> (u32, &'static str) {
    match event.ours_text("action") {
        _ if event.own("state") == Some("closed") => (3, "Close"),
        Some("close") => (3, "Close"),
        Some("update" | "acknowledge" | "reopen") => (2, "Update"),
        _ => (1, "Create"),
    }
}

/// `finding_info`.
fn info(event: &Event<'_>, doc: &mut Document) {
    let mut info = Document::default();
    info.set("uid", event.id());
    info.set("title", event.title());
    info.put("desc", event.explain());
    seen(event, &mut info);
    let category = event.text("/alert/category");
    info.list("types", category.map(Into::into).into_iter().collect());
    info.list(
        "attacks",
        event.techniques().into_iter().map(attack).collect(),
    );
    if event.kind() == "alert" {
        info.set("analytic.name", event.name());
        info.set("analytic.type_id", 1);
        info.set("analytic.type", "Rule");
        let text = |pointer| event.number(pointer).map(|number| number.to_string());
        info.put("analytic.uid", text("/alert/signature_id"));
        info.put("analytic.version", text("/alert/rev"));
    }
    info.put("related_events_count", event.number("/vitalwire/count"));
    doc.within("finding_info", info);
}

fn seen(event: &Event<'_>, info: &mut Document) {
    let at = |key: &str| {
        let ours = event.text(&format!("/vitalwire/{key}"));
        ours.or_else(|| event.own(key)).and_then(millis)
    };
    info.put("first_seen_time", at("first_seen"));
    info.put("last_seen_time", at("last_seen"));
    info.put("created_time", millis(event.timestamp()));
}

fn attack(id: &str) -> Value {
    let mut doc = Document::default();
    doc.set("technique.uid", id.split('.').next().unwrap_or(id));
    doc.put("sub_technique.uid", id.contains('.').then_some(id));
    doc.into_value()
}

fn status(event: &Event<'_>, doc: &mut Document) {
    let state = event.ours_text("status").or_else(|| event.own("state"));
    let (id, word) = match state {
        Some("acknowledged") => (2, "In Progress"),
        Some("closed") => (4, "Resolved"),
        _ => (1, "New"),
    };
    doc.set("status_id", id);
    doc.set("status", word);
}

/// What it means at the bedside, on OCSF's scale. Nothing at the bedside is no impact that the scale
/// has a number for.
fn impact(event: &Event<'_>, doc: &mut Document) {
    let Some(impact) = event.impact() else {
        return;
    };
    let (id, word) = match impact {
        Impact::None => (99, "None at the bedside"),
        Impact::Possible => (2, "Medium"),
        Impact::Likely => (3, "High"),
        Impact::Direct => (4, "Critical"),
    };
    doc.set("impact_id", id);
    doc.set("impact", word);
}

fn verdict(word: &str) -> (u32, &'static str) {
    match word {
        "true" => (2, "True Positive"),
        "benign" => (5, "Benign"),
        "false" => (1, "False Positive"),
        "duplicate" => (10, "Duplicate"),
        "test" => (6, "Test"),
        _ => (0, "Unknown"),
    }
}

/// What it is about: the victim, or what of the sensor.
fn resource(event: &Event<'_>, doc: &mut Document) {
    let mut resource = Document::default();
    if event.kind() == "finding" {
        let subject = event.subject().unwrap_or("sensor");
        resource.set("uid", format!("{}:{subject}", event.sensor()));
        resource.set("name", subject);
    } else {
        let (_, victim) = event.ends();
        resource.put("uid", victim.ip.or(victim.mac));
        resource.put("ip", victim.ip);
        resource.put("type", victim.ip.or(victim.mac).map(|_| "device"));
    }
    doc.list("resources", resource.into_some().into_iter().collect());
}

fn what_to_do<'a>(event: &Event<'a>) -> Option<&'a str> {
    let ours = event.text("/vitalwire/what_to_do");
    ours.or_else(|| event.own("what_to_do"))
}
