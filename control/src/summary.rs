//! What `inspect` tells people: what was seen, what was found, what was lost, what could not fire.

use std::path::{Path, PathBuf};

use rules::Severity;

use crate::inspect::Report;
use crate::ledger;
use crate::ruleset::Loaded;
use crate::terminal::table;

/// Lines of one list; the rest is in eve.json.
const LIST_MAX: usize = 12;

/// The whole summary.
#[must_use]
pub fn text(report: &Report, loaded: &Loaded, eve: &Path, captures: &[PathBuf]) -> String {
    let mut text = String::new();
    seen(report, captures, &mut text);
    found(report, &mut text);
    lost(report, &mut text);
    unarmed(loaded, &mut text);
    line(&mut text, &format!("\nEvents: {}", eve.display()));
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

fn seen(report: &Report, captures: &[PathBuf], text: &mut String) {
    let snapshot = &report.finished.snapshot;
    let frames = snapshot.total(ledger::FRAMES_READ);
    let files = captures.len();
    let plural = if files == 1 { "" } else { "s" };
    line(
        text,
        &format!(
            "Read {files} capture{plural}: {} frames in {:.2} s",
            grouped(frames),
            report.elapsed.as_secs_f64()
        ),
    );
    let events: Vec<Vec<String>> = report
        .tally
        .events
        .iter()
        .map(|(name, count)| vec![format!("  {name}"), grouped(*count)])
        .collect();
    if !events.is_empty() {
        line(text, "\nSeen");
        text.push_str(&table(&events));
    }
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
    line(
        text,
        &format!("\nFound {total} alerts: {}", severities.join(", ")),
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
    let mut by_set: std::collections::BTreeMap<String, usize> = std::collections::BTreeMap::new();
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
