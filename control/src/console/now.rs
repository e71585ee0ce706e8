//! Now: are we seeing everything, what needs a person, what changed since yesterday.

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use maud::{Markup, html};
use rusqlite::Connection;

use super::chart::{Bar, Chart};
use super::page::Page;
use super::{incidents, marks, network, table};
use crate::api::{Api, May, Problem, permit};
use crate::pulse::{self, SECONDS_MAX, Second};
use crate::store::views::findings::{self, Finding};
use crate::store::views::incidents::{self as stored, Incident};
use crate::store::views::overview;
use crate::store::words::{impact_word, now, severity_word};
use crate::store::{Error, precision};

const DAY: i64 = 86_400_000_000;
/// So many open incidents are shown, the worst; the others are counted.
const SHOWN_MAX: u32 = 25;
/// Of rules that are new since yesterday.
const FRESH_MAX: usize = 8;

pub(super) fn routes() -> Router<Api> {
    Router::new().route("/", get(show))
}

/// What the store knows of now.
struct Known {
    open: Vec<Incident>,
    /// How many are open, by clinical impact.
    impacts: [u64; 4],
    findings: Vec<Finding>,
    today: [u64; 5],
    before: [u64; 5],
    loads: u64,
    /// Rules that fired since yesterday and not the day before, with how often.
    fresh: Vec<(String, u64)>,
}

async fn show(State(api): State<Api>, who: May<permit::Read>) -> Result<Response, Problem> {
    let known = api.read(look).await?;
    let devices = super::devices::since(&api, now().saturating_sub(DAY));
    let body = html! {
        (seeing(&api))
        (open(&known, &api))
        (changed(&api, &known, devices))
    };
    Ok(Page {
        title: "Now",
        here: "/",
        who: &who,
        body,
    }
    .show(&api))
}

fn look(conn: &Connection) -> Result<Known, Error> {
    let now = now();
    let since = now.saturating_sub(DAY);
    Ok(Known {
        open: stored::worst(conn, SHOWN_MAX)?,
        impacts: stored::open(conn)?,
        findings: findings::list(conn, Some("open"))?,
        today: overview::severities(conn, since, now)?,
        before: overview::severities(conn, since.saturating_sub(DAY), since)?,
        loads: overview::loads_since(conn, since)?,
        fresh: fresh(conn, since)?,
    })
}

fn fresh(conn: &Connection, since: i64) -> Result<Vec<(String, u64)>, Error> {
    let today = precision::precision(conn, since)?;
    let both = precision::precision(conn, since.saturating_sub(DAY))?;
    let only = today.into_iter().filter(|one| both.contains(one));
    let mut fresh: Vec<(String, u64)> = only.map(|one| (one.slug, one.alerts)).collect();
    fresh.sort_by_key(|(_, alerts)| std::cmp::Reverse(*alerts));
    fresh.truncate(FRESH_MAX);
    Ok(fresh)
}

fn seeing(api: &Api) -> Markup {
    let seconds = api.health().pulse();
    let blind = api.blind().filter(|_| !seconds.is_empty());
    let sum = pulse::sum(&seconds);
    html! {
        section aria-labelledby="seeing" {
            h1 #seeing { @match (&blind, seconds.is_empty(), sum.lost) {
                (Some(why), ..) => { "We are blind: " (why) }
                (None, true, _) => "We do not know yet what we see",
                (None, false, 0) => "We see everything that the mirror sends",
                (None, false, _) => "We see, but not everything",
            } }
            @if blind.is_some() { p { "No alert will come from this. " a href="/network" { "What to do" } } }
            div.charts #pulse data-live {
                (minutes(&seconds, "frames", "Packets", "", |second| second.frames))
                (minutes(&seconds, "lost", "Lost frames", "loss", |second| second.lost))
            }
        }
    }
}

/// The last hour in minutes; minutes from before the start were not seen.
pub(super) fn minutes(
    seconds: &[Second],
    id: &str,
    title: &str,
    class: &str,
    of: fn(&Second) -> u64,
) -> Markup {
    const MINUTE: i64 = 60_000_000;
    let end = now();
    let first = end.saturating_sub(
        i64::try_from(SECONDS_MAX)
            .unwrap_or(3_600)
            .saturating_mul(1_000_000),
    );
    let bars: Vec<Bar> = (0..60)
        .map(|minute: i64| {
            let from = first.saturating_add(minute.saturating_mul(MINUTE));
            let within = seconds
                .iter()
                .filter(|second| (from..from.saturating_add(MINUTE)).contains(&second.at));
            let values: Vec<u64> = within.map(of).collect();
            let value = (!values.is_empty()).then(|| values.iter().sum());
            Bar { at: from, value }
        })
        .collect();
    Chart {
        id,
        title,
        unit: "a minute",
        each: "a minute",
        class,
        bars: &bars,
    }
    .show()
}

fn open(known: &Known, api: &Api) -> Markup {
    let all: u64 = known.impacts.iter().sum();
    let impacts = (0_i32..4).zip(known.impacts).rev();
    let impacts = impacts.map(|(rank, count)| (impact_word(rank.into()), count));
    html! {
        section #open data-live aria-labelledby="open-title" {
            h2 #open-title { "Needs a person" }
            @if known.open.is_empty() {
                (table::empty(&nothing(api)))
            } @else {
                p.line { @if all > u64::from(SHOWN_MAX) { "The worst " (SHOWN_MAX) " of " }
                    (marks::grouped(all)) @if all == 1 { " open incident" } @else { " open incidents" } "; by clinical impact: "
                    @for (impact, count) in impacts {
                        (marks::impact(impact)) " " strong { (marks::grouped(count)) } " "
                    }
                }
                (incidents::list(known.open.iter(), &api.desk().devices().now()))
                p { a href="/incidents" { "All incidents" } " · " a href="/alerts?status=open" { "Open alerts" } }
            }
        }
    }
}

/// Why there is nothing, and what would change that.
pub(super) fn nothing(api: &Api) -> Markup {
    let (_, loaded) = api.desk().in_force();
    let (armed, unarmed) = loaded.counts();
    let mut lists: Vec<String> = loaded
        .unarmed()
        .into_iter()
        .flat_map(|(_, lists)| lists)
        .collect();
    lists.sort();
    lists.dedup();
    html! {
        p { strong { "Nothing open." } " " (armed) " rules are armed." }
        @if unarmed > 0 {
            p { a href="/rules?state=unarmed" { (unarmed) " rules" } " wait for "
                @for (at, list) in lists.iter().take(4).enumerate() { @if at > 0 { ", " } code { "$" (list) } }
                @if lists.len() > 4 { " and " (lists.len() - 4) " more" }
                ": import your list." }
        }
    }
}

fn changed(api: &Api, known: &Known, devices: usize) -> Markup {
    let rows = (0..5).rev().map(|at: usize| {
        let of = |counts: &[u64; 5]| counts.get(at).copied().unwrap_or(0);
        let word = severity_word(i64::try_from(at).unwrap_or(0));
        (word, of(&known.today), of(&known.before))
    });
    html! {
        section #changed data-live aria-labelledby="changed-title" {
            h2 #changed-title { "Since yesterday" }
            div.columns {
                div { h3 { "Alerts" } table {
                    thead { tr { th { "Severity" } th.number { "24 h" } th.number { "24 h before" } } }
                    tbody { @for (word, today, before) in rows { tr {
                        td { (marks::severity(word)) }
                        td.number { a href={ "/alerts?since=24h&severity=" (word) } { (marks::grouped(today)) } }
                        td.number { (marks::grouped(before)) }
                    } } }
                } }
                div {
                    h3 { "The mirror and the appliance" }
                    @if known.findings.is_empty() {
                        p { (network::unjudged(api).unwrap_or("The doctor finds nothing wrong.")) }
                    } @else {
                        ul { @for finding in &known.findings { li {
                            (marks::severity(finding.severity)) " " (finding.explain) " "
                            span.dim { (finding.what_to_do) }
                        } } }
                    }
                    p { a href="/devices?new=24h" { (devices) " new devices" } ", "
                        a href="/rules/history" { (known.loads) @if known.loads == 1 { " change of rules" } @else { " changes of rules" } } "." }
                }
                div {
                    h3 { "Fired since yesterday, not the day before" }
                    @if known.fresh.is_empty() { p.dim { "No rule." } }
                    ul { @for (rule, alerts) in &known.fresh { li {
                        a.mono href={ "/alerts?since=24h&rule=" (rule) } { (rule) } " " (marks::grouped(*alerts))
                    } } }
                }
            }
        }
    }
}
