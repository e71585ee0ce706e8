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
use make::dicom::{Associate, Dataset, Dimse, Session, Syntax, uid};
use make::{Capture, Conversation, frame, host};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Enough that what happens now and then by the clock (counts that are published) is lost in it.
const PACKETS: usize = 30_000;
/// Bytes of a packet's payload: small, for many packets from few bytes.
const PAYLOAD: usize = 200;
/// Between packets; all of a capture lies within a second or two.
const GAP_NANOS: u64 = 10_000;
const START_NANOS: u64 = 1_790_000_000_000_000_000;
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

fn tcp(port: u16) -> Conversation {
    Conversation::new(host("10.1.0.7").port(40_000), host("10.1.0.9").port(port))
        .at(START_NANOS)
        .gap_ns(GAP_NANOS)
        .mss(PAYLOAD)
}

/// One image, of which the capture has as much as there is.
fn store(packets: usize) -> Capture {
    let pixels = vec![7; packets * PAYLOAD];
    let data = Dataset::new()
        .text((0x0008, 0x0016), "UI", uid::CT_STORAGE)
        .text((0x0008, 0x0018), "UI", "1.2.3.4")
        .text((0x0010, 0x0010), "PN", "TEST^PATIENT")
        .bytes((0x7fe0, 0x0010), "OW", &pixels)
        .encode(Syntax::ExplicitLe);
    let associate =
        Associate::new("CT1", "PACS").propose(uid::CT_STORAGE, &[Syntax::ExplicitLe.uid()]);
    let message = Dimse::store(1, uid::CT_STORAGE, "1.2.3.4", data);
    let session = Session::over(tcp(104), associate).accepted();
    let mut capture = Capture::new();
    capture.add(session.client(1, &message).tcp.frames());
    capture
}

fn unrecognised(packets: usize) -> Capture {
    let mut tcp = tcp(9999);
    tcp.open().client(&vec![b'#'; packets * PAYLOAD]);
    tcp.capture()
}

fn datagrams(packets: usize) -> Capture {
    let (client, server) = (host("10.1.0.7").port(40_000), host("10.1.0.9").port(24_105));
    let mut capture = Capture::new();
    for (at, n) in (START_NANOS..).step_by(10_000).zip(0..packets) {
        let (from, to) = if n % 2 == 0 {
            (client, server)
        } else {
            (server, client)
        };
        capture.push(at, frame::udp(from, to, &[b'#'; PAYLOAD]));
    }
    capture
}
