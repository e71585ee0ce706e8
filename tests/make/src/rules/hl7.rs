//! HL7: who sends, how often, and how often it fails.

use crate::capture::{Capture, Frame, SECOND, START_NS};
use crate::conversation::Conversation;
use crate::frame::{Endpoint, Host};
use crate::hl7::{Head, Link, ack, body, message, mllp, patient};

use super::{Case, admission, engine, intruder, laboratory, merged, stranger};

pub(super) const CASES: &[Case] = &[
    Case {
        rule: "hl7-unknown-sender",
        fires: "10.20.9.66 sends the engine an ADT^A08 as `EVILAPP`, and another as `ADTSYS`",
        quiet: "10.20.3.20 sends the engine two ADT^A08 as `ADTSYS`",
        make: unknown_sender,
    },
    Case {
        rule: "hl7-nak-storm",
        fires: "10.20.3.20 sends 15 ADT in 150 s; the engine answers 10 with AE and 5 with AR",
        quiet: "10.20.3.20 sends 15 ADT in 150 s; the engine answers 14 with AA and 1 with AE",
        make: refusals,
    },
    Case {
        rule: "hl7-framing-errors",
        fires: "10.20.9.66, 4 connections: bytes before the start block; a block without MSH; a \
                second start block inside a message; NUL bytes inside a message",
        quiet: "10.20.3.20: an ADT and its ACK in segments of 3 bytes, then an ADT whose last \
                segment has no carriage return",
        make: framing,
    },
    Case {
        rule: "hl7-replayed-control-id",
        fires: "10.20.3.21 sends an ORU (potassium 4.1), which is accepted; 60 s later 10.20.3.21 \
                sends the same control id with 7.9",
        quiet: "10.20.3.21 sends an ORU that nobody acknowledges, and the same bytes again 5 s later",
        make: replay,
    },
    Case {
        rule: "hl7-adt-merge-mass",
        fires: "10.20.3.20 sends 12 ADT^A40 merges in 120 s",
        quiet: "10.20.3.20 sends 2 ADT^A40 merges and 10 ADT^A08 in 120 s",
        make: merges,
    },
    Case {
        rule: "hl7-internet",
        fires: "10.20.3.10 sends an ADT to 203.0.113.7:2575; then 203.0.113.7 sends one to the engine",
        quiet: "10.20.3.20 sends the engine an ADT",
        make: internet,
    },
    Case {
        rule: "hl7-phi-query-mass",
        fires: "10.20.9.66 sends 40 QBP^Q22 patient queries in 200 s, each answered by RSP^K22",
        quiet: "10.20.3.20 sends 3 QBP^Q22 in 180 s",
        make: patient_queries,
    },
    Case {
        rule: "hl7-result-corrected-mass",
        fires: "10.20.3.21 sends 16 ORU in 160 s with OBX-11 C, W and D in turn",
        quiet: "10.20.3.21 sends 16 ORU in 160 s: 15 with OBX-11 F, 1 with C",
        make: corrections,
    },
];

/// The header of a message from a system to the engine.
pub(super) fn head(from: &str, kind: &str, n: u32) -> Head {
    Head::new(
        (from, "VWTEST"),
        ("ENGINE", "VWTEST"),
        kind,
        &format!("VW{n:06}"),
    )
}

const A08: &str = "ADT^A08^ADT_A01";
const ORU: &str = "ORU^R01^ORU_R01";

fn update(client: Endpoint, server: Endpoint, at: u64, from: &str, n: u32) -> Vec<Frame> {
    Link::open(at, client, server)
        .say(&head(from, A08, n), &body::adt("A08", n), "AA")
        .closed()
}

fn unknown_sender() -> (Capture, Capture) {
    let two = |host: Host, first: &str, base: u16| {
        [
            update(host.port(base), engine(), START_NS, first, 1),
            update(
                host.port(base + 1),
                engine(),
                START_NS + 10 * SECOND,
                "ADTSYS",
                2,
            ),
        ]
    };
    (
        merged(two(intruder(), "EVILAPP", 43_000)),
        merged(two(admission(), "ADTSYS", 43_010)),
    )
}

/// Updates on one connection, 10 s apart, answered with these codes.
fn answered(codes: &[&str]) -> Vec<Frame> {
    let mut link = Link::open(START_NS, admission().port(43_020), engine());
    for (n, code) in codes.iter().enumerate() {
        let n = n as u32;
        link = link
            .say(&head("ADTSYS", A08, n), &body::adt("A08", n), code)
            .wait(10 * SECOND);
    }
    link.closed()
}

fn refusals() -> (Capture, Capture) {
    let bad: Vec<&str> = (0..15)
        .map(|n| if n % 3 == 2 { "AR" } else { "AE" })
        .collect();
    let good: Vec<&str> = (0..15).map(|n| if n == 7 { "AE" } else { "AA" }).collect();
    (merged([answered(&bad)]), merged([answered(&good)]))
}

fn framing() -> (Capture, Capture) {
    let text = message(&head("ADTSYS", A08, 1), &body::adt("A08", 1));
    let good = mllp(&text);
    let half = good.len() / 2;
    let nul = text.replacen("EXAMPLETOWN", "EXAMPLE\0\0TOWN", 1);
    let bad = [
        [b"garbage before the block", &good[..]].concat(),
        mllp("HELLO|this is not HL7\r"),
        [&good[..half], &good[..]].concat(),
        mllp(&nul),
    ];
    let fire = bad.iter().enumerate().map(|(n, bytes)| {
        let at = START_NS + n as u64 * 5 * SECOND;
        Link::open(at, intruder().port(43_030 + n as u16), engine())
            .raw(bytes)
            .closed()
    });
    let tcp = Conversation::new(admission().port(43_040), engine()).mss(3);
    let open_end = text.trim_end_matches('\r').replace("VW000001", "VW000002");
    let quiet = Link::over(tcp)
        .say(&head("ADTSYS", A08, 1), &body::adt("A08", 1), "AA")
        .raw(&mllp(&open_end))
        .reply(&mllp(&ack(&head("ADTSYS", A08, 2), "AA")))
        .closed();
    (merged(fire), merged([quiet]))
}

fn replay() -> (Capture, Capture) {
    let head = head("LABSYS", ORU, 7);
    let client = laboratory().port(43_050);
    let fire = Link::open(START_NS, client, engine())
        .say(&head, &body::result(7, "4.1", "F"), "AA")
        .wait(60 * SECOND)
        .say(&head, &body::result(7, "7.9", "F"), "AA")
        .closed();
    let quiet = Link::open(START_NS, client, engine())
        .mute(&head, &body::result(7, "4.1", "F"))
        .wait(5 * SECOND)
        .say(&head, &body::result(7, "4.1", "F"), "AA")
        .closed();
    (merged([fire]), merged([quiet]))
}

fn merges() -> (Capture, Capture) {
    let send = |merges: u32| {
        let mut link = Link::open(START_NS, admission().port(43_060), engine());
        for n in 0..12 {
            link = if n < merges {
                let segments = body::merge(n, 1000 + n);
                link.say(&head("ADTSYS", "ADT^A40^ADT_A39", n), &segments, "AA")
            } else {
                link.say(&head("ADTSYS", A08, n), &body::adt("A08", n), "AA")
            };
            link = link.wait(10 * SECOND);
        }
        link.closed()
    };
    (merged([send(12)]), merged([send(2)]))
}

fn internet() -> (Capture, Capture) {
    let out = engine().host.port(43_070);
    let fire = [
        update(out, stranger().port(2575), START_NS, "ENGINE", 1),
        update(
            stranger().port(43_071),
            engine(),
            START_NS + 60 * SECOND,
            "REMOTE",
            2,
        ),
    ];
    (
        merged(fire),
        merged([update(
            admission().port(43_072),
            engine(),
            START_NS,
            "ADTSYS",
            1,
        )]),
    )
}

/// The answer to a query: one invented patient.
fn found(asked: &Head, n: u32) -> Vec<u8> {
    let mut reply = asked.clone();
    std::mem::swap(&mut reply.from, &mut reply.to);
    reply.kind = "RSP^K22^RSP_K21".to_owned();
    reply.control_id = format!("R{}", asked.control_id);
    let segments = [
        format!("MSA|AA|{}", asked.control_id),
        format!("QAK|Q{n:04}|OK"),
        format!("QPD|Q22^Find Candidates^HL70471|Q{n:04}|@PID.5.1^S*"),
        patient(n),
    ];
    mllp(&message(&reply, &segments))
}

fn patient_queries() -> (Capture, Capture) {
    let ask = |client: Host, from: &str, count: u32, apart: u64| {
        let mut link = Link::open(START_NS, client.port(43_080), engine());
        for n in 0..count {
            let head = head(from, "QBP^Q22^QBP_Q21", n);
            let question = body::patient_query(&format!("Q{n:04}"), "S*");
            link = link
                .mute(&head, &question)
                .reply(&found(&head, n))
                .wait(apart);
        }
        link.closed()
    };
    (
        merged([ask(intruder(), "QUERYAPP", 40, 5 * SECOND)]),
        merged([ask(admission(), "ADTSYS", 3, 60 * SECOND)]),
    )
}

fn corrections() -> (Capture, Capture) {
    let send = |status: fn(u32) -> &'static str| {
        let mut link = Link::open(START_NS, laboratory().port(43_090), engine());
        for n in 0..16 {
            let segments = body::result(n, "4.4", status(n));
            link = link
                .say(&head("LABSYS", ORU, n), &segments, "AA")
                .wait(10 * SECOND);
        }
        link.closed()
    };
    let bad = send(|n| ["C", "W", "D"][n as usize % 3]);
    let good = send(|n| if n == 9 { "C" } else { "F" });
    (merged([bad]), merged([good]))
}
