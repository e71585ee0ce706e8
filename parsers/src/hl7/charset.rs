//! Character sets (MSH-18, HL7 v2.5 table 0211). Text is turned to UTF-8 a segment at a time, as it
//! is stored: in GB 18030, Big5 and ISO 2022 a second byte may look like a delimiter.

use encoding_rs::{
    BIG5, EUC_KR, Encoding, GB18030, ISO_2022_JP, ISO_8859_2, ISO_8859_3, ISO_8859_4, ISO_8859_5,
    ISO_8859_6, ISO_8859_7, ISO_8859_8, ISO_8859_15, WINDOWS_1252, WINDOWS_1254,
};

use super::wire::{Delims, pieces, trim};

/// What MSH-18 says.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) enum Charset {
    /// ASCII, UTF-8, or nothing said: bytes are taken as they are.
    #[default]
    AsIs,
    /// ASCII was declared or nothing was: the same, but a byte over 0x7f is a lie.
    Ascii,
    /// Another one.
    Other(&'static Encoding),
    /// A name that the standard does not have, or a set that cannot be decoded.
    Unknown,
}

/// From MSH-18. Of several repetitions, the first that is not ASCII counts: the others are reached
/// by escape sequences that it understands too.
pub(super) fn charset(field: &[u8], delims: Delims) -> Charset {
    let mut found = Charset::AsIs;
    for name in pieces(field, delims.repetition).map(trim) {
        match named(name) {
            Charset::AsIs => {}
            Charset::Ascii => found = Charset::Ascii,
            other => return other,
        }
        if name == b"UNICODE UTF-8" || name == b"UTF-8" {
            return Charset::AsIs;
        }
    }
    found
}

fn named(name: &[u8]) -> Charset {
    let encoding = match name {
        b"" | b"UNICODE UTF-8" | b"UTF-8" | b"UNICODE" => return Charset::AsIs,
        b"ASCII" | b"ISO IR6" => return Charset::Ascii,
        b"8859/1" => WINDOWS_1252,
        b"8859/2" => ISO_8859_2,
        b"8859/3" => ISO_8859_3,
        b"8859/4" => ISO_8859_4,
        b"8859/5" => ISO_8859_5,
        b"8859/6" => ISO_8859_6,
        b"8859/7" => ISO_8859_7,
        b"8859/8" => ISO_8859_8,
        b"8859/9" => WINDOWS_1254,
        b"8859/15" => ISO_8859_15,
        b"ISO IR14" | b"ISO IR87" | b"ISO IR159" => ISO_2022_JP,
        b"GB 18030-2000" | b"GB 18030" => GB18030,
        b"BIG-5" => BIG5,
        b"KS X 1001" => EUC_KR,
        _ => return Charset::Unknown,
    };
    Charset::Other(encoding)
}

impl Charset {
    /// Turns the bytes from `start` on to UTF-8, if they are not. `spare` is room to work in.
    pub(super) fn to_utf8(self, bytes: &mut Vec<u8>, start: usize, spare: &mut Vec<u8>) {
        let Self::Other(encoding) = self else { return };
        let tail = bytes.get(start..).unwrap_or_default();
        if tail.iter().all(|b| *b < 0x80 && *b != 0x1b) {
            return;
        }
        let (text, _) = encoding.decode_without_bom_handling(tail);
        spare.clear();
        spare.extend_from_slice(text.as_bytes());
        bytes.truncate(start);
        bytes.append(spare);
    }
}
