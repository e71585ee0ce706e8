//! Events to records: matched, rendered, and laid on the lane to the correlator.

use std::num::NonZeroU64;
use std::sync::Arc;

use parsers::catalogue::FieldIx;
use parsers::event::{Direction, Envelope, Event};
use parsers::json;
use parsers::kinds::anomaly;
use parsers::phi::{Pseudonym, Pseudonymizer};
use parsers::protocol::{Anomaly, Emit};
use parsers::time::Time;
use rules::eve::Eve;
use rules::heads::Heads;
use rules::record::{Body, EventBody, Gap, Key, Owned, Record};
use rules::{FieldRef, Ruleset, Scratch};
use smallvec::SmallVec;

use crate::counters::{Count, Counts};
use crate::flow::Flow;

/// Records of one lane on their way, and their rendered bytes.
#[derive(Debug, Default)]
pub(crate) struct Pen {
    pub(crate) arena: Vec<u8>,
    pub(crate) fields: Vec<Owned>,
    pub(crate) records: Vec<Record>,
}

impl Pen {
    /// Forgets everything but the room that it took.
    pub(crate) fn clear(&mut self) {
        self.arena.clear();
        self.fields.clear();
        self.records.clear();
    }
}

/// Makes records. One a worker.
pub struct Recorder {
    pub(crate) medical: Pen,
    pub(crate) bulk: Pen,
    pub(crate) ruleset: Arc<Ruleset>,
    pub(crate) counts: Counts,
    eve: Eve,
    heads: Heads,
    pub(crate) site: Pseudonymizer,
    scratch: Scratch,
    key: Key,
    /// Where the newest frame is kept of the flow that is looked at.
    pub(crate) trail: Option<NonZeroU64>,
}

/// Which frame, and when.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    pub(crate) frame: u64,
    pub(crate) time: Time,
}

/// Which lane.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Lane {
    /// Never shed.
    Medical,
    /// Shed first.
    Bulk,
}

impl std::fmt::Debug for Recorder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let waiting = self.medical.records.len() + self.bulk.records.len();
        write!(f, "Recorder with {waiting} records")
    }
}

impl Recorder {
    /// With empty lanes.
    #[must_use]
    pub fn new(eve: Eve, site: Pseudonymizer, ruleset: Arc<Ruleset>) -> Self {
        Self {
            medical: Pen::default(),
            bulk: Pen::default(),
            ruleset,
            counts: Counts::default(),
            eve,
            heads: Heads::default(),
            site,
            scratch: Scratch::default(),
            key: Key::default(),
            trail: None,
        }
    }

    /// The capture interfaces, by index.
    pub(crate) const fn interfaces(&self) -> &Arc<[String]> {
        &self.eve.interfaces
    }

    /// Sets the capture interfaces; there only ever come more.
    pub(crate) fn set_interfaces(&mut self, names: &Arc<[String]>) {
        if self.eve.interfaces.len() != names.len() {
            self.eve.interfaces = Arc::clone(names);
            self.heads.clear();
        }
    }

    /// What comes now has its place in the order here, and is of no flow until that is said.
    pub(crate) const fn at(&mut self, key: Key) {
        self.key = key;
        self.trail = None;
    }

    /// Whether no record is on its way.
    pub(crate) const fn is_empty(&self) -> bool {
        self.medical.records.is_empty() && self.bulk.records.is_empty()
    }

    /// Forgets the records on their way, but for the room that they took.
    pub fn clear(&mut self) {
        self.medical.clear();
        self.bulk.clear();
    }

    fn next_key(&mut self) -> Key {
        let key = self.key;
        self.key.sub = self.key.sub.saturating_add(1);
        key
    }

    /// An event. One that is not written crosses only for the rules that it meets.
    pub fn event(&mut self, lane: Lane, envelope: &Envelope, event: &Event<'_>, written: bool) {
        let kind = event.kind();
        let mut matched = SmallVec::new();
        let later = rules::correlate::matched_in_correlator(kind.id);
        if !later {
            self.ruleset
                .matches(&mut self.scratch, event, envelope, &mut matched);
        }
        if !written && !later && matched.is_empty() {
            return;
        }
        let lane = if matched.is_empty() {
            lane
        } else {
            Lane::Medical
        };
        let key = self.next_key();
        let pen = match lane {
            Lane::Medical => &mut self.medical,
            Lane::Bulk => &mut self.bulk,
        };
        let fields = pen.fields.len();
        Owned::all_of(event, &self.ruleset, &self.site, &mut pen.fields);
        let crossing = pen.fields.get(fields..).unwrap_or_default();
        let known: SmallVec<[(FieldIx, Pseudonym); 8]> = self
            .ruleset
            .needs(kind.id)
            .iter()
            .zip(crossing)
            .filter_map(|(need, owned)| match need {
                FieldRef::Field(field) => Some((*field, owned.pseudonym()?)),
                _ => None,
            })
            .collect();
        let known = |wanted| {
            let found = known.iter().find(|(field, _)| *field == wanted);
            found.map(|(_, name)| *name)
        };
        let head = pen.arena.len();
        self.heads.write(&self.eve, envelope, &mut pen.arena);
        let object = pen.arena.len();
        json::object_with(event, &self.site, known, &mut pen.arena);
        // The closing brace is the correlator's.
        pen.arena.pop();
        let fields = place(fields)..place(pen.fields.len());
        let (head, object, end) = (place(head), place(object), place(pen.arena.len()));
        pen.records.push(Record {
            key,
            envelope: *envelope,
            trail: self.trail,
            body: Body::Event(EventBody {
                kind: kind.id,
                head: head..object,
                object: object..end,
                matched,
                fields,
                written,
            }),
        });
    }

    /// Anything but an event.
    pub(crate) fn body(&mut self, lane: Lane, envelope: Envelope, body: Body) {
        let key = self.next_key();
        let pen = match lane {
            Lane::Medical => &mut self.medical,
            Lane::Bulk => &mut self.bulk,
        };
        pen.records.push(Record {
            key,
            envelope,
            trail: self.trail,
            body,
        });
    }

    /// An anomaly that belongs to no protocol.
    pub(crate) fn wire_anomaly(&mut self, envelope: &Envelope, anomaly: &'static Anomaly) {
        let direction = envelope.direction.unwrap_or(Direction::ToServer);
        let event = anomaly_event(direction, anomaly, "");
        self.event(Lane::Bulk, envelope, &event, true);
    }
}

fn place(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

/// The event that an anomaly is. The part of its name before the dot says who found it.
pub(crate) fn anomaly_event(
    direction: Direction,
    anomaly: &'static Anomaly,
    app: &'static str,
) -> Event<'static> {
    let mut event = Event::new(&anomaly::KIND, direction);
    let layer = anomaly.name.split('.').next().unwrap_or_default();
    let ty = match layer {
        "decode" | "capture" => "decode",
        "flow" | "stream" => "stream",
        _ => "applayer",
    };
    if ty == "applayer" && !app.is_empty() {
        event.set(anomaly::APP_PROTO, app);
    }
    event.set(anomaly::TYPE, ty);
    event.set(anomaly::EVENT, anomaly.name);
    event.set(anomaly::LAYER, layer);
    if !anomaly.section.is_empty() {
        event.set(anomaly::SECTION, anomaly.section);
    }
    event
}

/// Where the parser of a flow puts what it found.
pub(crate) struct FlowEmit<'a> {
    pub(crate) flow: &'a mut Flow,
    pub(crate) recorder: &'a mut Recorder,
    pub(crate) moment: Moment,
}

impl FlowEmit<'_> {
    /// Bytes of the flow are missing.
    pub(crate) fn gap(&mut self, direction: Direction, bytes: u64) {
        self.flow.lost(direction, bytes);
        self.recorder.counts.one(Count::StreamGaps);
        self.recorder.counts.add(Count::StreamGapBytes, bytes);
        let medical = self.flow.is_medical();
        let lane = if medical { Lane::Medical } else { Lane::Bulk };
        let envelope = self.envelope(direction);
        self.recorder
            .body(lane, envelope, Body::Gap(Gap { bytes, medical }));
    }

    fn envelope(&self, direction: Direction) -> Envelope {
        self.flow
            .envelope(direction, self.moment.frame, self.moment.time)
    }
}

impl Emit for FlowEmit<'_> {
    fn event(&mut self, event: &Event<'_>) {
        self.recorder.counts.one(Count::ParserEvents);
        let envelope = self.envelope(event.direction);
        self.recorder.event(Lane::Medical, &envelope, event, true);
    }

    fn anomaly(&mut self, direction: Direction, anomaly: &'static Anomaly) {
        self.recorder.counts.one(Count::ParserAnomalies);
        if self.flow.cold.anomalies >= FLOW_ANOMALIES_MAX {
            self.recorder.counts.one(Count::ParserAnomaliesCut);
            return;
        }
        self.flow.cold.anomalies = self.flow.cold.anomalies.saturating_add(1);
        let app = self.flow.cold.app.map_or("", |spec| spec.name);
        let event = anomaly_event(direction, anomaly, app);
        let lane = if self.flow.is_medical() {
            Lane::Medical
        } else {
            Lane::Bulk
        };
        let envelope = self.envelope(direction);
        self.recorder.event(lane, &envelope, &event, true);
    }
}

/// A flow tells so many anomalies; the rest are counted. A broken or hostile peer makes one a
/// message, and the first ones say what is wrong.
const FLOW_ANOMALIES_MAX: u8 = 16;
