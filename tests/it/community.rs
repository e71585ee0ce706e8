//! Community IDs of every protocol that they know, as the specification's own library makes them.

use std::collections::BTreeMap;
use std::process::Command;

use make::capture::{Capture, Frame, START_NS};
use make::frame::{Host, host, ip_frame, ip_packet};
use serde_json::{Value, json};

use crate::mutate::Dice;
use crate::support;

const ICMP: u8 = 1;
const ICMPV6: u8 = 58;
const SCTP: u8 = 132;

/// Reads cases, prints an id for each.
const PEER: &str = "
import json, sys, communityid
from communityid import FlowTuple
make = communityid.CommunityID()
def of(src, dest, proto, a, b):
    if proto in (1, 58):
        kind = FlowTuple.make_icmp if proto == 1 else FlowTuple.make_icmp6
        return kind(src, dest, a, b)
    if proto in (6, 17, 132):
        return FlowTuple(proto, src, dest, a, b)
    return FlowTuple(proto, src, dest)
print(json.dumps([make.calc(of(*case)) for case in json.load(sys.stdin)]))
";

/// Sender, receiver, protocol, and what it says of ports, or of type and code.
type Case = (String, String, u8, u16, u16);

fn cases() -> Vec<Case> {
    let mut dice = Dice::new(7);
    let mut cases = Vec::new();
    let mut add = |proto, a, b| {
        // Pairs that occur once, in either order.
        let n = cases.len();
        let [high, low] = u16::try_from(n).expect("few").to_be_bytes();
        let v6 = proto == ICMPV6 || (proto != ICMP && n % 3 == 0);
        let (one, other) = if v6 {
            (
                format!("2001:db8::{high:x}:{low:x}:1"),
                format!("2001:db8::{high:x}:{low:x}:2"),
            )
        } else {
            (format!("10.{high}.{low}.1"), format!("10.{high}.{low}.2"))
        };
        let (src, dest) = if dice.next().is_multiple_of(2) {
            (one, other)
        } else {
            (other, one)
        };
        cases.push((src, dest, proto, a, b));
    };
    for ty in 0..=255 {
        for code in [0, 3, ty % 16] {
            add(ICMP, ty, code);
            add(ICMPV6, ty, code);
        }
    }
    for n in 0..100 {
        for proto in [6, 17, SCTP] {
            add(proto, 1024 + n * 7, 2905);
            add(proto, 2905, 1024 + n * 7);
        }
        add(47 + 4, n, 0); // AH is looked into: no header there is no flow
        add(89, n, 0);
    }
    cases
}

fn payload((_, _, proto, a, b): &Case) -> Vec<u8> {
    let mut bytes = vec![0; 40];
    match *proto {
        ICMP | ICMPV6 => {
            bytes[0] = u8::try_from(*a).expect("a type");
            bytes[1] = u8::try_from(*b).expect("a code");
        }
        _ => {
            bytes[..2].copy_from_slice(&a.to_be_bytes());
            bytes[2..4].copy_from_slice(&b.to_be_bytes());
        }
    }
    match proto {
        6 => bytes[12..14].copy_from_slice(&[0x50, 2]),
        17 => bytes[4..6].copy_from_slice(&40_u16.to_be_bytes()),
        _ => {}
    }
    bytes
}

#[test]
fn community_ids_are_those_of_the_library_of_the_specification() {
    let Ok(python) = make::lab::python() else {
        eprintln!("skipped: the Python peers cannot be installed");
        return;
    };
    let cases: Vec<Case> = cases().into_iter().filter(|case| case.2 != 51).collect();
    let mut capture = Capture::new();
    for (n, case) in (0..).zip(&cases) {
        let ends: [Host; 2] = [host(&case.0), host(&case.1)];
        let packet = ip_packet(ends[0], ends[1], case.2, &payload(case));
        let frame = ip_frame(ends[0], ends[1], &[], &packet);
        capture.add([Frame::new(START_NS + n * 1_000_000, frame)]);
    }
    let dir = tempfile::TempDir::new().expect("temporary folder");
    let file = dir.path().join("all.pcap");
    capture.write(&file).expect("written");
    let config = dir.path().join("c.yaml");
    std::fs::write(&config, "flow: {records: all}\n").expect("written");
    let config = config.to_str().expect("UTF-8");
    let run = support::inspect(&[&file], &["--config", config]);
    let ours: BTreeMap<(String, String), Value> = run
        .of_type("flow")
        .into_iter()
        .map(|flow| {
            let text = |key: &str| flow[key].as_str().expect("an address").to_owned();
            (
                (text("src_ip"), text("dest_ip")),
                flow["community_id"].clone(),
            )
        })
        .collect();
    let mut peer = Command::new(python)
        .args(["-c", PEER])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("python3");
    let asked = peer.stdin.take().expect("a pipe");
    serde_json::to_writer(asked, &json!(cases)).expect("asked");
    let said = peer.wait_with_output().expect("answered");
    assert!(said.status.success());
    let theirs: Vec<String> = serde_json::from_slice(&said.stdout).expect("JSON");
    assert_eq!(theirs.len(), cases.len());
    for (case, expected) in cases.iter().zip(theirs) {
        let normal = |ip: &str| {
            ip.parse::<std::net::IpAddr>()
                .expect("an address")
                .to_string()
        };
        let (src, dest) = (normal(&case.0), normal(&case.1));
        let either = [(src.clone(), dest.clone()), (dest, src)];
        let id = either.iter().find_map(|pair| ours.get(pair));
        assert_eq!(id, Some(&json!(expected)), "{case:?}");
    }
}
