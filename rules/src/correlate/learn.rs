//! What the correlator learns from each kind of event beside the rules: acknowledgments, pumps, what
//! passed. What devices say of themselves is the inventory's.

use std::net::IpAddr;

use parsers::catalogue::{FieldIx, FieldIx as Ix, KindId};
use parsers::json::{number, padded};
use parsers::kinds::{anomaly, arp, asset, capture, dicom, flow, hl7, opens, pump};

use super::Correlator;
use super::acks::End;
use super::bindings::Claim;
use super::subject::Subject;
use crate::record::{Owned, Text};

/// Whether rules about this kind are matched here, not in the workers: its events are made here,
/// or get a field here that rules read.
#[must_use]
pub fn matched_in_correlator(kind: KindId) -> bool {
    let ids = [
        opens::KIND.id,
        arp::KIND.id,
        asset::KIND.id,
        capture::KIND.id,
    ];
    ids.contains(&kind)
}

/// The fields of a kind that the correlator itself needs, whatever the rules are. A rule set's
/// [`needs`](crate::Ruleset::needs) contain them.
#[must_use]
pub fn builtin_needs(kind: KindId) -> &'static [FieldIx] {
    const DICOM: &[Ix] = &[
        dicom::KIND_OF,
        dicom::CALLING_AE,
        dicom::CALLED_AE,
        dicom::COMMAND,
        dicom::MANUFACTURER,
        dicom::MODEL,
        dicom::SERIAL,
        dicom::SOFTWARE,
        dicom::STATION,
        dicom::IMPLEMENTATION_VERSION,
    ];
    const HL7: &[Ix] = &[
        hl7::MESSAGE_TYPE,
        hl7::TRIGGER,
        hl7::CONTROL_ID,
        hl7::SENDING_APPLICATION,
        hl7::SENDING_FACILITY,
        hl7::RECEIVING_APPLICATION,
        hl7::ACK_CODE,
        hl7::ACK_TO,
    ];
    const PUMP: &[Ix] = &[
        pump::ACTION,
        pump::DEVICE,
        pump::VENDOR,
        pump::MODEL,
        pump::SERIAL,
        pump::SOFTWARE,
    ];
    const ARP: &[Ix] = &[
        arp::HW_TYPE,
        arp::PROTO_TYPE,
        arp::OPCODE,
        arp::SRC_MAC,
        arp::SRC_IP,
        arp::DEST_MAC,
        arp::DEST_IP,
        arp::GRATUITOUS,
        arp::MAC_MISMATCH,
        arp::PREVIOUS_MAC,
    ];
    const CAPTURE: &[Ix] = &[capture::EVENT, capture::DROPPED, capture::STEP];
    const KINDS: &[(KindId, &[Ix])] = &[
        (dicom::KIND.id, DICOM),
        (hl7::KIND.id, HL7),
        (pump::KIND.id, PUMP),
        (arp::KIND.id, ARP),
        (capture::KIND.id, CAPTURE),
        (anomaly::KIND.id, &[anomaly::EVENT]),
        (flow::KIND.id, &[flow::APP]),
    ];
    let found = KINDS.iter().find(|(id, _)| *id == kind);
    found.map_or(&[], |(_, fields)| fields)
}

impl Correlator {
    /// Learns from an event.
    pub(super) fn learn(&mut self, subject: &Subject<'_>) {
        let id = subject.kind.id;
        if id == dicom::KIND.id {
            self.learn_dicom(subject);
        } else if id == hl7::KIND.id {
            self.learn_hl7(subject);
        } else if id == pump::KIND.id {
            self.learn_pump(subject);
        } else if id == flow::KIND.id
            && let Some(app) = subject.text(flow::APP)
        {
            self.census.protocols.add(app);
        } else if id == anomaly::KIND.id
            && let Some(event) = subject.text(anomaly::EVENT)
        {
            self.census.anomalies.add(event);
        }
    }

    fn learn_dicom(&mut self, subject: &Subject<'_>) {
        if let Some(command) = subject.text(dicom::COMMAND) {
            self.census.dimse.add(command);
        }
        let what = match subject.text(dicom::KIND_OF) {
            Some("associate_rq") => Some("requested"),
            Some("associate_ac") => Some("accepted"),
            Some("associate_rj") => Some("rejected"),
            Some("abort") => Some("aborted"),
            _ => None,
        };
        if let Some(what) = what {
            self.census.associations.add(what);
        }
    }

    fn learn_hl7(&mut self, subject: &Subject<'_>) {
        let message = subject.text(hl7::MESSAGE_TYPE).unwrap_or("?");
        self.census.message(message, subject.text(hl7::TRIGGER));
        if let Some(code) = subject.text(hl7::ACK_CODE) {
            self.census.acks.add(code);
        }
    }

    /// An order names a pump, a report comes from one or from its gateway.
    fn learn_pump(&mut self, subject: &Subject<'_>) {
        let Some(device) = subject.text(pump::DEVICE) else {
            return;
        };
        let from_pump = !matches!(subject.text(pump::ACTION), Some("program" | "response"));
        let Some(known) = self.census.pump(device) else {
            return;
        };
        known.events = known.events.saturating_add(1);
        let ordered = subject.text(pump::ACTION) == Some("program");
        known.orders = known.orders.saturating_add(ordered.into());
        for (slot, field) in [
            (&mut known.vendor, pump::VENDOR),
            (&mut known.model, pump::MODEL),
            (&mut known.serial, pump::SERIAL),
        ] {
            if let Some(text) = subject.text(field).filter(|_| slot.is_none()) {
                *slot = Some(text.to_owned());
            }
        }
        if let Some(ip) = subject.envelope.src.ip.filter(|_| from_pump)
            && known.reported_by.len() < super::config::REPORTERS_MAX
        {
            known.reported_by.insert(ip);
        }
    }

    /// For an answer the member `"latency_ms":…`, if the message that it answers was seen; what is
    /// no plain acknowledgment waits for its own from now on (a pump's RRG^O16 is both).
    pub(super) fn latency(&mut self, subject: &Subject<'_>, extra: &mut Vec<u8>) {
        if subject.kind.id != hl7::KIND.id {
            return;
        }
        let end = |ip: Option<IpAddr>, application: FieldIx| End {
            ip,
            application: subject.text(application).map(Text::new),
        };
        let from = end(subject.envelope.src.ip, hl7::SENDING_APPLICATION);
        let to = end(subject.envelope.dest.ip, hl7::RECEIVING_APPLICATION);
        let now = subject.envelope.time.0;
        let waits = subject
            .pseudonym(hl7::CONTROL_ID)
            .filter(|_| subject.text(hl7::MESSAGE_TYPE) != Some("ACK"));
        let Some(answered) = subject.pseudonym(hl7::ACK_TO) else {
            if let Some(id) = waits {
                self.acks.message(id, from, to, now, true);
            }
            return;
        };
        if let Some(id) = waits {
            self.acks.message(id, from.clone(), to.clone(), now, false);
        }
        if let Some(nanos) = self.acks.answer(answered, &from, &to, now) {
            let micros = nanos.unsigned_abs() / 1_000;
            extra.extend_from_slice(b"\"latency_ms\":");
            number(micros / 1_000, extra);
            extra.push(b'.');
            extra.extend_from_slice(&padded::<3>(micros % 1_000));
        }
    }

    /// For an ARP message who held the sender's address within the last minute, if another did and
    /// the message does not say so yet.
    pub(super) fn previous_mac(&mut self, subject: &Subject<'_>) -> Option<[u8; 6]> {
        if subject.kind.id != arp::KIND.id {
            return None;
        }
        let tells = subject.text(arp::OPCODE) == Some("reply")
            || *subject.field(arp::GRATUITOUS) == Owned::Bool(true);
        let [vlan, ..] = subject.envelope.vlan;
        let (ip, mac) = (subject.field(arp::SRC_IP), subject.field(arp::SRC_MAC));
        let claim = Claim::new(vlan, ip, mac, tells)?;
        let before = self.bindings.claim(claim, self.now);
        before.filter(|_| *subject.field(arp::PREVIOUS_MAC) == Owned::Absent)
    }
}
