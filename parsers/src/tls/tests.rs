//! Hellos, built by hand.

use super::{ANOMALIES, SPEC};
use crate::event::Direction::{ToClient, ToServer};
use crate::phi::{Class, PhiKind};
use crate::protocol::{Open, Probe, Verdict};
use crate::testing::{self, Cuts, Streams};

fn field16(value: &[u8]) -> Vec<u8> {
    [
        &u16::try_from(value.len()).unwrap().to_be_bytes()[..],
        value,
    ]
    .concat()
}

fn extension(kind: u16, value: &[u8]) -> Vec<u8> {
    [&kind.to_be_bytes()[..], &field16(value)].concat()
}

fn record(kind: u8, content: &[u8]) -> Vec<u8> {
    [&[kind, 3, 1][..], &field16(content)].concat()
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let len = u32::try_from(body.len()).unwrap().to_be_bytes();
    [&[kind][..], &len[1..], body].concat()
}

fn sni(name: &[u8]) -> Vec<u8> {
    let entry = [&[0][..], &field16(name)].concat();
    extension(0, &field16(&entry))
}

fn alpn(name: &[u8]) -> Vec<u8> {
    let entry = [&[u8::try_from(name.len()).unwrap()][..], name].concat();
    extension(16, &field16(&entry))
}

fn client(extensions: &[Vec<u8>]) -> Vec<u8> {
    let mut body = vec![3, 3];
    body.extend([7; 32]);
    body.push(0);
    body.extend(field16(&[0x13, 1, 0xc0, 0x2f]));
    body.extend([1, 0]);
    body.extend(field16(&extensions.concat()));
    message(1, &body)
}

fn server(extensions: &[Vec<u8>]) -> Vec<u8> {
    let mut body = vec![3, 3];
    body.extend([8; 32]);
    body.push(0);
    body.extend([0x13, 1, 0]);
    body.extend(field16(&extensions.concat()));
    message(2, &body)
}

fn sample_client() -> Vec<u8> {
    let versions = extension(43, &[6, 0x5a, 0x5a, 3, 4, 3, 3]);
    record(
        0x16,
        &client(&[sni(b"pacs.example"), alpn(b"dicom"), versions]),
    )
}

fn sample_server() -> Vec<u8> {
    record(0x16, &server(&[extension(43, &[3, 4])]))
}

fn run(turns: &[(crate::event::Direction, &[u8])]) -> Vec<String> {
    assert_eq!(testing::first_difference(&SPEC, turns), None);
    testing::run(&SPEC, turns, Cuts::Whole)
}

/// To write them anew: `VITALWIRE_WRITE_SAMPLES=1 cargo test -p parsers sample`.
#[test]
fn the_sample_is_what_is_built() {
    let built = [
        ("client_hello", sample_client()),
        ("server_hello", sample_server()),
    ];
    let write = std::env::var_os("VITALWIRE_WRITE_SAMPLES").is_some();
    for ((name, built), (_, bytes)) in built.into_iter().zip(SPEC.sample) {
        if write {
            let path = format!("{}/src/tls/testdata/{name}.bin", env!("CARGO_MANIFEST_DIR"));
            std::fs::write(path, &built).unwrap();
        } else {
            assert!(*bytes == built, "{name}");
        }
    }
}

#[test]
fn hellos_are_told() {
    let out = run(&[(ToServer, &sample_client()), (ToClient, &sample_server())]);
    let name = testing::pseudonym(Class::Phi(PhiKind::FreeText), b"pacs.example");
    assert_eq!(
        out,
        [
            format!(
                r#"to_server tls {{"sni":"{name}","version":"TLS 1.3","handshake":"client_hello","alpn":["dicom"],"dicom":true}}"#
            ),
            r#"to_client tls {"version":"TLS 1.3","handshake":"server_hello","cipher":4865,"dicom":false}"#
                .to_owned(),
        ]
    );
}

#[test]
fn a_hello_may_span_records() {
    let hello = client(&[sni(b"x"), extension(21, &[0; 300])]);
    let (a, b) = hello.split_at(100);
    let out = run(&[(ToServer, &[record(0x16, a), record(0x16, b)].concat())]);
    assert_eq!(out.len(), 1);
    assert!(out[0].contains(r#""version":"TLS 1.2""#), "{}", out[0]);
}

#[test]
fn the_port_says_that_it_is_dicom() {
    for (port, dicom) in [
        (2762, true),
        (11112, true),
        (104, true),
        (2761, false),
        (443, false),
    ] {
        let open = Open {
            server_port: port,
            ..Open::default()
        };
        let mut streams = Streams::open(&SPEC, &open).unwrap();
        streams.push(ToClient, &sample_server());
        assert!(streams.lines[0].contains(&format!(r#""dicom":{dicom}"#)));
        assert!(streams.heap_bytes() < 200);
    }
}

#[test]
fn each_anomaly_once() {
    let cases = [
        (record(0x16, b""), "tls.record_length"),
        (vec![0x16, 3, 1, 0xff, 0xff], "tls.record_length"),
        (record(0x16, &[1, 1, 0, 0, 3, 3]), "tls.hello_length"),
        (record(0x16, &message(1, &[3, 3, 0])), "tls.hello_malformed"),
    ];
    for (bytes, name) in &cases {
        let out = run(&[(ToServer, bytes)]);
        assert_eq!(out, [format!("to_server anomaly {name}")]);
    }
    for anomaly in ANOMALIES {
        assert!(cases.iter().any(|(_, name)| *name == anomaly.name));
    }
}

#[test]
fn behind_a_gap_nothing_is_guessed() {
    let hello = sample_client();
    let mut streams = Streams::open(&SPEC, &Open::default()).unwrap();
    streams.push(ToServer, &hello[..20]);
    streams.gap(ToServer, 10);
    streams.push(ToServer, &hello[30..]);
    streams.close();
    assert!(streams.lines.is_empty());
}

#[test]
fn the_probe_waits_for_six_bytes() {
    let probe = |bytes: &[u8]| {
        (SPEC.probe)(&Probe {
            direction: ToServer,
            bytes,
            from_start: true,
            server_port: 1,
        })
    };
    let hello = sample_client();
    for len in 0..6 {
        assert_eq!(probe(&hello[..len]), Verdict::Unsure, "{len}");
    }
    assert_eq!(probe(&hello), Verdict::Yes(0));
    assert_eq!(probe(b"GET / HTTP/1.1"), Verdict::No);
    assert_eq!(probe(&[0x16, 3, 1, 0xff, 0xff, 1]), Verdict::No);
}
