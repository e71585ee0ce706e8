//! HL7: what fields hold.

use crate::capture::{Capture, Frame, SECOND, START_NS};
use crate::frame::Host;
use crate::hl7::{Link, body, message, mllp, patient};

use super::dicom_content::{linux_program, pdf, windows_program};
use super::hl7::head;
use super::{Case, admission, engine, intruder, laboratory, merged};

pub(super) const CASES: &[Case] = &[
    Case {
        rule: "hl7-segment-injection",
        fires: "10.20.9.66 sends 3 ADT whose PID-5 hides an OBX segment: after `\\X0D\\`; with every \
                separator escaped; and with a bare line feed; then one with a second MSH inside",
        quiet: "10.20.3.20 sends an ADT with `\\.br\\` in a note, one with `\\.br\\CBC|normal`, and a \
                batch (BHS) of 5 ADT",
        make: injection,
    },
    Case {
        rule: "hl7-embedded-exe",
        fires: "10.20.9.66 sends 3 ORU with programs in OBX-5 (ED): base64 PE, base64 ELF, and \
                `\\X4D5A…\\`",
        quiet: "10.20.3.21 sends 1 ORU with a base64 PDF in OBX-5 (ED)",
        make: program,
    },
    Case {
        rule: "hl7-order-tamper",
        fires: "10.20.3.20 sends RDE^O11 RX000001 at 10 mL/h; 60 s later 10.20.9.66 sends the same \
                order as ORC-1 XO at 100 mL/h",
        quiet: "10.20.3.20 changes its own order from 10 to 12 mL/h",
        make: order,
    },
];

const A08: &str = "ADT^A08^ADT_A01";
const ORU: &str = "ORU^R01^ORU_R01";
const RDE: &str = "RDE^O11^RDE_O11";

fn sent(client: Host, from: &str, kind: &str, bodies: &[Vec<String>]) -> Vec<Frame> {
    let mut link = Link::open(START_NS, client.port(44_000), engine());
    for (n, segments) in bodies.iter().enumerate() {
        link = link
            .say(&head(from, kind, n as u32), segments, "AA")
            .wait(5 * SECOND);
    }
    link.closed()
}

fn named(name: &str) -> Vec<String> {
    let mut segments = body::adt("A08", 1);
    segments[1] = patient(1).replacen("SYNTHETIC^BRAVO^1", name, 1);
    segments
}

fn injection() -> (Capture, Capture) {
    let mut twice = body::adt("A08", 1);
    twice.push(
        head("ADTSYS", "ADT^A23^ADT_A21", 99)
            .segment()
            .trim_end()
            .to_owned(),
    );
    let bad = [
        named("SYNTHETIC^J\\X0D\\OBX|1|NM|2823-3^K||9.9"),
        named("SYNTHETIC^J\\X0D\\OBX\\F\\1\\F\\NM\\F\\2823-3\\S\\K\\F\\\\F\\9.9"),
        named("SYNTHETIC^J\nOBX|1|NM|2823-3^K||9.9"),
        twice,
    ];
    let with = |note: &str| {
        let mut segments = body::adt("A08", 1);
        segments.push(format!("NTE|1||{note}"));
        segments
    };
    let good = [
        with("line one\\.br\\line two"),
        with("see\\.br\\CBC|normal"),
    ];
    let mut batch = "BHS|^~\\&|ADTSYS|VWTEST|ENGINE|VWTEST|20260302080000\r".to_owned();
    for n in 10..15 {
        batch.push_str(&message(&head("ADTSYS", A08, n), &body::adt("A08", n)));
    }
    batch.push_str("BTS|5\r");
    let together = Link::open(START_NS + 30 * SECOND, admission().port(44_001), engine())
        .raw(&mllp(&batch))
        .closed();
    (
        merged([sent(intruder(), "ADTSYS", A08, &bad)]),
        merged([sent(admission(), "ADTSYS", A08, &good), together]),
    )
}

/// A result with an encapsulated document.
fn attached(content: &str, encoding: &str) -> Vec<String> {
    let mut segments = body::result(1, "4.4", "F");
    segments[2] = format!(
        "OBX|1|ED|PDF^Report^L||LABSYS^application^octet-stream^{encoding}^{content}||||||F"
    );
    segments
}

fn program() -> (Capture, Capture) {
    let bad = [
        attached(&base64(&windows_program()), "Base64"),
        attached(&base64(&linux_program()), "Base64"),
        attached(&format!("\\X{}\\", hex(&windows_program())), "Hex"),
    ];
    let good = [attached(&base64(&pdf()), "Base64")];
    (
        merged([sent(intruder(), "LABSYS", ORU, &bad)]),
        merged([sent(laboratory(), "LABSYS", ORU, &good)]),
    )
}

fn order() -> (Capture, Capture) {
    let change = |rate: &str| {
        let mut segments = body::medication(1, rate);
        segments[1] = segments[1].replacen("ORC|NW", "ORC|XO", 1);
        segments
    };
    let say = |client: Host, port: u16, at: u64, n: u32, segments: &[String]| {
        let link = Link::open(at, client.port(port), engine());
        link.say(&head("PHARM", RDE, n), segments, "AA").closed()
    };
    let placed = say(admission(), 44_010, START_NS, 1, &body::medication(1, "10"));
    let later = START_NS + 60 * SECOND;
    let foreign = say(intruder(), 44_011, later, 2, &change("100"));
    let own = say(admission(), 44_011, later, 2, &change("12"));
    (merged([placed.clone(), foreign]), merged([placed, own]))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

/// Base64 with padding (RFC 4648 section 4).
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for three in bytes.chunks(3) {
        let byte = |n: usize| u32::from(three.get(n).copied().unwrap_or(0));
        let word = byte(0) << 16 | byte(1) << 8 | byte(2);
        for n in 0..4 {
            let digit = DIGITS[(word >> (18 - 6 * n)) as usize & 63];
            out.push(if n <= three.len() {
                char::from(digit)
            } else {
                '='
            });
        }
    }
    out
}
