//! UIDs: what the standard's own ones mean, and whether one is legal.

use dicom_core::dictionary::UidDictionary;
use dicom_dictionary_std::StandardSopClassDictionary;

use super::wire::Encoding;

/// The most characters of a UID (PS3.5 9.1).
const UID_BYTES_MAX: usize = 64;

/// The name of a SOP class, if the standard has it.
pub(super) fn sop_class_name(uid: &[u8]) -> Option<&'static str> {
    let uid = std::str::from_utf8(uid).ok()?;
    match uid {
        "1.2.276.0.7230010.3.4.1915765545.18030.917282194.0" => Some("DCMTK Shutdown"),
        _ => StandardSopClassDictionary.by_uid(uid).map(|e| e.name),
    }
}

/// What a transfer syntax means for the reader of a dataset (PS3.5 10, PS3.6 A.4).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Syntax {
    /// The negotiation was not seen: the first element has to tell.
    Unknown,
    /// The dataset is compressed as a whole: named, not read.
    Deflated,
    /// Data elements in this encoding.
    Plain(Encoding),
}

/// What the transfer syntax of that UID means. Those not named here are Explicit VR Little Endian:
/// so PS3.5 10.1 has it of all encapsulated ones.
pub(super) fn syntax(uid: &[u8]) -> Syntax {
    match uid {
        // Implicit VR; the private one of GE differs in its pixel data only; Papyrus 3.
        b"1.2.840.10008.1.2" | b"1.2.840.113619.5.2" | b"1.2.840.10008.1.20" => {
            Syntax::Plain(Encoding::IMPLICIT)
        }
        b"1.2.840.10008.1.2.2" => Syntax::Plain(Encoding {
            explicit: true,
            big: true,
        }),
        // Deflated, and the two JPIP syntaxes that refer to data deflated.
        b"1.2.840.10008.1.2.1.99" | b"1.2.840.10008.1.2.4.95" | b"1.2.840.10008.1.2.4.205" => {
            Syntax::Deflated
        }
        _ => Syntax::Plain(Encoding::EXPLICIT),
    }
}

/// What is wrong with a UID, the worst last.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum BadUid {
    /// Padded with spaces where one NUL is the rule.
    Padding,
    /// A character that is neither digit nor dot, or two dots in a row.
    Characters,
    /// More than 64 characters.
    Length,
    /// What a path or a shell would take for more than a name.
    Traversal,
}

impl BadUid {
    /// As rules write it.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Padding => "padding",
            Self::Characters => "characters",
            Self::Length => "length",
            Self::Traversal => "traversal",
        }
    }
}

/// What is wrong with a value of UIDs, if anything (PS3.5 9.1, 6.2 for the padding). `cut` says that
/// only its beginning is here.
pub(super) fn check(value: &[u8], cut: bool) -> Option<BadUid> {
    let value = match value {
        [unpadded @ .., 0] if !cut => unpadded,
        whole => whole,
    };
    // A backslash parts values: each is judged alone.
    value.split(|b| *b == b'\\').filter_map(check_one).max()
}

fn check_one(uid: &[u8]) -> Option<BadUid> {
    let legal = |uid: &[u8]| uid.iter().all(|b| b.is_ascii_digit() || *b == b'.');
    let escapes = |b: &u8| matches!(b, 0 | b'/' | b':' | b'%' | b';' | b'|' | b'&' | b'$' | b'`');
    if uid.iter().any(escapes) || uid.starts_with(b"..") || uid.ends_with(b"..") {
        Some(BadUid::Traversal)
    } else if uid.len() > UID_BYTES_MAX {
        Some(BadUid::Length)
    } else if legal(uid) {
        uid.windows(2)
            .any(|pair| pair == b"..")
            .then_some(BadUid::Characters)
    } else if legal(uid.trim_ascii()) {
        Some(BadUid::Padding)
    } else {
        Some(BadUid::Characters)
    }
}
