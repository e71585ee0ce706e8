//! What passed between devices, and the pumps that messages named: for the summary that `inspect`
//! prints.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::config::{DEVICE_BYTES_MAX, NAMES_MAX};

/// Counts by name; names beyond a bound are counted together.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Each name with its count.
    pub counts: BTreeMap<String, u64>,
    /// What had other names.
    pub other: u64,
}

impl Tally {
    pub(super) fn add(&mut self, name: &str) {
        if let Some(count) = self.counts.get_mut(name) {
            *count = count.saturating_add(1);
        } else if self.counts.len() < NAMES_MAX {
            self.counts.insert(name.to_owned(), 1);
        } else {
            self.other = self.other.saturating_add(1);
        }
    }
}

/// A pump that messages named, wherever they came from.
#[derive(Clone, Debug, Default)]
pub struct Pump {
    /// Manufacturer, if it was told.
    pub vendor: Option<String>,
    /// Model, if it was told.
    pub model: Option<String>,
    /// Serial number, if it was told.
    pub serial: Option<String>,
    /// Who sent what it reported: the pump, or its gateway.
    pub reported_by: BTreeSet<IpAddr>,
    /// Observations, orders and alarms that named it.
    pub events: u64,
    /// Orders among them.
    pub orders: u64,
}

/// What passed, bounded.
#[derive(Debug)]
pub(super) struct Census {
    pub(super) pumps: BTreeMap<String, Pump>,
    pub(super) messages: Tally,
    pub(super) acks: Tally,
    pub(super) dimse: Tally,
    pub(super) anomalies: Tally,
    pub(super) associations: Tally,
    pub(super) protocols: Tally,
    /// Recycled: the name of a message.
    name: String,
    max: usize,
    /// Times that a pump found no room.
    pub(super) refused: u64,
}

impl Census {
    pub(super) fn new(max: usize) -> Self {
        Self {
            pumps: BTreeMap::new(),
            messages: Tally::default(),
            acks: Tally::default(),
            dimse: Tally::default(),
            anomalies: Tally::default(),
            associations: Tally::default(),
            protocols: Tally::default(),
            name: String::new(),
            max,
            refused: 0,
        }
    }

    /// Counts a message by its type and trigger.
    pub(super) fn message(&mut self, message: &str, trigger: Option<&str>) {
        let Some(trigger) = trigger else {
            return self.messages.add(message);
        };
        self.name.clear();
        self.name.extend([message, "^", trigger]);
        self.messages.add(&self.name);
    }

    /// The pump of that name, if there is room to know it.
    pub(super) fn pump(&mut self, device: &str) -> Option<&mut Pump> {
        if device.len() > DEVICE_BYTES_MAX {
            self.refused = self.refused.saturating_add(1);
            return None;
        }
        if !self.pumps.contains_key(device) {
            if self.pumps.len() >= self.max {
                self.refused = self.refused.saturating_add(1);
                return None;
            }
            self.pumps.insert(device.to_owned(), Pump::default());
        }
        self.pumps.get_mut(device)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pumps_are_bounded() {
        let mut census = Census::new(2);
        assert!(["a", "b", "a"].iter().all(|id| census.pump(id).is_some()));
        assert!(census.pump("c").is_none());
        assert!(census.pump(&"x".repeat(DEVICE_BYTES_MAX + 1)).is_none());
        assert_eq!(census.refused, 2);
    }

    #[test]
    fn names_beyond_the_bound_are_counted_together() {
        let mut tally = Tally::default();
        (0..NAMES_MAX + 5).for_each(|n| tally.add(&n.to_string()));
        assert_eq!((tally.counts.len(), tally.other), (NAMES_MAX, 5));
    }
}
