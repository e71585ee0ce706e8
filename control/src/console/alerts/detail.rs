//! One alert: six short paragraphs, then what they rest on.

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use rules::Rule;
use serde_json::Value;

use super::super::page::Page;
use super::super::stay::Stay;
use super::super::{marks, table, triage};
use super::event;
use crate::api::{self, Api, May, Path, Problem, permit};
use crate::inventory::{Entry, Now};
use crate::ruleset::Loaded;
use crate::store::preview::THIRTY_DAYS;
use crate::store::query::{self, Alert, Filter};
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
    /// What the hospital's list says now of both ends.
    listed: [Option<Entry>; 2],
}

/// An end of the event: its name there, and its place here.
const SRC: (&str, usize) = ("src", 0);
const DEST: (&str, usize) = ("dest", 1);

impl Whole {
    /// What was said of an end when the alert was told, else what the list says now.
    fn said(&self, (side, at): (&str, usize), name: &str) -> Option<String> {
        let path = format!("/vitalwire/asset/{side}/{name}");
        let then = self.event.pointer(&path).map(event::text);
        let listed = self.listed.get(at).and_then(Option::as_ref);
        let now = || {
            let listed = listed?;
            Some(match name {
                "name" => listed.name.clone(),
                "owner" => listed.owner.clone(),
                "phone" => listed.phone.clone(),
                "unit" => listed.unit.clone(),
                _ => return None,
            })
        };
        then.or_else(now).filter(|text| !text.is_empty())
    }

    fn address(&self, (side, _): (&str, usize)) -> Option<&str> {
        self.event.get(format!("{side}_ip"))?.as_str()
    }
}

pub(in crate::console) async fn show(
    State(api): State<Api>,
    who: May<permit::Read>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let responses = api::standings(&api, id.clone()).await?;
    let mut whole = api.read(move |conn| read(conn, &id)).await?;
    let devices = api.desk().devices().now();
    whole.listed = [SRC, DEST].map(|end| listed(&whole, end, &devices));
    let (_, loaded) = api.desk().in_force();
    let rule = rule(&loaded, &whole.alert.slug);
    let alert = &whole.alert;
    let path = format!("/alerts/{}", alert.alert_id);
    let stay = stay(&whole, &devices);
    let size = event::evidence(api.evidence_dir(), &alert.alert_id);
    let body = html! {
        div #state data-live { p {
            (marks::severity(alert.severity)) " " (marks::impact(alert.clinical_impact)) " "
            (super::status(alert.status, alert.verdict)) (stay) " · " (marks::time(alert.time)) " "
            span.dim { (marks::ago(alert.time)) }
        } }
        h1 { (alert.title) }
        (paragraphs(&whole, rule, stay))
        (super::responses::show(&who, &path, &responses, &devices))
        div #triage data-live { (triage::buttons(&who, &path, alert.status)) }
        p.links {
            a href={ "/incidents/" (alert.incident_id) } { "Its incident" }
            " · " a href={ (path) "/tune" } { "Tune from this alert" }
            " · " a href={ "/rules/" (alert.slug) } { "Its rule" }
            @if let Some(techniques) = techniques(&whole.event) { " · ATT&CK " span.mono { (techniques) } }
        }
        (both(&whole))
        (rests_on(&whole, rule))
        (evidence(alert, size))
        (similar(&whole, &devices))
        (triage::comments(&who, &path, &whole.comments))
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

fn techniques(event: &Value) -> Option<String> {
    let all = event.pointer("/vitalwire/attack")?.as_array()?;
    let all: Vec<&str> = all.iter().filter_map(Value::as_str).collect();
    (!all.is_empty()).then(|| all.join(", "))
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
    Ok(Whole {
        comments: comments::of(conn, &format!("alert:{id}"))?,
        hits: hits(conn, &alert.slug)?,
        listed: [None, None],
        similar,
        event,
        alert,
    })
}

/// What the list says of an end: of the device that the alert names, else of the address.
fn listed(whole: &Whole, end: (&str, usize), devices: &Now) -> Option<Entry> {
    let id = whole.said(end, "id");
    let known = id.and_then(|id| devices.get(id.parse().ok()?));
    let listed = match known {
        Some(known) => known.listed,
        None => devices.entry(whole.address(end)?.parse().ok()?),
    };
    listed.map(Entry::of)
}

/// What one rule found in a month, and what people judged.
pub(in crate::console) fn hits(
    conn: &rusqlite::Connection,
    slug: &str,
) -> Result<Precision, store::Error> {
    overview::of_rule(conn, slug, now().saturating_sub(THIRTY_DAYS))
}

fn paragraphs(whole: &Whole, rule: Option<&Rule>, stay: Stay) -> Markup {
    let event = &whole.event;
    html! {
        div.six {
            (paragraph("Observed", &html! { (marks::prose(&whole.alert.explain)) "." (names(whole)) }))
            (paragraph("Usual", &usual(whole, rule)))
            (paragraph("Why it matters", &matters(&whole.alert)))
            (paragraph("What we could not see", &unseen(event)))
            (paragraph("What to do", &html! { (marks::prose(event::ours(event, "what_to_do"))) (isolate(stay)) }))
            (paragraph("Whom to call", &call(whole)))
        }
    }
}

fn paragraph(name: &str, text: &Markup) -> Markup {
    html! { div { h2 { (name) } p { (text) } } }
}

/// What the hospital calls both, where the explanation does not.
fn names(whole: &Whole) -> Markup {
    html! {
        @for end in [SRC, DEST] {
            @if let (Some(name), Some(ip)) = (whole.said(end, "name"), whole.address(end)) {
                @if !whole.alert.explain.contains(&name) { " " (ip) " is " strong { (name) } "." }
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

/// Whether its devices have to stay: as the list says now, or the event said then.
fn stay(whole: &Whole, devices: &Now) -> Stay {
    let flags = ["life_support", "patient_connected"];
    let said = |end, flag: &str| whole.said(end, flag).as_deref() == Some("true");
    let then = [SRC, DEST]
        .into_iter()
        .any(|end| flags.iter().any(|flag| said(end, flag)));
    match super::stay(&whole.alert, devices) {
        Stay::Unknown if then => Stay::Vital,
        stay => stay,
    }
}

fn isolate(stay: Stay) -> Markup {
    html! { @match stay {
        Stay::No => {}
        Stay::Unknown => { " Call before you cut one of them off: nobody said what they are. "
            a href="/devices/list" { "Import the hospital's list" } "." }
        Stay::Vital => { " " strong { "Do not isolate: a life may depend on one of them. Call first." } }
    } }
}

fn call(whole: &Whole) -> Markup {
    let of = |end| {
        let parts = ["owner", "phone", "unit"].map(|name| whole.said(end, name));
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        Some(parts.join(", ")).filter(|who| !who.is_empty())
    };
    let contact = |name: &str| event::ours(&whole.event, &format!("contact/{name}"));
    let (name, phone) = (contact("name"), contact("phone"));
    let (sender, receiver) = (of(SRC), of(DEST));
    html! {
        @if let Some(who) = &receiver { "For the receiver: " strong { (who) } ". " }
        @if let Some(who) = &sender { "For the sender: " strong { (who) } ". " }
        @match (name, phone) {
            ("", "") if sender.is_none() && receiver.is_none() => {
                "Nobody is named: " a href="/devices/list" { "import the hospital's list" } " with owners and phones."
            }
            ("", "") => {}
            _ => { "First call: " strong { (name) @if !name.is_empty() && !phone.is_empty() { ", " } (phone) } "." }
        }
    }
}

fn both(whole: &Whole) -> Markup {
    html! {
        h2 { "Both ends" }
        div.columns {
            @for (name, of) in [("Sender", SRC), ("Receiver", DEST)] {
                div.card { h3 { (name) } (end(whole, of)) }
            }
        }
    }
}

fn end(whole: &Whole, of: (&str, usize)) -> Markup {
    let (side, _) = of;
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
        .pointer(&format!("/vitalwire/asset/{side}"))
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        known.push((name.replace('_', " "), html! { (event::text(value)) }));
    }
    html! {
        (table::pairs(known.iter().map(|(name, value)| (name.as_str(), value.clone()))))
        @match whole.said(of, "id").or_else(|| whole.address(of).map(str::to_owned)) {
            Some(id) => p { a href={ "/devices/" (id) } { "This device" }
                @if let Some(owner) = whole.said(of, "owner") { ", of " (owner) } },
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

fn similar(whole: &Whole, devices: &Now) -> Markup {
    html! {
        h2 { "Similar" }
        @if whole.similar.is_empty() { p.dim { "This rule told nothing else about this sender." } }
        @else { (super::list(&whole.similar, None, devices)) }
    }
}

fn pretty(event: &Value) -> String {
    serde_json::to_string_pretty(event).unwrap_or_default()
}
