//! EVE lines: what Suricata's schema knows, and our `vitalwire` object.
//!
//! A line is `{"timestamp":…,"event_type":…` + [`Eve::head`] + `,"vitalwire":{…}` + `,"kind":{…}}`.
//! The head is rendered once in the worker and serves the event and its alerts.

use parsers::event::{Endpoint, Envelope};
use parsers::json::{display, text};
use parsers::kinds::envelope::proto_name;
use parsers::time::Time;

/// The most bytes of a line; what is longer is cut and says so.
pub const LINE_BYTES_MAX: usize = 64 * 1024;

/// Version of everything inside our `vitalwire` object.
pub const SCHEMA: &str = "1";

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
    pub interfaces: Vec<String>,
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
        if let Some(flow) = envelope.flow {
            display(out, format_args!(",\"flow_id\":{}", flow.id));
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
        if envelope.frame > 0 {
            display(out, format_args!(",\"pcap_cnt\":{}", envelope.frame));
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

/// An Ethernet address as EVE writes it.
pub fn mac([a, b, c, d, e, f]: [u8; 6], out: &mut Vec<u8>) {
    display(
        out,
        format_args!("{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x}"),
    );
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

/// The Community ID version 1 of the flow, seed 0.
fn community_id(_envelope: &Envelope) -> Option<String> {
    None
}

/// `2026-11-21T12:34:56.123456+0000`: UTC, microseconds, numeric offset without a colon.
pub fn timestamp(time: Time, out: &mut Vec<u8>) {
    let secs = time.secs();
    let (year, month, day) = civil(secs.div_euclid(86_400));
    let of_day = secs.rem_euclid(86_400);
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    let micros = time.subsec_micros();
    display(
        out,
        format_args!(
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}+0000"
        ),
    );
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
