//! Bad days: more connections than anybody has, and floods. What was recognised stays.

use std::io::BufWriter;
use std::path::{Path, PathBuf};

use make::capture::{Frame, START_NS, Stream};
use make::frame::{Endpoint, host};
use make::hl7::{Head, Link, body};
use serde_json::Value;

use crate::mutate::Dice;
use crate::support;

const SYN: u8 = 0x02;
const SYN_ACK: u8 = 0x12;

/// A TCP segment without payload, between addresses of four bytes: faster to make by the million
/// than by the builder of one.
fn bare(from: ([u8; 4], u16), to: ([u8; 4], u16), [seq, ack]: [u32; 2], flags: u8) -> Vec<u8> {
    let mut frame = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0];
    frame.extend([0x45, 0, 0, 40, 0, 0, 0x40, 0, 64, 6, 0, 0]);
    frame.extend(from.0);
    frame.extend(to.0);
    frame.extend(from.1.to_be_bytes());
    frame.extend(to.1.to_be_bytes());
    frame.extend(seq.to_be_bytes());
    frame.extend(ack.to_be_bytes());
    frame.extend([0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
    frame
}

fn capture(path: &Path, frames: impl IntoIterator<Item = Frame>) -> PathBuf {
    let file = std::fs::File::create(path).expect("a capture to write");
    let mut stream = Stream::new(BufWriter::new(file)).expect("header");
    for frame in frames {
        stream.push(&frame).expect("written");
    }
    stream.finish().expect("flushed");
    path.to_path_buf()
}

fn config(dir: &Path, text: &str) -> String {
    let path = dir.join("vitalwire.yaml");
    std::fs::write(&path, text).expect("written");
    path.to_str().expect("UTF-8").to_owned()
}

fn stats(run: &support::Run) -> Value {
    run.of_type("stats").pop().expect("a stats line")["stats"].clone()
}

#[test]
fn a_million_connections_fit_512_mib() {
    const CONNECTIONS: u32 = 1_000_000;
    let dir = tempfile::TempDir::new().expect("temporary folder");
    let frames = (0..CONNECTIONS).flat_map(|n| {
        let [_, a, b, c] = n.to_be_bytes();
        let (client, server) = (([10, a, b, c], 40_000), ([172, 16, 0, 1], 9000));
        let time = START_NS + u64::from(n) * 2000;
        [
            Frame::new(time, bare(client, server, [n, 0], SYN)),
            Frame::new(time + 1000, bare(server, client, [!n, n + 1], SYN_ACK)),
        ]
    });
    let path = capture(&dir.path().join("million.pcap"), frames);
    let config = config(dir.path(), "limits:\n  memory: 512MiB\n");
    let run = support::inspect(&[path], &["--config", &config, "--workers", "1"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let stats = stats(&run);
    assert_eq!(stats["flow"]["opened_flows"], CONNECTIONS);
    assert_eq!(stats["flow"]["evicted_flows"], 0);
    let mib = run.peak_kib / 1024;
    eprintln!("a million connections: {mib} MiB at most");
    assert!(mib < 512, "{mib} MiB");
}

#[test]
fn a_flood_of_opens_costs_no_medical_session_its_state() {
    let dir = tempfile::TempDir::new().expect("temporary folder");
    let at = |ip: &str, port| -> Endpoint { host(ip).port(port) };
    let say = |link: Link, id: &str| {
        let head = Head::new(("ADT", "H"), ("LAB", "H"), "ADT^A01", id);
        link.say(&head, &body::adt("A01", 7), "AA")
    };
    let link = Link::open(START_NS, at("10.1.0.1", 50_000), at("10.1.0.2", 2575));
    let link = say(say(link, "BEFORE").wait(2_000_000_000), "AFTER");
    let frames = link.closed();
    let quiet = frames
        .iter()
        .position(|frame| frame.time_ns > START_NS + 1_500_000_000)
        .expect("a message after the pause");
    let mut dice = Dice::new(1);
    // A million a second, for a third of a second, from and to anywhere.
    let flood: Vec<Frame> = (0..300_000_u64)
        .map(|n| {
            let [from, to] = [dice.next(), dice.next()].map(|random| {
                let [a, b, c, d, e, f, ..] = random.to_le_bytes();
                ([a, b, c, d], u16::from_le_bytes([e, f]))
            });
            let time = START_NS + 500_000_000 + n * 1000;
            Frame::new(time, bare(from, to, [1, 0], SYN))
        })
        .collect();
    let path = |name: &str| dir.path().join(name);
    let before = capture(&path("1.pcap"), frames[..quiet].to_vec());
    let flood = capture(&path("2.pcap"), flood);
    let after = capture(&path("3.pcap"), frames[quiet..].to_vec());
    let config = config(dir.path(), "limits:\n  memory: 64MiB\n");
    // One site key for both: pseudonyms are part of the messages.
    let state = path("state");
    let state = state.to_str().expect("UTF-8");
    let args = ["--config", &config, "--workers", "1", "--state", state];
    let calm = support::inspect(&[&before, &after], &args);
    let flooded = support::inspect(&[&before, &flood, &after], &args);
    let messages = |run: &support::Run| -> Vec<Value> {
        let messages = run.of_type("hl7").into_iter();
        messages.map(|mut event| event["hl7"].take()).collect()
    };
    assert_eq!(messages(&calm).len(), 4, "two messages and their answers");
    assert_eq!(messages(&flooded), messages(&calm));
    let stats = stats(&flooded);
    let flow = &stats["flow"];
    assert!(flow["evicted_flows"].as_u64() > Some(100_000), "{flow}");
    assert_eq!(flow["evicted_medical_flows"], 0);
    assert_eq!(flow["dropped_packets"]["table_full"], 0);
}
