//! What a field starts like: a program, a document, a script; as bytes, in base64 or as `\X..\`.

use super::wire::{Delims, pieces};

/// The kinds of file that are told apart.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Embedded {
    Pe,
    Elf,
    Macho,
    Cab,
    Ole,
    Script,
    Zip,
    Pdf,
}

impl Embedded {
    /// As the event says it.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Pe => "pe",
            Self::Elf => "elf",
            Self::Macho => "macho",
            Self::Cab => "cab",
            Self::Ole => "ole",
            Self::Script => "script",
            Self::Zip => "zip",
            Self::Pdf => "pdf",
        }
    }
}

/// First bytes of files. Two letters such as `MZ` start many a text, so PE asks for what follows.
const MAGICS: &[(&[u8], Embedded)] = &[
    (b"MZ\x90\0", Embedded::Pe),
    (b"MZP\0", Embedded::Pe),
    (b"\x7fELF", Embedded::Elf),
    (b"\xcf\xfa\xed\xfe", Embedded::Macho),
    (b"\xce\xfa\xed\xfe", Embedded::Macho),
    (b"MSCF\0\0\0\0", Embedded::Cab),
    (b"\xd0\xcf\x11\xe0\xa1\xb1", Embedded::Ole),
    (b"#!/", Embedded::Script),
    (b"<script", Embedded::Script),
    (b"<?php", Embedded::Script),
    (b"PK\x03\x04", Embedded::Zip),
    (b"%PDF-", Embedded::Pdf),
];

/// The same in base64, as far as the bytes behind do not matter, and in hex.
const CODED: &[(&[u8], Embedded)] = &[
    (b"TVqQ", Embedded::Pe),
    (b"TVpQ", Embedded::Pe),
    (b"TVoA", Embedded::Pe),
    (b"f0VMR", Embedded::Elf),
    (b"z/rt/", Embedded::Macho),
    (b"zvrt/", Embedded::Macho),
    (b"TVNDRgAA", Embedded::Cab),
    (b"0M8R4KGx", Embedded::Ole),
    (b"IyEv", Embedded::Script),
    (b"PHNjcmlwd", Embedded::Script),
    (b"PD9waH", Embedded::Script),
    (b"UEsDB", Embedded::Zip),
    (b"JVBERi0", Embedded::Pdf),
];

/// Hex digits behind `\X`.
const HEX: &[(&[u8], Embedded)] = &[
    (b"4D5A9000", Embedded::Pe),
    (b"4D5A", Embedded::Pe),
    (b"7F454C46", Embedded::Elf),
    (b"CFFAEDFE", Embedded::Macho),
    (b"4D534346", Embedded::Cab),
    (b"D0CF11E0", Embedded::Ole),
    (b"2321", Embedded::Script),
    (b"504B0304", Embedded::Zip),
    (b"25504446", Embedded::Pdf),
];

/// The longest magic in any form, with `\X`; shorter values are not looked at.
const SHORTEST: usize = 4;

/// What a field holds, judged by the start of each of its components.
pub(super) fn embedded(field: &[u8], delims: Delims) -> Option<Embedded> {
    // Raw bytes may look like separators: the field as a whole first.
    magic(field, delims).or_else(|| {
        pieces(field, delims.component)
            .filter(|part| part.len() >= SHORTEST)
            .find_map(|part| magic(part, delims))
    })
}

fn magic(value: &[u8], delims: Delims) -> Option<Embedded> {
    if let [escape, b'X', hex @ ..] = value
        && *escape == delims.escape
    {
        let starts = |magic: &[u8]| {
            hex.get(..magic.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(magic))
        };
        return HEX.iter().find(|(m, _)| starts(m)).map(|(_, kind)| *kind);
    }
    let of = |table: &'static [(&[u8], Embedded)]| {
        table
            .iter()
            .find(|(magic, _)| magic.first() == value.first() && value.starts_with(magic))
            .map(|(_, kind)| *kind)
    };
    of(MAGICS).or_else(|| of(CODED))
}
