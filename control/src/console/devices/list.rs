//! All devices: narrowed down, ordered and paged by links, and the same as a spreadsheet.

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};

use super::super::facets::{choice, facet, frequent, plain};
use super::super::page::Page;
use super::super::view::View;
use super::super::{marks, table};
use crate::api::{self, Api, AssetSearch, May, Problem, blocking, permit};
use crate::inventory::search::{self, Filter, Found, Order};
use crate::inventory::{self, Device};
use crate::store::words;

/// On a page.
const PAGE: usize = 100;

const PARTS: [&str; 12] = [
    "q",
    "unit",
    "role",
    "criticality",
    "protocol",
    "vlan",
    "ip",
    "listed",
    "life_support",
    "do_not_isolate",
    "new_since",
    "seen_since",
];

/// Spans in which devices were first seen, in seconds.
const SPANS: [(&str, i64); 3] = [("1h", 3_600), ("24h", 86_400), ("7d", 604_800)];

/// Columns: the word of the order, and the title.
const COLUMNS: [(&str, &str); 9] = [
    ("name", "Name"),
    ("ip", "Address"),
    ("make", "What it is"),
    ("", "Does"),
    ("unit", "Unit"),
    ("", "Role"),
    ("", "Speaks"),
    ("first_seen", "First seen"),
    ("last_seen", "Last seen"),
];

struct Wanted {
    filter: Filter,
    order: Order,
    after: Option<String>,
}

/// What the address asks for.
fn wanted(view: &View) -> Result<Wanted, Problem> {
    let wanted: AssetSearch = view.read(&PARTS)?;
    let mut filter = wanted.filter();
    let span = SPANS.iter().find(|(word, _)| *word == view.get("new"));
    if let (Some((_, seconds)), None) = (span, filter.new_since) {
        let since = words::now().saturating_sub(seconds.saturating_mul(1_000_000));
        filter.new_since = Some(since.saturating_mul(1_000));
    }
    let order = match view.get("sort") {
        "" => Order::of_word("name"),
        word => Order::of_word(word),
    };
    let after = Some(view.get("cursor").to_owned()).filter(|after| !after.is_empty());
    Ok(Wanted {
        filter,
        order: order.ok_or_else(|| Problem::bad("there is no such order"))?,
        after,
    })
}

/// A page, as it is shown.
struct Shown {
    devices: Vec<Device>,
    next: Option<String>,
    found: Found,
}

pub(super) async fn show(
    State(api): State<Api>,
    who: May<permit::Read>,
    view: View,
) -> Result<Response, Problem> {
    let (wanted, now) = (wanted(&view)?, api.desk().devices().now());
    let shown = blocking(move || {
        let after = wanted.after.as_deref();
        let page = search::page(&now, &wanted.filter, wanted.order, after, PAGE);
        Shown {
            devices: page.devices.into_iter().map(Device::of).collect(),
            next: page.next,
            found: page.found,
        }
    });
    let shown = shown.await?;
    let body = html! {
        h1 { "Devices" }
        (search_form(&view))
        div.with-side {
            aside aria-label="Narrow down" { (sides(&view, &shown.found)) }
            div #rows data-live {
                p.count {
                    (marks::grouped(u64::try_from(shown.found.devices).unwrap_or(0))) " devices · "
                    a href=(view.elsewhere("/devices.csv")) download { "CSV of this page" } " · "
                    a href="/devices/list" { "the hospital's list" }
                }
                @if shown.devices.is_empty() { (nothing(&view)) } @else { (rows(&view, &shown.devices)) }
                p { @if !view.get("cursor").is_empty() { a href=(view.with("cursor", "")) { "First page" } " " }
                    @if let Some(next) = &shown.next { a href=(view.with("cursor", next)) rel="next" { "More" } } }
            }
        }
    };
    Ok(Page {
        title: "Devices",
        here: "/devices",
        who: &who,
        body,
    }
    .show(&api))
}

/// What the page shows, row by row.
pub(super) async fn csv(
    State(api): State<Api>,
    _: May<permit::Read>,
    view: View,
) -> Result<Response, Problem> {
    let (wanted, now) = (wanted(&view)?, api.desk().devices().now());
    let text = blocking(move || {
        let after = wanted.after.as_deref();
        let page = search::page(&now, &wanted.filter, wanted.order, after, PAGE);
        inventory::csv(page.devices.into_iter())
    });
    Ok(api::sheet("devices.csv", text.await?))
}

fn search_form(view: &View) -> Markup {
    html! {
        form.search method="get" action="/devices" role="search" {
            @for (name, value) in view.but("q") { input type="hidden" name=(name) value=(value); }
            label { span.hidden { "Words about devices" }
                input #search type="search" name="q" value=(view.get("q")) placeholder="a name, an address, a vendor, a title"; }
            button { "Search" }
            @if !view.is_plain() { a href="/devices" { "Everything" } }
        }
    }
}

fn sides(view: &View, found: &Found) -> Markup {
    let one = |name: &str, value: &str, words: &str| {
        let chosen = view.get(name) == value;
        html! { li { (choice(view.toggled_one(name, value), chosen, &html! { (words) }, None)) } }
    };
    html! {
        details.sides open {
            summary { "Narrow down" }
            h2 { "The hospital's list" }
            ul {
                (one("listed", "true", "is in it"))
                (one("listed", "false", "is not in it"))
                (one("life_support", "true", "a life depends on it"))
                (one("do_not_isolate", "true", "do not isolate"))
            }
            h2 { "First seen" }
            ul { @for (word, _) in SPANS { (one("new", word, &format!("last {word}"))) } }
            (facet(view, "Unit", "unit", &frequent(&found.units), plain))
            (facet(view, "Role", "role", &frequent(&found.roles), plain))
            (facet(view, "Protocol", "protocol", &frequent(&found.protocols), plain))
            (facet(view, "VLAN", "vlan", &frequent(&found.vlans), plain))
        }
    }
}

fn rows(view: &View, all: &[Device]) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label="Devices" { table.rows {
            thead { tr { @for (word, title) in COLUMNS { (head(view, word, title)) } } }
            tbody { @for one in all { (row(one)) } }
        } }
    }
}

/// A column's title, which leads to the order by it, and to the other way round.
fn head(view: &View, word: &str, title: &str) -> Markup {
    if word.is_empty() {
        return html! { th { (title) } };
    }
    let down = format!("-{word}");
    let sort = match view.get("sort") {
        "" => "name",
        sort => sort,
    };
    let (next, aria, mark) = match sort {
        sort if sort == word => (down.as_str(), Some("ascending"), " ↑"),
        sort if sort == down => (word, Some("descending"), " ↓"),
        _ => (word, None, ""),
    };
    html! { th aria-sort=[aria] { a href=(view.with("sort", next)) { (title) (mark) } } }
}

fn row(one: &Device) -> Markup {
    let path = format!("/devices/{}", one.id);
    let listed = one.listed.as_ref();
    let address = one
        .ip
        .map_or_else(|| one.mac.clone().unwrap_or_default(), |ip| ip.to_string());
    html! {
        tr data-href=(path) {
            td { @if one.name().is_empty() { span.dim { "not listed" } } @else { a href=(path) { (one.name()) } } }
            td.mono { a href=(path) { (address) } }
            td { (one.make()) }
            td { (one.does()) }
            td { (listed.map_or("", |l| &l.unit)) }
            td { (listed.map_or_else(String::new, |l| l.roles.join(", "))) }
            td { (one.protocols.join(", ")) }
            td { (marks::when(&one.first_seen)) }
            td { (marks::when(&one.last_seen)) }
        }
    }
}

fn nothing(view: &View) -> Markup {
    table::empty(&html! {
        @if view.is_plain() {
            p { strong { "No device is known yet." } " Devices appear some seconds after they talk. If the mirror is on, look at "
                a href="/network" { "the doctor's findings" } "." }
        } @else { p { strong { "No device is like this." } " Take one of the marks on the side away, or look at " a href="/devices" { "everything" } "." } }
    })
}
