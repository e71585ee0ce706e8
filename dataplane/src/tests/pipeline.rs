//! The whole pipeline: the same bytes whatever the number of workers, and it survives faults.

use std::sync::Arc;

use crossbeam::channel::bounded;
use rules::Ruleset;
use rules::correlate::{Config, Correlator, Out, Summary};
use rules::record::{Batch, Record};

use super::frames::{ACK, FIN_ACK, Given, SYN, SYN_ACK, arp, seg, udp};
use super::protocol::{FAULTY, FAULTY_MAC, LINES};
use super::worker::{T0, settings};
use crate::batch::{Frame, LinkType};
use crate::correlate_thread::Correlate;
use crate::decode::decode;
use crate::pipeline::{Feeds, Finished, Parts, start_with};
use crate::reader::{Feed, Spreading};
use crate::spread::{FlowHash, Spread};
use crate::telemetry::{Sample, monotonic_nanos};

/// A small generator, the same everywhere.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

/// A mixed hour: conversations in and out of order, scans, ARP, junk, silence.
pub(super) fn traffic(count: usize) -> Vec<(i64, Vec<u8>)> {
    let mut dice = Dice(7);
    let mut now = T0;
    let mut frames = Vec::new();
    let mut waiting: Vec<Vec<u8>> = Vec::new();
    while frames.len() < count {
        now += i64::try_from(dice.roll(40_000_000)).unwrap();
        if dice.roll(200) == 0 {
            now += 40_000_000_000;
        }
        match dice.roll(8) {
            0 => waiting.extend(conversation(&mut dice)),
            1 => frames.push((
                now,
                seg((9, 50_000), (10, dice.roll(3000) as u16), 1, 0, SYN, b"").frame(),
            )),
            2 => frames.push((now, udp((11, dice.roll(50) as u16), (12, 53), b"query"))),
            3 => frames.push((now, arp(1 + dice.roll(2) as u8, dice.roll(20) as u8, 5))),
            4 => frames.push((now, vec![0; dice.roll(40) as usize])),
            _ => {}
        }
        if !waiting.is_empty() {
            // Nearly in order.
            let at = dice.roll(3).min(waiting.len() as u64 - 1) as usize;
            frames.push((now, waiting.remove(at)));
        }
    }
    frames
}

fn conversation(dice: &mut Dice) -> Vec<Vec<u8>> {
    let (c, s) = (
        (dice.roll(6) as u8, 30_000 + dice.roll(2000) as u16),
        (50 + dice.roll(4) as u8, 104),
    );
    let mut seq = dice.roll(1 << 32) as u32;
    let mut all = vec![
        seg(c, s, seq, 0, SYN, b"").frame(),
        seg(s, c, 5, seq.wrapping_add(1), SYN_ACK, b"").frame(),
    ];
    seq = seq.wrapping_add(1);
    for n in 0..dice.roll(12) {
        let text = format!("TT line {n}\nS30\n{}!\n", "z".repeat(30));
        let segment = seg(c, s, seq, 6, ACK, text.as_bytes());
        if dice.roll(10) > 0 {
            all.push(segment.frame());
        }
        seq = seq.wrapping_add(text.len() as u32);
        all.push(seg(s, c, 6, seq, ACK, b"").frame());
    }
    if dice.roll(2) == 0 {
        all.push(seg(c, s, seq, 6, FIN_ACK, b"").frame());
        all.push(seg(s, c, 6, seq.wrapping_add(1), FIN_ACK, b"").frame());
    }
    all
}

fn run(
    frames: Vec<(i64, Vec<u8>)>,
    workers: usize,
    depth: usize,
    each: usize,
) -> (Vec<u8>, Finished) {
    let source = Box::new(Given::new(frames, each));
    let feed = Spreading::new(source, Spread::new(workers));
    run_on(Feeds::Spread(Box::new(feed)), workers, depth)
}

fn run_on(feeds: Feeds, workers: usize, depth: usize) -> (Vec<u8>, Finished) {
    let mut settings = settings(workers);
    settings.queue_depth = depth;
    let ruleset = Arc::new(Ruleset::empty());
    let correlator = Correlator::new(
        settings.eve.clone(),
        settings.site.clone(),
        Config::default(),
    );
    let parts = Parts {
        feeds,
        correlator: Box::new(correlator),
        protocols: LINES,
    };
    let (queue, lines) = bounded(1);
    let running = start_with(&settings, parts, ruleset, vec![("test", queue)]).unwrap();
    let mut written = Vec::new();
    for out in lines {
        written.extend_from_slice(&out.arena);
    }
    (written, running.wait())
}

/// Frames as a steering interface card hands them out: by flow, to so many sources.
fn steered(frames: &[(i64, Vec<u8>)], sources: usize) -> Feeds {
    let hash = FlowHash::new(sources);
    let mut own = vec![Vec::new(); sources];
    for (time, bytes) in frames {
        let frame = Frame {
            len: bytes.len() as u32,
            wire_len: bytes.len() as u32,
            link: LinkType::ETHERNET,
            ..Frame::default()
        };
        let decoded = decode(&frame, bytes);
        let worker = hash.worker(&decoded, bytes);
        for (at, frames) in own.iter_mut().enumerate() {
            // The others are polled at the same time.
            let bytes = if at == worker {
                bytes.clone()
            } else {
                Vec::new()
            };
            frames.push((*time, bytes));
        }
    }
    let feed = |frames| -> Box<dyn Feed> {
        let source = Box::new(Given::by_stamp(frames, 20));
        Box::new(Spreading::new(source, Spread::new(1)))
    };
    Feeds::Steered(own.into_iter().map(feed).collect())
}

/// Lines without what depends on how frames are numbered, and when timers run, in order.
fn comparable(lines: &[u8]) -> Vec<String> {
    let mut lines: Vec<String> = lines
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| {
            let mut line: serde_json::Value = serde_json::from_slice(line).unwrap();
            let object = line.as_object_mut().unwrap();
            object.shift_remove("pcap_cnt");
            object.shift_remove("flow_id");
            line.to_string()
        })
        .filter(|line| {
            line.contains("\"event_type\":\"anomaly\"") || line.contains("\"event_type\":\"arp\"")
        })
        .collect();
    lines.sort();
    lines
}

#[test]
fn workers_that_read_for_themselves_see_the_same() {
    let mut frames = traffic(4000);
    frames.retain(|(_, bytes)| !bytes.is_empty());
    let (spread, _) = run(frames.clone(), 1, 4, 50);
    let expected = comparable(&spread);
    assert!(expected.len() > 100);
    for sources in [1, 2, 3] {
        let (lines, finished) = run_on(steered(&frames, sources), sources, 4);
        assert!(finished.errors.is_empty());
        assert!(!String::from_utf8_lossy(&lines).contains("pcap_cnt"));
        let lines = comparable(&lines);
        assert_eq!(lines.len(), expected.len(), "{sources} sources");
        for (line, expected) in lines.iter().zip(&expected) {
            assert_eq!(line, expected, "{sources} sources");
        }
    }
}

/// Takes its time, as a correlator on a busy machine does.
pub(super) struct Slow(pub(super) Correlator);

impl Correlate for Slow {
    fn record(&mut self, batch: &Batch, record: &Record, out: &mut Out) {
        let until = monotonic_nanos() + 200_000;
        while monotonic_nanos() < until {
            std::thread::yield_now();
        }
        self.0.record(batch, record, out);
    }

    fn second(&mut self, second: i64, frame: u64, out: &mut Out) {
        self.0.second(second, frame, out);
    }

    fn clock_step(&mut self, second: i64, frame: u64, out: &mut Out) {
        self.0.clock_step(second, frame, out);
    }

    fn finish(&mut self, out: &mut Out) {
        self.0.finish(out);
    }

    fn samples(&self) -> Vec<Sample> {
        Vec::new()
    }

    fn summary(&self) -> Summary {
        self.0.summary()
    }

    fn inventory(&self) -> rules::correlate::inventory::Snapshot {
        self.0.snapshot()
    }
}

#[test]
fn the_output_does_not_depend_on_workers_queues_or_batches() {
    let frames = traffic(6000);
    let (one, finished) = run(frames.clone(), 1, 8, 64);
    let snapshot = finished.snapshot;
    assert!(one.len() > 100_000, "{}", one.len());
    assert_eq!(snapshot.total("vitalwire_worker_bounds_hit_total"), 0);
    assert!(snapshot.total("vitalwire_stream_gaps_total") > 10);
    for (workers, depth, each) in [(2, 8, 64), (4, 1, 64), (8, 1, 5), (3, 2, 1), (1, 1, 1000)] {
        let (other, _) = run(frames.clone(), workers, depth, each);
        assert_eq!(
            first_difference(&one, &other),
            None,
            "{workers} workers, depth {depth}, {each} a batch"
        );
    }
}

fn first_difference(one: &[u8], other: &[u8]) -> Option<String> {
    let (one, other) = (String::from_utf8_lossy(one), String::from_utf8_lossy(other));
    let differ = one
        .lines()
        .zip(other.lines())
        .enumerate()
        .find(|(_, (a, b))| a != b);
    match differ {
        Some((at, (a, b))) => Some(format!("line {at}:\n{a}\n{b}")),
        None if one.len() != other.len() => {
            Some(format!("{} and {} bytes", one.len(), other.len()))
        }
        None => None,
    }
}

/// A line on a connection of its own, at so many seconds.
fn talk(secs: i64, port: u16, text: &[u8]) -> Vec<(i64, Vec<u8>)> {
    let (c, s) = ((1, port), (2, 104));
    let frames = [
        seg(c, s, 1, 0, SYN, b""),
        seg(s, c, 5, 2, SYN_ACK, b""),
        seg(c, s, 2, 6, ACK, text),
    ];
    let at = T0 + secs * 1_000_000_000;
    frames.map(|frame| (at, frame.frame())).to_vec()
}

/// What one worker writes of frames with faults among them, of which so many are lost.
fn with_faults(frames: Vec<(i64, Vec<u8>)>, faults: u64, lost: u64) -> String {
    let (written, Finished { snapshot, .. }) = run(frames, 1, 4, 100);
    let total = |name: &str| snapshot.total(&format!("vitalwire_worker_{name}_total"));
    assert_eq!(total("panics"), faults);
    assert_eq!(total("dropped_frames"), lost);
    assert_eq!(
        total("seen_frames"),
        total("handled_frames") + total("dropped_frames")
    );
    let written = String::from_utf8(written).unwrap();
    let told = written.matches("capture.worker_restarted").count();
    assert_eq!(told as u64, faults, "{written}");
    written
}

#[test]
fn a_worker_that_panics_goes_on_empty_and_says_so() {
    let mut frames = talk(0, 1000, b"TT before\n");
    frames.extend(talk(0, 1001, b"TT\nX\n"));
    frames.extend(talk(0, 1002, b"TT after\n"));
    let written = with_faults(frames, 1, 1);
    for word in ["TT before", "TT after"] {
        assert!(written.contains(word), "{word} in {written}");
    }
}

/// Packets are looked up ahead of their turn: those in between are not to blame.
#[test]
fn a_fault_ahead_of_a_packets_turn_costs_that_packet_alone() {
    let mut faulty = udp((3, 7), (4, 7), b"");
    faulty[14 + 9] = FAULTY;
    for (before, faults) in [(0, 1), (3, 1), (7, 1), (8, 2), (200, 9)] {
        let mut frames = vec![(T0, udp((5, 9), (6, 9), b"y")); before];
        frames.extend(vec![(T0, faulty.clone()); faults]);
        frames.extend(talk(0, 1002, b"TT after\n"));
        let written = with_faults(frames, faults as u64, faults as u64);
        assert!(written.contains("TT after"), "{written}");
        for no in before + 1..=before + faults {
            let named = format!("\"pcap_cnt\":{no},");
            let is_it = |line: &str| line.contains("restarted") && line.contains(&named);
            assert!(written.lines().any(is_it), "{named} in {written}");
        }
    }
}

/// Whoever reads decodes, for one worker or for several: it goes on too.
#[test]
fn a_fault_in_a_frames_headers_costs_that_frame_alone() {
    let mut faulty = udp((3, 7), (4, 7), b"");
    faulty[..6].copy_from_slice(&FAULTY_MAC);
    for (before, faults) in [(0, 1), (5, 1), (5, 3), (150, 200)] {
        let mut frames = vec![(T0, udp((5, 9), (6, 9), b"y")); before];
        frames.extend(vec![(T0, faulty.clone()); faults]);
        // The flows that there were are there still.
        let talk = talk(0, 1002, b"TT after\n");
        frames.splice(0..0, talk[..2].to_vec());
        frames.push(talk[2].clone());
        let (one, finished) = run(frames.clone(), 1, 4, 100);
        let total = |name: &str| {
            finished
                .snapshot
                .total(&format!("vitalwire_worker_{name}_total"))
        };
        assert_eq!(total("panics"), faults as u64);
        assert_eq!(total("dropped_frames"), faults as u64);
        assert_eq!(total("seen_frames"), frames.len() as u64);
        assert_eq!(total("handled_frames"), (before + 3) as u64);
        let (several, _) = run(frames, 3, 4, 7);
        assert!(one == several);
        let written = String::from_utf8(one).unwrap();
        assert!(written.contains("TT after"), "{written}");
        // Of more there is a bound for each second.
        let told = written.matches("decode.fault").count();
        assert_eq!(told, faults.min(32), "{written}");
    }
}

#[test]
fn a_fault_at_the_very_end_is_counted() {
    let (written, finished) = run(talk(0, 1000, b"TT before\nQ"), 1, 4, 100);
    assert!(String::from_utf8_lossy(&written).contains("TT before"));
    assert_eq!(finished.snapshot.total("vitalwire_worker_panics_total"), 1);
}

#[test]
fn a_fault_of_a_timer_costs_no_frame() {
    let mut frames = talk(0, 1000, b"TT before\nQ");
    frames.extend(talk(2 * 86_400, 1002, b"TT after\n"));
    let written = with_faults(frames, 1, 0);
    for word in ["TT before", "TT after"] {
        assert!(written.contains(word), "{word} in {written}");
    }
}
