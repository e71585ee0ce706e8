//! What each kind of event tells of the devices at its ends.

use std::net::IpAddr;

use parsers::event::{Direction, Envelope};
use parsers::kinds::{arp, dicom, hl7, pump};

use super::asset::Moment;
use super::{Attribute, Inventory, Key, place};
use crate::correlate::subject::Subject;
use crate::record::{Owned, Service};

/// The devices at the two ends of an event.
#[derive(Clone, Copy)]
struct Ends {
    src: Option<Key>,
    dest: Option<Key>,
}

/// A field of an event, and what it tells of its sender.
type Telling = (Attribute, parsers::catalogue::FieldIx, &'static str);

/// What a DIMSE message shows its sender to do (PS3.7 7.5): who asks is the user of a service.
/// C-ECHO and the N services say little of what a device is for.
const FUNCTIONS: &[(&str, &str)] = &[
    ("C-STORE-RQ", "C-STORE SCU"),
    ("C-STORE-RSP", "C-STORE SCP"),
    ("C-FIND-RQ", "C-FIND SCU"),
    ("C-FIND-RSP", "C-FIND SCP"),
    ("C-MOVE-RQ", "C-MOVE SCU"),
    ("C-MOVE-RSP", "C-MOVE SCP"),
    ("C-GET-RQ", "C-GET SCU"),
    ("C-GET-RSP", "C-GET SCP"),
    ("N-CREATE-RQ", "MPPS SCU"),
    ("N-CREATE-RSP", "MPPS SCP"),
];

const IMAGES: &[Telling] = &[
    (
        Attribute::Manufacturer,
        dicom::MANUFACTURER,
        "dicom.manufacturer",
    ),
    (Attribute::Model, dicom::MODEL, "dicom.model"),
    (Attribute::Serial, dicom::SERIAL, "dicom.serial"),
    (Attribute::Software, dicom::SOFTWARE, "dicom.software"),
    (Attribute::Station, dicom::STATION, "dicom.station"),
];

const MESSAGES: &[Telling] = &[
    (
        Attribute::Application,
        hl7::SENDING_APPLICATION,
        "hl7.sending_application",
    ),
    (
        Attribute::Facility,
        hl7::SENDING_FACILITY,
        "hl7.sending_facility",
    ),
];

const PUMPS: &[Telling] = &[
    (Attribute::Device, pump::DEVICE, "pump.device"),
    (Attribute::Manufacturer, pump::VENDOR, "pump.vendor"),
    (Attribute::Model, pump::MODEL, "pump.model"),
    (Attribute::Serial, pump::SERIAL, "pump.serial"),
    (Attribute::Software, pump::SOFTWARE, "pump.software"),
];

impl Inventory {
    /// Learns from an event.
    pub(in crate::correlate) fn observe(&mut self, subject: &Subject<'_>) {
        let id = subject.kind.id;
        if id == arp::KIND.id {
            self.observe_arp(subject);
        } else if id == dicom::KIND.id {
            let ends = self.both(subject);
            self.talk(subject, "dicom", ends);
            self.observe_dicom(subject, ends);
        } else if id == hl7::KIND.id {
            let ends = self.both(subject);
            self.talk(subject, "hl7", ends);
            self.observe_hl7(subject, ends);
        } else if id == pump::KIND.id {
            let src = self.see(
                &place(subject.envelope, &subject.envelope.src, false),
                at(subject),
            );
            self.observe_pump(subject, src);
        }
    }

    fn both(&mut self, subject: &Subject<'_>) -> Ends {
        let envelope = subject.envelope;
        let dest = self.see(&place(envelope, &envelope.dest, false), at(subject));
        let src = self.see(&place(envelope, &envelope.src, false), at(subject));
        Ends { src, dest }
    }

    fn tell(&mut self, key: Option<Key>, what: (Attribute, &str, &'static str), at: Moment) {
        if let Some(key) = key {
            self.learn(key, what, at);
        }
    }

    fn tell_all(&mut self, key: Option<Key>, fields: &[Telling], subject: &Subject<'_>) {
        for (attribute, field, source) in fields {
            if let Some(value) = subject.text(*field) {
                self.tell(key, (*attribute, value, source), at(subject));
            }
        }
    }

    /// Who sends an ARP message says its own address, unless the frame came from another.
    fn observe_arp(&mut self, subject: &Subject<'_>) {
        let (Owned::Ip(ip), Owned::Mac(mac)) =
            (subject.field(arp::SRC_IP), subject.field(arp::SRC_MAC))
        else {
            return;
        };
        if *subject.field(arp::MAC_MISMATCH) == Owned::Bool(true) || ip.is_unspecified() {
            return;
        }
        let mut claim = place(subject.envelope, &subject.envelope.src, true);
        (claim.mac, claim.ip) = (Some(*mac), Some(*ip));
        self.see(&claim, at(subject));
    }

    /// Who asks for an association says its own title; the other side's is known to be its own
    /// once it accepts.
    fn observe_dicom(&mut self, subject: &Subject<'_>, ends: Ends) {
        let moment = at(subject);
        let title = match subject.text(dicom::KIND_OF) {
            Some("associate_rq") => Some((dicom::CALLING_AE, "dicom.calling_ae")),
            Some("associate_ac") => Some((dicom::CALLED_AE, "dicom.called_ae")),
            _ => None,
        };
        if let Some((field, source)) = title {
            self.tell_all(ends.src, &[(Attribute::AeTitle, field, source)], subject);
            let version = (
                Attribute::Implementation,
                dicom::IMPLEMENTATION_VERSION,
                "dicom.implementation_version",
            );
            self.tell_all(ends.src, &[version], subject);
        }
        let command = subject.text(dicom::COMMAND);
        let function = FUNCTIONS.iter().find(|(known, _)| Some(*known) == command);
        if let Some((_, function)) = function {
            let told = (Attribute::Function, *function, "dicom.command");
            self.tell(ends.src, told, moment);
        }
        if command == Some("C-STORE-RQ") {
            self.tell_all(ends.src, IMAGES, subject);
        }
    }

    fn observe_hl7(&mut self, subject: &Subject<'_>, ends: Ends) {
        self.tell_all(ends.src, MESSAGES, subject);
        let function = if subject.field(hl7::ACK_CODE) == &Owned::Absent {
            "HL7 sender"
        } else {
            "HL7 receiver"
        };
        let told = (Attribute::Function, function, "hl7.message_type");
        self.tell(ends.src, told, at(subject));
    }

    /// An order names the pump that it is for; a report comes from one, or from its gateway.
    fn observe_pump(&mut self, subject: &Subject<'_>, src: Option<Key>) {
        let function = match subject.text(pump::ACTION) {
            Some("program") => "pump programmer",
            Some("response") => "pump order receiver",
            _ => {
                self.tell_all(src, PUMPS, subject);
                "pump reporter"
            }
        };
        let told = (Attribute::Function, function, "pump.action");
        self.tell(src, told, at(subject));
    }

    /// Counts a medical message between two devices; who answers on a port offers a service.
    fn talk(&mut self, subject: &Subject<'_>, app: &'static str, ends: Ends) {
        let envelope = subject.envelope;
        let (Some(direction), Some(proto)) = (envelope.direction, envelope.proto) else {
            return;
        };
        let to_server = direction == Direction::ToServer;
        let server = if to_server {
            envelope.dest
        } else {
            envelope.src
        };
        let Some(port) = server.port else {
            return;
        };
        let sides = [
            (ends.src, envelope.dest.ip, to_server),
            (ends.dest, envelope.src.ip, !to_server),
        ];
        let mut first = false;
        for (key, other, client) in sides {
            if let (Some(key), Some(other)) = (key, other) {
                self.meet(key, (other, client), (proto, port), at(subject), |peer| {
                    first |= !(client || to_server || peer.answers);
                    peer.answers |= !to_server;
                    peer.app = app.into();
                    peer.messages = peer.messages.saturating_add(1);
                });
            }
        }
        if first {
            self.offers(ends.src, (proto, port), "flow.dest_port", at(subject));
        }
    }

    /// A host opened conversations with another within a second, or some with payload ended.
    pub(in crate::correlate) fn served(&mut self, envelope: &Envelope, services: &[Service]) {
        let moment = Moment {
            time: envelope.time.0,
            frame: envelope.frame,
            interface: envelope.interface,
        };
        let src = self.see(&place(envelope, &envelope.src, false), moment);
        if services.is_empty() {
            return;
        }
        let dest = self.see(&place(envelope, &envelope.dest, false), moment);
        for served in services {
            let service = (served.proto, served.port);
            self.offers(dest, service, "opens.answered", moment);
            for (key, other, client) in [
                (src, envelope.dest.ip, true),
                (dest, envelope.src.ip, false),
            ] {
                if let (Some(key), Some(other)) = (key, other) {
                    let ended = |peer: &mut super::Peer| peer.ended(served);
                    self.meet(key, (other, client), service, moment, ended);
                }
            }
        }
    }

    fn meet(
        &mut self,
        key: Key,
        who: (IpAddr, bool),
        service: (u8, u16),
        at: Moment,
        count: impl FnOnce(&mut super::Peer),
    ) {
        if let Some(asset) = self.get_mut(&key, at.time) {
            let full = asset.meet(who, service, at.time, count);
            self.cut = self.cut.saturating_add(full.into());
        }
    }

    fn offers(
        &mut self,
        key: Option<Key>,
        (proto, port): (u8, u16),
        source: &'static str,
        at: Moment,
    ) {
        let name = parsers::kinds::envelope::proto_name(proto);
        let service = format!("{}/{port}", name.to_ascii_lowercase());
        self.tell(key, (Attribute::Service, &service, source), at);
    }
}

fn at(subject: &Subject<'_>) -> Moment {
    let envelope = subject.envelope;
    Moment {
        time: envelope.time.0,
        frame: envelope.frame,
        interface: envelope.interface,
    }
}
