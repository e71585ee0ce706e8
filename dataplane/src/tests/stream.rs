//! One direction after another: reassembly against the plain bytes.

use parsers::event::Direction::{self, ToClient, ToServer};
use parsers::protocol::{Progress, Then};
use parsers::time::{NANOS_PER_SEC, Time};
use proptest::prelude::*;

use crate::stream::{Consumer, Memory, Outcome, Segment, Stream};

/// Writes down what it is given. Takes `want` bytes at a time; skips by script.
#[derive(Default)]
struct Notes {
    bytes: Vec<u8>,
    gaps: Vec<u64>,
    closed: Vec<Direction>,
    conflicts: usize,
    /// After so many bytes, skip so many, once each.
    skips: Vec<(usize, u64)>,
    want: usize,
}

impl Consumer for Notes {
    fn data(&mut self, _: Direction, bytes: &[u8]) -> Progress {
        if bytes.len() < self.want {
            return Progress::more(0, self.want);
        }
        if let Some(&(after, n)) = self.skips.first() {
            let left = after.saturating_sub(self.bytes.len());
            if bytes.len() >= left {
                self.skips.remove(0);
                self.bytes.extend(&bytes[..left]);
                return Progress {
                    consumed: left,
                    then: Then::Skip(n),
                };
            }
        }
        self.bytes.extend(bytes);
        Progress::consumed(bytes.len())
    }

    fn gap(&mut self, _: Direction, len: u64) {
        self.gaps.push(len);
    }

    fn close(&mut self, direction: Direction, rest: &[u8]) {
        self.bytes.extend(rest);
        self.closed.push(direction);
    }

    fn conflict(&mut self, _: Direction) {
        self.conflicts += 1;
    }

    fn too_much(&mut self, _: Direction) {}
}

struct Bed {
    stream: Stream,
    memory: Memory,
    notes: Notes,
    now: i64,
    one_sided: bool,
}

impl Bed {
    fn new() -> Self {
        Self {
            stream: Stream::default(),
            memory: Memory::new(8 << 20, 8 << 20),
            notes: Notes::default(),
            now: 0,
            one_sided: false,
        }
    }

    fn begin(&mut self, isn: u32) {
        self.send(ToServer, isn, None, b"", 0, (true, false));
    }

    fn send(
        &mut self,
        direction: Direction,
        seq: u32,
        ack: Option<u32>,
        payload: &[u8],
        extra: u32,
        (syn, fin): (bool, bool),
    ) -> Outcome {
        let segment = Segment {
            seq,
            ack,
            payload,
            wire_len: payload.len() as u32 + extra,
            syn,
            fin,
            now: Time(self.now),
            one_sided: self.one_sided,
        };
        self.stream
            .push(direction, &segment, &mut self.memory, &mut self.notes)
    }

    fn data(&mut self, seq: u32, payload: &[u8]) -> Outcome {
        self.send(ToServer, seq, None, payload, 0, (false, false))
    }

    fn ack(&mut self, ack: u32) {
        self.send(ToClient, 1, Some(ack), b"", 0, (false, false));
    }
}

fn plain(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at * 7 + at / 251) as u8).collect()
}

proptest! {
    /// A poor fuzzer that runs everywhere.
    #[test]
    fn any_segments_at_all(data in prop::collection::vec(any::<u8>(), 0..1600)) {
        crate::fuzz_stream(&data);
    }

    /// However segments are cut, mixed, doubled: the bytes are the plain bytes, also where
    /// sequence numbers wrap.
    #[test]
    fn any_order_gives_the_plain_bytes(
        isn in prop_oneof![any::<u32>(), (u32::MAX - 600)..u32::MAX],
        pieces in prop::collection::vec((0_usize..500, 1_usize..80), 0..40),
        want in 1_usize..40,
    ) {
        let all = plain(500);
        let mut bed = Bed::new();
        bed.notes.want = want;
        bed.begin(isn);
        let mut cuts = pieces;
        cuts.extend((0..10).map(|n| (n * 50, 50)));
        for (from, len) in cuts {
            let until = (from + len).min(all.len());
            bed.data(isn.wrapping_add(1).wrapping_add(from as u32), &all[from..until]);
        }
        bed.stream.close(&mut bed.memory, &mut bed.notes);
        prop_assert_eq!(&bed.notes.bytes, &all);
        prop_assert!(bed.notes.gaps.is_empty());
        prop_assert_eq!(bed.notes.conflicts, 0);
        prop_assert_eq!((bed.memory.out_of_order, bed.memory.kept), (0, 0));
    }

    /// What is skipped may come in any order, or not at all, and costs nothing.
    #[test]
    fn holes_in_what_is_skipped_are_none(order in Just((0..40_usize).collect::<Vec<_>>()).prop_shuffle(), lost in 12_usize..28) {
        let all = plain(400);
        let mut bed = Bed::new();
        // From byte 100 to byte 300 nobody looks.
        bed.notes.skips = vec![(100, 200)];
        bed.begin(0);
        for at in order.into_iter().filter(|at| *at != lost) {
            bed.data(1 + 10 * at as u32, &all[10 * at..10 * at + 10]);
        }
        let kept: Vec<u8> = [&all[..100], &all[300..]].concat();
        prop_assert_eq!(&bed.notes.bytes, &kept);
        prop_assert!(bed.notes.gaps.is_empty());
    }
}

#[test]
fn skipping_more_than_a_sequence_number_can_tell() {
    let total: u64 = 9 << 30;
    let mut bed = Bed::new();
    bed.notes.skips = vec![(4, total)];
    bed.begin(u32::MAX);
    bed.data(0, b"head");
    let step = 1_u32 << 20;
    let block = vec![0_u8; step as usize];
    let mut seq = 4_u32;
    for _ in 0..total >> 20 {
        assert_eq!(bed.data(seq, &block), Outcome::Skipped);
        seq = seq.wrapping_add(step);
    }
    bed.data(seq, b"tail");
    assert_eq!(bed.notes.bytes, b"headtail");
    assert_eq!(bed.memory.out_of_order, 0);
}

#[test]
fn first_bytes_win_and_a_conflict_is_told() {
    let mut bed = Bed::new();
    bed.begin(0);
    bed.data(4, b"def");
    bed.data(3, b"cDEFg");
    bed.data(1, b"ab");
    assert_eq!(bed.notes.bytes, b"abcdefg");
    assert_eq!(bed.notes.conflicts, 1);
}

#[test]
fn a_hole_is_given_up_64_segments_after_its_acknowledgment() {
    let mut bed = Bed::new();
    bed.begin(0);
    bed.ack(1);
    bed.data(1, b"ab");
    bed.data(4, b"d");
    bed.ack(5);
    for n in 0..64 {
        assert!(bed.notes.gaps.is_empty(), "{n}");
        bed.data(5 + n, b"x");
    }
    assert_eq!(bed.notes.gaps, [1]);
    assert_eq!(bed.notes.bytes.len(), 2 + 1 + 64);
}

#[test]
fn a_hole_is_given_up_a_second_after_its_acknowledgment() {
    let mut bed = Bed::new();
    bed.begin(0);
    bed.ack(1);
    bed.data(1, b"ab");
    bed.data(4, b"d");
    bed.ack(5);
    bed.now += NANOS_PER_SEC - 1;
    bed.data(5, b"e");
    assert!(bed.notes.gaps.is_empty());
    bed.stream
        .tick(Time(bed.now + 1), false, &mut bed.memory, &mut bed.notes);
    assert_eq!(
        (bed.notes.gaps.as_slice(), bed.notes.bytes.as_slice()),
        (&[1][..], &b"abde"[..])
    );
}

#[test]
fn without_an_acknowledgment_the_receiver_misses_it_too() {
    let mut bed = Bed::new();
    bed.begin(0);
    bed.data(4, b"d");
    for _ in 0..100 {
        bed.now += NANOS_PER_SEC;
        bed.ack(1);
        bed.data(4, b"d");
    }
    assert!(bed.notes.gaps.is_empty());
    bed.data(1, b"abc");
    assert_eq!(bed.notes.bytes, b"abcd");
}

#[test]
fn bytes_lost_at_the_end_are_a_gap_too() {
    let mut bed = Bed::new();
    bed.begin(0);
    bed.data(1, b"ab");
    bed.ack(11);
    assert!(bed.stream.waits());
    bed.stream
        .tick(Time(NANOS_PER_SEC), false, &mut bed.memory, &mut bed.notes);
    assert_eq!(bed.notes.gaps, [8]);
}

#[test]
fn one_sided_the_patience_is_longer() {
    let mut bed = Bed::new();
    bed.one_sided = true;
    bed.begin(0);
    bed.data(1, b"a");
    bed.data(3, b"c");
    bed.now += 5 * NANOS_PER_SEC - 1;
    bed.data(4, b"d");
    assert!(bed.notes.gaps.is_empty());
    bed.now += 1;
    bed.data(5, b"e");
    assert_eq!(bed.notes.gaps, [1]);
    // Or a mebibyte behind the hole.
    let mut seq = 7_u32;
    while bed.notes.gaps.len() < 2 {
        bed.data(seq, &[0; 1024]);
        seq += 1024;
    }
    assert_eq!(seq, 7 + (1 << 20));
    assert_eq!(bed.notes.bytes.len(), 4 + (1 << 20));
}

#[test]
fn a_truncated_frame_is_a_gap_of_known_length() {
    let mut bed = Bed::new();
    bed.begin(0);
    bed.send(ToServer, 1, None, b"ab", 100, (false, false));
    bed.data(103, b"cd");
    assert_eq!(
        (bed.notes.gaps.as_slice(), bed.notes.bytes.as_slice()),
        (&[100][..], &b"abcd"[..])
    );
}

#[test]
fn what_a_truncated_frame_lacks_may_be_skipped() {
    let mut bed = Bed::new();
    bed.notes.skips = vec![(2, 100)];
    bed.begin(0);
    bed.send(ToServer, 1, None, b"ab", 100, (false, false));
    bed.data(103, b"cd");
    assert!(bed.notes.gaps.is_empty());
    assert_eq!(bed.notes.bytes, b"abcd");
}

#[test]
fn keep_alives_bring_nothing() {
    let mut bed = Bed::new();
    bed.begin(0);
    bed.data(1, b"ab");
    assert_eq!(bed.data(2, b"\0"), Outcome::Skipped);
    bed.data(3, b"c");
    assert_eq!(bed.notes.bytes, b"abc");
    assert_eq!(bed.notes.conflicts, 0);
}

#[test]
fn a_fin_closes_when_all_before_it_has_come() {
    let mut bed = Bed::new();
    bed.begin(0);
    bed.send(ToServer, 3, None, b"c", 0, (false, true));
    assert!(bed.notes.closed.is_empty());
    bed.data(1, b"ab");
    assert_eq!(bed.notes.closed, [ToServer]);
    assert_eq!(bed.notes.bytes, b"abc");
}

#[test]
fn what_is_far_away_is_of_another_time() {
    let mut bed = Bed::new();
    bed.begin(0);
    bed.data(1, b"ab");
    assert_eq!(bed.data(0x7000_0000, b"zz"), Outcome::Outside);
    bed.data(3, b"c");
    assert_eq!(bed.notes.bytes, b"abc");
}

#[test]
fn more_out_of_order_than_the_bound_is_given_up() {
    let mut bed = Bed::new();
    bed.begin(0);
    for n in 0..600 {
        bed.data(3 + 2 * n, b"x");
    }
    assert!(!bed.notes.gaps.is_empty());
    assert!(bed.memory.hits[1] > 0);
}
