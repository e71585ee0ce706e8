//! Webhook and bulk interface. The bulk receiver is ours and strict: no OpenSearch or Elasticsearch can
//! be installed by the package managers that tests use.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use control::store::views::{comments, triage};
use control::store::{Verdict, incidents};
use serde_json::Value;
use tempfile::TempDir;

use super::certificates::certificates;
use super::receivers::{Server, free_port, until};
use super::rig::{Rig, alert};
use crate::support;

pub struct Receiver {
    pub server: Server,
    pub out: PathBuf,
    pub url: String,
    pub dir: TempDir,
}

impl Receiver {
    pub fn new(role: &[&str]) -> Option<Self> {
        Self::made(role, false)
    }

    fn made(role: &[&str], tls: bool) -> Option<Self> {
        if !support::has("python3") {
            return None;
        }
        let dir = TempDir::new().expect("temporary folder");
        let (port, out) = (free_port(), dir.path().join("out"));
        let script = make::lab::peers_folder().join("http_receiver.py");
        let (port_text, path) = (port.to_string(), out.display().to_string());
        let script = script.display().to_string();
        let args = [&[script.as_str(), &port_text, &path], role].concat();
        let mut server = Server::new("python3", &args, &dir.path().join("log"), Some(port));
        if tls {
            certificates(dir.path());
            server = server.env("TLS", &dir.path().display().to_string());
        }
        server.start();
        let url = if tls {
            format!("https://localhost:{port}")
        } else {
            format!("http://127.0.0.1:{port}")
        };
        Some(Self {
            server,
            out,
            url,
            dir,
        })
    }

    pub fn secret(&self, text: &str) -> String {
        let path = self.dir.path().join("secret");
        std::fs::write(&path, format!("{text}\n")).expect("written");
        path.display().to_string()
    }

    pub fn taken(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(&self.out).unwrap_or_default();
        // The last line may be in the making, or was when the receiver was killed.
        let lines = text.lines();
        lines
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect()
    }

    /// The ids of what was taken of one kind.
    pub fn ids(&self, key: &str, value: &str) -> BTreeSet<String> {
        let taken = self.taken();
        let of_kind = taken.iter().filter(|message| message[key] == value);
        of_kind
            .filter_map(|message| message["id"].as_str().map(str::to_owned))
            .collect()
    }
}

pub(super) fn webhook() -> Option<(Receiver, String)> {
    let receiver = Receiver::new(&["webhook", "s3cret"])?;
    let config = format!(
        "sinks: [{{type: webhook, name: hook, url: {}/hook, secret_file: {}}}]",
        receiver.url,
        receiver.secret("s3cret")
    );
    Some((receiver, config))
}

#[test]
fn an_incident_is_created_updated_and_closed_under_one_id() {
    let Some((receiver, config)) = webhook() else {
        return;
    };
    let mut rig = Rig::new(&config);
    rig.alerts(1);
    until("the incident", 20, || {
        !receiver.ids("kind", "incident").is_empty()
    });
    rig.alerts(5);
    let of_incident = || {
        let mut taken = receiver.taken();
        taken.retain(|message| message["kind"] == "incident");
        taken
    };
    until("its update", 30, || of_incident().len() >= 2);
    let id = of_incident()[0]["id"].as_str().expect("an id").to_owned();
    let closed = id.clone();
    rig.store
        .write(move |change| incidents::close(change, &closed, Verdict::Benign, "user:alice"))
        .expect("closed");
    until("its end", 20, || {
        of_incident().iter().any(|m| m["action"] == "close")
    });
    let messages = of_incident();
    assert_eq!(messages[0]["action"], "create");
    assert_eq!(messages[1]["action"], "update");
    assert!(messages.iter().all(|message| message["id"] == id.as_str()));
    let last = &messages[messages.len() - 1]["event"]["incident"];
    assert_eq!(
        (last["verdict"].as_str(), last["status"].as_str()),
        (Some("benign"), Some("closed"))
    );
    let different: BTreeSet<&str> = messages
        .iter()
        .filter_map(|m| m["message_id"].as_str())
        .collect();
    assert_eq!(different.len(), messages.len());
}

/// Acknowledges, comments on and closes the one alert that was sent.
fn work_on(rig: &Rig) -> String {
    let id = rig.sent.first().expect("an alert").clone();
    let of = id.clone();
    rig.store
        .write(move |change| {
            triage::acknowledge(change, &of, "user:alice")?;
            comments::add(
                change,
                &format!("alert:{of}"),
                "called radiology",
                "user:alice",
            )?;
            incidents::judge_alert(change, &of, Verdict::Benign, "user:alice")
        })
        .expect("done");
    id
}

#[test]
fn an_alert_by_itself_is_created_updated_and_closed_under_one_id() {
    let Some((receiver, config)) = webhook() else {
        return;
    };
    let mut rig = Rig::new(&config);
    rig.alerts(1);
    let id = work_on(&rig);
    let of_alert = || {
        let mut taken = receiver.taken();
        taken.retain(|message| message["kind"] == "alert");
        taken
    };
    until("its end", 20, || of_alert().len() == 4);
    let messages = of_alert();
    let of = |key: &str| messages.iter().map(|m| m[key].clone()).collect::<Vec<_>>();
    assert_eq!(of("action"), ["create", "acknowledge", "update", "close"]);
    assert!(of("id").iter().all(|of| *of == id.as_str()));
    let different: BTreeSet<String> = of("message_id").iter().map(Value::to_string).collect();
    assert_eq!(different.len(), 4);
    let ours = &messages[3]["event"]["vitalwire"];
    assert_eq!(
        (&ours["status"], &ours["verdict"]),
        (&"closed".into(), &"benign".into())
    );
    assert!(
        !format!("{messages:?}").contains("radiology"),
        "what people write stays here"
    );
}

#[test]
fn nothing_is_lost_when_a_webhook_is_away() {
    let Some((mut receiver, config)) = webhook() else {
        return;
    };
    let mut rig = Rig::new(&config);
    rig.load(5, 20);
    receiver.server.kill();
    rig.load(5, 60);
    receiver.server.start();
    rig.load(5, 20);
    until("every alert", 60, || {
        receiver.ids("kind", "alert") == rig.sent
    });
}

#[test]
fn a_redirect_is_not_followed_and_a_wrong_signature_waits() {
    let Some((receiver, config)) = webhook() else {
        return;
    };
    let moved = config.replace("/hook,", "/moved,");
    let wrong = config.replace("name: hook", "name: wrong");
    let text = std::fs::write(receiver.dir.path().join("other"), "other")
        .map(|()| wrong.replace("/secret}", "/other}"));
    let both = format!(
        "{}, {}",
        moved.trim_end_matches(']'),
        text.expect("written").trim_start_matches("sinks: [")
    );
    let mut rig = Rig::new(&both);
    rig.alerts(2);
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(receiver.taken(), Vec::<Value>::new());
    let samples = rig.store.outbox_counts().samples();
    let sum = |what: &str| {
        samples
            .iter()
            .filter(|s| s.name.contains(what))
            .map(|s| s.value)
            .sum::<u64>()
    };
    assert!(sum("failures") >= 2 && sum("delivered") == 0 && sum("refused") == 0);
}

pub(super) fn bulk(role: &[&str]) -> Option<(Receiver, String)> {
    let receiver = Receiver::new(role)?;
    let config = format!(
        "sinks: [{{type: opensearch, name: search, url: '{}', username: elastic, password_file: {}}}]",
        receiver.url,
        receiver.secret("hunter2")
    );
    Some((receiver, config))
}

#[test]
fn the_bulk_interface_gets_the_template_and_ecs() {
    let Some((receiver, config)) = bulk(&["bulk"]) else {
        return;
    };
    let mut rig = Rig::new(&config);
    rig.alerts(300);
    until("every alert", 60, || {
        receiver.ids("index", "vitalwire-alert") == rig.sent
    });
    let taken = receiver.taken();
    assert_eq!(taken[0]["path"], "/_index_template/vitalwire");
    assert_eq!(taken[0]["template"]["index_patterns"][0], "vitalwire-*");
    let document = &taken
        .iter()
        .find(|m| m["index"] == "vitalwire-alert")
        .expect("one")["document"];
    assert_eq!(document["event"]["severity"], 73);
    assert_eq!(document["source"]["mac"], "02-00-0A-14-09-42");
    assert_eq!(
        document["threat"]["technique"]["id"],
        serde_json::json!(["T1213", "T0811"])
    );
}

#[test]
fn the_document_of_an_alert_says_how_it_stands() {
    let Some((receiver, config)) = bulk(&["bulk"]) else {
        return;
    };
    let mut rig = Rig::new(&config);
    rig.alerts(1);
    let id = work_on(&rig);
    let of_alert = || {
        let mut taken = receiver.taken();
        taken.retain(|taken| taken["index"] == "vitalwire-alert");
        taken
    };
    let last = || of_alert().pop().map(|taken| taken["document"].clone());
    until("its end", 20, || {
        last().is_some_and(|last| last["vitalwire"]["status"] == "closed")
    });
    assert!(of_alert().iter().all(|taken| taken["id"] == id.as_str()));
    let last = last().expect("a document");
    assert_eq!(last["vitalwire"]["verdict"], "benign");
    assert_eq!(last["event"]["sequence"], 4);
}

#[test]
fn one_document_that_is_refused_holds_nothing_up() {
    let Some((receiver, config)) = bulk(&["bulk"]) else {
        return;
    };
    let mut rig = Rig::new(&config);
    rig.alerts(20);
    let mut poison = alert(1_000_000);
    poison["vitalwire"]["explain"] = "POISON".into();
    rig.put("alert", &poison);
    rig.alerts(20);
    until("every other alert", 60, || {
        receiver.ids("index", "vitalwire-alert") == rig.sent
    });
    until("the one is counted", 10, || {
        let samples = rig.store.outbox_counts().samples();
        samples
            .iter()
            .any(|s| s.name.contains("refused") && s.value == 1)
    });
}

#[test]
fn nothing_is_lost_when_the_bulk_interface_is_away() {
    let Some((mut receiver, config)) = bulk(&["bulk"]) else {
        return;
    };
    let mut rig = Rig::new(&config);
    rig.load(10, 30);
    receiver.server.kill();
    rig.load(10, 80);
    receiver.server.start();
    rig.load(10, 30);
    until("every alert", 60, || {
        receiver.ids("index", "vitalwire-alert") == rig.sent
    });
}

#[test]
fn mutual_tls_to_the_right_server_only() {
    let Some(receiver) = Receiver::made(&["webhook", "s3cret"], true) else {
        return;
    };
    let at = receiver.dir.path().display();
    let (url, secret) = (&receiver.url, receiver.secret("s3cret"));
    let sink = |name: &str, url: &str, tls: &str| {
        format!(
            "{{type: webhook, name: {name}, url: '{url}/{name}', secret_file: {secret}, tls: {{{tls}}}}}"
        )
    };
    let ours = format!("certificate: {at}/client.pem, key: {at}/client.key");
    let address = url.replace("localhost", "127.0.0.1");
    let config = format!(
        "sinks: [{}, {}, {}, {}]",
        sink("right", url, &format!("ca: {at}/ca.pem, {ours}")),
        sink("another-ca", url, &ours),
        sink("no-certificate", url, &format!("ca: {at}/ca.pem")),
        sink(
            "another-name",
            &address,
            &format!("ca: {at}/ca.pem, {ours}")
        ),
    );
    let mut rig = Rig::new(&config);
    rig.alerts(3);
    until("every alert", 20, || {
        receiver.ids("kind", "alert") == rig.sent
    });
    std::thread::sleep(Duration::from_secs(1));
    let paths: BTreeSet<String> = receiver
        .taken()
        .iter()
        .filter_map(|m| m["path"].as_str().map(str::to_owned))
        .collect();
    assert_eq!(paths, BTreeSet::from(["/right".to_owned()]));
}

#[test]
fn a_list_of_messages_loses_only_what_is_refused() {
    let Some((receiver, config)) = webhook() else {
        return;
    };
    let config = config.replace("name: hook,", "name: hook, batch: 50, select: [alert],");
    let mut rig = Rig::new(&config);
    rig.alerts(300);
    let mut bad = alert(9_999);
    bad["vitalwire"]["explain"] = "POISON".into();
    rig.put("alert", &bad);
    rig.alerts(30);
    until("all but one", 30, || {
        receiver.ids("kind", "alert").len() >= rig.sent.len()
    });
    assert_eq!(receiver.ids("kind", "alert"), rig.sent);
    assert_eq!(rig.count("vitalwire_sink_refused_entries_total", None), 1);
}
