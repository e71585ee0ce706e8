//! `vitalwire run` on a SPAN port, real peers beside it: it sees them, tells it, and sends nothing.

use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use make::lab::{Lab, SENSOR, SPAN, Task};
use serde_json::Value;

use crate::support;

/// Long enough for a sensor to see what a peer did a moment ago, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// An appliance on the SPAN port of a lab.
struct Appliance {
    task: Task,
    eve: PathBuf,
}

fn lab(name: &str) -> Option<Lab> {
    if let Some(missing) = Lab::missing() {
        eprintln!("skipped: {missing}");
        return None;
    }
    let lab = Lab::new(name).expect("a lab");
    for (host, address) in [("modality", "10.20.1.11"), ("pacs", "10.20.2.10")] {
        lab.add_host(host, address).expect("a host");
    }
    Some(lab)
}

impl Appliance {
    fn start(lab: &Lab, more: &str) -> Self {
        let dir = lab.folder();
        let config = dir.join("vitalwire.yaml");
        let eve = dir.join("eve.json");
        let text = format!(
            "capture:\n  interface: {SPAN}\nstate_dir: {}\noutputs:\n  eve:\n    path: {}\n\
             http:\n  listen: 127.0.0.1:9464\nheartbeat_interval: 1s\n{more}",
            dir.join("state").display(),
            eve.display()
        );
        std::fs::write(&config, text).expect("written");
        let binary = support::vitalwire();
        let command = [
            binary.to_str().expect("UTF-8"),
            "run",
            "--config",
            config.to_str().expect("UTF-8"),
        ];
        let task = lab.spawn(SENSOR, &command).expect("started");
        let appliance = Self { task, eve };
        appliance.until("ready", || get(lab, "/readyz").is_some());
        appliance
    }

    /// Waits for something, and shows the log when it does not happen.
    fn until(&self, what: &str, mut happened: impl FnMut() -> bool) {
        let since = Instant::now();
        while !happened() {
            let log = self.task.log();
            assert!(since.elapsed() < PATIENCE, "not {what} in time:\n{log}");
            thread::sleep(Duration::from_millis(100));
        }
    }

    fn events(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(&self.eve).unwrap_or_default();
        text.lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect()
    }

    fn count(&self, has: impl Fn(&Value) -> bool) -> usize {
        self.events().iter().filter(|event| has(event)).count()
    }
}

/// The body of a page of the appliance, if it answers 200.
fn get(lab: &Lab, page: &str) -> Option<String> {
    let script = format!(
        "import urllib.request as u; print(u.urlopen('http://127.0.0.1:9464{page}', timeout=2).read().decode())"
    );
    let output = lab
        .exec(SENSOR, &["python3", "-c", &script])
        .expect("python3");
    output
        .status
        .success()
        .then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

fn command_is(event: &Value, command: &str) -> bool {
    event["dicom"]["command"] == command && event["event_type"] == "dicom"
}

#[test]
fn sees_real_peers_live_sends_nothing_and_stops_cleanly() {
    if !support::has("storescp") || !support::has("echoscu") {
        return;
    }
    let Some(lab) = lab("live") else { return };
    let mut appliance = Appliance::start(&lab, "");
    let inbox = lab.folder().join("inbox");
    std::fs::create_dir_all(&inbox).expect("made");
    let inbox = inbox.to_str().expect("UTF-8");
    let _scp = lab
        .spawn("pacs", &["storescp", "-aet", "PACS", "-od", inbox, "11112"])
        .expect("storescp");
    lab.wait_listening("pacs", 11112).expect("listens");
    for _ in 0..3 {
        let echo = [
            "echoscu",
            "-aet",
            "CT01",
            "-aec",
            "PACS",
            "10.20.2.10",
            "11112",
        ];
        assert!(
            lab.exec("modality", &echo)
                .expect("echoscu")
                .status
                .success()
        );
    }
    appliance.until("three echoes seen", || {
        appliance.count(|e| command_is(e, "C-ECHO-RSP")) == 3
    });
    assert_eq!(appliance.count(|e| command_is(e, "C-ECHO-RQ")), 3);
    appliance.until("a heartbeat", || {
        appliance.count(|e| e["event_type"] == "heartbeat") > 0
    });

    let metrics = get(&lab, "/metrics").expect("metrics");
    assert!(
        metrics.contains("vitalwire_capture_frames_total"),
        "{metrics}"
    );
    assert!(get(&lab, "/healthz").is_some());

    assert!(
        appliance.task.stop("TERM").expect("stopped"),
        "{}",
        appliance.task.log()
    );
    let text = std::fs::read(&appliance.eve).expect("eve.json");
    assert!(text.ends_with(b"\n"), "the last line is whole");
    assert_eq!(
        lab.sensor_transmitted().expect("counted"),
        0,
        "a passive sensor sends nothing"
    );
}

#[test]
fn a_link_that_goes_down_and_up_brings_no_frame_out() {
    let Some(lab) = lab("link") else { return };
    let mut appliance = Appliance::start(&lab, "");
    for state in ["down", "up", "down", "up"] {
        let set = ["ip", "link", "set", "dev", SPAN, state];
        assert!(lab.exec(SENSOR, &set).expect("ip").status.success());
        thread::sleep(Duration::from_millis(700));
    }
    let addresses = lab
        .exec(SENSOR, &["ip", "-o", "address", "show", "dev", SPAN])
        .expect("ip");
    let addresses = String::from_utf8_lossy(&addresses.stdout).into_owned();
    assert_eq!(addresses.trim(), "", "the capture interface has no address");
    assert_eq!(
        lab.sensor_transmitted().expect("counted"),
        0,
        "a passive sensor sends nothing"
    );
    assert!(appliance.task.stop("TERM").is_ok());
}

#[test]
fn hup_reopens_the_output() {
    let Some(lab) = lab("hup") else { return };
    let mut appliance = Appliance::start(&lab, "");
    appliance.until("a heartbeat", || {
        appliance.count(|e| e["event_type"] == "heartbeat") > 0
    });
    let moved = lab.folder().join("eve.old");
    std::fs::rename(&appliance.eve, &moved).expect("moved");
    appliance.task.signal("HUP").expect("signalled");
    appliance.until("a new file", || {
        appliance.count(|e| e["event_type"] == "heartbeat") > 0
    });
    assert!(whole_lines(&moved) && appliance.task.stop("TERM").expect("stopped"));
}

fn whole_lines(file: &Path) -> bool {
    let text = std::fs::read_to_string(file).expect("readable");
    text.ends_with('\n')
        && text
            .lines()
            .all(|line| serde_json::from_str::<Value>(line).is_ok())
}
