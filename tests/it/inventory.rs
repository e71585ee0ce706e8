//! Devices: learnt from captures, named by the hospital's list, kept across restarts, shown.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{self, Run};

fn pcap(name: &str) -> PathBuf {
    support::root().join("pcaps").join(name)
}

fn ward() -> Vec<PathBuf> {
    support::captures_below(&pcap("ward"))
}

/// A configuration that imports this list.
fn config(dir: &Path, list: &str, more: &str) -> String {
    let file = dir.join("devices.csv");
    std::fs::write(&file, list).expect("written");
    let config = dir.join("vitalwire.yaml");
    let text = format!(
        "inventory:\n  import: {}\n  contact: {{ name: clinical engineering, phone: \"4711\" }}\n\
         state_dir: {}\n{more}",
        file.display(),
        dir.join("state").display()
    );
    std::fs::write(&config, text).expect("written");
    config.to_str().expect("UTF-8").to_owned()
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

fn alerts<'r>(alerts: &'r [Value], rule: &str) -> Vec<&'r Value> {
    let of = |alert: &&Value| alert["vitalwire"]["slug"] == rule;
    alerts.iter().filter(of).collect()
}

const PUMPS: &str = "name;role;owner;phone;unit;life support;ip\n\
    Gateway ICU;pump server;biomed;4711;ICU;no;10.20.4.10\n\
    Pump 11;pump;biomed;4711;ICU;yes;10.20.5.11\n";

#[test]
fn a_list_arms_the_rules_that_its_roles_feed() {
    let dir = TempDir::new().expect("temporary folder");
    let rule = "net-unsolicited-to-pump";
    let capture = pcap("rules/pump-unsolicited-inbound/fire.pcap");
    let before = support::inspect(&[&capture], &[]);
    assert!(
        before.stdout.contains("sets.pump_servers"),
        "{}",
        before.stdout
    );
    assert!(alerts(&before.of_type("alert"), rule).is_empty());

    let pumps: String = (1..=254)
        .map(|n| format!("Pump {n};pump;biomed;4711;ICU;yes;10.20.5.{n}\n"))
        .collect();
    let list = format!(
        "name;role;owner;phone;unit;life support;ip\nGateway ICU;pump server;biomed;4711;ICU;no;10.20.4.10\n{pumps}"
    );
    let config = config(dir.path(), &list, "");
    let after = support::inspect(&[&capture], &["--config", &config]);
    assert!(
        !after.stdout.contains("sets.pump_servers"),
        "{}",
        after.stdout
    );
    let found = after.of_type("alert");
    let found = alerts(&found, rule);
    assert_eq!(found.len(), 1, "{}", after.stdout);
    let ours = &found[0]["vitalwire"];
    assert_eq!(ours["asset"]["dest"]["role"], "pump", "{ours}");
    assert!(
        ours["asset"]["dest"]["name"]
            .as_str()
            .is_some_and(|n| n.starts_with("Pump "))
    );
    assert_eq!(ours["asset"]["dest"]["life_support"], true);
    let explain = ours["explain"].as_str().expect("words");
    let name = ours["asset"]["dest"]["name"].as_str().expect("a name");
    assert!(
        explain.contains(&format!("{name} at 10.20.5.")),
        "{explain}"
    );
    assert_eq!(ours["asset"]["src"]["known"], false);
    assert_eq!(ours["do_not_isolate"], true);
    assert_eq!(ours["contact"]["phone"], "4711");
    let (code, stdout, _) = support::run(&["rules", "list", "--config", &config]);
    assert_eq!(code, Some(0));
    let line = stdout
        .lines()
        .find(|line| line.starts_with(rule))
        .expect("listed");
    assert!(line.contains("active"), "{line}");
}

const ASKS: &str = r#"rules:
  - id: stranger-asks-archive
    sid: 1900001
    title: A device that is in no list asks the archive for patients
    severity: high
    on: dicom
    when: dicom.command == "C-FIND-RQ" and asset.src.known == false and asset.dest.role == "archive"
    explain: "{asset.src.name} asked {asset.dest.name} of {asset.dest.unit}"
  - id: new-device-stores
    sid: 1900002
    title: A device stores that was never seen to
    severity: low
    on: asset
    when: asset.event == "changed" and asset.attribute == "function" and asset.value == "C-STORE SCU"
    explain: "{asset.src.name} stores now"
"#;

const IMAGING: &str = "name,role,unit,mac,ip\n\
    PACS north,archive,radiology,,10.20.2.10\n\
    CT 1,modality,radiology,02-00-0a-14-01-0b,\n\
    Workstation 1,workstation,radiology,,10.20.2.31\n";

fn asks(dir: &Path) -> (String, String) {
    let rules = dir.join("asks.yaml");
    std::fs::write(&rules, ASKS).expect("written");
    (config(dir, IMAGING, ""), text(&rules).to_owned())
}

#[test]
fn rules_ask_who_a_device_is_and_alerts_name_it() {
    let dir = TempDir::new().expect("temporary folder");
    let (config, rules) = asks(dir.path());
    let args = ["--config", &config, "--rules", &rules, "--no-default-rules"];
    let run = support::inspect(&ward(), &args);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let found = run.of_type("alert");
    let asked = alerts(&found, "stranger-asks-archive");
    assert!(!asked.is_empty(), "{}", run.stdout);
    for alert in asked {
        assert_eq!(
            alert["src_ip"], "10.20.9.66",
            "only the intruder is in no list: {alert}"
        );
        let explain = &alert["vitalwire"]["explain"];
        assert_eq!(explain, "10.20.9.66 asked PACS north of radiology");
    }
    let ct = run
        .of_type("asset")
        .into_iter()
        .find(|e| e["asset"]["ip"] == "10.20.1.11");
    let ct = &ct.expect("the CT is told of")["asset"];
    assert_eq!((&ct["name"], &ct["known"]), (&"CT 1".into(), &true.into()));
    assert!(run.stdout.contains("your list"), "{}", run.stdout);
}

#[test]
fn the_same_devices_are_told_by_any_number_of_workers() {
    let dir = TempDir::new().expect("temporary folder");
    let (config, rules) = asks(dir.path());
    let state = dir.path().join("key");
    let read = |workers: &str| {
        let args = ["--config", &config, "--rules", &rules, "--workers", workers];
        let args = [&args[..], &["--state", text(&state)]].concat();
        let run = support::inspect(&ward(), &args);
        let kept = std::fs::read_to_string(state.join("inventory.json")).expect("kept");
        (run.stable(), kept)
    };
    let one = read("1");
    assert!(one.0.contains("\"event_type\":\"asset\""));
    for workers in ["2", "4", "8"] {
        assert!(one == read(workers), "{workers} workers");
    }
}

fn told(run: &Run) -> Vec<String> {
    let events = run.of_type("asset");
    let new = events.iter().filter(|e| e["asset"]["event"] == "new");
    new.map(|e| e["asset"]["id"].to_string()).collect()
}

#[test]
fn what_is_known_outlives_a_restart() {
    let dir = TempDir::new().expect("temporary folder");
    let state = ["--state", text(dir.path())];
    let first = support::inspect(&[pcap("ward/imaging.pcap")], &state);
    assert!(told(&first).len() >= 5, "{:?}", told(&first));
    let again = support::resume(&[pcap("ward/imaging.pcap")], &state);
    assert_eq!(told(&again), Vec::<String>::new(), "nobody is new");
    let other = support::resume(&[pcap("ward/hl7-pumps.pcap")], &state);
    assert!(!told(&other).is_empty());
    let all = assets(dir.path(), "json");
    let all: Value = serde_json::from_str(&all).expect("JSON");
    let all = all.as_array().expect("an array");
    let of = |ip: &str| {
        all.iter()
            .find(|a| a["ip"] == ip)
            .unwrap_or_else(|| panic!("{ip}"))
    };
    assert_eq!(of("10.20.1.11")["facts"]["ae_title"][0]["value"], "CT01");
    assert_eq!(
        of("10.20.1.11")["facts"]["ae_title"][0]["source"],
        "dicom.calling_ae"
    );
    assert_eq!(of("10.20.3.20")["facts"]["application"][0]["value"], "ADT");
    let archive = of("10.20.2.10");
    let peers = archive["peers"].as_array().expect("peers");
    let ct = peers
        .iter()
        .find(|p| p["ip"] == "10.20.1.11")
        .expect("the CT");
    assert_eq!(
        (&ct["app"], &ct["port"], &ct["client"]),
        (&"dicom".into(), &104.into(), &false.into())
    );
    assert!(
        ct["bytes_received"].as_u64() > Some(1000) && ct["messages"].as_u64() > Some(2),
        "{ct}"
    );
}

fn assets(state: &Path, format: &str) -> String {
    let args = ["assets", "--state", text(state), "--format", format];
    let (code, stdout, stderr) = support::run(&args);
    assert_eq!(code, Some(0), "{stderr}");
    stdout
}

#[test]
fn an_export_is_a_list_that_can_be_imported() {
    let dir = TempDir::new().expect("temporary folder");
    support::inspect(&ward(), &["--state", text(dir.path())]);
    let table = assets(dir.path(), "table");
    assert!(
        table.contains("10.20.2.10") && table.contains("PACS"),
        "{table}"
    );
    let exported = assets(dir.path(), "csv");
    let config = config(dir.path(), &exported, "");
    let (code, stdout, stderr) = support::run(&["config", "check", &config]);
    assert_eq!(code, Some(0), "{stderr}");
    assert!(
        stdout.contains("good") && stderr.contains("is not known"),
        "{stdout}{stderr}"
    );
    let empty = TempDir::new().expect("temporary folder");
    let (code, _, stderr) = support::run(&["assets", "--state", text(empty.path())]);
    assert_eq!(code, Some(1));
    assert!(stderr.contains("vitalwire inspect --state DIR"), "{stderr}");
}

#[test]
fn a_list_with_mistakes_is_refused_with_line_and_column() {
    let dir = TempDir::new().expect("temporary folder");
    let config = config(dir.path(), "name,ip\nCT 1,10.20.1.300\n", "");
    let (code, _, stderr) = support::run(&["config", "check", &config]);
    assert_eq!(code, Some(2));
    assert!(
        stderr.contains("devices.csv:2: column `ip`: `10.20.1.300`"),
        "{stderr}"
    );
}

/// The appliance on files that are read again and again.
struct Appliance(Child);

impl Appliance {
    fn start(config: &str) -> Self {
        let mut command = Command::new(support::vitalwire());
        command.args(["run", "--config", config]);
        let quiet = command.stdout(Stdio::null()).stderr(Stdio::null());
        Self(quiet.spawn().expect("started"))
    }

    fn signal(&self, name: &str) {
        let pid = self.0.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &pid]).status();
        assert!(sent.is_ok_and(|status| status.success()));
    }
}

impl Drop for Appliance {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn wait_for(what: &str, mut there: impl FnMut() -> bool) {
    let since = Instant::now();
    while !there() {
        assert!(
            since.elapsed() < Duration::from_secs(60),
            "{what}: it did not come"
        );
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn the_appliance_reads_the_list_again_and_keeps_what_it_knows() {
    let dir = TempDir::new().expect("temporary folder");
    let eve = dir.path().join("eve.json");
    let capture = pcap("rules/dicom-cfind-wildcard-mass/fire.pcap");
    let more = format!(
        "capture:\n  files: [{}]\n  loop: true\nhttp:\n  enabled: false\noutputs:\n  eve:\n    path: {}\n",
        capture.display(),
        eve.display()
    );
    let config = config(dir.path(), PUMPS, &more);
    let mut appliance = Appliance::start(&config);
    let written = || std::fs::read_to_string(&eve).unwrap_or_default();
    wait_for("an alert", || {
        written().contains("dicom-cfind-wildcard-mass")
    });
    assert!(!written().contains("Archive north"));
    let list = "name,role,ip\nArchive north,archive,10.20.2.10\n";
    std::fs::write(dir.path().join("devices.csv"), list).expect("written");
    appliance.signal("HUP");
    wait_for("the new name", || written().contains("Archive north"));
    appliance.signal("TERM");
    wait_for("the end", || {
        appliance.0.try_wait().is_ok_and(|s| s.is_some())
    });
    let kept = assets(&dir.path().join("state"), "table");
    assert!(kept.contains("WS09"), "{kept}");
}
