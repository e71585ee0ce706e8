//! The peers of a device, drawn: who asks it on the left, whom it asks on the right.

use std::collections::BTreeMap;
use std::net::IpAddr;

use maud::{Markup, html};

use super::super::marks;
use crate::inventory::Peer;

/// Peers that are drawn on each side; the data has all.
const DRAWN_MAX: usize = 10;
/// Geometry, in the drawing's own units.
const ROW: f64 = 24.0;
const WIDTH: f64 = 760.0;
const LEFT: f64 = 250.0;
const RIGHT: f64 = 510.0;
const HALF: f64 = 48.0;

/// All conversations with one peer, one way.
struct Line {
    label: String,
    bytes: u64,
}

/// The drawing, with all conversations behind "data".
pub(super) fn show(name: &str, peers: &[Peer]) -> Markup {
    let (asking, asked) = (lines(peers, false), lines(peers, true));
    html! {
        figure {
            figcaption.dim { "Who asks it stands on the left, whom it asks on the right; a line is as thick as the volume is large." }
            div.drawing tabindex="0" role="region" aria-label="Peers, drawn" { (drawn(name, &asking, &asked)) }
            details { summary { "data" } (data(peers)) }
        }
    }
}

/// What is drawn on one side: peers by volume, the largest first.
fn lines(peers: &[Peer], client: bool) -> Vec<Line> {
    let mut by_peer: BTreeMap<IpAddr, (Line, Vec<&str>)> = BTreeMap::new();
    for peer in peers.iter().filter(|peer| peer.client == client) {
        let named = || match &peer.name {
            Some(name) => name.clone(),
            None => peer.ip.to_string(),
        };
        let (line, apps) = by_peer.entry(peer.ip).or_insert_with(|| {
            let line = Line {
                label: named(),
                bytes: 0,
            };
            (line, Vec::new())
        });
        let volume = peer.bytes_sent.saturating_add(peer.bytes_received);
        line.bytes = line.bytes.saturating_add(volume);
        if !peer.app.is_empty() && !apps.contains(&peer.app.as_str()) {
            apps.push(&peer.app);
        }
    }
    let with_apps = |(mut line, apps): (Line, Vec<&str>)| {
        if !apps.is_empty() {
            line.label = format!("{}, {}", line.label, apps.join(", "));
        }
        line
    };
    let mut all: Vec<Line> = by_peer.into_values().map(with_apps).collect();
    all.sort_by_key(|line| std::cmp::Reverse(line.bytes));
    all
}

#[expect(clippy::cast_precision_loss, reason = "for a drawing")]
fn drawn(name: &str, asking: &[Line], asked: &[Line]) -> Markup {
    let rows = asking.len().max(asked.len()).clamp(1, DRAWN_MAX);
    let height = rows as f64 * ROW + 10.0;
    let middle = height / 2.0;
    let side = |lines: &[Line], at: f64, from: f64, anchor: &str, text: f64| {
        let top = middle - lines.len().min(DRAWN_MAX) as f64 * ROW / 2.0;
        html! { @for (row, line) in lines.iter().take(DRAWN_MAX).enumerate() {
            @let y = top + row as f64 * ROW + ROW / 2.0;
            line.link x1=(from) y1=(middle) x2=(at) y2=(y) stroke-width=(thickness(line.bytes)) {}
            text x=(text) y=(y + 4.0) text-anchor=(anchor) { (cut(&line.label)) }
        } }
    };
    let more = |lines: &[Line]| lines.len().saturating_sub(DRAWN_MAX);
    let centre = WIDTH / 2.0;
    html! {
        svg.map viewBox={ "0 0 " (WIDTH) " " (height) } role="img" aria-labelledby="map-t map-d" {
            title #map-t { "Peers of " (name) }
            desc #map-d {
                (asking.len()) " devices ask it, and it asks " (asked.len()) "; "
                (more(asking).saturating_add(more(asked))) " of them are not drawn. The table behind “data” has all of them."
            }
            (side(asking, LEFT, centre - HALF, "end", LEFT - 6.0))
            (side(asked, RIGHT, centre + HALF, "start", RIGHT + 6.0))
            text x=(centre) y=(middle + 4.0) text-anchor="middle" font-weight="bold" { (cut_to(name, 13)) }
        }
    }
}

/// By the decimal logarithm of the bytes.
#[expect(clippy::cast_precision_loss, reason = "for a drawing")]
fn thickness(bytes: u64) -> String {
    format!("{:.1}", (bytes as f64 + 1.0).log10().max(1.0) / 1.6)
}

fn cut(text: &str) -> String {
    cut_to(text, 34)
}

fn cut_to(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let kept: String = text.chars().take(most.saturating_sub(1)).collect();
    format!("{kept}…")
}

fn data(peers: &[Peer]) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label="Peers" { table.rows {
            thead { tr {
                th { "Peer" } th { "Name" } th { "Who asks" } th { "Protocol" } th { "Port" } th.number { "Messages" }
                th.number { "Flows" } th.number { "Sent" } th.number { "Received" } th { "First" } th { "Last" }
            } }
            tbody { @for peer in peers {
                @let path = format!("/devices/{}", peer.id.clone().unwrap_or_else(|| peer.ip.to_string()));
                tr data-href=(path) {
                    td.mono { a href=(path) { (peer.ip) } }
                    td { (peer.name.as_deref().unwrap_or_default()) }
                    td { @if peer.client { "this device" } @else { "the peer" } }
                    td { (peer.app) }
                    td.mono { (peer.proto.to_lowercase()) "/" (peer.port) }
                    td.number { (marks::grouped(peer.messages)) }
                    td.number data-name="flows" { (marks::grouped(peer.flows)) }
                    td.number { (marks::bytes(peer.bytes_sent)) }
                    td.number { (marks::bytes(peer.bytes_received)) }
                    td { (marks::when(&peer.first_seen)) }
                    td { (marks::when(&peer.last_seen)) }
                }
            } }
        } }
    }
}
