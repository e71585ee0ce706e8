//! How many requests an address may make, of IPv6 a /64: a bucket that fills steadily.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use crate::auth::throttle::network;
use crate::clock::Stopwatch;

/// Addresses that are remembered. Beyond it, those whose bucket is full again are forgotten, which
/// changes nothing for them, and if there is none, all.
const REMEMBERED_MAX: usize = 8_192;
/// How many seconds' worth may come at once.
const BURST: u32 = 10;

/// The buckets.
pub(super) struct Rate {
    per_second: f64,
    burst: f64,
    buckets: Mutex<HashMap<IpAddr, Bucket>>,
}

struct Bucket {
    level: f64,
    since: Stopwatch,
}

impl Rate {
    pub(super) fn new(per_second: u32) -> Self {
        Self {
            per_second: f64::from(per_second),
            burst: f64::from(per_second.saturating_mul(BURST)),
            buckets: Mutex::default(),
        }
    }

    /// Whether this address may make one more request now.
    pub(super) fn take(&self, address: IpAddr) -> bool {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= REMEMBERED_MAX {
            buckets.retain(|_, bucket| self.level(bucket) < self.burst);
            if buckets.len() >= REMEMBERED_MAX {
                buckets.clear();
            }
        }
        let bucket = buckets.entry(network(address)).or_insert_with(|| Bucket {
            level: self.burst,
            since: Stopwatch::start(),
        });
        let level = self.level(bucket);
        let enough = level >= 1.0;
        bucket.level = if enough { level - 1.0 } else { level };
        bucket.since = Stopwatch::start();
        enough
    }

    fn level(&self, bucket: &Bucket) -> f64 {
        let more = bucket.since.elapsed().as_secs_f64() * self.per_second;
        (bucket.level + more).min(self.burst)
    }
}

#[cfg(test)]
mod tests {
    use super::{BURST, Rate};

    #[test]
    fn one_address_runs_dry_and_others_do_not() {
        let rate = Rate::new(1);
        let (a, b) = ("10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap());
        let taken = (0..100).filter(|_| rate.take(a)).count();
        assert!(
            (BURST as usize..BURST as usize + 3).contains(&taken),
            "{taken}"
        );
        assert!(rate.take(b));
        let of_network = |n: u16| rate.take(format!("2001:db8::{n:x}").parse().unwrap());
        let taken = (0..100).filter(|n| of_network(*n)).count();
        assert!(
            taken < BURST as usize + 3,
            "one host has all of a /64: {taken}"
        );
    }
}
