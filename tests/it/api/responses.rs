//! A response to an alert about a pump: refused, proposed, approved by a clinical engineer, seen in the
//! feed, over.

use serde_json::Value;
use tempfile::TempDir;

use super::appliance::{Answer, Appliance, Client, PASSWORD, eventually, put};

const RESPONSE: &str = "responses:\n  - {name: quarantine, rules: [dicom-ae-brute], dry_run: false, \
    expires: 6s, block_list: {dir: DIR/feeds}}\n";

fn stands(client: &Client, path: &str) -> Value {
    client.get(path).json()["responses"][0].clone()
}

fn until_state(client: &Client, path: &str, state: &str) -> Value {
    eventually(state, || {
        let stands = stands(client, path);
        (stands["state"] == state).then_some(stands)
    })
}

/// A page of the console, or a form of it that is sent.
fn console(client: &Client, path: &str, form: &[&str]) -> Answer {
    let browser = client.console();
    if form.is_empty() {
        return browser.get(path);
    }
    let csrf = client
        .headers
        .iter()
        .find_map(|h| h.strip_prefix("x-csrf-token: "));
    let form = format!("csrf={}&{}", csrf.expect("csrf"), form.join("&"));
    browser.send("POST", path, "application/x-www-form-urlencoded", &form)
}

#[test]
fn a_pump_is_touched_only_after_clinical_engineering_approved_it() {
    let dir = TempDir::new().expect("temporary folder");
    let folder = dir.path().join("captures");
    std::fs::create_dir(&folder).expect("made");
    put(&folder, "dicom-ae-brute", "quiet");
    let captures = folder.display().to_string();
    let appliance = Appliance::start_with(dir, &captures, "", RESPONSE);
    let feed = appliance.dir.path().join("feeds/quarantine.txt");
    let anna = appliance.admin();
    let cleo = appliance.user(&anna, "cleo", "clinical_engineer");
    let eva = appliance.user(&anna, "eva", "engineer");

    let attacker = attacker();
    let list = format!("name,role,owner,phone,unit,ip\nPump 4,pump,biomed,4711,ICU,{attacker}\n");
    assert_eq!(
        anna.send("PUT", "/assets/list", "text/csv", &list).status,
        200
    );
    put(&folder, "dicom-ae-brute", "fire");
    let alert = eventually("the alert", || {
        let found = anna.get("/alerts?rule=dicom-ae-brute").json();
        found["alerts"].as_array()?.first().cloned()
    });
    let id = alert["alert_id"].as_str().expect("an id");
    let explain = alert["explain"].as_str().expect("words");
    assert!(
        explain.starts_with(&format!("Pump 4 at {attacker} ")),
        "{explain}"
    );
    let event = anna.get(&format!("/alerts/{id}")).json()["event"]["vitalwire"].clone();
    assert_eq!(
        (&event["do_not_isolate"], &event["contact"]["phone"]),
        (&true.into(), &"4711".into())
    );

    let path = format!("/alerts/{id}/responses");
    let proposed = until_state(&anna, &path, "proposed");
    assert_eq!(proposed["target"], attacker.as_str());
    assert!(std::fs::read_to_string(&feed).expect("a feed").is_empty());
    let page = console(&eva, &format!("/alerts/{id}"), &[]).body;
    for said in [
        "Pump 4",
        "Do not isolate",
        "4711",
        "A clinical engineer may approve",
    ] {
        assert!(page.contains(said), "{said}");
    }
    assert!(!page.contains("Approve this one action"));

    let approve = format!("{path}/quarantine/approve");
    for refused in [&anna, &eva] {
        assert_eq!(refused.post(&approve, "{}").status, 403);
        let sent = console(
            refused,
            &format!("/alerts/{id}/approve"),
            &["response=quarantine"],
        );
        assert_eq!(sent.status, 403);
    }
    assert_eq!(cleo.lured().post(&approve, "{}").status, 403);
    assert_eq!(
        cleo.post(&format!("{path}/other/approve"), "{}").status,
        404
    );
    assert_eq!(
        cleo.post("/alerts/0/responses/quarantine/approve", "{}")
            .status,
        404
    );
    assert!(
        console(&cleo, &format!("/alerts/{id}"), &[])
            .body
            .contains("Approve this one action")
    );
    let form = ["response=quarantine", "reason=the+ward+was+asked"];
    assert_eq!(
        console(&cleo, &format!("/alerts/{id}/approve"), &form).status,
        303
    );
    assert_eq!(cleo.post(&approve, "{}").status, 409, "once");

    let acting = until_state(&anna, &path, "acting");
    assert_eq!(acting["approved_by"], "user:cleo");
    assert_eq!(
        std::fs::read_to_string(&feed).expect("a feed"),
        format!("{attacker}\n")
    );
    until_state(&anna, &path, "over");
    assert!(std::fs::read_to_string(&feed).expect("a feed").is_empty());
    let audit = anna.get("/audit?limit=1000").json();
    let entries = audit["entries"].as_array().expect("entries").iter();
    let acts: Vec<&str> = entries
        .rev()
        .filter_map(|one| one["action"].as_str())
        .collect();
    let acts: Vec<&str> = acts
        .into_iter()
        .filter(|act| act.starts_with("response."))
        .collect();
    assert_eq!(
        acts,
        [
            "response.refuse",
            "response.approve",
            "response.act",
            "response.expire"
        ]
    );
    assert_eq!(anna.get("/audit/verify").json()["whole"], true);
    assert!(!audit.to_string().contains(PASSWORD));
}

/// Who attacks in the capture.
fn attacker() -> String {
    let run = crate::support::inspect(
        &[crate::support::root().join("pcaps/rules/dicom-ae-brute/fire.pcap")],
        &[],
    );
    let alert = run
        .of_type("alert")
        .into_iter()
        .find(|alert| alert["vitalwire"]["slug"] == "dicom-ae-brute");
    let alert = alert.expect("an alert");
    alert["alert"]["source"]["ip"]
        .as_str()
        .expect("an address")
        .to_owned()
}
