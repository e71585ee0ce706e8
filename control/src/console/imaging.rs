//! Imaging and HL7: who talks to whom, what fails.

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use maud::{Markup, html};

use super::page::{self, Page};
use super::table::{Column, Table, Value, stamped};
use super::view::View;
use super::{marks, table};
use crate::api::{Api, May, Problem, permit};
use crate::seen::{Association, Messages};
use crate::store::words::stamp;

/// Rows of a table.
const ROWS_MAX: usize = 500;
/// Failures of this share and more are worth a look.
const MANY: u64 = 10;

pub(super) fn routes() -> Router<Api> {
    Router::new()
        .route("/imaging", get(show))
        .route("/associations.csv", get(associations_csv))
        .route("/messages.csv", get(messages_csv))
}

/// Who calls, whom, and what came of it.
type Pair = ((String, String), Association);
/// Who sends, to whom, which message, and what came of it.
type Sent = ((String, String, String), Messages);

const PAIRS: Table<'static, Pair> = Table {
    name: "Associations",
    by: "sort",
    usual: "calling",
    csv: "/associations.csv",
    columns: &[
        Column::<Pair>::of("calling", "Calling AE", |row| Value::text(&row.0.0))
            .class("mono")
            .shown(|row| title(&row.0.0)),
        Column::<Pair>::of("called", "Called AE", |row| Value::text(&row.0.1))
            .class("mono")
            .shown(|row| html! { span.whole { "→ " (title(&row.0.1)) } }),
        Column::<Pair>::of("from", "From", |row| Value::host(&row.1.address))
            .shown(|row| marks::device(&row.1.address)),
        Column::<Pair>::number("associations", "Associations", |row| {
            Value::Count(row.1.asked)
        }),
        Column::<Pair>::number("refused", "Refused", |row| Value::Count(row.1.refused))
            .shown(|row| failures(row.1.refused, row.1.asked)),
        Column::<Pair>::of("operations", "Operations", |row| {
            Value::Text(operations(&row.1))
        })
        .shown(|row| operated(&row.1)),
        Column::<Pair>::number("failed", "Failed", |row| Value::Count(row.1.failed))
            .shown(|row| failures(row.1.failed, row.1.commands.values().sum())),
        Column::<Pair>::of("why", "How it failed last", |row| Value::text(&row.1.why)),
        Column::<Pair>::of("last", "Last seen", |row| stamped(&stamp(row.1.last)))
            .shown(|row| marks::when(&stamp(row.1.last))),
    ],
    href: |_| None,
};

const SENT: Table<'static, Sent> = Table {
    name: "Messages",
    by: "order",
    usual: "sender",
    csv: "/messages.csv",
    columns: &[
        Column::<Sent>::of("sender", "Sender", |row| Value::text(&row.0.0))
            .shown(|row| title(&row.0.0)),
        Column::<Sent>::of("receiver", "Receiver", |row| Value::text(&row.0.1))
            .shown(|row| html! { span.whole { "→ " (title(&row.0.1)) } }),
        Column::<Sent>::of("message", "Message", |row| Value::text(&row.0.2)).class("mono"),
        Column::<Sent>::number("count", "Count", |row| Value::Count(row.1.count)),
        Column::<Sent>::number("refused", "Refused", |row| Value::Count(row.1.refused))
            .shown(|row| failures(row.1.refused, row.1.count)),
        Column::<Sent>::number("slowest_ms", "Slowest answer, ms", |row| {
            Value::number(answers(row).then_some(row.1.latency_ms))
        })
        .shown(|row| html! { @if answers(row) { (format!("{:.1}", row.1.latency_ms)) } }),
        Column::<Sent>::of("last", "Last seen", |row| stamped(&stamp(row.1.last)))
            .shown(|row| marks::when(&stamp(row.1.last))),
    ],
    href: |_| None,
};

/// Answers are counted for those whom they answer.
fn answers(row: &Sent) -> bool {
    row.0.2 == "answers"
}

/// A name of the wire, which may be empty.
fn title(name: &str) -> Markup {
    html! { @if name.is_empty() { span.dim { "no name" } } @else { (name) } }
}

fn operated(pair: &Association) -> Markup {
    html! { @for (command, count) in &pair.commands {
        span.whole { span.mono { (command.trim_end_matches("-RQ")) } " " (marks::grouped(*count)) } " "
    } }
}

fn operations(pair: &Association) -> String {
    let all = pair.commands.iter();
    let all: Vec<String> = all.map(|(name, count)| format!("{name} {count}")).collect();
    all.join(" ")
}

/// How often it failed, and in bold what is often.
fn failures(count: u64, of: u64) -> Markup {
    html! { @if count > 0 && count.saturating_mul(MANY) >= of { strong { (marks::grouped(count)) } } @else { (marks::grouped(count)) } }
}

fn wanted<'a>(view: &View, fails: bool, texts: impl IntoIterator<Item = &'a String>) -> bool {
    let words = view.get("q").to_lowercase();
    let texts: Vec<&str> = texts.into_iter().map(String::as_str).collect();
    let text = texts.join(" ").to_lowercase();
    (fails || view.get("show") != "failing")
        && words.split_whitespace().all(|word| text.contains(word))
}

fn pairs(api: &Api, view: &View) -> Vec<Pair> {
    let mut rows: Vec<Pair> = api.desk().seen().look(|seen| {
        let all = seen.associations.iter().filter(|((calling, called), one)| {
            let fails = one.refused > 0 || one.failed > 0;
            wanted(view, fails, [calling, called, &one.address])
        });
        all.map(|(key, one)| (key.clone(), one.clone())).collect()
    });
    PAIRS.sort(view, &mut rows);
    rows.truncate(ROWS_MAX);
    rows
}

fn sent(api: &Api, view: &View) -> Vec<Sent> {
    let mut rows: Vec<Sent> = api.desk().seen().look(|seen| {
        let all = seen
            .messages
            .iter()
            .filter(|((from, to, kind), one)| wanted(view, one.refused > 0, [from, to, kind]));
        all.map(|(key, one)| (key.clone(), one.clone())).collect()
    });
    SENT.sort(view, &mut rows);
    rows.truncate(ROWS_MAX);
    rows
}

async fn show(
    State(api): State<Api>,
    who: May<permit::Read>,
    view: View,
) -> Result<Response, Problem> {
    let (pairs, sent) = (pairs(&api, &view), sent(&api, &view));
    let cut = api.desk().seen().look(|seen| seen.cut);
    let failing = view.get("show") == "failing";
    let body = html! {
        h1 { "Imaging and HL7" }
        (page::search_box(&view, "conversations", "an AE title, an application, a message"))
        p.facets { a href=(view.toggled_one("show", "failing")) aria-current=[failing.then_some("true")] { "only what fails" } }
        h2 { "DICOM: who calls whom" }
        div #rows data-live {
            @if pairs.is_empty() { (nothing(&view, "association", "DICOM is recognised on any port, except inside TLS.")) }
            @else { (PAIRS.show(&view, &pairs)) }
        }
        h2 { "HL7: who sends what to whom" }
        div #messages data-live {
            @if sent.is_empty() { (nothing(&view, "message", "HL7 is recognised by its framing, on any port, except inside TLS.")) }
            @else { (SENT.show(&view, &sent)) }
        }
        (table::cut(cut, "things found no room in memory since the start."))
    };
    Ok(Page {
        title: "Imaging and HL7",
        here: "/imaging",
        who: &who,
        body,
    }
    .show(&api))
}

fn nothing(view: &View, what: &str, how: &str) -> Markup {
    table::empty(&html! {
        @if view.is_plain() { p { strong { "No " (what) " was seen since the start." } " " (how) " If there should be some, look at "
            a href="/network" { "what the mirror sends" } "." } }
        @else { p { strong { "No " (what) " is like this." } " Take a mark away, or search for less." } }
    })
}

async fn associations_csv(
    State(api): State<Api>,
    _: May<permit::Read>,
    view: View,
) -> Result<Response, Problem> {
    Ok(PAIRS.download(&pairs(&api, &view)))
}

async fn messages_csv(
    State(api): State<Api>,
    _: May<permit::Read>,
    view: View,
) -> Result<Response, Problem> {
    Ok(SENT.download(&sent(&api, &view)))
}
