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
    for wanted in ["alert", "dicom", "hl7", "pump", "flow", "asset"] {
        assert!(types.contains(wanted), "{wanted} is not in the captures");
    }
    recorded.into_iter().chain(events::own()).collect()
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
