//! What a protocol is to the rest of the program: a [`Spec`] in [`crate::PROTOCOLS`].
//!
//! A parser is incremental and bounded. It is given the bytes of one direction in order and says
//! how far it got and what it wants next. Its results never depend on where segments were cut.

use crate::catalogue::Kind;
use crate::event::{Direction, Event};

/// The most bytes a parser may ask to be kept for it, per direction.
pub const BUFFER_BYTES_MAX: usize = 64 * 1024;

/// A row of the table of protocols.
#[derive(Debug)]
pub struct Spec {
    /// The one lower-case word: folder, rule prefix, metric label, EVE `app_proto`.
    pub name: &'static str,
    /// What carries it.
    pub transport: Transport,
    /// The kinds of event that it emits.
    pub kinds: &'static [&'static Kind],
    /// What can be wrong with it.
    pub anomalies: &'static [&'static Anomaly],
    /// Whether its sessions are evicted last and shed last.
    pub medical: bool,
    /// Whether one side may be this whatever the other side says: HL7 is. If not, a side that
    /// cannot be this excludes it for the flow: what answers something else is not DICOM.
    pub each_side: bool,
    /// Recognises it by content.
    pub probe: fn(&Probe<'_>) -> Verdict,
    /// Makes a parser for one recognised flow: the one allocation it costs. `None` where the
    /// protocol is recognised but not read.
    pub open: Option<OpenFn>,
    /// A conversation that shows it, for fuzzing, benchmarks and the split test.
    pub sample: Sample,
}

/// Makes the parser of one flow.
pub type OpenFn = fn(&Open) -> Box<dyn Parser>;

/// A conversation: who said what, in order.
pub type Sample = &'static [(Direction, &'static [u8])];

/// What carries a protocol.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Transport {
    /// A byte stream.
    Tcp,
    /// Datagrams: each is given whole to [`Parser::parse`].
    Udp,
}

/// What a probe is given: the first bytes of one direction, or, midstream, any bytes of it.
#[derive(Clone, Copy, Debug)]
pub struct Probe<'a> {
    /// Which side sent them.
    pub direction: Direction,
    /// The bytes, in order.
    pub bytes: &'a [u8],
    /// Whether they start at the stream's first byte. If not, look for a place to start.
    pub from_start: bool,
    /// The server's port: a hint, never a proof.
    pub server_port: u16,
}

/// What a probe answers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// It cannot be this; midstream, nothing of this begins in these bytes.
    No,
    /// It may be; show more bytes.
    Unsure,
    /// It is. Parsing starts at this offset (not 0 only midstream).
    Yes(usize),
}

/// What a parser is told when its flow is recognised.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Open {
    /// Whether the flow was picked up midstream, so that the parser has to find its place.
    pub midstream: bool,
    /// The server's port.
    pub server_port: u16,
    /// The client's port.
    pub client_port: u16,
}

/// One flow's parser.
pub trait Parser: Send {
    /// Reads bytes of one direction. `bytes` starts where the last call of that direction left
    /// off: what was not consumed comes again, with more behind it.
    fn parse(&mut self, direction: Direction, bytes: &[u8], emit: &mut dyn Emit) -> Progress;

    /// Bytes of one direction are missing here; `len` of them, 0 if nobody knows. Bytes that were
    /// not consumed are gone too. The parser has to find its place again.
    fn gap(&mut self, direction: Direction, len: u64, emit: &mut dyn Emit);

    /// One direction ended, in order or not. What was not consumed is given a last time.
    fn close(&mut self, direction: Direction, rest: &[u8], emit: &mut dyn Emit);

    /// Heap bytes it holds now, for the memory budget.
    fn heap_bytes(&self) -> usize;
}

/// How far a parser got, and what it wants next.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Progress {
    /// Bytes of the input that it is done with.
    pub consumed: usize,
    /// What next.
    pub then: Then,
}

/// What a parser wants after the bytes that it consumed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Then {
    /// At least this many bytes beyond the consumed ones, in one piece. Not met by
    /// [`BUFFER_BYTES_MAX`] is the parser's mistake; it is then told of a gap.
    More(usize),
    /// None of the next bytes, however many there are: they are neither copied nor kept, and a
    /// hole among them is no gap.
    Skip(u64),
    /// It lost its place and is looking for it in what comes: counted, nothing else.
    Resync,
    /// No more of this direction, ever.
    Stop,
}

impl Progress {
    /// Consumed this much; call again with anything new.
    #[must_use]
    pub const fn consumed(consumed: usize) -> Self {
        Self {
            consumed,
            then: Then::More(1),
        }
    }

    /// Consumed this much; call again when there are at least `bytes` more.
    #[must_use]
    pub const fn more(consumed: usize, bytes: usize) -> Self {
        Self {
            consumed,
            then: Then::More(bytes),
        }
    }

    /// Consumed this much; leave out the next `bytes`.
    #[must_use]
    pub const fn skip(consumed: usize, bytes: u64) -> Self {
        Self {
            consumed,
            then: Then::Skip(bytes),
        }
    }
}

/// Where a parser puts what it found.
pub trait Emit {
    /// An event. It is matched, rendered and gone when this returns.
    fn event(&mut self, event: &Event<'_>);

    /// Something is wrong with the wire.
    fn anomaly(&mut self, direction: Direction, anomaly: &'static Anomaly);
}

/// One thing that can be wrong with a protocol: countable, matchable, of a closed set.
#[derive(Debug, Eq, PartialEq)]
pub struct Anomaly {
    /// `dicom.pdu_type_unknown`: protocol, dot, what.
    pub name: &'static str,
    /// One line for people.
    pub doc: &'static str,
    /// The standard's section, or empty.
    pub section: &'static str,
}

/// Declares anomalies: a static for each, and the list of all of them.
#[macro_export]
macro_rules! anomalies {
    ($(#[$meta:meta])* pub static $all:ident; $( $konst:ident = $name:literal, $doc:literal, $section:literal; )*) => {
        $(
            #[doc = concat!("`", $name, "`: ", $doc)]
            pub static $konst: $crate::protocol::Anomaly =
                $crate::protocol::Anomaly { name: $name, doc: $doc, section: $section };
        )*
        $(#[$meta])*
        pub static $all: &[&$crate::protocol::Anomaly] = &[ $( &$konst, )* ];
    };
}
