//! Messages of made-up people, whole, cut, broken and hostile.

use super::SPEC;
use super::fields;
use super::path::PATHS;
use crate::event::Direction::{self, ToClient, ToServer};
use crate::phi::{Class, PhiKind};
use crate::protocol::{Open, Probe, Verdict};
use crate::testing::{Cuts, Streams, first_difference, pseudonym, run};

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

/// Each row: an anomaly, and what is sent that is this one.
fn odd_messages() -> Vec<(&'static str, Vec<u8>)> {
    let pid = "PID|1||1";
    let with = |segment: &str| message(&[MSH, segment]);
    let header = |from: &str, to: &str| message(&[&MSH.replace(from, to), pid]);
    let long = "x".repeat(17_000);
    let deep = "x".repeat(16_000);
    let many: Vec<&str> = std::iter::once(MSH).chain(vec!["NTE|1"; 3000]).collect();
    vec![
        ("hl7.no_start_block", with(pid).split_off(1)),
        (
            "hl7.no_end_block",
            [&with(pid)[..with(pid).len() - 2], &with(pid)[..]].concat(),
        ),
        (
            "hl7.no_carriage_return",
            with(pid)[..with(pid).len() - 1].to_vec(),
        ),
        ("hl7.no_final_return", framed(&format!("{MSH}\r{pid}"))),
        ("hl7.line_feeds", framed(&format!("{MSH}\n{pid}\n"))),
        ("hl7.line_feeds", framed(&format!("{MSH}\r\n{pid}\r\n"))),
        (
            "hl7.bytes_between_frames",
            [&with(pid)[..], b"junk\r", &with(pid)[..]].concat(),
        ),
        ("hl7.start_block_inside", with("PID|1||1\x0b2")),
        ("hl7.end_block_inside", with("PID|1||1\x1c2")),
        (
            "hl7.several_messages",
            framed(&format!("{MSH}\r{pid}\r{MSH}\r{pid}\r")),
        ),
        (
            "hl7.batch_count",
            message(&["BHS|^~\\&|A", MSH, pid, "BTS|2"]),
        ),
        ("hl7.delimiters", header("^~\\&", "^~\\^")),
        (
            "hl7.delimiters_changed",
            [with(pid), message(&["MSH|$~\\&|A|B", pid])].concat(),
        ),
        ("hl7.segment_name", with("P D|1")),
        ("hl7.field_long", with(&format!("NTE|1||{long}"))),
        (
            "hl7.kept_in_part",
            with(&format!("ZZZ|{deep}|{deep}|{deep}|{deep}|{deep}")),
        ),
        ("hl7.segments_many", message(&many)),
        ("hl7.escape_unbalanced", with("NTE|1||50\\ percent")),
        ("hl7.escape_unknown", with("NTE|1||\\Q\\")),
        ("hl7.escape_control", with("NTE|1||\\X07\\")),
        ("hl7.control_characters", with("NTE|1||a\u{1}b")),
        ("hl7.charset_unknown", header("|2.5", "|2.5||||||KLINGON")),
        (
            "hl7.charset_mismatch",
            message(&[&format!("{MSH}||||||ASCII"), "PID|1||||Müster"]),
        ),
        (
            "hl7.segment_injected",
            with("PID|1||1||DOE^J\\X0D\\OBX|1|NM"),
        ),
        (
            "hl7.pcd_order_segment",
            message(&[&MSH.replace("ADT^A01^ADT_A01", "RGV^O15"), "NTE|1"]),
        ),
    ]
}

#[test]
fn each_anomaly_once() {
    let cases = odd_messages();
    for (name, bytes) in &cases {
        let found = anomalies(bytes);
        let framing_bytes = matches!(*name, "hl7.start_block_inside" | "hl7.end_block_inside");
        let rest = found
            .iter()
            .filter(|a| a != name && !(framing_bytes && *a == "hl7.control_characters"));
        assert!(found.iter().any(|a| a == name), "{name}: {found:?}");
        assert_eq!(rest.count(), 0, "{name}: {found:?}");
    }
    // A frame that is no message is recognised behind one that is.
    let junk = [message(&[MSH]), framed("HELLO|WORLD\r")].concat();
    assert_eq!(anomalies(&junk), ["hl7.not_a_message"]);
    let named: std::collections::HashSet<&str> = cases.iter().map(|(name, _)| *name).collect();
    for anomaly in super::ANOMALIES {
        assert!(
            named.contains(anomaly.name) || anomaly.name == "hl7.not_a_message",
            "{}",
            anomaly.name
        );
    }
}

#[test]
fn a_habit_is_told_once_a_connection() {
    let bare = [message(&[MSH]).split_off(1), message(&[MSH]).split_off(1)].concat();
    assert_eq!(anomalies(&bare), ["hl7.no_start_block"]);
    let events = lines(&bare);
    assert_eq!(events.iter().filter(|l| l.contains(" hl7 ")).count(), 2);
}

#[test]
fn broken_framing_is_the_same_however_it_is_cut() {
    let ok = message(&[MSH, "PID|1||1"]);
    let bare = format!("{MSH}\rPID|1||1\r");
    let conversations: &[Vec<u8>] = &[
        ok.clone().split_off(1),
        [&ok[..ok.len() - 2], &ok[..]].concat(),
        [&ok[..ok.len() - 1], &ok[..], &ok[..ok.len() - 1]].concat(),
        framed(&format!("{MSH}\n{bare}")),
        framed(&format!("{MSH}\r\nPID|1\r\nMSH x\r\n")),
        [
            &ok[..],
            b"junk junk\r MSH\x0b\x0bMSH|",
            &ok[..],
            b"MS",
            &ok[..],
        ]
        .concat(),
        [bare.as_bytes(), bare.as_bytes(), b"\x1c", &ok[..]].concat(),
        message(&[
            "FHS|^~\\&|A",
            "BHS|^~\\&|A",
            MSH,
            "PID|1",
            MSH,
            "PID|2",
            "BTS|2",
            "FTS|1",
        ]),
        message(&[MSH, "PID|\x1c|\x0b|\x0bMS", "\x0b", "\x1c"]),
        [b"\r\n\n".as_slice(), &ok[..], b"\n\r  ", &ok[..]].concat(),
        framed(&format!("MSH|\n{MSH}\nM\rMSH\rMS\n\rB\rBTSX\rBTS")),
    ];
    for bytes in conversations {
        let conversation: &[(Direction, &[u8])] = &[(ToServer, bytes)];
        let difference = first_difference(&SPEC, conversation);
        assert!(
            difference.is_none(),
            "{}\n{}",
            difference.unwrap(),
            bytes.escape_ascii()
        );
    }
}

#[test]
fn batches() {
    let bytes = message(&[
        "FHS|^~\\&|A",
        "BHS|^~\\&|A",
        MSH,
        "PID|1",
        MSH,
        "PID|2",
        "BTS|2",
        "FTS|1",
    ]);
    let all = lines(&bytes);
    assert_eq!(
        all.iter()
            .filter(|l| l.contains(r#""batch":true,"framed":true"#))
            .count(),
        2,
        "{all:#?}"
    );
    assert_eq!(all.len(), 2, "{all:#?}");
    // The next frame is no batch.
    has(
        &lines(&[bytes, message(&[MSH])].concat())[2],
        r#""batch":false"#,
    );
}

#[test]
fn a_message_is_told_when_the_peer_answers_its_end_block() {
    let ask = message(&[MSH]);
    let (ask, cr) = ask.split_at(ask.len() - 1);
    let answer = message(&["MSH|^~\\&|A|B|C|D|2026||ACK|K1|P|2.3", "MSA|AA|C1"]);
    let all = run(
        &SPEC,
        &[
            (ToServer, ask),
            (ToClient, &answer),
            (ToServer, cr),
            (ToServer, ask),
        ],
        Cuts::Whole,
    );
    assert!(all[0].starts_with("to_server hl7"), "{all:#?}");
    assert!(all[1].starts_with("to_client hl7"), "{all:#?}");
    assert_eq!(
        all.iter().filter(|l| l.contains("anomaly")).count(),
        1,
        "{all:#?}"
    );
}

#[test]
fn an_unframed_message_is_told_when_the_peer_answers() {
    let ask = format!("{MSH}\rPID|1\r");
    let answer = format!("{}\rMSA|AA|C1\r", MSH.replace("ADT^A01^ADT_A01", "ACK"));
    let all = run(
        &SPEC,
        &[
            (ToServer, ask.as_bytes()),
            (ToClient, answer.as_bytes()),
            (ToServer, ask.as_bytes()),
        ],
        Cuts::Whole,
    );
    let events: Vec<&str> = all
        .iter()
        .filter(|l| l.contains(" hl7 "))
        .map(|l| l.get(..13).unwrap())
        .collect();
    assert_eq!(events, ["to_server hl7", "to_client hl7", "to_server hl7"]);
    has(&all[1], r#""framed":false"#);
}

#[test]
fn after_a_gap_it_finds_the_next_start_block() {
    let ok = message(&[MSH, "PID|1||4711"]);
    let mut streams = Streams::open(&SPEC, &Open::default()).unwrap();
    streams.push(ToServer, &ok[..ok.len() - 6]);
    streams.gap(ToServer, 10);
    streams.push(ToServer, b"lost|MSH|bytes\rOBX|1\r\x1c\r");
    streams.push(ToServer, &ok);
    streams.close();
    assert_eq!(streams.lines.len(), 2, "{:#?}", streams.lines);
    has(&streams.lines[0], r#""truncated":true"#);
    lacks(&streams.lines[0], "body_digest");
    has(&streams.lines[1], r#""truncated":false"#);
}

#[test]
fn midstream_it_starts_with_a_message() {
    let ok = message(&[MSH, "PID|1||4711"]);
    let bytes = [b"|rest|of\rOBX|1||MSH\r\x1c\r", &ok[..]].concat();
    let open = Open {
        midstream: true,
        ..Open::default()
    };
    for cut in 0..bytes.len() {
        let mut streams = Streams::open(&SPEC, &open).unwrap();
        streams.push(ToServer, &bytes[..cut]);
        streams.push(ToServer, &bytes[cut..]);
        streams.close();
        assert_eq!(streams.lines.len(), 1, "{cut}: {:#?}", streams.lines);
    }
}

#[test]
fn a_large_document_is_read_in_little_memory() {
    let document = "JVBERi0xLjQK".repeat(90_000);
    let obx = format!("OBX|1|ED|PDF||^application^pdf^Base64^{document}||||||F");
    let bytes = message(&[MSH, &obx, "OBX|2|NM|K||5||||||C"]);
    let line = event(&bytes);
    has(&line, r#""embedded":"pdf""#);
    has(&line, r#""observations":2,"result_statuses":["F","C"]"#);
    has(&line, &format!(r#""bytes":{}"#, bytes.len() - 3));
    has(
        &line,
        &format!(r#""bytes_left_out":{}"#, document.len() + 24 - 4096),
    );
    assert!(anomalies(&bytes).is_empty());
    for each in [1460, 65_521] {
        let cut = run(&SPEC, &[(ToServer, &bytes)], Cuts::Every(each));
        assert_eq!(cut, lines(&bytes));
    }
    let mut streams = Streams::open(&SPEC, &Open::default()).unwrap();
    for segment in bytes.chunks(1460) {
        streams.push(ToServer, segment);
        assert!(
            streams.heap_bytes() <= 2 * super::store::KEPT_BYTES_MAX,
            "{}",
            streams.heap_bytes()
        );
        assert!(streams.buffered_bytes() < 16);
    }
    streams.push(ToServer, &message(&[MSH]));
    assert!(streams.heap_bytes() < 24 * 1024, "{}", streams.heap_bytes());
}

#[test]
fn what_is_kept_does_not_depend_on_cuts() {
    let part = |n: usize| "y".repeat(n);
    let bodies = [
        format!("ZZZ|{}|{}|{}", part(16_384), part(16_385), part(9)),
        format!(
            "ZZZ|{}|{}|{}|{}|{}",
            part(16_000),
            part(16_000),
            part(16_000),
            part(15_000),
            part(17_000)
        ),
        format!(
            "ZZZ|{}|{}|{}|{}\rZZ2|{}|a",
            part(16_000),
            part(16_000),
            part(16_000),
            part(16_300),
            part(20_000)
        ),
        format!(
            "OBX|1|ED|||{}|a\rOBX|2|ED|||{}|b\rNTE|1||c",
            part(40_000),
            part(4097)
        ),
    ];
    for body in bodies {
        let bytes = message(&[MSH, &body]);
        let whole = lines(&bytes);
        for each in [1, 7, 1000, 4096, 16_384, 20_000] {
            assert_eq!(
                run(&SPEC, &[(ToServer, &bytes)], Cuts::Every(each)),
                whole,
                "every {each}"
            );
        }
    }
}

#[test]
fn segments_hidden_in_fields() {
    let cases: &[(&str, Option<&str>)] = &[
        (
            "PID|1||1||DOE^J\\X0D\\OBX|1|NM|2823-3^K||9.9",
            Some("OBX in PID"),
        ),
        ("PID|1||1||DOE^J\\X0D\\OBX\\F\\1\\F\\NM", Some("OBX in PID")),
        ("PID|1||1||DOE^J\\X0D0A\\ZAB\\F\\1", Some("ZAB in PID")),
        ("NTE|1||a\\.br\\PID|1", Some("PID in NTE")),
        ("NTE|1||a\nPV1|1", Some("PV1 in NTE")),
        ("NTE|1||line one\\.br\\line two", None),
        ("NTE|1||see\\.br\\CBC|normal", None),
        ("NTE|1||line one\nline two", None),
    ];
    for (segment, injected) in cases {
        let line = event(&message(&[MSH, segment]));
        match injected {
            Some(what) => has(&line, &format!(r#""injected":"{what}""#)),
            None => lacks(&line, "injected"),
        }
    }
}

#[test]
fn files_in_fields() {
    let cases = [
        ("^app^x^Base64^TVqQAAMAAAA", "pe"),
        ("TVpQAAIAAAA", "pe"),
        ("f0VMRgIBAQ", "elf"),
        ("^a^b^Base64^UEsDBBQ", "zip"),
        ("JVBERi0xLjQ", "pdf"),
        ("0M8R4KGxGuE", "ole"),
        ("z/rt/gcAAAE", "macho"),
        ("TVNDRgAAAAA", "cab"),
        ("#!/bin/sh", "script"),
        ("\\X4D5A90000300\\", "pe"),
        ("\\X7f454c46\\", "elf"),
    ];
    for (value, kind) in cases {
        let line = event(&message(&[MSH, &format!("OBX|1|ED|A||{value}")]));
        has(&line, &format!(r#""embedded":"{kind}""#));
    }
    lacks(
        &event(&message(&[MSH, "OBX|1|TX|A||MZ is a name"])),
        "embedded",
    );
}

#[test]
fn character_sets() {
    let name = |charset: &str, family: &[u8]| {
        let head = MSH.to_owned() + "||||||" + charset;
        let bytes = [
            b"\x0b",
            head.as_bytes(),
            b"\rPID|1||1||",
            family,
            b"^A\r\x1c\r",
        ]
        .concat();
        let text = event(&bytes);
        text.split_once("patient_name\":\"")
            .unwrap()
            .1
            .split('"')
            .next()
            .unwrap()
            .to_owned()
    };
    let of = |text: &str| pseudonym(Class::Phi(PhiKind::Name), format!("{text}^A").as_bytes());
    assert_eq!(name("8859/1", b"M\xfcller"), of("Müller"));
    assert_eq!(name("8859/5", b"\xb8\xd2\xd0\xdd"), of("Иван"));
    assert_eq!(name("8859/15", b"\xa4"), of("€"));
    assert_eq!(name("UNICODE UTF-8", "Müller".as_bytes()), of("Müller"));
    assert_eq!(
        name("ASCII~UNICODE UTF-8", "Müller".as_bytes()),
        of("Müller")
    );
    assert_eq!(name("GB 18030-2000", b"\xcd\xf5"), of("王"));
    // The second byte of this character is a component separator in ASCII.
    assert_eq!(name("GB 18030-2000", b"\x81\x5e"), of("乛"));
    assert_eq!(name("~ISO IR87", b"\x1b$B;3ED\x1b(B"), of("山田"));
    assert_eq!(name("BIG-5", b"\xa4\xfd"), of("王"));
    assert_eq!(name("KS X 1001", b"\xb1\xe8"), of("김"));
}

#[test]
fn every_field_a_rule_may_name_has_its_class() {
    assert!(fields::is_sorted());
    let class = |path: &str| (PATHS.class)(&(PATHS.parse)(path).unwrap());
    assert_eq!(class("pid.3"), Class::Phi(PhiKind::Mrn));
    assert_eq!(class("pid.5.1"), Class::Phi(PhiKind::Name));
    assert_eq!(class("pv1.7"), Class::Staff);
    assert_eq!(class("obx[*].5"), Class::Phi(PhiKind::FreeText));
    assert_eq!(class("obx[*].3.1"), Class::Clear);
    assert_eq!(class("obx[*].18"), Class::Asset);
    assert_eq!(class("err.3.1"), Class::Clear);
    assert_eq!(class("err.3.2"), Class::Phi(PhiKind::FreeText));
    assert_eq!(class("zab.1"), Class::Phi(PhiKind::FreeText));
    assert_eq!(class("msh.9.1"), Class::Clear);
    assert_eq!(class("msh.8"), Class::Secret);
    assert_eq!(class("uac.2"), Class::Secret);
}

#[test]
fn recognised_by_content() {
    let probe = |bytes: &[u8], from_start| {
        (SPEC.probe)(&Probe {
            direction: ToServer,
            bytes,
            from_start,
            server_port: 9999,
        })
    };
    let ok = message(&[MSH]);
    for len in 0..5 {
        assert_eq!(probe(&ok[..len], true), Verdict::Unsure, "{len}");
    }
    assert_eq!(probe(&ok, true), Verdict::Yes(0));
    assert_eq!(probe(&ok[1..], true), Verdict::Yes(0));
    assert_eq!(probe(b"\x0bBHS|^~\\&|", true), Verdict::Yes(0));
    assert_eq!(probe(b"\xef\xbb\xbf\x0bMSH|^~\\&|", true), Verdict::Yes(0));
    assert_eq!(probe(b"\r\nMSH|^~\\&|", true), Verdict::Yes(0));
    assert_eq!(probe(b"MSH|^~\\&#|", true), Verdict::Yes(0));
    assert_eq!(probe(b"MSH ok then\r\n", true), Verdict::No);
    assert_eq!(probe(b"MSHA^~\\&|", true), Verdict::No);
    assert_eq!(probe(b"GET / HTTP/1.1\r\n", true), Verdict::No);
    assert_eq!(probe(b"\x0bHELLO", true), Verdict::No);
    let mid = [b"|x\rOBX|1\r\x1c\r", &ok[..]].concat();
    assert_eq!(probe(&mid, false), Verdict::Yes(11));
    assert_eq!(probe(b"OBX|1|MSH|^~\\&|\r", false), Verdict::Unsure);
}
