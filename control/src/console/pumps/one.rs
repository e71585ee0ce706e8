//! One pump: rates and limits over time, who programmed it, and everything that was said.

use std::collections::BTreeMap;
use std::net::IpAddr;

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};

use super::super::page::Page;
use super::super::table::{self, Column, Table, Value};
use super::super::view::View;
use super::super::{alerts, marks};
use super::{drawn, is_order, limits, number, path, plain_status, refused};
use crate::api::{Api, May, Path, Problem, permit};
use crate::ruleset::Loaded;
use crate::seen::{Pump, Said, Watched};
use crate::store::query::{self, Filter};
use crate::store::words::stamp;

/// Alerts about this pump.
const ALERTS: u32 = 10;

/// What the page needs of what was seen.
fn look(api: &Api, name: &str) -> Result<(Pump, Watched, BTreeMap<String, String>), Problem> {
    let devices = api.desk().devices().now();
    let found = api.desk().seen().look(|seen| {
        let pump = seen.pumps.get(name)?.clone();
        let names = pump.said.iter().filter_map(|said| {
            let ip: IpAddr = said.by.parse().ok()?;
            Some((said.by.clone(), devices.name(ip)?.to_owned()))
        });
        Some((names.collect(), seen.watched.clone(), pump))
    });
    let (names, watched, pump) =
        found.ok_or_else(|| Problem::missing("pump of this name, seen since the start"))?;
    Ok((pump, watched, names))
}

pub(super) async fn show(
    State(api): State<Api>,
    who: May<permit::Read>,
    Path(name): Path<String>,
    view: View,
) -> Result<Response, Problem> {
    let (pump, watched, names) = look(&api, &name)?;
    let (_, loaded) = api.desk().in_force();
    let watched_limits = limits::of_rules(&loaded);
    let filter = Filter {
        text: name.clone(),
        categories: vec!["safety".to_owned()],
        ..Filter::default()
    };
    let found = api
        .read(move |conn| query::page(conn, &filter, None, ALERTS))
        .await
        .map(|found| found.alerts)
        .unwrap_or_default();
    let axis = drawn::axis(&pump, &watched, view.get("span"));
    let body = html! {
        h1 { "Pump " (name) }
        (about(&pump))
        div #drawn data-live {
            @if let Some(axis) = &axis {
                p.facets { "the last " @for (word, _) in drawn::SPANS {
                    a href=(view.toggled_one("span", word)) aria-current=[view.has("span", word).then_some("true")] { (word) } " "
                } span.dim { "Filled is ordered, crossed is ordered and refused, hollow is reported; between them nobody looked." } }
                (drawn::show(&pump, axis, &watched_limits))
            }
        }
        div.columns {
            section aria-labelledby="limits" { h2 #limits { "Limits" } (limits::show(&pump.limits, &watched_limits)) }
            section aria-labelledby="sources" { h2 #sources { "Programmed by" } div #by data-live { (sources(&pump, &names, &loaded)) } }
        }
        h2 { "Orders and reports" }
        div #rows data-live { (said(&name, &pump, &view)) }
        h2 { "Alerts that name it" }
        @if found.is_empty() { p.dim { "None." } } @else { (alerts::list(&found, None, &api.desk().devices().now())) }
    };
    Ok(Page {
        title: &name,
        here: "/pumps",
        who: &who,
        body,
    }
    .show(&api))
}

fn about(pump: &Pump) -> Markup {
    let [vendor, model, software, library] = &pump.about;
    let parts = [
        ("", vendor.as_str()),
        ("", model.as_str()),
        ("software ", software.as_str()),
        ("drug library ", library.as_str()),
    ];
    html! {
        p { span.mono { (pump.kind) }
            @for (what, value) in parts { @if !value.is_empty() { ", " (what) (value) } }
            @if !pump.status.is_empty() { ". It says: " strong { (plain_status(&pump.status)) } "." } }
    }
}

/// Who programmed it, as an address and an application.
struct Source<'p> {
    orders: u64,
    refused: u64,
    first: i64,
    last: &'p Said,
}

fn sources(pump: &Pump, names: &BTreeMap<String, String>, loaded: &Loaded) -> Markup {
    let mut all: BTreeMap<(&str, &str), Source<'_>> = BTreeMap::new();
    for order in pump.said.iter().filter(|said| is_order(said)) {
        let key = (order.by.as_str(), order.application.as_str());
        let source = all.entry(key).or_insert(Source {
            orders: 0,
            refused: 0,
            first: order.at,
            last: order,
        });
        source.orders = source.orders.saturating_add(1);
        source.refused = source.refused.saturating_add(u64::from(refused(order)));
        source.last = order;
    }
    let set = loaded.ruleset.set("pump_programmers");
    let listed = set.filter(|set| !set.entries.is_empty());
    html! {
        @if all.is_empty() { p.dim { "No order was seen. Pumps that are programmed by hand never have one." } }
        @for ((by, application), source) in &all { div.card {
            p { a.mono href={ "/devices/" (by) } { (by) } @if let Some(name) = names.get(*by) { " " strong { (name) } }
                ", as " (application) ": " strong { (marks::grouped(source.orders)) }
                @if source.orders == 1 { " order" } @else { " orders" }
                @if source.refused > 0 { ", " strong { (marks::grouped(source.refused)) " refused" } } }
            p { "Last: " (source.last.drug) " " (number(source.last.rate)) " ml/h, "
                (number(source.last.vtbi)) " ml, at " (marks::time(source.last.at))
                @if source.first != source.last.at { "; first at " (marks::time(source.first)) } "." }
            @if let Some(set) = listed { p { @if by.parse().is_ok_and(|ip| set.lists(ip)) { "It is in " code { "pump_programmers" } "." }
                @else { strong { "It is not in " code { "pump_programmers" } "." } } } }
        } }
        @if listed.is_none() { p.dim { "Nobody has said who may program pumps: " code { "sets: pump_programmers" } " in the configuration." } }
    }
}

const COLUMNS: [Column<Said>; 10] = [
    Column::<Said>::of("time", "Time", |said| Value::text(&stamp(said.at)))
        .shown(|said| marks::time(said.at)),
    Column::<Said>::of("what", "What", |said| Value::text(&said.action)).shown(|said| {
        html! { (said.action.replace('_', " "))
        @if !said.alarm.is_empty() { " " span.mono { (said.alarm.trim_start_matches("MDC_EVT_")) } }
        @if said.unit_unknown { " " strong { "unit not known" } } }
    }),
    Column::<Said>::of("channel", "Channel", |said| Value::text(&said.channel)),
    Column::<Said>::of("drug", "Drug", |said| Value::text(&said.drug)),
    Column::<Said>::number("rate", "Rate, ml/h", |said| Value::number(said.rate))
        .shown(|said| number(said.rate)),
    Column::<Said>::number("volume", "To be infused, ml", |said| {
        Value::number(said.vtbi)
    })
    .shown(|said| number(said.vtbi)),
    Column::<Said>::number("left", "Left, ml", |said| Value::number(said.left))
        .shown(|said| number(said.left)),
    Column::<Said>::of("patient", "Patient", |said| Value::text(&said.patient))
        .shown(|said| marks::value(&said.patient)),
    Column::<Said>::of("by", "From", |said| Value::host(&said.by))
        .class("mono")
        .shown(|said| html! { a href={ "/devices/" (said.by) } { (said.by) } }),
    Column::<Said>::of("answer", "Answer", |said| Value::text(&said.answer)).shown(|said| {
        html! {
            @if refused(said) { strong { "refused" } " " span.mono { (said.answer) } }
            @else if !said.answer.is_empty() { "taken" }
        }
    }),
];

fn table(csv: &str) -> Table<'_, Said> {
    Table {
        name: "Orders and reports",
        by: "sort",
        usual: "-time",
        csv,
        columns: &COLUMNS,
        href: |_| None,
    }
}

fn csv_of(name: &str) -> String {
    format!("{}/said.csv", path(name))
}

fn rows(pump: &Pump, view: &View, csv: &str) -> Vec<Said> {
    let orders = view.get("show") == "orders";
    let mut rows: Vec<Said> = pump
        .said
        .iter()
        .filter(|said| !orders || is_order(said))
        .cloned()
        .collect();
    table(csv).sort(view, &mut rows);
    rows
}

fn said(name: &str, pump: &Pump, view: &View) -> Markup {
    let csv = csv_of(name);
    let rows = rows(pump, view, &csv);
    html! {
        p.facets { a href=(view.toggled_one("show", "orders")) aria-current=[view.has("show", "orders").then_some("true")] { "orders only" } }
        (table(&csv).show(view, &rows))
        (table::cut(pump.gone, "older ones made room for newer ones."))
    }
}

pub(super) async fn csv(
    State(api): State<Api>,
    _: May<permit::Read>,
    Path(name): Path<String>,
    view: View,
) -> Result<Response, Problem> {
    let (pump, ..) = look(&api, &name)?;
    let csv = csv_of(&name);
    Ok(table(&csv).download(&rows(&pump, &view, &csv)))
}
