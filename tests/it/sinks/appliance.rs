//! The program itself: `vitalwire run` with a sink, and `vitalwire sinks test`.

use std::collections::BTreeSet;
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use super::http::Receiver;
use super::receivers::{Server, until};
use crate::support;

/// A configuration that reads captures and sends to a webhook.
fn config(receiver: &Receiver, dir: &TempDir) -> String {
    let (at, pcaps) = (dir.path().display(), support::root().join("pcaps/ward"));
    let text = format!(
        "state_dir: {at}\ncapture: {{files: [{}], loop: true}}\nhttp: {{enabled: false}}\n\
         heartbeat: {{interval: 1s}}\noutputs: {{eve: {{path: {at}/eve.json}}}}\n\
         sinks: [{{type: webhook, name: hook, url: '{}/hook', secret: '${{HOOK_SECRET}}'}}]\n",
        pcaps.display(),
        receiver.url
    );
    let path = dir.path().join("vitalwire.yaml");
    std::fs::write(&path, text).expect("written");
    path.display().to_string()
}

#[test]
fn the_appliance_sends_every_alert_and_heartbeats() {
    let Some(receiver) = Receiver::new(&["webhook", "s3cret"]) else {
        return;
    };
    let dir = TempDir::new().expect("temporary folder");
    let config = config(&receiver, &dir);
    let log = dir.path().join("log");
    let args = ["run", "--config", &config];
    let appliance = Server::new(support::vitalwire(), &args, &log, None);
    let mut appliance = appliance.env("HOOK_SECRET", "s3cret");
    appliance.start();
    let alerts = || {
        let text = std::fs::read_to_string(dir.path().join("eve.json")).unwrap_or_default();
        let lines = text
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let ids = lines.filter_map(|e| e["vitalwire"]["alert_id"].as_str().map(str::to_owned));
        ids.collect::<BTreeSet<String>>()
    };
    until("alerts", 60, || alerts().len() > 3);
    until("every alert", 60, || {
        receiver.ids("kind", "alert").is_superset(&alerts())
    });
    until("a heartbeat", 30, || {
        !receiver.ids("kind", "heartbeat").is_empty()
    });
    assert!(!receiver.ids("kind", "incident").is_empty());
    appliance.stop();
    assert!(!appliance.log().contains("s3cret"), "{}", appliance.log());
}

pub(super) fn try_sink(config: &str, name: &str, secret: &str) -> (Option<i32>, String) {
    let output = Command::new(support::vitalwire())
        .args(["sinks", "test", name, "--config", config])
        .env("HOOK_SECRET", secret)
        .stdin(Stdio::null())
        .output()
        .expect("runs");
    let said = [output.stdout, output.stderr].concat();
    (
        output.status.code(),
        String::from_utf8_lossy(&said).into_owned(),
    )
}

#[test]
fn a_test_message_arrives_or_it_is_said_why_not() {
    let Some(mut receiver) = Receiver::new(&["webhook", "s3cret"]) else {
        return;
    };
    let dir = TempDir::new().expect("temporary folder");
    let config = config(&receiver, &dir);
    let (code, said) = try_sink(&config, "hook", "s3cret");
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.starts_with("hook: taken by the receiver: test-"),
        "{said}"
    );
    let taken = receiver.taken();
    assert_eq!((taken.len(), &taken[0]["kind"]), (1, &Value::from("test")));
    let (code, said) = try_sink(&config, "hook", "another");
    assert!(
        code == Some(1) && said.contains("401") && said.contains("credentials"),
        "{said}"
    );
    assert!(!said.contains("another"), "{said}");
    let (code, said) = try_sink(&config, "hok", "s3cret");
    assert!(
        code == Some(2) && said.contains("did you mean `hook`"),
        "{said}"
    );
    receiver.server.kill();
    let (code, said) = try_sink(&config, "hook", "s3cret");
    assert!(code == Some(1) && said.contains("refused"), "{said}");
}

#[test]
fn mistakes_name_the_sink_and_the_key() {
    let dir = TempDir::new().expect("temporary folder");
    let path = dir.path().join("vitalwire.yaml");
    let cases = [
        ("{type: syslog, name: a, address: siem}", "a: address"),
        (
            "{type: syslog, name: a, address: 'x:1', transport: tpc}",
            "tpc",
        ),
        (
            "{type: syslog, name: a, address: 'x:1', framming: lf}",
            "framming",
        ),
        ("{type: syslog, name: a}", "address"),
        ("{type: webhook, name: a, url: 'ftp://x'}", "a: url"),
        (
            "{type: webhook, name: a, url: 'http://x', secret: plain}",
            "a: secret",
        ),
        (
            "{type: webhook, name: a, url: 'http://x', secret_file: /nowhere}",
            "a: secret_file",
        ),
        ("{type: nats, name: a, servers: []}", "a: servers"),
        ("{type: sylog, name: a}", "sylog"),
    ];
    for (sink, wanted) in cases {
        std::fs::write(&path, format!("sinks: [{sink}]\n")).expect("written");
        let (code, said) = try_sink(&path.display().to_string(), "a", "");
        assert!(code == Some(2) && said.contains(wanted), "{sink}: {said}");
        assert!(!said.contains("plain"), "{said}");
        let (code, _, told) = support::run(&["config", "check", &path.display().to_string()]);
        assert!(
            code == Some(2) && told.contains("yaml:1:") && told.contains(wanted),
            "{sink}: {told}"
        );
    }
}
