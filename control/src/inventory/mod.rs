//! The inventory of devices: the hospital's own list imported, what was learnt kept across
//! restarts, both shown.

mod export;
mod import;
mod state;

pub use export::{Known, run};
pub use import::{Imported, import, parse};
pub use state::{FILE_NAME, Keeper, load, save};

use std::collections::BTreeMap;

use rules::correlate::inventory::List;

/// The configured sets with what the roles of the list feed.
#[must_use]
pub fn sets(
    configured: &BTreeMap<String, Vec<String>>,
    list: &List,
) -> BTreeMap<String, Vec<String>> {
    let mut sets = configured.clone();
    for (name, entries) in list.sets() {
        sets.entry(name).or_default().extend(entries);
    }
    sets
}
