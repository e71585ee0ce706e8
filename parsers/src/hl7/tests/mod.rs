//! Messages of made-up people, whole, cut, broken and hostile.

mod content;
mod framing;

use super::SPEC;
use crate::event::Direction::ToServer;
use crate::phi::{Class, PhiKind};
use crate::testing::{Cuts, first_difference, pseudonym, run};

const MSH: &str = "MSH|^~\\&|APP|FAC|RAPP|RFAC|20260101000000||ADT^A01^ADT_A01|C1|P|2.5";

fn framed(message: &str) -> Vec<u8> {
    let mut bytes = vec![0x0b];
    bytes.extend_from_slice(message.as_bytes());
    bytes.extend_from_slice(b"\x1c\r");
    bytes
}

/// The message's segments are given without their carriage returns.
fn message(segments: &[&str]) -> Vec<u8> {
    framed(&segments.iter().flat_map(|s| [s, "\r"]).collect::<String>())
}

fn lines(bytes: &[u8]) -> Vec<String> {
    run(&SPEC, &[(ToServer, bytes)], Cuts::Whole)
}

fn event(bytes: &[u8]) -> String {
    let lines = lines(bytes);
    let of_kind = |line: &&String| line.starts_with("to_server hl7 ");
    lines
        .iter()
        .find(of_kind)
        .unwrap_or_else(|| panic!("{lines:?}"))
        .clone()
}

fn anomalies(bytes: &[u8]) -> Vec<String> {
    lines(bytes)
        .iter()
        .filter_map(|line| Some(line.split_once(" anomaly ")?.1.to_owned()))
        .collect()
}

#[track_caller]
fn has(line: &str, part: &str) {
    assert!(line.contains(part), "{part} is not in\n{line}");
}

#[track_caller]
fn lacks(line: &str, part: &str) {
    assert!(!line.contains(part), "{part} is in\n{line}");
}

#[test]
fn the_sample_is_the_same_however_it_is_cut() {
    let difference = first_difference(&SPEC, SPEC.sample);
    assert!(difference.is_none(), "{}", difference.unwrap());
}

#[test]
fn the_sample_has_every_kind_and_no_anomaly() {
    let lines = run(&SPEC, SPEC.sample, Cuts::Whole);
    assert!(!lines.iter().any(|l| l.contains(" anomaly ")), "{lines:#?}");
    assert_eq!(
        lines.iter().filter(|l| l.contains(" hl7 ")).count(),
        10,
        "{lines:#?}"
    );
    assert_eq!(
        lines.iter().filter(|l| l.contains(" pump ")).count(),
        6,
        "{lines:#?}"
    );
}

#[test]
fn header_fields() {
    let line = event(&message(&[
        "MSH|^~\\&|APP^1^ISO|FAC|RAPP|RFAC|20260101||ADT^A40^ADT_A39|C77|P^T|2.5.1|||AL|NE||8859/1|||PROF^NS~P2",
        "EVN|A40",
    ]));
    for part in [
        r#""message_type":"ADT","trigger":"A40","structure":"ADT_A39","name":"merge_patient""#,
        r#""processing_id":"P","version":"2.5.1","charset":"8859/1","profile":"PROF^NS""#,
        r#""sending_application":"APP","sending_facility":"FAC""#,
        r#""receiving_application":"RAPP","receiving_facility":"RFAC""#,
        r#""segments":["MSH","EVN"],"segment_count":2"#,
        r#""batch":false,"framed":true"#,
        r#""truncated":false"#,
    ] {
        has(&line, part);
    }
    has(&line, &pseudonym(Class::Phi(PhiKind::ControlId), b"C77"));
    lacks(&line, "C77");
}

#[test]
fn patient_order_and_acknowledgment() {
    let line = event(&message(&[
        MSH,
        "PID|||4711^^^HOSP^MR~99^^^X||Muster^Max~Other^Name",
        "PV1||I|||||||||||||||||V9^^^H",
        "MRG|4712^^^HOSP",
        "ORC|NW|P1^A|F1^B",
    ]));
    has(&line, &pseudonym(Class::Phi(PhiKind::Mrn), b"4711"));
    has(&line, &pseudonym(Class::Phi(PhiKind::Mrn), b"4712"));
    has(&line, &pseudonym(Class::Phi(PhiKind::Mrn), b"V9"));
    has(&line, &pseudonym(Class::Phi(PhiKind::Name), b"MUSTER^MAX"));
    has(&line, &pseudonym(Class::Phi(PhiKind::Accession), b"P1"));
    has(&line, &pseudonym(Class::Phi(PhiKind::Accession), b"F1"));
    has(&line, r#""order_control":"NW""#);
    let line = event(&message(&[
        "MSH|^~\\&|A|B|C|D|2026||ACK|K1|P|2.3",
        "MSA|AE|C1|patient Muster unknown",
        "ERR|^^^101^x||207^y|E|9005^Doe out of range",
    ]));
    has(&line, r#""message_type":"ACK","name":"acknowledgment""#);
    has(&line, r#""ack_code":"AE""#);
    has(&line, &pseudonym(Class::Phi(PhiKind::ControlId), b"C1"));
    has(&line, r#""error_codes":["101","207","9005"]"#);
    lacks(&line, "Muster");
    lacks(&line, "Doe");
}

#[test]
fn order_numbers_fall_back_to_obr_and_statuses_are_distinct() {
    let line = event(&message(&[
        MSH,
        "ORC|RE",
        "OBR|1|P2|F2",
        "OBX|1|NM|a||1||||||F",
        "OBX|2|NM|b||1||||||C",
        "OBX|3|NM|c||1||||||F",
    ]));
    has(&line, &pseudonym(Class::Phi(PhiKind::Accession), b"P2"));
    has(&line, r#""observations":3,"result_statuses":["F","C"]"#);
}

#[test]
fn an_error_text_in_the_place_of_a_code_is_not_shown() {
    let line = event(&message(&[MSH, "ERR|||John Doe has no bed"]));
    lacks(&line, "John");
}

#[test]
fn the_digest_is_that_of_everything_but_time_and_control_id() {
    let digest = |header: &str, body: &str| {
        let line = event(&message(&[header, body]));
        line.split_once("body_digest")
            .unwrap()
            .1
            .split('"')
            .nth(2)
            .unwrap()
            .to_owned()
    };
    let again = MSH
        .replace("20260101000000", "20260101000500")
        .replace("|C1|", "|C2|");
    assert_eq!(digest(MSH, "PID|1||5"), digest(&again, "PID|1||5"));
    assert_ne!(digest(MSH, "PID|1||5"), digest(MSH, "PID|1||6"));
    assert_ne!(
        digest(MSH, "PID|1||5"),
        digest(&MSH.replace("|APP|", "|APQ|"), "PID|1||5")
    );
    assert!(digest(MSH, "PID|1").starts_with("free_text:"));
}

#[test]
fn other_delimiters_and_five_of_them() {
    let line = event(&message(&[
        "MSH$%@!*#$APP$FAC$R$F$2026$$ORU%R01%ORU_R01$C1$P$2.7",
        "PID$$$4711%%%H$$Muster*van%Max",
    ]));
    has(&line, r#""message_type":"ORU","trigger":"R01""#);
    has(&line, &pseudonym(Class::Phi(PhiKind::Mrn), b"4711"));
    has(&line, &pseudonym(Class::Phi(PhiKind::Name), b"MUSTER^MAX"));
}
