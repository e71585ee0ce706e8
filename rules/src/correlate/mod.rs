//! The correlator: one thread, everything in the one order, state across events.
//!
//! It is given records in the order of their keys and appends what comes of them to an [`Out`]. It
//! never writes: each output has its own thread and bounded queue. It is pure: the same records in
//! the same order give the same bytes, whatever batches and workers they came in.
//!
//! What it does with an event, in this order: latency of an acknowledgment and the previous holder
//! of an address are appended, the event is written, each rule that it met is counted, held back,
//! suppressed or told, and what it says of devices is learnt: a rule sees of the inventory what
//! was known before its event.

mod acks;
mod alert;
mod bindings;
mod census;
mod config;
mod counters;
mod coverage;
mod evidence;
pub mod inventory;
mod learn;
mod line;
mod made;
mod matched;
mod opens;
mod recent;
mod repeats;
mod subject;
#[cfg(test)]
mod tests;

mod window;

use std::collections::BTreeMap;
use std::num::NonZeroU64;
use std::ops::Range;
use std::sync::Arc;

use parsers::event::Envelope;
use parsers::kinds;
use parsers::phi::Pseudonymizer;
use parsers::time::{NANOS_PER_SEC, Time};

pub use alert::GID;
pub use census::{Pump, Tally};
pub use config::{
    ACK_WAIT_NS, BINDING_NS, COVERAGE_SECS, Config, REPEAT_FLOWS_MAX, REPEAT_MAX_NS, REPEAT_NS,
};
pub use counters::{Counter, RuleTally, Summary};
pub use evidence::{CUT_HELP, CUT_NAME, EVIDENCE_FLOW_MAX, EVIDENCE_SECOND_MAX, Facts, Wanted};
pub use learn::{builtin_needs, matched_in_correlator};

use crate::eve::Eve;
use crate::record::{Batch, Body, EventBody, Phase, Record};
use crate::{Ruleset, Scratch, Severity};
use inventory::{Sides, Snapshot};
use subject::Subject;
use window::Windows;

/// What the correlator made of some records: finished lines, in order.
#[derive(Debug, Default)]
pub struct Out {
    /// The lines' bytes; each line ends with a line feed.
    pub arena: Vec<u8>,
    /// The lines.
    pub items: Vec<Item>,
    /// Alerts among them whose evidence is to be asked for.
    pub wanted: Vec<Wanted>,
}

/// One finished EVE line.
#[derive(Clone, Debug)]
pub struct Item {
    /// Where in the arena, line feed included.
    pub line: Range<u32>,
    /// Where in the arena the object of its kind begins.
    pub object: u32,
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
    pub slug: Arc<str>,
    /// How bad.
    pub severity: Severity,
    /// The first sentence.
    pub explain: Box<str>,
}

/// State across events, bounded everywhere.
#[derive(Debug)]
pub struct Correlator {
    eve: Eve,
    site: Pseudonymizer,
    config: Config,
    /// The running maximum of packet time, in nanoseconds.
    now: i64,
    /// The newest rule sets that matched records: during a swap, batches of two generations mix.
    generations: [Option<Arc<Ruleset>>; 2],
    /// By a hash of what a rule's state depends on and its id, so that a swap of rules keeps it.
    windows: BTreeMap<(u64, Arc<str>), Windows>,
    repeats: repeats::Repeats,
    opens: opens::Opens,
    bindings: bindings::Bindings,
    acks: acks::Acks,
    coverage: coverage::Coverage,
    evidence: evidence::Evidence,
    /// Where the frames of the flow are kept whose record is looked at.
    trail: Option<NonZeroU64>,
    census: census::Census,
    inventory: inventory::Inventory,
    tallies: BTreeMap<Arc<str>, RuleTally>,
    scratch: Scratch,
    /// Recycled: members that are appended to an event's object, and the parts of an alert.
    extra: Vec<u8>,
    alert: Vec<u8>,
    ours: Vec<u8>,
    records: u64,
    /// Events by kind, in the order of the catalogue.
    events: Vec<u64>,
    lines: u64,
    lines_cut: u64,
    clock_steps: u64,
    /// Keys forgotten by windows of rules that are no more.
    forgotten_keys: u64,
}

impl Correlator {
    /// Without any state.
    #[must_use]
    pub fn new(eve: Eve, site: Pseudonymizer, config: Config) -> Self {
        Self {
            eve,
            site,
            config,
            now: i64::MIN,
            generations: [None, None],
            windows: BTreeMap::new(),
            repeats: repeats::Repeats::new(config.repeats),
            opens: opens::Opens::new(config.open_pairs),
            bindings: bindings::Bindings::new(config.bindings),
            acks: acks::Acks::new(config.pending_messages),
            coverage: coverage::Coverage::default(),
            evidence: evidence::Evidence::default(),
            trail: None,
            census: census::Census::new(config.pumps),
            inventory: inventory::Inventory::new(config.assets),
            tallies: BTreeMap::new(),
            scratch: Scratch::default(),
            extra: Vec::new(),
            alert: Vec::new(),
            ours: Vec::new(),
            records: 0,
            events: vec![0; kinds::ALL.len()],
            lines: 0,
            lines_cut: 0,
            clock_steps: 0,
            forgotten_keys: 0,
        }
    }

    /// Takes the next record in the order of keys; `batch` is the one that it came in.
    pub fn record(&mut self, batch: &Batch, record: &Record, out: &mut Out) {
        self.records = self.records.saturating_add(1);
        if self.opens.is_due(record.key.frame, record.key.phase) {
            self.close_opens(out);
        }
        self.adopt(&batch.ruleset);
        if batch.interfaces.len() > self.eve.interfaces.len() {
            self.eve.interfaces = Arc::clone(&batch.interfaces);
        }
        self.advance(record.envelope.time.0, record.key.frame);
        self.trail = record.trail;
        match &record.body {
            Body::Event(body) => self.event(batch, &record.envelope, body, out),
            Body::Opens(sum) => self.opens.add(record.key, &record.envelope, sum),
            Body::Gap(gap) => self.coverage.gap(gap.bytes, gap.medical),
            Body::Loss(frames) => self.coverage.lost(*frames),
        }
        self.trail = None;
    }

    /// Packet time reached a second, brought by this frame. Called in order between the records of
    /// the frames before it and those of the frame itself.
    pub fn second(&mut self, second: i64, frame: u64, out: &mut Out) {
        if self.opens.is_due(frame, Phase::Timer) {
            self.close_opens(out);
        }
        // The frame itself is not seen yet.
        let before = frame.saturating_sub(1);
        self.advance(second.saturating_mul(NANOS_PER_SEC), before);
        self.expire();
        self.tell_settled(out);
    }

    /// Packet time jumped by over an hour, either way, to this second: windows end.
    pub fn clock_step(&mut self, second: i64, frame: u64, out: &mut Out) {
        self.close_opens(out);
        self.clock_steps = self.clock_steps.saturating_add(1);
        self.now = i64::MAX;
        self.expire();
        for windows in self.windows.values_mut() {
            windows.clear();
        }
        self.repeats.clear();
        self.bindings.clear();
        self.acks.clear();
        self.coverage.clear();
        self.inventory.clock_step();
        self.now = second.saturating_mul(NANOS_PER_SEC);
        self.coverage.advance(second, frame);
    }

    /// The end of all records.
    pub fn finish(&mut self, out: &mut Out) {
        self.close_opens(out);
        self.tell_rest(out);
    }

    /// Knows the devices that were known before a restart.
    pub fn restore(&mut self, snapshot: &Snapshot) {
        self.inventory.restore(snapshot);
    }

    /// How many devices are known, by whether they said or offered something or were only seen.
    #[must_use]
    pub fn assets(&self) -> [(&'static str, usize); 2] {
        let [known, seen] = self.inventory.counts();
        [("known", known), ("seen", seen)]
    }

    /// The devices that are known now.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        self.inventory.snapshot(self.now)
    }

    /// The newest rule set that matched records.
    fn ruleset(&self) -> Option<&Arc<Ruleset>> {
        let [newest, _] = &self.generations;
        newest.as_ref()
    }

    /// Remembers a rule set, and forgets the state of rules that are in none of the newest two.
    fn adopt(&mut self, ruleset: &Arc<Ruleset>) {
        let known =
            |set: &Option<Arc<Ruleset>>| set.as_ref().is_some_and(|set| Arc::ptr_eq(set, ruleset));
        if self.generations.iter().any(known) {
            return;
        }
        let [newest, _] = &mut self.generations;
        let before = newest.replace(Arc::clone(ruleset));
        self.generations[1] = before;
        let sets = self.generations.iter().flatten();
        let rules = sets.flat_map(|set| set.rules());
        let alive: std::collections::BTreeSet<(u64, Arc<str>)> = rules
            .map(|rule| (rule.stateful_hash, Arc::clone(&rule.id)))
            .collect();
        let forgotten = &mut self.forgotten_keys;
        self.windows.retain(|id, windows| {
            let keep = alive.contains(id);
            if !keep {
                *forgotten = forgotten.saturating_add(windows.evicted());
            }
            keep
        });
    }

    fn advance(&mut self, time: i64, frame: u64) {
        self.now = self.now.max(time);
        self.coverage.advance(Time(self.now).secs(), frame);
    }

    /// Forgets what is too old to matter. Nothing observable depends on when that happens, but for
    /// the count of messages that nobody acknowledged.
    fn expire(&mut self) {
        let now = self.now;
        let rules: Vec<_> = self
            .generations
            .iter()
            .flatten()
            .flat_map(|set| set.rules())
            .filter_map(|rule| {
                let count = rule.count.as_ref()?;
                Some(((rule.stateful_hash, Arc::clone(&rule.id)), count.within_ns))
            })
            .collect();
        for (id, within_ns) in rules {
            if let Some(windows) = self.windows.get_mut(&id) {
                windows.expire(within_ns, now);
            }
        }
        self.repeats.expire(now);
        self.acks.expire(now);
    }

    fn event(&mut self, batch: &Batch, envelope: &Envelope, body: &EventBody, out: &mut Out) {
        let Some(kind) = kinds::ALL.get(body.kind.index()).copied() else {
            return;
        };
        if let Some(seen) = self.events.get_mut(body.kind.index()) {
            *seen = seen.saturating_add(1);
        }
        let bytes = |place| batch.arena.get(range(place)).unwrap_or_default();
        let subject = Subject {
            kind,
            envelope,
            ruleset: &batch.ruleset,
            fields: batch.fields.get(range(&body.fields)).unwrap_or_default(),
            head: bytes(&body.head),
            object: bytes(&body.object),
            extra: &[],
            sides: Sides::NONE,
        };
        if matched_in_correlator(kind.id) {
            self.event_matched_here(&subject, body.written, out);
        } else {
            self.event_matched(&subject, &body.matched, body.written, out);
        }
    }
}

fn range(place: &Range<u32>) -> Range<usize> {
    let at = |n| usize::try_from(n).unwrap_or(usize::MAX);
    at(place.start)..at(place.end)
}
