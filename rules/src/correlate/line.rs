//! Finished EVE lines, at most 64 KiB each, valid JSON whatever is cut.

use parsers::json::{display, text};
use parsers::time::Time;

use super::{AlertItem, Item, Out};
use crate::eve::{Eve, LINE_BYTES_MAX};

/// The parts of a line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Parts<'a> {
    pub(super) time: Time,
    /// The kind of event: its object's name, and of a line that is no alert its `event_type`.
    pub(super) kind: &'static str,
    /// The envelope's members, each with a leading comma.
    pub(super) head: &'a [u8],
    /// The kind's object without its closing brace.
    pub(super) object: &'a [u8],
    /// Members to append to the object, without a leading comma.
    pub(super) extra: &'a [u8],
}

/// Room that is kept for what says that something was cut.
const CUT_NOTE_BYTES: usize = 48;

/// Writes a line: the alert's members and those of our object are finished by the caller.
///
/// `alert` is `,"alert":{…}`, `ours` what follows in our object after schema, sensor and site.
/// Says whether anything was cut.
pub(super) fn write(
    eve: &Eve,
    parts: Parts<'_>,
    alert: Option<(&[u8], AlertItem)>,
    ours: &[u8],
    out: &mut Out,
) -> bool {
    let from = out.arena.len();
    let (alert, item) = alert.unzip();
    let event_type = if alert.is_some() { "alert" } else { parts.kind };
    let arena = &mut out.arena;
    eve.open(parts.time, event_type, arena);
    arena.extend_from_slice(parts.head);
    arena.extend_from_slice(alert.unwrap_or_default());
    eve.ours(arena);
    arena.extend_from_slice(ours);
    let used = arena.len().saturating_sub(from);
    let fixed = parts.kind.len().saturating_add(CUT_NOTE_BYTES);
    let room = LINE_BYTES_MAX.saturating_sub(used.saturating_add(fixed));
    let members = Members::of(parts.object, parts.extra);
    let cut = members.clone().cut(room);
    if cut > 0 {
        display(arena, format_args!(",\"cut_bytes\":{cut}"));
    }
    arena.extend_from_slice(b"},");
    text(parts.kind.as_bytes(), arena);
    arena.push(b':');
    let object = arena.len();
    arena.push(b'{');
    members.write(room, arena);
    arena.extend_from_slice(b"}}\n");
    out.finish([from, object], event_type, parts.time, item);
    cut > 0
}

impl Out {
    /// Notes the line that was written from there on, and its object.
    fn finish(
        &mut self,
        [from, object]: [usize; 2],
        event_type: &'static str,
        time: Time,
        alert: Option<AlertItem>,
    ) {
        let place = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        self.items.push(Item {
            line: place(from)..place(self.arena.len()),
            object: place(object),
            event_type,
            time,
            alert,
        });
    }
}

/// The members of an open JSON object and then of another list of members.
#[derive(Clone, Debug)]
struct Members<'a> {
    rest: &'a [u8],
    extra: &'a [u8],
}

impl<'a> Members<'a> {
    fn of(object: &'a [u8], extra: &'a [u8]) -> Self {
        Self {
            rest: object.strip_prefix(b"{").unwrap_or(object),
            extra,
        }
    }

    /// Bytes of the members that do not fit.
    fn cut(self, room: usize) -> usize {
        if self.rest.len().saturating_add(self.extra.len()) < room {
            return 0;
        }
        let all = self.rest.len().saturating_add(self.extra.len());
        let kept = Fitting::new(self, room).map(<[u8]>::len).sum::<usize>();
        all.saturating_sub(kept)
    }

    fn write(self, room: usize, out: &mut Vec<u8>) {
        if self.rest.len().saturating_add(self.extra.len()) < room {
            out.extend_from_slice(self.rest);
            if !self.rest.is_empty() && !self.extra.is_empty() {
                out.push(b',');
            }
            out.extend_from_slice(self.extra);
            return;
        }
        for (at, member) in Fitting::new(self, room).enumerate() {
            if at > 0 {
                out.push(b',');
            }
            out.extend_from_slice(member);
        }
    }
}

impl<'a> Iterator for Members<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        if self.rest.is_empty() {
            self.rest = std::mem::take(&mut self.extra);
        }
        if self.rest.is_empty() {
            return None;
        }
        let (member, rest) = split_member(self.rest);
        self.rest = rest;
        Some(member)
    }
}

/// The members that fit, in order; one that does not is left out whole.
struct Fitting<'a> {
    members: Members<'a>,
    room: usize,
}

impl<'a> Fitting<'a> {
    const fn new(members: Members<'a>, room: usize) -> Self {
        Self { members, room }
    }
}

impl<'a> Iterator for Fitting<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        loop {
            let member = self.members.next()?;
            let needed = member.len().saturating_add(1);
            if needed <= self.room {
                self.room = self.room.saturating_sub(needed);
                return Some(member);
            }
        }
    }
}

/// The first of a list of JSON members, and what follows its comma.
fn split_member(members: &[u8]) -> (&[u8], &[u8]) {
    let (mut depth, mut quoted, mut escaped) = (0_u32, false, false);
    for (at, byte) in members.iter().enumerate() {
        if quoted {
            (quoted, escaped) = match byte {
                _ if escaped => (true, false),
                b'\\' => (true, true),
                b'"' => (false, false),
                _ => (true, false),
            };
            continue;
        }
        match byte {
            b'"' => quoted = true,
            b'{' | b'[' => depth = depth.saturating_add(1),
            b'}' | b']' => depth = depth.saturating_sub(1),
            b',' if depth == 0 => {
                let (member, rest) = members.split_at(at);
                return (member, rest.get(1..).unwrap_or_default());
            }
            _ => {}
        }
    }
    (members, &[])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(object: &[u8], extra: &[u8]) -> (serde_json::Value, usize) {
        let mut out = Out::default();
        let parts = Parts {
            time: Time::ZERO,
            kind: "hl7",
            head: b",\"pcap_cnt\":7",
            object,
            extra,
        };
        write(&Eve::default(), parts, None, b"", &mut out);
        assert_eq!(out.items.len(), 1);
        assert_eq!(out.arena.last(), Some(&b'\n'));
        assert_eq!(
            out.items[0].line,
            0..u32::try_from(out.arena.len()).unwrap()
        );
        let object = &out.arena[out.items[0].object as usize..out.arena.len() - 2];
        let whole: serde_json::Value = serde_json::from_slice(&out.arena).unwrap();
        let own: serde_json::Value = serde_json::from_slice(object).unwrap();
        assert_eq!(whole["hl7"], own);
        (whole, out.arena.len())
    }

    #[test]
    fn what_is_appended_follows_what_is_there() {
        let (json, _) = line(br#"{"a":1"#, br#""b":2"#);
        assert_eq!(json["hl7"], serde_json::json!({"a": 1, "b": 2}));
        assert_eq!(json["pcap_cnt"], 7);
        let (json, _) = line(b"{", br#""b":2"#);
        assert_eq!(json["hl7"], serde_json::json!({"b": 2}));
        let (json, _) = line(b"{", b"");
        assert_eq!(json["hl7"], serde_json::json!({}));
    }

    #[test]
    fn a_long_line_loses_whole_members_and_says_how_much() {
        let long = "x,\\\"}".repeat(20_000);
        let object = format!(r#"{{"a":[1,2],"long":"{long}","b":{{"c":"d"}}"#);
        let (json, len) = line(object.as_bytes(), br#""latency_ms":3"#);
        assert!(len <= LINE_BYTES_MAX);
        assert_eq!(
            json["hl7"],
            serde_json::json!({"a": [1, 2], "b": {"c": "d"}, "latency_ms": 3})
        );
        assert!(json["vitalwire"]["cut_bytes"].as_u64().unwrap() >= 100_000);
    }

    #[test]
    fn lines_just_around_the_limit_are_whole_or_cut_but_never_longer() {
        for pad in LINE_BYTES_MAX - 400..LINE_BYTES_MAX + 10 {
            let object = format!(r#"{{"a":"{}""#, "x".repeat(pad));
            let (json, len) = line(object.as_bytes(), b"");
            assert!(len <= LINE_BYTES_MAX, "{len}");
            let whole = json["hl7"]["a"].is_string();
            assert_ne!(whole, json["vitalwire"]["cut_bytes"].is_u64());
        }
    }
}
