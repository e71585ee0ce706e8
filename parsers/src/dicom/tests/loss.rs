//! Captures with holes, begun midstream, and objects too large to hold.

use super::build::{self, element, header, pdata, pdv};
use super::{SPEC, assert_has, borrowed};
use crate::dicom::wire::Encoding;
use crate::event::Direction::{ToClient, ToServer};
use crate::protocol::Open;
use crate::testing::{self, Cuts, Streams};

fn open(midstream: bool) -> Streams {
    let open = Open {
        midstream,
        ..Open::default()
    };
    Streams::open(&SPEC, &open).unwrap()
}

fn associated() -> Streams {
    let mut streams = open(false);
    streams.push(ToServer, &build::request());
    streams.push(ToClient, &build::accept());
    streams.lines.clear();
    streams
}

#[test]
fn an_object_of_gigabytes_is_passed_over() {
    let mut streams = associated();
    let start = [
        build::image(Encoding::EXPLICIT, 8),
        header(Encoding::EXPLICIT, (0x7fe1, 0x1010), "OW", 0xf000_0000),
    ]
    .concat();
    streams.push(ToServer, &pdata(&[pdv(5, 3, &build::store_command())]));
    streams.push(ToServer, &pdata(&[pdv(5, 0, &start)]));
    // Three P-DATA-TFs of a gigabyte each, and what is left.
    let mut left = 0xf000_0000_u64;
    while left > 0 {
        let piece = left.min(1 << 30);
        let len = u32::try_from(piece).unwrap();
        let mut bytes = vec![4, 0];
        bytes.extend((len + 6).to_be_bytes());
        bytes.extend((len + 2).to_be_bytes());
        bytes.extend([5, if piece == left { 2 } else { 0 }]);
        streams.push(ToServer, &bytes);
        let mut here = piece;
        while here > 0 {
            here = streams.pass(ToServer, here);
            if here > 0 {
                let some = usize::try_from(here.min(4096)).unwrap();
                streams.push(ToServer, &vec![0x11; some]);
                here -= some as u64;
            }
        }
        left -= piece;
    }
    assert!(streams.heap_bytes() < 64 * 1024, "{}", streams.heap_bytes());
    assert!(streams.buffered_bytes() == 0);
    let told: Vec<_> = streams
        .lines
        .iter()
        .filter(|l| l.contains("dimse"))
        .collect();
    assert_eq!(told.len(), 1, "{:?}", streams.lines);
    let want = format!(r#""dataset_bytes":{}"#, start.len() as u64 + 0xf000_0000);
    assert_has(told[0], &[&want]);
    streams.lines.clear();
    streams.push(ToServer, &build::echo_rq(4));
    assert_has(&streams.lines[0], &["C-ECHO-RQ"]);
}

#[test]
fn a_hole_in_skipped_pixels_is_no_loss() {
    let image = build::image(Encoding::EXPLICIT, 20000);
    let bytes = build::store_in_pieces(&image, 40000);
    let mut streams = associated();
    let (head, tail) = bytes.split_at(bytes.len() - 6000);
    streams.push(ToServer, head);
    streams.gap(ToServer, 3000);
    streams.push(ToServer, &tail[3000..]);
    assert_eq!(streams.lines.len(), 1, "{:?}", streams.lines);
    assert!(!streams.lines[0].contains("truncated"));
}

#[test]
fn a_hole_in_a_dataset_is_told_and_the_next_message_is_read() {
    let image = build::image(Encoding::EXPLICIT, 64);
    let mut bytes = build::store(&image);
    let len = bytes.len();
    bytes.extend(build::echo_rq(7));
    let mut streams = associated();
    streams.push(ToServer, &bytes[..len - 200]);
    streams.gap(ToServer, 50);
    streams.push(ToServer, &bytes[len - 150..]);
    assert_eq!(streams.lines.len(), 2, "{:?}", streams.lines);
    assert_has(&streams.lines[0], &["C-STORE-RQ", r#""truncated":true"#]);
    assert_has(&streams.lines[1], &["C-ECHO-RQ"]);
}

#[test]
fn the_next_pdu_is_found_behind_any_hole() {
    let image = build::image(Encoding::EXPLICIT, 3000);
    let mut bytes = build::store_in_pieces(&image, 500);
    bytes.extend(build::echo_rq(7));
    for from in (0..bytes.len() - 100).step_by(7) {
        for hole in [1, 20, 777] {
            let to = (from + hole).min(bytes.len() - 60);
            let mut streams = associated();
            streams.push(ToServer, &bytes[..from]);
            streams.gap(ToServer, (to - from) as u64);
            streams.push(ToServer, &bytes[to..]);
            streams.push(ToServer, &build::echo_rq(8));
            streams.close();
            let told = streams.lines.last().unwrap();
            assert_has(
                told,
                &[r#""command":"C-ECHO-RQ","context_id":1,"message_id":8"#],
            );
            let stores = streams.lines.iter().filter(|l| l.contains("C-STORE-RQ"));
            assert!(stores.count() <= 1);
            assert!(
                !streams.lines.iter().any(|l| l.contains("anomaly")),
                "{:?}",
                streams.lines
            );
        }
    }
}

#[test]
fn a_hole_of_unknown_length_loses_the_place() {
    let bytes = build::store(&build::image(Encoding::EXPLICIT, 64));
    let mut streams = associated();
    streams.push(ToServer, &bytes[..300]);
    streams.gap(ToServer, 0);
    streams.push(ToServer, &bytes[..]);
    assert_eq!(streams.lines.len(), 2, "{:?}", streams.lines);
    assert_has(&streams.lines[0], &[r#""truncated":true"#]);
    assert!(!streams.lines[1].contains("truncated"));
}

#[test]
fn a_conversation_begun_midstream_is_joined() {
    let image = build::image(Encoding::EXPLICIT, 3000);
    let store = build::store_in_pieces(&image, 500);
    let turns = [
        (ToServer, store[700..].to_vec()),
        (ToServer, build::echo_rq(5)),
        (
            ToClient,
            pdata(&[build::response(1, 0x8030, 5, build::VERIFICATION, false, 0)]),
        ),
        (ToServer, build::release_rq()),
        (ToClient, build::release_rp()),
    ];
    let mut results = Vec::new();
    for each in [1, 2, 3, 13, 100_000] {
        let mut streams = open(true);
        for (direction, bytes) in borrowed(&turns) {
            for piece in bytes.chunks(each) {
                streams.push(direction, piece);
            }
        }
        streams.close();
        results.push(streams.lines);
    }
    assert!(results.windows(2).all(|pair| pair[0] == pair[1]));
    let out = &results[0];
    assert_eq!(out.len(), 4, "{out:?}");
    assert_has(&out[0], &["C-ECHO-RQ"]);
    assert_has(&out[1], &["C-ECHO-RSP"]);
    assert!(!out.iter().any(|line| line.contains("anomaly")));
}

#[test]
fn an_unfinished_message_is_told_when_the_connection_ends() {
    let mut streams = associated();
    let image = build::image(Encoding::EXPLICIT, 64);
    streams.push(ToServer, &build::store(&image)[..250]);
    assert!(streams.lines.is_empty());
    streams.close();
    assert_eq!(streams.lines.len(), 1);
    assert_has(&streams.lines[0], &["C-STORE-RQ", r#""truncated":true"#]);
}

#[test]
fn a_value_may_span_many_fragments() {
    let program = [&b"#!/bin/sh\n"[..], &[b'x'; 9000]].concat();
    let dataset = [
        element((0x29, 0x10), "LO", b"ACME"),
        element((0x29, 0x1001), "OB", &program),
        element((0x7fe1, 0x10), "LO", b"BEHIND"),
    ]
    .concat();
    let mut turns = vec![(ToServer, build::request()), (ToClient, build::accept())];
    turns.push((ToServer, build::store_in_pieces(&dataset, 3)));
    let pieces = testing::run(&SPEC, &borrowed(&turns), Cuts::Whole);
    turns[2] = (ToServer, build::store(&dataset));
    let whole = testing::run(&SPEC, &borrowed(&turns), Cuts::Whole);
    assert_eq!(pieces, whole);
    assert_has(&whole[2], &[r#""embedded":"script""#]);
}
