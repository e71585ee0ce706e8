//! What the medical protocols told.

use std::collections::BTreeMap;

use serde_json::Value;

use super::wanted::get;

use super::{PAIRS_MAX, State, place, short};

/// Commands of one pair that are told apart.
const COMMANDS_MAX: usize = 32;

/// A conversation.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Flow {
    /// Flows that ended.
    pub flows: u64,
    /// Their bytes, both ways.
    pub bytes: u64,
    /// Bytes that were missing.
    pub gaps: u64,
    /// When one ended last.
    pub last: String,
}

/// What one AE title did with another.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Association {
    /// Associations that were asked for.
    pub asked: u64,
    /// Refused or aborted.
    pub refused: u64,
    /// Operations that failed.
    pub failed: u64,
    /// Operations, by command.
    pub commands: BTreeMap<String, u64>,
    /// How the last one failed.
    pub why: String,
    /// The address that asked.
    pub address: String,
    /// When it was seen last.
    pub last: String,
}

/// Messages of one type from one application to another.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Messages {
    /// Messages.
    pub count: u64,
    /// Answers that refused one.
    pub refused: u64,
    /// The longest wait for an answer, in milliseconds.
    pub latency_ms: f64,
    /// When the last one was seen.
    pub last: String,
}

pub(super) fn text(object: &Value, name: &str) -> String {
    get(object, name)
        .and_then(Value::as_str)
        .map(short)
        .unwrap_or_default()
}

fn add(count: &mut u64) {
    *count = count.saturating_add(1);
}

/// Takes an event of DICOM.
pub(super) fn dicom(state: &mut State, event: &Value, dicom: &Value) {
    let key = (text(dicom, "calling_ae"), text(dicom, "called_ae"));
    if key.0.is_empty() && key.1.is_empty() {
        return;
    }
    let Some(pair) = place(&mut state.associations, key, PAIRS_MAX, &mut state.cut) else {
        return;
    };
    pair.last = text(event, "timestamp");
    match text(dicom, "kind").as_str() {
        "associate_rq" => {
            add(&mut pair.asked);
            pair.address = text(event, "src_ip");
        }
        "associate_rj" | "abort" => add(&mut pair.refused),
        "dimse" => operation(pair, dicom),
        _ => {}
    }
}

fn operation(pair: &mut Association, dicom: &Value) {
    let command = text(dicom, "command");
    let room = pair.commands.len() < COMMANDS_MAX || pair.commands.contains_key(&command);
    if command.ends_with("-RQ") && room {
        add(pair.commands.entry(command).or_default());
    }
    if text(dicom, "status_class") == "failure" {
        add(&mut pair.failed);
        pair.why = text(dicom, "status_text");
    }
}

/// Takes a message of HL7.
pub(super) fn hl7(state: &mut State, event: &Value, hl7: &Value) {
    let answer = get(hl7, "ack_code").is_some();
    let (from, to) = (
        text(hl7, "sending_application"),
        text(hl7, "receiving_application"),
    );
    let kind = format!("{}^{}", text(hl7, "message_type"), text(hl7, "trigger"));
    // An answer counts for those whom it answers.
    let key = if answer {
        (to, from, "answers".to_owned())
    } else {
        (from, to, kind)
    };
    let Some(kept) = place(&mut state.messages, key, PAIRS_MAX, &mut state.cut) else {
        return;
    };
    add(&mut kept.count);
    kept.last = text(event, "timestamp");
    if answer {
        let code = text(hl7, "ack_code");
        if !matches!(code.as_str(), "AA" | "CA") {
            add(&mut kept.refused);
        }
        let latency = get(hl7, "latency_ms")
            .and_then(Value::as_f64)
            .unwrap_or(0.0);
        kept.latency_ms = kept.latency_ms.max(latency);
    }
}
