//! Pumps: what was ordered, by whom, against which limits.

mod drawn;
mod limits;
mod one;

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use maud::{Markup, html};

use super::page::{self, Page};
use super::table::{Column, Table, Value};
use super::view::{View, segment};
use super::{alerts, marks, table};
use crate::api::{Api, May, Problem, permit};
use crate::seen::{Pump, Said};
use crate::store::query::{self, Filter};
use crate::store::words::stamp;

/// Rows of the table.
const ROWS_MAX: usize = 500;
/// Alerts below it.
const ALERTS: u32 = 10;

pub(super) fn routes() -> Router<Api> {
    Router::new()
        .route("/pumps", get(show_all))
        .route("/pumps.csv", get(csv))
        .route("/pumps/{name}", get(one::show))
        .route("/pumps/{name}/said.csv", get(one::csv))
}

/// A pump, as a row.
struct Row {
    name: String,
    drug: String,
    rate: Option<f64>,
    vtbi: Option<f64>,
    status: String,
    alarm: String,
    order: Option<Said>,
    programmers: usize,
    heard: i64,
}

impl Row {
    fn of(name: &str, pump: &Pump) -> Self {
        let last = |has: fn(&&Said) -> bool| pump.said.iter().rev().find(has);
        let alarm = last(|said| said.action.starts_with("alarm"));
        let rate = last(|said| said.rate.is_some());
        let mut programmers: Vec<&str> = pump
            .said
            .iter()
            .filter(|said| is_order(said))
            .map(|said| said.by.as_str())
            .collect();
        programmers.sort_unstable();
        programmers.dedup();
        Self {
            name: name.to_owned(),
            drug: last(|said| !said.drug.is_empty())
                .map(|said| said.drug.clone())
                .unwrap_or_default(),
            rate: rate.and_then(|said| said.rate),
            vtbi: last(|said| said.vtbi.is_some()).and_then(|said| said.vtbi),
            status: plain_status(&pump.status),
            alarm: alarm
                .filter(|said| said.action == "alarm")
                .map(|said| said.alarm.clone())
                .unwrap_or_default(),
            order: last(|said| is_order(said)).cloned(),
            programmers: programmers.len(),
            heard: pump.said.back().map_or(0, |said| said.at),
        }
    }

    fn is_like(&self, words: &str) -> bool {
        let text = format!(
            "{} {} {} {} {}",
            self.name,
            self.drug,
            self.status,
            self.alarm,
            ordered_by(self)
        );
        let text = text.to_lowercase();
        words.split_whitespace().all(|word| text.contains(word))
    }
}

/// Whether it was sent to a pump rather than by one.
pub(super) fn is_order(said: &Said) -> bool {
    said.action == "program"
}

fn path(name: &str) -> String {
    format!("/pumps/{}", segment(name))
}

fn plain_status(status: &str) -> String {
    status.trim_start_matches("pump-status-").replace('-', " ")
}

/// A number of the wire, or nothing.
fn number(value: Option<f64>) -> Markup {
    html! { @if let Some(value) = value { (value) } @else { span.dim title="not said" { "–" } } }
}

fn says(row: &Row) -> Markup {
    html! { (row.status) @if !row.alarm.is_empty() {
        " " strong { "alarm" } " " span.mono { (row.alarm.trim_start_matches("MDC_EVT_")) }
    } }
}

fn ordered(row: &Row) -> Markup {
    html! { @match &row.order { Some(order) => { @if refused(order) { strong { "refused" } " " } (number(order.rate)) } None => span.dim { "none seen" } } }
}

fn ordered_by(row: &Row) -> &str {
    row.order.as_ref().map_or("", |order| &order.by)
}

fn by(row: &Row) -> Markup {
    html! { @if let Some(order) = &row.order {
        (marks::device(&order.by)) " " span.dim { (order.application) }
        @if row.programmers > 1 { " " strong { "and " (row.programmers.saturating_sub(1)) " more" } }
    } }
}

const COLUMNS: [Column<Row>; 8] = [
    Column::<Row>::of("pump", "Pump", |row| Value::text(&row.name))
        .class("mono")
        .shown(|row| html! { a href=(path(&row.name)) { (row.name) } }),
    Column::<Row>::of("drug", "Drug", |row| Value::text(&row.drug)),
    Column::<Row>::number("rate", "Rate, ml/h", |row| Value::number(row.rate))
        .shown(|row| number(row.rate)),
    Column::<Row>::number("volume", "To be infused, ml", |row| Value::number(row.vtbi))
        .shown(|row| number(row.vtbi)),
    Column::<Row>::of("status", "Says", |row| Value::text(&row.status)).shown(says),
    Column::<Row>::number("order", "Last order, ml/h", |row| {
        Value::number(row.order.as_ref().and_then(|order| order.rate))
    })
    .shown(ordered),
    Column::<Row>::of("by", "Ordered by", |row| Value::host(ordered_by(row))).shown(by),
    Column::<Row>::of("heard", "Last heard", |row| Value::text(&stamp(row.heard)))
        .shown(|row| marks::time(row.heard)),
];

const TABLE: Table<'static, Row> = Table {
    name: "Pumps",
    by: "sort",
    usual: "pump",
    csv: "/pumps.csv",
    columns: &COLUMNS,
    href: |row| Some(path(&row.name)),
};

/// What is shown, and how many there are at all.
fn rows(api: &Api, view: &View) -> (Vec<Row>, usize, u64) {
    let words = view.get("q").to_lowercase();
    let (mut rows, all, cut) = api.desk().seen().look(|seen| {
        let rows: Vec<Row> = seen
            .pumps
            .iter()
            .map(|(name, pump)| Row::of(name, pump))
            .collect();
        (rows, seen.pumps.len(), seen.cut)
    });
    rows.retain(|row| {
        let wanted = match view.get("show") {
            "alarm" => !row.alarm.is_empty(),
            "several" => row.programmers > 1,
            "refused" => row.order.as_ref().is_some_and(refused),
            _ => true,
        };
        wanted && row.is_like(&words)
    });
    TABLE.sort(view, &mut rows);
    rows.truncate(ROWS_MAX);
    (rows, all, cut)
}

/// Whether an order was answered with a refusal.
pub(super) fn refused(order: &Said) -> bool {
    !order.answer.is_empty() && !order.answer.starts_with("AA")
}

async fn show_all(
    State(api): State<Api>,
    who: May<permit::Read>,
    view: View,
) -> Result<Response, Problem> {
    let (rows, all, cut) = rows(&api, &view);
    let filter = Filter {
        categories: vec!["safety".to_owned()],
        ..Filter::default()
    };
    let found = api
        .read(move |conn| query::page(conn, &filter, None, ALERTS))
        .await?;
    let body = html! {
        h1 { @if all == 1 { "1 pump" } @else { (all) " pumps" } }
        p { "What the wire carried since the start: orders and reports, never what a pump or a patient did." }
        (page::search_box(&view, "pumps", "a pump, a drug, who ordered"))
        p.facets { @for (word, name) in [("alarm", "in alarm"), ("several", "ordered by several"), ("refused", "last order refused")] {
            a href=(view.toggled_one("show", word)) aria-current=[view.has("show", word).then_some("true")] { (name) } " "
        } }
        div #rows data-live {
            @if rows.is_empty() { (nothing(all)) } @else { (TABLE.show(&view, &rows)) }
            (table::cut(cut, "things found no room in memory since the start; pumps may be among them."))
        }
        h2 { "Alerts about orders" }
        @if found.alerts.is_empty() { p.dim { "None." } } @else { (alerts::list(&found.alerts, None, &api.desk().devices().now())) }
    };
    Ok(Page {
        title: "Pumps",
        here: "/pumps",
        who: &who,
        body,
    }
    .show(&api))
}

fn nothing(all: usize) -> Markup {
    table::empty(&html! {
        @if all == 0 {
            p { strong { "No pump has spoken since the start." } " Pumps are seen where their gateway speaks HL7 (IHE PCD): reports, alarms, \
                and orders of the system that programs them. What vendors encrypt is not seen: those pumps are in "
                a href="/devices?q=pump" { "Devices" } "." }
            p { "Tell the appliance who may program pumps: " code { "sets: pump_programmers" } " in the configuration arms the rule about strangers." }
        } @else { p { strong { "No pump is like this." } " Take a mark away, or search for less." } }
    })
}

async fn csv(
    State(api): State<Api>,
    _: May<permit::Read>,
    view: View,
) -> Result<Response, Problem> {
    let (rows, ..) = rows(&api, &view);
    Ok(TABLE.download(&rows))
}
