//! EVE lines: what Suricata's schema knows, and our `vitalwire` object.
//!
//! A line is `{"timestamp":…,"event_type":…` + [`Eve::head`] + `,"vitalwire":{…}` + `,"kind":{…}}`.
//! The head is rendered once in the worker and serves the event and its alerts.

use std::net::IpAddr;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use parsers::event::{Endpoint, Envelope};
use parsers::json::{display, mac, number, padded, text};
use parsers::kinds::envelope::proto_name;
use parsers::kinds::icmp::counterpart;
use parsers::time::Time;
use sha1::{Digest, Sha1};

/// The most bytes of a line; what is longer is cut and says so.
pub const LINE_BYTES_MAX: usize = 64 * 1024;

/// Version of everything inside our `vitalwire` object.
pub const SCHEMA: &str = "1";

/// Frames that are read side by side are numbered by their stamps, which is no count: what is
/// above this, no reader of JSON keeps exactly.
const PCAP_CNT_MAX: u64 = 1 << 53;

/// What every line of a run shares.
#[derive(Clone, Debug, Default)]
pub struct Eve {
    /// EVE's `host`: the sensor's name.
    pub host: String,
    /// `vitalwire.sensor_id`.
    pub sensor_id: String,
    /// `vitalwire.site`.
    pub site: String,
    /// `in_iface` by interface index; empty names are left out.
    pub interfaces: Arc<[String]>,
}

impl Eve {
    /// Opens a line: `{"timestamp":"…","event_type":"…","host":"…"`.
    pub fn open(&self, time: Time, event_type: &str, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"timestamp\":\"");
        timestamp(time, out);
        out.extend_from_slice(b"\",\"event_type\":");
        text(event_type.as_bytes(), out);
        if !self.host.is_empty() {
            out.extend_from_slice(b",\"host\":");
            text(self.host.as_bytes(), out);
        }
    }

    /// The envelope's members, each with a leading comma.
    pub fn head(&self, envelope: &Envelope, out: &mut Vec<u8>) {
        self.head_of_flow(envelope, out);
        Self::head_of_frame(envelope, out);
    }

    /// The first members, which are the same for each frame of one direction of a flow.
    pub(crate) fn head_of_flow(&self, envelope: &Envelope, out: &mut Vec<u8>) {
        if let Some(flow) = envelope.flow {
            out.extend_from_slice(b",\"flow_id\":");
            number(flow.id, out);
        }
        self.interface(envelope, out);
        vlans(envelope, out);
        endpoint(&envelope.src, ["src_ip", "src_port"], out);
        endpoint(&envelope.dest, ["dest_ip", "dest_port"], out);
        if let Some(proto) = envelope.proto {
            match proto_name(proto) {
                "other" => display(out, format_args!(",\"proto\":\"{proto}\"")),
                name => display(out, format_args!(",\"proto\":\"{name}\"")),
            }
        }
        ether(envelope, out);
        if let Some(flow) = envelope.flow.filter(|flow| !flow.app.is_empty()) {
            display(out, format_args!(",\"app_proto\":\"{}\"", flow.app));
        }
        if let Some(direction) = envelope.direction {
            display(out, format_args!(",\"direction\":\"{}\"", direction.word()));
        }
        if let Some(id) = community_id(envelope) {
            display(out, format_args!(",\"community_id\":\"{id}\""));
        }
    }

    /// The members that follow those of the flow.
    pub(crate) fn head_of_frame(envelope: &Envelope, out: &mut Vec<u8>) {
        if (1..=PCAP_CNT_MAX).contains(&envelope.frame) {
            out.extend_from_slice(b",\"pcap_cnt\":");
            number(envelope.frame, out);
        }
        tunnel(envelope, out);
    }

    fn interface(&self, envelope: &Envelope, out: &mut Vec<u8>) {
        let name = self.interfaces.get(usize::from(envelope.interface));
        if let Some(name) = name.filter(|name| !name.is_empty()) {
            out.extend_from_slice(b",\"in_iface\":");
            text(name.as_bytes(), out);
        }
    }

    /// Our object, open: `,"vitalwire":{"schema":"1","sensor_id":"…","site":"…"`. The caller adds
    /// members and closes it.
    pub fn ours(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b",\"vitalwire\":{\"schema\":\"");
        out.extend_from_slice(SCHEMA.as_bytes());
        out.push(b'"');
        for (key, value) in [
            (",\"sensor_id\":", &self.sensor_id),
            (",\"site\":", &self.site),
        ] {
            if !value.is_empty() {
                out.extend_from_slice(key.as_bytes());
                text(value.as_bytes(), out);
            }
        }
    }
}

fn vlans(envelope: &Envelope, out: &mut Vec<u8>) {
    let Some(tags) = envelope
        .vlan
        .get(..usize::from(envelope.vlans))
        .filter(|t| !t.is_empty())
    else {
        return;
    };
    out.extend_from_slice(b",\"vlan\":[");
    for (at, tag) in tags.iter().enumerate() {
        display(out, format_args!("{}{tag}", if at > 0 { "," } else { "" }));
    }
    out.push(b']');
}

fn endpoint(endpoint: &Endpoint, [ip_key, port_key]: [&str; 2], out: &mut Vec<u8>) {
    if let Some(ip) = endpoint.ip {
        display(out, format_args!(",\"{ip_key}\":\"{ip}\""));
    }
    if let Some(port) = endpoint.port {
        display(out, format_args!(",\"{port_key}\":{port}"));
    }
}

fn ether(envelope: &Envelope, out: &mut Vec<u8>) {
    let (Some(src), Some(dest)) = (envelope.src.mac, envelope.dest.mac) else {
        return;
    };
    out.extend_from_slice(b",\"ether\":{\"src_mac\":\"");
    mac(src, out);
    out.extend_from_slice(b"\",\"dest_mac\":\"");
    mac(dest, out);
    out.extend_from_slice(b"\"}");
}

fn tunnel(envelope: &Envelope, out: &mut Vec<u8>) {
    let Some(tunnel) = envelope.tunnel else {
        return;
    };
    display(
        out,
        format_args!(
            ",\"tunnel\":{{\"kind\":\"{}\",\"id\":{}",
            tunnel.kind, tunnel.id
        ),
    );
    if let (Some(src), Some(dest)) = (tunnel.src, tunnel.dest) {
        display(
            out,
            format_args!(",\"src_ip\":\"{src}\",\"dest_ip\":\"{dest}\""),
        );
    }
    display(out, format_args!(",\"depth\":{}}}", tunnel.depth));
}

/// Protocols whose Community ID is over ports: TCP, UDP, SCTP.
const WITH_PORTS: [u8; 3] = [6, 17, 132];
/// ICMP and ICMPv6: theirs is over what stands for ports.
const ICMP: u8 = 1;
const ICMPV6: u8 = 58;

/// The Community ID version 1 of the flow, seed 0: the same for both directions, so that other
/// tools' records of the flow can be joined with ours.
///
/// It names a flow and protects nothing.
fn community_id(envelope: &Envelope) -> Option<CommunityId> {
    let proto = envelope.proto?;
    let mut hash = Sha1::new();
    hash.update([0, 0]);
    match (envelope.src.ip?, envelope.dest.ip?) {
        (IpAddr::V4(a), IpAddr::V4(b)) => {
            community_pair(envelope, &a.octets(), &b.octets(), proto, &mut hash)?;
        }
        (IpAddr::V6(a), IpAddr::V6(b)) => {
            community_pair(envelope, &a.octets(), &b.octets(), proto, &mut hash)?;
        }
        _ => return None,
    }
    let digest: [u8; 20] = hash.finalize().into();
    let mut id = CommunityId([0; COMMUNITY_ID_BYTES]);
    STANDARD.encode_slice(digest, &mut id.0).ok()?;
    Some(id)
}

/// Both endpoints, the smaller first; the sender where nobody answers.
fn community_pair(
    envelope: &Envelope,
    src: &[u8],
    dest: &[u8],
    proto: u8,
    hash: &mut Sha1,
) -> Option<()> {
    let (ports, one_way) = match proto {
        ICMP | ICMPV6 => {
            let [from, to] = envelope.icmp?;
            (
                Some((from, to)),
                counterpart(proto == ICMPV6, from).is_none(),
            )
        }
        proto if WITH_PORTS.contains(&proto) => {
            (Some((envelope.src.port?, envelope.dest.port?)), false)
        }
        _ => (None, false),
    };
    let (from, to) = ports.unwrap_or_default();
    let ordered = one_way || (src, from) <= (dest, to);
    let ((low, low_port), (high, high_port)) = if ordered {
        ((src, from), (dest, to))
    } else {
        ((dest, to), (src, from))
    };
    hash.update(low);
    hash.update(high);
    hash.update([proto, 0]);
    if ports.is_some() {
        hash.update(low_port.to_be_bytes());
        hash.update(high_port.to_be_bytes());
    }
    Some(())
}

/// Base64 of a SHA-1.
const COMMUNITY_ID_BYTES: usize = 28;

struct CommunityId([u8; COMMUNITY_ID_BYTES]);

impl std::fmt::Display for CommunityId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("1:")?;
        f.write_str(std::str::from_utf8(&self.0).unwrap_or_default())
    }
}

/// `2026-11-21T12:34:56.123456+0000`: UTC, microseconds, numeric offset without a colon.
pub fn timestamp(time: Time, out: &mut Vec<u8>) {
    let secs = time.secs();
    let (year, month, day) = civil(secs.div_euclid(86_400));
    let of_day = secs.rem_euclid(86_400);
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    let mut stamp = *b"0000-00-00T00:00:00.000000+0000";
    let mut put = |from: usize, digits: &[u8]| {
        let to = stamp.iter_mut().skip(from).zip(digits);
        to.for_each(|(to, digit)| *to = *digit);
    };
    let two = |part: i64| padded::<2>(part.unsigned_abs());
    put(0, &padded::<4>(year.unsigned_abs()));
    put(5, &two(month));
    put(8, &two(day));
    put(11, &two(hour));
    put(14, &two(minute));
    put(17, &two(second));
    put(20, &padded::<6>(time.subsec_micros().into()));
    out.extend_from_slice(&stamp);
}

/// The civil date of a day since the epoch (H. Hinnant's algorithm, proleptic Gregorian).
const fn civil(days: i64) -> (i64, i64, i64) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let day = doy - (153 * mp + 2) / 5 + 1;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    let year = yoe + era * 400 + if month <= 2 { 1 } else { 0 };
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn envelope(src: (&str, u16), dest: (&str, u16), proto: u8) -> Envelope {
        let endpoint = |(ip, port): (&str, u16)| Endpoint {
            ip: Some(ip.parse().unwrap()),
            port: Some(port),
            mac: None,
        };
        Envelope {
            src: endpoint(src),
            dest: endpoint(dest),
            proto: Some(proto),
            ..Envelope::default()
        }
    }

    fn id(src: (&str, u16), dest: (&str, u16), proto: u8) -> String {
        community_id(&envelope(src, dest, proto))
            .unwrap()
            .to_string()
    }

    /// The published vectors of the Community ID specification.
    #[test]
    fn community_ids_are_those_of_the_specification() {
        let tcp = id(("128.232.110.120", 34855), ("66.35.250.204", 80), 6);
        assert_eq!(tcp, "1:LQU9qZlK+B5F3KDmev6m5PMibrg=");
        let udp = id(("192.168.1.52", 54585), ("8.8.8.8", 53), 17);
        assert_eq!(udp, "1:d/FP5EW3wiY1vCndhwleRRKHowQ=");
    }

    #[test]
    fn a_community_id_is_the_same_both_ways() {
        let (a, b) = (("10.20.1.11", 50000), ("10.20.2.10", 104));
        assert_eq!(id(a, b, 6), id(b, a, 6));
        let (a, b) = (("2001:db8::1", 9), ("2001:db8::1", 8));
        assert_eq!(id(a, b, 17), id(b, a, 17));
    }

    /// A question and its answer have one, a message without an answer its sender's.
    #[test]
    fn a_community_id_of_icmp_is_over_types() {
        let of = |src: &str, dest: &str, proto, pair| {
            let mut of = envelope((src, 0), (dest, 0), proto);
            of.icmp = Some(pair);
            community_id(&of).unwrap().to_string()
        };
        let echo = of("192.168.0.89", "192.168.0.1", 1, [8, 0]);
        assert_eq!(echo, "1:X0snYXpgwiv9TZtqg64sgzUn6Dk=");
        assert_eq!(of("192.168.0.1", "192.168.0.89", 1, [0, 8]), echo);
        let there = of("10.0.0.1", "10.0.0.2", 1, [3, 3]);
        assert_ne!(of("10.0.0.2", "10.0.0.1", 1, [3, 3]), there);
    }

    #[test]
    fn no_community_id_without_what_it_is_made_of() {
        let mut icmp = envelope(("10.0.0.1", 0), ("10.0.0.2", 0), 1);
        assert!(community_id(&icmp).is_none());
        icmp.proto = None;
        assert!(community_id(&icmp).is_none());
    }

    #[test]
    fn time_stamps_are_as_eve_writes_them() {
        let mut out = Vec::new();
        timestamp(Time::new(1_772_438_400, 123_456_789), &mut out);
        assert_eq!(out, b"2026-03-02T08:00:00.123456+0000");
        out.clear();
        timestamp(Time::new(-1, 0), &mut out);
        assert_eq!(out, b"1969-12-31T23:59:59.000000+0000");
    }
}
