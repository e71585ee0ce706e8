//! ArcSight's Common Event Format, version 0, as one line.
//!
//! The six custom strings, the same in every event, left out where there is nothing:
//!
//! | field | label | is |
//! |---|---|---|
//! | `cs1` | `clinicalImpact` | none, possible, likely or direct: what it means at the bedside |
//! | `cs2` | `tier` | page, notify or digest |
//! | `cs3` | `attackTechniques` | ATT&CK techniques, with commas |
//! | `cs4` | `whatToDo` | what to do |
//! | `cs5` | `doNotIsolate` | `true` where a person has to be asked before anything is cut off |
//! | `cs6` | `sensorSite` | the hospital or building |
//!
//! `externalId` is the id of what it is about: an alert's, an incident's.

use serde_json::Value;

use super::event::Event;
use super::stamp::micros;

/// The custom strings: number, label, where the value is.
const CUSTOM: [(u8, &str, &str); 4] = [
    (1, "clinicalImpact", "clinical_impact"),
    (2, "tier", "tier"),
    (4, "whatToDo", "what_to_do"),
    (6, "sensorSite", "site"),
];

pub(super) fn line(event: &Event<'_>) -> String {
    let mut line = String::from("CEF:0");
    let class = event.number("/alert/signature_id");
    let class = class.map_or_else(
        || format!("{}.{}", event.kind(), event.name()),
        |sid| sid.to_string(),
    );
    let severity = event.severity().cef().to_string();
    let title = event.title();
    let version = crate::version::VERSION;
    for field in ["Vitalwire", "Vitalwire", version, &class, &title, &severity] {
        line.push('|');
        header(field, &mut line);
    }
    line.push('|');
    Extension(&mut line).of(event);
    line.truncate(line.trim_end().len());
    line
}

/// In the header backslash and pipe are escaped, and there are no lines.
fn header(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '\\' | '|' => out.extend(['\\', c]),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
}

/// In values backslash and equals sign are escaped, and line feeds written as `\n`.
fn value(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '\\' | '=' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
}

/// `key=value` pairs.
struct Extension<'a>(&'a mut String);

impl Extension<'_> {
    fn put(&mut self, key: &str, text: Option<&str>) {
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            self.0.push_str(key);
            self.0.push('=');
            value(text, self.0);
            self.0.push(' ');
        }
    }

    fn number(&mut self, key: &str, number: Option<impl std::fmt::Display>) {
        if let Some(number) = number {
            self.put(key, Some(&number.to_string()));
        }
    }

    fn of(&mut self, event: &Event<'_>) {
        let millis = |stamp: &str| Some(micros(stamp)?.div_euclid(1_000));
        self.number("rt", millis(event.timestamp()));
        self.put("externalId", Some(&event.id()));
        self.put(
            "cat",
            event
                .text("/alert/category")
                .or_else(|| event.own("category")),
        );
        let action = event.ours_text("action").or_else(|| event.own("action"));
        self.put("act", action.or_else(|| event.own("state")));
        self.put("outcome", event.ours_text("verdict"));
        self.put("dvchost", event.text("/host"));
        self.put("deviceExternalId", Some(event.sensor()));
        self.put("deviceInboundInterface", event.text("/in_iface"));
        self.ends(event);
        self.put("proto", event.text("/proto"));
        self.put("app", event.text("/app_proto"));
        let seen = |key: &str| {
            let ours = event.text(&format!("/vitalwire/{key}"));
            ours.or_else(|| event.own(key)).and_then(millis)
        };
        self.number("start", seen("first_seen"));
        self.number("end", seen("last_seen"));
        let count = event.number("/vitalwire/count");
        self.number("cnt", count.or_else(|| event.own_number("count")));
        self.custom(event);
        let said = event.explain().map_or_else(|| event.title(), str::to_owned);
        self.put("msg", Some(&said));
    }

    fn ends(&mut self, event: &Event<'_>) {
        let (source, destination) = event.ends();
        let sides = [
            ("src", "spt", "smac", source),
            ("dst", "dpt", "dmac", destination),
        ];
        for (ip, port, mac, end) in sides {
            // `src` and `dst` are IPv4 in CEF; IPv6 has fields of its own.
            let is_v6 = end.ip.is_some_and(|ip| ip.contains(':'));
            let key = match (ip, is_v6) {
                ("src", true) => "c6a2",
                (_, true) => "c6a3",
                _ => ip,
            };
            self.put(key, end.ip);
            let label = if ip == "src" {
                "Source IPv6 Address"
            } else {
                "Destination IPv6 Address"
            };
            self.put(&format!("{key}Label"), Some(label).filter(|_| is_v6));
            self.number(port, end.port);
            self.put(mac, end.mac);
        }
        self.put(
            "suser",
            event.own("actor").filter(|_| event.kind() == "audit"),
        );
    }

    fn custom(&mut self, event: &Event<'_>) {
        for (number, label, key) in CUSTOM {
            let ours = event.text(&format!("/vitalwire/{key}"));
            self.string(number, label, ours.or_else(|| event.own(key)));
        }
        self.string(3, "attackTechniques", Some(&event.techniques().join(",")));
        let stay = event
            .at("/vitalwire/do_not_isolate")
            .and_then(Value::as_bool);
        self.string(
            5,
            "doNotIsolate",
            stay.map(|stay| if stay { "true" } else { "false" }),
        );
    }

    fn string(&mut self, number: u8, label: &str, text: Option<&str>) {
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            self.put(&format!("cs{number}Label"), Some(label));
            self.put(&format!("cs{number}"), Some(text));
        }
    }
}
