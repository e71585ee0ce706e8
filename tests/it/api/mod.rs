//! The API, as its clients meet it: the real binary, over TLS.

pub mod appliance;
mod assets;
mod contract;
mod guards;
mod responses;
mod rules;
mod secure;

use std::io::{BufRead, BufReader, Lines};
use std::process::{Child, ChildStdout, Stdio};

use serde_json::{Value, json};

use crate::support;
use appliance::{Appliance, Client, captures, eventually, put};

#[test]
fn an_alert_is_found_acknowledged_and_judged_and_all_of_it_is_in_the_audit_log() {
    let appliance = Appliance::start(&captures(&["dicom-ae-brute", "hl7-internet"]), "");
    let anna = appliance.admin();
    let alerts = anna.alerts(4);
    let found = anna
        .get("/alerts?rule=hl7-internet&severity=critical&q=public")
        .json();
    let id = found["alerts"][0]["alert_id"]
        .as_str()
        .expect("an id")
        .to_owned();
    assert_eq!(
        anna.get("/alerts?q=nosuchword").json()["alerts"],
        Value::Array(Vec::new())
    );
    let facets = anna.get("/alerts/facets").json();
    assert!(
        facets["slugs"]["dicom-ae-brute"].as_u64() >= Some(1),
        "{facets}"
    );
    // One by one, each once.
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = anna.get(&format!("/alerts?limit=1{cursor}")).json();
        seen.push(
            page["alerts"][0]["alert_id"]
                .as_str()
                .expect("an id")
                .to_owned(),
        );
        let Some(next) = page["next"].as_str() else {
            break;
        };
        cursor = format!("&cursor={next}");
    }
    let all: Vec<&str> = alerts
        .iter()
        .filter_map(|a| a["alert_id"].as_str())
        .collect();
    assert!(seen.len() >= all.len() && all.iter().all(|id| seen.contains(&(*id).to_owned())));

    let path = format!("/alerts/{id}");
    let whole = anna.get(&path);
    assert_eq!(whole.json()["event"]["vitalwire"]["alert_id"], id.as_str());
    let tag = whole.header("etag").expect("a tag").to_owned();
    let again = anna.with(&format!("if-none-match: {tag}")).get(&path);
    assert_eq!((again.status, again.body.as_str()), (304, ""));
    let careful = anna.with(&format!("if-match: {tag}"));
    let acknowledged = careful.post(&format!("{path}/acknowledge"), "");
    assert_eq!(acknowledged.status, 200, "{acknowledged:?}");
    assert_eq!(acknowledged.json()["status"], "acknowledged");
    assert_eq!(careful.post(&format!("{path}/acknowledge"), "").status, 412);
    let closed = anna.post(
        &format!("{path}/close"),
        r#"{"verdict":"benign","comment":"a test"}"#,
    );
    assert_eq!(closed.json()["verdict"], "benign");
    assert_eq!(closed.json()["comments"][0]["text"], "a test");

    let incident = alerts
        .iter()
        .find(|a| a["alert_id"] != id.as_str())
        .expect("another");
    let incident = incident["incident_id"].as_str().expect("an id").to_owned();
    let path = format!("/incidents/{incident}");
    assert_eq!(
        anna.post(&format!("{path}/acknowledge"), "").json()["status"],
        "acknowledged"
    );
    assert_eq!(
        anna.post(&format!("{path}/close"), r#"{"verdict":"true"}"#)
            .status,
        200
    );
    assert_eq!(
        anna.post(&format!("{path}/close"), r#"{"verdict":"true"}"#)
            .status,
        409
    );
    let rest = anna.get("/incidents?status=open").json();
    assert!(!rest.to_string().contains(&incident));

    let audit = anna.get("/audit?limit=1000").json().to_string();
    for action in [
        "user.create",
        "login",
        "alert.acknowledge",
        "alert.close",
        "alert.comment",
        "incident.close",
    ] {
        assert!(
            audit.contains(&format!("\"{action}\"")),
            "{action}: {audit}"
        );
    }
    assert!(
        !audit.contains("a test"),
        "comments stay out of the audit log"
    );
    assert_eq!(anna.get("/audit/verify").json()["whole"], true);
    let dir = appliance.stop();
    let store = dir.path().join("state/vitalwire.db");
    let (code, out, _) =
        support::run(&["audit", "verify", "--store", store.to_str().expect("UTF-8")]);
    assert_eq!(code, Some(0), "{out}");
}

#[test]
fn many_alerts_are_changed_as_a_whole_or_not_at_all() {
    let appliance = Appliance::start(&captures(&["dicom-ae-brute", "hl7-internet"]), "");
    let anna = appliance.admin();
    let ids: Vec<Value> = anna
        .alerts(3)
        .iter()
        .map(|a| a["alert_id"].clone())
        .collect();
    let bulk = |ids: &[Value], what: Value| {
        let mut body = what;
        body["ids"] = ids.into();
        anna.post("/alerts/bulk", &body.to_string())
    };
    let statuses = || -> Vec<Value> {
        let status = |id: &Value| {
            let path = format!("/alerts/{}", id.as_str().expect("an id"));
            anna.get(&path).json()["status"].clone()
        };
        ids.iter().map(status).collect()
    };
    let acknowledge = json!({"action": "acknowledge"});
    let with_a_stranger = [&ids[..], &["0".repeat(32).into()]].concat();
    assert_eq!(bulk(&with_a_stranger, acknowledge.clone()).status, 404);
    assert!(
        statuses().iter().all(|status| status == "open"),
        "none of them"
    );
    let done = bulk(&ids, acknowledge);
    assert_eq!(
        (done.status, &done.json()["changed"]),
        (200, &ids.len().into())
    );
    assert!(statuses().iter().all(|status| status == "acknowledged"));
    let close = json!({"action": "close", "verdict": "test", "comment": "a drill"});
    assert_eq!(bulk(&ids, close).status, 200);
    assert!(statuses().iter().all(|status| status == "closed"));
    for wrong in [
        json!({"action": "close"}),
        json!({"action": "acknowledge", "verdict": "test"}),
        json!({"action": "delete"}),
    ] {
        assert_eq!(bulk(&ids, wrong.clone()).status, 422, "{wrong}");
    }
    assert_eq!(bulk(&[], json!({"action": "acknowledge"})).status, 422);
}

#[test]
fn health_and_the_loss_ledger_add_up() {
    let appliance = Appliance::start(&captures(&["dicom-ae-brute"]), "");
    let anna = appliance.admin();
    eventually("frames that are done", || {
        let health = anna.get("/health").json();
        let ledger = anna.get("/ledger").json();
        let (read, done) = (
            ledger["frames_read"].as_u64()?,
            ledger["frames_done"].as_u64()?,
        );
        assert!(done <= read, "{ledger}");
        let lost = ledger["losses"].as_array()?;
        let told = lost
            .iter()
            .all(|one| one["stage"].is_string() && one["count"].as_u64() > Some(0));
        assert!(told, "{ledger}");
        (done > 0 && health["ready"] == true && health["frames"].as_u64() > Some(0)).then_some(())
    });
}

#[test]
fn an_alert_is_told_as_it_happens_and_a_client_that_comes_back_gets_what_it_missed() {
    let folder = tempfile::TempDir::new().expect("temporary folder");
    put(folder.path(), "hl7-internet", "quiet");
    let appliance = Appliance::start(&folder.path().display().to_string(), "");
    let anna = appliance.admin();
    let listen = |last: &str| Listener::start(&anna, last);
    let live = listen("none");
    put(folder.path(), "hl7-internet", "fire");
    assert!(live.next_alert().contains("\"slug\":\"hl7-internet\""));
    assert!(
        listen("0")
            .next_alert()
            .contains("\"slug\":\"hl7-internet\"")
    );
}

/// Somebody who listens to events.
struct Listener {
    curl: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Listener {
    /// Comes back when the server has begun to answer: it is heard from then on.
    fn start(client: &Client, last: &str) -> Self {
        let mut curl = client.with(&format!("last-event-id: {last}")).curl();
        let url = format!("{}/events", client.base);
        curl.args(["-i", "-N", &url]).stdout(Stdio::piped());
        let mut curl = curl.spawn().expect("curl");
        let mut lines = BufReader::new(curl.stdout.take().expect("piped")).lines();
        let head: Vec<String> = lines
            .by_ref()
            .map_while(Result::ok)
            .take_while(|line| !line.trim().is_empty())
            .collect();
        assert!(head.join("\n").contains("text/event-stream"), "{head:?}");
        Self { curl, lines }
    }

    /// The data of the next alert.
    fn next_alert(mut self) -> String {
        let mut lines = self.lines.by_ref().map_while(Result::ok);
        let found = lines.find(|line| line == "event: alert");
        found.and_then(|_| lines.next()).unwrap_or_default()
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        // It never ends by itself.
        self.curl.kill().ok();
        self.curl.wait().ok();
    }
}

#[test]
fn evidence_is_served_by_the_alerts_id_only_and_each_look_is_in_the_audit_log() {
    let appliance = Appliance::start(&captures(&["dicom-ae-brute"]), "");
    let anna = appliance.admin();
    let alert = anna.alerts(1).remove(0);
    let id = alert["alert_id"].as_str().expect("an id");
    let file = appliance.state().join(format!("evidence/{id}.pcapng"));
    eventually("evidence", || file.is_file().then_some(()));
    let got = appliance.dir.path().join("got.pcapng");
    let url = format!("{}/alerts/{id}/evidence.pcapng", anna.base);
    let done = anna.curl().arg("-o").arg(&got).arg(url).status();
    assert!(done.expect("curl").success());
    assert_eq!(
        std::fs::read(&got).expect("got"),
        std::fs::read(&file).expect("kept")
    );
    assert_eq!(anna.get(&format!("/alerts/{id}/evidence")).status, 200);
    for wrong in ["..%2f..%2fsite", "%2e%2e", "%00", "x%0d%0a", "0000"] {
        let answer = anna.get(&format!("/alerts/{wrong}/evidence.pcapng"));
        assert_eq!(answer.status, 404, "{wrong}");
    }
    let audit = anna.get("/audit").json().to_string();
    assert!(audit.contains("evidence.read"), "{audit}");
}
