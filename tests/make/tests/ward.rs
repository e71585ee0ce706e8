//! The recorded captures: tshark sees what the peers said they did.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

fn ward(file: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../pcaps/ward")
        .join(file)
}

/// What the peers noted, by message.
fn noted(name: &str, part: &str) -> BTreeMap<String, u64> {
    let text = std::fs::read_to_string(ward(&format!("{name}.peers.json"))).expect("notes exist");
    let notes: Value = serde_json::from_str(&text).expect("notes are JSON");
    let totals = notes["totals"][part]
        .as_object()
        .expect("notes have totals");
    totals
        .iter()
        .map(|(key, count)| (key.clone(), count.as_u64().unwrap_or(0)))
        .collect()
}

/// Runs tshark; `None` where it is absent.
fn tshark(name: &str, arguments: &[&str]) -> Option<String> {
    let decode = ["-d", "tcp.port==104,dicom", "-d", "tcp.port==11112,dicom"];
    let hl7 = ["-d", "tcp.port==2575,hl7", "-d", "tcp.port==3000-3002,hl7"];
    let mut command = Command::new("tshark");
    command
        .arg("-r")
        .arg(ward(&format!("{name}.pcap")))
        .args(decode)
        .args(hl7)
        .args(arguments);
    let Ok(output) = command.output() else {
        println!("skipped: tshark is not installed");
        return None;
    };
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn dimse_messages() {
    for name in ["imaging", "attack"] {
        let Some(text) = tshark(name, &["-Y", "dicom", "-O", "dicom"]) else {
            return;
        };
        let mut seen: BTreeMap<String, u64> = BTreeMap::new();
        for line in text.lines().filter(|line| line.contains(" Command Field ")) {
            let command = line.split_whitespace().last().unwrap_or_default();
            *seen.entry(command.to_owned()).or_default() += 1;
        }
        assert_eq!(seen, noted(name, "dimse"), "{name}");
    }
}

#[test]
fn hl7_messages() {
    for name in ["hl7-pumps", "attack"] {
        let fields = [
            "-Y",
            "hl7",
            "-T",
            "fields",
            "-e",
            "hl7.message.type",
            "-e",
            "hl7.event.type",
        ];
        let Some(text) = tshark(name, &fields) else {
            return;
        };
        let mut seen: BTreeMap<String, u64> = BTreeMap::new();
        for line in text.lines().filter(|line| !line.starts_with("ACK")) {
            *seen.entry(line.replace('\t', "^")).or_default() += 1;
        }
        assert_eq!(seen, noted(name, "hl7"), "{name}");
    }
}
