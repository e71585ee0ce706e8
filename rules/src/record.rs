//! What crosses from a worker to the correlator: owned, ordered, with PHI already pseudonymous.
//!
//! Records travel in a [`Batch`] that holds their rendered bytes and their fields; all is recycled.

use std::net::IpAddr;
use std::num::NonZeroU64;
use std::ops::Range;
use std::sync::Arc;

use parsers::catalogue::{KindId, Path};
use parsers::event::{Envelope, Event, Value};
use parsers::json;
use parsers::phi::{Class, Phi, Pseudonym, Pseudonymizer};
use parsers::time::Time;
use smallvec::SmallVec;

use crate::{FieldRef, Ruleset};

/// The place of a record in the order of everything: by frame number, never by time stamp.
///
/// A timer sorts before the frame that fired it, then by its flow's first frame.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Key {
    /// The frame that made it happen, from 1.
    pub frame: u64,
    /// Timers before the frame itself.
    pub phase: Phase,
    /// For a timer: the first frame of the flow. 0 otherwise.
    pub first_frame: u64,
    /// Counts what one frame, or one timer, made.
    pub sub: u32,
}

/// What a frame number brings, in order.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Phase {
    /// A timer that this frame's time fired.
    Timer,
    /// The frame itself.
    #[default]
    Frame,
}

/// One thing that a worker tells the correlator.
#[derive(Debug)]
pub struct Record {
    /// Its place in the order.
    pub key: Key,
    /// Where and when.
    pub envelope: Envelope,
    /// Where its worker keeps the newest frame of the flow, for evidence; only the worker knows
    /// what it means.
    pub trail: Option<NonZeroU64>,
    /// What.
    pub body: Body,
}

/// What a record tells.
#[derive(Debug)]
pub enum Body {
    /// An event, rendered, with the rules whose worker part it met.
    Event(EventBody),
    /// Flows opened by one source to one destination within a second; the envelope has both.
    Opens(OpenSum),
    /// Bytes of a flow that the capture missed, for the coverage.
    Gap(Gap),
    /// Frames that were lost before a worker saw them, for the coverage.
    Loss(u64),
}

/// A rendered event.
#[derive(Debug)]
pub struct EventBody {
    /// Its kind.
    pub kind: KindId,
    /// In the arena: the envelope's members as [`crate::eve::Eve::head`] writes them.
    pub head: Range<u32>,
    /// In the arena: the kind's object without its closing brace, so that the correlator may
    /// append to it, never change it.
    pub object: Range<u32>,
    /// Rules whose worker part matched.
    pub matched: SmallVec<[RuleIx; 2]>,
    /// In the batch: the fields that [`Ruleset::needs`] lists for the kind, in that order.
    pub fields: Range<u32>,
    /// Whether the event itself is to be written, or only serves the rules that it met.
    pub written: bool,
}

/// Place of a rule in its rule set.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct RuleIx(pub u16);

/// A field's value, owned. PHI is a pseudonym here already.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Owned {
    /// Not in the message.
    #[default]
    Absent,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number with a fraction.
    Decimal(f64),
    /// Text.
    Text(Text),
    /// What stands for a text that may not be shown.
    Pseudonym(Pseudonym),
    /// An address.
    Ip(IpAddr),
    /// An Ethernet address.
    Mac([u8; 6]),
    /// Several.
    List(Box<[Self]>),
}

/// The most bytes of a text that cross; longer ones are told apart by their beginning.
pub const OWNED_TEXT_MAX: usize = 512;

impl Owned {
    /// Owns a value of a field or path of this class: what may not be shown becomes its
    /// pseudonym, a secret becomes nothing.
    #[must_use]
    pub fn of(value: Value<'_>, class: Class, site: &Pseudonymizer) -> Self {
        let class = match value {
            Value::Phi(phi) => phi.class(),
            _ => class,
        };
        if !class.is_written() {
            return Self::Absent;
        }
        match value {
            Value::Absent => Self::Absent,
            Value::List(list) => {
                let items = list.iter().take(json::LIST_MAX);
                Self::List(items.map(|item| Self::of(*item, class, site)).collect())
            }
            Value::Text(raw) => Self::text_of(Phi::new(class, raw), site),
            Value::Phi(phi) => Self::text_of(phi, site),
            _ if !class.is_shown() => {
                let mut shown = Vec::new();
                json::value(value, Class::Clear, site, &mut shown);
                Self::text_of(Phi::new(class, &shown), site)
            }
            Value::Bool(v) => Self::Bool(v),
            Value::Int(v) | Value::Duration(v) => Self::Int(v),
            Value::Decimal(v) => Self::Decimal(v),
            Value::Ip(v) => Self::Ip(v),
            Value::Mac(v) => Self::Mac(v),
        }
    }

    fn text_of(phi: Phi<'_>, site: &Pseudonymizer) -> Self {
        let Some(raw) = phi.shown() else {
            return Self::Pseudonym(site.of(phi));
        };
        let raw = raw.get(..OWNED_TEXT_MAX).unwrap_or(raw);
        Self::Text(Text::lossy(raw))
    }

    /// Appends the fields of an event that a rule set's correlator part needs, in that order.
    pub fn all_of(event: &Event<'_>, ruleset: &Ruleset, site: &Pseudonymizer, out: &mut Vec<Self>) {
        let kind = event.kind();
        out.extend(ruleset.needs(kind.id).iter().map(|need| match need {
            FieldRef::Field(ix) => {
                let field = kind.fields.get(ix.index());
                let class = field.map_or(Class::Secret, |field| field.class);
                Self::of(event.get(*ix), class, site)
            }
            FieldRef::Path(path) => Self::found(event, path, site),
            FieldRef::Envelope(_) | FieldRef::Asset(..) => Self::Absent,
        }));
    }

    /// What a path finds in the message behind an event.
    fn found(event: &Event<'_>, path: &Path, site: &Pseudonymizer) -> Self {
        let space = event.kind().paths;
        let class = space.map_or(Class::Secret, |space| (space.class)(path));
        let mut found = Vec::new();
        if let Some(paths) = event.paths() {
            paths.any(path, &mut |value| {
                found.push(Self::of(value, class, site));
                found.len() >= json::LIST_MAX
            });
        }
        match found.len() {
            0 | 1 => found.pop().unwrap_or_default(),
            _ => Self::List(found.into()),
        }
    }

    /// As a value that rules test, for as long as `test` looks at it.
    pub(crate) fn tested<R>(&self, test: impl FnOnce(Value<'_>) -> R) -> R {
        let mut text = Vec::new();
        test(match self {
            Self::Absent | Self::List(_) => Value::Absent,
            Self::Bool(v) => Value::Bool(*v),
            Self::Int(v) => Value::Int(*v),
            Self::Decimal(v) => Value::Decimal(*v),
            Self::Text(v) => Value::Text(v.as_bytes()),
            Self::Pseudonym(v) => {
                v.write(&mut text);
                Value::Text(&text)
            }
            Self::Ip(v) => Value::Ip(*v),
            Self::Mac(v) => Value::Mac(*v),
        })
    }

    /// The pseudonym, if it is one.
    #[must_use]
    pub const fn pseudonym(&self) -> Option<Pseudonym> {
        match self {
            Self::Pseudonym(name) => Some(*name),
            _ => None,
        }
    }

    /// The text, if it is one that may be shown and not empty.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) if !text.as_bytes().is_empty() => Some(text),
            _ => None,
        }
    }
}

/// A text, with room for a short one in place: most are codes and names of programs.
#[derive(Clone, Default, Eq, PartialEq)]
pub struct Text(SmallVec<[u8; 24]>);

impl Text {
    /// Owns a text.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(SmallVec::from_slice(text.as_bytes()))
    }

    /// Owns what may not be UTF-8 in places.
    #[must_use]
    pub fn lossy(raw: &[u8]) -> Self {
        if raw.is_ascii() {
            Self(SmallVec::from_slice(raw))
        } else {
            Self::new(&String::from_utf8_lossy(raw))
        }
    }

    /// Its bytes, without a look whether they are UTF-8.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl std::ops::Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        // Only `new` and `lossy` make one.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl std::fmt::Debug for Text {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        (**self).fmt(f)
    }
}

/// The most distinct destination ports that one [`OpenSum`] lists.
pub const OPEN_PORTS_MAX: usize = 64;

/// Flows opened by one source to one destination within one second of packet time.
#[derive(Debug, Default)]
pub struct OpenSum {
    /// The second, since the epoch.
    pub second: i64,
    /// Flows opened.
    pub count: u32,
    /// Of these, answered by the end of the second.
    pub answered: u32,
    /// Of these, answered with a reset by the end of the second.
    pub refused: u32,
    /// The first distinct destination ports, each with the frame that opened it, in frame order,
    /// at most [`OPEN_PORTS_MAX`].
    pub ports: Vec<(u64, u16)>,
    /// Services that answered, or whose conversations ended, by frame; at most
    /// [`OPEN_PORTS_MAX`].
    pub services: Vec<Service>,
}

/// What one service of a destination did for a source within one second.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Service {
    /// The frame that showed it first.
    pub frame: u64,
    /// IP protocol number.
    pub proto: u8,
    /// The server's port.
    pub port: u16,
    /// The recognised protocol, or empty.
    pub app: &'static str,
    /// Conversations with payload that ended.
    pub flows: u64,
    /// Bytes that the client sent in them.
    pub bytes_to_server: u64,
    /// Bytes that the server sent in them.
    pub bytes_to_client: u64,
}

impl Service {
    /// Adds what else was seen of the same service.
    pub fn add(&mut self, other: &Self) {
        if !other.app.is_empty() {
            self.app = other.app;
        }
        self.flows = self.flows.saturating_add(other.flows);
        self.bytes_to_server = self.bytes_to_server.saturating_add(other.bytes_to_server);
        self.bytes_to_client = self.bytes_to_client.saturating_add(other.bytes_to_client);
    }
}

/// A hole in a stream.
#[derive(Clone, Copy, Debug)]
pub struct Gap {
    /// Bytes missing.
    pub bytes: u64,
    /// Whether the flow is one of a medical protocol.
    pub medical: bool,
}

/// Records on their way, in the order of their keys.
#[derive(Debug)]
pub struct Batch {
    /// The rule set that matched them: a swap never mixes generations.
    pub ruleset: Arc<Ruleset>,
    /// The capture interfaces so far, by index.
    pub interfaces: Arc<[String]>,
    /// The records.
    pub records: Vec<Record>,
    /// Their rendered bytes.
    pub arena: Vec<u8>,
    /// Their fields.
    pub fields: Vec<Owned>,
    /// The worker has told everything about frames up to this one.
    pub watermark: u64,
    /// Packet time at the watermark.
    pub now: Time,
}
