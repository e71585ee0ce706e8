//! Network: where are we blind, who talks to whom between zones, what was lost and why.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use maud::{Markup, html};

use super::page::Page;
use super::table::{Column, Table, Value};
use super::view::View;
use super::{marks, now, strip, table};
use crate::api::{Api, May, Problem, permit};
use crate::inventory::Now;
use crate::ledger::{self, Loss};
use crate::seen::{Flow, State as Seen};
use crate::store::views::findings::{self, Finding};

/// Zones of the matrix: the busiest.
const ZONES_MAX: usize = 12;
/// Seconds that the doctor listens before it judges.
const LISTENS: usize = 10;
/// Conversations that are shown: those with most bytes, or whatever one sorts by.
const TALKERS_MAX: usize = 20;

pub(super) fn routes() -> Router<Api> {
    Router::new()
        .route("/network", get(show))
        .route("/protocols.csv", get(protocols_csv))
        .route("/talkers.csv", get(talkers_csv))
        .route("/losses.csv", get(losses_csv))
}

/// A protocol, its flows and their bytes.
type Protocol = (String, u64, u64);
/// Who opened, whom, in which protocol, and what came of it.
type Talker = (Host, Host, String, Flow);

/// Who talks: an address, and what the hospital calls it.
struct Host {
    ip: IpAddr,
    name: String,
}

impl Host {
    /// Of this address; of those that are shown the name is looked up.
    const fn at(ip: IpAddr) -> Self {
        let name = String::new();
        Self { ip, name }
    }

    fn called(&mut self, devices: &Now) {
        self.name = devices.name(self.ip).unwrap_or_default().to_owned();
    }

    fn value(&self) -> Value {
        Value::Address(self.ip)
    }

    fn shown(&self) -> Markup {
        html! { @if !self.name.is_empty() { (self.name) " " } (marks::device(&self.ip.to_string())) }
    }
}

const PROTOCOLS: Table<'static, Protocol> = Table {
    name: "Protocols",
    by: "protocols",
    usual: "-bytes",
    csv: "/protocols.csv",
    columns: &[
        Column::<Protocol>::of("protocol", "Protocol", |row| Value::text(&row.0)),
        Column::<Protocol>::number("flows", "Flows", |row| Value::Count(row.1)),
        Column::<Protocol>::number("bytes", "Volume", |row| Value::Count(row.2))
            .shown(|row| volume(row.2)),
    ],
    href: |_| None,
};

const TALKERS: Table<'static, Talker> = Table {
    name: "Top talkers",
    by: "talkers",
    usual: "-bytes",
    csv: "/talkers.csv",
    columns: &[
        Column::<Talker>::of("from", "From", |row| row.0.value()).shown(|row| row.0.shown()),
        Column::<Talker>::of("to", "To", |row| row.1.value()).shown(|row| row.1.shown()),
        Column::<Talker>::of("protocol", "Protocol", |row| Value::text(&row.2)),
        Column::<Talker>::number("flows", "Flows", |row| Value::Count(row.3.flows)),
        Column::<Talker>::number("bytes", "Volume", |row| Value::Count(row.3.bytes))
            .shown(|row| volume(row.3.bytes)),
        Column::<Talker>::number("missing", "Not seen", |row| Value::Count(row.3.gaps))
            .shown(|row| unseen(row.3.gaps)),
    ],
    href: |row| Some(format!("/devices/{}", row.0.ip)),
};

const LOSSES: Table<'static, Loss> = Table {
    name: "Losses",
    by: "losses",
    usual: "-count",
    csv: "/losses.csv",
    columns: &[
        Column::<Loss>::of("where", "Where", |row| Value::text(&row.stage)),
        Column::<Loss>::of("why", "Why", |row| Value::text(&row.cause)),
        Column::<Loss>::number("count", "How many", |row| Value::Count(row.count)),
        Column::<Loss>::of("of", "Of what", |row| Value::text(row.help)).class("wide"),
    ],
    href: |_| None,
};

fn volume(bytes: u64) -> Markup {
    html! { (marks::bytes(bytes)) }
}

fn unseen(bytes: u64) -> Markup {
    html! { @if bytes > 0 { span.lost { (marks::bytes(bytes)) } } @else { "0" } }
}

/// A VLAN where it is known, else the network that an address is usually in, by its first address.
#[derive(Clone, Copy, Eq, Ord, PartialEq, PartialOrd)]
enum Zone {
    Vlan(u16),
    Network(IpAddr),
}

impl Zone {
    fn of(devices: &Now, ip: IpAddr) -> Self {
        let vlan = devices.at(ip).next().map(|known| known.asset.key.vlan());
        match (vlan.filter(|vlan| *vlan != 0), ip) {
            (Some(vlan), _) => Self::Vlan(vlan),
            (None, IpAddr::V4(ip)) => Self::Network((ip & Ipv4Addr::new(255, 255, 255, 0)).into()),
            (None, IpAddr::V6(ip)) => {
                let [a, b, c, d, ..] = ip.segments();
                Self::Network(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into())
            }
        }
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Vlan(vlan) => write!(f, "VLAN {vlan}"),
            Self::Network(ip) => write!(f, "{ip}/{}", if ip.is_ipv4() { 24 } else { 64 }),
        }
    }
}

/// What the page needs of what was seen.
#[derive(Default)]
struct Traffic {
    zones: Vec<Zone>,
    volumes: BTreeMap<(Zone, Zone), u64>,
    protocols: Vec<Protocol>,
    talkers: Vec<Talker>,
    cut: u64,
}

fn traffic(seen: &Seen, devices: &Now) -> Traffic {
    let mut volumes: BTreeMap<(Zone, Zone), u64> = BTreeMap::new();
    let mut of_zone: BTreeMap<Zone, u64> = BTreeMap::new();
    let mut protocols: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    let mut talkers = Vec::new();
    for ((from, to, protocol), flow) in &seen.links {
        let ends = (Zone::of(devices, *from), Zone::of(devices, *to));
        for end in [ends.0, ends.1] {
            let sum = of_zone.entry(end).or_default();
            *sum = sum.saturating_add(flow.bytes);
        }
        let volume = volumes.entry(ends).or_default();
        *volume = volume.saturating_add(flow.bytes);
        let sum = protocols.entry(protocol).or_default();
        *sum = (
            sum.0.saturating_add(flow.flows),
            sum.1.saturating_add(flow.bytes),
        );
        let hosts = (Host::at(*from), Host::at(*to));
        talkers.push((hosts.0, hosts.1, protocol.clone(), flow.clone()));
    }
    let mut zones: Vec<(Zone, u64)> = of_zone.into_iter().collect();
    zones.sort_by_key(|one| std::cmp::Reverse(one.1));
    let mut zones: Vec<Zone> = zones
        .into_iter()
        .take(ZONES_MAX)
        .map(|(zone, _)| zone)
        .collect();
    zones.sort();
    let protocols = protocols.into_iter();
    let protocols = protocols
        .map(|(name, (flows, bytes))| (name.to_owned(), flows, bytes))
        .collect();
    Traffic {
        zones,
        volumes,
        protocols,
        talkers,
        cut: seen.cut,
    }
}

/// What was seen, sorted as the address says.
fn look(api: &Api, view: &View) -> Traffic {
    let devices = api.desk().devices().now();
    let mut traffic = api.desk().seen().look(|seen| traffic(seen, &devices));
    TALKERS.sort(view, &mut traffic.talkers);
    traffic.talkers.truncate(TALKERS_MAX);
    for (from, to, ..) in &mut traffic.talkers {
        from.called(&devices);
        to.called(&devices);
    }
    PROTOCOLS.sort(view, &mut traffic.protocols);
    traffic
}

fn losses(api: &Api, view: &View) -> Vec<Loss> {
    let mut losses = ledger::losses(&api.health().snapshot());
    LOSSES.sort(view, &mut losses);
    losses
}

async fn talkers_csv(
    State(api): State<Api>,
    _: May<permit::Read>,
    view: View,
) -> Result<Response, Problem> {
    Ok(TALKERS.download(&look(&api, &view).talkers))
}

async fn protocols_csv(
    State(api): State<Api>,
    _: May<permit::Read>,
    view: View,
) -> Result<Response, Problem> {
    Ok(PROTOCOLS.download(&look(&api, &view).protocols))
}

async fn losses_csv(
    State(api): State<Api>,
    _: May<permit::Read>,
    view: View,
) -> Result<Response, Problem> {
    Ok(LOSSES.download(&losses(&api, &view)))
}

async fn show(
    State(api): State<Api>,
    who: May<permit::Read>,
    view: View,
) -> Result<Response, Problem> {
    let found = api.read(|conn| findings::list(conn, None)).await?;
    let traffic = look(&api, &view);
    let snapshot = api.health().snapshot();
    let losses = losses(&api, &view);
    let seconds = api.health().pulse();
    let body = html! {
        h1 { "Where are we blind?" }
        (doctor(&api, &found))
        div.charts #pulse data-live {
            (now::minutes(&seconds, "frames", "Packets", "", |second| second.frames))
            (now::minutes(&seconds, "lost", "Lost frames", "loss", |second| second.lost))
            (now::minutes(&seconds, "gaps", "Missing bytes", "loss", |second| second.gaps))
        }
        h2 { "Loss ledger" }
        div #ledger data-live { (ledger_of(&view, snapshot.total(ledger::FRAMES_READ), ledger::frames_done(&snapshot), &losses)) }
        h2 { "Who talks to whom" }
        div #zones data-live { (matrix(&traffic)) }
        div.columns {
            div { h2 { "Protocols" } (PROTOCOLS.show(&view, &traffic.protocols)) }
            div { h2 { "Top talkers" } (TALKERS.show(&view, &traffic.talkers)) }
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

/// Why it is not known whether the mirror is a good one, if nothing is wrong with it.
pub(super) fn unjudged(api: &Api) -> Option<&'static str> {
    if strip::replayed(api) {
        return Some("Captures are read: there is no mirror to judge.");
    }
    let listened = api.health().pulse().len();
    (listened <= LISTENS).then_some("The doctor has not listened for ten seconds yet.")
}

fn doctor(api: &Api, found: &[Finding]) -> Markup {
    let open: Vec<&Finding> = found.iter().filter(|one| one.state == "open").collect();
    html! {
        section #doctor data-live aria-labelledby="doctor-title" {
            h2 #doctor-title { "The doctor's findings" }
            @if let Some(why) = api.blind() { div.wrong { p { strong { "Blind: " (why) } } } }
            @if open.is_empty() {
                (table::empty(&html! { p { strong { (unjudged(api).unwrap_or("Nothing is wrong with the mirror.")) } " "
                    @if found.is_empty() { "It found nothing since the store began." } @else { (found.len()) " findings are over." }
                    " " code { "vitalwire doctor" } " looks closer at one interface." } }))
            }
            @for one in open { div.card {
                p { (marks::severity(one.severity)) " " strong { (one.name) } " on " (one.subject) " since " (marks::when(&one.first_seen)) }
                p { (one.explain) } p { "What to do: " (one.what_to_do) }
            } }
        }
    }
}

fn ledger_of(view: &View, read: u64, done: u64, losses: &[Loss]) -> Markup {
    html! {
        p { "Read " strong { (marks::grouped(read)) } " frames, done with " strong { (marks::grouped(done)) } ", since the start." }
        @if losses.is_empty() { p { "Nothing was lost, and nothing could not be read." } } @else {
            (LOSSES.show(view, losses))
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
                        td.seen { @if let Some(volume) = traffic.volumes.get(&(*from, *to)) {
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
