//! Datasets in every encoding, what is kept of them, and what hides in them.

use super::build::{self, element, element_in, header, implicit};
use super::{assert_has, associated, associated_in, phi, stored};
use crate::dicom::charset::to_utf8;
use crate::dicom::peek::embedded;
use crate::dicom::uids::{BadUid, check};
use crate::dicom::wire::{Encoding, UNDEFINED};
use crate::event::Direction::ToServer;
use crate::phi::PhiKind;

#[test]
fn an_image_is_the_same_in_every_encoding() {
    let name = phi(PhiKind::Name, "Test^Jörg");
    let id = phi(PhiKind::Mrn, "T-0001");
    for (syntax, encoding) in [
        (build::IMPLICIT, Encoding::IMPLICIT),
        (build::EXPLICIT, Encoding::EXPLICIT),
        (build::BIG, build::BIG_ENDIAN),
    ] {
        let image = build::image(encoding, 512);
        let out = associated_in(syntax, vec![(ToServer, build::store(&image))]);
        assert_eq!(out.len(), 1, "{out:?}");
        assert_has(
            &out[0],
            &[
                &format!(
                    r#""transfer_syntax":"{syntax}","dataset_bytes":{}"#,
                    image.len()
                ),
                r#""charset":"ISO_IR 100","modality":"CT""#,
                r#""uid_mismatch":false"#,
                &format!(r#""patient_id":"{id}","patient_name":"{name}""#),
                r#""birth_date":"date:"#,
                r#""accession":"accession:"#,
                r#""manufacturer":"Acme Imaging","model":"Scan 3000","serial":"SN-42","software":"v9.1","station":"CTROOM1""#,
                r#""private_creators":["free_text:"#,
                r#""pixel_bytes":512,"pixel_bytes_expected":512"#,
                "} peek=content:",
            ],
        );
        assert!(!out[0].contains("bad_uid"));
    }
}

#[test]
fn an_unseen_negotiation_is_made_up_for() {
    for encoding in [Encoding::IMPLICIT, Encoding::EXPLICIT, build::BIG_ENDIAN] {
        let image = build::image(encoding, 64);
        let mut streams = crate::testing::Streams::open(
            &super::SPEC,
            &crate::protocol::Open {
                midstream: true,
                ..Default::default()
            },
        )
        .unwrap();
        streams.push(ToServer, &build::store(&image));
        assert_eq!(streams.lines.len(), 1, "{encoding:?}");
        assert_has(
            &streams.lines[0],
            &[r#""modality":"CT""#, r#""pixel_bytes":64"#],
        );
    }
}

#[test]
fn a_deflated_dataset_is_named_and_passed_over() {
    let image = build::image(Encoding::EXPLICIT, 64);
    let out = associated_in(build::DEFLATED, vec![(ToServer, build::store(&image))]);
    assert_eq!(out.len(), 1);
    let want = format!(
        r#""transfer_syntax":"1.2.840.10008.1.2.1.99","dataset_bytes":{}}}"#,
        image.len()
    );
    assert_has(&out[0], &[&want]);
}

fn undefined(encoding: Encoding, tag: (u16, u16), inside: &[u8]) -> Vec<u8> {
    let item = [
        header(encoding, (0xfffe, 0xe000), "", UNDEFINED),
        inside.to_vec(),
        header(encoding, (0xfffe, 0xe00d), "", 0),
    ]
    .concat();
    [
        header(encoding, tag, "SQ", UNDEFINED),
        item,
        header(encoding, (0xfffe, 0xe0dd), "", 0),
    ]
    .concat()
}

#[test]
fn sequences_are_walked_and_their_values_are_not_the_objects() {
    for (syntax, encoding) in [
        (build::IMPLICIT, Encoding::IMPLICIT),
        (build::EXPLICIT, Encoding::EXPLICIT),
        (build::BIG, build::BIG_ENDIAN),
    ] {
        let inner = element_in(encoding, (0x10, 0x20), "LO", b"NOT-ME");
        let deep = undefined(
            encoding,
            (0x8, 0x1140),
            &undefined(encoding, (0x8, 0x2112), &inner),
        );
        let defined = element_in(encoding, (0xfffe, 0xe000), "", &inner);
        let dataset = [
            deep,
            element_in(encoding, (0x8, 0x1199), "SQ", &defined),
            element_in(encoding, (0x8, 0x1250), "SQ", b""),
            element_in(encoding, (0x10, 0x20), "LO", b"ME"),
        ]
        .concat();
        let out = associated_in(syntax, vec![(ToServer, build::store(&dataset))]);
        let me = phi(PhiKind::Mrn, "ME");
        assert_eq!(out.len(), 1, "{out:?}");
        assert_has(&out[0], &[&format!(r#""patient_id":"{me}""#)]);
    }
}

#[test]
fn a_delimiter_too_many_does_no_harm() {
    let inner = element((0x10, 0x20), "LO", b"NOT-ME");
    let mut items = element((0xfffe, 0xe000), "", &inner);
    items.extend(header(Encoding::EXPLICIT, (0xfffe, 0xe00d), "", 0));
    let line = stored(
        &[
            element((8, 0x1140), "SQ", &items),
            element((0x10, 0x20), "LO", b"ME"),
        ]
        .concat(),
    );
    assert_has(&line, &[&phi(PhiKind::Mrn, "ME")]);
}

#[test]
fn an_unknown_sequence_is_implicit_inside() {
    let inner = implicit((0x10, 0x20), "LO", b"NOT-ME");
    let mut sequence = undefined(Encoding::IMPLICIT, (0x9, 0x1001), &inner);
    sequence.splice(4..4, *b"UN\0\0");
    let line = stored(&[sequence, element((0x10, 0x20), "LO", b"ME")].concat());
    assert_has(&line, &[&phi(PhiKind::Mrn, "ME")]);
}

fn encapsulated(fragments: &[&[u8]]) -> Vec<u8> {
    let mut bytes = header(Encoding::EXPLICIT, (0x7fe0, 0x10), "OB", UNDEFINED);
    bytes.extend(element((0xfffe, 0xe000), "", &[0; 8]));
    for fragment in fragments {
        bytes.extend(element((0xfffe, 0xe000), "", fragment));
    }
    bytes.extend(header(Encoding::EXPLICIT, (0xfffe, 0xe0dd), "", 0));
    bytes
}

#[test]
fn fragments_of_pixel_data_are_counted() {
    let mut dataset = element((0x28, 8), "IS", b"2");
    dataset.extend(encapsulated(&[&[1; 6000], &[2; 300]]));
    dataset.extend(element((0x7fe1, 0x10), "LO", b"BEHIND"));
    let out = associated_in(build::JPEG, vec![(ToServer, build::store(&dataset))]);
    assert_has(
        &out[0],
        &[r#""pixel_bytes":6300,"frames":2"#, "private_creators"],
    );
}

/// A value that starts like a Windows program: two letters and a header where they say.
fn program() -> Vec<u8> {
    let mut value = vec![0; 200];
    value[..2].copy_from_slice(b"MZ");
    value[0x3c] = 0x80;
    value[0x80..0x84].copy_from_slice(b"PE\0\0");
    value
}

#[test]
fn programs_and_documents_are_recognised() {
    let mut short = program();
    short.truncate(0x82);
    for (value, what) in [
        (&program()[..], Some("pe")),
        (&short, None),
        (b"MZ and pixels", None),
        (b"\x7fELF\x02\x01", Some("elf")),
        (b"\xcf\xfa\xed\xfe\x07", Some("macho")),
        (b"\xca\xfe\xba\xbe\0\0\0\x02", Some("macho")),
        (b"\xca\xfe\xba\xbe\0\0\0\x37", None),
        (b"MSCF\0\0\0\0", Some("cab")),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", Some("ole")),
        (b"#!/bin/sh\n", Some("script")),
        (b"PowerShell -enc", Some("script")),
        (b"PK\x03\x04", Some("zip")),
        (b"%PDF-1.7", Some("pdf")),
        (b"\x01\x02", None),
    ] {
        assert_eq!(embedded(value), what);
    }
}

#[test]
fn a_program_is_found_wherever_it_hides() {
    let pixels = element((0x7fe0, 0x10), "OW", &[9; 5000]);
    let creator = element((0x0029, 0x10), "LO", b"ACME");
    let private = element((0x0029, 0x1001), "OB", &program());
    let line = stored(&[creator, private, pixels.clone()].concat());
    assert_has(&line, &[r#""embedded":"pe","embedded_tag":"00291001""#]);
    for (tag, vr) in [
        ((0x42, 0x11), "OB"),
        ((0xfffc, 0xfffc), "OB"),
        ((0x40, 0xa160), "UT"),
    ] {
        let value = [&b"#!/bin/sh\n"[..], &[b'#'; 2000]].concat();
        let line = stored(&element(tag, vr, &value));
        let tag = format!("{:04x}{:04x}", tag.0, tag.1);
        assert_has(&line, &[r#""embedded":"script""#, &tag]);
    }
    let dataset = encapsulated(&[&[1; 100], &program()]);
    let out = associated_in(build::JPEG, vec![(ToServer, build::store(&dataset))]);
    assert_has(&out[0], &[r#""embedded":"pe","embedded_tag":"7fe00010""#]);
    assert!(!stored(&pixels).contains("embedded"));
}

#[test]
fn uids_are_judged() {
    assert_eq!(check(b"1.2.840.10008.1.1\0", false), None);
    assert_eq!(check(b"", false), None);
    assert_eq!(check(b"1.2\\3.4", false), None);
    assert_eq!(check(b"1.2.3 ", false), Some(BadUid::Padding));
    assert_eq!(check(b"1.2.a", false), Some(BadUid::Characters));
    assert_eq!(check(b"1..2", false), Some(BadUid::Characters));
    assert_eq!(check(&[b'1'; 65], false), Some(BadUid::Length));
    for evil in [
        "../../../tmp/x",
        "..\\..\\x",
        "1.2;id",
        "1.2|x",
        "$(id)",
        "c:x",
        "1%2e",
        "1\x002",
    ] {
        assert_eq!(
            check(evil.as_bytes(), false),
            Some(BadUid::Traversal),
            "{evil}"
        );
    }
}

#[test]
fn bad_uids_are_counted_with_the_worst() {
    let dataset = [
        element((8, 0x18), "UI", b"../../etc/cron.d/x"),
        element((0x20, 0x0d), "UI", b"1.2.x"),
        element((0x20, 0x52), "UI", b"1.2.3 "),
        element((0x20, 0x0e), "UI", &[b'1'; 700]),
    ]
    .concat();
    assert_has(
        &stored(&dataset),
        &[
            r#""bad_uids":4,"bad_uid_shape":"traversal""#,
            r#""uid_mismatch":true"#,
        ],
    );
    let nested = implicit((0x8, 0x1155), "UI", b"1.2/3");
    let dataset = implicit((8, 0x1140), "SQ", &implicit((0xfffe, 0xe000), "", &nested));
    let out = associated_in(build::IMPLICIT, vec![(ToServer, build::store(&dataset))]);
    assert_has(&out[0], &[r#""referenced":1"#, r#""bad_uids":1"#]);
}

#[test]
fn names_are_decoded_by_their_character_set() {
    let utf8 = |charset: &[u8], value: &[u8]| {
        String::from_utf8(to_utf8(charset, value).into_owned()).unwrap()
    };
    assert_eq!(utf8(b"ISO_IR 100", b"Buc^J\xe9r\xf4me"), "Buc^Jérôme");
    assert_eq!(
        utf8(b"ISO_IR 144", b"\xbb\xee\xdace\xdc\xd1yp\xd3"),
        "ЛюкceмбypГ".replace('Г', "г")
    );
    assert_eq!(utf8(b"ISO_IR 192", "Wang^小東".as_bytes()), "Wang^小東");
    assert_eq!(utf8(b"GB18030", b"Wang^\xd0\xa1\xb6\xab"), "Wang^小东");
    assert_eq!(
        utf8(
            b"\\ISO 2022 IR 87",
            b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B"
        ),
        "Yamada^Tarou=山田^太郎"
    );
    assert_eq!(
        utf8(
            b"ISO 2022 IR 13\\ISO 2022 IR 87",
            b"\xd4\xcf\xc0\xde^\xc0\xdb\xb3"
        ),
        "ﾔﾏﾀﾞ^ﾀﾛｳ"
    );
    assert_eq!(
        utf8(
            b"\\ISO 2022 IR 149",
            b"Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7"
        ),
        "Hong^Gildong=洪^吉洞"
    );
    assert_eq!(
        utf8(b"ISO 2022 IR 100\\ISO 2022 IR 126", b"\xc4^\x1b-F\xc4"),
        "Ä^Δ"
    );
}

#[test]
fn keys_of_a_response_are_the_objects() {
    let keys = build::keys(b"Test^Ada", b"T-2", b"20260101");
    let values = [
        build::response(3, 0x8020, 2, build::STUDY_FIND, true, 0xff00),
        build::pdv(3, 2, &keys),
    ];
    let out = associated(vec![(ToServer, build::pdata(&values))]);
    let id = phi(PhiKind::Mrn, "T-2");
    assert_has(&out[0], &[&format!(r#""patient_id":"{id}""#)]);
    assert!(!out[0].contains("query"));
}
