//! The canonical form of a value, so that one patient has one pseudonym in DICOM and in HL7.

use smallvec::SmallVec;

use super::{Class, PhiKind};

/// Room for what most values become.
pub(super) type Canonical = SmallVec<[u8; 128]>;

/// The most bytes of a value that make its pseudonym; identifiers are far shorter, and of a long
/// free text this much is enough to tell two apart.
pub(super) const CANONICAL_BYTES_MAX: usize = 1024;

/// Appends the canonical bytes of `raw`: padding taken off, upper case, names as FAMILY^GIVEN, an
/// identifier without its assigning authority.
pub(super) fn canonical(class: Class, raw: &[u8], out: &mut Canonical) {
    let raw = trim(raw.get(..CANONICAL_BYTES_MAX).unwrap_or(raw));
    match class {
        Class::Phi(PhiKind::Mrn | PhiKind::Accession) => upper(trim(first_component(raw)), out),
        Class::Phi(PhiKind::Name) | Class::Staff => name(raw, out),
        _ => upper(raw, out),
    }
}

/// FAMILY^GIVEN of a DICOM PN or an HL7 XPN. An HL7 family name may have sub-components (`&`), a
/// DICOM name other representations (`=`): neither counts.
fn name(raw: &[u8], out: &mut Canonical) {
    let alphabetic = raw.split(|b| *b == b'=').next().unwrap_or_default();
    let mut parts = alphabetic.split(|b| *b == b'^');
    let family = parts.next().unwrap_or_default();
    let family = family.split(|b| *b == b'&').next().unwrap_or_default();
    upper(trim(family), out);
    let given = trim(parts.next().unwrap_or_default());
    if !given.is_empty() {
        out.push(b'^');
        upper(given, out);
    }
}

fn first_component(raw: &[u8]) -> &[u8] {
    raw.split(|b| *b == b'^').next().unwrap_or_default()
}

fn upper(raw: &[u8], out: &mut Canonical) {
    let from = out.len();
    out.extend_from_slice(raw);
    out.get_mut(from..)
        .unwrap_or_default()
        .make_ascii_uppercase();
}

/// Without spaces and NULs at either end: DICOM pads with both.
fn trim(mut raw: &[u8]) -> &[u8] {
    while let [b' ' | 0 | b'\t', rest @ ..] | [rest @ .., b' ' | 0 | b'\t'] = raw {
        raw = rest;
    }
    raw
}
