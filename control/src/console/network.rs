//! Network: where are we blind, who talks to whom between zones, what was lost and why.

use std::collections::BTreeMap;
use std::net::IpAddr;

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use maud::{Markup, html};

use super::page::Page;
use super::{marks, now, table};
use crate::api::{Api, May, Problem, permit};
use crate::ledger::{self, Loss};
use crate::seen::State as Seen;
use crate::store::views::findings::{self, Finding};

/// Zones of the matrix: the busiest.
const ZONES_MAX: usize = 12;
const TALKERS_MAX: usize = 15;

pub(super) fn routes() -> Router<Api> {
    Router::new().route("/network", get(show))
}

/// What the page needs of what was seen.
#[derive(Default)]
struct Traffic {
    zones: Vec<String>,
    volumes: BTreeMap<(String, String), u64>,
    protocols: Vec<(String, u64, u64)>,
    talkers: Vec<(IpAddr, IpAddr, String, u64)>,
    cut: u64,
}

/// A VLAN where it is known, else the network that an address is usually in.
fn zone(seen: &Seen, ip: IpAddr) -> String {
    if let Some(vlan) = seen.hosts.get(&ip).and_then(|host| host.vlan) {
        return format!("VLAN {vlan}");
    }
    match ip {
        IpAddr::V4(ip) => {
            let [a, b, c, _] = ip.octets();
            format!("{a}.{b}.{c}.0/24")
        }
        IpAddr::V6(ip) => {
            let [a, b, c, d, ..] = ip.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    }
}

fn traffic(seen: &Seen) -> Traffic {
    let mut volumes: BTreeMap<(String, String), u64> = BTreeMap::new();
    let mut of_zone: BTreeMap<String, u64> = BTreeMap::new();
    let mut protocols: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    let mut talkers = Vec::new();
    for ((from, to, protocol), flow) in &seen.links {
        let ends = (zone(seen, *from), zone(seen, *to));
        for end in [&ends.0, &ends.1] {
            let sum = of_zone.entry(end.clone()).or_default();
            *sum = sum.saturating_add(flow.bytes);
        }
        let volume = volumes.entry(ends).or_default();
        *volume = volume.saturating_add(flow.bytes);
        let sum = protocols.entry(protocol).or_default();
        *sum = (
            sum.0.saturating_add(flow.flows),
            sum.1.saturating_add(flow.bytes),
        );
        talkers.push((*from, *to, protocol.clone(), flow.bytes));
    }
    talkers.sort_by_key(|one| std::cmp::Reverse(one.3));
    talkers.truncate(TALKERS_MAX);
    let mut zones: Vec<(String, u64)> = of_zone.into_iter().collect();
    zones.sort_by_key(|one| std::cmp::Reverse(one.1));
    let mut zones: Vec<String> = zones
        .into_iter()
        .take(ZONES_MAX)
        .map(|(zone, _)| zone)
        .collect();
    zones.sort();
    let mut protocols: Vec<(String, u64, u64)> = protocols
        .into_iter()
        .map(|(name, (flows, bytes))| (name.to_owned(), flows, bytes))
        .collect();
    protocols.sort_by_key(|one| std::cmp::Reverse(one.2));
    Traffic {
        zones,
        volumes,
        protocols,
        talkers,
        cut: seen.cut,
    }
}

async fn show(State(api): State<Api>, who: May<permit::Read>) -> Result<Response, Problem> {
    let found = api.read(|conn| findings::list(conn, None)).await?;
    let traffic = api.desk().seen().look(traffic);
    let snapshot = api.health().snapshot();
    let losses = ledger::losses(&snapshot);
    let seconds = api.health().pulse();
    let body = html! {
        h1 { "Where are we blind?" }
        (doctor(&api, &found))
        div.charts #pulse data-live {
            (now::minutes(&seconds, "frames", "Packets", "", |second| second.frames))
            (now::minutes(&seconds, "lost", "Lost frames", "loss", |second| second.lost))
            (now::minutes(&seconds, "gaps", "Bytes missing in streams", "loss", |second| second.gaps))
        }
        h2 { "Loss ledger" }
        div #ledger data-live { (ledger_of(snapshot.total(ledger::FRAMES_READ), ledger::frames_done(&snapshot), &losses)) }
        h2 { "Who talks to whom" }
        div #zones data-live { (matrix(&traffic)) }
        div.columns {
            div { h2 { "Protocols" } (protocols(&traffic)) }
            div { h2 { "Top talkers" } (talkers(&traffic)) }
        }
    };
    Ok(Page {
        title: "Network",
        here: "/network",
        who: &who,
        body,
    }
    .show(&api))
}

fn doctor(api: &Api, found: &[Finding]) -> Markup {
    let open: Vec<&Finding> = found.iter().filter(|one| one.state == "open").collect();
    html! {
        section #doctor data-live aria-labelledby="doctor-title" {
            h2 #doctor-title { "The doctor's findings" }
            @if let Some(why) = api.blind() { div.wrong { p { strong { "Blind: " (why) } } } }
            @if open.is_empty() {
                (table::empty(&html! { p { strong { "Nothing is wrong with the mirror." } " "
                    @if found.is_empty() { "Nothing was since the start of the store." } @else { (found.len()) " findings are over." }
                    " " code { "vitalwire doctor" } " looks closer at one interface." } }))
            }
            @for one in open { div.card {
                p { (marks::severity(one.severity)) " " strong { (one.name) } " on " (one.subject) " since " (marks::when(&one.first_seen)) }
                p { (one.explain) } p { "What to do: " (one.what_to_do) }
            } }
        }
    }
}

fn ledger_of(read: u64, done: u64, losses: &[Loss]) -> Markup {
    html! {
        p { "Read " strong { (marks::grouped(read)) } " frames, done with " strong { (marks::grouped(done)) } ", since the start." }
        @if losses.is_empty() { p { "Nothing was lost, and nothing could not be read." } } @else {
            div.scroll tabindex="0" role="region" aria-label="Losses" { table.rows {
                thead { tr { th { "Where" } th { "Why" } th.number { "How many" } th { "Of what" } } }
                tbody { @for loss in losses { tr {
                    td { (loss.stage) } td { (loss.cause) } td.number { (marks::grouped(loss.count)) } td.wide { (loss.help) }
                } } }
            } }
        }
    }
}

/// Rows open, columns answer; a dot's area is the volume.
#[expect(clippy::cast_precision_loss, reason = "for a drawing")]
fn matrix(traffic: &Traffic) -> Markup {
    let most = traffic.volumes.values().max().copied().unwrap_or(1).max(1) as f64;
    html! {
        @if traffic.zones.is_empty() {
            (table::empty(&html! { p { strong { "No conversation has ended yet." } " Zones are VLANs, or networks of 256 addresses where frames carry no tag." } }))
        } @else {
            p.dim { "Rows open, columns answer. A dot's area is the volume since the start." }
            div.scroll tabindex="0" role="region" aria-label="Zones" { table {
                thead { tr { th { "From \\ to" } @for to in &traffic.zones { th.mono scope="col" { (to) } } } }
                tbody { @for from in &traffic.zones { tr {
                    th.mono scope="row" { (from) }
                    @for to in &traffic.zones {
                        td.seen { @if let Some(volume) = traffic.volumes.get(&(from.clone(), to.clone())) {
                            svg width="26" height="26" viewBox="0 0 26 26" aria-hidden="true" {
                                circle.dot cx="13" cy="13" r=(format!("{:.1}", ((*volume as f64 / most).sqrt() * 12.0).max(1.5))) {}
                            }
                            span.number { (marks::bytes(*volume)) }
                        } }
                    }
                } } }
            } }
            @if traffic.cut > 0 { p.dim { (marks::grouped(traffic.cut)) " more found no room in this view." } }
        }
    }
}

fn protocols(traffic: &Traffic) -> Markup {
    html! { table {
        thead { tr { th { "Protocol" } th.number { "Flows" } th.number { "Bytes" } } }
        tbody { @for (name, flows, bytes) in &traffic.protocols { tr {
            td { (name) } td.number { (marks::grouped(*flows)) } td.number { (marks::bytes(*bytes)) }
        } } }
    } }
}

fn talkers(traffic: &Traffic) -> Markup {
    html! { div.scroll tabindex="0" role="region" aria-label="Top talkers" { table {
        thead { tr { th { "From" } th { "To" } th { "Protocol" } th.number { "Bytes" } } }
        tbody { @for (from, to, protocol, bytes) in &traffic.talkers { tr {
            td.mono { a href={ "/devices/" (from) } { (from) } } td.mono { a href={ "/devices/" (to) } { (to) } }
            td { (protocol) } td.number { (marks::bytes(*bytes)) }
        } } }
    } } }
}
