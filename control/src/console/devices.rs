//! Devices: what each is, whose it is, whom it talks to, and where each of these comes from.

use std::net::IpAddr;

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use maud::{Markup, html};

use super::page::Page;
use super::view::View;
use super::{alerts, marks, table};
use crate::api::{Api, May, Path, Problem, permit};
use crate::seen::{Flow, Host};
use crate::store::query::{self, Filter};
use crate::store::views::assets::{self, Asset};

/// On a page.
const PAGE: usize = 100;
/// Peers of a device.
const PEERS_MAX: usize = 200;
/// Alerts of a device.
const ALERTS: u32 = 10;
/// Of the hospital's list, what is looked through.
const LISTED_MAX: u32 = 1_000;

pub(super) fn routes() -> Router<Api> {
    Router::new()
        .route("/devices", get(show_all))
        .route("/devices/{ip}", get(show))
}

/// A fact about a host, or nothing.
pub(super) fn fact<'a>(host: &'a Host, name: &str) -> &'a str {
    host.facts.get(name).map_or("", |fact| fact.value.as_str())
}

fn wanted(ip: &IpAddr, host: &Host, words: &str) -> bool {
    let facts: Vec<&str> = host
        .facts
        .values()
        .map(|fact| fact.value.as_str())
        .collect();
    let protocols: Vec<&str> = host.protocols.keys().map(String::as_str).collect();
    let text = format!(
        "{ip} {} {} {}",
        host.mac,
        facts.join(" "),
        protocols.join(" ")
    )
    .to_lowercase();
    words.split_whitespace().all(|word| text.contains(word))
}

async fn show_all(
    State(api): State<Api>,
    who: May<permit::Read>,
    view: View,
) -> Result<Response, Problem> {
    let words = view.get("q").to_lowercase();
    let skip: usize = view.get("cursor").parse().unwrap_or(0);
    let (count, found) = api.desk().seen().look(|seen| {
        let all = seen
            .hosts
            .iter()
            .filter(|(ip, host)| wanted(ip, host, &words));
        let found: Vec<(IpAddr, Host)> = all
            .clone()
            .skip(skip)
            .take(PAGE)
            .map(|(ip, host)| (*ip, host.clone()))
            .collect();
        (all.count(), found)
    });
    let next = skip.saturating_add(found.len());
    let body = html! {
        h1 { (marks::grouped(u64::try_from(count).unwrap_or(0))) " devices" }
        form.search method="get" action="/devices" role="search" {
            label { span.hidden { "Words about devices" }
                input #search type="search" name="q" value=(view.get("q")) placeholder="an address, a name, a vendor, a protocol"; }
            button { "Search" }
            @if !view.is_plain() { a href="/devices" { "Everything" } }
        }
        div #rows data-live {
            @if found.is_empty() { (nothing(&view)) } @else { (list(&found)) }
        }
        @if next < count { p { a href=(view.with("cursor", &next.to_string())) rel="next" { "More" } } }
    };
    Ok(Page {
        title: "Devices",
        here: "/devices",
        who: &who,
        body,
    }
    .show(&api))
}

fn nothing(view: &View) -> Markup {
    table::empty(&html! {
        @if view.is_plain() {
            p { strong { "No device was seen since the start." } " Devices appear when they talk. If the mirror is on, look at "
                a href="/network" { "the doctor's findings" } "." }
        } @else { p { strong { "No device is like this." } " Search for less." } }
    })
}

fn list(all: &[(IpAddr, Host)]) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label="Devices" { table.rows {
            thead { tr { th { "Address" } th { "Name" } th { "What it is" } th { "Vendor" } th { "Speaks" } th { "First seen" } th { "Last seen" } } }
            tbody { @for (ip, host) in all { tr data-href={ "/devices/" (ip) } {
                td.mono { a href={ "/devices/" (ip) } { (ip) } }
                td { (fact(host, "name")) }
                td { (kind(host)) }
                td { (fact(host, "vendor")) }
                td { @for name in host.protocols.keys() { (name) " " } }
                td { (marks::when(&host.first)) }
                td { (marks::when(&host.last)) }
            } } }
        } }
    }
}

fn kind(host: &Host) -> String {
    let parts = ["roles", "manufacturer", "model", "functions"].map(|name| fact(host, name));
    let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join(", ")
}

async fn show(
    State(api): State<Api>,
    who: May<permit::Read>,
    Path(ip): Path<String>,
) -> Result<Response, Problem> {
    let ip: IpAddr = ip
        .parse()
        .map_err(|_| Problem::missing("device with this address"))?;
    let (host, peers) = api.desk().seen().look(|seen| {
        let peers = seen
            .links
            .iter()
            .filter(|((a, b, _), _)| *a == ip || *b == ip)
            .take(PEERS_MAX);
        let peers: Vec<(bool, IpAddr, String, Flow)> = peers
            .map(|((a, b, protocol), flow)| {
                (
                    *a == ip,
                    if *a == ip { *b } else { *a },
                    protocol.clone(),
                    flow.clone(),
                )
            })
            .collect();
        (seen.hosts.get(&ip).cloned(), peers)
    });
    let (listed, found) = api
        .read(move |conn| {
            let text = ip.to_string();
            let listed = assets::page(conn, &text, None, LISTED_MAX)?;
            let listed = listed
                .into_iter()
                .find(|one| one.ip.as_deref() == Some(text.as_str()));
            let filter = Filter {
                ips: vec![ip],
                ..Filter::default()
            };
            Ok((listed, query::page(conn, &filter, None, ALERTS)?.alerts))
        })
        .await?;
    if host.is_none() && listed.is_none() && found.is_empty() {
        return Err(Problem::missing("device with this address"));
    }
    let name = host.as_ref().map_or("", |host| fact(host, "name"));
    let body = html! {
        h1 { @if !name.is_empty() { (name) ", " } (ip) }
        @if let Some(host) = &host { (known(host)) } @else { p { "It has not talked since the appliance started." } }
        @if let Some(listed) = &listed { (in_list(listed)) }
        h2 { "Whom it talks to" }
        (talks(ip, &peers))
        h2 { "Alerts" }
        @if found.is_empty() { p.dim { "None." } } @else {
            (alerts::list(&found, None))
            p { a href={ "/alerts?ip=" (ip) } { "All alerts of this device" } }
        }
    };
    Ok(Page {
        title: &ip.to_string(),
        here: "/devices",
        who: &who,
        body,
    }
    .show(&api))
}

fn known(host: &Host) -> Markup {
    html! {
        h2 { "What is known, and from where" }
        div.scroll tabindex="0" role="region" aria-label="What is known" { table {
            thead { tr { th { "What" } th { "Value" } th { "Source" } th { "Since" } } }
            tbody {
                tr { td { "Ethernet" } td.mono { (host.mac) } td.dim { "frames; a router's, if it is not in this VLAN" } td { (marks::when(&host.first)) } }
                @if let Some(vlan) = host.vlan { tr { td { "VLAN" } td { (vlan) } td.dim { "frames" } td { (marks::when(&host.first)) } } }
                tr { td { "speaks" } td { @for (name, count) in &host.protocols { (name) " (" (marks::grouped(*count)) ") " } } td.dim { "events" } td { (marks::when(&host.first)) } }
                @for (name, fact) in &host.facts { tr {
                    td { (name.replace('_', " ")) } td.wide { (marks::value(&fact.value)) } td.mono.dim { (fact.source) } td { (marks::when(&fact.time)) }
                } }
            }
        } }
    }
}

fn in_list(listed: &Asset) -> Markup {
    let text = |value: &Option<String>| html! { (value.as_deref().unwrap_or("not said")) };
    html! {
        h2 { "In the hospital's list" }
        (table::pairs([
            ("Name", text(&listed.name)), ("Owner", text(&listed.owner)), ("Phone", text(&listed.phone)),
            ("Unit", text(&listed.unit)), ("Role", text(&listed.role)), ("Criticality", text(&listed.criticality)),
        ]))
        @if listed.life_support || listed.patient_connected { p { strong { "A patient depends on it: do not isolate it." } } }
    }
}

fn talks(ip: IpAddr, peers: &[(bool, IpAddr, String, Flow)]) -> Markup {
    html! {
        @if peers.is_empty() { p.dim { "No conversation of it has ended yet." } } @else {
            (drawn(ip, peers))
            div.scroll tabindex="0" role="region" aria-label="Peers" { table.rows {
                thead { tr { th { "Peer" } th { "Who opened" } th { "Protocol" } th.number { "Flows" } th.number { "Bytes" } th.number { "Missing" } th { "Last" } } }
                tbody { @for (opened, peer, protocol, flow) in peers { tr data-href={ "/devices/" (peer) } {
                    td.mono { a href={ "/devices/" (peer) } { (peer) } }
                    td { @if *opened { "this device" } @else { "the peer" } }
                    td { (protocol) }
                    td.number data-name="flows" { (marks::grouped(flow.flows)) }
                    td.number { (marks::bytes(flow.bytes)) }
                    td.number data-name="missing" { (marks::bytes(flow.gaps)) }
                    td { (marks::when(&flow.last)) }
                } } }
            } }
        }
    }
}

/// Peers on the right, one line each, as thick as their volume; the table says the same.
#[expect(clippy::cast_precision_loss, reason = "for a drawing")]
fn drawn(ip: IpAddr, peers: &[(bool, IpAddr, String, Flow)]) -> Markup {
    let shown: Vec<_> = peers.iter().take(12).collect();
    let height = shown.len().max(1) as f64 * 22.0 + 6.0;
    let middle = height / 2.0;
    html! {
        svg.map viewBox={ "0 0 560 " (height) } role="img" aria-labelledby="map-t map-d" {
            title #map-t { "Peers of " (ip) }
            desc #map-d { (peers.len()) " conversations; the table below has all of them." }
            text x="4" y=(middle + 4.0) { (ip) }
            @for (at, (_, peer, protocol, flow)) in shown.iter().enumerate() {
                @let y = at as f64 * 22.0 + 14.0;
                line.link x1="150" y1=(middle) x2="330" y2=(y) stroke-width=(format!("{:.1}", (flow.bytes as f64 + 1.0).log10().max(1.0) / 1.6)) {}
                text x="336" y=(y + 4.0) { (peer) ", " (protocol) ", " (marks::bytes(flow.bytes)) }
            }
        }
    }
}
