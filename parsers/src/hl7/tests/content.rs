//! What is in the fields: long values, hidden segments, files, character sets, paths.

use super::super::path::PATHS;
use super::super::{SPEC, fields, names, store};
use super::{MSH, anomalies, event, has, lacks, lines, message};
use crate::event::Direction::{self, ToServer};
use crate::phi::{Class, PhiKind};
use crate::protocol::Open;
use crate::testing::{Cuts, Streams, pseudonym, run};

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
            streams.heap_bytes() <= 2 * store::KEPT_BYTES_MAX,
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
    assert!(names::tables_are_sorted());
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

/// What rules see at a path: shown values as they are, hidden ones by class and length alone.
fn found(bytes: &[u8], path: &str) -> Vec<String> {
    struct Look(crate::catalogue::Path, Vec<String>);
    impl crate::protocol::Emit for Look {
        fn event(&mut self, event: &crate::event::Event<'_>) {
            let found = &mut self.1;
            event.paths().unwrap().any(&self.0, &mut |value| {
                found.push(match value {
                    crate::event::Value::Text(text) => String::from_utf8_lossy(text).into_owned(),
                    other => format!("{other:?}"),
                });
                false
            });
        }
        fn anomaly(&mut self, _: Direction, _: &'static crate::protocol::Anomaly) {}
    }
    let mut parser = (SPEC.open.unwrap())(&Open::default());
    let mut look = Look((PATHS.parse)(path).unwrap(), Vec::new());
    parser.parse(ToServer, bytes, &mut look);
    look.1
}

#[test]
fn values_by_path() {
    let bytes = message(&[
        "MSH|^~\\&|A^1|B\\T\\C|C|D|2026||ORU^R01|C1|P|2.5",
        "PID|1||4711^^^H&1.2&ISO~4712||Doe^Jane",
        "OBX|1|NM|K^Kal\\E\\ium|1.1|5|mmol/L||||||",
        "OBX|2|NM|NA||a\\.br\\bc",
    ]);
    let cases: &[(&str, &[&str])] = &[
        ("msh.1", &["|"]),
        ("msh.2", &["^~\\&"]),
        ("msh.3", &["A^1"]),
        ("msh.3.2", &["1"]),
        ("msh.4", &["B&C"]),
        ("msh.9.2", &["R01"]),
        ("msh.10", &["control_id of 2 bytes"]),
        ("pid.3", &["mrn of 16 bytes"]),
        ("pid.3[2]", &["mrn of 4 bytes"]),
        ("pid.3[*].1", &["mrn of 4 bytes", "mrn of 4 bytes"]),
        ("pid.3.4.2", &["mrn of 3 bytes"]),
        ("pid.2", &["mrn of 0 bytes"]),
        ("pid.9", &[]),
        ("zzz.1", &[]),
        ("obx.3.2", &["Kal\\ium"]),
        ("obx[2].3.1", &["NA"]),
        ("obx[*].3.1", &["K", "NA"]),
        ("obx[3].3", &[]),
        ("obx[2].5", &["free_text of 4 bytes"]),
        ("obx.7", &[""]),
    ];
    for (path, values) in cases {
        assert_eq!(found(&bytes, path), *values, "{path}");
    }
}
