use std::sync::Arc;

use etherparse::PacketBuilder;
use parsers::time::{NANOS_PER_SEC, Time};
use rules::Ruleset;

use super::{Spread, Tick, Work};
use crate::batch::LinkType;
use crate::capture::memory::{Memory, Stored};
use crate::capture::{Batch, Fill, Losses, Source};
use crate::decode::{DecodeIssue, Net, Transport};
use crate::telemetry::Sample;

const A: [u8; 4] = [10, 0, 0, 1];
const B: [u8; 4] = [10, 0, 0, 2];

fn works(n: usize) -> Vec<Work> {
    (0..n)
        .map(|_| Work::new(Arc::<Ruleset>::default()))
        .collect()
}

/// One item as a test sees it: frame, and bytes of the UDP payload or what is wrong.
#[derive(Debug, PartialEq)]
enum Seen {
    Udp(u64, Vec<u8>),
    Wrong(u64, DecodeIssue),
    Else(u64),
}

/// Everything that the workers get, and their ticks.
fn run(
    frames: Vec<Stored>,
    workers: usize,
    per_batch: usize,
) -> (Vec<Vec<Seen>>, Vec<Tick>, Spread) {
    let mut source = Memory::in_batches(frames, per_batch);
    let mut spread = Spread::new(workers);
    let mut out = works(workers);
    let mut batch = Batch::default();
    let mut seen: Vec<Vec<Seen>> = (0..workers).map(|_| Vec::new()).collect();
    let mut ticks = Vec::new();
    loop {
        batch.clear();
        let fill = source.fill(&mut batch).unwrap();
        spread.spread(&mut batch, &mut out);
        ticks.extend_from_slice(&out[0].ticks);
        for (work, seen) in out.iter().zip(&mut seen) {
            assert_eq!(work.ticks, out[0].ticks);
            assert_eq!(work.dispatched_upto, out[0].dispatched_upto);
            for item in work.items.iter() {
                let bytes = item.frame.bytes(&work.blocks);
                seen.push(match &item.packet {
                    Err(issue) => Seen::Wrong(item.frame.no, *issue),
                    Ok(packet) => match packet.net {
                        Net::Ip(ip) => match ip.transport {
                            Transport::Udp { payload, .. } => {
                                Seen::Udp(item.frame.no, payload.of(bytes).to_vec())
                            }
                            _ => Seen::Else(item.frame.no),
                        },
                        _ => Seen::Else(item.frame.no),
                    },
                });
            }
        }
        if fill == Fill::End {
            return (seen, ticks, spread);
        }
    }
}

fn one(frames: Vec<Stored>) -> (Vec<Seen>, Spread) {
    let (mut seen, _, spread) = run(frames, 1, 3);
    (seen.remove(0), spread)
}

fn raw(secs: i64, bytes: Vec<u8>) -> Stored {
    Stored {
        link: LinkType::RAW,
        ..Stored::ethernet(Time::new(secs, 0), bytes)
    }
}

fn udp(src: [u8; 4], dest: [u8; 4], ports: (u16, u16), payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    PacketBuilder::ipv4(src, dest, 64)
        .udp(ports.0, ports.1)
        .write(&mut out, payload)
        .unwrap();
    out
}

/// Pieces of an IPv4 packet, each so many bytes, cut at multiples of eight.
fn pieces(packet: &[u8], id: u16, each: usize) -> Vec<Vec<u8>> {
    let (header, payload) = packet.split_at(20);
    let count = payload.len().div_ceil(each);
    let piece = |(n, bytes): (usize, &[u8])| {
        let mut header = header.to_vec();
        let total = u16::try_from(bytes.len() + 20).unwrap();
        let more = if n + 1 < count { 0x2000 } else { 0 };
        let field = more | u16::try_from(n * each / 8).unwrap();
        header[2..4].copy_from_slice(&total.to_be_bytes());
        header[4..6].copy_from_slice(&id.to_be_bytes());
        header[6..8].copy_from_slice(&field.to_be_bytes());
        [&header, bytes].concat()
    };
    payload.chunks(each).enumerate().map(piece).collect()
}

/// The same of IPv6.
fn pieces6(payload: &[u8], each: usize) -> Vec<Vec<u8>> {
    let mut whole = Vec::new();
    PacketBuilder::ipv6([1; 16], [2; 16], 64)
        .udp(1, 2)
        .write(&mut whole, payload)
        .unwrap();
    let (header, payload) = whole.split_at(40);
    let count = payload.len().div_ceil(each);
    let piece = |(n, bytes): (usize, &[u8])| {
        let mut header = header.to_vec();
        let len = u16::try_from(bytes.len() + 8).unwrap();
        header[4..6].copy_from_slice(&len.to_be_bytes());
        header[6] = 44;
        let field = u16::try_from(n * each).unwrap() | u16::from(n + 1 < count);
        let [o0, o1] = field.to_be_bytes();
        [&header[..], &[17, 0, o0, o1, 0, 0, 0, 7], bytes].concat()
    };
    payload.chunks(each).enumerate().map(piece).collect()
}

fn payload() -> Vec<u8> {
    (0..100).collect()
}

/// Every order of these.
fn orders(of: &[Vec<u8>]) -> Vec<Vec<Vec<u8>>> {
    if of.is_empty() {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for at in 0..of.len() {
        let mut rest = of.to_vec();
        let first = rest.remove(at);
        for mut order in orders(&rest) {
            order.insert(0, first.clone());
            all.push(order);
        }
    }
    all
}

#[test]
fn both_directions_of_a_flow_go_to_one_worker() {
    let mut frames = Vec::new();
    for port in 1..200 {
        frames.push(raw(1, udp(A, B, (port, 104), b"there")));
        frames.push(raw(1, udp(B, A, (104, port), b"back")));
    }
    let (seen, _, _) = run(frames, 4, 64);
    assert_eq!(seen.iter().map(Vec::len).sum::<usize>(), 398);
    for worker in seen {
        assert!(!worker.is_empty());
        let nos: Vec<u64> = worker
            .iter()
            .map(|s| match s {
                Seen::Udp(no, _) | Seen::Wrong(no, _) | Seen::Else(no) => *no,
            })
            .collect();
        assert!(nos.is_sorted());
        assert!(
            nos.iter()
                .filter(|n| *n % 2 == 1)
                .all(|n| nos.contains(&(n + 1)))
        );
    }
}

#[test]
fn fragments_in_any_order_with_duplicates_make_the_packet() {
    let pieces = pieces(&udp(A, B, (1, 2), &payload()), 9, 32);
    assert_eq!(pieces.len(), 4);
    for order in orders(&pieces) {
        let mut frames: Vec<Stored> = order.iter().map(|p| raw(1, p.clone())).collect();
        frames.insert(2, frames[0].clone());
        frames.push(frames[3].clone());
        let (seen, spread) = one(frames);
        assert_eq!(seen, [Seen::Udp(5, payload())]);
        let counters = spread.counters();
        assert_eq!(counters.fragments_dropped(), 2);
        assert_eq!(counters.frames, 6);
    }
}

#[test]
fn ipv6_fragments_in_any_order() {
    for order in orders(&pieces6(&payload(), 32)) {
        let (seen, _) = one(order.into_iter().map(|p| raw(1, p)).collect());
        assert_eq!(seen, [Seen::Udp(4, payload())]);
    }
}

#[test]
fn of_overlapping_ipv4_fragments_the_first_wins() {
    let pieces = pieces(&udp(A, B, (1, 2), &payload()), 9, 64);
    let mut liar = pieces[0].clone();
    let end = liar.len();
    liar[end - 8..].fill(0xee);
    let frames = [&pieces[0], &liar, &pieces[1]].map(|p| raw(1, p.clone()));
    let (seen, _) = one(frames.to_vec());
    let wrong = DecodeIssue::Malformed("ip fragments overlap");
    assert_eq!(seen, [Seen::Wrong(2, wrong), Seen::Udp(3, payload())]);
}

#[test]
fn overlapping_ipv6_fragments_end_the_packet() {
    let pieces = pieces6(&payload(), 64);
    let mut liar = pieces[0].clone();
    let end = liar.len();
    liar[end - 8..].fill(0xee);
    let frames = [&pieces[0], &liar, &pieces[1]].map(|p| raw(1, p.clone()));
    let (seen, spread) = one(frames.to_vec());
    let wrong = DecodeIssue::Malformed("ip fragments overlap");
    assert_eq!(seen, [Seen::Wrong(2, wrong)]);
    assert_eq!(spread.counters().fragments_dropped(), 3);
}

#[test]
fn fragments_too_far_apart_are_not_one_packet() {
    let pieces = pieces(&udp(A, B, (1, 2), &payload()), 9, 64);
    let (seen, spread) = one(vec![raw(1, pieces[0].clone()), raw(40, pieces[1].clone())]);
    assert_eq!(seen, []);
    assert_eq!(spread.counters().fragments_dropped(), 1);
}

#[test]
fn a_tunnel_inside_fragments_is_followed() {
    let mut inner = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0];
    inner.extend(udp(A, B, (1, 2), b"inside"));
    let vxlan = [&[8, 0, 0, 0, 0, 0, 9, 0], &inner[..]].concat();
    let pieces = pieces(&udp([1; 4], [2; 4], (50_000, 4789), &vxlan), 9, 24);
    let (seen, _) = one(pieces.into_iter().map(|p| raw(1, p)).collect());
    assert!(matches!(&seen[..], [Seen::Udp(_, p)] if p == b"inside"));
}

#[test]
fn the_table_of_fragments_is_bounded() {
    let whole = udp(A, B, (1, 2), &payload());
    let frames = (0..40_000_u32).map(|n| {
        let mut piece = pieces(&whole, u16::try_from(n % 65_536).unwrap(), 64).remove(0);
        piece[15] = u8::try_from(n / 65_536).unwrap();
        raw(1, piece)
    });
    let (_, spread) = one(frames.collect());
    let kept = crate::defrag::PACKETS_MAX as u64;
    assert_eq!(spread.counters().fragments_dropped(), 40_000 - kept);
}

#[test]
fn ticks_come_before_their_frame_and_tell_of_steps() {
    let at = |secs| raw(secs, udp(A, B, (1, 2), b"x"));
    let frames = vec![at(10), at(10), at(12), at(11), at(9_000), at(20)];
    for per_batch in [1, 2, 6] {
        let (_, ticks, _) = run(frames.clone(), 2, per_batch);
        let tick = |frame, second, step| Tick {
            frame,
            second,
            step,
        };
        assert_eq!(
            ticks,
            [
                tick(1, 10, false),
                tick(3, 12, false),
                tick(5, 9_000, true),
                tick(6, 20, true)
            ]
        );
    }
    assert_eq!(NANOS_PER_SEC, 1_000_000_000);
}

#[test]
fn the_ledger_adds_up() {
    let mut frames: Vec<Stored> = pieces(&udp(A, B, (1, 2), &payload()), 9, 32)
        .into_iter()
        .map(|p| raw(1, p))
        .collect();
    frames.push(raw(1, vec![0x99]));
    frames.push(raw(1, udp(A, B, (1, 2), b"x")));
    let (seen, spread) = one(frames);
    assert_eq!(seen.len(), 3);
    let counters = spread.counters();
    let samples = crate::telemetry::Snapshot {
        samples: counters.samples(Losses::default()),
        latencies: Vec::new(),
    };
    let total = |name| samples.total(name);
    assert_eq!(total("vitalwire_capture_frames_total"), 6);
    assert_eq!(total("vitalwire_decode_packets_total"), 2);
    assert_eq!(total("vitalwire_decode_dropped_total"), 1);
    assert_eq!(total("vitalwire_spread_fragments_reassembled_total"), 4);
    assert_eq!(total("vitalwire_spread_packets_reassembled_total"), 1);
}

#[test]
fn wrong_checksums_drop_a_packet_only_where_that_is_wanted() {
    let good = udp(A, B, (1, 2), &payload());
    let mut bad = good.clone();
    *bad.last_mut().unwrap() ^= 1;
    let pieces = pieces(&bad, 9, 64);
    let mut frames = vec![raw(1, good), raw(1, bad)];
    frames.extend(pieces.into_iter().map(|piece| raw(1, piece)));
    for (wanted, left, dropped) in [(false, 3, 0), (true, 1, 2)] {
        let mut spread = Spread::new(1).with_checksums(wanted);
        let mut source = Memory::in_batches(frames.clone(), 64);
        let (mut batch, mut out) = (Batch::default(), works(1));
        source.fill(&mut batch).unwrap();
        spread.spread(&mut batch, &mut out);
        assert_eq!(out[0].items.len(), left);
        let samples = spread.counters().samples(Losses::default());
        let counted = |s: &&Sample| s.labels.contains(&("cause", "checksum".to_owned()));
        let counted: u64 = samples.iter().filter(counted).map(|s| s.value).sum();
        assert_eq!(counted, dropped);
        assert_eq!(out[0].dispatched_upto, frames.len() as u64);
    }
}
