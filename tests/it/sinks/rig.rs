//! A store with sinks, without traffic: alerts are put in at the top, as the pipeline does it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use control::config;
use control::deliver::Crew;
use control::inventory::{self, Devices};
use control::sinks::Sink as _;
use control::store::{Intake, Settings, Store};
use parsers::time::Time;
use rules::correlate::{Item, Out};
use rules::eve::Eve;
use serde_json::{Value, json};
use tempfile::TempDir;

/// The store and its sinks.
pub struct Rig {
    pub store: Store,
    intake: Intake,
    pub crew: Option<Crew>,
    next: u64,
    pub sent: BTreeSet<String>,
    pub dir: TempDir,
    devices: Arc<Devices>,
    pub config: config::Config,
}

impl Rig {
    /// With the sinks of a configuration.
    pub fn new(sinks: &str) -> Self {
        Self::at(TempDir::new().expect("temporary folder"), sinks)
    }

    /// With its state in a directory; `DIR` in the configuration stands for that.
    pub fn at(dir: TempDir, sinks: &str) -> Self {
        let sinks = sinks.replace("DIR", &dir.path().display().to_string());
        let config = config::parse("test", &sinks).expect("a good configuration");
        let eve = Eve {
            host: "sensor-1".to_owned(),
            sensor_id: "sensor-1".to_owned(),
            ..Eve::default()
        };
        let settings = Settings::new(&config.store, eve);
        let store = Store::open(dir.path(), settings, None).expect("a store");
        let devices = Arc::new(Devices::default());
        let crew = Crew::start(&store, &config, &devices).expect("sinks start");
        Self {
            intake: Intake::new(store.clone(), false),
            store,
            crew: Some(crew),
            next: 0,
            sent: BTreeSet::new(),
            dir,
            devices,
            config,
        }
    }

    /// The hospital's list of its devices, as CSV.
    pub fn list(&self, csv: &str) {
        let imported = inventory::parse("list", csv, Default::default()).expect("a good list");
        self.devices.list(imported.list);
    }

    /// The sinks of another configuration, from now on.
    pub fn apply(&mut self, sinks: &str) {
        let config = config::parse("test", sinks).expect("a good configuration");
        let crew = self.crew.as_mut().expect("sinks");
        crew.apply(&config).expect("sinks change");
    }

    /// So many new alerts.
    pub fn alerts(&mut self, count: u64) {
        for _ in 0..count {
            self.next += 1;
            let line = alert(self.next);
            let id = line["vitalwire"]["alert_id"].as_str().expect("an id");
            self.sent.insert(id.to_owned());
            self.put("alert", &line);
        }
        self.store.write(|_| Ok(())).expect("written");
    }

    /// Alerts at a steady pace: so many every 20 ms.
    pub fn load(&mut self, each: u64, turns: u32) {
        for _ in 0..turns {
            self.alerts(each);
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Protocol events, as the pipeline gives them to sinks.
    pub fn events(&mut self, event_type: &'static str, numbers: std::ops::Range<u64>) {
        let mut fan = self.crew.as_ref().expect("sinks").lanes().fan();
        for n in numbers {
            let line = event(event_type, n);
            fan.take(&one(event_type, &line, n));
        }
    }

    /// The sum of a metric of sinks, of those with a label if one is named.
    pub fn count(&self, name: &str, label: Option<(&'static str, &str)>) -> u64 {
        let mut samples = self.store.samples();
        samples.extend(self.crew.iter().flat_map(|crew| crew.lanes().samples()));
        samples.retain(|sample| sample.name == name);
        if let Some((name, value)) = label {
            samples.retain(|sample| sample.labels.contains(&(name, value.to_owned())));
        }
        samples.iter().map(|sample| sample.value).sum()
    }

    /// A line of the appliance's own.
    pub fn put(&mut self, event_type: &'static str, line: &Value) {
        self.intake.take(&one(event_type, line, self.next));
    }
}

/// A piece of output with one line.
fn one(event_type: &'static str, line: &Value, n: u64) -> Out {
    let arena = format!("{line}\n").into_bytes();
    let end = u32::try_from(arena.len()).expect("short");
    let item = Item {
        line: 0..end,
        object: 0,
        event_type,
        time: Time::new(1_790_000_000 + i64::try_from(n).expect("small"), 0),
        alert: None,
    };
    Out {
        arena,
        items: vec![item],
        ..Out::default()
    }
}

/// A protocol event. All have one stamp, as those of a burst have.
pub fn event(event_type: &str, n: u64) -> Value {
    json!({
        "timestamp": "2026-11-21T21:38:11.087399+0000", "event_type": event_type, "host": "sensor-1",
        "flow_id": n, "src_ip": "10.20.9.66", "src_port": 50000, "dest_ip": "10.20.2.10",
        "dest_port": 104, "proto": "TCP", "app_proto": event_type, "direction": "to_server",
        "vitalwire": {"schema": "1", "sensor_id": "sensor-1"},
        event_type: {"kind": "dimse", "command": "C-ECHO-RQ", "message_id": n},
    })
}

impl Drop for Rig {
    fn drop(&mut self) {
        if let Some(crew) = self.crew.take() {
            crew.stop();
        }
        self.store.close();
    }
}

/// An alert with what is hard to carry in its texts.
pub fn alert(n: u64) -> Value {
    let id = format!("{n:032x}");
    json!({
        "timestamp": "2026-11-21T21:38:11.087399+0000", "event_type": "alert", "host": "sensor-1",
        "flow_id": n, "vlan": [30], "src_ip": "10.20.9.66", "src_port": 50000,
        "dest_ip": "10.20.2.10", "dest_port": 104, "proto": "TCP",
        "ether": {"src_mac": "02:00:0a:14:09:42", "dest_mac": "02:00:0a:14:02:0a"},
        "app_proto": "dicom", "direction": "to_server",
        "alert": {"action": "allowed", "gid": 104, "signature_id": 1_000_021, "rev": 1,
            "signature": "Patient list pulled | with a = sign", "category": "phi", "severity": 1,
            "source": {"ip": "10.20.9.66", "port": 50000},
            "target": {"ip": "10.20.2.10", "port": 104},
            "metadata": {"mitre_technique_id": ["T1213"]}},
        "vitalwire": {"schema": "1", "sensor_id": "sensor-1", "slug": "dicom-cfind-wildcard-mass",
            "alert_id": id, "severity": "high", "clinical_impact": "none", "tier": "page",
            "explain": "Ein Gerät | fragte: \\ = \"ä\" \u{2764} \n zweite Zeile",
            "what_to_do": "Ask the owner.", "attack": ["T1213", "ICS/T0811"], "count": 1,
            "first_seen": "2026-11-21T21:38:11.087399+0000",
            "last_seen": "2026-11-21T21:38:11.087399+0000",
            "do_not_isolate": false},
        "dicom": {"kind": "dimse", "command": "C-FIND-RQ", "calling_ae": "FINDSCU"},
    })
}
