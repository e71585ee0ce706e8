//! Against guessing: failures are counted by account and by address; too many lock for a while. In
//! memory, so that whoever guesses writes nothing.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::clock::Stopwatch;

/// Failures of one account before it is locked.
const OF_ACCOUNT_MAX: u32 = 8;
/// Failures from one address: several people may be behind it.
const OF_ADDRESS_MAX: u32 = 32;
/// For how long, and how long a failure counts.
const LOCKED: Duration = Duration::from_secs(15 * 60);
/// Accounts and addresses that are remembered; beyond it those that failed longest ago are forgotten.
const REMEMBERED_MAX: usize = 4_096;

/// The counts.
#[derive(Default)]
pub struct Throttle {
    accounts: Mutex<Table<String>>,
    addresses: Mutex<Table<IpAddr>>,
}

type Table<K> = HashMap<K, Failures>;

#[derive(Clone, Copy)]
struct Failures {
    count: u32,
    last: Stopwatch,
}

impl Throttle {
    /// For how long this account, or this address, has to wait before it may try.
    #[must_use]
    pub fn wait(&self, account: &str, address: IpAddr) -> Option<Duration> {
        let account = left(&self.accounts, &key(account), OF_ACCOUNT_MAX);
        let address = left(&self.addresses, &network(address), OF_ADDRESS_MAX);
        account.max(address)
    }

    /// It failed. Says whether that locked the account or the address.
    pub fn failed(&self, account: &str, address: IpAddr) -> bool {
        let account = count(&self.accounts, key(account)) == OF_ACCOUNT_MAX;
        let address = count(&self.addresses, network(address)) == OF_ADDRESS_MAX;
        account || address
    }

    /// It succeeded: the account's failures were its owner's. The address's stay.
    pub fn succeeded(&self, account: &str) {
        lock(&self.accounts).remove(&key(account));
    }
}

fn lock<K>(table: &Mutex<Table<K>>) -> std::sync::MutexGuard<'_, Table<K>> {
    table.lock().unwrap_or_else(PoisonError::into_inner)
}

fn left<K: Hash + Eq>(table: &Mutex<Table<K>>, key: &K, most: u32) -> Option<Duration> {
    let failures = lock(table).get(key).copied()?;
    let left = LOCKED.checked_sub(failures.last.elapsed())?;
    (failures.count >= most).then_some(left)
}

fn count<K: Hash + Eq + Clone>(table: &Mutex<Table<K>>, key: K) -> u32 {
    let mut table = lock(table);
    if table.len() >= REMEMBERED_MAX && !table.contains_key(&key) {
        forget(&mut table);
    }
    let failures = table.entry(key).or_insert_with(|| Failures {
        count: 0,
        last: Stopwatch::start(),
    });
    if failures.last.elapsed() > LOCKED {
        failures.count = 0;
    }
    failures.count = failures.count.saturating_add(1);
    failures.last = Stopwatch::start();
    failures.count
}

/// The older half.
fn forget<K: Hash + Eq>(table: &mut Table<K>) {
    let mut ages: Vec<Duration> = table.values().map(|f| f.last.elapsed()).collect();
    ages.sort_unstable();
    let middle = ages.get(ages.len() / 2).copied().unwrap_or_default();
    table.retain(|_, failures| failures.last.elapsed() < middle);
}

/// Names are the same whatever their case; endless ones are cut.
fn key(account: &str) -> String {
    account.chars().take(64).collect::<String>().to_lowercase()
}

/// Of IPv6 the /64: one host has all of it.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => IpAddr::V4(v4),
            None => IpAddr::V6((v6.to_bits() & !u128::from(u64::MAX)).into()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::{OF_ACCOUNT_MAX, OF_ADDRESS_MAX, REMEMBERED_MAX, Throttle, lock};

    #[test]
    fn an_account_is_locked_wherever_the_guesses_come_from() {
        let throttle = Throttle::default();
        for n in 0..OF_ACCOUNT_MAX {
            let from = std::net::Ipv4Addr::from(n).into();
            assert!(throttle.wait("anna", from).is_none());
            assert_eq!(throttle.failed("ANNA", from), n + 1 == OF_ACCOUNT_MAX);
        }
        let elsewhere = "10.9.9.9".parse().unwrap();
        assert!(throttle.wait("anna", elsewhere).is_some());
        assert!(throttle.wait("bert", elsewhere).is_none());
        throttle.succeeded("anna");
        assert!(throttle.wait("anna", elsewhere).is_none());
    }

    #[test]
    fn an_address_is_locked_whatever_the_account() {
        let throttle = Throttle::default();
        for n in 0..OF_ADDRESS_MAX {
            throttle.failed(&n.to_string(), format!("2001:db8::{n:x}").parse().unwrap());
        }
        assert!(
            throttle
                .wait("x", "2001:db8::ffff".parse().unwrap())
                .is_some()
        );
        assert!(
            throttle
                .wait("x", "2001:db8:1::1".parse().unwrap())
                .is_none()
        );
    }

    #[test]
    fn endless_names_do_not_grow_it() {
        let throttle = Throttle::default();
        for n in 0..REMEMBERED_MAX + 100 {
            throttle.failed(&n.to_string(), "10.0.0.1".parse().unwrap());
        }
        assert!(lock(&throttle.accounts).len() <= REMEMBERED_MAX);
        assert!(throttle.wait("x", "10.0.0.1".parse().unwrap()).is_some());
    }
}
