//! Framing: what senders leave out, what stands between, and every anomaly.

use super::super::{ANOMALIES, SPEC};
use super::{MSH, anomalies, framed, has, lacks, lines, message};
use crate::event::Direction::{self, ToClient, ToServer};
use crate::protocol::{Open, Probe, Verdict};
use crate::testing::{Cuts, Streams, first_difference, run};

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
    for anomaly in ANOMALIES {
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
