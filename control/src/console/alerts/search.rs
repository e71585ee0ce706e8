//! Searching alerts: facets, a timeline, pages, and the same as CSV.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};

use super::super::chart::{Bar, Chart};
use super::super::facets::{choice, facet, frequent, plain};
use super::super::page::{self, Page};
use super::super::view::View;
use super::super::{marks, now, table};
use crate::api::{AlertSearch, Api, Form, May, Problem, permit};
use crate::auth::{Caller, Permission};
use crate::store::query::{self, Cursor, Facets, Filter};
use crate::store::views::triage;
use crate::store::words::{self, stamp};

/// On a page.
const PAGE: u32 = 50;
/// The most that are acknowledged at once.
const AT_ONCE: usize = 500;

const PARTS: [&str; 11] = [
    "from",
    "to",
    "severity",
    "clinical_impact",
    "status",
    "verdict",
    "rule",
    "category",
    "ip",
    "incident",
    "q",
];

/// Spans to look at: the word, the seconds, the seconds of a bar of the timeline, and its words.
const SPANS: [(&str, i64, i64, &str); 4] = [
    ("1h", 3_600, 60, "a minute"),
    ("24h", 86_400, 1_800, "30 minutes"),
    ("7d", 604_800, 10_800, "3 hours"),
    ("30d", 2_592_000, 43_200, "12 hours"),
];

/// Searches that everybody needs.
const SAVED: [(&str, &str); 5] = [
    (
        "Open, high and worse",
        "/alerts?status=open&severity=critical%2Chigh",
    ),
    ("At the bedside", "/alerts?clinical_impact=direct%2Clikely"),
    ("Patients' data", "/alerts?category=phi"),
    ("Last 24 h", "/alerts?since=24h"),
    ("False alarms", "/alerts?verdict=false"),
];

fn filter(view: &View) -> Result<Filter, Problem> {
    let search: AlertSearch = view.read(&PARTS)?;
    let mut filter = search.filter();
    let span = SPANS.iter().find(|(word, ..)| *word == view.get("since"));
    if let (Some((_, seconds, ..)), None) = (span, filter.from) {
        filter.from = Some(words::now().saturating_sub(seconds.saturating_mul(1_000_000)));
    }
    Ok(filter)
}

fn cursor(view: &View) -> Result<Option<Cursor>, Problem> {
    match view.get("cursor") {
        "" => Ok(None),
        text => text
            .parse()
            .map(Some)
            .map_err(|_| Problem::bad("this address was cut short: its page is no page")),
    }
}

pub(in crate::console) async fn show(
    State(api): State<Api>,
    who: May<permit::Read>,
    view: View,
) -> Result<Response, Problem> {
    let (filter, after) = (filter(&view)?, cursor(&view)?);
    let span = SPANS.iter().find(|(word, ..)| *word == view.get("since"));
    let (bar, each) = span.map_or((86_400, "a day"), |(_, _, bar, each)| (*bar, *each));
    let bar = bar.saturating_mul(1_000_000);
    let (found, facets) = api
        .read(move |conn| query::search(conn, &filter, after, PAGE, bar))
        .await
        .map_err(Problem::as_query)?;
    let devices = api.desk().devices().now();
    let body = html! {
        h1 { "Alerts" }
        (page::search_box(&view, "alerts", "words, an address, a rule"))
        p.facets { @for (name, path) in SAVED { a href=(path) aria-current=[(view.with("", "") == path).then_some("true")] { (name) } " " } }
        div.with-side {
            aside aria-label="Narrow down" { (sides(&view, &facets)) }
            div {
                div #timeline data-live { (timeline(&facets, bar, each)) }
                form method="post" action="/alerts" {
                    (page::csrf(&who))
                    input type="hidden" name="back" value=(view.with("", ""));
                    div #rows data-live {
                        p.count { (count(&facets)) " · " a href=(view.elsewhere("/alerts.csv") ) download { "CSV of this page" } }
                        @if found.alerts.is_empty() { (nothing(&view, &api)) } @else { (super::list(&found.alerts, Some(&view), &devices)) }
                    }
                    (bottom(&who, &view, found.next, found.alerts.is_empty()))
                }
            }
        }
    };
    Ok(Page {
        title: "Alerts",
        here: "/alerts",
        who: &who,
        body,
    }
    .show(&api))
}

fn bottom(who: &Caller, view: &View, next: Option<Cursor>, empty: bool) -> Markup {
    html! {
        div.bottom {
            @if !empty && who.may(Permission::Triage) { button { "Acknowledge those chosen" } }
            span {
                @if !view.get("cursor").is_empty() { a href=(view.with("cursor", "")) { "Newest" } " " }
                @if let Some(next) = next { a href=(view.with("cursor", &next.to_string())) rel="next" { "Older" } }
            }
        }
    }
}

fn count(facets: &Facets) -> String {
    let more = if facets.complete { "" } else { "more than " };
    format!("{more}{} alerts", marks::grouped(facets.alerts))
}

fn sides(view: &View, facets: &Facets) -> Markup {
    let fixed = |map: &BTreeMap<&'static str, u64>, order: &[&'static str]| -> Vec<(String, u64)> {
        order
            .iter()
            .map(|word| ((*word).to_owned(), map.get(word).copied().unwrap_or(0)))
            .collect()
    };
    html! {
        details.sides open {
            summary { "Narrow down" }
            h2 { "Time" }
            ul { @for (word, ..) in SPANS { li { (choice(view.toggled_one("since", word), view.has("since", word), &html! { "last " (word) }, None)) } } }
            (facet(view, "Severity", "severity", &fixed(&facets.severities, &["critical", "high", "medium", "low", "info"]), marks::severity))
            (facet(view, "Clinical impact", "clinical_impact", &fixed(&facets.impacts, &["direct", "likely", "possible", "none"]), marks::impact))
            (facet(view, "Status", "status", &fixed(&facets.statuses, &["open", "acknowledged", "closed"]), plain))
            (facet(view, "Category", "category", &frequent(&facets.categories), plain))
            (facet(view, "Rule", "rule", &frequent(&facets.slugs), plain))
        }
    }
}

fn timeline(facets: &Facets, bar: i64, each: &str) -> Markup {
    let (Some((first, _)), Some((last, _))) = (
        facets.timeline.first_key_value(),
        facets.timeline.last_key_value(),
    ) else {
        return html! {};
    };
    // A lone bar would say nothing about time.
    let first = last.saturating_sub(bar.saturating_mul(29)).min(*first);
    let steps = last
        .saturating_sub(first)
        .checked_div(bar)
        .unwrap_or(0)
        .clamp(0, 400);
    let bars: Vec<Bar> = (0..=steps)
        .map(|step| {
            let at = first.saturating_add(step.saturating_mul(bar));
            Bar {
                at,
                value: Some(facets.timeline.get(&at).copied().unwrap_or(0)),
            }
        })
        .collect();
    Chart {
        id: "alerts",
        title: "Alerts",
        unit: "alerts",
        each,
        class: "",
        bars: &bars,
    }
    .show()
}

fn nothing(view: &View, api: &Api) -> Markup {
    let (armed, _) = api.desk().in_force().1.counts();
    html! {
        @if view.is_plain() { (table::empty(&now::nothing(api))) } @else {
            (table::empty(&html! {
                p { strong { "No alert is like this." } " " (armed) " rules are armed." }
                p { "Take one of the marks on the side away, or look at " a href="/alerts" { "everything" } "." }
            }))
        }
    }
}

/// Those that were chosen on a page, and back to it.
pub(in crate::console) async fn acknowledge(
    State(api): State<Api>,
    sent: Form<permit::Triage, Vec<(String, String)>>,
) -> Result<Response, Problem> {
    let of = |name: &'static str| sent.form.iter().filter(move |(key, _)| key == name);
    let ids: Vec<String> = of("id").map(|(_, id)| id.clone()).collect();
    if ids.is_empty() || ids.len() > AT_ONCE {
        return Err(Problem::bad(format!("choose 1 to {AT_ONCE} alerts")));
    }
    let actor = sent.who.actor();
    api.write(move |change| {
        ids.iter()
            .try_for_each(|id| triage::acknowledge(change, id, &actor))
    })
    .await?;
    let back = of("back").map(|(_, back)| back.as_str()).next();
    let back = back
        .filter(|back| back.starts_with("/alerts"))
        .unwrap_or("/alerts");
    Ok(page::go(back))
}

pub(in crate::console) async fn csv(
    State(api): State<Api>,
    _: May<permit::Read>,
    view: View,
) -> Result<Response, Problem> {
    let (filter, after) = (filter(&view)?, cursor(&view)?);
    let found = api
        .read(move |conn| query::page(conn, &filter, after, PAGE))
        .await
        .map_err(Problem::as_query)?;
    let mut text = table::csv(&[
        "alert_id",
        "time",
        "severity",
        "clinical_impact",
        "rule",
        "explain",
        "actor",
        "victim",
        "status",
        "verdict",
        "do_not_isolate",
    ]);
    for one in &found.alerts {
        text.push_str(&table::csv(&[
            &one.alert_id,
            &stamp(one.time),
            one.severity,
            one.clinical_impact,
            &one.slug,
            &one.explain,
            &one.actor,
            &one.victim,
            one.status,
            one.verdict.unwrap_or_default(),
            if one.do_not_isolate { "true" } else { "false" },
        ]));
    }
    Ok(table::download("alerts.csv", text))
}
