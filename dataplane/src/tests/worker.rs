//! One worker over time: flows begin, end, and make room for others.

use std::sync::Arc;

use parsers::event::Envelope;
use parsers::kinds;
use parsers::phi::Pseudonymizer;
use rules::Ruleset;
use rules::eve::Eve;
use rules::record::{Body, Record};

use super::frames::{ACK, FIN_ACK, Given, RST, SYN, SYN_ACK, Seg, seg, udp};
use super::protocol::LINES;
use crate::capture::{Batch, Source};
use crate::counters::Count;
use crate::pipeline::{FlowRecords, Settings, VlanInKey};
use crate::spread::{Spread, Work};
use crate::worker::Worker;

pub(super) fn settings(workers: usize) -> Settings {
    Settings {
        workers,
        live: false,
        lag_max_ms: 50,
        queue_depth: 4,
        memory_bytes: 256 << 20,
        flow_records: FlowRecords::All,
        vlan_in_key: VlanInKey::Auto,
        midstream: true,
        checksums: false,
        keep_copies: false,
        site: Pseudonymizer::new(&[1; 32]),
        eve: Eve::default(),
        inventory: None,
        evidence: None,
    }
}

const SEC: i64 = 1_000_000_000;
/// 2026, so that zero is not mistaken for a time.
pub(super) const T0: i64 = 1_790_000_000 * SEC;

fn run(settings: &Settings, frames: Vec<(i64, Vec<u8>)>) -> (Worker, Vec<String>) {
    let ruleset = Arc::new(Ruleset::empty());
    let mut worker = Worker::new(settings, LINES, true, Arc::clone(&ruleset));
    let mut spread = Spread::new(1);
    let mut source = Given::new(frames, 7);
    let (mut upto, mut now) = (0, parsers::time::Time::ZERO);
    while source.frames.len() as u64 > upto {
        let mut batch = Batch::default();
        source.fill(&mut batch).unwrap();
        let mut works = [Work::new(Arc::clone(&ruleset))];
        spread.spread(&mut batch, &mut works);
        worker.begin(&works[0]);
        worker.go_on(&works[0]);
        (upto, now) = (works[0].dispatched_upto, works[0].now);
    }
    worker.end(upto + 1, now);
    let mut records: Vec<(&Record, &[u8])> = Vec::new();
    for pen in [&worker.recorder.medical, &worker.recorder.bulk] {
        records.extend(
            pen.records
                .iter()
                .map(|record| (record, pen.arena.as_slice())),
        );
    }
    records.sort_by_key(|(record, _)| record.key);
    let lines = records
        .iter()
        .map(|(record, arena)| line(record, arena))
        .collect();
    (worker, lines)
}

/// `kind frame …`, short.
fn line(record: &Record, arena: &[u8]) -> String {
    let Envelope { frame, .. } = record.envelope;
    match &record.body {
        Body::Event(event) => {
            let kind = kinds::ALL[event.kind.index()].name;
            let object = &arena[event.object.start as usize..event.object.end as usize];
            let object = String::from_utf8_lossy(object).into_owned();
            let shown = match kind {
                "flow" => ["reason", "state", "app", "pkts_toserver"]
                    .map(|name| value(&object, name))
                    .join(" "),
                "anomaly" => value(&object, "event"),
                "dicom" => value(&object, "calling_ae"),
                _ => object,
            };
            format!("{kind} {frame} {shown}")
        }
        Body::Opens(sum) => format!(
            "opens {frame} {}/{}/{} {}",
            sum.count,
            sum.answered,
            sum.refused,
            sum.ports.len()
        ),
        Body::Gap(gap) => format!("gap {frame} {}", gap.bytes),
        Body::Loss(frames) => format!("loss {frames}"),
    }
}

fn value(object: &str, name: &str) -> String {
    let behind = object
        .split(&format!("\"{name}\":"))
        .nth(1)
        .unwrap_or_default();
    behind
        .split([',', '}'])
        .next()
        .unwrap_or_default()
        .trim_matches('"')
        .to_owned()
}

const C: (u8, u16) = (1, 40_000);
const S: (u8, u16) = (2, 104);

fn at(secs: i64, segment: &Seg) -> (i64, Vec<u8>) {
    (T0 + secs * SEC, segment.frame())
}

fn handshake(secs: i64, isn: u32) -> Vec<(i64, Vec<u8>)> {
    vec![
        at(secs, &seg(C, S, isn, 0, SYN, b"")),
        at(secs, &seg(S, C, 900, isn + 1, SYN_ACK, b"")),
    ]
}

fn only<'l>(lines: &'l [String], kind: &str) -> Vec<&'l str> {
    lines
        .iter()
        .filter(|line| line.starts_with(kind))
        .map(String::as_str)
        .collect()
}

#[test]
fn a_conversation_is_recognised_read_and_recorded() {
    let mut frames = handshake(0, 100);
    frames.push(at(0, &seg(C, S, 101, 901, ACK, b"T")));
    frames.push(at(0, &seg(S, C, 901, 102, ACK, b"hello\n")));
    frames.push(at(0, &seg(C, S, 102, 907, ACK, b"Tone\nT")));
    frames.push(at(0, &seg(C, S, 108, 907, FIN_ACK, b"two\n")));
    frames.push(at(0, &seg(S, C, 907, 113, FIN_ACK, b"")));
    frames.push(at(20, &seg((9, 1), (8, 2), 1, 0, SYN, b"")));
    let (_, lines) = run(&settings(1), frames);
    // In order of arrival: the client's first byte came before the server's line.
    assert_eq!(
        only(&lines, "dicom"),
        ["dicom 5 hello", "dicom 5 TTone", "dicom 6 Ttwo"]
    );
    assert_eq!(only(&lines, "flow")[0], "flow 8 fin closed lines 4");
    assert_eq!(only(&lines, "opens")[0], "opens 1 1/1/0 1");
}

#[test]
fn the_same_ports_with_another_sequence_are_another_flow() {
    let mut frames = handshake(0, 100);
    frames.push(at(1, &seg(C, S, 100, 0, SYN, b"")));
    frames.push(at(1, &seg(C, S, 101, 901, RST, b"")));
    frames.extend(handshake(2, 5000));
    let (worker, lines) = run(&settings(1), frames);
    assert_eq!(
        only(&lines, "flow"),
        [
            "flow 5 rst closed unknown 3",
            "flow 7 shutdown established unknown 1"
        ]
    );
    assert_eq!(worker.recorder.counts.get(Count::FlowOpened), 2);
}

#[test]
fn a_live_connection_is_not_ended_by_a_stray_syn() {
    let mut frames = handshake(0, 100);
    frames.push(at(1, &seg(C, S, 101, 901, ACK, b"TT\n")));
    frames.push(at(2, &seg(C, S, 777, 0, SYN, b"")));
    frames.push(at(3, &seg(C, S, 104, 901, ACK, b"more\n")));
    let (_, lines) = run(&settings(1), frames);
    assert_eq!(only(&lines, "dicom"), ["dicom 3 TT", "dicom 5 more"]);
}

#[test]
fn flows_end_at_the_second_that_is_their_deadline() {
    let mut frames = vec![at(0, &seg(C, S, 1, 0, SYN, b""))];
    frames.push((T0, udp((3, 5000), (4, 161), b"x")));
    for secs in [30, 31, 120, 121, 122] {
        frames.push((T0 + secs * SEC, udp((5, 9), (6, 9), b"y")));
    }
    let (_, lines) = run(&settings(1), frames);
    // The SYN after 30 s, the datagram after two minutes, each at the next whole second.
    assert_eq!(
        only(&lines, "flow"),
        [
            "flow 4 timeout new unknown 1",
            "flow 6 timeout new unknown 1",
            "flow 8 shutdown new unknown 5",
        ]
    );
}

#[test]
fn a_medical_session_lives_for_days_and_goes_last() {
    let mut settings = settings(1);
    settings.memory_bytes = 0;
    let mut frames = handshake(0, 100);
    frames.push(at(0, &seg(C, S, 101, 901, ACK, b"TT\n")));
    for n in 0..3000_u16 {
        frames.push((
            T0 + SEC / 1000 * i64::from(n),
            udp((3, 1000 + n), (4, 9), b"x"),
        ));
    }
    // Two days in steps below the hour that would be a clock step.
    for step in 1..=96 {
        frames.push((T0 + step * 1800 * SEC, udp((5, 9), (6, 9), b"y")));
    }
    frames.push(at(96 * 1800, &seg(C, S, 104, 901, ACK, b"still\n")));
    let (worker, lines) = run(&settings, frames);
    let counts = &worker.recorder.counts;
    assert!(
        counts.get(Count::FlowEvicted) > 1900,
        "{}",
        counts.get(Count::FlowEvicted)
    );
    assert_eq!(counts.get(Count::FlowEvictedMedical), 0);
    assert_eq!(only(&lines, "dicom").len(), 2);
}

#[test]
fn a_clock_step_ends_every_flow_and_is_told() {
    let mut frames = handshake(0, 100);
    frames.push(at(7200, &seg((7, 7), (8, 8), 1, 0, SYN, b"")));
    let (_, lines) = run(&settings(1), frames);
    assert_eq!(
        only(&lines, "flow")[0],
        "flow 3 clock_step established unknown 1"
    );
    assert_eq!(only(&lines, "capture").len(), 1, "{lines:?}");
}

#[test]
fn midstream_is_picked_up_at_the_next_start() {
    let frames = vec![
        at(0, &seg(C, S, 500, 900, ACK, b"end of something\nTThe")),
        at(0, &seg(C, S, 521, 900, ACK, b"re\nnext\n")),
    ];
    let (_, lines) = run(&settings(1), frames);
    assert_eq!(only(&lines, "dicom"), ["dicom 2 TThere", "dicom 2 next"]);
}

#[test]
fn directions_in_different_vlans_are_one_flow() {
    let mut frames = Vec::new();
    for (from, to, seq, flags, vlan) in [
        (C, S, 100, SYN, Some(10)),
        (S, C, 900, SYN_ACK, Some(20)),
        (C, S, 101, ACK, Some(10)),
    ] {
        let mut segment = seg(from, to, seq, 101, flags, b"");
        segment.vlan = vlan;
        frames.push(at(0, &segment));
    }
    let (worker, lines) = run(&settings(1), frames.clone());
    assert_eq!(only(&lines, "anomaly"), ["anomaly 2 flow.vlan_asymmetric"]);
    assert_eq!(worker.recorder.counts.get(Count::FlowOpened), 1);
    let mut strict = settings(1);
    strict.vlan_in_key = VlanInKey::Yes;
    let (worker, _) = run(&strict, frames);
    assert_eq!(worker.recorder.counts.get(Count::FlowOpened), 2);
}

#[test]
fn a_hole_is_given_up_by_time_alone() {
    let mut frames = handshake(0, 100);
    frames.push(at(0, &seg(C, S, 101, 901, ACK, b"TT\n")));
    frames.push(at(0, &seg(C, S, 114, 901, ACK, b"x\nlast\n")));
    frames.push(at(0, &seg(S, C, 901, 121, ACK, b"")));
    for secs in 1..4 {
        frames.push((T0 + secs * SEC, udp((5, 9), (6, 9), b"y")));
    }
    let (_, lines) = run(&settings(1), frames);
    assert_eq!(only(&lines, "gap").len(), 1, "{lines:?}");
    assert_eq!(only(&lines, "dicom"), ["dicom 3 TT", "dicom 7 last"]);
}

#[test]
fn a_flow_tells_sixteen_anomalies() {
    let mut frames = handshake(0, 100);
    frames.push(at(
        0,
        &seg(
            C,
            S,
            101,
            901,
            ACK,
            b"TT\n!\n!\n!\n!\n!\n!\n!\n!\n!\n!\n!\n!\n!\n!\n!\n!\n!\n!\n!\n!\n",
        ),
    ));
    let (worker, lines) = run(&settings(1), frames);
    assert_eq!(only(&lines, "anomaly").len(), 16);
    assert_eq!(worker.recorder.counts.get(Count::ParserAnomaliesCut), 4);
}
