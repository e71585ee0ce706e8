//! What an alert says: EVE's `alert` object, the members of ours, the sentences.

use parsers::event::Endpoint;
use parsers::json::{display, text};
use parsers::kinds::pump;
use parsers::time::{NANOS_PER_SEC, Time};
use sha2::{Digest, Sha256};

use super::coverage::Figures;
use super::subject::Subject;
use crate::eve::timestamp;
use crate::record::Owned;
use crate::rule::{Impact, Rule, Side};
use crate::template::{Slot, Template};

/// Our generator id: with it our rule numbers cannot be taken for those of other rule sets, which
/// use 1.
pub const GID: u32 = 104;

/// The most bytes that one value takes in a sentence: its beginning tells it apart, and a sentence
/// stays one.
const VALUE_BYTES_MAX: usize = 128;
/// The most values of a list that a sentence names.
const VALUES_MAX: usize = 8;

/// A rule that was met, and how.
#[derive(Clone, Copy)]
pub(super) struct Met<'a> {
    pub(super) rule: &'a Rule,
    /// How often it happened, or how many different values there were.
    pub(super) count: u64,
    pub(super) first_seen: Time,
    pub(super) coverage: Figures,
}

impl Met<'_> {
    const fn side<'a>(&self, side: Side, subject: &Subject<'a>) -> &'a Endpoint {
        match side {
            Side::Src => &subject.envelope.src,
            Side::Dest => &subject.envelope.dest,
        }
    }

    /// `,"alert":{…}`.
    pub(super) fn eve(&self, subject: &Subject<'_>, out: &mut Vec<u8>) {
        let rule = self.rule;
        display(
            out,
            format_args!(
                ",\"alert\":{{\"action\":\"allowed\",\"gid\":{GID},\"signature_id\":{},\"rev\":{},\"signature\":",
                rule.sid, rule.rev
            ),
        );
        text(rule.title.as_bytes(), out);
        out.extend_from_slice(b",\"category\":");
        text(rule.category.as_bytes(), out);
        display(out, format_args!(",\"severity\":{}", rule.severity.eve()));
        endpoint("source", self.side(rule.source, subject), out);
        endpoint("target", self.side(rule.target, subject), out);
        out.extend_from_slice(b",\"metadata\":{\"mitre_technique_id\":");
        texts(rule.attack.iter().map(|id| technique(id)), out);
        out.extend_from_slice(b",\"clinical_impact\":");
        texts([rule.impact.word()].into_iter(), out);
        out.extend_from_slice(b"},\"references\":");
        texts(rule.references.iter().map(String::as_str), out);
        out.push(b'}');
    }

    /// The members of our object, each with a leading comma.
    pub(super) fn ours(&self, subject: &Subject<'_>, id: &str, explain: &str, out: &mut Vec<u8>) {
        let rule = self.rule;
        let what_to_do = self.sentence(&rule.what_to_do, subject);
        for (name, value) in [
            (",\"slug\":", &*rule.id),
            (",\"alert_id\":", id),
            (",\"severity\":", rule.severity.word()),
            (",\"clinical_impact\":", rule.impact.word()),
            (",\"tier\":", rule.tier.word()),
            (",\"explain\":", explain),
            (",\"what_to_do\":", &what_to_do),
        ] {
            out.extend_from_slice(name.as_bytes());
            text(value.as_bytes(), out);
        }
        out.extend_from_slice(b",\"attack\":");
        texts(rule.attack.iter().map(String::as_str), out);
        display(
            out,
            format_args!(",\"count\":{},\"first_seen\":\"", self.count),
        );
        timestamp(self.first_seen, out);
        out.extend_from_slice(b"\",\"last_seen\":\"");
        timestamp(subject.envelope.time, out);
        out.push(b'"');
        self.coverage.write(out);
        let stay = self.do_not_isolate(subject);
        display(out, format_args!(",\"do_not_isolate\":{stay}"));
        out.extend_from_slice(b",\"asset\":{\"src\":");
        subject.sides.of(Side::Src).write(out);
        out.extend_from_slice(b",\"dest\":");
        subject.sides.of(Side::Dest).write(out);
        out.push(b'}');
        self.contact(subject, out);
    }

    /// Whom to call: who answers for what was acted on, else for what acted, else whom the
    /// configuration names.
    fn contact(&self, subject: &Subject<'_>, out: &mut Vec<u8>) {
        let sides = [self.rule.target, self.rule.source];
        let listed = sides.map(|side| subject.sides.of(side).listed);
        let owner = listed.into_iter().flatten().find(|l| !l.phone.is_empty());
        let of_all = &subject.ruleset.assets().contact;
        let (name, phone) = owner.map_or((&of_all.name, &of_all.phone), |l| (&l.owner, &l.phone));
        if phone.is_empty() && name.is_empty() {
            return;
        }
        out.extend_from_slice(b",\"contact\":{\"name\":");
        text(name.as_bytes(), out);
        out.extend_from_slice(b",\"phone\":");
        text(phone.as_bytes(), out);
        out.push(b'}');
    }

    /// Whether cutting off the devices that the alert names may hurt somebody: where it is about
    /// treatment, about a pump at all, or about a device on which a life depends, that is connected
    /// to a patient, or of which nobody said what it is. Who automates answers to alerts must ask a
    /// person first.
    fn do_not_isolate(&self, subject: &Subject<'_>) -> bool {
        let stays = |side| subject.sides.of(side).must_stay();
        self.rule.impact >= Impact::Likely
            || subject.kind.id == pump::KIND.id
            || stays(Side::Src)
            || stays(Side::Dest)
    }

    /// Names the alert the same in every run over the same traffic, whatever file it lies in: made
    /// of rule, time, hosts and the event itself, and of no frame or flow number.
    pub(super) fn id(&self, subject: &Subject<'_>) -> String {
        let mut hash = Sha256::new();
        let mut put = |bytes: &[u8]| {
            hash.update(u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_be_bytes());
            hash.update(bytes);
        };
        put(self.rule.id.as_bytes());
        put(&self.rule.rev.to_be_bytes());
        put(&subject.envelope.time.0.to_be_bytes());
        for side in [&subject.envelope.src, &subject.envelope.dest] {
            match side.ip {
                Some(std::net::IpAddr::V4(ip)) => put(&ip.octets()),
                Some(std::net::IpAddr::V6(ip)) => put(&ip.octets()),
                None => put(&side.mac.unwrap_or_default()),
            }
            put(&side.port.unwrap_or_default().to_be_bytes());
        }
        put(subject.kind.name.as_bytes());
        put(subject.object);
        let digest: [u8; 32] = hash.finalize().into();
        let (kept, _) = digest.split_at(16);
        let hex = |id: String, byte: &u8| id + &format!("{byte:02x}");
        kept.iter().fold(String::with_capacity(32), hex)
    }

    /// A template with its values, on one line and printable.
    pub(super) fn sentence(&self, template: &Template, subject: &Subject<'_>) -> String {
        // Who wrote the rule put the names where they belong.
        let is_name = |slot| matches!(slot, Slot::SrcName | Slot::DestName);
        let named = template.slots().any(is_name);
        template.render(&mut |slot, out| {
            if let Slot::Field(field) = slot
                && !named
            {
                called(&subject.value(field), subject, out);
            }
            self.fill(slot, subject, out);
        })
    }

    fn fill(&self, slot: Slot, subject: &Subject<'_>, out: &mut String) {
        match slot {
            Slot::Field(field) => words(&subject.value(field), out),
            Slot::SrcName => name(subject, Side::Src, out),
            Slot::DestName => name(subject, Side::Dest, out),
            Slot::Count | Slot::Distinct => out.push_str(&self.count.to_string()),
            Slot::Window => {
                let count = self.rule.count.as_ref();
                out.push_str(&span(count.map_or(0, |c| c.within_ns)));
            }
            Slot::FirstSeen => {
                let mut stamp = Vec::new();
                timestamp(self.first_seen, &mut stamp);
                out.push_str(&String::from_utf8_lossy(&stamp));
            }
        }
    }
}

/// `T0811` of `ICS/T0811`: EVE's readers know techniques by number.
fn technique(id: &str) -> &str {
    id.rsplit_once('/').map_or(id, |(_, number)| number)
}

fn endpoint(name: &str, endpoint: &Endpoint, out: &mut Vec<u8>) {
    let Some(ip) = endpoint.ip else {
        return;
    };
    display(out, format_args!(",\"{name}\":{{\"ip\":\"{ip}\""));
    if let Some(port) = endpoint.port {
        display(out, format_args!(",\"port\":{port}"));
    }
    out.push(b'}');
}

fn texts<'a>(items: impl Iterator<Item = &'a str>, out: &mut Vec<u8>) {
    out.push(b'[');
    for (at, item) in items.enumerate() {
        if at > 0 {
            out.push(b',');
        }
        text(item.as_bytes(), out);
    }
    out.push(b']');
}

/// What the imported list calls the device whose address follows: `CT 1 at 10.20.1.11`.
fn called(value: &Owned, subject: &Subject<'_>, out: &mut String) {
    let Owned::Ip(ip) = value else {
        return;
    };
    let ends = [
        (subject.envelope.src.ip, Side::Src),
        (subject.envelope.dest.ip, Side::Dest),
    ];
    let end = ends.into_iter().find(|(end, _)| *end == Some(*ip));
    let listed = end.and_then(|(_, side)| subject.sides.of(side).listed);
    if let Some(listed) = listed.filter(|listed| !listed.name.is_empty()) {
        printable(&listed.name, out);
        out.push_str(" at ");
    }
}

/// What the imported list calls a device, else its address.
fn name(subject: &Subject<'_>, side: Side, out: &mut String) {
    let listed = subject.sides.of(side).listed;
    if let Some(listed) = listed.filter(|listed| !listed.name.is_empty()) {
        return printable(&listed.name, out);
    }
    let endpoint = match side {
        Side::Src => &subject.envelope.src,
        Side::Dest => &subject.envelope.dest,
    };
    match (endpoint.ip, endpoint.mac) {
        (Some(ip), _) => out.push_str(&ip.to_string()),
        (None, Some(mac)) => words(&Owned::Mac(mac), out),
        (None, None) => words(&Owned::Absent, out),
    }
}

/// A value for people. What is not there is said to be unknown, so that a sentence has no hole.
fn words(value: &Owned, out: &mut String) {
    match value {
        Owned::Absent => out.push_str("(unknown)"),
        Owned::Bool(v) => out.push_str(if *v { "yes" } else { "no" }),
        Owned::Int(v) => out.push_str(&v.to_string()),
        Owned::Decimal(v) => out.push_str(&v.to_string()),
        Owned::Text(v) => printable(v, out),
        Owned::Pseudonym(v) => out.push_str(&v.to_string()),
        Owned::Ip(v) => out.push_str(&v.to_string()),
        Owned::Mac(v) => {
            let mut shown = Vec::new();
            parsers::json::mac(*v, &mut shown);
            out.push_str(&String::from_utf8_lossy(&shown));
        }
        Owned::List(items) => {
            for (at, item) in items.iter().take(VALUES_MAX).enumerate() {
                out.push_str(if at > 0 { ", " } else { "" });
                words(item, out);
            }
            if items.len() > VALUES_MAX {
                out.push_str(", …");
            }
        }
    }
}

/// Text off the wire in a sentence that terminals and tickets will show: no line ends, no control
/// or bidirectional formatting characters, not too long.
fn printable(text: &str, out: &mut String) {
    let mut left = VALUE_BYTES_MAX;
    for c in text.chars() {
        let Some(rest) = left.checked_sub(c.len_utf8()) else {
            out.push('…');
            return;
        };
        left = rest;
        let formats = matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}' | '\u{feff}');
        out.push(if c.is_control() || formats {
            '\u{fffd}'
        } else {
            c
        });
    }
}

/// `10 minutes`: a span of time in its largest whole unit.
fn span(nanos: i64) -> String {
    let millis = nanos.wrapping_div(1_000_000);
    let secs = nanos.wrapping_div(NANOS_PER_SEC);
    let units = [
        (86_400_000, "day"),
        (3_600_000, "hour"),
        (60_000, "minute"),
        (1_000, "second"),
    ];
    for (unit, word) in units {
        if millis >= unit && millis.wrapping_rem(unit) == 0 {
            let n = millis.wrapping_div(unit);
            let plural = if n == 1 { "" } else { "s" };
            return format!("{n} {word}{plural}");
        }
    }
    if secs > 0 {
        format!("{secs} seconds")
    } else {
        format!("{millis} ms")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_read_well() {
        let minute = 60 * NANOS_PER_SEC;
        assert_eq!(span(minute), "1 minute");
        assert_eq!(span(10 * minute), "10 minutes");
        assert_eq!(span(90 * NANOS_PER_SEC), "90 seconds");
        assert_eq!(span(24 * 60 * minute), "1 day");
        assert_eq!(span(250_000_000), "250 ms");
    }

    #[test]
    fn text_off_the_wire_stays_on_its_line() {
        let mut out = String::new();
        printable("CT\n01\u{1b}[31m\u{202e}", &mut out);
        assert_eq!(out, "CT\u{fffd}01\u{fffd}[31m\u{fffd}");
        out.clear();
        printable(&"x".repeat(500), &mut out);
        assert_eq!(out.chars().count(), VALUE_BYTES_MAX + 1);
    }
}
