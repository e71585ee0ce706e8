//! Every field, each anomaly, cuts and losses.

mod anomalies;
mod associations;
mod build;
mod datasets;
mod loss;
mod messages;

use super::sample::{NAMES, SAMPLE};
use super::{SPEC, wire};
use crate::event::Direction::{self, ToClient, ToServer};
use crate::phi::{Class, PhiKind};
use crate::testing::{self, Cuts};

type Turn = (Direction, Vec<u8>);

fn borrowed(turns: &[Turn]) -> Vec<(Direction, &[u8])> {
    turns.iter().map(|(d, bytes)| (*d, &bytes[..])).collect()
}

/// What becomes of a conversation; wherever it is cut, the same.
fn lines(turns: &[Turn]) -> Vec<String> {
    lines_cut_behind(turns, 0)
}

fn lines_cut_behind(turns: &[Turn], offset: usize) -> Vec<String> {
    let turns = borrowed(turns);
    assert_eq!(
        testing::first_difference_behind(&SPEC, &turns, offset),
        None
    );
    testing::run(&SPEC, &turns, Cuts::Whole)
}

/// The lines of these turns behind an association whose storage is in this transfer syntax.
fn associated_in(syntax: &str, turns: Vec<Turn>) -> Vec<String> {
    let mut all = vec![
        (ToServer, build::request()),
        (ToClient, build::accept_storage_in(syntax)),
    ];
    let offset = all.iter().map(|(_, bytes)| bytes.len()).sum();
    all.extend(turns);
    lines_cut_behind(&all, offset).split_off(2)
}

fn associated(turns: Vec<Turn>) -> Vec<String> {
    associated_in(build::EXPLICIT, turns)
}

/// The one line of a C-STORE of this dataset in Explicit VR Little Endian.
fn stored(dataset: &[u8]) -> String {
    let mut lines = associated(vec![(ToServer, build::store(dataset))]);
    assert_eq!(lines.len(), 1, "{lines:?}");
    lines.remove(0)
}

#[track_caller]
fn assert_has(line: &str, pieces: &[&str]) {
    for piece in pieces {
        assert!(line.contains(piece), "{piece} is not in {line}");
    }
}

fn phi(kind: PhiKind, value: &str) -> String {
    testing::pseudonym(Class::Phi(kind), value.as_bytes())
}

/// The sample's files are what the builder makes. To write them anew:
/// `VITALWIRE_WRITE_SAMPLES=1 cargo test -p parsers sample`.
#[test]
fn the_sample_is_what_is_built() {
    let write = std::env::var_os("VITALWIRE_WRITE_SAMPLES").is_some();
    for ((name, (_, bytes)), built) in NAMES.iter().zip(SAMPLE).zip(build::sample()) {
        if write {
            let path = format!(
                "{}/src/dicom/testdata/{name}.bin",
                env!("CARGO_MANIFEST_DIR")
            );
            std::fs::write(path, &built).unwrap();
        } else {
            assert!(*bytes == built, "{name}");
        }
    }
}

#[test]
fn every_prefix_of_a_header_is_incomplete() {
    let (_, bytes) = SAMPLE[0];
    for len in 0..wire::PDU_HEADER_BYTES {
        let short = wire::pdu_header(&bytes[..len]);
        assert!(matches!(short, Err(nom::Err::Incomplete(_))), "{len}");
    }
    let pdv = build::pdv(1, 3, b"");
    for len in 0..wire::PDV_HEADER_BYTES {
        let short = wire::pdv_header(&pdv[..len]);
        assert!(matches!(short, Err(nom::Err::Incomplete(_))), "{len}");
    }
    for (vr, len) in [("UI", 8), ("OB", 12)] {
        let element = build::header(wire::Encoding::EXPLICIT, (8, 0x18), vr, 4);
        assert_eq!(element.len(), len);
        for len in 0..len {
            let short = wire::element(&element[..len], wire::Encoding::EXPLICIT);
            assert!(matches!(short, Err(nom::Err::Incomplete(_))), "{vr} {len}");
        }
    }
}

#[test]
fn a_short_body_names_the_missing_field() {
    let body = build::associate("A", "B", &[]);
    let Err(nom::Err::Error(err)) = wire::associate(&body[..30]) else {
        panic!("read");
    };
    assert_eq!(err.field, "Calling-AE-title");
}

#[test]
fn the_sample_does_not_depend_on_cuts() {
    assert_eq!(testing::first_difference(&SPEC, SAMPLE), None);
    let lines = testing::run(&SPEC, SAMPLE, Cuts::Whole);
    assert_eq!(lines.len(), SAMPLE.len());
    assert!(!lines.iter().any(|line| line.contains("anomaly")));
}
