//! A stand-in for the stream layer, for tests and fuzz targets. It keeps to the letter of
//! [`Progress`](crate::protocol::Progress) and renders what a parser emits.
//!
//! The rendered lines of a conversation must not depend on where its segments were cut; that is
//! what [`first_difference`] looks for.

use crate::event::{Direction, Event, Value};
use crate::json;
use crate::phi::{Class, KEY_BYTES, Pseudonymizer};
use crate::protocol::{
    Anomaly, BUFFER_BYTES_MAX, Emit, Open, Parser, Progress, Spec, Then, Transport,
};

/// The site key under which everything here is rendered.
pub const KEY: [u8; KEY_BYTES] = [0x5a; KEY_BYTES];

/// Where the segments of a conversation are cut, besides at each change of direction.
#[derive(Clone, Copy, Debug)]
pub enum Cuts<'a> {
    /// Nowhere.
    Whole,
    /// After every so many bytes.
    Every(usize),
    /// At these offsets, counted over the bytes of both directions together; ascending.
    At(&'a [usize]),
}

/// What a parser makes of a conversation that was seen from its beginning to its end. Datagrams
/// are never cut. Empty for a protocol that is recognised but not read.
#[must_use]
pub fn run(spec: &Spec, conversation: &[(Direction, &[u8])], cuts: Cuts<'_>) -> Vec<String> {
    let Some(mut streams) = Streams::open(spec, &Open::default()) else {
        return Vec::new();
    };
    let mut offset = 0_usize;
    for (direction, bytes) in conversation {
        let mut rest = *bytes;
        while !rest.is_empty() {
            let len = match spec.transport {
                Transport::Tcp => next_cut(cuts, offset, rest.len()),
                Transport::Udp => rest.len(),
            };
            let (segment, behind) = rest.split_at_checked(len).unwrap_or((rest, &[]));
            streams.push(*direction, segment);
            offset = offset.saturating_add(segment.len());
            rest = behind;
        }
    }
    streams.close();
    streams.lines
}

/// How many of the next `len` bytes the segment at `offset` has.
fn next_cut(cuts: Cuts<'_>, offset: usize, len: usize) -> usize {
    match cuts {
        Cuts::Whole => len,
        Cuts::Every(each) => len.min(each.max(1)),
        Cuts::At(offsets) => offsets
            .iter()
            .find(|at| **at > offset)
            .map_or(len, |at| at.saturating_sub(offset).min(len)),
    }
}

/// Cuts a conversation at every byte, and into small pieces; says where a result first differed
/// from that of the whole, and how.
#[must_use]
pub fn first_difference(spec: &Spec, conversation: &[(Direction, &[u8])]) -> Option<String> {
    first_difference_behind(spec, conversation, 0)
}

/// The same, without the single cuts before this offset: for conversations that begin alike.
#[must_use]
pub fn first_difference_behind(
    spec: &Spec,
    conversation: &[(Direction, &[u8])],
    offset: usize,
) -> Option<String> {
    let whole = run(spec, conversation, Cuts::Whole);
    let total = conversation
        .iter()
        .fold(0_usize, |sum, (_, bytes)| sum.saturating_add(bytes.len()));
    for each in [1, 2, 3, 5, 7, 11, 64, 1460] {
        let cut = run(spec, conversation, Cuts::Every(each));
        if cut != whole {
            return Some(difference(&format!("every {each}"), &whole, &cut));
        }
    }
    for at in offset..total {
        let cut = run(spec, conversation, Cuts::At(&[at]));
        if cut != whole {
            return Some(difference(&format!("at {at}"), &whole, &cut));
        }
    }
    None
}

fn difference(cut: &str, whole: &[String], other: &[String]) -> String {
    let at = whole.iter().zip(other).take_while(|(a, b)| a == b).count();
    format!(
        "cut {cut}, line {at}:\n whole: {:?}\n   cut: {:?}",
        whole.get(at),
        other.get(at)
    )
}

/// The pseudonym that a value has in the rendered lines.
#[must_use]
pub fn pseudonym(class: Class, value: &[u8]) -> String {
    Pseudonymizer::new(&KEY).of_value(class, value).to_string()
}

/// Both directions of one flow, with its parser and what it has emitted.
pub struct Streams {
    /// What was emitted: direction, kind and the event's object, or the anomaly's name.
    pub lines: Vec<String>,
    site: Pseudonymizer,
    parser: Box<dyn Parser>,
    transport: Transport,
    sides: [Side; 2],
}

/// One direction: the bytes kept for the parser, and what it wants next.
struct Side {
    buffer: Vec<u8>,
    want: usize,
    skip: u64,
    stopped: bool,
}

impl Side {
    const fn new() -> Self {
        Self {
            buffer: Vec::new(),
            want: 1,
            skip: 0,
            stopped: false,
        }
    }
}

impl Streams {
    /// Opens the parser of a flow; none where the protocol is recognised but not read.
    #[must_use]
    pub fn open(spec: &Spec, open: &Open) -> Option<Self> {
        Some(Self {
            lines: Vec::new(),
            site: Pseudonymizer::new(&KEY),
            parser: spec.open?(open),
            transport: spec.transport,
            sides: [Side::new(), Side::new()],
        })
    }

    /// A segment, or a datagram.
    pub fn push(&mut self, direction: Direction, bytes: &[u8]) {
        let Self {
            lines,
            site,
            parser,
            transport,
            sides,
        } = self;
        let mut emit = Lines { lines, site };
        if *transport == Transport::Udp {
            parser.parse(direction, bytes, &mut emit);
            return;
        }
        let Some(side) = sides.get_mut(direction.index()) else {
            return;
        };
        if side.stopped {
            return;
        }
        let skipped = usize::try_from(side.skip).map_or(bytes.len(), |skip| skip.min(bytes.len()));
        side.skip = side.skip.saturating_sub(skipped as u64);
        side.buffer
            .extend_from_slice(bytes.get(skipped..).unwrap_or_default());
        let mut fresh = bytes.len() > skipped;
        while fresh && side.skip == 0 && !side.stopped && side.buffer.len() >= side.want {
            let progress = parser.parse(direction, &side.buffer, &mut emit);
            fresh = advance(side, progress);
        }
        if side.want > BUFFER_BYTES_MAX || side.buffer.len() > BUFFER_BYTES_MAX {
            side.buffer.clear();
            side.want = 1;
            parser.gap(direction, 0, &mut emit);
        }
    }

    /// Bytes that the parser wants none of: as many of the next `len` as it skips. Says how many
    /// it did not skip.
    pub fn pass(&mut self, direction: Direction, len: u64) -> u64 {
        let Some(side) = self.sides.get_mut(direction.index()) else {
            return len;
        };
        let skipped = side.skip.min(len);
        side.skip = side.skip.saturating_sub(skipped);
        len.saturating_sub(skipped)
    }

    /// Bytes that the capture missed, 0 if nobody knows how many. A hole within what the parser
    /// skips is none.
    pub fn gap(&mut self, direction: Direction, len: u64) {
        let left = self.pass(direction, len);
        if left == 0 && len > 0 {
            return;
        }
        let mut emit = Lines {
            lines: &mut self.lines,
            site: &self.site,
        };
        if let Some(side) = self.sides.get_mut(direction.index()) {
            side.buffer.clear();
            side.want = 1;
            side.skip = 0;
        }
        self.parser.gap(direction, left, &mut emit);
    }

    /// Both directions end.
    pub fn close(&mut self) {
        for (direction, side) in [Direction::ToServer, Direction::ToClient]
            .into_iter()
            .zip(&self.sides)
        {
            let mut emit = Lines {
                lines: &mut self.lines,
                site: &self.site,
            };
            if !side.stopped {
                self.parser.close(direction, &side.buffer, &mut emit);
            }
        }
    }

    /// Heap bytes that the parser says it holds.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        self.parser.heap_bytes()
    }

    /// Bytes kept for the parser, both directions.
    #[must_use]
    pub fn buffered_bytes(&self) -> usize {
        self.sides
            .iter()
            .fold(0, |sum, side| side.buffer.len().saturating_add(sum))
    }
}

/// Does what the parser said; whether it is worth calling it again with what is left.
fn advance(side: &mut Side, progress: Progress) -> bool {
    let consumed = progress.consumed.min(side.buffer.len());
    side.buffer.drain(..consumed);
    side.want = 1;
    match progress.then {
        Then::More(bytes) => {
            side.want = bytes.max(1);
            consumed > 0
        }
        Then::Skip(bytes) => {
            let here =
                usize::try_from(bytes).map_or(side.buffer.len(), |n| n.min(side.buffer.len()));
            side.buffer.drain(..here);
            side.skip = bytes.saturating_sub(here as u64);
            consumed > 0 || here > 0
        }
        Then::Resync => consumed > 0,
        Then::Stop => {
            side.buffer.clear();
            side.stopped = true;
            false
        }
    }
}

/// Renders what it is given.
struct Lines<'a> {
    lines: &'a mut Vec<String>,
    site: &'a Pseudonymizer,
}

impl Emit for Lines<'_> {
    fn event(&mut self, event: &Event<'_>) {
        let mut body = Vec::new();
        json::object(event, self.site, &mut body);
        // What rules see and nobody writes must not depend on cuts either.
        for (field, value) in event.kind().fields.iter().zip(event.values()) {
            if let (Class::Content, Value::Phi(content)) = (field.class, value) {
                let name = self.site.of(*content);
                json::display(&mut body, format_args!(" {}={name}", field.key));
            }
        }
        self.lines.push(format!(
            "{} {} {}",
            event.direction.word(),
            event.kind().name,
            String::from_utf8_lossy(&body)
        ));
    }

    fn anomaly(&mut self, direction: Direction, anomaly: &'static Anomaly) {
        self.lines
            .push(format!("{} anomaly {}", direction.word(), anomaly.name));
    }
}
