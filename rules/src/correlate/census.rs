//! What was learnt of the devices on the network, and what passed between them: for `asset` events
//! and for the summary that `inspect` prints.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::config::{FACT_BYTES_MAX, FACTS_PER_ADDRESS_MAX, NAMES_MAX};

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

/// What is known of devices, bounded.
#[derive(Debug)]
pub(super) struct Census {
    facts: BTreeMap<(IpAddr, &'static str), BTreeSet<Box<str>>>,
    pub(super) pumps: BTreeMap<String, Pump>,
    pub(super) messages: Tally,
    pub(super) acks: Tally,
    pub(super) dimse: Tally,
    pub(super) anomalies: Tally,
    pub(super) associations: Tally,
    pub(super) protocols: Tally,
    /// Recycled: the name of a message.
    name: String,
    known: usize,
    max: usize,
    /// Facts that found no room.
    pub(super) refused: u64,
}

impl Census {
    pub(super) fn new(max: usize) -> Self {
        Self {
            facts: BTreeMap::new(),
            pumps: BTreeMap::new(),
            messages: Tally::default(),
            acks: Tally::default(),
            dimse: Tally::default(),
            anomalies: Tally::default(),
            associations: Tally::default(),
            protocols: Tally::default(),
            name: String::new(),
            known: 0,
            max,
            refused: 0,
        }
    }

    /// Learns a fact; says whether it is new.
    pub(super) fn learn(&mut self, ip: IpAddr, attribute: &'static str, value: &str) -> bool {
        if value.is_empty() {
            return false;
        }
        let known = self.facts.get(&(ip, attribute));
        if known.is_some_and(|values| values.contains(value)) {
            return false;
        }
        let crowded = known.is_some_and(|values| values.len() >= FACTS_PER_ADDRESS_MAX);
        if crowded || self.known >= self.max || value.len() > FACT_BYTES_MAX {
            self.refused = self.refused.saturating_add(1);
            return false;
        }
        self.known = self.known.saturating_add(1);
        let values = self.facts.entry((ip, attribute)).or_default();
        values.insert(value.into())
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
        if device.len() > FACT_BYTES_MAX {
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

    /// Every value of an attribute, each with the addresses that it is known of.
    pub(super) fn by_value(&self, attribute: &str) -> BTreeMap<String, BTreeSet<IpAddr>> {
        let mut found: BTreeMap<String, BTreeSet<IpAddr>> = BTreeMap::new();
        for ((ip, of), values) in &self.facts {
            if *of != attribute {
                continue;
            }
            for value in values {
                found.entry(value.to_string()).or_default().insert(*ip);
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fact_is_new_once_and_facts_are_bounded() {
        let mut census = Census::new(20);
        let ip: IpAddr = [10, 20, 1, 11].into();
        assert!(census.learn(ip, "ae_title", "CT01"));
        assert!(!census.learn(ip, "ae_title", "CT01"));
        assert!(!census.learn(ip, "ae_title", ""));
        assert!(!census.learn(ip, "ae_title", &"X".repeat(FACT_BYTES_MAX + 1)));
        let learnt = (0..100).filter(|n| census.learn(ip, "model", &n.to_string()));
        assert_eq!(learnt.count(), FACTS_PER_ADDRESS_MAX);
        let other: IpAddr = [10, 20, 1, 12].into();
        let learnt = (0..100).filter(|n| census.learn(other, "serial", &n.to_string()));
        assert_eq!(learnt.count(), 20 - FACTS_PER_ADDRESS_MAX - 1);
        assert_eq!(census.by_value("ae_title")["CT01"], BTreeSet::from([ip]));
        assert_eq!(census.refused, 1 + 84 + 97);
    }

    #[test]
    fn names_beyond_the_bound_are_counted_together() {
        let mut tally = Tally::default();
        (0..NAMES_MAX + 5).for_each(|n| tally.add(&n.to_string()));
        assert_eq!((tally.counts.len(), tally.other), (NAMES_MAX, 5));
    }
}
