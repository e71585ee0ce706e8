//! What the medical protocols told.

use std::collections::{BTreeMap, VecDeque};

use serde_json::Value;

use super::{ORDERS_MAX, PAIRS_MAX, PUMPS_MAX, State, place, short};

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

/// An order to a pump, or what it said.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Order {
    /// When.
    pub time: String,
    /// `program`, `start`, `report`, `alarm` and the like.
    pub action: String,
    /// Who sent it.
    pub by: String,
    /// The application that sent it.
    pub application: String,
    /// What flows.
    pub drug: String,
    /// How fast.
    pub rate: Option<f64>,
    /// How much is to be given.
    pub vtbi: Option<f64>,
    /// The alarm.
    pub alarm: String,
}

/// A pump.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pump {
    /// What kind it is.
    pub kind: String,
    /// What it does, as it said last.
    pub status: String,
    /// The newest orders and reports, the oldest first.
    pub orders: VecDeque<Order>,
}

fn text(object: &Value, name: &str) -> String {
    object
        .get(name)
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
    let answer = hl7.get("ack_code").is_some();
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
        let latency = hl7.get("latency_ms").and_then(Value::as_f64).unwrap_or(0.0);
        kept.latency_ms = kept.latency_ms.max(latency);
    }
}

/// Takes what a pump was told, or told.
pub(super) fn pump(state: &mut State, event: &Value, pump: &Value) {
    let device = text(pump, "device");
    if device.is_empty() {
        return;
    }
    let Some(kept) = place(&mut state.pumps, device, PUMPS_MAX, &mut state.cut) else {
        return;
    };
    kept.kind = text(pump, "device_type");
    let status = text(pump, "status");
    if !status.is_empty() {
        kept.status = status;
    }
    if kept.orders.len() >= ORDERS_MAX {
        kept.orders.pop_front();
    }
    let number = |name: &str| pump.get(name).and_then(Value::as_f64);
    kept.orders.push_back(Order {
        time: text(event, "timestamp"),
        action: text(pump, "action"),
        by: text(event, "src_ip"),
        application: text(pump, "sending_application"),
        drug: text(pump, "drug"),
        rate: number("rate_ml_per_h"),
        vtbi: number("vtbi_ml"),
        alarm: pump
            .get("alarm")
            .map(|alarm| text(alarm, "code"))
            .unwrap_or_default(),
    });
}
