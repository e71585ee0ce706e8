//! Evidence of a running appliance: on the disk a moment after the alert, and bounded.

use std::path::PathBuf;

use make::lab::{Lab, SPAN, Task};
use serde_json::Value;

use super::appliance::{Appliance, lab, metric};

const SERVER: &str = "import socket
s = socket.create_server(('0.0.0.0', 2575))
while True:
    c, _ = s.accept()
    while c.recv(4096): c.sendall(b'\\x0bMSH|^~\\\\&|E|F|A|F|20260302||ACK^A01|1|P|2.5\\rMSA|AA|1\\r\\x1c\\r')
    c.close()
";

/// One connection with one message.
const CLIENT: &str = "import socket
s = socket.create_connection(('10.20.2.10', 2575), 5)
s.sendall(b'\\x0bMSH|^~\\\\&|ZQX|F|E|F|20260302||ADT^A01|1|P|2.5\\rPID|1||ZQX7\\r\\x1c\\r')
s.recv(4096)
s.close()
";

/// What arms the rule on unknown senders, by which every new sender is an alert.
const ARMED: &str = "workers: 2\nsets:\n  hl7_senders: [10.99.0.1]\n";

fn serve(lab: &Lab) -> Task {
    let server = lab.spawn("pacs", &["python3", "-c", SERVER]);
    lab.wait_listening("pacs", 2575).expect("listens");
    server.expect("started")
}

fn send(lab: &Lab) {
    let sent = lab
        .exec("modality", &["python3", "-c", CLIENT])
        .expect("python3");
    assert!(
        sent.status.success(),
        "{}",
        String::from_utf8_lossy(&sent.stderr)
    );
}

/// Evidence of the rule, whole.
fn manifests(dir: &PathBuf) -> Vec<Value> {
    let Ok(entries) = std::fs::read_dir(dir) else {
        return Vec::new();
    };
    let paths = entries.flatten().map(|entry| entry.path());
    paths
        .filter(|path| path.extension().is_some_and(|end| end == "json"))
        .filter_map(|path| serde_json::from_slice(&std::fs::read(path).ok()?).ok())
        .filter(|manifest: &Value| manifest["rule"]["slug"] == "hl7-unknown-sender")
        .collect()
}

#[test]
fn an_alert_has_its_flow_on_the_disk_while_the_appliance_runs() {
    let Some(lab) = lab("evidence") else { return };
    let mut server = serve(&lab);
    let mut appliance = Appliance::start(&lab, ARMED);
    send(&lab);
    let dir = lab.folder().join("state/evidence");
    appliance.until("evidence", || !manifests(&dir).is_empty());
    let manifest = manifests(&dir).remove(0);
    let frames = &manifest["frames"];
    assert_eq!(frames["complete_from_start"], true, "{manifest:#}");
    assert!(frames["kept"].as_u64() >= Some(4), "{manifest:#}");
    assert_eq!(manifest["clock"]["source"], "sensor", "{manifest:#}");
    let name = manifest["pcapng"]["name"].as_str().expect("a name");
    let pcapng = std::fs::read(dir.join(name)).expect("the file");
    let has = |text: &str| {
        pcapng
            .windows(text.len())
            .any(|part| part == text.as_bytes())
    };
    assert!(has(SPAN), "the interface is named");
    assert!(!has("ZQX"), "no payload");
    let written = || metric(&lab, "vitalwire_evidence_written_alerts_total", "");
    appliance.until("counted", || written().is_some_and(|n| n >= 1.0));
    assert_eq!(
        metric(&lab, "vitalwire_evidence_dropped_alerts_total", ""),
        Some(0.0)
    );
    appliance.stop();
    server.stop("KILL").expect("stopped");
}

/// What an appliance wrote is still there for the next one, which keeps to its own bounds.
#[test]
fn evidence_survives_a_restart_and_the_oldest_goes_first() {
    let Some(lab) = lab("evidence-again") else {
        return;
    };
    let mut server = serve(&lab);
    let dir = lab.folder().join("state/evidence");
    for alerts in [5, 2] {
        let more = format!("{ARMED}evidence: {{alerts: {alerts}}}\n");
        let mut appliance = Appliance::start(&lab, &more);
        let written = || metric(&lab, "vitalwire_evidence_written_alerts_total", "");
        for n in 1..=2 {
            send(&lab);
            appliance.until("evidence", || {
                written().is_some_and(|all| all >= f64::from(n))
            });
        }
        appliance.stop();
    }
    let left = std::fs::read_dir(&dir).expect("evidence").count();
    assert_eq!(left, 4, "two alerts, two files each");
    server.stop("KILL").expect("stopped");
}
