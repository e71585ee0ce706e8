//! What the writer does once a second between transactions, in small steps: tells of incidents that
//! grew, empties the outbox, retires what is old, looks how much there is.

use std::sync::atomic::Ordering;

use rusqlite::TransactionBehavior;

use super::change::{Change, OwnLine};
use super::counts::add;
use super::error::Error;
use super::writer::Writer;
use super::{incidents, retention};
use crate::outbox;

/// Incidents told in one step.
const INCIDENTS: u32 = 1000;
/// So many steps pass between two looks at the backlog: it reads an index from end to end.
const STEPS_A_LOOK: u32 = 5;

/// So many steps pass before it looks again for what is too old: each time it says so in the log.
const STEPS_A_PASS: u32 = 300;

/// How far it is.
#[derive(Default)]
pub(super) struct Upkeep {
    steps: u32,
    /// There is more to do at once.
    more: bool,
    /// There is more that is too old.
    retiring: bool,
    /// It was said that there is no room and nothing may go.
    told_full: bool,
}

impl Upkeep {
    pub(super) const fn has_more(&self) -> bool {
        self.more
    }

    /// Something is wrong: what is left is done later.
    pub(super) const fn rest(&mut self) {
        self.more = false;
    }
}

/// A step. Gives the lines that eve.json gets of it.
pub(super) fn step(writer: &mut Writer) -> Result<Vec<OwnLine>, Error> {
    let upkeep = &mut writer.upkeep;
    let bytes = retention::used(&writer.conn)?;
    writer.counts.bytes.store(bytes, Ordering::Relaxed);
    let tx = writer
        .conn
        .transaction_with_behavior(TransactionBehavior::Immediate)?;
    let change = Change::new(&tx, &writer.settings.eve, writer.settings.incident_window);
    let told = incidents::tell_grown(&change, INCIDENTS)?;
    let (dropped, more_to_trim) = outbox::trim(&change, writer.settings.outbox)?;
    let look = upkeep.retiring || upkeep.steps.is_multiple_of(STEPS_A_PASS);
    let forgotten = outbox::forget_gone(&change)?;
    let retired = retention::step(&change, &writer.settings, (bytes, look))?;
    let lines = change.into_lines();
    tx.commit()?;
    add(&writer.counts.alerts_deleted, retired.alerts);
    writer.outbox.dropped(&dropped);
    for sink in forgotten {
        writer.outbox.forget(&sink);
    }
    upkeep.retiring = look && retired.more;
    upkeep.more = more_to_trim || retired.more || told >= usize::try_from(INCIDENTS).unwrap_or(1);
    if retired.full && !upkeep.told_full {
        tracing::error!(
            bytes,
            "the store is full and nothing in it may go: raise store.max_size, or release holds"
        );
    }
    upkeep.told_full = retired.full;
    if upkeep.steps.is_multiple_of(STEPS_A_LOOK) {
        writer.outbox.look(&writer.conn)?;
        retention::shrink(&writer.conn)?;
    }
    upkeep.steps = upkeep.steps.wrapping_add(1);
    Ok(lines)
}
