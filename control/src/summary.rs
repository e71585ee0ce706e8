//! What `inspect` tells people: what was seen, what was found, what was lost, what could not fire.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use parsers::time::Time;
use rules::Severity;
use rules::correlate::inventory::{Asset, Attribute, is_local};
use rules::correlate::{Summary, Tally};

use crate::inspect::{Report, evidence_dir};
use crate::ledger;
use crate::observed::{Observed, link_name};
use crate::ruleset::Loaded;
use crate::terminal::table;

/// Lines of one list; the rest is in eve.json.
const LIST_MAX: usize = 12;

/// The whole summary.
#[must_use]
pub fn text(report: &Report, loaded: &Loaded, eve: &Path, captures: &[PathBuf]) -> String {
    let mut text = String::new();
    seen(report, loaded, captures, &mut text);
    found(report, &mut text);
    lost(report, &mut text);
    unarmed(loaded, &mut text);
    line(&mut text, &format!("\nEvents: {}", eve.display()));
    if report.evidence > 0 {
        let dir = evidence_dir(eve);
        let of = if report.evidence == 1 {
            "alert"
        } else {
            "alerts"
        };
        line(
            &mut text,
            &format!(
                "Evidence of {} {of}: {}",
                grouped(report.evidence),
                dir.display()
            ),
        );
    }
    line(
        &mut text,
        "Vitalwire is no medical device and no alarm system; nothing here is for clinical decisions.",
    );
    text
}

fn line(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}

fn seen(report: &Report, loaded: &Loaded, captures: &[PathBuf], text: &mut String) {
    let frames = report.finished.snapshot.total(ledger::FRAMES_READ);
    let files = captures.len();
    let plural = if files == 1 { "" } else { "s" };
    let took = report.elapsed.as_secs_f64();
    line(
        text,
        &format!(
            "{files} capture{plural}: {} frames read in {took:.2} s",
            grouped(frames)
        ),
    );
    if let Some(span) = span(&report.seen) {
        line(text, &format!("  {span}"));
    }
    let links: Vec<String> = report
        .seen
        .links
        .keys()
        .map(|link| link_name(*link))
        .collect();
    if !links.is_empty() {
        line(text, &format!("  {}", links.join(", ")));
    }
    let rows = traffic(report);
    if !rows.is_empty() {
        line(text, "\nSeen");
        text.push_str(&table(&rows));
    }
    let summary = &report.finished.summary;
    devices(summary, loaded, text);
    block(text, "Hosts", hosts(summary));
    block(text, "Pumps", pumps(summary));
}

/// What passed, one row a subject.
fn traffic(report: &Report) -> Vec<Vec<String>> {
    let summary = &report.finished.summary;
    let events = &report.tally.events;
    let counted = events.iter().filter(|(name, _)| **name != "alert");
    let counted = counted.map(|(name, n)| format!("{name} {}", grouped(*n)));
    let rows = [
        listed("events", counted),
        listed("flows", of(&summary.protocols)),
        listed("DICOM associations", of(&summary.associations)),
        listed("DICOM commands", of(&summary.dimse)),
        listed("HL7 messages", of(&summary.messages)),
        listed("HL7 answers", of(&summary.acks)),
        listed("anomalies", of(&summary.anomalies)),
    ];
    rows.into_iter().flatten().collect()
}

/// Names with their counts, the most frequent first.
fn of(tally: &Tally) -> impl Iterator<Item = String> {
    let mut named: Vec<_> = tally.counts.iter().collect();
    named.sort_by(|(a, m), (b, n)| n.cmp(m).then(a.cmp(b)));
    let named = named.into_iter();
    named.map(|(name, n)| format!("{name} {}", grouped(*n)))
}

/// How many devices there are, of what make, and what the imported list knows of them.
fn devices(summary: &Summary, loaded: &Loaded, text: &mut String) {
    let assets = &summary.inventory.assets;
    if assets.is_empty() {
        return;
    }
    let mut makes = Tally::default();
    for asset in assets {
        let make = asset
            .single(Attribute::Manufacturer)
            .or_else(|| asset.vendor());
        if let Some(make) = make {
            let count = makes.counts.entry(make.to_owned()).or_default();
            *count = count.saturating_add(1);
        }
    }
    let count = |of: &dyn Fn(&Asset) -> bool| assets.iter().filter(|asset| of(asset)).count();
    let plural = if assets.len() == 1 { "" } else { "s" };
    line(text, &format!("\n{} device{plural}", assets.len()));
    let routers = count(&|asset| asset.router);
    let behind = count(&|asset| asset.mac().is_none());
    let random = count(&|asset| asset.mac().is_some_and(is_local));
    let kinds = [
        (routers, "routers"),
        (behind, "known by address alone"),
        (random, "with a made-up Ethernet address"),
    ];
    let kinds = kinds.into_iter().filter(|(n, _)| *n > 0);
    let mut rows: Vec<Vec<String>> = Vec::new();
    rows.extend(listed(
        "of these",
        kinds.map(|(n, what)| format!("{n} {what}")),
    ));
    rows.extend(listed("made by", of(&makes)));
    let list = loaded.ruleset.assets();
    if !list.is_empty() {
        let strangers = count(&|asset| list.find(asset.mac(), asset.ip, Some(asset)).is_none());
        let known = assets.len().saturating_sub(strangers);
        let words = format!("{known} of them in it, {strangers} not");
        rows.push(vec!["  your list".to_owned(), words]);
    }
    text.push_str(&table(&rows));
}

/// Addresses with the names that they go by.
fn hosts(summary: &Summary) -> Vec<Vec<String>> {
    let mut hosts = BTreeMap::<IpAddr, [Vec<&str>; 2]>::new();
    let of_kind = [&summary.ae_titles, &summary.applications];
    for (kind, names) in of_kind.into_iter().enumerate() {
        for (name, addresses) in names {
            for address in addresses {
                let known = hosts.entry(*address).or_default();
                if let Some(known) = known.get_mut(kind) {
                    known.push(name);
                }
            }
        }
    }
    let named = |label: &str, names: Vec<&str>| {
        let items = names.into_iter().map(str::to_owned);
        let row = listed(label, items).unwrap_or_default();
        row.join(" ").trim_start().to_owned()
    };
    let rows = hosts.into_iter().map(|(address, [titles, applications])| {
        vec![
            format!("  {address}"),
            named("AE", titles),
            named("HL7", applications),
        ]
    });
    rows.collect()
}

/// Pumps with what was said of them.
fn pumps(summary: &Summary) -> Vec<Vec<String>> {
    let times = |n: u64, what: &str| match n {
        0 => String::new(),
        1 => format!("1 {what}"),
        n => format!("{} {what}s", grouped(n)),
    };
    let rows = summary.pumps.iter().map(|(id, pump)| {
        let words = [&pump.vendor, &pump.model].into_iter().flatten();
        let words: Vec<&str> = words.map(String::as_str).collect();
        let reports = pump.events.saturating_sub(pump.orders);
        vec![
            format!("  {id}"),
            words.join(" "),
            times(reports, "report"),
            times(pump.orders, "order"),
        ]
    });
    rows.collect()
}

/// A heading and the first rows of a table under it; nothing without rows.
fn block(text: &mut String, heading: &str, mut rows: Vec<Vec<String>>) {
    if rows.is_empty() {
        return;
    }
    let more = rows.len().saturating_sub(LIST_MAX);
    rows.truncate(LIST_MAX);
    line(text, &format!("\n{heading}"));
    text.push_str(&table(&rows));
    if more > 0 {
        line(text, &format!("  and {more} more; all are in eve.json"));
    }
}

/// One row: a name, and as many items as fit a line; nothing without items.
fn listed(name: &str, items: impl Iterator<Item = String>) -> Option<Vec<String>> {
    let items: Vec<String> = items.collect();
    let mut text = items
        .iter()
        .take(LIST_MAX)
        .cloned()
        .collect::<Vec<_>>()
        .join(", ");
    if let Some(more) = items.len().checked_sub(LIST_MAX).filter(|more| *more > 0) {
        text.push_str(&format!(", and {more} more"));
    }
    (!items.is_empty()).then(|| vec![format!("  {name}"), text])
}

/// `2026-11-21T12:00:00 to 12:04:10 UTC, 4 min 10 s, 3.2 Mbit/s`.
fn span(seen: &Observed) -> Option<String> {
    let (first, last) = seen.span?;
    let text = |time: Time| {
        let mut text = Vec::new();
        rules::eve::timestamp(time, &mut text);
        let text = String::from_utf8_lossy(&text).replace('T', " ");
        text.chars().take(19).collect::<String>()
    };
    let seconds = std::time::Duration::from_nanos(u64::try_from(last.since(first)).unwrap_or(0));
    let rate = bits_per_second(seen.bytes, seconds);
    let (from, to) = (text(first), text(last));
    Some(format!(
        "{from} to {to} UTC, {} s{rate}",
        grouped(seconds.as_secs())
    ))
}

fn bits_per_second(bytes: u64, span: std::time::Duration) -> String {
    let bits = u128::from(bytes)
        .saturating_mul(8)
        .saturating_mul(1_000_000);
    let Some(rate) = bits.checked_div(span.as_micros()) else {
        return String::new();
    };
    let (rate, unit) = match rate {
        0..10_000 => (rate, "bit/s"),
        10_000..10_000_000 => (rate / 1_000, "kbit/s"),
        _ => (rate / 1_000_000, "Mbit/s"),
    };
    format!(", {rate} {unit} on average")
}

fn found(report: &Report, text: &mut String) {
    let alerts = &report.tally.alerts;
    let total: u64 = alerts.values().map(|alerts| alerts.count).sum();
    if total == 0 {
        line(text, "\nFound nothing that a rule alerts on.");
        return;
    }
    let mut by: Vec<_> = alerts.iter().collect();
    by.sort_by(|(a_id, a), (b_id, b)| {
        (b.severity, b.count)
            .cmp(&(a.severity, a.count))
            .then(a_id.cmp(b_id))
    });
    let severities: Vec<String> = Severity::ALL
        .iter()
        .rev()
        .filter_map(|severity| {
            let of = by.iter().filter(|(_, alerts)| alerts.severity == *severity);
            let count: u64 = of.map(|(_, alerts)| alerts.count).sum();
            (count > 0).then(|| format!("{count} {}", severity.word()))
        })
        .collect();
    let plural = if total == 1 { "" } else { "s" };
    line(
        text,
        &format!("\nFound {total} alert{plural}: {}", severities.join(", ")),
    );
    for (id, alerts) in by.iter().take(LIST_MAX) {
        let word = alerts.severity.word().to_uppercase();
        line(text, &format!("  {word:<8} {}", alerts.first));
        let more = match alerts.count.saturating_sub(1) {
            0 => String::new(),
            more => format!(", and {more} more"),
        };
        line(text, &format!("           {id}{more}"));
    }
    if let Some(more) = by.len().checked_sub(LIST_MAX).filter(|more| *more > 0) {
        line(
            text,
            &format!("  and {more} more rules; all alerts are in eve.json"),
        );
    }
}

fn lost(report: &Report, text: &mut String) {
    let losses = ledger::losses(&report.finished.snapshot);
    let errors = &report.finished.errors;
    if losses.is_empty() && errors.is_empty() {
        line(
            text,
            "\nNothing was lost: every frame was read and decoded.",
        );
        return;
    }
    line(text, "\nNot read, or lost");
    for error in errors {
        line(text, &format!("  {error}"));
    }
    let rows: Vec<Vec<String>> = losses
        .iter()
        .map(|loss| {
            vec![
                format!("  {}", grouped(loss.count)),
                format!("{}: {}", loss.stage, loss.cause),
                loss.help.to_owned(),
            ]
        })
        .collect();
    text.push_str(&table(&rows));
}

fn unarmed(loaded: &Loaded, text: &mut String) {
    let mut by_set: BTreeMap<String, usize> = BTreeMap::new();
    let unarmed = loaded.unarmed();
    for set in unarmed.iter().flat_map(|(_, sets)| sets) {
        let rules = by_set.entry(set.clone()).or_default();
        *rules = rules.saturating_add(1);
    }
    if by_set.is_empty() {
        return;
    }
    line(
        text,
        &format!(
            "\n{} rules are unarmed: set these in the configuration",
            unarmed.len()
        ),
    );
    for (set, rules) in by_set {
        let plural = if rules == 1 { "" } else { "s" };
        line(text, &format!("  sets.{set}  ({rules} rule{plural})"));
    }
}

/// `1 234 567`.
#[must_use]
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && digits.len().saturating_sub(at).checked_rem(3) == Some(0) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}
