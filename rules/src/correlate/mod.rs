//! The correlator: one thread, everything in the one order, state across events.
//!
//! It is given records in the order of their keys and appends what comes of them to an [`Out`]. It
//! never writes: each output has its own thread and bounded queue.

use std::ops::Range;

use parsers::time::Time;

use crate::Severity;

/// What the correlator made of some records: finished lines, in order.
#[derive(Debug, Default)]
pub struct Out {
    /// The lines' bytes; each line ends with a line feed.
    pub arena: Vec<u8>,
    /// The lines.
    pub items: Vec<Item>,
}

/// One finished EVE line.
#[derive(Clone, Debug)]
pub struct Item {
    /// Where in the arena, line feed included.
    pub line: Range<u32>,
    /// Its `event_type`.
    pub event_type: &'static str,
    /// Its time stamp.
    pub time: Time,
    /// For an alert: its severity and the rule's id.
    pub alert: Option<AlertItem>,
}

/// What outputs need to know of an alert without reading the line.
#[derive(Clone, Debug)]
pub struct AlertItem {
    /// The rule's id.
    pub slug: std::sync::Arc<str>,
    /// How bad.
    pub severity: Severity,
    /// The first sentence.
    pub explain: Box<str>,
}
