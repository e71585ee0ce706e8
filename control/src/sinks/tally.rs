//! Counts what went by, for the summary: alerts by rule, events by type.

use std::collections::BTreeMap;

use parsers::time::Time;
use rules::Severity;
use rules::correlate::Out;

use super::Sink;

/// The most rules that are told apart; there are fewer.
const RULES_MAX: usize = 16_384;

/// What went by.
#[derive(Debug, Default)]
pub struct Tally {
    /// Lines by event type.
    pub events: BTreeMap<&'static str, u64>,
    /// Alerts by rule.
    pub alerts: BTreeMap<String, Alerts>,
    /// The newest time stamp of any line.
    pub newest: Time,
}

/// The alerts of one rule.
#[derive(Debug)]
pub struct Alerts {
    /// How bad the worst was.
    pub severity: Severity,
    /// How many.
    pub count: u64,
    /// What the first one said.
    pub first: String,
}

impl Sink for Tally {
    fn take(&mut self, out: &Out) {
        for item in &out.items {
            self.newest = self.newest.max(item.time);
            let seen = self.events.entry(item.event_type).or_default();
            *seen = seen.saturating_add(1);
            let Some(alert) = &item.alert else {
                continue;
            };
            if let Some(known) = self.alerts.get_mut(&*alert.slug) {
                known.count = known.count.saturating_add(1);
                known.severity = known.severity.max(alert.severity);
            } else if self.alerts.len() < RULES_MAX {
                let first = Alerts {
                    severity: alert.severity,
                    count: 1,
                    first: alert.explain.to_string(),
                };
                self.alerts.insert(alert.slug.to_string(), first);
            }
        }
    }
}
