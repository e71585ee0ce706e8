//! Contracts: every event type in every dialect against our schemas, and the published ones.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::process::{Command, Stdio};

use control::formats::schema::{self, Dialect};
use control::formats::{Format, render_within};
use serde_json::Value;

use super::events;
use crate::support;

/// One of every kind of line there is, and every alert.
fn lines() -> Vec<Value> {
    let recorded = events::recorded();
    let types: BTreeSet<&str> = recorded
        .iter()
        .filter_map(|e| e["event_type"].as_str())
        .collect();
    let written = parsers::kinds::ALL.iter().map(|kind| kind.name);
    for wanted in written.filter(|name| *name != "opens").chain(["alert"]) {
        assert!(types.contains(wanted), "{wanted} is not in the captures");
    }
    let alert = recorded.iter().find(|e| e["event_type"] == "alert");
    let worked_on = events::worked_on(alert.expect("an alert"));
    let own = events::own();
    recorded.into_iter().chain(worked_on).chain(own).collect()
}

/// What a checker says of the lines.
fn check(against: &str, lines: &[String]) {
    let Ok(python) = make::lab::python() else {
        eprintln!("skipped: no Python environment");
        return;
    };
    let mut child = Command::new(python)
        .arg(make::lab::peers_folder().join("schemas.py"))
        .arg(against)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python starts");
    let mut input = child.stdin.take().expect("piped");
    let text = lines.join("\n");
    let writer = std::thread::spawn(move || input.write_all(text.as_bytes()));
    let output = child.wait_with_output().expect("ends");
    writer.join().expect("no panic").expect("written");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{against}: {said}");
}

fn check_schema(dialect: Dialect, lines: &[String]) {
    let dir = tempfile::TempDir::new().expect("temporary folder");
    let path = dir.path().join("schema.json");
    std::fs::write(&path, schema::of(dialect)).expect("written");
    check(path.to_str().expect("UTF-8"), lines);
}

fn rendered(format: Format) -> Vec<String> {
    lines().iter().map(|line| format.render(line)).collect()
}

#[test]
fn eve_is_as_its_schema_says() {
    check_schema(Dialect::Eve, &rendered(Format::Eve));
}

/// What Suricata's own schema has of what we write, and as what.
const SURICATA: [(&str, &[&str]); 4] = [
    (
        "string",
        &[
            "timestamp",
            "event_type",
            "host",
            "in_iface",
            "src_ip",
            "dest_ip",
            "proto",
            "app_proto",
            "direction",
            "community_id",
            "ether.src_mac",
            "ether.dest_mac",
            "alert.signature",
            "alert.category",
            "alert.source.ip",
            "alert.target.ip",
            "flow.start",
            "flow.end",
            "flow.state",
            "flow.reason",
            "anomaly.type",
            "anomaly.event",
            "anomaly.layer",
            "anomaly.app_proto",
            "arp.hw_type",
            "arp.proto_type",
            "arp.opcode",
            "arp.src_mac",
            "arp.src_ip",
            "arp.dest_mac",
            "arp.dest_ip",
            "tls.sni",
            "tls.version",
        ],
    ),
    (
        "integer",
        &[
            "flow_id",
            "pcap_cnt",
            "src_port",
            "dest_port",
            "alert.gid",
            "alert.signature_id",
            "alert.rev",
            "alert.severity",
            "alert.source.port",
            "alert.target.port",
            "flow.age",
            "flow.pkts_toserver",
            "flow.pkts_toclient",
            "flow.bytes_toserver",
            "flow.bytes_toclient",
        ],
    ),
    ("array", &["vlan", "alert.references"]),
    ("object", &["alert.metadata"]),
];

#[test]
fn what_suricata_knows_is_as_suricata_has_it() {
    let type_of = |value: &Value| match value {
        Value::String(_) => "string",
        Value::Number(number) if number.is_u64() => "integer",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
        _ => "another",
    };
    for line in lines() {
        for (wanted, names) in SURICATA {
            for name in names {
                let found = line.pointer(&format!("/{}", name.replace('.', "/")));
                assert!(
                    found.is_none_or(|found| type_of(found) == wanted),
                    "{name}: {line}"
                );
            }
        }
    }
}

/// Whatever is in a line, the schema describes it.
#[test]
fn nothing_in_eve_is_without_a_word() {
    let schema: Value = serde_json::from_str(&schema::of(Dialect::Eve)).expect("JSON");
    let mut silent = BTreeSet::new();
    for line in lines() {
        undescribed(&schema, &line, "", &mut silent);
    }
    assert!(silent.is_empty(), "{silent:?}");
}

fn undescribed(of: &Value, value: &Value, at: &str, silent: &mut BTreeSet<String>) {
    let (Some(known), Some(members)) = (of["properties"].as_object(), value.as_object()) else {
        return;
    };
    for (key, value) in members {
        let at = format!("{at}/{key}");
        match known.get(key) {
            Some(of) => undescribed(of, value, &at, silent),
            None => drop(silent.insert(at)),
        }
    }
}

#[test]
fn ecs_is_as_its_schema_says() {
    check_schema(Dialect::Ecs, &rendered(Format::Ecs));
}

#[test]
fn ocsf_is_as_its_schema_and_the_published_one_say() {
    for format in [Format::Ocsf, Format::OcsfDetections] {
        let lines = rendered(format);
        check_schema(Dialect::Ocsf, &lines);
        check("ocsf", &lines);
    }
}

/// `control/schemas/eve-1.json` is what was promised: whatever is in it stays, and more may come. With
/// `VITALWIRE_BLESS` it becomes what is generated now.
#[test]
fn the_schema_of_eve_only_grows() {
    let path = support::root().join("control/schemas/eve-1.json");
    let generated = schema::of(Dialect::Eve);
    if std::env::var_os("VITALWIRE_BLESS").is_some() {
        std::fs::write(&path, &generated).expect("written");
    }
    let read = |text: &str| serde_json::from_str::<Value>(text).expect("JSON");
    let kept = read(&std::fs::read_to_string(&path).expect("kept"));
    let mut gone = Vec::new();
    compare(&kept, &read(&generated), "", &mut gone);
    assert!(
        gone.is_empty(),
        "promised in schema 1, and gone or changed: {gone:?}"
    );
    assert!(
        kept == read(&generated),
        "there is more: promise it, with VITALWIRE_BLESS=1"
    );
}

/// What of the promised is not there any more, texts for people aside.
fn compare(promised: &Value, now: &Value, at: &str, gone: &mut Vec<String>) {
    match (promised, now) {
        (Value::Object(promised), Value::Object(now)) => {
            for (key, value) in promised.iter().filter(|(key, _)| *key != "description") {
                let at = format!("{at}/{key}");
                compare(value, now.get(key).unwrap_or(&Value::Null), &at, gone);
            }
        }
        (Value::Array(promised), Value::Array(now)) if at.ends_with("/enum") => {
            let missing = promised.iter().filter(|word| !now.contains(word));
            gone.extend(missing.map(|word| format!("{at}: {word}")));
        }
        (promised, now) if promised != now => gone.push(at.to_owned()),
        _ => {}
    }
}

#[test]
fn a_message_that_has_to_fit_is_whole_and_says_what_it_lacks() {
    for line in lines().iter().filter(|line| line["event_type"] == "alert") {
        for format in [Format::Eve, Format::Ecs, Format::Ocsf] {
            let whole = format.render(line);
            for room in [whole.len(), whole.len() - 1, 2048, 1400] {
                let Some(text) = render_within(format, line, room) else {
                    continue;
                };
                assert!(text.len() <= room, "{} of {room}", text.len());
                let read: Value = serde_json::from_str(&text).expect("JSON");
                let says = text.contains("\"truncated\":true");
                assert_eq!(says, text.len() < whole.len() && read.is_object(), "{text}");
            }
            assert!(render_within(format, line, 20).is_none());
        }
    }
}
