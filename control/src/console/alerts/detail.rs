//! One alert: six short paragraphs, then what they rest on.

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use rules::Rule;
use serde_json::Value;

use super::super::page::Page;
use super::super::{marks, table};
use super::event;
use crate::api::{Api, May, Path, Problem, permit};
use crate::ruleset::Loaded;
use crate::store::preview::THIRTY_DAYS;
use crate::store::query::{self, Alert, Filter};
use crate::store::views::assets::{self, Asset};
use crate::store::views::comments::{self, Comment};
use crate::store::views::overview;
use crate::store::words::now;
use crate::store::{self, precision::Precision};

/// Alerts that are like it.
const SIMILAR: u32 = 6;

/// Everything that the page says.
struct Whole {
    alert: Alert,
    event: Value,
    comments: Vec<Comment>,
    similar: Vec<Alert>,
    hits: Precision,
    assets: [Option<Asset>; 2],
}

pub(in crate::console) async fn show(
    State(api): State<Api>,
    who: May<permit::Read>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let whole = api.read(move |conn| read(conn, &id)).await?;
    let (_, loaded) = api.desk().in_force();
    let rule = rule(&loaded, &whole.alert.slug);
    let alert = &whole.alert;
    let path = format!("/alerts/{}", alert.alert_id);
    let size = event::evidence(api.evidence_dir(), &alert.alert_id);
    let body = html! {
        div #state data-live { p {
            (marks::severity(alert.severity)) " " (marks::impact(alert.clinical_impact)) " "
            (super::status(alert.status, alert.verdict)) " · " (marks::time(alert.time)) " "
            span.dim { (marks::ago(alert.time)) }
        } }
        h1 { (alert.title) }
        (paragraphs(&whole, rule))
        div #triage data-live { (super::triage(&who, &path, alert.status)) }
        p.links {
            a href={ "/incidents/" (alert.incident_id) } { "Its incident" }
            " · " a href={ (path) "/tune" } { "Tune from this alert" }
            " · " a href={ "/rules/" (alert.slug) } { "Its rule" }
        }
        (both(&whole))
        (rests_on(&whole, rule))
        (evidence(alert, size))
        (similar(&whole))
        (super::comments(&who, &path, &whole.comments))
        details { summary { "The event as it was sent" } pre { code { (pretty(&whole.event)) } } }
    };
    Ok(Page {
        title: &alert.title,
        here: "/alerts",
        who: &who,
        body,
    }
    .show(&api))
}

/// The rule of an id, if it is still in force.
pub(in crate::console) fn rule<'a>(loaded: &'a Loaded, id: &str) -> Option<&'a Rule> {
    loaded.ruleset.rules().iter().find(|rule| *rule.id == *id)
}

fn read(conn: &rusqlite::Connection, id: &str) -> Result<Whole, store::Error> {
    let missing = || store::Error::Missing("alert with this id".to_owned());
    let alert = query::alert(conn, id)?.ok_or_else(missing)?;
    let line = query::line(conn, id)?.unwrap_or_default();
    let event: Value = serde_json::from_str(&line).unwrap_or(Value::Null);
    let filter = Filter {
        slugs: vec![alert.slug.clone()],
        ips: alert
            .src_ip
            .iter()
            .filter_map(|ip| ip.parse().ok())
            .collect(),
        ..Filter::default()
    };
    let mut similar = query::page(conn, &filter, None, SIMILAR.saturating_add(1))?.alerts;
    similar.retain(|one| one.alert_id != alert.alert_id);
    let device = |side: &str| -> Result<Option<Asset>, store::Error> {
        match event
            .pointer(&format!("/asset/{side}/id"))
            .and_then(Value::as_str)
        {
            Some(key) => assets::get(conn, key),
            None => Ok(None),
        }
    };
    Ok(Whole {
        comments: comments::of(conn, &format!("alert:{id}"))?,
        hits: hits(conn, &alert.slug)?,
        assets: [device("src")?, device("dest")?],
        similar,
        event,
        alert,
    })
}

/// What one rule found in a month, and what people judged.
pub(in crate::console) fn hits(
    conn: &rusqlite::Connection,
    slug: &str,
) -> Result<Precision, store::Error> {
    overview::of_rule(conn, slug, now().saturating_sub(THIRTY_DAYS))
}

fn paragraphs(whole: &Whole, rule: Option<&Rule>) -> Markup {
    let event = &whole.event;
    html! {
        div.six {
            (paragraph("Observed", &html! { (marks::prose(&whole.alert.explain)) "." (names(event)) }))
            (paragraph("Usual", &usual(whole, rule)))
            (paragraph("Why it matters", &matters(&whole.alert)))
            (paragraph("What we could not see", &unseen(event)))
            (paragraph("What to do", &html! { (marks::prose(event::ours(event, "what_to_do"))) (isolate(event)) }))
            (paragraph("Whom to call", &call(event)))
        }
    }
}

fn paragraph(name: &str, text: &Markup) -> Markup {
    html! { div { h2 { (name) } p { (text) } } }
}

/// What the inventory calls both.
fn names(event: &Value) -> Markup {
    let of = |side: &str| {
        event
            .pointer(&format!("/asset/{side}/name"))
            .and_then(Value::as_str)
    };
    html! {
        @for (side, address) in [("src", "src_ip"), ("dest", "dest_ip")] {
            @if let (Some(name), Some(ip)) = (of(side), event.get(address).and_then(Value::as_str)) {
                " " (ip) " is " strong { (name) } "."
            }
        }
    }
}

fn usual(whole: &Whole, rule: Option<&Rule>) -> Markup {
    let hits = &whole.hits;
    html! {
        @match hits.alerts {
            0 | 1 => "This rule told nothing else in 30 days.",
            count => { "This rule told " (marks::grouped(count)) " alerts in 30 days, "
                @match whole.similar.len() { 0 => "none of them of the same sender", _ => "some of them of the same sender" } "." }
        }
        @if let Some(share) = hits.share() { " Of those that were judged, " (marks::percent(share)) " were right." }
        @if let Some(rule) = rule.filter(|rule| !rule.false_positives.is_empty()) {
            " It may also be: " (rule.false_positives.trim_end_matches('.')) "."
        }
    }
}

fn matters(alert: &Alert) -> Markup {
    let bedside = match alert.clinical_impact {
        "direct" => "It can reach a patient at once: what a device was told may be wrong.",
        "likely" => "It is likely to disturb the care of patients.",
        "possible" => "It may disturb the care of patients.",
        _ => "No patient is touched by this itself.",
    };
    let about = match alert.category.as_str() {
        "phi" => "Data of patients may leave where they belong.",
        "reconnaissance" => "Somebody may be learning what there is before doing more.",
        "safety" | "pump" => {
            "A device was ordered something out of its limits, or by somebody unexpected."
        }
        "availability" => "A service that care depends on may fail.",
        "integrity" => "Data that care depends on may not be what they were.",
        _ => "It departs from what this network should carry.",
    };
    html! { (about) " " (bedside) }
}

fn unseen(event: &Value) -> Markup {
    let of = |name: &str| {
        event
            .pointer(&format!("/vitalwire/coverage/{name}"))
            .and_then(Value::as_u64)
    };
    html! {
        @match (of("window_s"), of("frames_seen"), of("frames_lost"), of("medical_gap_bytes")) {
            (Some(window), Some(seen), Some(0), Some(0)) => {
                "Nothing is missing: in the " (window) " s before, all " (marks::grouped(seen)) " frames were seen, without a gap in medical conversations."
            }
            (Some(window), Some(seen), Some(lost), gaps) => {
                "In the " (window) " s before, " (marks::grouped(lost)) " frames were lost of "
                (marks::grouped(seen.saturating_add(lost))) ", and " (marks::bytes(gaps.unwrap_or(0)))
                " are missing in medical conversations. There may be more than is told here."
            }
            _ => "It is not known how much was missed at the time.",
        }
        " Payload is not kept: only headers are evidence."
    }
}

fn isolate(event: &Value) -> Markup {
    let stays = event
        .pointer("/vitalwire/do_not_isolate")
        .and_then(Value::as_bool);
    html! { @if stays == Some(true) {
        " " strong { "Do not isolate: a life may depend on one of them. Call first." }
    } }
}

fn call(event: &Value) -> Markup {
    let people: Vec<(&str, String)> = ["dest", "src"]
        .into_iter()
        .filter_map(|side| {
            let of = |name: &str| {
                event
                    .pointer(&format!("/asset/{side}/{name}"))
                    .and_then(Value::as_str)
            };
            let parts: Vec<&str> = [of("owner"), of("phone"), of("unit")]
                .into_iter()
                .flatten()
                .collect();
            (!parts.is_empty()).then(|| {
                (
                    if side == "src" { "sender" } else { "receiver" },
                    parts.join(", "),
                )
            })
        })
        .collect();
    html! {
        @if people.is_empty() {
            "Nobody is named: " a href="/devices" { "import the hospital's list" } " with owners and phones."
        }
        @for (side, who) in people { "For the " (side) ": " strong { (who) } ". " }
    }
}

fn both(whole: &Whole) -> Markup {
    html! {
        h2 { "Both ends" }
        div.columns {
            @for (name, side, at) in [("Sender", "src", 0), ("Receiver", "dest", 1)] {
                div.card {
                    h3 { (name) }
                    (end(whole, side, whole.assets.get(at).and_then(Option::as_ref)))
                }
            }
        }
    }
}

fn end(whole: &Whole, side: &str, device: Option<&Asset>) -> Markup {
    let text = |path: &str| whole.event.pointer(path).map(event::text);
    let mut known: Vec<(String, Markup)> = Vec::new();
    for (name, path) in [
        ("address", format!("/{side}_ip")),
        ("port", format!("/{side}_port")),
        ("Ethernet", format!("/ether/{side}_mac")),
    ] {
        if let Some(value) = text(&path) {
            let shown = if name == "address" {
                html! { a.mono href={ "/alerts?ip=" (value) } { (value) } }
            } else {
                html! { span.mono { (value) } }
            };
            known.push((name.to_owned(), shown));
        }
    }
    for (name, value) in whole
        .event
        .pointer(&format!("/asset/{side}"))
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        known.push((name.replace('_', " "), html! { (event::text(value)) }));
    }
    html! {
        (table::pairs(known.iter().map(|(name, value)| (name.as_str(), value.clone()))))
        @match text(&format!("/{side}_ip")) {
            Some(ip) => p { a href={ "/devices/" (ip) } { "This device" }
                @if let Some(owner) = device.and_then(|device| device.owner.as_deref()) { ", of " (owner) } },
            None => p.dim { "It has no address." },
        }
    }
}

fn rests_on(whole: &Whole, rule: Option<&Rule>) -> Markup {
    html! {
        h2 { "What it rests on" }
        div.columns {
            div.card {
                h3 { "The rule's condition" }
                @match rule {
                    Some(rule) => {
                        pre.condition { code { (rule.when.trim()) } }
                        h3 { "The values that met it" }
                        (fields(&event::named(&rule.when, &whole.event)))
                    }
                    None => p { "The rule " code { (whole.alert.slug) } " is no longer in force." },
                }
            }
            div.card {
                h3 { "The event's fields" }
                (fields(&event::fields(&whole.event)))
                details { summary { "The flow" } (fields(&event::envelope(&whole.event))) }
            }
        }
    }
}

fn fields(all: &[(String, String)]) -> Markup {
    html! {
        @if all.is_empty() { p.dim { "None." } }
        dl.pairs.fields {
            @for (name, value) in all { dt.mono { (name) } dd { (marks::value(value)) } }
        }
    }
}

fn evidence(alert: &Alert, size: Option<u64>) -> Markup {
    html! {
        h2 { "Evidence" }
        @match size {
            Some(size) => p {
                a href={ "/api/v1/alerts/" (alert.alert_id) "/evidence.pcapng" } download { "The flow's headers as pcapng" }
                " (" (marks::bytes(size)) "), with its "
                a href={ "/api/v1/alerts/" (alert.alert_id) "/evidence" } { "manifest" }
                ". Each download is in the audit log."
            },
            None => p.dim { "There is none: this alert was not about a recognised medical flow, or its evidence has been deleted since." },
        }
    }
}

fn similar(whole: &Whole) -> Markup {
    html! {
        h2 { "Similar" }
        @if whole.similar.is_empty() { p.dim { "This rule told nothing else about this sender." } }
        @else { (super::list(&whole.similar, None)) }
    }
}

fn pretty(event: &Value) -> String {
    serde_json::to_string_pretty(event).unwrap_or_default()
}
