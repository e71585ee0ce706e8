//! What a packet costs one worker. Not run by default: `cargo test --release -p dataplane speed --
//! --ignored --nocapture`.

use std::sync::Arc;

use rules::Ruleset;

use super::frames::{ACK, Given, SYN, SYN_ACK, seg, udp};
use super::protocol::LINES;
use super::worker::{T0, settings};
use crate::capture::{Batch, Source};
use crate::spread::{Spread, Work};
use crate::telemetry::monotonic_nanos;
use crate::worker::Worker;

fn cost(name: &str, frames: Vec<(i64, Vec<u8>)>) {
    let ruleset = Arc::new(Ruleset::empty());
    let mut worker = Worker::new(&settings(1), LINES, true, Arc::clone(&ruleset));
    let mut spread = Spread::new(1);
    let count = frames.len() as u64;
    let mut source = Given::new(frames, 256);
    let (mut upto, mut spent, mut spread_spent) = (0, 0, 0);
    while upto < count {
        let mut batch = Batch::default();
        source.fill(&mut batch).unwrap();
        let mut works = [Work::new(Arc::clone(&ruleset))];
        let before = monotonic_nanos();
        spread.spread(&mut batch, &mut works);
        let middle = monotonic_nanos();
        worker.begin(&works[0]);
        worker.go_on(&works[0]);
        spread_spent += middle - before;
        spent += monotonic_nanos() - middle;
        worker.recorder.bulk.records.clear();
        worker.recorder.bulk.arena.clear();
        upto = works[0].dispatched_upto;
    }
    println!(
        "{name}: worker {} ns, spread {} ns a packet",
        spent / count,
        spread_spent / count
    );
}

#[test]
#[ignore = "a measurement"]
fn speed_of_a_worker() {
    const N: u32 = 200_000;
    let (c, s) = ((1, 40_000), (2, 104));
    let begin = |text: &[u8]| {
        vec![
            (T0, seg(c, s, 0, 0, SYN, b"").frame()),
            (T0, seg(s, c, 0, 1, SYN_ACK, b"").frame()),
            (T0, seg(c, s, 1, 1, ACK, text).frame()),
        ]
    };
    let text = b"TT\nS4000000000\n";
    let mut bulk = begin(text);
    let mut seq = 1 + text.len() as u32;
    for n in 0..N {
        bulk.push((
            T0 + i64::from(n) * 10_000,
            seg(c, s, seq, 1, ACK, &[0; 1460]).frame(),
        ));
        seq = seq.wrapping_add(1460);
        if n % 2 == 0 {
            bulk.push((
                T0 + i64::from(n) * 10_000,
                seg(s, c, 1, seq, ACK, b"").frame(),
            ));
        }
    }
    cost("bulk, skipped", bulk);
    let mut small = begin(b"TT\n");
    let mut seq = 4_u32;
    for n in 0..N {
        small.push((
            T0 + i64::from(n) * 10_000,
            seg(
                c,
                s,
                seq,
                1,
                ACK,
                b"S40\n01234567890123456789012345678901234567890",
            )
            .frame(),
        ));
        seq = seq.wrapping_add(45);
    }
    cost("small, parsed", small);
    let many = |n: u32| ((n % 200) as u8, 1024 + (n * 7919 % 50_000) as u16);
    let strangers = (0..N).map(|n| (T0 + i64::from(n) * 10_000, udp(many(n), (4, 9), b"x")));
    cost("datagrams, a new flow each", strangers.collect());
    let known = (0..N).map(|n| {
        (
            T0 + i64::from(n) * 10_000,
            udp(many(n % 1000), (4, 9), b"x"),
        )
    });
    cost("datagrams of 1000 flows", known.collect());
}
