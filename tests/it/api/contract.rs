//! What the document promises, held against the running server; and what is refused, how.

use std::process::Command;

use serde_json::Value;

use super::appliance::{Appliance, captures};
use crate::support;

/// How long schemathesis may look for what is wrong, in seconds.
const LOOK: &str = "60";

#[test]
fn the_document_is_the_one_that_is_printed() {
    let appliance = Appliance::start(&captures(&["dicom-ae-brute"]), "");
    let served = appliance.stranger().get("/openapi.json").json();
    let (code, printed, _) = support::run(&["api", "schema"]);
    assert_eq!(code, Some(0));
    let printed: Value = serde_json::from_str(&printed).expect("JSON");
    assert_eq!(served, printed);
}

#[test]
fn every_refusal_is_problem_details_and_names_no_insides() {
    let appliance = Appliance::start(&captures(&["dicom-ae-brute"]), ", limits: {body: 64KiB}");
    let anna = appliance.admin();
    let long = appliance.dir.path().join("long");
    std::fs::write(&long, vec![b' '; 100_000]).expect("written");
    let long = format!("@{}", long.display());
    let answers = [
        (404, anna.get("/nosuch")),
        (404, anna.get("/alerts/%ff%fe")),
        (405, anna.ask("PUT", "/alerts", None)),
        (413, anna.post("/login", &long)),
        (415, anna.ask("POST", "/login", None)),
        (400, anna.post("/login", "{")),
        (422, anna.post("/login", r#"{"name":"x"}"#)),
        (
            422,
            anna.post("/login", r#"{"name":"x","password":"y","more":1}"#),
        ),
        (400, anna.get("/alerts?severty=high")),
        (400, anna.get("/alerts?severity=worst")),
        (400, anna.get("/alerts?limit=0")),
        (400, anna.get("/alerts?cursor=x")),
        (400, anna.get("/alerts?from=yesterday")),
        (400, anna.get(&format!("/alerts?q={}", "word+".repeat(50)))),
        (
            422,
            anna.post(
                "/users",
                r#"{"name":"x","role":"viewer","password":"short"}"#,
            ),
        ),
    ];
    for (status, answer) in answers {
        assert_eq!(answer.status, status, "{answer:?}");
        assert_eq!(
            answer.header("content-type"),
            Some("application/problem+json"),
            "{answer:?}"
        );
        let told = answer.json();
        assert_eq!(told["status"], status);
        let id = told["id"].as_str().expect("an id");
        assert!(appliance.log().contains(id), "{id} is not in the log");
        for inside in ["src/", ".rs", "SELECT", "sqlite", "panicked"] {
            assert!(!answer.body.contains(inside), "{answer:?}");
        }
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    }
}

#[test]
fn schemathesis_finds_nothing() {
    let python = make::lab::python().expect("the environment of Python");
    let appliance = Appliance::start(
        &captures(&["dicom-ae-brute", "hl7-internet"]),
        ", limits: {rate: 5000}",
    );
    let anna = appliance.admin();
    anna.alerts(2);
    let scopes = r#"{"name":"s","scopes":["read","triage","configure","admin"],"days":1}"#;
    let secret = anna.post("/tokens", scopes).json()["secret"].clone();
    let secret = secret.as_str().expect("a secret");
    let program = python.with_file_name("schemathesis");
    let mut command = Command::new(program);
    command
        .current_dir(appliance.dir.path())
        .args(["run", &format!("{}/openapi.json", anna.base)])
        .args(["-H", &format!("Authorization: Bearer {secret}")])
        .arg("--tls-verify")
        .arg(&anna.certificate)
        .args(["--max-time", LOOK, "--max-examples", "10", "--workers", "2"])
        .args([
            "--seed",
            "1",
            "--no-color",
            "--suppress-health-check",
            "all",
        ])
        // What a value means, as the text of a rule, no schema says.
        .args(["--exclude-checks", "positive_data_acceptance"])
        // Streams do not end.
        .args(["--exclude-path", "/api/v1/events"]);
    // They would take the token away.
    for id in ["deleteToken", "deleteUser", "changeUser"] {
        command.args(["--exclude-operation-id", id]);
    }
    let output = command.output().expect("schemathesis");
    let said = String::from_utf8_lossy(&output.stdout);
    let start = said.len().saturating_sub(6000);
    let tail: String = said.chars().skip(start).collect();
    assert!(output.status.success(), "{tail}");
    assert!(!appliance.log().contains("panicked"));
    assert_eq!(anna.get("/audit/verify").json()["whole"], true);
}
