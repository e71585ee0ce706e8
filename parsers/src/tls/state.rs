//! Records to hellos, hellos to events.

use tls_parser::{
    MAX_RECORD_LEN, TlsExtension, TlsRecordType, TlsVersion, parse_tls_client_hello_extensions,
    parse_tls_handshake_client_hello, parse_tls_handshake_server_hello, parse_tls_record_header,
    parse_tls_server_hello_extensions,
};

use super::{HELLO_LENGTH, HELLO_MALFORMED, RECORD_LENGTH};
use crate::event::{Direction, Event, Value};
use crate::kinds::tls as field;
use crate::protocol::{Anomaly, Emit, Open, Parser, Progress, Then};

/// Bytes of a record's header.
const RECORD_HEADER_BYTES: usize = 5;
/// Bytes of a handshake message's header.
const MESSAGE_HEADER_BYTES: usize = 4;
/// The longest hello that is read. With post-quantum keys and a full house of extensions one has
/// some 2 KiB.
const HELLO_BYTES_MAX: usize = 32 * 1024;
/// Ports on which TLS carries DICOM. (2761 is for ISCL, which is not TLS.)
const DICOM_PORTS: [u16; 3] = [104, 2762, 11112];

/// The parser of one connection: until each side's hello.
pub(super) struct Hellos {
    server_port: u16,
    to_server: Vec<u8>,
    to_client: Vec<u8>,
    /// By direction: whether bytes were missed, so that what comes is no record's start.
    lost: [bool; 2],
}

impl Hellos {
    pub(super) const fn new(open: &Open) -> Self {
        Self {
            server_port: open.server_port,
            to_server: Vec::new(),
            to_client: Vec::new(),
            lost: [open.midstream; 2],
        }
    }

    /// What records have brought of this direction's hello.
    const fn message(&mut self, direction: Direction) -> &mut Vec<u8> {
        match direction {
            Direction::ToServer => &mut self.to_server,
            Direction::ToClient => &mut self.to_client,
        }
    }

    /// Takes a record's content. False when there is nothing more to wait for.
    fn record(&mut self, direction: Direction, content: &[u8], emit: &mut dyn Emit) -> bool {
        let port = self.server_port;
        let message = self.message(direction);
        message.extend_from_slice(content);
        let Some((header, body)) = message.split_first_chunk::<MESSAGE_HEADER_BYTES>() else {
            return true;
        };
        let [kind, high, middle, low] = *header;
        let len = u32::from_be_bytes([0, high, middle, low]) as usize;
        if !matches!(kind, 1 | 2) {
            return false;
        }
        if len > HELLO_BYTES_MAX {
            emit.anomaly(direction, &HELLO_LENGTH);
            return false;
        }
        let Some(body) = body.get(..len) else {
            return true;
        };
        let told = match kind {
            1 => client_hello(body, port, direction, emit),
            _ => server_hello(body, port, direction, emit),
        };
        if told.is_none() {
            emit.anomaly(direction, &HELLO_MALFORMED);
        }
        false
    }
}

impl Parser for Hellos {
    fn parse(&mut self, direction: Direction, bytes: &[u8], emit: &mut dyn Emit) -> Progress {
        if self.lost.get(direction.index()) == Some(&true) {
            return stop(bytes.len());
        }
        let mut at = 0_usize;
        loop {
            let rest = bytes.get(at..).unwrap_or_default();
            let Ok((body, header)) = parse_tls_record_header(rest) else {
                return Progress::more(at, RECORD_HEADER_BYTES);
            };
            if header.record_type == TlsRecordType::ApplicationData {
                return stop(bytes.len());
            }
            if header.len == 0 || header.len > MAX_RECORD_LEN {
                return stop_with(direction, &RECORD_LENGTH, bytes.len(), emit);
            }
            let len = usize::from(header.len);
            let Some(content) = body.get(..len) else {
                return Progress::more(at, RECORD_HEADER_BYTES.saturating_add(len));
            };
            at = at.saturating_add(RECORD_HEADER_BYTES).saturating_add(len);
            if header.record_type == TlsRecordType::Handshake
                && !self.record(direction, content, emit)
            {
                *self.message(direction) = Vec::new();
                return stop(at);
            }
        }
    }

    fn gap(&mut self, direction: Direction, _len: u64, _emit: &mut dyn Emit) {
        *self.message(direction) = Vec::new();
        if let Some(lost) = self.lost.get_mut(direction.index()) {
            *lost = true;
        }
    }

    fn close(&mut self, direction: Direction, _rest: &[u8], _emit: &mut dyn Emit) {
        *self.message(direction) = Vec::new();
    }

    fn heap_bytes(&self) -> usize {
        size_of::<Self>()
            .saturating_add(self.to_server.capacity())
            .saturating_add(self.to_client.capacity())
    }
}

const fn stop(consumed: usize) -> Progress {
    Progress {
        consumed,
        then: Then::Stop,
    }
}

fn stop_with(
    direction: Direction,
    anomaly: &'static Anomaly,
    consumed: usize,
    emit: &mut dyn Emit,
) -> Progress {
    emit.anomaly(direction, anomaly);
    stop(consumed)
}

/// What the extensions of a hello say.
#[derive(Default)]
struct Extensions<'a> {
    sni: Option<&'a [u8]>,
    alpn: Vec<Value<'a>>,
    version: Option<TlsVersion>,
}

impl<'a> Extensions<'a> {
    fn gather(list: Vec<TlsExtension<'a>>) -> Self {
        let mut all = Self::default();
        for extension in list {
            match extension {
                TlsExtension::SNI(names) => all.sni = names.first().map(|(_, name)| *name),
                TlsExtension::ALPN(names) => {
                    all.alpn = names.into_iter().map(Value::from).collect();
                }
                TlsExtension::SupportedVersions(versions) => {
                    // Among them may be values that mean nothing (RFC 8701).
                    let known = versions.into_iter().filter(|v| name_of(*v).is_some());
                    all.version = known.max_by_key(|version| version.0);
                }
                _ => {}
            }
        }
        all
    }

    fn set(&'a self, event: &mut Event<'a>, legacy: TlsVersion, port: u16) {
        event.set_opt(field::SNI, self.sni);
        let version = self.version.unwrap_or(legacy);
        event.set_opt(field::VERSION, name_of(version));
        if !self.alpn.is_empty() {
            event.set(field::ALPN, &self.alpn[..]);
        }
        let by_alpn = self.alpn.iter().any(|name| {
            matches!(name, Value::Text(name) if name.get(..5).is_some_and(|n| n.eq_ignore_ascii_case(b"dicom")))
        });
        event.set(field::DICOM, by_alpn || DICOM_PORTS.contains(&port));
    }
}

fn client_hello(body: &[u8], port: u16, direction: Direction, emit: &mut dyn Emit) -> Option<()> {
    let (_, hello) = parse_tls_handshake_client_hello(body).ok()?;
    let extensions = hello
        .ext
        .and_then(|ext| parse_tls_client_hello_extensions(ext).ok())
        .map_or_else(Extensions::default, |(_, list)| Extensions::gather(list));
    let mut event = Event::new(&field::KIND, direction);
    event.set(field::HANDSHAKE, "client_hello");
    extensions.set(&mut event, hello.version, port);
    emit.event(&event);
    Some(())
}

fn server_hello(body: &[u8], port: u16, direction: Direction, emit: &mut dyn Emit) -> Option<()> {
    let (_, hello) = parse_tls_handshake_server_hello(body).ok()?;
    let extensions = hello
        .ext
        .and_then(|ext| parse_tls_server_hello_extensions(ext).ok())
        .map_or_else(Extensions::default, |(_, list)| Extensions::gather(list));
    let mut event = Event::new(&field::KIND, direction);
    event.set(field::HANDSHAKE, "server_hello");
    event.set(field::CIPHER, hello.cipher.0);
    extensions.set(&mut event, hello.version, port);
    emit.event(&event);
    Some(())
}

/// A version as EVE writes it.
const fn name_of(version: TlsVersion) -> Option<&'static str> {
    match version.0 {
        0x0300 => Some("SSLv3"),
        0x0301 => Some("TLSv1"),
        0x0302 => Some("TLS 1.1"),
        0x0303 => Some("TLS 1.2"),
        0x0304 => Some("TLS 1.3"),
        _ => None,
    }
}
