//! Alertmanager, a real one.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use control::store::{Verdict, incidents};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::receivers::{Server, free_port, until};
use super::rig::{Rig, alert};
use crate::support;

struct Alertmanager {
    server: Server,
    port: u16,
    _dir: TempDir,
}

impl Alertmanager {
    fn new() -> Option<Self> {
        if !support::has("prometheus-alertmanager") {
            return None;
        }
        let dir = TempDir::new().expect("temporary folder");
        let (port, at) = (free_port(), dir.path().display().to_string());
        let config = "route: {receiver: nobody}\nreceivers: [{name: nobody}]\n";
        std::fs::write(dir.path().join("conf"), config).expect("written");
        let args = [
            &format!("--config.file={at}/conf"),
            &format!("--storage.path={at}/data"),
            &format!("--web.listen-address=127.0.0.1:{port}"),
            "--cluster.listen-address=",
        ];
        let log = dir.path().join("log");
        let mut server = Server::new("prometheus-alertmanager", &args, &log, Some(port));
        server.start();
        Some(Self {
            server,
            port,
            _dir: dir,
        })
    }

    /// What is active there.
    fn active(&self) -> Vec<Value> {
        let Ok(mut stream) = TcpStream::connect(("127.0.0.1", self.port)) else {
            return Vec::new();
        };
        let request = "GET /api/v2/alerts HTTP/1.0\r\nHost: localhost\r\n\r\n";
        let mut text = String::new();
        let read = stream
            .write_all(request.as_bytes())
            .and_then(|()| stream.read_to_string(&mut text));
        let body = text
            .split_once("\r\n\r\n")
            .map(|(_, body)| body)
            .filter(|_| read.is_ok());
        body.and_then(|body| serde_json::from_str(body).ok())
            .unwrap_or_default()
    }

    fn named(&self, name: &str) -> Vec<Value> {
        let mut active = self.active();
        active.retain(|alert| alert["labels"]["alertname"] == name);
        active
    }
}

/// Between two messages about what goes on, in seconds.
const REPEAT: u64 = 5;
/// By then a message has come. What is not told again is over by itself after four times `REPEAT`.
const SOON: u64 = 2 * REPEAT;

fn own(kind: &str, body: &Value) -> Value {
    json!({
        "timestamp": "2026-11-21T21:38:11.087399+0000", "event_type": kind, "host": "sensor-1",
        "vitalwire": {"schema": "1", "sensor_id": "sensor-1"}, kind: body,
    })
}

#[test]
fn incidents_that_page_and_the_sensors_health_are_active_until_they_are_over() {
    let Some(mut manager) = Alertmanager::new() else {
        return;
    };
    let config = format!(
        "sinks: [{{type: alertmanager, name: am, url: 'http://127.0.0.1:{}', repeat: {}s}}]",
        manager.port, REPEAT
    );
    let mut rig = Rig::new(&config);
    rig.alerts(3);
    let mut other = alert(100);
    other["vitalwire"]["tier"] = "notify".into();
    other["alert"]["category"] = "test".into();
    rig.put("alert", &other);
    let finding = |state: &str| {
        own(
            "finding",
            &json!({"name": "one-sided", "state": state, "interface": "span0",
            "severity": "high", "explain": "one direction only", "what_to_do": "mend the SPAN"}),
        )
    };
    let beat = |ready: bool| own("heartbeat", &json!({"ready": ready, "reason": "no link"}));
    rig.put("finding", &finding("open"));
    rig.put("heartbeat", &beat(false));
    let incident = "VitalwireIncident";
    // Sooner than what should not be there would be over by itself.
    until("the incident", SOON, || manager.named(incident).len() == 1);
    until("the finding", SOON, || {
        manager.named("VitalwireFinding").len() == 1
    });
    until("blindness", SOON, || {
        manager.named("VitalwireSensorBlind").len() == 1
    });
    assert_eq!(manager.active().len(), 3, "{:?}", manager.active());

    // What joins it and is worse changes what is said of it, and not which alert it is.
    let mut worse = alert(101);
    worse["vitalwire"]["severity"] = "critical".into();
    worse["vitalwire"]["slug"] = "dicom-worse".into();
    rig.put("alert", &worse);
    until("it is worse", SOON, || {
        manager.named(incident)[0]["annotations"]["severity"] == "critical"
    });
    assert_eq!(manager.named(incident).len(), 1, "{:?}", manager.active());

    // It forgets what it knew, and is told again.
    manager.server.kill();
    manager.server.start();
    until("the incident again", 30, || {
        manager.named(incident).len() == 1
    });
    until("the finding again", 30, || {
        manager.named("VitalwireFinding").len() == 1
    });

    let labels = manager.named(incident)[0]["labels"].clone();
    let id = labels["incident_id"].as_str().expect("an id").to_owned();
    rig.store
        .write(move |change| incidents::close(change, &id, Verdict::True, "user:alice"))
        .expect("closed");
    rig.put("finding", &finding("closed"));
    rig.put("heartbeat", &beat(true));
    until("an end of everything", SOON, || manager.active().is_empty());
}

#[test]
fn that_the_store_fails_or_a_receiver_is_away_is_health_of_the_sensor() {
    let Some(manager) = Alertmanager::new() else {
        return;
    };
    let config = format!(
        "store: {{outbox: {{tell_after: 2s}}}}\n\
         sinks: [{{type: alertmanager, name: am, url: 'http://127.0.0.1:{}', repeat: 2s}}, \
         {{type: webhook, name: away, url: 'http://u:s3cret@127.0.0.1:9/t0ken', select: [alert]}}]",
        manager.port
    );
    let mut rig = Rig::new(&config);
    rig.alerts(1);
    let of = |name: &str| {
        let mut found = manager.named("VitalwireFinding");
        found.retain(|alert| alert["labels"]["finding"] == name);
        found
    };
    until("the receiver that is away", 30, || {
        of("sink-failing").len() == 1
    });
    let told = of("sink-failing")[0].to_string();
    assert!(
        told.contains("away") && told.contains("http://127.0.0.1:9/…"),
        "{told}"
    );
    assert!(
        !told.contains("s3cret") && !told.contains("t0ken"),
        "{told}"
    );
    assert!(of("store-failing").is_empty());

    let other = rusqlite::Connection::open(rig.store.path()).expect("the store");
    other.execute_batch("BEGIN IMMEDIATE").expect("locked");
    rig.put("heartbeat", &own("heartbeat", &json!({"ready": true})));
    until("the store", 40, || of("store-failing").len() == 1);
    other.execute_batch("ROLLBACK").expect("free");
    until("its end", 40, || of("store-failing").is_empty());
    assert_eq!(of("sink-failing").len(), 1, "that goes on");
}
