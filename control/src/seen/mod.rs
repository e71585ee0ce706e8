//! What goes by, as the console shows it: who talks to whom, associations, messages, pumps. It is kept
//! in memory since the start, within bounds; protocol events are not stored. Devices are the
//! inventory's.

mod event;
mod medical;
mod pumps;
mod span;
mod watch;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

pub use medical::{Association, Flow, Messages};
pub use pumps::{Limits, Pump, Said, Told};
pub use span::{Span, Watched};
pub use watch::Watch;

/// Bounds: beyond them nothing new is taken, and counted.
const LINKS_MAX: usize = 20_000;
const PAIRS_MAX: usize = 4_000;
const PUMPS_MAX: usize = 4_000;
/// Characters of a value.
const CHARS_MAX: usize = 128;

/// Everything.
#[derive(Clone, Debug, Default)]
pub struct State {
    /// Conversations: who opened, with whom, in which protocol.
    pub links: BTreeMap<(IpAddr, IpAddr, String), Flow>,
    /// DICOM: who calls whom.
    pub associations: BTreeMap<(String, String), Association>,
    /// HL7: who sends what to whom.
    pub messages: BTreeMap<(String, String, String), Messages>,
    /// Pumps by their names.
    pub pumps: BTreeMap<String, Pump>,
    /// What is kept of all pumps together.
    pub told: Told,
    /// When anything was seen at all.
    pub watched: Watched,
    /// Events by their type.
    pub events: BTreeMap<&'static str, u64>,
    /// What found no room.
    pub cut: u64,
}

/// What was seen. Shared by the thread that watches and by pages.
#[derive(Debug, Default)]
pub struct Seen(Mutex<State>);

impl Seen {
    /// Looks, for as long as the watcher can wait: copy little.
    pub fn look<T>(&self, at: impl FnOnce(&State) -> T) -> T {
        at(&self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A thread that panicked while it held the lock leaves whole values behind.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place in a bounded table; nothing if it is full.
fn place<'a, K: Ord, V: Default>(
    table: &'a mut BTreeMap<K, V>,
    key: K,
    max: usize,
    cut: &mut u64,
) -> Option<&'a mut V> {
    if table.len() >= max && !table.contains_key(&key) {
        *cut = cut.saturating_add(1);
        return None;
    }
    Some(table.entry(key).or_default())
}

/// A value, not endless.
fn short(text: &str) -> String {
    if text.len() <= CHARS_MAX {
        return text.to_owned();
    }
    text.chars().take(CHARS_MAX).collect()
}
