//! The fuzzer's body: whatever segments come, bytes handed on are at their place, bytes and gaps
//! never cross, all memory is given back, and a glance gives what a look gives.

use parsers::event::Direction;
use parsers::protocol::{Progress, Then};
use parsers::time::Time;

use super::{Consumer, Glance, Memory, Segment, Stream};

/// Segments of one stream whose byte at each place is known: eight bytes of input each.
#[expect(clippy::indexing_slicing, reason = "a fuzzer's body may panic")]
pub fn fuzz(data: &[u8]) {
    let content: Vec<u8> = (0..CONTENT).map(byte_at).collect();
    let mut looked = Watched::new(false);
    let mut glanced = Watched::new(true);
    let begin = |seq| Segment {
        seq,
        ack: None,
        payload: &[],
        wire_len: 0,
        syn: true,
        fin: false,
        now: Time(0),
        one_sided: false,
    };
    for watched in [&mut looked, &mut glanced] {
        watched.push(Direction::ToServer, &begin(ISN));
        watched.push(Direction::ToClient, &begin(0));
    }
    let mut now = 0_i64;
    for step in data.chunks_exact(8) {
        let from = usize::from(u16::from_le_bytes([step[0], step[1]])) % CONTENT;
        let until = from.saturating_add(usize::from(step[2])).min(CONTENT);
        let payload = &content[from..until];
        now = now.saturating_add(i64::from(step[3]) << 24);
        let place = u32::try_from(from).unwrap_or(0);
        let wire_len = u32::try_from(payload.len()).unwrap_or(0);
        let acks = step[5] & 1 == 1;
        let segment = Segment {
            seq: if acks {
                1
            } else {
                ISN.wrapping_add(1).wrapping_add(place)
            },
            ack: acks.then_some(ISN.wrapping_add(place)),
            payload: if acks { &[] } else { payload },
            wire_len: if acks {
                0
            } else {
                wire_len.saturating_add((step[6] & 3).into())
            },
            syn: false,
            fin: step[7] == 255,
            now: Time(now),
            one_sided: step[5] & 2 == 2,
        };
        let direction = if acks {
            Direction::ToClient
        } else {
            Direction::ToServer
        };
        for watched in [&mut looked, &mut glanced] {
            watched.reader.mood = step[4];
            watched.push(direction, &segment);
            watched.tick(Time(now), segment.one_sided);
        }
        assert_eq!(
            format!("{:?}", looked.stream),
            format!("{:?}", glanced.stream)
        );
        assert_eq!(looked.reader.at, glanced.reader.at);
    }
    looked.close();
    glanced.close();
}

/// A stream, and who reads it.
struct Watched {
    stream: Stream,
    memory: Memory,
    reader: Checker,
    glances: bool,
}

impl Watched {
    fn new(glances: bool) -> Self {
        Self {
            stream: Stream::default(),
            memory: Memory::new(16 << 10, 16 << 10),
            reader: Checker::default(),
            glances,
        }
    }

    fn push(&mut self, direction: Direction, segment: &Segment<'_>) {
        let plain = self.glances && !segment.syn && !segment.fin;
        if !plain || self.stream.glance(direction, segment) == Glance::Look {
            let (memory, reader) = (&mut self.memory, &mut self.reader);
            self.stream.push(direction, segment, memory, reader);
        }
    }

    fn tick(&mut self, now: Time, one_sided: bool) {
        let (memory, reader) = (&mut self.memory, &mut self.reader);
        self.stream.tick(now, one_sided, memory, reader);
    }

    fn close(&mut self) {
        self.stream.close(&mut self.memory, &mut self.reader);
        assert_eq!(self.memory.out_of_order, 0);
        assert_eq!(self.memory.kept, 0);
    }
}

/// The byte at a place; two places nearby never have the same four.
fn byte_at(place: usize) -> u8 {
    u8::try_from((place ^ (place >> 8).wrapping_mul(31)) & 0xff).unwrap_or(0)
}

/// Follows where it is, and compares.
#[derive(Default)]
struct Checker {
    at: u64,
    /// Whether the place is known: not after a gap of unknown length.
    lost: bool,
    mood: u8,
}

impl Consumer for Checker {
    fn data(&mut self, direction: Direction, bytes: &[u8]) -> Progress {
        assert!(!bytes.is_empty());
        if direction == Direction::ToClient {
            return Progress::consumed(bytes.len());
        }
        for (place, byte) in (self.at..).zip(bytes) {
            let expected = usize::try_from(place).map_or(0, byte_at);
            assert!(self.lost || *byte == expected, "at {place}");
        }
        let consumed = match self.mood % 4 {
            0 => 0,
            1 => bytes.len().div_ceil(2),
            _ => bytes.len(),
        };
        let then = match self.mood % 7 {
            5 => Then::Skip(u64::from(self.mood)),
            6 => Then::More(usize::from(self.mood)),
            _ => Then::More(1),
        };
        let skipped = if let Then::Skip(n) = then { n } else { 0 };
        self.at = self
            .at
            .saturating_add(consumed as u64)
            .saturating_add(skipped);
        Progress { consumed, then }
    }

    fn gap(&mut self, direction: Direction, _: u64) {
        // Bytes that were not consumed are gone too, and nobody says how many they were.
        self.lost |= direction == Direction::ToServer;
    }

    fn close(&mut self, _: Direction, _: &[u8]) {}

    fn conflict(&mut self, _: Direction) {}

    fn too_much(&mut self, _: Direction) {}
}

const CONTENT: usize = 4096;
/// So that sequence numbers wrap.
const ISN: u32 = u32::MAX - 1000;
