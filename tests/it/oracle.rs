//! tshark as the oracle: the same PDUs, DIMSE commands and HL7 messages, counted.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::support;

type Counts = BTreeMap<String, usize>;

/// Captures in which tshark and we rightly differ, with the reason. By file name.
const DIFFER: &[(&str, &str)] = &[];

fn captures() -> Vec<PathBuf> {
    let mut all = support::captures_below(&support::root().join("pcaps"));
    if let Some(dir) = support::captures() {
        for folder in ["dicom", "hl7", "pump", "protocol-samples", "hospital-lan"] {
            all.extend(support::captures_below(&dir.join(folder)));
        }
    }
    all.retain(|path| {
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        DIFFER.iter().all(|(differs, _)| *differs != name)
    });
    all
}

#[test]
fn dicom_pdus_and_commands_are_those_of_tshark() {
    if !support::has("tshark") {
        return;
    }
    let mut compared = 0;
    for capture in captures() {
        let ours = our_dicom(&capture);
        let theirs = tshark_dicom(&capture);
        assert_eq!(ours, theirs, "{}", capture.display());
        compared += usize::from(!ours.is_empty());
    }
    assert!(compared >= 10, "only {compared} captures had DICOM");
}

#[test]
fn hl7_messages_are_those_of_tshark() {
    if !support::has("tshark") {
        return;
    }
    let mut compared = 0;
    for capture in captures() {
        let events = support::inspect(&[&capture], &[]).of_type("hl7");
        let ours = our_hl7(&events);
        let theirs = tshark_hl7(&capture, &events);
        assert_eq!(ours, theirs, "{}", capture.display());
        compared += usize::from(!ours.is_empty());
    }
    assert!(compared >= 10, "only {compared} captures had HL7");
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
