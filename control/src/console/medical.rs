//! Pumps: what was ordered, by whom. Imaging and HL7: who talks to whom, what fails.

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use maud::{Markup, html};

use super::page::Page;
use super::view::View;
use super::{alerts, marks, table};
use crate::api::{Api, May, Path, Problem, permit};
use crate::seen::{Association, Messages, Order, Pump};
use crate::store::query::{self, Filter};

/// Rows of a table.
const ROWS_MAX: usize = 200;

pub(super) fn routes() -> Router<Api> {
    Router::new()
        .route("/pumps", get(pumps))
        .route("/pumps/{name}", get(pump))
        .route("/imaging", get(imaging))
}

async fn pumps(State(api): State<Api>, who: May<permit::Read>) -> Result<Response, Problem> {
    let all = api.desk().seen().look(|seen| {
        let all = seen.pumps.iter().take(ROWS_MAX);
        all.map(|(name, pump)| (name.clone(), pump.clone()))
            .collect::<Vec<_>>()
    });
    let filter = Filter {
        categories: vec!["safety".to_owned()],
        ..Filter::default()
    };
    let found = api
        .read(move |conn| query::page(conn, &filter, None, 10))
        .await?;
    let body = html! {
        h1 { (all.len()) " pumps" }
        p { "What the wire carried since the start: orders and reports, never what a pump or a patient did." }
        div #rows data-live { @if all.is_empty() {
            (table::empty(&html! { p { strong { "No pump has spoken since the start." } " Pumps are seen in HL7 (IHE PCD) and in vendors' protocols that are not encrypted." } }))
        } @else { (pump_list(&all)) } }
        h2 { "Alerts about orders" }
        @if found.alerts.is_empty() { p.dim { "None." } } @else { (alerts::list(&found.alerts, None)) }
    };
    Ok(Page {
        title: "Pumps",
        here: "/pumps",
        who: &who,
        body,
    }
    .show(&api))
}

fn last(pump: &Pump, has: impl Fn(&Order) -> bool) -> Option<&Order> {
    pump.orders.iter().rev().find(|order| has(order))
}

fn number(value: Option<f64>, unit: &str) -> Markup {
    html! { @if let Some(value) = value { (value) "\u{a0}" (unit) } @else { span.dim { "not said" } } }
}

fn pump_list(all: &[(String, Pump)]) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label="Pumps" { table.rows {
            thead { tr { th { "Pump" } th { "Drug" } th.number { "Rate" } th.number { "To be infused" } th { "Says" } th { "Last order, by whom" } th { "Last heard" } } }
            tbody { @for (name, pump) in all {
                @let rate = last(pump, |order| order.rate.is_some());
                tr data-href={ "/pumps/" (name) } {
                    td.mono { a href={ "/pumps/" (name) } { (name) } }
                    td { (last(pump, |order| !order.drug.is_empty()).map_or("", |order| &order.drug)) }
                    td.number data-name="rate" { (number(rate.and_then(|order| order.rate), "ml/h")) }
                    td.number data-name="vtbi" { (number(rate.and_then(|order| order.vtbi), "ml")) }
                    td { (pump.status.trim_start_matches("pump-status-")) }
                    td { @match last(pump, |order| order.action == "program") {
                        Some(order) => { (number(order.rate, "ml/h")) " by " span.mono { (order.by) } " (" (order.application) ")" }
                        None => span.dim { "none seen" },
                    } }
                    td { @if let Some(order) = pump.orders.back() { (marks::when(&order.time)) } }
                }
            } }
        } }
    }
}

async fn pump(
    State(api): State<Api>,
    who: May<permit::Read>,
    Path(name): Path<String>,
) -> Result<Response, Problem> {
    let pump = api
        .desk()
        .seen()
        .look(|seen| seen.pumps.get(&name).cloned());
    let pump = pump.ok_or_else(|| Problem::missing("pump of this name, seen since the start"))?;
    let mut sources: Vec<(String, String)> = pump
        .orders
        .iter()
        .filter(|order| order.action == "program")
        .map(|order| (order.by.clone(), order.application.clone()))
        .collect();
    sources.sort();
    sources.dedup();
    let body = html! {
        h1 { "Pump " (name) }
        p { (pump.kind) @if !pump.status.is_empty() { ", " (pump.status.trim_start_matches("pump-status-")) } }
        (rates(&pump))
        h2 { "Programmed by" }
        @if sources.is_empty() { p.dim { "No order was seen." } }
        ul { @for (by, application) in &sources { li { a.mono href={ "/devices/" (by) } { (by) } " as " (application) } } }
        h2 { "Orders and reports, newest first" }
        div.scroll tabindex="0" role="region" aria-label="Orders and reports" { table.rows {
            thead { tr { th { "Time" } th { "What" } th { "Drug" } th.number { "Rate" } th.number { "To be infused" } th { "From" } } }
            tbody { @for order in pump.orders.iter().rev() { tr {
                td { (marks::when(&order.time)) } td { (order.action) @if !order.alarm.is_empty() { ": " span.mono { (order.alarm) } } } td { (order.drug) }
                td.number data-name="rate" { (number(order.rate, "ml/h")) } td.number data-name="vtbi" { (number(order.vtbi, "ml")) }
                td.mono { (order.by) }
            } } }
        } }
    };
    Ok(Page {
        title: &name,
        here: "/pumps",
        who: &who,
        body,
    }
    .show(&api))
}

/// The rates in the order in which they were told. The axis begins at zero.
#[expect(clippy::cast_precision_loss, reason = "for a drawing")]
fn rates(pump: &Pump) -> Markup {
    let all: Vec<(&Order, f64)> = pump
        .orders
        .iter()
        .filter_map(|order| Some((order, order.rate?)))
        .collect();
    let most = all.iter().map(|(_, rate)| *rate).fold(1.0, f64::max);
    let step = 560.0 / all.len().max(1) as f64;
    html! {
        @if let Some((_, newest)) = all.last() {
            figure.chart {
                figcaption { "Rate, ml/h, from zero to " (most) ": " strong { (newest) } " last. Filled is ordered, hollow is reported." }
                svg viewBox="0 0 600 62" preserveAspectRatio="none" role="img" aria-labelledby="rate-t rate-d" {
                    title #rate-t { "Rate" }
                    desc #rate-d { (all.len()) " orders and reports, at most " (most) " ml/h. The table below has all of them." }
                    line.axis x1="0" x2="600" y1="61" y2="61" {}
                    @for (at, (order, rate)) in all.iter().enumerate() {
                        circle class=(if order.action == "program" { "dot" } else { "ring" }) cx=(format!("{:.1}", at as f64 * step + 8.0))
                            cy=(format!("{:.1}", 57.0 - rate / most * 52.0)) r="3.5" {}
                    }
                }
            }
        }
    }
}

async fn imaging(
    State(api): State<Api>,
    who: May<permit::Read>,
    view: View,
) -> Result<Response, Problem> {
    let failing = view.get("show") == "failing";
    let (pairs, messages) = api.desk().seen().look(|seen| {
        let pairs = seen
            .associations
            .iter()
            .filter(|(_, one)| !failing || one.refused > 0 || one.failed > 0);
        let messages = seen
            .messages
            .iter()
            .filter(|(_, one)| !failing || one.refused > 0);
        let pairs: Vec<_> = pairs
            .take(ROWS_MAX)
            .map(|(key, one)| (key.clone(), one.clone()))
            .collect();
        let messages: Vec<_> = messages
            .take(ROWS_MAX)
            .map(|(key, one)| (key.clone(), one.clone()))
            .collect();
        (pairs, messages)
    });
    let body = html! {
        h1 { "Imaging and HL7" }
        p.facets { a href=(view.toggled_one("show", "failing")) aria-current=[failing.then_some("true")] { "only what fails" } }
        h2 { "DICOM: who calls whom" }
        div #rows data-live { (associations(&pairs)) }
        h2 { "HL7: who sends what to whom" }
        div #messages data-live { (flows(&messages)) }
    };
    Ok(Page {
        title: "Imaging and HL7",
        here: "/imaging",
        who: &who,
        body,
    }
    .show(&api))
}

fn associations(all: &[((String, String), Association)]) -> Markup {
    html! {
        @if all.is_empty() {
            (table::empty(&html! { p { strong { "No association was seen since the start." } " DICOM is recognised on any port." } }))
        } @else {
            div.scroll tabindex="0" role="region" aria-label="Associations" { table.rows {
                thead { tr { th { "Calling" } th { "Called" } th { "From" } th.number { "Associations" } th.number { "Refused" } th { "Operations" } th.number { "Failed" } th { "Last" } } }
                tbody { @for ((calling, called), one) in all { tr {
                    td.mono { (calling) } td.mono { "→ " (called) }
                    td.mono { a href={ "/devices/" (one.address) } { (one.address) } }
                    td.number data-name="asked" { (marks::grouped(one.asked)) } td.number data-name="refused" { (marks::grouped(one.refused)) }
                    td { @for (command, count) in &one.commands { (command.trim_end_matches("-RQ")) "\u{a0}" (marks::grouped(*count)) " " } }
                    td.number data-name="failed" { (marks::grouped(one.failed)) @if !one.why.is_empty() { " " span.dim { (one.why) } } }
                    td { (marks::when(&one.last)) }
                } } }
            } }
        }
    }
}

fn flows(all: &[((String, String, String), Messages)]) -> Markup {
    html! {
        @if all.is_empty() {
            (table::empty(&html! { p { strong { "No message was seen since the start." } " HL7 is recognised by its framing, on any port." } }))
        } @else {
            div.scroll tabindex="0" role="region" aria-label="Messages" { table.rows {
                thead { tr { th { "Sender" } th { "Receiver" } th { "Message" } th.number { "Count" } th.number { "Refused" } th.number { "Slowest answer" } th { "Last" } } }
                tbody { @for ((from, to, kind), one) in all { tr {
                    td { (from) } td { "→ " (to) } td.mono { (kind) }
                    td.number data-name="count" { (marks::grouped(one.count)) } td.number data-name="refused" { (marks::grouped(one.refused)) }
                    td.number { @if kind == "answers" { (format!("{:.1}", one.latency_ms)) "\u{a0}ms" } }
                    td { (marks::when(&one.last)) }
                } } }
            } }
        }
    }
}
