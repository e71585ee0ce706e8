//! Association PDUs and probing.

use super::build::{self, field16, item, pdu};
use super::{SPEC, Turn, assert_has, lines};
use crate::event::Direction::{ToClient, ToServer};
use crate::protocol::{Probe, Verdict};

#[test]
fn a_first_pdu_that_breaks_the_rules_is_dicom_on_its_ports_only() {
    let endless = [&[1, 0, 0xff, 0xff, 0xff, 0xff][..], &[0x41; 100]].concat();
    let long = [&[5, 0, 0, 0, 0, 16][..], &[0; 16]].concat();
    for (bytes, server_port, is) in [
        (&endless, 104, Verdict::Yes(0)),
        (&endless, 8080, Verdict::No),
        (&long, 11112, Verdict::Yes(0)),
        (&long, 8080, Verdict::No),
    ] {
        let probe = Probe {
            direction: ToServer,
            bytes,
            from_start: true,
            server_port,
        };
        assert_eq!((SPEC.probe)(&probe), is, "{server_port}");
    }
}

#[test]
fn a_proposal_is_told_in_full() {
    let role = [field16(build::COMMITMENT.as_bytes()), vec![0, 1]].concat();
    let extended = [field16(build::STUDY_FIND.as_bytes()), vec![1, 1]].concat();
    let common = [
        field16(build::CT.as_bytes()),
        field16(b"1.2.840.10008.4.2"),
        vec![0, 0],
    ]
    .concat();
    let identity = [vec![2, 1], field16(b"drjones"), field16(b"hunter2")].concat();
    let more = [
        item(0x53, &[0, 4, 0, 2]),
        item(0x54, &role),
        item(0x56, &extended),
        item(0x57, &common),
        item(0x58, &identity),
    ];
    let items = [
        build::application_context(),
        build::proposal(1, build::CT, &[build::EXPLICIT, build::JPEG]),
        build::user(0, &more),
    ];
    let out = lines(&[(ToServer, pdu(1, &build::associate("PACS", "CT 1", &items)))]);
    assert_eq!(out.len(), 1);
    assert_has(
        &out[0],
        &[
            r#""kind":"associate_rq","calling_ae":"CT 1","called_ae":"PACS","protocol_version":1,"reserved":0"#,
            r#""application_context":"1.2.840.10008.3.1.1.1""#,
            r#""abstract_syntaxes":["1.2.840.10008.5.1.4.1.1.2"]"#,
            r#""transfer_syntaxes":["1.2.840.10008.1.2.1","1.2.840.10008.1.2.4.50"]"#,
            r#""contexts":1,"max_pdu":0,"implementation_uid":"1.2.999.1.2.3","implementation_version":"VITAL_TEST_1""#,
            r#""async_invoked":4,"async_performed":2"#,
            r#""roles":["1.2.840.10008.1.20.1 scp"]"#,
            r#""extended":["1.2.840.10008.5.1.4.1.2.2.1","1.2.840.10008.5.1.4.1.1.2"]"#,
            r#""user_identity":{"type":"username_passcode","user":"staff:"#,
        ],
    );
    assert!(!out[0].contains("hunter2") && !out[0].contains("drjones"));
}

#[test]
fn the_reserved_byte_behind_the_titles_is_told() {
    let mut rq = build::request();
    rq[42] = 0x30;
    assert_has(&lines(&[(ToServer, rq)])[0], &[r#""reserved":48"#]);
}

#[test]
fn an_acceptance_tells_results_in_words() {
    let out = lines(&[(ToServer, build::request()), (ToClient, build::accept())]);
    assert_has(
        &out[1],
        &[
            r#""kind":"associate_ac""#,
            r#""contexts":5,"contexts_accepted":4"#,
            r#""context_results":["acceptance","acceptance","acceptance","acceptance","transfer-syntaxes-not-supported"]"#,
        ],
    );
    let answer = [build::user(0, &[item(0x59, &field16(b"ticket"))])];
    let out = lines(&[(ToClient, pdu(2, &build::associate("P", "C", &answer)))]);
    assert_has(&out[0], &[r#""calling_ae":"C","called_ae":"P""#]);
    assert!(!out[0].contains("ticket"));
}

#[test]
fn refusals_and_aborts_are_in_words() {
    let cases: [(u8, [u8; 3], &str); 6] = [
        (
            3,
            [1, 1, 7],
            r#""result":"rejected-permanent","source":"service-user","reason":"called-ae-title-not-recognised""#,
        ),
        (
            3,
            [1, 1, 3],
            r#""reason":"calling-ae-title-not-recognised""#,
        ),
        (
            3,
            [2, 3, 1],
            r#""result":"rejected-transient","source":"service-provider-presentation","reason":"temporary-congestion""#,
        ),
        (
            3,
            [1, 2, 2],
            r#""source":"service-provider-acse","reason":"protocol-version-not-supported""#,
        ),
        (
            7,
            [0, 2, 2],
            r#""kind":"abort","calling_ae":"CT1","called_ae":"ARCHIVE","source":"service-provider","reason":"unexpected-pdu""#,
        ),
        (7, [0, 0, 0], r#""source":"service-user""#),
    ];
    for (pdu_type, [result, source, reason], want) in cases {
        let refusal = pdu(pdu_type, &[0, result, source, reason]);
        let out = lines(&[(ToServer, build::request()), (ToClient, refusal)]);
        assert_eq!(out.len(), 2);
        assert_has(&out[1], &[want]);
    }
}

#[test]
fn release_is_told() {
    let turns: Vec<Turn> = vec![
        (ToServer, build::request()),
        (ToClient, build::accept()),
        (ToServer, build::release_rq()),
        (ToClient, build::release_rp()),
    ];
    let out = lines(&turns);
    assert_has(&out[2], &[r#"to_server dicom {"kind":"release_rq""#]);
    assert_has(&out[3], &[r#"to_client dicom {"kind":"release_rp""#]);
}

#[test]
fn roles_may_be_reversed() {
    let out = lines(&[
        (ToClient, build::request()),
        (ToServer, build::accept()),
        (ToClient, build::echo_rq(1)),
    ]);
    assert_eq!(out.len(), 3, "{out:?}");
    assert_has(&out[2], &["to_client dicom", r#""command":"C-ECHO-RQ""#]);
}

fn probe(bytes: &[u8], from_start: bool) -> Verdict {
    probe_on(8888, bytes, from_start)
}

fn probe_on(server_port: u16, bytes: &[u8], from_start: bool) -> Verdict {
    (SPEC.probe)(&Probe {
        direction: ToServer,
        bytes,
        from_start,
        server_port,
    })
}

#[test]
fn the_probe_knows_first_pdus_on_any_port() {
    let rq = build::request();
    for len in 0..76 {
        assert_eq!(probe(&rq[..len], true), Verdict::Unsure, "{len}");
    }
    assert_eq!(probe(&rq, true), Verdict::Yes(0));
    assert_eq!(probe(&build::accept(), true), Verdict::Yes(0));
    assert_eq!(probe(&pdu(3, &[0, 1, 1, 7]), true), Verdict::Yes(0));
    assert_eq!(probe(&build::echo_rq(1), true), Verdict::Yes(0));
    for other in [
        &b"GET / HTTP/1.1\r\n"[..],
        b"SSH-2.0-x\r\n",
        &[0x16, 3, 1, 2, 0],
        &[3, 0, 0, 0x13, 0x0e, 0xe0, 0, 0, 0, 0],
        b"\x0bMSH|^~\\&|",
    ] {
        assert_eq!(probe(other, true), Verdict::No);
    }
}

#[test]
fn the_probe_finds_a_place_to_start() {
    let mut bytes = vec![0x04, 0x00, 0x55, 0x01, 0x00];
    bytes.extend([0x33; 300]);
    let at = bytes.len();
    bytes.extend(build::echo_rq(9));
    assert_eq!(probe(&bytes, false), Verdict::Yes(at));
    assert_eq!(probe(&bytes[..at], false), Verdict::No);
    assert_eq!(probe(&bytes[..at + 1], false), Verdict::Unsure);
    let mut pixels = vec![0x33; 100];
    pixels.extend(build::pdata(&[build::pdv(5, 0, &[7; 200])]));
    assert_eq!(probe(&pixels, false), Verdict::Unsure);
    pixels.extend([4, 0, 0, 0, 0, 0xce, 0, 0, 0, 0xca, 5, 2]);
    assert_eq!(probe(&pixels, false), Verdict::Yes(100));
    let mut long = vec![0x33; 100];
    long.extend(&build::pdata(&[build::pdv(5, 0, &[7; 9000])])[..1500]);
    assert_eq!(probe(&long, false), Verdict::Unsure);
    assert_eq!(probe_on(104, &long, false), Verdict::Yes(100));
}
