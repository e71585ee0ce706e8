//! The fields that every event has, whatever its kind: the names that rules use for the
//! [`Envelope`].

use crate::catalogue::{FieldIx, Type};
use crate::event::{Envelope, Value};

/// A field of the envelope.
#[derive(Debug)]
pub struct EnvelopeField {
    /// Its path in EVE.
    pub name: &'static str,
    /// What values it takes.
    pub ty: Type,
    /// One line for people.
    pub doc: &'static str,
    /// Reads it.
    pub get: for<'a> fn(&'a Envelope) -> Value<'a>,
}

/// Every field of the envelope. A rule's [`FieldIx`] into it is its place here.
pub static FIELDS: &[EnvelopeField] = &[
    EnvelopeField {
        name: "src_ip",
        ty: Type::Ip,
        doc: "sender's address",
        get: |e| ip(e.src.ip),
    },
    EnvelopeField {
        name: "dest_ip",
        ty: Type::Ip,
        doc: "receiver's address",
        get: |e| ip(e.dest.ip),
    },
    EnvelopeField {
        name: "src_port",
        ty: Type::Int,
        doc: "sender's port",
        get: |e| port(e.src.port),
    },
    EnvelopeField {
        name: "dest_port",
        ty: Type::Int,
        doc: "receiver's port",
        get: |e| port(e.dest.port),
    },
    EnvelopeField {
        name: "proto",
        ty: Type::Word,
        doc: "TCP, UDP, ICMP, IPv6-ICMP …",
        get: proto,
    },
    EnvelopeField {
        name: "vlan",
        ty: Type::Int,
        doc: "outermost VLAN id",
        get: vlan,
    },
    EnvelopeField {
        name: "direction",
        ty: Type::Word,
        doc: "to_server or to_client",
        get: |e| e.direction.map_or(Value::Absent, |d| d.word().into()),
    },
    EnvelopeField {
        name: "app_proto",
        ty: Type::Word,
        doc: "recognised protocol",
        get: app,
    },
    EnvelopeField {
        name: "ether.src_mac",
        ty: Type::Mac,
        doc: "sender's Ethernet address",
        get: |e| mac(e.src.mac),
    },
    EnvelopeField {
        name: "ether.dest_mac",
        ty: Type::Mac,
        doc: "receiver's Ethernet address",
        get: |e| mac(e.dest.mac),
    },
    EnvelopeField {
        name: "tunnel.kind",
        ty: Type::Word,
        doc: "innermost tunnel: vxlan, gre, erspan2, …",
        get: |e| e.tunnel.map_or(Value::Absent, |t| t.kind.into()),
    },
    EnvelopeField {
        name: "tunnel.id",
        ty: Type::Int,
        doc: "VNI, GRE key, ERSPAN session",
        get: |e| e.tunnel.map_or(Value::Absent, |t| t.id.into()),
    },
    EnvelopeField {
        name: "flow.src_ip",
        ty: Type::Ip,
        doc: "who opened the flow",
        get: |e| ip(opener(e).0.ip),
    },
    EnvelopeField {
        name: "flow.src_port",
        ty: Type::Int,
        doc: "port of who opened the flow",
        get: |e| port(opener(e).0.port),
    },
    EnvelopeField {
        name: "flow.dest_ip",
        ty: Type::Ip,
        doc: "to whom the flow was opened",
        get: |e| ip(opener(e).1.ip),
    },
    EnvelopeField {
        name: "flow.dest_port",
        ty: Type::Int,
        doc: "server port of the flow",
        get: |e| port(opener(e).1.port),
    },
];

/// The field of that name.
#[must_use]
pub fn by_name(name: &str) -> Option<(FieldIx, &'static EnvelopeField)> {
    let at = FIELDS.iter().position(|field| field.name == name)?;
    Some((FieldIx(u16::try_from(at).ok()?), FIELDS.get(at)?))
}

fn ip(ip: Option<std::net::IpAddr>) -> Value<'static> {
    ip.map_or(Value::Absent, Value::Ip)
}

fn port(port: Option<u16>) -> Value<'static> {
    port.map_or(Value::Absent, Value::from)
}

fn mac(mac: Option<[u8; 6]>) -> Value<'static> {
    mac.map_or(Value::Absent, Value::Mac)
}

fn vlan(envelope: &Envelope) -> Value<'static> {
    let [outermost, ..] = envelope.vlan;
    if envelope.vlans == 0 {
        Value::Absent
    } else {
        outermost.into()
    }
}

fn proto(envelope: &Envelope) -> Value<'static> {
    envelope
        .proto
        .map_or(Value::Absent, |proto| proto_name(proto).into())
}

fn app(envelope: &Envelope) -> Value<'static> {
    match envelope.flow {
        Some(flow) if !flow.app.is_empty() => flow.app.into(),
        _ => Value::Absent,
    }
}

/// The flow's opener and its peer. Without a flow the sender counts as the opener.
fn opener(envelope: &Envelope) -> (&crate::event::Endpoint, &crate::event::Endpoint) {
    match envelope.direction {
        Some(crate::event::Direction::ToClient) => (&envelope.dest, &envelope.src),
        _ => (&envelope.src, &envelope.dest),
    }
}

/// The name of an IP protocol, as EVE writes it.
#[must_use]
pub const fn proto_name(proto: u8) -> &'static str {
    match proto {
        1 => "ICMP",
        2 => "IGMP",
        6 => "TCP",
        17 => "UDP",
        47 => "GRE",
        50 => "ESP",
        51 => "AH",
        58 => "IPv6-ICMP",
        89 => "OSPF",
        103 => "PIM",
        112 => "VRRP",
        132 => "SCTP",
        _ => "other",
    }
}
