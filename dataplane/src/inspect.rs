//! Chunks to events: a flow's bytes go to the probes until one knows them, then to its parser.

use parsers::event::Direction;
use parsers::protocol::{Emit, Open, Parser, Probe, Progress, Spec, Then, Transport, Verdict};
use parsers::time::Time;

use crate::anomalies;
use crate::counters::Count;
use crate::emit::{FlowEmit, Moment, Recorder};
use crate::flow::Flow;
use crate::stream::{Consumer, Glance, Memory, Outcome, Segment, Stream};

/// The protocols that flows are probed for, in order.
pub(crate) type Protocols = &'static [&'static Spec];

/// What lies around a flow while it is looked into.
pub(crate) struct Around<'a> {
    pub(crate) protocols: Protocols,
    pub(crate) memory: &'a mut Memory,
    pub(crate) recorder: &'a mut Recorder,
    pub(crate) moment: Moment,
}

/// A TCP flow that is looked into.
pub(crate) struct Conversation {
    stream: Stream,
    app: App,
}

enum App {
    Probing(Probing),
    Parsing(Box<dyn Parser>),
    /// Nobody's, or recognised but not read.
    Done,
}

/// What the probes have seen.
#[derive(Clone, Copy, Debug)]
struct Probing {
    /// By direction: a bit for each protocol that it may still be.
    open: [u64; 2],
    /// By direction: whether the bytes at hand are the first ones.
    from_start: [bool; 2],
    /// By direction: bytes looked at in vain, midstream.
    looked: [u64; 2],
    /// By direction: whether bytes are kept until somebody knows them.
    waits: [bool; 2],
}

impl Probing {
    fn may_be(&self, index: usize, protocol: u64) -> bool {
        self.open
            .get(index)
            .is_some_and(|open| open & protocol != 0)
    }

    /// The first bytes of a direction are not this protocol.
    fn exclude(&mut self, index: usize, protocol: u64, each_side: bool) {
        for (at, open) in self.open.iter_mut().enumerate() {
            if at == index || !each_side {
                *open &= !protocol;
            }
        }
    }
}

/// What looking into a connection takes: more for a parser that is in the middle of something,
/// but its buffers are counted on their own.
pub(crate) const CONVERSATION_BYTES: usize = size_of::<Conversation>() + 256;

impl Conversation {
    pub(crate) fn new(midstream: bool, memory: &mut Memory) -> Self {
        memory.conversations = memory.conversations.saturating_add(1);
        Self {
            stream: Stream::default(),
            app: App::Probing(Probing {
                open: [u64::MAX; 2],
                from_start: [!midstream; 2],
                looked: [0; 2],
                waits: [false; 2],
            }),
        }
    }

    /// Tells where both directions begin, as far as that was seen.
    pub(crate) fn begin(&mut self, now: Time, flow: &mut Flow, around: &mut Around<'_>) {
        for (direction, isn) in [Direction::ToServer, Direction::ToClient]
            .into_iter()
            .zip(flow.cold.isn)
        {
            let Some(seq) = isn else {
                continue;
            };
            let syn = Segment {
                seq,
                ack: None,
                payload: &[],
                wire_len: 0,
                syn: true,
                fin: false,
                now,
                one_sided: false,
            };
            self.push(direction, &syn, flow, around);
        }
    }

    /// Whether anybody still reads it.
    pub(crate) const fn is_done(&self) -> bool {
        matches!(self.app, App::Done)
    }

    /// See [`Stream::glance`].
    #[inline]
    pub(crate) fn glance(&mut self, direction: Direction, segment: &Segment<'_>) -> Glance {
        self.stream.glance(direction, segment)
    }

    /// Whether a hole is open, so that time matters.
    pub(crate) fn waits(&self) -> bool {
        self.stream.waits()
    }

    pub(crate) fn push(
        &mut self,
        direction: Direction,
        segment: &Segment<'_>,
        flow: &mut Flow,
        around: &mut Around<'_>,
    ) -> Outcome {
        let mut found = None;
        let outcome = self.with(flow, around, &mut found, |stream, memory, reader| {
            stream.push(direction, segment, memory, reader)
        });
        self.recognised(direction, found, flow, around);
        outcome
    }

    pub(crate) fn tick(&mut self, now: Time, flow: &mut Flow, around: &mut Around<'_>) {
        let one_sided = flow.is_one_sided();
        let mut found = None;
        self.with(flow, around, &mut found, |stream, memory, reader| {
            stream.tick(now, one_sided, memory, reader);
        });
        if let Some((direction, _)) = found {
            self.recognised(direction, found, flow, around);
        }
    }

    pub(crate) fn close(&mut self, flow: &mut Flow, around: &mut Around<'_>) {
        let mut found = None;
        self.with(flow, around, &mut found, |stream, memory, reader| {
            stream.close(memory, reader);
        });
        self.forget(around.memory);
    }

    pub(crate) fn forget(&mut self, memory: &mut Memory) {
        self.stream.forget(memory);
        memory.conversations = memory.conversations.saturating_sub(1);
    }

    /// What is kept while probing is handed on in order of arrival once a parser is there.
    fn recognised(
        &mut self,
        direction: Direction,
        found: Option<(Direction, usize)>,
        flow: &mut Flow,
        around: &mut Around<'_>,
    ) {
        if found.is_some() || matches!(self.app, App::Probing(_)) {
            self.stream.arrived(direction, self.stream.kept(direction));
        }
        if let Some(found) = found {
            self.with(flow, around, &mut None, |stream, memory, reader| {
                stream.replay(found, memory, reader);
            });
        }
    }

    fn with<T>(
        &mut self,
        flow: &mut Flow,
        around: &mut Around<'_>,
        found: &mut Option<(Direction, usize)>,
        act: impl FnOnce(&mut Stream, &mut Memory, &mut dyn Consumer) -> T,
    ) -> T {
        let mut reader = Reader {
            app: &mut self.app,
            protocols: around.protocols,
            found: None,
            emit: FlowEmit {
                flow,
                recorder: around.recorder,
                moment: around.moment,
            },
        };
        let result = act(&mut self.stream, around.memory, &mut reader);
        *found = reader.found;
        result
    }
}

/// Reads one flow's stream: a probe first, then the parser.
struct Reader<'a> {
    app: &'a mut App,
    protocols: Protocols,
    emit: FlowEmit<'a>,
    /// Set when the flow is recognised: in which direction, and how many of its bytes come before
    /// the start. Until the bytes are handed on again nobody takes any.
    found: Option<(Direction, usize)>,
}

impl Consumer for Reader<'_> {
    fn data(&mut self, direction: Direction, bytes: &[u8]) -> Progress {
        if self.found.is_some() {
            return Progress::more(0, WAIT_FOR_REPLAY);
        }
        match self.app {
            App::Probing(probing) => {
                let probing = *probing;
                self.probe(probing, direction, bytes, false)
            }
            App::Parsing(parser) => {
                self.emit
                    .recorder
                    .counts
                    .add(Count::ParserSeen, bytes.len() as u64);
                let progress = parser.parse(direction, bytes, &mut self.emit);
                if progress.then == Then::Resync {
                    self.emit.recorder.counts.one(Count::ParserResyncs);
                }
                progress
            }
            App::Done => STOP,
        }
    }

    fn gap(&mut self, direction: Direction, len: u64) {
        if len > 0 {
            self.emit.gap(direction, len);
        }
        match self.app {
            App::Parsing(parser) => parser.gap(direction, len, &mut self.emit),
            App::Probing(probing) => {
                if let Some(start) = probing.from_start.get_mut(direction.index()) {
                    *start = false;
                }
                if let Some(waits) = probing.waits.get_mut(direction.index()) {
                    *waits = false;
                }
            }
            App::Done => {}
        }
    }

    fn close(&mut self, direction: Direction, rest: &[u8]) {
        if let App::Probing(probing) = self.app
            && !rest.is_empty()
            && self.found.is_none()
        {
            let probing = *probing;
            let progress = self.probe(probing, direction, rest, true);
            let used = self
                .found
                .take()
                .map_or_else(|| used(progress), |(_, start)| start);
            if let App::Parsing(parser) = &mut *self.app {
                let rest = rest.get(used..).unwrap_or_default();
                read_last(parser.as_mut(), direction, rest, &mut self.emit);
            }
        } else if let App::Parsing(parser) = self.app {
            parser.close(direction, rest, &mut self.emit);
        }
    }

    fn conflict(&mut self, direction: Direction) {
        self.emit.anomaly(direction, &anomalies::OVERLAP_CONFLICT);
    }

    fn too_much(&mut self, direction: Direction) {
        self.emit.recorder.counts.one(Count::ParserTooMuch);
        self.emit.anomaly(direction, &anomalies::TOO_MUCH);
    }
}

impl Reader<'_> {
    /// Shows the bytes to everybody who may still know them. The first in the table's order to say
    /// yes has the flow; while one before it is unsure that waits for more, so that the answer
    /// does not depend on where segments were cut. Midstream nobody waits: a protocol that looks
    /// for its start is unsure until it finds one.
    fn probe(
        &mut self,
        mut probing: Probing,
        direction: Direction,
        bytes: &[u8],
        last: bool,
    ) -> Progress {
        let [_, server] = self.emit.flow.endpoints();
        let index = direction.index();
        let from_start = probing.from_start.get(index).copied().unwrap_or(false);
        let probe = Probe {
            direction,
            bytes,
            from_start,
            server_port: server.port.unwrap_or(0),
        };
        let enough = last || bytes.len() >= PROBE_BYTES_MAX;
        let mut unsure = false;
        for (at, spec) in tcp(self.protocols) {
            let bit = 1_u64.checked_shl(at).unwrap_or(0);
            if !probing.may_be(index, bit) {
                continue;
            }
            match (spec.probe)(&probe) {
                Verdict::Yes(start) if enough || !unsure || !from_start => {
                    let start = start.min(bytes.len());
                    return self.recognise(spec, direction, bytes, start, &probing);
                }
                Verdict::Yes(_) | Verdict::Unsure => unsure = true,
                Verdict::No if from_start => probing.exclude(index, bit, spec.each_side),
                Verdict::No => {}
            }
        }
        let progress = if !from_start {
            look_on(&mut probing, index, bytes.len(), unsure && !enough)
        } else if unsure && !enough {
            Progress::more(0, 1)
        } else {
            STOP
        };
        if let Some(waits) = probing.waits.get_mut(index) {
            *waits = progress.consumed == 0;
        }
        if let Some(open) = probing.open.get_mut(index).filter(|_| progress == STOP) {
            *open = 0;
        }
        let other = direction.other().index();
        let over = progress == STOP
            && !tcp(self.protocols).any(|(at, spec)| {
                spec.each_side && probing.may_be(other, 1_u64.checked_shl(at).unwrap_or(0))
            });
        *self.app = if over {
            App::Done
        } else {
            App::Probing(probing)
        };
        progress
    }

    fn recognise(
        &mut self,
        spec: &'static Spec,
        direction: Direction,
        bytes: &[u8],
        start: usize,
        probing: &Probing,
    ) -> Progress {
        let flow = &mut *self.emit.flow;
        flow.recognise(spec);
        if spec.medical {
            self.emit.recorder.counts.one(Count::FlowMedical);
        }
        let Some(open) = spec.open else {
            *self.app = App::Done;
            return STOP;
        };
        let midstream = probing.from_start != [true; 2];
        *self.app = App::Parsing(open(&opening(flow, midstream)));
        let others_wait = probing.waits.get(direction.other().index());
        if others_wait == Some(&true) {
            self.found = Some((direction, start));
            return Progress::more(0, WAIT_FOR_REPLAY);
        }
        // Nothing came before: read now, lest a hole right behind takes these bytes along.
        let mut progress = match bytes.get(start..) {
            Some(rest) if !rest.is_empty() => self.data(direction, rest),
            _ => Progress::consumed(0),
        };
        progress.consumed = progress.consumed.saturating_add(start);
        progress
    }
}

/// Bytes that a parser is done with, skipped ones among them.
fn used(progress: Progress) -> usize {
    let skip = match progress.then {
        Then::Skip(bytes) => usize::try_from(bytes).unwrap_or(usize::MAX),
        _ => 0,
    };
    progress.consumed.saturating_add(skip)
}

/// Bytes of a direction that ended before anybody knew them.
fn read_last(
    parser: &mut dyn Parser,
    direction: Direction,
    mut rest: &[u8],
    emit: &mut FlowEmit<'_>,
) {
    loop {
        let progress = parser.parse(direction, rest, emit);
        let used = used(progress);
        rest = rest.get(used..).unwrap_or_default();
        if used == 0 || rest.is_empty() || progress.then == Then::Stop {
            break;
        }
    }
    parser.close(direction, rest, emit);
}

/// Midstream a protocol may begin anywhere: what nobody knows is let go, and the search goes on.
fn look_on(probing: &mut Probing, index: usize, len: usize, keep: bool) -> Progress {
    if keep {
        return Progress::more(0, 1);
    }
    let Some(looked) = probing.looked.get_mut(index) else {
        return STOP;
    };
    *looked = looked.saturating_add(len as u64);
    if *looked > MIDSTREAM_PROBE_BYTES_MAX {
        return STOP;
    }
    Progress::consumed(len)
}

pub(crate) fn opening(flow: &Flow, midstream: bool) -> Open {
    let [client, server] = flow.endpoints();
    Open {
        midstream,
        server_port: server.port.unwrap_or(0),
        client_port: client.port.unwrap_or(0),
    }
}

fn tcp(protocols: Protocols) -> impl Iterator<Item = (u32, &'static Spec)> {
    of(protocols, Transport::Tcp)
}

pub(crate) fn of(
    protocols: Protocols,
    transport: Transport,
) -> impl Iterator<Item = (u32, &'static Spec)> {
    let numbered = (0_u32..).zip(protocols.iter().copied());
    numbered.filter(move |(_, spec)| spec.transport == transport)
}

const STOP: Progress = Progress {
    consumed: 0,
    then: Then::Stop,
};
/// Nobody can want more; what was kept is handed on again before that much has come.
const WAIT_FOR_REPLAY: usize = parsers::protocol::BUFFER_BYTES_MAX;
/// A protocol that cannot be told from this many bytes cannot be told.
const PROBE_BYTES_MAX: usize = 2048;
/// Midstream the next message may be a whole image away, and more; this much of one direction is
/// looked at.
const MIDSTREAM_PROBE_BYTES_MAX: u64 = 1 << 20;
