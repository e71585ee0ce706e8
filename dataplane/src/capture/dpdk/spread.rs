//! How an adapter spreads flows over its queues: receive-side scaling (RSS), with a key that gives
//! both directions of a flow to one queue, and whether the adapter really has it.

#![expect(unsafe_code, reason = "DPDK is a C library")]

use std::ptr;

use dpdk_sys::{
    VW_RSS_FLOWS, VW_RSS_PORTS, rte_eth_dev_info, rte_eth_dev_rss_hash_conf_get,
    rte_eth_dev_rss_hash_update, rte_eth_rss_conf,
};

/// The key of a hash that is the same in both directions of a flow: two bytes, again and again, so
/// that exchanging addresses or ports exchanges what has the same key. (Woo and Park, "Scalable TCP
/// Session Monitoring with Symmetric Receive-side Scaling", 2012.) Some devices take 40 bytes of
/// it, some 52; drivers keep the pointer.
static KEY: [u8; 64] = {
    let mut key = [0x6d; 64];
    let mut at = 1;
    while at < key.len() {
        #[expect(clippy::indexing_slicing, reason = "below its length, when compiled")]
        {
            key[at] = 0x5a;
        }
        at += 2;
    }
    key
};

/// How flows come to queues.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Spread {
    /// There is one queue.
    #[default]
    OneQueue,
    /// By a hash that both directions of a flow share, as the device says itself.
    Symmetric {
        /// Whether ports are hashed beside addresses.
        ports: bool,
    },
    /// By a hash of another key: the device kept its own.
    Asymmetric,
    /// The device does not tell its key.
    Untold,
}

impl Spread {
    /// What the operator should know.
    pub(super) fn remark(self, driver: &str) -> Option<String> {
        let what = match self {
            Self::OneQueue | Self::Symmetric { .. } => return None,
            Self::Asymmetric => "keeps a hash key of its own, which is not symmetric",
            Self::Untold => "does not tell the key of its hash",
        };
        Some(format!(
            "{driver} {what}: both directions of a flow may come to different workers, which then \
             see half of it; set capture.dpdk.queues to 1"
        ))
    }
}

/// Whether a device can spread flows.
pub(super) const fn can(info: &rte_eth_dev_info) -> bool {
    info.flow_type_rss_offloads & VW_RSS_FLOWS != 0
}

/// What is wanted of a device that can.
pub(super) fn wanted(info: &rte_eth_dev_info) -> rte_eth_rss_conf {
    let len = match info.hash_key_size {
        0 => 40,
        len => usize::from(len).min(KEY.len()),
    };
    rte_eth_rss_conf {
        rss_key: KEY.as_ptr().cast_mut(),
        rss_key_len: u8::try_from(len).unwrap_or(40),
        rss_hf: info.flow_type_rss_offloads & VW_RSS_FLOWS,
    }
}

/// Asks a started port how it spreads, and tells it once more where it did not listen when it was
/// configured.
pub(super) fn of(port: u16, info: &rte_eth_dev_info, queues: u16) -> Spread {
    if queues < 2 {
        return Spread::OneQueue;
    }
    if !can(info) {
        return Spread::Untold;
    }
    let first = ask(port);
    if matches!(first, Spread::Symmetric { .. }) {
        return first;
    }
    let mut wanted = wanted(info);
    // SAFETY: the port is started, and the key is static; drivers only read it.
    if unsafe { rte_eth_dev_rss_hash_update(port, &raw mut wanted) } != 0 {
        return first;
    }
    ask(port)
}

fn ask(port: u16) -> Spread {
    let mut key = [0_u8; 256];
    let mut conf = rte_eth_rss_conf {
        rss_key: key.as_mut_ptr(),
        rss_key_len: u8::MAX,
        rss_hf: 0,
    };
    // SAFETY: the port is started; a key has a length of 8 bits, for which there is room.
    let asked = unsafe { rte_eth_dev_rss_hash_conf_get(port, &raw mut conf) };
    let len = usize::from(conf.rss_key_len);
    // A driver may take no key, or a pointer of its own.
    let told =
        asked == 0 && !conf.rss_key.is_null() && ptr::eq(conf.rss_key.cast_const(), key.as_ptr());
    match key.get(..len) {
        Some(key) if told && key.iter().any(|byte| *byte != 0) => judge(key, conf.rss_hf),
        _ => Spread::Untold,
    }
}

/// Toeplitz's hash is symmetric if its key repeats every 16 bits: the length that is told may be
/// more than is there, and the rest is zeros.
fn judge(key: &[u8], hashed: u64) -> Spread {
    let end = key.iter().rposition(|byte| *byte != 0).unwrap_or(0);
    let key = key.get(..=end).unwrap_or(key);
    let repeats = key.windows(3).all(|bytes| bytes.first() == bytes.last());
    if repeats && key.len() >= KEY_BYTES_MIN {
        return Spread::Symmetric {
            ports: hashed & VW_RSS_PORTS != 0,
        };
    }
    Spread::Asymmetric
}

/// What IPv6 addresses and ports need of a key.
const KEY_BYTES_MIN: usize = 40;

#[cfg(test)]
mod tests {
    use super::*;

    /// The hash that adapters compute: for each bit of the input that is set, the 32 bits of the
    /// key that begin there.
    fn toeplitz(input: &[u8]) -> u32 {
        let bit = |bytes: &[u8], at: usize| bytes[at / 8] >> (7 - at % 8) & 1;
        let window = |from| (from..from + 32).fold(0, |w, at| w << 1 | u32::from(bit(&KEY, at)));
        (0..input.len() * 8)
            .filter(|at| bit(input, *at) == 1)
            .fold(0, |hash, at| hash ^ window(at))
    }

    #[test]
    fn both_directions_of_a_flow_hash_alike() {
        for len in [4_u8, 16] {
            let (src, dest) = (vec![0xa7; len.into()], (0..len).collect::<Vec<_>>());
            let (client, server) = (49_152_u16.to_be_bytes(), 11_112_u16.to_be_bytes());
            let there = [&src[..], &dest, &client, &server].concat();
            let back = [&dest[..], &src, &server, &client].concat();
            assert_eq!(toeplitz(&there), toeplitz(&back));
            let other = [&src[..], &dest, &client, &client].concat();
            assert_ne!(toeplitz(&there), toeplitz(&other));
        }
    }

    #[test]
    fn a_key_is_judged_by_what_it_says() {
        let ports = Spread::Symmetric { ports: true };
        assert_eq!(judge(&KEY[..40], VW_RSS_FLOWS), ports);
        let mut padded = [0; 256];
        padded[..52].copy_from_slice(&KEY[..52]);
        assert_eq!(judge(&padded, VW_RSS_FLOWS), ports);
        let other: Vec<u8> = (1..=40).collect();
        assert_eq!(judge(&other, VW_RSS_FLOWS), Spread::Asymmetric);
        assert!(
            Spread::Asymmetric
                .remark("net_x")
                .unwrap()
                .contains("queues to 1")
        );
        assert_eq!(ports.remark("net_x"), None);
    }
}
