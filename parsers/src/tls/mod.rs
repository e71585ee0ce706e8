//! TLS: the ClientHello and the ServerHello, and then nothing more, since the rest is encrypted.
//!
//! Standards: RFC 8446 4.1, 5.1; RFC 6066 3 (server name); RFC 7301 (ALPN); PS3.15 B for DICOM over
//! TLS. Limits: a hello of 32 KiB.

mod state;

#[cfg(test)]
mod tests;

use tls_parser::MAX_RECORD_LEN;

use crate::anomalies;
use crate::event::Direction::{ToClient, ToServer};
use crate::kinds;
use crate::protocol::{Probe, Spec, Transport, Verdict};

anomalies! {
    /// All of them.
    pub static ANOMALIES;
    RECORD_LENGTH = "tls.record_length", "a record of no bytes, or of more than 16 KiB and 256 bytes", "RFC 8446 5.1";
    HELLO_LENGTH = "tls.hello_length", "a hello of more than 32 KiB", "RFC 8446 4.1";
    HELLO_MALFORMED = "tls.hello_malformed", "a hello that cannot be read", "RFC 8446 4.1";
}

/// TLS.
pub static SPEC: Spec = Spec {
    name: "tls",
    transport: Transport::Tcp,
    kinds: &[&kinds::tls::KIND],
    anomalies: ANOMALIES,
    medical: false,
    each_side: false,
    probe,
    open: Some(|open| Box::new(state::Hellos::new(open))),
    sample: &[
        (ToServer, include_bytes!("testdata/client_hello.bin")),
        (ToClient, include_bytes!("testdata/server_hello.bin")),
    ],
};

/// A handshake record of version 3.x that begins with a hello.
fn probe(probe: &Probe<'_>) -> Verdict {
    const START: [u8; 2] = [0x16, 3];
    if !probe.from_start {
        return Verdict::No;
    }
    match probe.bytes {
        [0x16, 3, 0..=4, high, low, 1 | 2, ..] => {
            let len = u16::from_be_bytes([*high, *low]);
            if (4..=MAX_RECORD_LEN).contains(&len) {
                Verdict::Yes(0)
            } else {
                Verdict::No
            }
        }
        short if short.len() < 6 && START.iter().zip(short).all(|(a, b)| a == b) => Verdict::Unsure,
        _ => Verdict::No,
    }
}
