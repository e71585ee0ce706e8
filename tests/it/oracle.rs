//! tshark as the oracle: the same PDUs, DIMSE commands and HL7 messages, counted.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::support;

type Counts = BTreeMap<String, usize>;

/// Captures in which tshark and we rightly differ, by the end of their path, with the reason.
const DIFFER: &[(&str, &str)] = &[
    (
        "rules/dicom-nondicom-on-port/fire.pcap",
        "a flow that begins as HTTP or SSH stays that, whatever the server answers",
    ),
    (
        "rules/dicom-pdu-malformed/fire.pcap",
        "tshark counts an A-ASSOCIATE-RQ of 4 GiB and an A-RELEASE-RQ of 16 bytes as PDUs, and \
         what answers PDU type 9",
    ),
    (
        "rules/hl7-framing-errors/fire.pcap",
        "a start block inside a message begins the next one; tshark goes on to the end block",
    ),
    (
        "rules/hl7-segment-injection/quiet.pcap",
        "tshark takes the messages of a batch (FHS, BHS) for none",
    ),
    ("MPA__all_alerts.pcap", NO_FRAMING),
    ("MPA__data_exfiltration.pcap", NO_FRAMING),
    ("MPA__replay_attack.pcap", NO_FRAMING),
    ("MPA__unencrypted_hl7.pcap", NO_FRAMING),
];
const NO_FRAMING: &str = "messages without MLLP, in the SYN: tshark reads none";

fn captures() -> Vec<PathBuf> {
    let mut all = support::captures_below(&support::root().join("pcaps"));
    if let Some(dir) = support::captures() {
        for folder in ["dicom", "hl7", "pump", "protocol-samples", "hospital-lan"] {
            all.extend(support::captures_below(&dir.join(folder)));
        }
    }
    all.retain(|path| {
        let path = path.to_string_lossy();
        DIFFER.iter().all(|(end, _)| !path.ends_with(end))
    });
    all
}

/// Compares every capture, two at a time, and tells all that differ.
fn compare(both: impl Fn(&Path) -> (Counts, Counts) + Sync) {
    if !support::has("tshark") {
        return;
    }
    let captures = captures();
    let half = |odd: usize| {
        let mine = captures.iter().skip(odd).step_by(2);
        let (mut compared, mut differ) = (0, Vec::new());
        for capture in mine {
            let (ours, theirs) = both(capture);
            compared += usize::from(!ours.is_empty());
            if ours != theirs {
                let path = capture.display();
                differ.push(format!("{path}\n  we {ours:?}\n  tshark {theirs:?}"));
            }
        }
        (compared, differ)
    };
    let (even, odd) = std::thread::scope(|scope| {
        let odd = scope.spawn(|| half(1));
        (half(0), odd.join().expect("no panic"))
    });
    let differ = [even.1, odd.1].concat();
    assert!(differ.is_empty(), "{}", differ.join("\n"));
    let compared = even.0 + odd.0;
    assert!(compared >= 10, "only {compared} captures had any");
}

#[test]
fn dicom_pdus_and_commands_are_those_of_tshark() {
    compare(|capture| (our_dicom(capture), tshark_dicom(capture)));
}

#[test]
fn hl7_messages_are_those_of_tshark() {
    compare(|capture| {
        let events = support::inspect(&[capture], &[]).of_type("hl7");
        (our_hl7(&events), tshark_hl7(capture, &events))
    });
}

fn our_dicom(capture: &Path) -> Counts {
    let mut counts = Counts::new();
    for event in support::inspect(&[capture], &[]).of_type("dicom") {
        let dicom = &event["dicom"];
        let what = match dicom["kind"].as_str() {
            Some("dimse") => dicom["command"].as_str().unwrap_or("?"),
            Some(pdu) => pdu,
            None => "?",
        };
        *counts.entry(what.to_owned()).or_default() += 1;
    }
    counts
}

/// Reads tshark's text: one line for each PDU's type and one for each command field.
fn tshark_dicom(capture: &Path) -> Counts {
    let mut counts = Counts::new();
    let args = [
        "--enable-heuristic",
        "dicom_tcp",
        "-O",
        "dicom",
        "-Y",
        "dicom",
    ];
    for line in tshark(capture, &args).lines() {
        let what = if line.contains("Command Field") && line.contains("(0000,0100)") {
            line.split_whitespace().last().unwrap_or_default()
        } else {
            match line
                .trim()
                .strip_prefix("PDU Type: ")
                .and_then(|l| l.rsplit('(').next())
            {
                Some("0x01)") => "associate_rq",
                Some("0x02)") => "associate_ac",
                Some("0x03)") => "associate_rj",
                Some("0x05)") => "release_rq",
                Some("0x06)") => "release_rp",
                Some("0x07)") => "abort",
                _ => continue,
            }
        };
        *counts.entry(what.to_owned()).or_default() += 1;
    }
    counts
}

fn our_hl7(events: &[Value]) -> Counts {
    let mut counts = Counts::new();
    for event in events {
        let hl7 = &event["hl7"];
        *counts
            .entry(hl7["message_type"].as_str().unwrap_or("?").to_owned())
            .or_default() += 1;
    }
    counts
}

/// tshark finds HL7 by port or in its first packet; it is told the ports on which we found some.
fn tshark_hl7(capture: &Path, events: &[Value]) -> Counts {
    let ports: BTreeSet<u64> = events
        .iter()
        .filter_map(|e| {
            let key = if e["direction"] == "to_server" {
                "dest_port"
            } else {
                "src_port"
            };
            e[key].as_u64()
        })
        .collect();
    let mut args = vec!["--enable-heuristic".to_owned(), "hl7_tcp".to_owned()];
    for port in ports {
        args.extend(["-d".to_owned(), format!("tcp.port=={port},hl7")]);
    }
    args.extend(["-O", "hl7", "-Y", "hl7"].map(str::to_owned));
    let args: Vec<_> = args.iter().map(String::as_str).collect();
    let mut counts = Counts::new();
    let mut in_header = false;
    for line in tshark(capture, &args).lines() {
        let line = line.trim_start();
        if let Some(number) = line.strip_prefix("field ") {
            if let (true, Some(msh9)) = (in_header, number.strip_prefix("9: ")) {
                let name = msh9.split('^').next().unwrap_or_default();
                *counts.entry(name.to_owned()).or_default() += 1;
            }
        } else {
            in_header = line.starts_with("MSH (");
        }
    }
    counts
}

fn tshark(capture: &Path, args: &[&str]) -> String {
    let output = Command::new("tshark")
        .arg("-r")
        .arg(capture)
        .args(args)
        .output()
        .expect("tshark");
    String::from_utf8_lossy(&output.stdout).into_owned()
}
