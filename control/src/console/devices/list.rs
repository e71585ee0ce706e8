//! All devices: narrowed down, ordered and paged by links, and the same as a spreadsheet.

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};

use super::super::facets::{choice, facet, frequent, plain};
use super::super::marks;
use super::super::page::{self, Page};
use super::super::stay::Stay;
use super::super::table::{self, Column, Table, Value};
use super::super::view::View;
use crate::api::{Api, AssetSearch, May, Problem, blocking, permit};
use crate::inventory::search::{self, Filter, Found, Order};
use crate::inventory::{self, Device, Entry};
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

fn listed(one: &Device) -> Option<&Entry> {
    one.listed.as_ref()
}

fn address(one: &Device) -> String {
    let ip = one.ip.map(|ip| ip.to_string());
    ip.or_else(|| one.mac.clone())
        .unwrap_or_else(|| one.id.clone())
}

fn name(one: &Device) -> Markup {
    html! {
        @if one.name().is_empty() { span.dim { "not listed" } } @else { (one.name()) }
        @if let Some(listed) = listed(one) { (Stay::of_entry(listed)) }
    }
}

/// A column that the inventory sorts.
const fn column(
    key: &'static str,
    title: &'static str,
    shown: fn(&Device) -> Markup,
) -> Column<Device> {
    Column::of(key, title, |_| Value::None).shown(shown)
}

const COLUMNS: &[Column<Device>] = &[
    column("name", "Name", name),
    column(
        "ip",
        "Address",
        |one| html! { a href={ "/devices/" (one.id) } { (address(one)) } },
    )
    .class("mono"),
    column("make", "What it is", |one| html! { (one.make()) }),
    column("does", "Does", |one| html! { (one.does()) }),
    column(
        "unit",
        "Unit",
        |one| html! { (listed(one).map_or("", |l| &l.unit)) },
    ),
    column(
        "role",
        "Role",
        |one| html! { (listed(one).map_or_else(String::new, |l| l.roles.join(", "))) },
    ),
    column(
        "protocols",
        "Speaks",
        |one| html! { (one.protocols.join(", ")) },
    ),
    column("first_seen", "First seen", |one| {
        marks::when(&one.first_seen)
    })
    .class("when"),
    column("last_seen", "Last seen", |one| marks::when(&one.last_seen)).class("when"),
];

const TABLE: Table<'_, Device> = Table {
    name: "Devices",
    by: "sort",
    usual: "name",
    csv: "/devices.csv",
    columns: COLUMNS,
    href: |one| Some(format!("/devices/{}", one.id)),
};

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
        (page::search_box(&view, "devices", "a name, an address, a vendor, a title"))
        div.with-side {
            aside aria-label="Narrow down" { (sides(&view, &shown.found)) }
            div #rows data-live {
                p.count {
                    (marks::grouped(u64::try_from(shown.found.devices).unwrap_or(0))) " devices · "
                    a href="/devices/list" { "the hospital's list" }
                }
                @if shown.devices.is_empty() { (nothing(&view)) } @else { (TABLE.show(&view, &shown.devices)) }
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
    Ok(table::download("devices.csv", text.await?))
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

fn nothing(view: &View) -> Markup {
    table::empty(&html! {
        @if view.is_plain() {
            p { strong { "No device is known yet." } " Devices appear some seconds after they talk. If the mirror is on, look at "
                a href="/network" { "the doctor's findings" } "." }
        } @else { p { strong { "No device is like this." } " Take one of the marks on the side away, or look at " a href="/devices" { "everything" } "." } }
    })
}
