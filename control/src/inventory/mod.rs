//! The inventory of devices: the hospital's own list imported, what was learnt kept across
//! restarts, both joined and shown.

mod devices;
mod export;
mod import;
mod learnt;
pub mod search;
mod sheet;
mod state;
mod view;

pub use devices::{Devices, Known, Now};
pub use export::run;
pub use import::{Imported, Mistake, Mistakes, UPLOADED, contact, decode, import, parse};
pub use learnt::Learnt;
pub use sheet::csv;
pub use state::{FILE_NAME, load, save};
pub use view::{Device, Entry, Fact, Peer, Whole};

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
