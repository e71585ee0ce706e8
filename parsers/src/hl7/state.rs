//! Both directions of a connection: segments in order become messages, messages become events.

use std::cell::RefCell;

use smallvec::SmallVec;

use super::event::{Arrival, emit};
use super::findings::Findings;
use super::message::Message;
use super::mllp::{Closed, Framing, Step, Token};
use super::store::Store;
use super::wire::{Delims, integer};
use super::*;
use crate::event::Direction;
use crate::protocol::{Anomaly, Emit, Open, Parser, Progress, Then};
use crate::pump;

/// Makes the parser of one flow.
pub(super) fn open(open: &Open) -> Box<dyn Parser> {
    Box::new(Hl7 {
        lanes: [Lane::new(open.midstream), Lane::new(open.midstream)],
    })
}

/// A connection.
struct Hl7 {
    lanes: [Lane; 2],
}

impl Hl7 {
    fn lane(&mut self, direction: Direction) -> &mut Lane {
        let [to_server, to_client] = &mut self.lanes;
        match direction {
            ToServer => to_server,
            ToClient => to_client,
        }
    }
}

impl Parser for Hl7 {
    fn parse(&mut self, direction: Direction, bytes: &[u8], emit: &mut dyn Emit) -> Progress {
        let peer = direction.other();
        self.lane(peer).settle(&mut Out {
            direction: peer,
            emit,
        });
        let out = &mut Out { direction, emit };
        self.lane(direction).read(bytes, false, out)
    }

    fn gap(&mut self, direction: Direction, _len: u64, emit: &mut dyn Emit) {
        self.lane(direction).gap(&mut Out { direction, emit });
    }

    fn close(&mut self, direction: Direction, rest: &[u8], emit: &mut dyn Emit) {
        let out = &mut Out { direction, emit };
        let lane = self.lane(direction);
        lane.read(rest, true, out);
        lane.token(Token::Close(Closed::WithoutBlock), out);
        lane.framing = Framing::new(true);
    }

    fn heap_bytes(&self) -> usize {
        self.lanes
            .iter()
            .fold(0, |sum, lane| sum.saturating_add(lane.heap_bytes()))
    }
}

/// Where the events of one direction go.
struct Out<'e> {
    direction: Direction,
    emit: &'e mut dyn Emit,
}

/// One direction.
struct Lane {
    framing: Framing,
    store: Store,
    /// Where values are unescaped.
    room: RefCell<Vec<u8>>,
    /// Bytes are missing before what comes next, so a start block may be among them.
    lost: bool,
    /// A frame is open; whether it has a start block.
    frame: Option<bool>,
    /// Messages of this frame so far.
    messages: u32,
    /// In a batch, and how many messages it had so far.
    batch: Option<u64>,
    told: Told,
    delims: Option<Delims>,
}

/// What was told of this frame, and of this connection. Bounded: there are so many anomalies.
#[derive(Default)]
struct Told {
    frame: SmallVec<[&'static Anomaly; 4]>,
    connection: SmallVec<[&'static Anomaly; 4]>,
}

impl Told {
    /// Tells an anomaly once a frame, and one that is a habit once a connection.
    fn tell(&mut self, anomaly: &'static Anomaly, out: &mut Out<'_>) {
        let told = if HABITS.contains(&anomaly) {
            &mut self.connection
        } else {
            &mut self.frame
        };
        if !told.contains(&anomaly) {
            told.push(anomaly);
            out.emit.anomaly(out.direction, anomaly);
        }
    }
}

impl Lane {
    fn new(midstream: bool) -> Self {
        Self {
            framing: Framing::new(midstream),
            store: Store::new(),
            room: RefCell::default(),
            lost: midstream,
            frame: None,
            messages: 0,
            batch: None,
            told: Told::default(),
            delims: None,
        }
    }

    fn heap_bytes(&self) -> usize {
        let room = self.room.try_borrow().map_or(0, |room| room.capacity());
        self.store.heap_bytes().saturating_add(room)
    }

    fn read(&mut self, bytes: &[u8], last: bool, out: &mut Out<'_>) -> Progress {
        let mut at = 0_usize;
        loop {
            let rest = bytes.get(at..).unwrap_or_default();
            if rest.is_empty() {
                return Progress::consumed(at);
            }
            match self.framing.step(rest, last) {
                Step::Lines(lines) => at = at.saturating_add(self.lines(lines, out)),
                Step::Took(token, took) => {
                    self.token(token, out);
                    at = at.saturating_add(took);
                }
                Step::Need(more) => return Progress::more(at, more),
                Step::Lost(passed) => {
                    return Progress {
                        consumed: at.saturating_add(passed),
                        then: Then::Resync,
                    };
                }
            }
        }
    }

    /// The peer speaks: perhaps a message has ended.
    fn settle(&mut self, out: &mut Out<'_>) {
        if let Some(how) = self.framing.settle() {
            self.token(Token::Close(how), out);
        }
    }

    fn gap(&mut self, out: &mut Out<'_>) {
        if self.store.in_segment() {
            self.store.end_segment(0);
        }
        self.finish(None, true, out);
        self.frame = None;
        self.batch = None;
        self.lost = true;
        self.framing.lose();
    }

    /// Takes segments; says how many bytes of them.
    fn lines(&mut self, lines: &[u8], out: &mut Out<'_>) -> usize {
        let first = self.store.is_empty();
        let took = self.store.push_lines(lines);
        if first {
            self.first_segment(out);
        }
        took
    }

    fn token(&mut self, token: Token<'_>, out: &mut Out<'_>) {
        match token {
            Token::Open(start_block) => self.open(start_block, out),
            Token::Between => self.told.tell(&BYTES_BETWEEN, out),
            Token::Header(name) => self.header(name, out),
            Token::Data(data) => self.store.push(data),
            Token::Line(line) => {
                self.store.push_line(line);
                self.first_segment(out);
            }
            Token::SegmentEnd(line_feed) => self.segment_end(line_feed, out),
            Token::LineFeed => self.told.tell(&LINE_FEEDS, out),
            Token::StartInside => {
                self.store.push(b"\x0b");
                self.told.tell(&START_INSIDE, out);
            }
            Token::EndInside => {
                self.store.push(b"\x1c");
                self.told.tell(&END_INSIDE, out);
            }
            Token::Close(how) => self.close(how, out),
            Token::NoCarriageReturn => self.told.tell(&NO_CARRIAGE_RETURN, out),
            Token::Nothing => {}
        }
    }

    fn open(&mut self, start_block: bool, out: &mut Out<'_>) {
        self.frame = Some(start_block);
        self.messages = 0;
        self.told.frame.clear();
        if !start_block && !self.lost {
            self.told.tell(&NO_START_BLOCK, out);
        }
        self.lost = false;
    }

    /// A header starts here: what came before has ended.
    fn header(&mut self, name: [u8; 3], out: &mut Out<'_>) {
        if self.store.has_header() {
            self.finish(None, false, out);
        } else if !self.store.is_empty() {
            self.store.clear();
        }
        let again = &name == b"MSH" && self.messages > 0;
        if again && self.batch.is_none() && self.frame == Some(true) {
            self.told.tell(&SEVERAL_MESSAGES, out);
        }
        if &name == b"MSH" {
            self.messages = self.messages.saturating_add(1);
            self.batch = self.batch.map(|count| count.saturating_add(1));
        }
    }

    fn segment_end(&mut self, line_feed: bool, out: &mut Out<'_>) {
        if line_feed {
            self.told.tell(&LINE_FEEDS, out);
        }
        self.store.end_segment(1);
        self.first_segment(out);
    }

    /// If this was the first segment of what is being read: is it what it should be?
    fn first_segment(&mut self, out: &mut Out<'_>) {
        let [first] = self.store.segments.as_slice() else {
            return;
        };
        match &first.name {
            b"MSH" => return,
            b"FHS" | b"BHS" => self.batch = Some(0),
            b"BTS" | b"FTS" => {
                if &first.name == b"BTS" {
                    self.check_batch(out);
                }
                self.batch = None;
            }
            _ => return self.told.tell(&NOT_A_MESSAGE, out),
        }
        self.store.clear();
    }

    /// BTS-1 is the number of messages, where it is given.
    fn check_batch(&mut self, out: &mut Out<'_>) {
        let message = Message::new(&self.store, &self.room);
        let stated = message
            .value(*b"BTS", 1, 1)
            .and_then(integer)
            .map(u64::from);
        if let (Some(stated), Some(count)) = (stated, self.batch)
            && stated != count
        {
            self.told.tell(&BATCH_COUNT, out);
        }
    }

    fn close(&mut self, how: Closed, out: &mut Out<'_>) {
        let Some(start_block) = self.frame.take() else {
            return;
        };
        if self.store.in_segment() {
            self.store.end_segment(0);
            self.first_segment(out);
            self.told.tell(&NO_FINAL_RETURN, out);
        }
        match how {
            Closed::WithoutReturn => self.told.tell(&NO_CARRIAGE_RETURN, out),
            Closed::WithoutBlock if start_block => self.told.tell(&NO_END_BLOCK, out),
            _ => {}
        }
        self.finish(Some(start_block && how == Closed::Well), false, out);
        // A batch in one frame ends with it, whether or not its trailer came.
        if self.messages > 0 {
            self.batch = None;
        }
    }

    /// The message has ended: makes events of it, and forgets it.
    fn finish(&mut self, framed: Option<bool>, truncated: bool, out: &mut Out<'_>) {
        if self.store.has_header() {
            self.oddities_of_store(out);
            let arrival = Arrival {
                direction: out.direction,
                batch: self.batch.is_some(),
                framed: framed.unwrap_or_else(|| self.batch.is_some() && self.frame == Some(true)),
                truncated,
            };
            self.emit(arrival, out);
        }
        self.store.clear();
    }

    fn oddities_of_store(&mut self, out: &mut Out<'_>) {
        let delims = self.store.delims;
        let many = self.store.segments_seen as usize > self.store.segments.len();
        for (is, anomaly) in [
            (!delims.are_sound(), &DELIMITERS),
            (
                self.delims.is_some_and(|known| known != delims),
                &DELIMITERS_CHANGED,
            ),
            (self.store.odd_name, &SEGMENT_NAME),
            (self.store.long_field, &FIELD_LONG),
            (self.store.out_of_room, &KEPT_IN_PART),
            (many, &SEGMENTS_MANY),
            (
                self.store.charset == charset::Charset::Unknown,
                &CHARSET_UNKNOWN,
            ),
        ] {
            if is {
                self.told.tell(anomaly, out);
            }
        }
        self.delims = Some(delims);
    }

    fn emit(&mut self, arrival: Arrival, out: &mut Out<'_>) {
        // The room is taken while the text is searched, and lent to rules while they look.
        let mut room = self.room.take();
        let message = Message::new(&self.store, &self.room);
        let found = Findings::of(&message, &mut room);
        let lies = self.store.charset == charset::Charset::Ascii && found.high;
        let profile = pump::profile(&message);
        let forbidden = profile.is_some_and(|p| pump::forbids(p, &message));
        let odd = [
            (found.oddities.unbalanced, &ESCAPE_UNBALANCED),
            (found.oddities.unknown, &ESCAPE_UNKNOWN),
            (found.oddities.control, &ESCAPE_CONTROL),
            (found.controls, &CONTROL_CHARACTERS),
            (lies, &CHARSET_MISMATCH),
            (found.injected.is_some(), &SEGMENT_INJECTED),
            (forbidden, &ORDER_SEGMENT),
        ];
        self.room.replace(room);
        for (is, anomaly) in odd {
            if is {
                self.told.tell(anomaly, out);
            }
        }
        emit(&message, &found, &self.store, arrival, out.emit);
        if let Some(profile) = profile {
            pump::read(profile, &message, arrival.direction, out.emit);
        }
    }
}
