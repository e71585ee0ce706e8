//! A flood of connection requests from and to random addresses, at the rate that the SPAN port takes,
//! beside a DICOM association and an HL7 connection that began before it and go on.

use std::time::Duration;

use make::lab::{Lab, SENSOR, SPAN, Task};
use serde_json::Value;

use super::appliance::{Appliance, lab, metric};
use super::{capture_is, command_is, storescp};
use crate::support;

/// SYNs for trafgen. Addresses, ports and sequence numbers are drawn anew for each.
const FLOOD: &str = "{
    0x02,0,0,0,0,2, 0x02,0,0,0,0,1, 0x08,0x00,
    0x45,0,c16(40), drnd(2),0x40,0x00, 64,6,c16(0), drnd(4), drnd(4),
    drnd(2), drnd(2), drnd(4), c32(0), 0x50,0x02,0xff,0xff, c16(0),c16(0)
}";

/// Seconds of flood.
const SECONDS: &str = "10";

/// Straight into the SPAN port: the peers have enough to do.
fn flood(lab: &Lab, more: &[&str]) {
    let file = lab.folder().join("flood.cfg");
    std::fs::write(&file, FLOOD).expect("written");
    let file = file.to_str().expect("UTF-8");
    // It gives up when the pair takes nothing more for a moment; then it begins again.
    let again = "while true; do trafgen --in \"$@\"; done";
    let bounded = [
        "timeout", "-s", "INT", SECONDS, "sh", "-c", again, "sh", file,
    ];
    let there = ["--out", "p-sensor", "--cpus", "1"];
    let command = [&bounded[..], &there, more].concat();
    drop(lab.exec("hub", &command).expect("trafgen"));
}

/// Peers that talk until they are stopped.
struct Steady {
    client: Task,
    _servers: [Task; 2],
}

impl Steady {
    fn begin(lab: &Lab) -> Self {
        let python = make::lab::python().expect("an environment for Python");
        let python = python.to_str().expect("UTF-8");
        let peers = std::path::absolute(make::lab::peers_folder()).expect("a path");
        let script = |name: &str| peers.join(name).display().to_string();
        let dicom = storescp(lab);
        let serve = script("hl7_server.py");
        let hl7 = lab
            .spawn("pacs", &[python, &serve, "2575"])
            .expect("python3");
        lab.wait_listening("pacs", 2575).expect("listens");
        let talk = script("steady.py");
        let client = [python, &talk, "10.20.2.10", "2575", "11112"];
        let client = lab.spawn("modality", &client).expect("python3");
        client.wait_for("steady").expect("talks");
        Self {
            client,
            _servers: [dicom, hl7],
        }
    }

    /// How often each of the two was answered.
    fn end(mut self) -> usize {
        assert!(
            self.client.stop("TERM").expect("ends"),
            "{}",
            self.client.log()
        );
        let log = self.client.log();
        let told = log
            .lines()
            .find_map(|line| serde_json::from_str::<Value>(line).ok());
        let each = told
            .and_then(|told| told["each"].as_u64())
            .expect("a count");
        usize::try_from(each).expect("few")
    }
}

fn received_by_the_interface(lab: &Lab) -> u64 {
    let path = format!("/sys/class/net/{SPAN}/statistics/rx_packets");
    let output = lab.exec(SENSOR, &["cat", &path]).expect("cat");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.trim().parse().expect("a number")
}

/// What came of a flood.
struct Outcome {
    events: Vec<Value>,
    stats: Value,
    /// Messages and echoes that were answered, each.
    each: usize,
    /// Frames that the interface says it received.
    received: u64,
    /// Frames that the capture lost.
    dropped: u64,
}

fn under(source: &str, buffer: &str, rate: &[&str]) -> Option<Outcome> {
    if !["trafgen", "storescp"]
        .iter()
        .all(|program| support::has(program))
    {
        return None;
    }
    let lab = lab("flood")?;
    let capture =
        format!("capture:\n  interface: {SPAN}\n  buffer: {buffer}\n  source: {source}\n");
    // A table that the flood fills many times over.
    let more = "workers: 1\nlimits:\n  memory: 64MiB\nstats:\n  interval: 1s\n";
    let mut appliance = Appliance::start_with(&lab, &capture, more);
    let steady = Steady::begin(&lab);
    let recognised = || metric(&lab, "vitalwire_flow_recognised_medical_flows_total", "");
    appliance.until("recognised", || recognised().is_some_and(|n| n >= 2.0));
    flood(&lab, rate);
    std::thread::sleep(Duration::from_millis(500));
    let each = steady.end();
    let received = received_by_the_interface(&lab);
    assert!(received > 100_000, "a flood: {received} frames");
    let read = || metric(&lab, "vitalwire_capture_frames_total", "").unwrap_or(0.0);
    let lost = || metric(&lab, "vitalwire_capture_dropped_frames_total", "").unwrap_or(0.0);
    let mut before = -1.0;
    appliance.until("all read", || {
        let now = read() + lost();
        std::mem::replace(&mut before, now) == now
    });
    assert_eq!(lab.sensor_transmitted().expect("counted"), 0);
    appliance.stop();
    let events = appliance.events();
    let stats = events.iter().rfind(|event| event["event_type"] == "stats");
    let stats = stats.expect("a stats line")["stats"].clone();
    let dropped = sum(&stats["capture"]["dropped_frames"]);
    eprintln!(
        "{source} {rate:?}: {received} frames in {SECONDS} s, {dropped} dropped, {} flows \
         evicted, {each} messages and echoes",
        stats["flow"]["evicted_flows"]
    );
    Some(Outcome {
        events,
        stats,
        each,
        received,
        dropped,
    })
}

fn sum(causes: &Value) -> u64 {
    let causes = causes.as_object().expect("causes");
    causes.values().filter_map(Value::as_u64).sum()
}

impl Outcome {
    /// Seen is handled and dropped, at each layer.
    fn adds_up(&self) {
        let of = |layer: &str, key: &str| self.stats[layer][key].as_u64().expect("a count");
        let dropped = |layer: &str, key: &str| sum(&self.stats[layer][key]);
        assert_eq!(
            of("capture", "frames") + self.dropped,
            self.received,
            "{}",
            self.stats
        );
        assert_eq!(of("worker", "seen_frames"), of("capture", "frames"));
        let worker = of("worker", "handled_frames") + dropped("worker", "dropped_frames");
        assert_eq!(worker, of("worker", "seen_frames"));
        let flow = of("flow", "handled_packets") + dropped("flow", "dropped_packets");
        assert_eq!(flow, of("flow", "seen_packets"));
        let lane = &self.stats["lane"];
        for of in ["medical", "bulk"] {
            let handled = lane["handled_records"][of].as_u64().expect("a count");
            let lost = sum(&lane["dropped_records"][of]);
            assert_eq!(lane["seen_records"][of], handled + lost, "{of}: {lane}");
        }
    }

    /// Both sessions are known from their first message to their last, each as one flow.
    fn sessions_keep_their_state(&self) {
        assert_eq!(self.stats["flow"]["evicted_medical_flows"], 0);
        let lane = &self.stats["lane"]["dropped_records"];
        assert_eq!(sum(&lane["medical"]), 0, "{lane}");
        let events = &self.events;
        for kind in ["hl7", "dicom"] {
            let mut flows: Vec<u64> = events
                .iter()
                .filter(|event| event["event_type"] == kind)
                .filter_map(|event| event["flow_id"].as_u64())
                .collect();
            flows.dedup();
            assert_eq!(flows.len(), 1, "{kind}: {flows:?}");
        }
        let last = events.iter().rfind(|event| event["event_type"] == "hl7");
        assert!(
            last.is_some_and(|event| !event["hl7"]["ack_code"].is_null()),
            "{last:?}"
        );
        let ended = |e: &Value| e["event_type"] == "flow" && e["app_proto"] == "dicom";
        assert!(events.iter().any(ended), "the association's end was seen");
    }

    fn has_every_record(&self) {
        let count = |is: &dyn Fn(&Value) -> bool| self.events.iter().filter(|e| is(e)).count();
        let hl7 = |event: &Value| event["event_type"] == "hl7";
        assert_eq!(
            count(&|e| hl7(e) && e["hl7"]["ack_code"].is_null()),
            self.each
        );
        assert_eq!(
            count(&|e| hl7(e) && !e["hl7"]["ack_code"].is_null()),
            self.each
        );
        for command in ["C-ECHO-RQ", "C-ECHO-RSP"] {
            assert_eq!(count(&|e| command_is(e, command)), self.each, "{command}");
        }
    }
}

/// As much as the appliance can take beside the sender: nothing is lost, and the table is filled
/// many times over.
#[test]
fn a_flood_that_fits_costs_no_medical_record() {
    let Some(outcome) = under("af_packet", "256MiB", &["--rate", "50000pps"]) else {
        return;
    };
    outcome.adds_up();
    outcome.sessions_keep_their_state();
    assert_eq!(outcome.dropped, 0, "{}", outcome.stats);
    outcome.has_every_record();
    let evicted = outcome.stats["flow"]["evicted_flows"].as_u64();
    assert!(evicted > Some(100_000), "{evicted:?}");
}

/// All that the pair takes. What the ring cannot hold is lost whoever it is of, so that segments of
/// the two sessions may be missing; that is counted and said, and costs neither its state.
#[test]
fn a_flood_at_full_rate_costs_no_medical_session_its_state() {
    for source in ["af_packet", "af_xdp"] {
        let Some(outcome) = under(source, "256MiB", &[]) else {
            return;
        };
        outcome.adds_up();
        outcome.sessions_keep_their_state();
        let told = outcome
            .events
            .iter()
            .filter(|event| capture_is(event, "drops"));
        let told = told.count();
        assert_eq!(told > 0, outcome.dropped > 0, "{told}: {}", outcome.stats);
        if outcome.dropped == 0 {
            outcome.has_every_record();
        }
    }
}
