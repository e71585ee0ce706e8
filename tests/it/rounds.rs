//! Captures that are read again and again: each round's alerts are new ones where its stamps are moved.

use std::collections::BTreeSet;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{root, vitalwire};

/// How long rounds may take to come.
const PATIENCE: Duration = Duration::from_secs(60);

/// The alerts of several rounds.
fn alerts(round: &str, enough: impl Fn(&[Value]) -> bool) -> Vec<Value> {
    let dir = TempDir::new().expect("temporary folder");
    let eve = dir.path().join("eve.json");
    let config = dir.path().join("vitalwire.yaml");
    let text = format!(
        "capture: {{files: [{}], loop: true{round}}}\nstate_dir: {}\noutputs: {{eve: {{path: {}}}}}\n\
         http: {{enabled: false}}\napi: {{enabled: false}}\nworkers: 1\n",
        root()
            .join("pcaps/rules/dicom-ae-brute/fire.pcap")
            .display(),
        dir.path().join("state").display(),
        eve.display()
    );
    std::fs::write(&config, text).expect("written");
    let mut command = Command::new(vitalwire());
    command.args(["run", "--config"]).arg(&config);
    let quiet = command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut appliance = quiet.spawn().expect("it starts");
    let since = Instant::now();
    let found = loop {
        let text = std::fs::read_to_string(&eve).unwrap_or_default();
        let lines = text
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok());
        let all: Vec<Value> = lines
            .filter(|line: &Value| line["event_type"] == "alert")
            .collect();
        if enough(&all) || since.elapsed() > PATIENCE {
            break all;
        }
        std::thread::sleep(Duration::from_millis(100));
    };
    appliance.kill().expect("killed");
    appliance.wait().expect("it ends");
    found
}

fn ids(alerts: &[Value]) -> BTreeSet<String> {
    let of = |alert: &Value| alert["vitalwire"]["alert_id"].to_string();
    let brute = alerts
        .iter()
        .filter(|a| a["vitalwire"]["slug"] == "dicom-ae-brute");
    brute.map(of).collect()
}

#[test]
fn each_round_tells_new_alerts_where_stamps_are_moved_to_now() {
    let begun = today();
    let found = alerts(", round: 1s", |all| ids(all).len() >= 3);
    assert!(ids(&found).len() >= 3, "{found:?}");
    let last = found.last().expect("an alert")["timestamp"].to_string();
    // A capture ends as its round begins, so the stamps are of the last minutes.
    assert_eq!(&last[1..11], &begun[..10], "{last}");
}

#[test]
fn without_a_length_of_rounds_each_tells_the_same() {
    let three_rounds = |all: &[Value]| {
        let brute = all
            .iter()
            .filter(|a| a["vitalwire"]["slug"] == "dicom-ae-brute");
        brute.count() >= 3
    };
    assert_eq!(ids(&alerts("", three_rounds)).len(), 1);
}

/// Today, as events write it.
fn today() -> String {
    let date = Command::new("date")
        .args(["-u", "+%Y-%m-%dT%H:%M:%S"])
        .output();
    String::from_utf8(date.expect("date").stdout).expect("UTF-8")
}
