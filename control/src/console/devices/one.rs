//! One device: everything that is known of it, and from where.

use std::net::IpAddr;

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};

use super::super::page::{self, Page};
use super::super::{alerts, marks, table};
use super::map;
use crate::api::{Api, May, Path, Problem, permit};
use crate::inventory::{Device, Entry, Now, Whole};
use crate::store::query::{self, Alert, Filter};

/// Alerts of a device that its page shows.
const ALERTS: u32 = 10;

pub(super) async fn show(
    State(api): State<Api>,
    who: May<permit::Read>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let now = api.desk().devices().now();
    if let Ok(ip) = id.parse() {
        return at(&api, &now, who, ip).await;
    }
    let known = id.parse().ok().and_then(|key| now.get(key));
    let known = known.ok_or_else(|| Problem::missing("device of this name"))?;
    let whole = Whole::of(known, &now);
    let addresses = addresses(&whole);
    let found = alerts_of(&api, addresses.clone()).await?;
    let device = &whole.device;
    let title = title(device);
    let body = html! {
        h1 { (title) }
        (first(device))
        (whose(device.listed.as_ref()))
        h2 { "Whom it talks to" }
        @if whole.peers.is_empty() { p.dim { "No conversation of it has been seen yet." } }
        @else { (map::show(device.ip.map_or_else(|| title.clone(), |ip| ip.to_string()).as_str(), &whole.peers)) }
        h2 { "Alerts" }
        (told(&found, &now, &addresses))
        h2 { "What is known, and from where" }
        (facts(&whole))
    };
    Ok(Page {
        title: &title,
        here: "/devices",
        who: &who,
        body,
    }
    .show(&api))
}

/// Whoever has an address now, else whoever had it, else what alerts and the list say of it.
async fn at(api: &Api, now: &Now, who: May<permit::Read>, ip: IpAddr) -> Result<Response, Problem> {
    if let Some(known) = now.at(ip).next() {
        return Ok(page::go(&format!("/devices/{}", known.asset.key)));
    }
    let found = alerts_of(api, vec![ip]).await?;
    let listed = now.entry(ip).map(Entry::of);
    if found.is_empty() && listed.is_none() {
        return Err(Problem::missing("device with this address"));
    }
    let name = listed.as_ref().map_or("", |listed| &listed.name);
    let body = html! {
        h1 { @if !name.is_empty() { (name) ", " } (ip) }
        p { "No device with this address is known: it was not seen, or long ago." }
        (whose(listed.as_ref()))
        h2 { "Alerts" }
        (told(&found, now, &[ip]))
    };
    Ok(Page {
        title: &ip.to_string(),
        here: "/devices",
        who: &who,
        body,
    }
    .show(api))
}

fn title(device: &Device) -> String {
    let address = device.ip.map(|ip| ip.to_string());
    let address = address.or_else(|| device.mac.clone());
    let address = address.unwrap_or_else(|| device.id.clone());
    match device.name() {
        "" => address,
        name => format!("{name}, {address}"),
    }
}

/// Every address that it has or had.
fn addresses(whole: &Whole) -> Vec<IpAddr> {
    let had = whole.facts.get("address").into_iter().flatten();
    let had = had.filter_map(|fact| fact.value.parse().ok());
    let mut all: Vec<IpAddr> = had.chain(whole.device.ip).collect();
    all.sort_unstable();
    all.dedup();
    all
}

async fn alerts_of(api: &Api, ips: Vec<IpAddr>) -> Result<Vec<Alert>, Problem> {
    if ips.is_empty() {
        return Ok(Vec::new());
    }
    let filter = Filter {
        ips,
        ..Filter::default()
    };
    let page = api.read(move |conn| query::page(conn, &filter, None, ALERTS));
    Ok(page.await?.alerts)
}

/// What it is, in short.
fn first(device: &Device) -> Markup {
    let or = |text: Option<&str>| html! { (text.unwrap_or("not said")) };
    let many =
        |all: &[String]| html! { @if all.is_empty() { "none seen" } @else { (all.join(", ")) } };
    let ethernet = html! { span.mono { (device.mac.as_deref().unwrap_or("not seen: it is behind a router")) }
    @if device.random_mac == Some(true) { ", made up by software" } };
    html! {
        div.columns {
            (table::pairs([
                ("Address", html! { span.mono { @match device.ip { Some(ip) => (ip), None => "none" } } }),
                ("Ethernet", ethernet),
                ("VLAN", html! { @match device.vlan { Some(vlan) => (vlan), None => "no tag" } }),
                ("Vendor", or(device.vendor)),
                ("First seen", marks::when(&device.first_seen)),
                ("Last seen", marks::when(&device.last_seen)),
            ]))
            (table::pairs([
                ("Manufacturer", or(device.manufacturer.as_deref())),
                ("Model", or(device.model.as_deref())),
                ("Serial", or(device.serial.as_deref())),
                ("Software", or(device.software.as_deref())),
                ("Does", html! { @match device.does().as_str() { "" => "nothing seen yet", does => (does) } }),
                ("Speaks", many(&device.protocols)),
            ]))
        }
    }
}

/// What the hospital's list says.
fn whose(listed: Option<&Entry>) -> Markup {
    let Some(listed) = listed else {
        return html! {
            h2 { "Whose it is" }
            p { "It is not in " a href="/devices/list" { "the hospital's list" }
                ": nobody said what it is, so no response touches it without clinical engineering." }
        };
    };
    let said = |text: &str| html! { @if text.is_empty() { "not said" } @else { (text) } };
    let life = match listed.life_support {
        Some(true) => "yes",
        Some(false) => "no",
        None => "not said",
    };
    html! {
        h2 { "Whose it is" }
        @if listed.do_not_isolate {
            p { strong { "Do not isolate it: " } (why(listed)) " Call first: "
                strong { (said(&listed.owner)) ", " (said(&listed.phone)) } "." }
        }
        (table::pairs([
            ("Name", said(&listed.name)), ("Role", said(&listed.roles.join(", "))), ("Unit", said(&listed.unit)),
            ("Owner", said(&listed.owner)), ("Phone", said(&listed.phone)), ("Criticality", said(&listed.criticality)),
            ("A life depends on it", html! { (life) }),
            ("At a patient", html! { @if listed.patient_connected { "yes" } @else { "no" } }),
            ("Where this is said", html! { a href="/devices/list" { "the hospital's list" } ", line " (listed.line) }),
        ]))
    }
}

fn why(listed: &Entry) -> &'static str {
    match (listed.life_support, listed.patient_connected) {
        (Some(true), _) => "a life depends on it.",
        (_, true) => "it is connected to a patient.",
        _ => "the list does not say what it is.",
    }
}

fn told(found: &[Alert], now: &Now, addresses: &[IpAddr]) -> Markup {
    let ips: Vec<String> = addresses.iter().map(IpAddr::to_string).collect();
    html! {
        @if found.is_empty() { p.dim { "None." } } @else {
            (alerts::list(found, None, now))
            p { a href={ "/alerts?ip=" (ips.join(",")) } { "All alerts of this device" } }
        }
    }
}

fn facts(whole: &Whole) -> Markup {
    html! {
        @if whole.facts.is_empty() { p.dim { "It was seen, and said nothing of itself." } } @else {
            div.scroll tabindex="0" role="region" aria-label="What is known" { table.rows {
                thead { tr { th { "What" } th { "Value" } th { "Source" } th.number { "Frame" } th { "Its address then" } th { "First told" } th { "Last told" } } }
                tbody { @for (kind, facts) in &whole.facts { @for fact in facts { tr {
                    td { (kind.replace('_', " ")) }
                    td.wide { (marks::value(&fact.value)) }
                    td.mono { (fact.source) }
                    td.number { @if let Some(frame) = fact.frame { (marks::grouped(frame)) } }
                    td.mono { @if let Some(ip) = fact.ip { (ip) } }
                    td { (marks::when(&fact.first_seen)) }
                    td { (marks::when(&fact.last_seen)) }
                } } } }
            } }
        }
    }
}
