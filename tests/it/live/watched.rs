//! Real peers, watched live and recorded at the same time: both have to tell the same, and what the
//! peers say they did.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use make::lab::Lab;
use make::record::{self, Beside};
use serde_json::Value;
use tempfile::TempDir;

use super::appliance::{Appliance, metric};
use crate::peers::{Counts, count, dimse, messages, said, text};
use crate::support;

const MISPLACED: &str = "vitalwire_capture_misplaced_frames_total";
const DROPPED: &str = "vitalwire_capture_dropped_frames_total";

/// An appliance that watches while a recording is made, and leaves its events behind.
struct Watching {
    /// How it takes frames.
    source: &'static str,
    appliance: Option<Appliance>,
    events: PathBuf,
}

impl Beside for Watching {
    fn begin(&mut self, lab: &Lab) -> io::Result<()> {
        let appliance = Appliance::start_by(lab, self.source, "workers: 2\n");
        let log = appliance.task.log();
        assert!(
            log.contains(&format!("source=\"{}\"", self.source)),
            "{log}"
        );
        self.appliance = Some(appliance);
        Ok(())
    }

    fn end(&mut self, lab: &Lab) -> io::Result<()> {
        let Some(mut appliance) = self.appliance.take() else {
            return Ok(());
        };
        assert_eq!(metric(lab, DROPPED, ""), Some(0.0), "nothing was lost");
        assert_eq!(metric(lab, MISPLACED, "").unwrap_or(0.0), 0.0);
        if self.source != "libpcap" {
            let sockets = metric(lab, "vitalwire_capture_sockets", self.source);
            assert!(sockets.is_some_and(|n| n > 0.0), "{sockets:?}");
        }
        appliance.stop();
        assert_eq!(
            lab.sensor_transmitted()?,
            0,
            "a passive sensor sends nothing"
        );
        fs::copy(&appliance.eve, &self.events).map(drop)
    }
}

type Recording = fn(&Path, Option<Box<dyn Beside>>) -> io::Result<()>;

/// Live events, events of the recording, and what the peers say.
struct Told {
    live: Vec<Value>,
    recorded: Vec<Value>,
    peers: Value,
    _dir: TempDir,
}

/// Nothing where there can be no lab, or not these peers.
fn watch(source: &'static str, programs: &[&str], recording: Recording) -> Option<Told> {
    if let Some(missing) = Lab::missing() {
        eprintln!("skipped: {missing}");
        return None;
    }
    if !programs.iter().all(|program| support::has(program)) {
        return None;
    }
    if let Err(error) = make::lab::python() {
        eprintln!("skipped: the Python peers cannot be installed: {error}");
        return None;
    }
    let dir = TempDir::new().expect("temporary folder");
    let (file, events) = (dir.path().join("w.pcap"), dir.path().join("live.json"));
    let watching = Watching {
        source,
        appliance: None,
        events: events.clone(),
    };
    recording(&file, Some(Box::new(watching))).expect("recorded");
    let lines = fs::read_to_string(&events).expect("events");
    let peers = fs::read(file.with_extension("peers.json")).expect("what peers did");
    let read = support::inspect(&[&file], &[]);
    assert_eq!(read.code, Some(0), "{}", read.stderr);
    Some(Told {
        live: lines
            .lines()
            .map(|line| serde_json::from_str(line).expect("JSON"))
            .collect(),
        recorded: read.events(),
        peers: serde_json::from_slice(&peers).expect("JSON"),
        _dir: dir,
    })
}

fn alerts(events: &[Value]) -> Counts {
    count(events, |e| text(&e["vitalwire"]["slug"]))
}

fn pumps(events: &[Value]) -> Counts {
    count(events, |e| text(&e["pump"]["action"]))
}

fn acks(events: &[Value]) -> Counts {
    count(events, |e| text(&e["hl7"]["ack_code"]))
}

fn dicom_kinds(events: &[Value]) -> Counts {
    count(events, |e| {
        (e["event_type"] == "dicom").then(|| text(&e["dicom"]["kind"]))?
    })
}

/// Of events of its own type only: alerts carry the object of the event that fired them.
fn of_type(events: &[Value], name: &str) -> Vec<Value> {
    let wanted = events.iter().filter(|e| e["event_type"] == name);
    wanted.cloned().collect()
}

fn same(told: &Told) {
    let (live, recorded) = (&told.live, &told.recorded);
    let both = |name: &str| (of_type(live, name), of_type(recorded, name));
    let (a, b) = both("dicom");
    assert_eq!(dimse(&a), dimse(&b), "DIMSE live, and of the recording");
    assert_eq!(dimse(&a), said(&told.peers, "dimse"), "DIMSE, as peers say");
    assert_eq!(dicom_kinds(&a), dicom_kinds(&b));
    let (a, b) = both("hl7");
    assert_eq!(messages(&a), messages(&b), "HL7 live, and of the recording");
    assert_eq!(messages(&a), said(&told.peers, "hl7"), "HL7, as peers say");
    assert_eq!(acks(&a), acks(&b));
    let (a, b) = both("pump");
    assert_eq!(pumps(&a), pumps(&b));
    assert_eq!(alerts(live), alerts(recorded), "alerts");
}

const DICOM: [&str; 8] = [
    "Orthanc", "storescp", "echoscu", "storescu", "findscu", "movescu", "getscu", "openssl",
];

#[test]
fn imaging_is_told_live_as_of_its_recording() {
    let Some(told) = watch("af_packet", &DICOM, record::imaging) else {
        return;
    };
    same(&told);
    let seen = dimse(&of_type(&told.live, "dicom"));
    for command in ["C-STORE-RQ", "C-FIND-RQ", "C-MOVE-RQ", "C-GET-RQ"] {
        assert!(seen.contains_key(command), "{command}: {seen:?}");
    }
}

fn pumps_by(source: &'static str) {
    let Some(told) = watch(source, &[], record::pumps) else {
        return;
    };
    same(&told);
    assert!(pumps(&of_type(&told.live, "pump")).contains_key("program"));
}

#[test]
fn hl7_and_pumps_are_told_live_as_of_their_recording_by_libpcap() {
    pumps_by("libpcap");
}

#[test]
fn hl7_and_pumps_are_told_live_as_of_their_recording_by_af_packet() {
    pumps_by("af_packet");
}

/// The recorder listens on the same interface, and XDP leaves it nothing: the peers have the say.
#[test]
fn hl7_and_pumps_are_told_live_as_their_peers_say_by_af_xdp() {
    let Some(told) = watch("af_xdp", &[], record::pumps) else {
        return;
    };
    assert!(told.recorded.iter().all(|e| e["event_type"] == "stats"));
    let hl7 = of_type(&told.live, "hl7");
    assert_eq!(messages(&hl7), said(&told.peers, "hl7"));
    assert!(pumps(&of_type(&told.live, "pump")).contains_key("program"));
}
