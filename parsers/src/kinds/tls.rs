//! `tls`: the first messages of a TLS connection.

use crate::kind;
use crate::phi::{Class, PhiKind};

kind! {
    /// A TLS ClientHello or ServerHello, EVE's `tls` object.
    pub static KIND = 10, "tls", "a TLS handshake", medical: false, paths: None;
    SNI = "sni": Text, Class::Phi(PhiKind::FreeText), "server name that the client asked for", "RFC 6066 3";
    VERSION = "version": Text, Class::Clear, "version agreed, or offered when only the client was seen", "RFC 8446 4.1";
    HANDSHAKE = "handshake": Word, Class::Clear, "client_hello or server_hello", "RFC 8446 4.1";
    ALPN = "alpn": TextList, Class::Clear, "application protocols offered or chosen", "RFC 7301";
    CIPHER = "cipher": Int, Class::Clear, "cipher suite chosen", "RFC 8446 B.4";
    DICOM = "dicom": Bool, Class::Clear, "whether it carries DICOM, by port or ALPN", "PS3.15 B";
}
