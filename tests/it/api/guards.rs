//! What stands before every operation: who may do it, whether a browser was meant to, and how much of
//! everything one client gets.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use super::appliance::{Appliance, Client, captures};
use super::rules::RULE;

const QUIET: &str = "dicom-ae-brute";

/// What each operation needs, by its id; `-` is for strangers too. A new operation has to be added here.
const NEEDS: &str = "
    -: setup login
    read: logout me changePassword health ledger alerts alertFacets alert incidents incident evidence
        evidenceCapture responses assets assetsCsv asset assetList findings rules rule ruleFiles ruleFile
        ruleVersions diffRules suppressions previewSuppression suppression events tokens createToken
        token deleteToken
    triage: changeAlerts acknowledgeAlert closeAlert commentAlert acknowledgeIncident closeIncident
        commentIncident
    configure: holdAlert holdIncident putAssetList deleteAssetList reloadRules putRuleFile
        deleteRuleFile restoreRules testRules createSuppression changeSuppression deleteSuppression
    clinical: approveResponse
    admin: users createUser user deleteUser changeUser audit verifyAudit";

/// What roles may do.
const ROLES: [(&str, &[&str]); 5] = [
    ("viewer", &["read"]),
    ("analyst", &["read", "triage"]),
    ("engineer", &["read", "triage", "configure"]),
    ("clinical_engineer", &["read", "triage", "clinical"]),
    ("admin", &["read", "triage", "configure", "admin"]),
];

struct Operation {
    id: String,
    method: String,
    path: String,
    needs: &'static str,
}

impl Operation {
    fn ask(&self, client: &Client) -> u16 {
        let body = (self.method != "GET").then_some("{}");
        client.ask(&self.method, &self.path, body).status
    }
}

/// Every operation of the document, on things that are not there.
fn operations(document: &Value) -> Vec<Operation> {
    let mut needs = BTreeMap::new();
    let mut permission = "";
    for word in NEEDS.split_whitespace() {
        match word.strip_suffix(':') {
            Some(word) => permission = word,
            None => assert_eq!(needs.insert(word, permission), None, "{word}"),
        }
    }
    let mut all = Vec::new();
    for (path, methods) in document["paths"].as_object().expect("paths") {
        for (method, operation) in methods.as_object().expect("methods") {
            let Some(id) = operation["operationId"].as_str() else {
                continue;
            };
            let needed = needs.remove(id);
            let needed = needed.unwrap_or_else(|| panic!("{id} is new: who may do it?"));
            let said = operation["x-permission"].as_str().unwrap_or("-");
            assert_eq!(said, needed, "{id} in the document");
            let path = path.replace("/api/v1", "").replace("{id}", &"0".repeat(32));
            let path = path
                .replace("{number}", "4711")
                .replace("{version}", "4711");
            all.push(Operation {
                id: id.to_owned(),
                method: method.to_uppercase(),
                path: path
                    .replace("{name}", "nobody")
                    .replace("{response}", "none"),
                needs: needed,
            });
        }
    }
    assert!(needs.is_empty(), "no such operations: {needs:?}");
    all
}

#[test]
fn every_operation_refuses_whoever_may_not_and_what_another_site_asked_for() {
    let appliance = Appliance::start(&captures(&[QUIET]), ", limits: {rate: 5000}");
    let anna = appliance.admin();
    let all = operations(&anna.get("/openapi.json").json());
    let open: Vec<&Operation> = all.iter().filter(|op| op.needs != "-").collect();
    let stranger = appliance.stranger();
    for operation in &open {
        assert_eq!(
            operation.ask(&stranger),
            401,
            "{} by a stranger",
            operation.id
        );
    }
    for (role, may) in ROLES {
        let user = appliance.user(&anna, &format!("a-{role}"), role);
        for operation in &open {
            if !may.contains(&operation.needs) {
                assert_eq!(operation.ask(&user), 403, "{} by {role}", operation.id);
            }
        }
    }
    // Who may is let through: there is nothing of that name, or the body is none.
    let looks = ["ledger", "alerts", "users", "audit", "findings"];
    for operation in open.iter().filter(|op| looks.contains(&op.id.as_str())) {
        assert_eq!(operation.ask(&anna), 200, "{}", operation.id);
    }
    let lured = anna.lured();
    for operation in open.iter().filter(|op| op.method != "GET") {
        assert_eq!(
            operation.ask(&lured),
            403,
            "{} from elsewhere",
            operation.id
        );
    }
    assert_eq!(
        anna.get("/me").status,
        200,
        "nothing of that ended the session"
    );
}

#[test]
fn whoever_changes_what_was_changed_meanwhile_is_told() {
    let appliance = Appliance::start(&captures(&[QUIET]), "");
    let anna = appliance.admin();
    appliance.user(&anna, "bert", "viewer");
    let alert = anna.alerts(1).remove(0);
    let id = |key: &str| alert[key].as_str().expect("an id").to_owned();
    let because = |reason: &str| {
        format!(
            r#"{{"rule":"dicom-ae-brute","match":{{"src_ip":["10.9.9.9"]}},"owner":"it",
                "reason":"{reason}","expires":"2099-01-01"}}"#
        )
    };
    let made = anna.post("/suppressions", &because("a test"));
    assert_eq!(made.status, 201, "{made:?}");
    let suppression = format!("/suppressions/{}", made.json()["number"]);
    let changed = because("another");
    let (alert, incident) = (
        format!("/alerts/{}", id("alert_id")),
        format!("/incidents/{}", id("incident_id")),
    );
    let file = |severity: &str| {
        let text = RULE.replace("severity: low", severity);
        serde_json::json!({"text": text}).to_string()
    };
    let (rules, list) = ("/rules/files/site".to_owned(), "/assets/list".to_owned());
    let made = anna.ask("PUT", &rules, Some(&file("severity: low")));
    assert_eq!(made.status, 200, "{made:?}");
    let made = anna.post("/tokens", r#"{"name":"t","scopes":["read"],"days":1}"#);
    let token = format!("/tokens/{}", made.json()["token"]["number"]);
    let (hold, close) = (r#"{"held":true}"#, r#"{"verdict":"test"}"#);
    let on = |of: &str, what: &str| format!("{of}/{what}");
    let changes = [
        (&alert, "POST", on(&alert, "acknowledge"), ""),
        (&alert, "POST", on(&alert, "hold"), hold),
        (&alert, "POST", on(&alert, "close"), close),
        (&incident, "POST", on(&incident, "acknowledge"), ""),
        (&incident, "POST", on(&incident, "hold"), hold),
        (&incident, "POST", on(&incident, "close"), close),
        (&suppression, "PUT", suppression.clone(), changed.as_str()),
        (
            &"/users/bert".to_owned(),
            "PATCH",
            "/users/bert".to_owned(),
            r#"{"role":"analyst"}"#,
        ),
        (&suppression, "DELETE", suppression.clone(), ""),
        (
            &"/users/bert".to_owned(),
            "DELETE",
            "/users/bert".to_owned(),
            "",
        ),
        (&rules, "PUT", rules.clone(), &file("severity: info")),
        (
            &"/rules/files".to_owned(),
            "POST",
            "/rules/versions/1/restore".to_owned(),
            "",
        ),
        (&rules, "DELETE", rules.clone(), ""),
        (&list, "PUT", list.clone(), "name,ip\nCT 1,10.99.0.1\n"),
        (&list, "DELETE", list.clone(), ""),
        (&token, "DELETE", token.clone(), ""),
    ];
    let entries = || anna.get("/audit?limit=10").json()["entries"].clone();
    let is_newer =
        |before: &Value, entry: &Value| entry["seq"].as_u64() > before[0]["seq"].as_u64();
    let strange = anna.with("if-match: \"0123456789abcdef\"");
    for (of, method, path, body) in changes {
        let kind = if of == &list {
            "text/csv"
        } else {
            "application/json"
        };
        let stale = strange.send(method, &path, kind, body);
        assert_eq!(stale.status, 412, "{method} {path}: {stale:?}");
        let done = anna.with(&format!(
            "if-match: {}",
            anna.get(of).header("etag").expect("a tag")
        ));
        let before = entries();
        let done = done.send(method, &path, kind, body);
        assert!(
            (200..300).contains(&done.status),
            "{method} {path}: {done:?}"
        );
        let after = entries();
        let mut new = after.as_array().into_iter().flatten();
        let said = new.any(|entry| is_newer(&before, entry) && entry["actor"] == "user:anna");
        assert!(said, "{method} {path} is not in the audit log: {after}");
    }
}

#[test]
fn one_address_gets_its_share_of_requests_and_of_connections() {
    let limits = ", limits: {rate: 2, connections_of_address: 3}";
    let appliance = Appliance::start(&captures(&[QUIET]), limits);
    let stranger = appliance.stranger();
    let answers: Vec<_> = (0..40).map(|_| stranger.get("/me")).collect();
    let refused = answers.iter().filter(|answer| answer.status == 429);
    let refused: Vec<_> = refused.collect();
    let served = answers.iter().filter(|answer| answer.status == 401).count();
    assert!((20..35).contains(&served), "{served} served");
    assert_eq!(served + refused.len(), 40);
    assert_eq!(refused[0].header("retry-after"), Some("1"));
    // Three are held open; what comes beyond them is closed at once.
    std::thread::sleep(Duration::from_millis(500));
    let connect = || TcpStream::connect(("127.0.0.1", appliance.port)).expect("connected");
    let held: Vec<TcpStream> = (0..3).map(|_| connect()).collect();
    let is_closed = |mut stream: TcpStream, within: u64| {
        let within = Duration::from_secs(within);
        stream.set_read_timeout(Some(within)).expect("a timeout");
        matches!(stream.read(&mut [0]), Ok(0)) || stream.peer_addr().is_err()
    };
    assert!(is_closed(connect(), 5), "the fourth");
    for stream in held {
        assert!(!is_closed(stream, 1), "the others stay");
    }
}

#[test]
fn a_request_that_dawdles_is_answered_and_ended() {
    let appliance = Appliance::start(&captures(&[QUIET]), ", limits: {timeout: 1s}");
    let mut curl = appliance.stranger().curl();
    let url = format!("{}/login", appliance.stranger().base);
    // A body that never comes.
    curl.args(["-i", "-X", "POST", "-T", ".", "-H", "expect:"]);
    curl.args(["-w", "\n%{time_starttransfer}"]);
    curl.args(["-H", "content-type: application/json", &url]);
    // Somebody who writes nothing holds its end of the pipe, and curl waits for that end.
    let mut silent = Command::new("sleep")
        .arg("6")
        .stdout(Stdio::piped())
        .spawn()
        .expect("sleep");
    let body = silent.stdout.take().expect("piped");
    let output = curl.stdin(body).output().expect("curl");
    silent.kill().ok();
    silent.wait().ok();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let status = said.split_whitespace().nth(1);
    assert_eq!(status, Some("503"), "{said}");
    let began = said.lines().last().and_then(|line| line.parse().ok());
    assert!(began.is_some_and(|secs: f64| secs < 4.0), "{said}");
}

#[test]
fn guesses_that_come_all_at_once_are_counted_one_by_one() {
    let appliance = Appliance::start(&captures(&[QUIET]), "");
    appliance.admin();
    let body = r#"{"name":"anna","password":"wrong horse battery"}"#;
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let guess = || appliance.stranger().post("/login", body).status;
        let all: Vec<_> = (0..30).map(|_| scope.spawn(guess)).collect();
        all.into_iter()
            .map(|one| one.join().expect("answered"))
            .collect()
    });
    let tried = statuses.iter().filter(|status| **status == 401).count();
    // Two passwords are looked at at a time.
    assert!((8..=9).contains(&tried), "{statuses:?}");
    assert!(
        statuses.iter().all(|status| matches!(status, 401 | 429)),
        "{statuses:?}"
    );
}
