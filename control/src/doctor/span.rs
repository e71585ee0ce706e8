//! What the judge of a mirror port says, as findings with numbers behind them.

use dataplane::span::{self, Expect, Judge, Severity};
use parsers::time::{NANOS_PER_SEC, Time};
use serde_json::json;

use super::room::human;
use super::switch::{Dialect, commands};
use super::{Finding, Verdict};
use crate::config::Config;

/// What to expect of a mirror, in one window.
pub(super) fn expect(config: &Config, own: Option<[u8; 6]>) -> Expect {
    Expect {
        vlans: config.capture.expect_vlans.clone(),
        own,
        silent_after: 0,
    }
}

/// Everything that is to be said of a source: what was seen, and what is wrong with it. Of a
/// recording nobody knows the interface; commands then name `IF`.
pub(super) fn told(
    source: &str,
    interface: &str,
    judge: &Judge,
    now: Time,
    dialect: Option<Dialect>,
) -> Vec<Finding> {
    let found = judge.findings(now);
    let mut findings = seen(source, judge);
    findings.extend(found.iter().map(|finding| {
        let verdict = match finding.severity() {
            Severity::Note => Verdict::Note,
            Severity::Warn => Verdict::Warn,
            Severity::Fail => Verdict::Fail,
        };
        let what = finding.to_string();
        let mut told = Finding::span(source, finding.name(), verdict, what);
        told.switch = commands(finding, dialect);
        told.fix(finding.fix(interface))
    }));
    findings.extend(both_ways(source, judge, &found));
    findings
}

fn seen(source: &str, judge: &Judge) -> Vec<Finding> {
    let tally = judge.tally();
    if tally.frames == 0 {
        return Vec::new();
    }
    let (pairs, left_out) = judge.pairs();
    let tenths = judge.window().div_euclid(NANOS_PER_SEC / 10).max(1);
    let rate = tally.bytes.saturating_mul(10) / tenths.unsigned_abs().max(1);
    let what = format!(
        "{} frames in {}.{} s ({} a second), {pairs} address {}{}",
        tally.frames,
        tenths.div_euclid(10),
        tenths.rem_euclid(10),
        human(rate),
        if pairs == 1 { "pair" } else { "pairs" },
        if left_out > 0 { " and more" } else { "" }
    );
    let mut heard = Finding::span(source, "heard", Verdict::Ok, what);
    heard.facts = facts(judge);
    let vlans: Vec<String> = judge
        .vlans()
        .take(VLANS_SHOWN)
        .map(|(id, frames, _)| format!("{id} ({frames} frames)"))
        .collect();
    let more = judge.vlans().count().saturating_sub(VLANS_SHOWN);
    let vlans = match (vlans.is_empty(), more) {
        (true, _) => "frames carry no VLAN tag".to_owned(),
        (_, 0) => vlans.join(", "),
        (_, more) => format!("{} and {more} more", vlans.join(", ")),
    };
    let mut findings = vec![heard, Finding::span(source, "vlans", Verdict::Ok, vlans)];
    if tally.medical > 0 {
        let share = span::Share::new(tally.medical_bytes, tally.bytes);
        let what = format!(
            "{}% of the bytes and {} frames belong to DICOM or HL7",
            share.percent(),
            tally.medical
        );
        findings.push(Finding::span(source, "medical", Verdict::Ok, what));
    }
    findings
}

/// As many as fit on a line or two.
const VLANS_SHOWN: usize = 12;

fn both_ways(source: &str, judge: &Judge, found: &[span::Finding]) -> Option<Finding> {
    let one_sided = |f: &&span::Finding| matches!(f, span::Finding::OneSided { .. });
    (judge.tally().established > 0 && found.iter().find(one_sided).is_none()).then(|| {
        let what = "conversations show both directions";
        Finding::span(source, "directions", Verdict::Ok, what)
    })
}

fn facts(judge: &Judge) -> serde_json::Value {
    let tally = judge.tally();
    let (pairs, pairs_left_out) = judge.pairs();
    let vlan = |(id, frames, bytes)| json!({"id": id, "frames": frames, "bytes": bytes});
    let tunnels = tally.tunnels.iter().filter(|(kind, _)| !kind.is_empty());
    let tunnel = |(kind, frames): &(&str, u64)| json!({"kind": kind, "frames": frames});
    json!({
        "seconds": judge.window().max(0).div_euclid(NANOS_PER_SEC / 1000) as f64 / 1000.0,
        "frames": tally.frames,
        "bytes": tally.bytes,
        "address_pairs": pairs,
        "address_pairs_left_out": pairs_left_out,
        "broadcast_multicast": tally.group,
        "between_others": tally.foreign,
        "undecoded": tally.undecoded,
        "tcp_established": tally.established,
        "compared": tally.comparable,
        "duplicates": tally.again,
        "truncated_by_mirror": tally.cut_before,
        "truncated_by_capture": tally.cut_here,
        "giants": tally.giants,
        "longest": tally.longest,
        "checksums_checked": tally.checked,
        "checksums_wrong": tally.wrong,
        "medical_frames": tally.medical,
        "medical_bytes": tally.medical_bytes,
        "vlans": judge.vlans().map(vlan).collect::<Vec<_>>(),
        "tunnels": tunnels.map(tunnel).collect::<Vec<_>>(),
    })
}
