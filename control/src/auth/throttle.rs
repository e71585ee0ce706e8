//! Against guessing: failures are counted by account and by address; too many lock for a while.
//!
//! The counts are in memory, so that whoever guesses writes nothing; but that something was locked is
//! in the audit log, and from there it is locked again after a restart. What a restart forgets are
//! failures that locked nothing yet: whoever can restart the appliance at will needs no password.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rusqlite::Connection;
use serde_json::{Value, json};

use crate::clock::Stopwatch;
use crate::store::audit::{self, Act};
use crate::store::{Change, Error};

/// Failures of one account before it is locked.
const OF_ACCOUNT_MAX: u32 = 8;
/// Failures from one address: several people may be behind it.
const OF_ADDRESS_MAX: u32 = 32;
/// For how long, and how long a failure counts.
const LOCKED: Duration = Duration::from_secs(15 * 60);
/// Accounts and addresses that are remembered; beyond it those that failed longest ago are forgotten.
const REMEMBERED_MAX: usize = 4_096;
/// The audit log's action.
const LOCK: &str = "login.locked";
/// At a start so many of the audit log's entries are looked at.
const LOOKED_AT_MAX: u32 = 100_000;

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

/// What one failure locked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Locked {
    account: bool,
    address: bool,
}

impl Locked {
    /// Whether it locked anything.
    #[must_use]
    pub const fn any(self) -> bool {
        self.account || self.address
    }

    /// Notes it in the audit log.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn log(self, change: &Change<'_>, account: &str, address: IpAddr) -> Result<(), Error> {
        let shown: String = account.chars().take(64).collect();
        let act = Act {
            actor: "system",
            action: LOCK,
            object: &format!("user:{shown}"),
        };
        let locked = json!({"account": self.account, "address": self.address});
        let detail = json!({"address": address.to_string(), "locked": locked});
        audit::append(change, act, &detail).map(drop)
    }
}

impl Throttle {
    /// For how long this account, or this address, has to wait before it may try.
    #[must_use]
    pub fn wait(&self, account: &str, address: IpAddr) -> Option<Duration> {
        let account = left(&self.accounts, &key(account), OF_ACCOUNT_MAX);
        let address = left(&self.addresses, &network(address), OF_ADDRESS_MAX);
        account.max(address)
    }

    /// It failed. Says what that locked.
    pub fn failed(&self, account: &str, address: IpAddr) -> Locked {
        Locked {
            account: count(&self.accounts, key(account)) == OF_ACCOUNT_MAX,
            address: count(&self.addresses, network(address)) == OF_ADDRESS_MAX,
        }
    }

    /// As the audit log has it: what was locked shortly before the start is locked for as long as it
    /// would have been. A password that somebody set meanwhile frees its account.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn restored(conn: &Connection, now: i64) -> Result<Self, Error> {
        let throttle = Self::default();
        let span = i64::try_from(LOCKED.as_micros()).unwrap_or(i64::MAX);
        let mut statement = conn.prepare(
            "SELECT action, object, detail, time FROM audit
             WHERE time > ?1 AND seq > (SELECT max(seq) FROM audit) - ?2
                 AND action IN (?3, 'user.change') ORDER BY seq",
        )?;
        let asked = rusqlite::params![now.saturating_sub(span), LOOKED_AT_MAX, LOCK];
        let mut rows = statement.query(asked)?;
        while let Some(row) = rows.next()? {
            let (action, object): (String, String) = (row.get(0)?, row.get(1)?);
            let detail: Value = serde_json::from_str(&row.get::<_, String>(2)?).unwrap_or_default();
            let account = object.strip_prefix("user:").unwrap_or_default();
            if action != LOCK {
                if is(&detail, "/password") {
                    throttle.succeeded(account);
                }
                continue;
            }
            let age = u64::try_from(now.saturating_sub(row.get(3)?)).unwrap_or(0);
            let last = Stopwatch::ago(Duration::from_micros(age));
            let full = |count| Failures { count, last };
            if is(&detail, "/locked/account") {
                lock(&throttle.accounts).insert(key(account), full(OF_ACCOUNT_MAX));
            }
            let address = detail.get("address").and_then(Value::as_str);
            let address = address.and_then(|text| text.parse().ok());
            if let Some(address) = address.filter(|_| is(&detail, "/locked/address")) {
                lock(&throttle.addresses).insert(network(address), full(OF_ADDRESS_MAX));
            }
        }
        Ok(throttle)
    }

    /// It succeeded: the account's failures were its owner's. The address's stay.
    pub fn succeeded(&self, account: &str) {
        lock(&self.accounts).remove(&key(account));
    }
}

/// Whether an entry of the audit log says so.
fn is(detail: &Value, pointer: &str) -> bool {
    detail.pointer(pointer) == Some(&Value::Bool(true))
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
#[must_use]
pub fn network(address: IpAddr) -> IpAddr {
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
    use std::time::Duration;

    use super::{LOCKED, Locked, OF_ACCOUNT_MAX, OF_ADDRESS_MAX, REMEMBERED_MAX, Throttle, lock};
    use crate::auth::users;
    use crate::store::tests::make::open;
    use crate::store::{Change, words};
    use crate::testing;

    #[test]
    fn an_account_is_locked_wherever_the_guesses_come_from() {
        let throttle = Throttle::default();
        for n in 0..OF_ACCOUNT_MAX {
            let from = std::net::Ipv4Addr::from(n).into();
            assert!(throttle.wait("anna", from).is_none());
            let locked = throttle.failed("ANNA", from).any();
            assert_eq!(locked, n + 1 == OF_ACCOUNT_MAX);
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
    fn a_lock_outlives_a_restart_and_ends_when_it_would_have() {
        let store = open(&testing::dir("throttle"));
        let address = "10.0.0.1".parse().unwrap();
        let write = |name: &'static str, locked: Locked| {
            let log = move |change: &Change<'_>| locked.log(change, name, address);
            store.write(log).unwrap();
        };
        let (yes, no) = (true, false);
        write(
            "Anna",
            Locked {
                account: yes,
                address: no,
            },
        );
        write(
            "bert",
            Locked {
                account: no,
                address: yes,
            },
        );
        let after = |span: Duration| {
            let micros = i64::try_from(span.as_micros()).unwrap();
            let now = words::now() + micros;
            let throttle = store.read(|conn| Throttle::restored(conn, now)).unwrap();
            let elsewhere = "10.9.9.9".parse().unwrap();
            let wait = |name, from| throttle.wait(name, from);
            (
                wait("anna", elsewhere),
                wait("bert", elsewhere),
                wait("carl", address),
            )
        };
        let minute = Duration::from_secs(60);
        let (anna, bert, carl) = after(minute);
        assert!(anna.is_some_and(|left| left <= LOCKED - minute), "{anna:?}");
        assert!(bert.is_none() && carl.is_some());
        assert_eq!(after(LOCKED + minute), (None, None, None));
        let edit = users::Edit {
            password: Some("x".to_owned()),
            ..users::Edit::default()
        };
        store
            .write(move |change| {
                users::create_first(change, "anna", "x")?;
                users::edit(change, "anna", &edit, "system")
            })
            .unwrap();
        assert_eq!(after(minute).0, None, "a new password frees the account");
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
