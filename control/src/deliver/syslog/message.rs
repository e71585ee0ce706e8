//! One message (RFC 5424 6): header, no structured data, and the body without a BOM, since JSON must
//! not begin with one (RFC 8259 8.1).

use crate::config::{Facility, Framing, Syslog as Config, Transport};
use crate::deliver::parse;
use crate::formats::{Format, render_within, rfc3339};
use crate::outbox::Entry;
use rules::Severity;
use serde_json::Value;

/// How messages look.
pub(super) struct Shape {
    format: Format,
    facility: Facility,
    framing: Framing,
    is_datagram: bool,
    /// The longest message.
    max: usize,
}

/// The longest HOSTNAME.
const HOSTNAME_MAX: usize = 255;

impl Shape {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            format: config.format,
            facility: config.facility,
            framing: config.framing,
            is_datagram: config.transport == Transport::Udp,
            max: usize::try_from(config.max_size.0).unwrap_or(usize::MAX),
        }
    }

    /// The message, framed.
    pub(super) fn message(&self, entry: &Entry) -> Result<Vec<u8>, String> {
        let line = parse(entry)?;
        let header = self.header(entry, &line);
        let room = self.max.saturating_sub(header.len());
        let body = render_within(self.format, &line, room)
            .ok_or_else(|| format!("even its core is longer than max_size, {} bytes", self.max))?;
        Ok(self.framed(&header, &body))
    }

    /// `<PRI>1 TIMESTAMP HOSTNAME APP-NAME PROCID MSGID STRUCTURED-DATA `.
    fn header(&self, entry: &Entry, line: &Value) -> String {
        let text = |key: &str| line.get(key).and_then(Value::as_str).unwrap_or("-");
        let priority = self.facility as u32 * 8 + u32::from(severity(entry, line).syslog());
        format!(
            "<{priority}>1 {} {} vitalwire - {} - ",
            rfc3339(text("timestamp")),
            hostname(text("host")),
            entry.kind.word(),
        )
    }

    fn framed(&self, header: &str, body: &str) -> Vec<u8> {
        let len = header.len() + body.len();
        match self.framing {
            _ if self.is_datagram => format!("{header}{body}"),
            Framing::OctetCounted => format!("{len} {header}{body}"),
            Framing::Lf => format!("{header}{body}\n"),
        }
        .into_bytes()
    }
}

/// As the event says, wherever it says it.
fn severity(entry: &Entry, line: &Value) -> Severity {
    let own = line.get(entry.kind.word());
    let ours = line.get("vitalwire");
    let word = [ours, own]
        .into_iter()
        .flatten()
        .find_map(|object| object.get("severity")?.as_str());
    let known = Severity::ALL
        .into_iter()
        .find(|severity| Some(severity.word()) == word);
    known.unwrap_or(Severity::Info)
}

/// Printable ASCII without spaces.
fn hostname(name: &str) -> String {
    let kept: String = name
        .chars()
        .filter(char::is_ascii_graphic)
        .take(HOSTNAME_MAX)
        .collect();
    if kept.is_empty() {
        "-".to_owned()
    } else {
        kept
    }
}
