//! The rules for Wazuh: each event gets the level that its severity wants.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::lines;
use crate::support;

/// What Wazuh makes of lines; nothing without Python.
fn judged(rules: &Path, lines: &[Value]) -> Option<Vec<Value>> {
    let python = make::lab::python().ok()?;
    let mut child = Command::new(python)
        .arg(make::lab::peers_folder().join("wazuh.py"))
        .arg(rules)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python starts");
    let mut input = child.stdin.take().expect("piped");
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let writer = std::thread::spawn(move || input.write_all(text.as_bytes()));
    let output = child.wait_with_output().expect("ends");
    drop(writer.join().expect("no panic"));
    assert!(output.status.success(), "the rules cannot be loaded");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let answers = said
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"));
    Some(answers.collect())
}

/// The level that the README promises.
fn wanted(line: &Value) -> u64 {
    let text = |pointer: &str| {
        line.pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    match text("/event_type") {
        "alert" => match (
            text("/vitalwire/clinical_impact"),
            text("/vitalwire/severity"),
        ) {
            ("likely" | "direct", _) => 15,
            (_, "critical") => 14,
            (_, "high") => 12,
            (_, "medium") => 8,
            (_, "low") => 5,
            _ => 3,
        },
        "incident" if text("/incident/action") == "create" && text("/incident/tier") == "page" => {
            10
        }
        "finding" if text("/finding/state") == "open" => match text("/finding/severity") {
            "high" | "critical" => 12,
            _ => 7,
        },
        "heartbeat" if line["heartbeat"]["ready"] == false => 12,
        "incident" | "finding" | "audit" => 3,
        _ => 0,
    }
}

fn recipe(file: &str) -> std::path::PathBuf {
    support::root().join("deploy/siem/wazuh").join(file)
}

#[test]
fn each_event_has_the_level_of_its_severity() {
    let mut lines = lines();
    // Every severity with every impact, whatever the captures hold.
    let alert = lines.iter().find(|line| line["event_type"] == "alert");
    let alert = alert.expect("an alert").clone();
    for severity in ["info", "low", "medium", "high", "critical"] {
        for impact in ["none", "possible", "likely", "direct"] {
            let mut line = alert.clone();
            line["vitalwire"]["severity"] = severity.into();
            line["vitalwire"]["clinical_impact"] = impact.into();
            lines.push(line);
        }
    }
    let Some(answers) = judged(&recipe("vitalwire_rules.xml"), &lines) else {
        eprintln!("skipped: no Python environment");
        return;
    };
    assert_eq!(answers.len(), lines.len());
    for (line, answer) in lines.iter().zip(&answers) {
        assert_eq!(answer["level"], wanted(line), "{answer}: {line}");
        let closed = line["finding"]["state"] == "closed";
        assert!(closed || answer["missing"] == json!([]), "{answer}: {line}");
    }
    let high = |answer: &&Value| answer["level"].as_u64() >= Some(12);
    assert!(answers.iter().filter(high).count() > 10);
}

#[test]
fn the_samples_are_told_apart() {
    let text = std::fs::read_to_string(recipe("samples.json")).expect("samples");
    let samples: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let Some(answers) = judged(&recipe("vitalwire_rules.xml"), &samples) else {
        return;
    };
    for (sample, answer) in samples.iter().zip(&answers) {
        assert_eq!(answer["level"], wanted(sample), "{answer}: {sample}");
    }
    let mut levels: Vec<u64> = answers.iter().filter_map(|a| a["level"].as_u64()).collect();
    levels.sort_unstable();
    levels.dedup();
    assert_eq!(levels, [0, 3, 5, 7, 8, 10, 12, 14, 15]);
}
