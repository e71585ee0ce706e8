//! The gate of the judge of mirror ports: once its tables are warm, a frame costs no allocation.

#![expect(
    clippy::unwrap_used,
    reason = "a test: what lies outside of its functions is not taken for one"
)]

use std::alloc::System;
use std::path::Path;

use dataplane::capture::files::Files;
use dataplane::span::{Expect, Judge, watch};
use make::{Capture, Conversation, host};
use parsers::time::Time;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Conversations, and segments of each.
const CONVERSATIONS: u16 = 200;
const SEGMENTS: usize = 200;
/// Reading a file costs a few.
const PER_FRAME_MAX: f64 = 0.01;

#[test]
fn a_frame_costs_no_allocation_once_tables_are_warm() {
    let name = format!("vitalwire-span-{}.pcap", std::process::id());
    let file = std::env::temp_dir().join(name);
    let mut capture = Capture::new();
    for n in 0..CONVERSATIONS {
        let client = host(&format!("10.1.{}.{}", n / 100, 1 + n % 100));
        let mut tcp = Conversation::new(client.port(40_000), host("10.9.0.9").port(9999)).mss(200);
        tcp.open().client(&vec![b'#'; SEGMENTS * 200]);
        capture.add(tcp.frames());
    }
    capture.write(&file).unwrap();
    let mut judge = Judge::new(Expect::default());
    look(&mut judge, &file);
    let frames = judge.tally().frames;
    assert_eq!(judge.pairs(), (usize::from(CONVERSATIONS), 0));
    judge.begin(Time::ZERO);
    let region = Region::new(ALLOCATOR);
    look(&mut judge, &file);
    let change = region.change();
    let each = (change.allocations + change.reallocations) as f64 / frames as f64;
    println!("{each:.5} allocations a frame of {frames}");
    assert!(each < PER_FRAME_MAX, "{each} a frame");
    std::fs::remove_file(file).unwrap();
}

fn look(judge: &mut Judge, file: &Path) {
    let mut source = Files::new(vec![file.to_path_buf()]);
    watch(&mut source, judge, |_| true).unwrap();
}
