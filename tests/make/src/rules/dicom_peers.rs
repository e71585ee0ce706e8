//! DICOM: who talks to whom, and how they introduce themselves.

use crate::capture::{Capture, Frame, MILLISECOND, SECOND, START_NS};
use crate::conversation::{Conversation, Side};
use crate::dicom::{Associate, Dimse, Session, uid};
use crate::frame::{Endpoint, Host, host};

use super::dicom_content::{image, store_context};
use super::{Case, ct, intruder, merged, pacs, stranger, talk};

pub(super) const CASES: &[Case] = &[
    Case {
        rule: "dicom-assoc-unknown-peer",
        fires: "10.20.9.66 associates as `CT01` with PACS and sends a C-ECHO",
        quiet: "10.20.1.11 (the CT) associates as `CT01` with PACS and stores an image",
        make: unknown_peer,
    },
    Case {
        rule: "dicom-ae-brute",
        fires: "10.20.9.66 tries 12 called AE titles at PACS, one every 2 s; each is rejected with \
                \"called AE title not recognized\" (1,1,7)",
        quiet: "10.20.1.11 tries one wrong AE title 12 times, one every 2 s (a wrong setting; \
                it is a rejection storm, not guessing)",
        make: brute,
    },
    Case {
        rule: "dicom-nmap-fingerprint",
        fires: "10.20.9.66: the A-ASSOCIATE-RQ of nmap's dicom-ping (first reserved byte 30H, \
                implementation OFFIS_DCMTK_362)",
        quiet: "10.20.1.11: a C-ECHO by true DCMTK 3.6.2, reserved bytes zero",
        make: nmap,
    },
    Case {
        rule: "dicom-default-ae-tool",
        fires: "10.20.9.66 sends C-ECHO as `ECHOSCU` to `ANY-SCP`, then as `PYNETDICOM`",
        quiet: "10.20.1.11 sends C-ECHO as `CT01` to `PACS`",
        make: default_title,
    },
    Case {
        rule: "dicom-rj-storm",
        fires: "PACS rejects CT01 14 times in 42 s (2,3,2: local limit exceeded)",
        quiet: "PACS rejects CT01 4 times in 12 s, then accepts",
        make: rejections,
    },
    Case {
        rule: "dicom-echo-sweep",
        fires: "10.20.9.66 sends C-ECHO to 10.20.1.21 … 10.20.1.30 (port 104) in 30 s; 6 answer, 4 \
                refuse the connection",
        quiet: "10.20.1.11 sends C-ECHO to PACS and to 10.20.2.20, five times each in 30 s",
        make: sweep,
    },
    Case {
        rule: "dicom-internet-inbound",
        fires: "203.0.113.7 associates with PACS and sends a C-ECHO",
        quiet: "10.20.1.11 associates with PACS and sends a C-ECHO",
        make: inbound,
    },
    Case {
        rule: "dicom-internet-outbound",
        fires: "PACS (10.20.2.10) stores an image at 203.0.113.7:104",
        quiet: "PACS (10.20.2.10) stores an image at 10.20.2.20:104",
        make: outbound,
    },
    Case {
        rule: "dicom-nondicom-on-port",
        fires: "10.20.9.66 sends `GET / HTTP/1.0` to PACS:104, then an SSH banner; PACS aborts both",
        quiet: "10.20.1.11: a TLS ClientHello to PACS:2762, and a C-ECHO to PACS:104",
        make: not_dicom,
    },
    Case {
        rule: "dicom-tls-downgrade",
        fires: "10.20.1.11 talks TLS with PACS:2762 three times; then it associates in clear text \
                with the same port",
        quiet: "10.20.1.11 talks TLS with PACS:2762 four times",
        make: downgrade,
    },
];

pub(super) fn verification(calling: &str, called: &str) -> Associate {
    Associate::new(calling, called).propose(uid::VERIFICATION, &[uid::IMPLICIT_LE])
}

/// An accepted association with one C-ECHO.
pub(super) fn echo(
    at: u64,
    client: Endpoint,
    server: Endpoint,
    associate: Associate,
) -> Vec<Frame> {
    Session::at(at, client, server, associate)
        .accepted()
        .client(1, &Dimse::echo(1))
        .server(1, &Dimse::echo_response(1))
        .released()
}

fn store(client: Endpoint, server: Endpoint, names: (&str, &str)) -> Vec<Frame> {
    let instance = "1.2.826.0.1.3680043.9.7777.10.1";
    Session::at(START_NS, client, server, store_context(names.0, names.1))
        .accepted()
        .client(
            1,
            &Dimse::store(1, uid::CT_STORAGE, instance, image(instance, 1)),
        )
        .server(1, &Dimse::store_response(1, uid::CT_STORAGE, instance, 0))
        .released()
}

pub(super) fn known_echo() -> Vec<Frame> {
    echo(
        START_NS,
        ct().port(42_000),
        pacs(),
        verification("CT01", "PACS"),
    )
}

fn unknown_peer() -> (Capture, Capture) {
    let fire = echo(
        START_NS,
        intruder().port(42_001),
        pacs(),
        verification("CT01", "PACS"),
    );
    (
        merged([fire]),
        merged([store(ct().port(42_002), pacs(), ("CT01", "PACS"))]),
    )
}

/// Rejected associations, some time apart.
fn rejected(client: Host, titles: &[&str], apart: u64, why: [u8; 3]) -> Vec<Vec<Frame>> {
    let attempt = |(n, title): (usize, &&str)| {
        let at = START_NS + n as u64 * apart;
        let port = 42_100 + n as u16;
        Session::at(at, client.port(port), pacs(), verification("CT01", title))
            .rejected(why[0], why[1], why[2])
    };
    titles.iter().enumerate().map(attempt).collect()
}

fn brute() -> (Capture, Capture) {
    let guesses = [
        "ANY-SCP",
        "PACS1",
        "ARCHIVE",
        "ORTHANC",
        "DCM4CHEE",
        "STORESCP",
        "CONQUEST",
        "HOROS",
        "OSIRIX",
        "CLEARCANVAS",
        "MERGE",
        "SERVER",
    ];
    let fire = rejected(intruder(), &guesses, 2 * SECOND, [1, 1, 7]);
    let quiet = rejected(ct(), &["PACSOLD"; 12], 2 * SECOND, [1, 1, 7]);
    (merged(fire), merged(quiet))
}

/// DCMTK 3.6.2, or nmap, which says that it is and leaves 30H in the first reserved byte.
fn dcmtk(reserved: u8) -> Associate {
    let mut associate = verification("ECHOSCU", "PACS");
    associate.implementation = "1.2.276.0.7230010.3.0.3.6.2".to_owned();
    associate.version = "OFFIS_DCMTK_362".to_owned();
    associate.reserved[0] = reserved;
    associate
}

fn nmap() -> (Capture, Capture) {
    let mut probe = dcmtk(0x30);
    probe.called = "ANY-SCP".to_owned();
    let mut tool = dcmtk(0);
    tool.calling = "CT01".to_owned();
    let fire = echo(START_NS, intruder().port(42_200), pacs(), probe);
    let quiet = echo(START_NS, ct().port(42_201), pacs(), tool);
    (merged([fire]), merged([quiet]))
}

fn default_title() -> (Capture, Capture) {
    let tool = verification("ECHOSCU", "ANY-SCP");
    let library = verification("PYNETDICOM", "PACS");
    let one = echo(START_NS, intruder().port(42_210), pacs(), tool);
    let two = echo(
        START_NS + 30 * SECOND,
        intruder().port(42_211),
        pacs(),
        library,
    );
    (merged([one, two]), merged([known_echo()]))
}

fn rejections() -> (Capture, Capture) {
    let fire = rejected(ct(), &["PACS"; 14], 3 * SECOND, [2, 3, 2]);
    let mut quiet = rejected(ct(), &["PACS"; 4], 3 * SECOND, [2, 3, 2]);
    let at = START_NS + 15 * SECOND;
    quiet.push(echo(
        at,
        ct().port(42_220),
        pacs(),
        verification("CT01", "PACS"),
    ));
    (merged(fire), merged(quiet))
}

fn sweep() -> (Capture, Capture) {
    let mut fire = Vec::new();
    for n in 0..10_u16 {
        let target = host(&format!("10.20.1.{}", 21 + n)).port(104);
        let (at, from) = (
            START_NS + u64::from(n) * 3 * SECOND,
            intruder().port(42_300 + n),
        );
        if n % 5 < 3 {
            fire.push(echo(at, from, target, verification("SCAN", "ANY-SCP")));
        } else {
            fire.push(Conversation::new(from, target).at(at).refused().frames());
        }
    }
    let mut quiet = Vec::new();
    for n in 0..10_u16 {
        let server = if n % 2 == 0 {
            pacs()
        } else {
            host("10.20.2.20").port(104)
        };
        let at = START_NS + u64::from(n) * 3 * SECOND;
        quiet.push(echo(
            at,
            ct().port(42_320 + n),
            server,
            verification("CT01", "PACS"),
        ));
    }
    (merged(fire), merged(quiet))
}

fn inbound() -> (Capture, Capture) {
    let fire = echo(
        START_NS,
        stranger().port(42_400),
        pacs(),
        verification("REMOTE", "PACS"),
    );
    (merged([fire]), merged([known_echo()]))
}

fn outbound() -> (Capture, Capture) {
    let from = pacs().host;
    let fire = store(from.port(42_410), stranger().port(104), ("PACS", "TELERAD"));
    let quiet = store(
        from.port(42_411),
        host("10.20.2.20").port(104),
        ("PACS", "ARCHIVE"),
    );
    (merged([fire]), merged([quiet]))
}

/// A TLS 1.2 ClientHello with one cipher suite.
pub(super) fn client_hello() -> Vec<u8> {
    let mut body = vec![3, 3];
    body.extend_from_slice(&[0x42; 32]);
    body.extend_from_slice(&[0, 0, 2, 0xc0, 0x2f, 1, 0]);
    handshake(1, &body)
}

fn server_hello() -> Vec<u8> {
    let mut body = vec![3, 3];
    body.extend_from_slice(&[0x24; 32]);
    body.extend_from_slice(&[0, 0xc0, 0x2f, 0]);
    handshake(2, &body)
}

fn handshake(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = body.len() as u16;
    let mut out = vec![0x16, 3, 3];
    out.extend_from_slice(&(length + 4).to_be_bytes());
    out.extend_from_slice(&[kind, 0]);
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(body);
    out
}

fn tls(at: u64, client: Endpoint, server: Endpoint) -> Vec<Frame> {
    let (hello, answer) = (client_hello(), server_hello());
    let mut data = vec![0x17, 3, 3, 0, 64];
    data.extend_from_slice(&[0xa5; 64]);
    let said = [
        (Side::Client, &hello[..]),
        (Side::Server, &answer),
        (Side::Client, &data),
        (Side::Server, &data),
    ];
    talk(client, server, at, &said).frames()
}

fn not_dicom() -> (Capture, Capture) {
    let refusal = crate::dicom::abort(2, 2);
    let ask = |n: u16, bytes: &[u8]| {
        let at = START_NS + u64::from(n) * 500 * MILLISECOND;
        let said = [(Side::Client, bytes), (Side::Server, &refusal[..])];
        talk(intruder().port(42_500 + n), pacs(), at, &said).frames()
    };
    let fire = [
        ask(0, b"GET / HTTP/1.0\r\n\r\n"),
        ask(1, b"SSH-2.0-OpenSSH_9.2\r\n"),
    ];
    let secure = tls(START_NS + SECOND, ct().port(42_510), pacs().host.port(2762));
    (merged(fire), merged([known_echo(), secure]))
}

fn downgrade() -> (Capture, Capture) {
    let port = pacs().host.port(2762);
    let talk_tls = |n: u16| {
        tls(
            START_NS + u64::from(n) * 60 * SECOND,
            ct().port(42_600 + n),
            port,
        )
    };
    let before: Vec<_> = (0..3).map(talk_tls).collect();
    let (mut fire, mut quiet) = (before.clone(), before);
    let at = START_NS + 240 * SECOND;
    fire.push(echo(
        at,
        ct().port(42_610),
        port,
        verification("CT01", "PACS"),
    ));
    quiet.push(talk_tls(4));
    (merged(fire), merged(quiet))
}
