//! Large captures for benchmarks: many HL7 feeds at once.

use std::fs::File;
use std::io::{self, BufWriter};
use std::path::Path;

use crate::capture::{Frame, MILLISECOND, START_NS, Stream};
use crate::conversation::Conversation;
use crate::frame::host;
use crate::hl7::{Head, ack, body, message, mllp, pump};

/// Feeds that send in turn, each on one connection that stays open.
const FEEDS: u16 = 32;
/// Time between the messages of two feeds.
const APART_NS: u64 = MILLISECOND;
/// Every so many messages there is one with a document in it.
const DOCUMENT_EVERY: u32 = 150;

/// Writes about `bytes` of HL7 messages of varied kinds and sizes, each with its ACK.
pub fn hl7(file: &Path, bytes: u64) -> io::Result<()> {
    let mut out = Stream::new(BufWriter::new(File::create(file)?))?;
    let mut feeds: Vec<Conversation> = (0..FEEDS).map(feed).collect();
    let (mut number, mut held) = (0_u32, Vec::<Frame>::new());
    while out.written < bytes {
        for tcp in &mut feeds {
            let (head, segments) = varied(number);
            tcp.wait_until(START_NS + u64::from(number) * APART_NS);
            tcp.client(&mllp(&message(&head, &segments)))
                .server(&mllp(&ack(&head, "AA")));
            held.extend(tcp.take());
            number += 1;
        }
        // What is later than the next message has to wait for it.
        held.sort_by_key(|frame| frame.time_ns);
        let next = START_NS + u64::from(number) * APART_NS;
        let later = held.split_off(held.partition_point(|frame| frame.time_ns < next));
        held.iter().try_for_each(|frame| out.push(frame))?;
        held = later;
    }
    for tcp in &mut feeds {
        tcp.wait_until(START_NS + u64::from(number) * APART_NS)
            .close();
        held.extend(tcp.take());
    }
    held.sort_by_key(|frame| frame.time_ns);
    held.iter().try_for_each(|frame| out.push(frame))?;
    out.finish()
}

fn feed(n: u16) -> Conversation {
    let client = host(&format!("10.20.3.{}", 20 + n)).port(50_000 + n);
    let mut tcp = Conversation::new(client, host("10.20.3.10").port(2575)).gap_ns(20_000);
    tcp.open();
    tcp
}

/// Message `n`: admissions, results of one to forty observations, orders, pump reports, documents.
fn varied(n: u32) -> (Head, Vec<String>) {
    let control = format!("B{n:09}");
    let head =
        |from: &str, kind: &str| Head::new((from, "VWTEST"), ("ENGINE", "VWTEST"), kind, &control);
    // Any fixed scramble does; it must not follow the feeds.
    let chance = n.wrapping_mul(2_654_435_761) >> 16;
    if n % DOCUMENT_EVERY == DOCUMENT_EVERY - 1 {
        return (head("LABSYS", "MDM^T02^MDM_T02"), document(n, chance));
    }
    match chance % 10 {
        0..=2 => (head("ADTSYS", "ADT^A08^ADT_A01"), body::adt("A08", n)),
        3..=5 => (
            head("LABSYS", "ORU^R01^ORU_R01"),
            panel(n, 1 + chance / 10 % 40),
        ),
        6 => (head("CPOE", "ORM^O01^ORM_O01"), body::order(n)),
        7 => (head("CPOE", "RDE^O11^RDE_O11"), body::medication(n, "10")),
        _ => (pump::report_head(&control), report(n)),
    }
}

/// A result with several observations.
fn panel(n: u32, count: u32) -> Vec<String> {
    let mut out = body::result(n, "4.1", "F");
    for set in 2..=count {
        let value = (n + set) % 90 + 10;
        out.push(format!(
            "OBX|{set}|NM|{set:05}-1^Synthetic analyte {set}^LN||{value}|mmol/L|10-99||||F"
        ));
    }
    out
}

/// A document of 4 to 64 KB.
fn document(n: u32, chance: u32) -> Vec<String> {
    let blocks = 256 + chance as usize % 3840;
    let text = "JVBERi0xLjQK".to_owned() + &"QUJDREVGR0hJSktM".repeat(blocks);
    let mut out = body::adt("T02", n);
    out.push(format!("TXA|1|CN|AP|||||||||DOC{n:09}"));
    out.push(format!(
        "OBX|1|ED|PDF^Report^L||LABSYS^application^pdf^Base64^{text}||||||F"
    ));
    out
}

fn report(n: u32) -> Vec<String> {
    let rate = format!("{}.{}", n % 200 + 1, n % 10);
    let state = pump::State {
        patient: n % 500,
        pump: n % 500,
        status: "pump-status-infusing",
        delivery: "pump-delivery-status-delivering",
        rate: &rate,
        volume: ("250", "180"),
        drug: "Dopamine",
    };
    state.report()
}
