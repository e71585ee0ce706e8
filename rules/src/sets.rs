//! Named sets: `$archives` in a rule, `sets:` in a rule file (defaults) and in the configuration.
//!
//! A set is text until a rule looks into it; the field that is looked up gives it its type. One
//! set may have several types.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use hashbrown::{HashMap, HashSet};
use parsers::event::Value;

use crate::diagnostic::{At, Report, Span, did_you_mean};
use crate::expr::lexer::mac;
use crate::limits::{SET_ENTRIES_MAX, SETS_MAX};
use crate::program::{Net, bytes};

/// A set with a type.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) struct SetIx(u16);

/// What a set holds for a field.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum SetType {
    Ips,
    Texts,
    Ints,
    Macs,
}

/// A set, typed.
#[derive(Debug)]
pub(crate) enum Members {
    Ips(IpSet),
    Texts(HashSet<Box<[u8]>>),
    Ints(HashSet<i64>),
    Macs(HashSet<[u8; 6]>),
}

impl Members {
    /// Whether a value is in it; nothing where the value is of another type.
    pub(crate) fn contains(&self, value: Value<'_>) -> Option<bool> {
        match (self, value) {
            (Self::Ips(set), Value::Ip(ip)) => Some(set.contains(ip)),
            (Self::Ints(set), Value::Int(n)) => Some(set.contains(&n)),
            (Self::Macs(set), Value::Mac(mac)) => Some(set.contains(&mac)),
            (Self::Texts(set), text) => bytes(text).map(|text| set.contains(text)),
            _ => None,
        }
    }
}

/// A set of a rule set: its name, its entries, and whether somebody configured it.
#[derive(Clone, Debug, Default)]
pub struct Set {
    /// As written.
    pub entries: Vec<String>,
    /// Whether it comes from the configuration, not from a rule file's defaults.
    pub configured: bool,
    /// Where the defaults are, one an entry.
    spans: Vec<Span>,
}

impl Set {
    /// Whether an address is one of its entries, or in a network that is.
    #[must_use]
    pub fn lists(&self, ip: IpAddr) -> bool {
        IpSet::new(self.entries.iter().filter_map(|entry| net(entry))).contains(ip)
    }
}

/// All sets.
#[derive(Debug, Default)]
pub(crate) struct Sets {
    named: BTreeMap<String, Set>,
    typed: HashMap<(String, SetType), SetIx>,
    members: Vec<Arc<Members>>,
}

impl Sets {
    /// Takes the configured sets.
    pub(crate) fn new(configured: &BTreeMap<String, Vec<String>>, report: &mut Report<'_>) -> Self {
        let mut sets = Self::default();
        for (name, entries) in configured {
            if entries.len() > SET_ENTRIES_MAX {
                let message = format!("set `{name}` has more than {SET_ENTRIES_MAX} entries");
                report.error_nowhere("sets", message, None);
            }
            sets.named.insert(
                name.clone(),
                Set {
                    entries: entries.clone(),
                    configured: true,
                    spans: Vec::new(),
                },
            );
        }
        sets
    }

    /// Adds a rule file's default; several files' defaults add up, a configured set stands alone.
    pub(crate) fn add_default(
        &mut self,
        name: &At<String>,
        with: &[At<String>],
        report: &mut Report<'_>,
    ) {
        if self.named.len() >= SETS_MAX && !self.named.contains_key(&name.value) {
            report.error(name.span, format!("there are at most {SETS_MAX} sets"));
            return;
        }
        let set = self.named.entry(name.value.clone()).or_default();
        if set.configured {
            return;
        }
        if set.entries.len().saturating_add(with.len()) > SET_ENTRIES_MAX {
            let message = format!("a set has at most {SET_ENTRIES_MAX} entries");
            report.error(name.span, message);
            return;
        }
        for entry in with {
            set.entries.push(entry.value.clone());
            set.spans.push(entry.span);
        }
    }

    /// The set of that name.
    pub(crate) fn get(&self, name: &str) -> Option<&Set> {
        self.named.get(name)
    }

    /// All of them by name.
    pub(crate) const fn all(&self) -> &BTreeMap<String, Set> {
        &self.named
    }

    /// Whether a set is missing or empty.
    pub(crate) fn is_empty(&self, name: &str) -> bool {
        self.get(name).is_none_or(|set| set.entries.is_empty())
    }

    /// The name that was probably meant.
    pub(crate) fn near(&self, name: &str) -> Option<String> {
        did_you_mean(name, self.named.keys().map(String::as_str))
    }

    /// Gives a set a type. A set that nobody defined is empty.
    pub(crate) fn typed(&mut self, name: &str, ty: SetType, report: &mut Report<'_>) -> SetIx {
        if let Some(ix) = self.typed.get(&(name.to_owned(), ty)) {
            return *ix;
        }
        let empty = Set::default();
        let set = self.named.get(name).unwrap_or(&empty);
        let members = Arc::new(members(name, set, ty, report));
        let ix = SetIx(u16::try_from(self.members.len()).unwrap_or(u16::MAX));
        self.members.push(members);
        self.typed.insert((name.to_owned(), ty), ix);
        ix
    }

    /// A typed set's members.
    pub(crate) fn members(&self, ix: SetIx) -> Option<Arc<Members>> {
        self.members.get(usize::from(ix.0)).cloned()
    }
}

fn members(name: &str, set: &Set, ty: SetType, report: &mut Report<'_>) -> Members {
    let mut wrong = |at: usize, entry: &str, what: &str| {
        let message = format!("`{entry}` in set `{name}` is no {what}");
        let help = format!("a rule compares this set with {what} fields");
        match set.spans.get(at) {
            Some(span) => report.error_help(*span, message, help),
            None => report.error_nowhere("sets", message, Some(help)),
        }
    };
    let entries = set.entries.iter().map(|entry| entry.trim());
    match ty {
        SetType::Texts => Members::Texts(entries.map(|e| e.as_bytes().into()).collect()),
        SetType::Ips => {
            let nets = entries.enumerate().filter_map(|(at, e)| {
                let net = net(e);
                if net.is_none() {
                    wrong(at, e, "address");
                }
                net
            });
            Members::Ips(IpSet::new(nets))
        }
        SetType::Ints => Members::Ints(
            entries
                .enumerate()
                .filter_map(|(at, e)| {
                    let n = int(e);
                    if n.is_none() {
                        wrong(at, e, "whole number");
                    }
                    n
                })
                .collect(),
        ),
        SetType::Macs => Members::Macs(
            entries
                .enumerate()
                .filter_map(|(at, e)| {
                    let mac = mac(e);
                    if mac.is_none() {
                        wrong(at, e, "Ethernet address");
                    }
                    mac
                })
                .collect(),
        ),
    }
}

fn int(text: &str) -> Option<i64> {
    match text.strip_prefix("0x") {
        Some(hex) => i64::from_str_radix(hex, 16).ok(),
        None => text.parse().ok(),
    }
}

/// An address or a network.
pub(crate) fn net(text: &str) -> Option<Net> {
    let (ip, bits) = match text.split_once('/') {
        Some((ip, bits)) => (ip.parse::<IpAddr>().ok()?, Some(bits.parse().ok()?)),
        None => (text.parse::<IpAddr>().ok()?, None),
    };
    let full = if ip.is_ipv4() { 32 } else { 128 };
    let bits = bits.unwrap_or(full);
    (bits <= full).then_some(Net { ip, bits })
}

/// Addresses as sorted ranges that neither overlap nor touch, IPv4 apart from IPv6: `::/0` is no
/// IPv4 address.
#[derive(Debug, Default)]
pub(crate) struct IpSet {
    v4: Box<[(u128, u128)]>,
    v6: Box<[(u128, u128)]>,
}

impl IpSet {
    pub(crate) fn new(nets: impl IntoIterator<Item = Net>) -> Self {
        let mut v4 = Vec::new();
        let mut v6 = Vec::new();
        for net in nets {
            match net.ip {
                IpAddr::V4(ip) => v4.push(range(ip.to_bits().into(), 32, net.bits)),
                IpAddr::V6(ip) => v6.push(range(ip.to_bits(), 128, net.bits)),
            }
        }
        Self {
            v4: merged(v4),
            v6: merged(v6),
        }
    }

    pub(crate) fn contains(&self, ip: IpAddr) -> bool {
        let (ranges, ip) = match ip {
            IpAddr::V4(ip) => (&self.v4, ip.to_bits().into()),
            IpAddr::V6(ip) => (&self.v6, ip.to_bits()),
        };
        let after = ranges.partition_point(|range| range.0 <= ip);
        let at = after.checked_sub(1).and_then(|at| ranges.get(at));
        at.is_some_and(|range| ip <= range.1)
    }
}

/// The first and last address of a network.
fn range(ip: u128, full: u8, bits: u8) -> (u128, u128) {
    let host = u32::from(full.saturating_sub(bits));
    let host = 1_u128
        .checked_shl(host)
        .map_or(u128::MAX, |size| size.wrapping_sub(1));
    (ip & !host, ip | host)
}

fn merged(mut ranges: Vec<(u128, u128)>) -> Box<[(u128, u128)]> {
    ranges.sort_unstable();
    let mut merged: Vec<(u128, u128)> = Vec::with_capacity(ranges.len());
    for (low, high) in ranges {
        match merged.last_mut() {
            Some(last) if low <= last.1.saturating_add(1) => last.1 = last.1.max(high),
            _ => merged.push((low, high)),
        }
    }
    merged.into()
}
