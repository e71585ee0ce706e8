//! Rules and suppressions that people change while the appliance runs.

use std::time::Duration;

use super::appliance::{Appliance, captures, eventually};

fn file(text: &str, more: &str) -> String {
    format!("{{\"text\":{}{more}}}", serde_json::Value::from(text))
}

pub const RULE: &str = "rules:
  - id: site-any-association
    sid: 1900001
    rev: 1
    title: Any association
    severity: low
    on: dicom
    when: dicom.kind == \"associate_rq\"
    explain: \"{src_ip} associated\"
";

#[test]
fn rules_are_uploaded_tried_compared_and_rolled_back() {
    let appliance = Appliance::start(&captures(&["dicom-ae-brute"]), "");
    let anna = appliance.admin();
    let before = anna.get("/rules").json();
    let wrong = anna.ask(
        "PUT",
        "/rules/files/site",
        Some(&file(&RULE.replace("dicom.kind", "dicom.kin"), "")),
    );
    assert_eq!(wrong.status, 422, "{wrong:?}");
    let mistake = &wrong.json()["errors"][0];
    assert_eq!(
        (mistake["file"].as_str(), mistake["line"].as_u64()),
        (Some("site.yaml"), Some(8)),
        "{mistake}"
    );
    assert!(
        mistake["column"].as_u64() > Some(1) && mistake.to_string().contains("dicom.kind"),
        "{mistake}"
    );
    let dry = anna.ask(
        "PUT",
        "/rules/files/site",
        Some(&file(RULE, ",\"dry_run\":true")),
    );
    assert_eq!((dry.status, dry.json()["version"].is_null()), (200, true));
    assert_eq!(anna.get("/rules").json()["armed"], before["armed"]);

    let capture =
        std::fs::read(crate::support::root().join("pcaps/rules/dicom-ae-brute/fire.pcap"));
    let capture = base64(&capture.expect("the capture"));
    let tried = anna.post(
        "/rules/test",
        &file(RULE, &format!(",\"capture\":\"{capture}\"")),
    );
    assert!(tried.body.contains("site-any-association"), "{tried:?}");

    let put = anna.ask(
        "PUT",
        "/rules/files/site",
        Some(&file(RULE, ",\"note\":\"first\"")),
    );
    assert_eq!(put.json()["version"], 1, "{put:?}");
    let armed = |more: u64| {
        anna.get("/rules").json()["armed"].as_u64()
            == Some(before["armed"].as_u64().expect("a count") + more)
    };
    assert!(armed(1));
    let text = RULE.replace("severity: low", "severity: info");
    assert_eq!(
        anna.ask("PUT", "/rules/files/site", Some(&file(&text, "")))
            .json()["version"],
        2
    );
    let diff = anna.get("/rules/versions/1/diff").json();
    let diff = diff["files"][0]["diff"]
        .as_str()
        .expect("a diff")
        .to_owned();
    assert!(
        diff.contains("-    severity: low") && diff.contains("+    severity: info"),
        "{diff}"
    );
    assert_eq!(
        anna.post("/rules/versions/1/restore", "").json()["version"],
        3
    );
    assert_eq!(anna.get("/rules/files/site").json()["text"], RULE);
    assert_eq!(anna.post("/rules/versions/99/restore", "").status, 404);

    let dir = appliance.stop();
    let appliance = Appliance::start_in(dir, &captures(&["dicom-ae-brute"]), "");
    let again = super::appliance::Client {
        base: appliance.stranger().base,
        ..anna
    };
    assert_eq!(
        again.get("/rules/site-any-association").status,
        200,
        "they outlive a restart"
    );
    let alert = eventually("an alert of that rule", || {
        let found = again.get("/alerts?rule=site-any-association").json();
        Some(found["alerts"][0]["alert_id"].as_str()?.to_owned())
    });
    let page = again.console().get(&format!("/alerts/{alert}/tune"));
    assert!(
        page.status == 200 && page.body.contains("would have hidden"),
        "{page:?}"
    );
    assert_eq!(again.ask("DELETE", "/rules/files/site", None).status, 200);
    assert_eq!(again.get("/rules/site-any-association").status, 404);
}

#[test]
fn a_suppression_is_checked_previewed_and_in_force_at_once() {
    let appliance = Appliance::start(&captures(&["hl7-internet"]), "");
    let anna = appliance.admin();
    anna.alerts(1);
    let body = |rule: &str, when: &str| {
        format!(
            r#"{{"rule":"{rule}","when":{},"owner":"it","reason":"known","expires":"2099-12-31"}}"#,
            serde_json::Value::from(when)
        )
    };
    assert_eq!(
        anna.post("/suppressions", &body("no-such-rule", "src_port > 0"))
            .status,
        422
    );
    let wrong = anna.post("/suppressions", &body("hl7-internet", "src_prt > 0"));
    assert_eq!(wrong.status, 422);
    assert!(wrong.body.contains("src_port"), "{wrong:?}");
    // The captures are older than a preview looks back, until a day is given to their alerts.
    for (ago, is_seen) in [(None, false), (Some(31), false), (Some(29), true)] {
        let count = ago.map_or(0, |days| move_alerts(&appliance, days));
        let hidden = if is_seen { count } else { 0 };
        let asked = body("hl7-internet", "src_port > 0");
        let found = anna.post("/suppressions/preview", &asked).json();
        assert_eq!(found["hidden"], hidden, "{found}");
        let id = &anna.alerts(1)[0]["alert_id"];
        let id = id.as_str().expect("an id");
        let page = anna.console().get(&format!("/alerts/{id}/tune")).body;
        let (_, said) = page.split_once("would have hidden <strong>").expect("said");
        assert_eq!(!said.starts_with("0<"), is_seen, "{said}");
    }
    let made = anna.post("/suppressions", &body("hl7-internet", "src_port > 0"));
    assert_eq!(made.status, 201, "{made:?}");
    let path = format!("/suppressions/{}", made.json()["number"]);
    assert_eq!(anna.get(&path).json()["owner"], "it");
    eventually("the suppression in force", || {
        appliance.log().contains("rules reloaded").then_some(())
    });
    let tag = anna.get(&path).header("etag").expect("a tag").to_owned();
    let careful = anna.with(&format!("if-match: {tag}"));
    let other = body("hl7-internet", "src_port > 1");
    assert_eq!(careful.ask("PUT", &path, Some(&other)).status, 200);
    assert_eq!(careful.ask("PUT", &path, Some(&other)).status, 412);
    assert_eq!(anna.ask("DELETE", &path, None).status, 204);
    assert_eq!(anna.get(&path).status, 404);
    let next = anna.post("/suppressions", &other).json()["number"].as_u64();
    assert!(
        next > made.json()["number"].as_u64(),
        "a number is given once"
    );
}

/// Gives every alert a time so many days ago. Says how many there are.
fn move_alerts(appliance: &Appliance, days: u32) -> usize {
    let store = rusqlite::Connection::open(appliance.state().join("vitalwire.db"));
    let store = store.expect("the store");
    store.busy_timeout(Duration::from_secs(10)).expect("set");
    let sql = "UPDATE alerts SET time = (unixepoch() - ?1 * 86400) * 1000000";
    store.execute(sql, [days]).expect("moved")
}

/// By the system's own program: the tests need no library for it.
fn base64(bytes: &[u8]) -> String {
    use std::io::Write;
    use std::process::{Command, Stdio};
    let mut child = Command::new("base64")
        .arg("-w0")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("base64");
    child
        .stdin
        .take()
        .expect("piped")
        .write_all(bytes)
        .expect("written");
    String::from_utf8(child.wait_with_output().expect("done").stdout).expect("text")
}
