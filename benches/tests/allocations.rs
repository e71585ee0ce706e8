//! The gate: a packet of an established flow that yields no event costs no allocation.
//!
//! The whole pipeline, as `inspect` runs it, reads a capture of so many packets and one of twice
//! as many. Whatever is allocated once falls out of the difference.

#![expect(
    clippy::unwrap_used,
    reason = "a test: what lies outside of its functions is not taken for one"
)]

use std::alloc::System;
use std::path::{Path, PathBuf};

use benches::pipeline::Prepared;
use make::Capture;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use traffic::{datagrams, store, unrecognised};

mod traffic;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Enough that what happens now and then by the clock (counts that are published) is lost in it.
const PACKETS: usize = 30_000;
/// An allocation in a hundred packets: a batch of them may have a few.
const PER_PACKET_MAX: f64 = 0.01;

#[test]
fn packets_of_established_flows_cost_no_allocation() {
    let dir = std::env::temp_dir().join(format!("vitalwire-allocations-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let prepared = Prepared::new(1).unwrap();
    for (name, made, medical) in [
        ("a C-STORE", store as fn(usize) -> Capture, 1),
        ("unrecognised TCP", unrecognised, 0),
        ("UDP", datagrams, 0),
    ] {
        let [few, many] = [PACKETS, 2 * PACKETS].map(|packets| {
            let capture = made(packets);
            let file = dir.join(format!("{packets}.pcap"));
            capture.write(&file).unwrap();
            let frames = capture.frames.len();
            drop(capture);
            let seen = [frames as u64, medical];
            (frames, allocations(&prepared, &file, seen))
        });
        let more = many.1.saturating_sub(few.1);
        let each = more as f64 / (many.0 - few.0) as f64;
        println!("{name}: {each:.5} allocations a packet ({few:?}, {many:?})");
        assert!(each < PER_PACKET_MAX, "{name}: {each} a packet");
    }
    std::fs::remove_dir_all(dir).unwrap();
}

/// The fewest of a few rounds: the clock of the machine may only add.
fn allocations(prepared: &Prepared, file: &Path, seen: [u64; 2]) -> usize {
    let file = PathBuf::from(file);
    let round = |_| {
        let region = Region::new(ALLOCATOR);
        let report = prepared.run(&file).unwrap();
        let change = region.change();
        assert!(report.finished.errors.is_empty());
        let told = [
            "vitalwire_worker_handled_frames_total",
            "vitalwire_flow_recognised_medical_flows_total",
        ];
        assert_eq!(told.map(|name| report.finished.snapshot.total(name)), seen);
        change.allocations + change.reallocations
    };
    (0..3).map(round).min().unwrap()
}
