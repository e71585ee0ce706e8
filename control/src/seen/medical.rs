//! What the medical protocols told.

use std::collections::BTreeMap;

use super::event::{Dicom, Hl7, Line};
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
    /// When one ended last, in microseconds.
    pub last: i64,
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
    /// When it was seen last, in microseconds.
    pub last: i64,
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
    /// When the last one was seen, in microseconds.
    pub last: i64,
}

fn add(count: &mut u64) {
    *count = count.saturating_add(1);
}

/// Takes an event of DICOM.
pub(super) fn dicom(state: &mut State, line: &Line<'_>) {
    let Some(dicom) = line.own::<Dicom<'_>>() else {
        return;
    };
    if dicom.calling_ae.is_empty() && dicom.called_ae.is_empty() {
        return;
    }
    let key = (short(&dicom.calling_ae), short(&dicom.called_ae));
    let Some(pair) = place(&mut state.associations, key, PAIRS_MAX, &mut state.cut) else {
        return;
    };
    pair.last = line.at;
    match dicom.kind.as_ref() {
        "associate_rq" => {
            add(&mut pair.asked);
            pair.address = short(&line.around().src_ip);
        }
        "associate_rj" | "abort" => add(&mut pair.refused),
        "dimse" => operation(pair, &dicom),
        _ => {}
    }
}

fn operation(pair: &mut Association, dicom: &Dicom<'_>) {
    if dicom.command.ends_with("-RQ") {
        let room = pair.commands.len() < COMMANDS_MAX;
        match pair.commands.get_mut(dicom.command.as_ref()) {
            Some(count) => add(count),
            None if room => _ = pair.commands.insert(short(&dicom.command), 1),
            None => {}
        }
    }
    if dicom.status_class == "failure" {
        add(&mut pair.failed);
        pair.why = short(&dicom.status_text);
    }
}

/// Takes a message of HL7.
pub(super) fn hl7(state: &mut State, line: &Line<'_>) {
    let Some(hl7) = line.own::<Hl7<'_>>() else {
        return;
    };
    let answer = !hl7.ack_code.is_empty();
    let from = short(&hl7.sending_application);
    let to = short(&hl7.receiving_application);
    // An answer counts for those whom it answers.
    let key = if answer {
        (to, from, "answers".to_owned())
    } else {
        let kind = format!("{}^{}", hl7.message_type, hl7.trigger);
        (from, to, short(&kind))
    };
    let Some(kept) = place(&mut state.messages, key, PAIRS_MAX, &mut state.cut) else {
        return;
    };
    add(&mut kept.count);
    kept.last = line.at;
    if answer {
        if !matches!(hl7.ack_code.as_ref(), "AA" | "CA") {
            add(&mut kept.refused);
        }
        kept.latency_ms = kept.latency_ms.max(hl7.latency_ms);
    }
}
