//! What a driver counts beyond what all of them do: its extended statistics, a bounded choice.

#![expect(unsafe_code, reason = "DPDK is a C library")]

use std::ffi::CStr;
use std::ptr;

use dpdk_sys::{rte_eth_xstat, rte_eth_xstat_name, rte_eth_xstats_get, rte_eth_xstats_get_names};

/// The most of them that are told: some drivers have over a thousand.
const TOLD_MAX: usize = 64;

/// Words in the names of what is worth most to know.
const LOSSES: &[&str] = &[
    "err", "drop", "miss", "discard", "mbuf", "crc", "full", "overflow", "oversize", "jabber",
];

/// Those that are told, by their place among all.
#[derive(Debug, Default)]
pub(super) struct Extended {
    told: Vec<(usize, String)>,
    all: usize,
}

impl Extended {
    /// Those of an open port.
    pub(super) fn of(port: u16) -> Self {
        let names = names(port);
        Self {
            told: choose(&names),
            all: names.len(),
        }
    }

    /// Their values now.
    pub(super) fn read(&self, port: u16, into: &mut Vec<(String, u64)>) {
        let mut values = vec![rte_eth_xstat::default(); self.all];
        let room = u32::try_from(self.all).unwrap_or(0);
        // SAFETY: the port is open, and there is room for so many.
        let got = unsafe { rte_eth_xstats_get(port, values.as_mut_ptr(), room) };
        if usize::try_from(got).ok() != Some(self.all) {
            return;
        }
        into.clear();
        for (at, name) in &self.told {
            if let Some(value) = values.get(*at) {
                into.push((name.clone(), value.value));
            }
        }
    }
}

fn names(port: u16) -> Vec<String> {
    // SAFETY: the port is open; without room it only counts them.
    let count = unsafe { rte_eth_xstats_get_names(port, ptr::null_mut(), 0) };
    let mut names = vec![rte_eth_xstat_name::default(); usize::try_from(count).unwrap_or_default()];
    let room = u32::try_from(names.len()).unwrap_or(0);
    // SAFETY: the port is open, and there is room for so many.
    let got = unsafe { rte_eth_xstats_get_names(port, names.as_mut_ptr(), room) };
    if got != count {
        return Vec::new();
    }
    let text = |name: &rte_eth_xstat_name| {
        // SAFETY: DPDK ends names with a zero.
        let text = unsafe { CStr::from_ptr(name.name.as_ptr()) };
        text.to_string_lossy().into_owned()
    };
    names.iter().map(text).collect()
}

/// Losses first, then what is of the whole port; of what is sent, nothing.
fn choose(names: &[String]) -> Vec<(usize, String)> {
    let worth = |name: &str| {
        let loss = LOSSES.iter().any(|word| name.contains(word));
        (!loss, name.starts_with("rx_q"))
    };
    let mut all: Vec<(usize, String)> = names
        .iter()
        .cloned()
        .enumerate()
        .filter(|(_, name)| !name.starts_with("tx_"))
        .collect();
    all.sort_by_key(|(at, name)| (worth(name), *at));
    all.truncate(TOLD_MAX);
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_come_first_and_there_are_never_many() {
        let mut names: Vec<String> = (0..200).map(|n| format!("rx_q{n}_bytes")).collect();
        names.extend(["rx_good_packets", "tx_errors", "rx_missed_errors"].map(str::to_owned));
        let told = choose(&names);
        assert_eq!(told.len(), TOLD_MAX);
        let first: Vec<&str> = told.iter().take(3).map(|(_, name)| name.as_str()).collect();
        assert_eq!(
            first,
            ["rx_missed_errors", "rx_good_packets", "rx_q0_bytes"]
        );
        assert_eq!(told[0].0, 202);
        assert!(told.iter().all(|(_, name)| !name.starts_with("tx_")));
    }
}
