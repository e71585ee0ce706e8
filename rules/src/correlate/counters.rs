//! What the correlator counts.

use std::collections::BTreeMap;
use std::sync::Arc;

use parsers::catalogue::Kind;
use parsers::kinds;

use super::Correlator;
use super::census::{Pump, Tally};
use super::inventory::{Attribute, Snapshot};
use crate::{Ruleset, Severity};

/// Name, help, labels and value of a counter that only grows.
pub type Counter = (&'static str, &'static str, Vec<(&'static str, String)>, u64);

/// What came of one rule.
#[derive(Clone, Debug)]
pub struct RuleTally {
    /// The rule's id.
    pub slug: Arc<str>,
    /// Its title.
    pub title: String,
    /// How bad.
    pub severity: Severity,
    /// Alerts written.
    pub alerts: u64,
    /// Repeats held back.
    pub held: u64,
    /// Alerts that a suppression took out.
    pub suppressed: u64,
    /// Alerts of a rule in shadow: counted, not written.
    pub shadow: u64,
}

/// What was seen and found: what `inspect` prints.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// DICOM application entities, each with the addresses that used the title.
    pub ae_titles: BTreeMap<String, std::collections::BTreeSet<std::net::IpAddr>>,
    /// HL7 applications, each with the addresses that sent as it.
    pub applications: BTreeMap<String, std::collections::BTreeSet<std::net::IpAddr>>,
    /// The devices that are known.
    pub inventory: Snapshot,
    /// Pumps by device identifier.
    pub pumps: BTreeMap<String, Pump>,
    /// HL7 messages by type and trigger.
    pub messages: Tally,
    /// HL7 acknowledgments by code.
    pub acks: Tally,
    /// DIMSE messages by command.
    pub dimse: Tally,
    /// Anomalies by name.
    pub anomalies: Tally,
    /// DICOM associations: `requested`, `accepted`, `rejected`, `aborted`.
    pub associations: Tally,
    /// Finished flows by the protocol that was recognised.
    pub protocols: Tally,
    /// Rules that were met, worst first, then by id.
    pub rules: Vec<RuleTally>,
    /// Rules that cannot fire, each with the sets that are empty.
    pub unarmed: Vec<(Arc<str>, Vec<String>)>,
    /// HL7 messages whose acknowledgment was not seen.
    pub never_acked: u64,
    /// Things that did not fit a bound.
    pub bounds_hit: u64,
}

/// Rules that cannot fire because a set that they rest on is empty.
fn unarmed(ruleset: &Ruleset) -> Vec<(Arc<str>, Vec<String>)> {
    let rules = ruleset.rules().iter();
    rules
        .filter_map(|rule| {
            let sets = rule.armed.as_ref().err()?;
            Some((Arc::clone(&rule.id), sets.clone()))
        })
        .collect()
}

impl Correlator {
    /// What was seen and found so far.
    #[must_use]
    pub fn summary(&self) -> Summary {
        let mut rules: Vec<RuleTally> = self.tallies.values().cloned().collect();
        rules.sort_by(|a, b| {
            b.severity
                .cmp(&a.severity)
                .then_with(|| a.slug.cmp(&b.slug))
        });
        Summary {
            ae_titles: self.inventory.by_value(Attribute::AeTitle),
            applications: self.inventory.by_value(Attribute::Application),
            inventory: self.snapshot(),
            pumps: self.census.pumps.clone(),
            messages: self.census.messages.clone(),
            acks: self.census.acks.clone(),
            dimse: self.census.dimse.clone(),
            anomalies: self.census.anomalies.clone(),
            associations: self.census.associations.clone(),
            protocols: self.census.protocols.clone(),
            rules,
            unarmed: self.ruleset().map_or_else(Vec::new, |set| unarmed(set)),
            never_acked: self.acks.never_acked,
            bounds_hit: self.bounds().iter().map(|(_, count)| count).sum(),
        }
    }

    /// How often each bound was hit.
    fn bounds(&self) -> [(&'static str, u64); 8] {
        let keys = self.windows.values().map(super::window::Windows::evicted);
        [
            ("count_keys", self.forgotten_keys.saturating_add(keys.sum())),
            ("repeats", self.repeats.evicted()),
            ("pending_messages", self.acks.evicted()),
            ("bindings", self.bindings.evicted()),
            ("pumps", self.census.refused),
            ("assets", self.inventory.evicted()),
            ("asset_facts", self.inventory.cut()),
            ("open_pairs", self.opens.dropped),
        ]
    }

    /// All counters, for metrics and stats.
    #[must_use]
    pub fn counters(&self) -> Vec<Counter> {
        let mut all: Vec<Counter> = self.by_severity();
        for tally in self.tallies.values() {
            let rule = || vec![("rule", tally.slug.to_string())];
            let alerts = "Alerts written, by rule.";
            let shadow = "Alerts of rules in shadow, not written.";
            let held =
                "Repeats of an alert held back for a minute or longer; the next alert counts them.";
            let suppressed = "Alerts that a suppression took out.";
            let prefix = [
                (
                    "vitalwire_correlator_rule_alerts_total",
                    alerts,
                    tally.alerts,
                ),
                (
                    "vitalwire_correlator_shadow_alerts_total",
                    shadow,
                    tally.shadow,
                ),
                ("vitalwire_correlator_repeats_held_total", held, tally.held),
                (
                    "vitalwire_correlator_suppressed_alerts_total",
                    suppressed,
                    tally.suppressed,
                ),
            ];
            let told = prefix.into_iter().filter(|(_, _, value)| *value > 0);
            all.extend(told.map(|(name, help, value)| (name, help, rule(), value)));
        }
        for (bound, value) in self.bounds() {
            let help = "What was forgotten or left out because a bound was hit.";
            let labels = vec![("bound", bound.to_owned())];
            all.push(("vitalwire_correlator_bounds_hit_total", help, labels, value));
        }
        all.push(self.evidence.counter());
        all.extend(self.plain());
        all.extend(self.by_kind());
        all
    }

    fn by_kind(&self) -> Vec<Counter> {
        let of = |(kind, seen): (&&Kind, &u64)| {
            let labels = vec![("kind", kind.name.to_owned())];
            let help = "Events, by kind.";
            ("vitalwire_correlator_events_total", help, labels, *seen)
        };
        kinds::ALL.iter().zip(&self.events).map(of).collect()
    }

    fn by_severity(&self) -> Vec<Counter> {
        let of = |severity: Severity| {
            let rules = self.tallies.values().filter(|t| t.severity == severity);
            let help = "Alerts written, by severity.";
            let labels = vec![("severity", severity.word().to_owned())];
            let sum = rules.map(|t| t.alerts).sum();
            ("vitalwire_correlator_alerts_total", help, labels, sum)
        };
        Severity::ALL.map(of).into()
    }

    fn plain(&self) -> Vec<Counter> {
        let plain = [
            (
                "vitalwire_correlator_records_total",
                "Records that workers sent.",
                self.records,
            ),
            (
                "vitalwire_correlator_lines_total",
                "Lines written: events and alerts.",
                self.lines,
            ),
            (
                "vitalwire_correlator_lines_cut_total",
                "Lines that lost members to stay within 64 KiB.",
                self.lines_cut,
            ),
            (
                "vitalwire_correlator_acks_matched_total",
                "HL7 acknowledgments whose message was seen.",
                self.acks.matched,
            ),
            (
                "vitalwire_correlator_acks_unmatched_total",
                "HL7 acknowledgments whose message was not seen.",
                self.acks.unmatched,
            ),
            (
                "vitalwire_correlator_messages_never_acked_total",
                "HL7 messages whose acknowledgment was not seen within ten minutes.",
                self.acks.never_acked,
            ),
            (
                "vitalwire_correlator_bindings_changed_total",
                "IP addresses that another Ethernet address claimed within a minute.",
                self.bindings.changed,
            ),
            (
                "vitalwire_correlator_clock_steps_total",
                "Times that packet time jumped by over an hour.",
                self.clock_steps,
            ),
        ];
        let labelled = plain.into_iter();
        labelled
            .map(|(name, help, value)| (name, help, Vec::new(), value))
            .collect()
    }

    /// Rules that cannot fire now, for a gauge.
    #[must_use]
    pub fn unarmed(&self) -> usize {
        self.ruleset().map_or(0, |set| unarmed(set).len())
    }
}
