//! Finding a PDU in bytes whose beginning was missed, and recognising DICOM by its first ones.

use super::wire::{self, ASSOCIATE_FIXED_BYTES, PDU_HEADER_BYTES, PduType, PdvHeader};
use crate::event::Direction;
use crate::protocol::{BUFFER_BYTES_MAX, Probe, Verdict};

/// The longest body of an association PDU that is held in one piece. A proposal of 128 contexts
/// with every transfer syntax there is has some 200 KiB, one that occurs some 10 KiB.
#[expect(clippy::cast_possible_truncation, reason = "64 KiB")]
pub(super) const ASSOCIATE_BYTES_MAX: u32 = (BUFFER_BYTES_MAX - PDU_HEADER_BYTES) as u32;
/// The longest P-DATA-TF that a search believes: far above what implementations announce.
const PDATA_BYTES_MAX: u32 = 1 << 26;
/// Ports where a long fragment of a dataset is believed before the next header has been seen: a probe
/// is not shown as many bytes as that may take.
const DICOM_PORTS: [u16; 6] = [104, 2345, 2761, 2762, 4242, 11112];
/// A fragment of this length or more is long.
const LONG_PDATA_BYTES: u32 = 256;
/// The start of every command set: Command Group Length, four bytes long.
const COMMAND_START: [u8; 8] = [0, 0, 0, 0, 4, 0, 0, 0];

/// Whether bytes are a PDU's first ones.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Fit {
    No,
    /// More bytes are needed to tell.
    Short,
    /// They look like it; the next header has to fit as well.
    Likely,
    Certain,
}

/// Whether a PDU starts here. `accepted` says whether a presentation context was; none if the
/// negotiation is not known.
pub(super) fn fit(bytes: &[u8], accepted: &dyn Fn(u8) -> Option<bool>) -> Fit {
    let [first, rest @ ..] = bytes else {
        return Fit::Short;
    };
    if !PduType(*first).is_defined() || rest.first().is_some_and(|reserved| *reserved != 0) {
        return Fit::No;
    }
    let Ok((body, header)) = wire::pdu_header(bytes) else {
        return Fit::Short;
    };
    match header.pdu_type {
        PduType::P_DATA_TF => fit_pdata(body, header.len, accepted),
        PduType::ASSOCIATE_RQ | PduType::ASSOCIATE_AC => fit_associate(body, header.len),
        other => fit_short(other, body, header.len),
    }
}

fn fit_pdata(body: &[u8], len: u32, accepted: &dyn Fn(u8) -> Option<bool>) -> Fit {
    if !(6..=PDATA_BYTES_MAX).contains(&len) {
        return Fit::No;
    }
    let Ok((fragment, pdv)) = wire::pdv_header(body) else {
        return Fit::Short;
    };
    let PdvHeader {
        len: pdv_len,
        context_id,
        control,
    } = pdv;
    if !(2..=len.saturating_sub(4)).contains(&pdv_len)
        || context_id % 2 == 0
        || control > 3
        || accepted(context_id) == Some(false)
    {
        return Fit::No;
    }
    if pdv.is_command() {
        return starts_with(fragment, &COMMAND_START, Fit::Certain);
    }
    if pdv_len == len.saturating_sub(4) {
        Fit::Likely
    } else {
        Fit::No
    }
}

/// A proposal or an answer: the titles are text, and the application context follows them.
fn fit_associate(body: &[u8], len: u32) -> Fit {
    let Some((fixed, items)) = body.split_at_checked(ASSOCIATE_FIXED_BYTES as usize) else {
        return Fit::Short;
    };
    let Ok((_, fixed)) = wire::associate(fixed) else {
        return Fit::No;
    };
    let text = |title: &[u8]| title.iter().filter(|b| matches!(b, b' '..=b'~')).count() >= 8;
    let empty = |title: &[u8]| title.iter().all(|b| *b == 0);
    // An answer may leave the titles empty.
    let titled = [fixed.called_ae, fixed.calling_ae]
        .into_iter()
        .all(|title| text(title) || empty(title) || wire::trim(title).is_ascii());
    if fixed.protocol_version & 1 == 0 || !titled {
        return Fit::No;
    }
    if len == ASSOCIATE_FIXED_BYTES {
        return Fit::Certain;
    }
    starts_with(items, &[0x10, 0], Fit::Certain)
}

/// The PDUs of ten bytes.
fn fit_short(pdu_type: PduType, body: &[u8], len: u32) -> Fit {
    if len != 4 {
        return Fit::No;
    }
    let Ok((_, refusal)) = wire::refusal(body) else {
        return Fit::Short;
    };
    let wire::Refusal {
        result,
        source,
        reason,
    } = refusal;
    let fits = match pdu_type {
        PduType::ASSOCIATE_RJ => matches!((result, source), (1 | 2, 1..=3)),
        PduType::ABORT => matches!((result, source, reason), (0, 0 | 2, 0..=6)),
        _ => (result, source, reason) == (0, 0, 0),
    };
    if fits { Fit::Certain } else { Fit::No }
}

fn starts_with(bytes: &[u8], start: &[u8], then: Fit) -> Fit {
    if bytes.starts_with(start) {
        then
    } else if start.starts_with(bytes) {
        Fit::Short
    } else {
        Fit::No
    }
}

/// What a search found.
pub(super) enum Found {
    /// A PDU at this offset; whether it is certain.
    At(usize, bool),
    /// None before this offset; behind it are too few bytes to tell.
    None(usize),
}

/// Looks for the first place at which a PDU may start.
pub(super) fn search(bytes: &[u8], accepted: &dyn Fn(u8) -> Option<bool>) -> Found {
    for at in 0..bytes.len() {
        let here = bytes.get(at..).unwrap_or_default();
        // Nearly every place is ruled out by its first two bytes.
        if !matches!(here, [1..=7, 0, ..] | [1..=7]) || is_of_no_length(here) {
            continue;
        }
        match fit(here, accepted) {
            Fit::No => {}
            Fit::Short => return Found::None(at),
            Fit::Likely => return Found::At(at, false),
            Fit::Certain => return Found::At(at, true),
        }
    }
    Found::None(bytes.len())
}

/// Whether a header is there whole, and its length is one that no PDU of its type has: what
/// [`fit`] would find too, but at a cost that matters where every byte is looked at.
const fn is_of_no_length(bytes: &[u8]) -> bool {
    let [pdu_type, _, a, b, c, d, ..] = bytes else {
        return false;
    };
    let len = u32::from_be_bytes([*a, *b, *c, *d]);
    match *pdu_type {
        1 | 2 => false,
        4 => len < 6 || len > PDATA_BYTES_MAX,
        _ => len != 4,
    }
}

/// Recognises DICOM: from the start of a stream by its first PDU on any port, midstream by a PDU
/// anywhere.
pub(super) fn probe(probe: &Probe<'_>) -> Verdict {
    let accepted = |_| None;
    if probe.from_start {
        return match fit(probe.bytes, &accepted) {
            Fit::No if is_broken_pdu(probe) => Verdict::Yes(0),
            Fit::No => Verdict::No,
            Fit::Short => Verdict::Unsure,
            Fit::Likely | Fit::Certain => Verdict::Yes(0),
        };
    }
    match search(probe.bytes, &accepted) {
        Found::At(at, true) => Verdict::Yes(at),
        Found::At(at, false) if next_fits(probe, at) => Verdict::Yes(at),
        // Such bytes need not be kept and looked at again with the next ones.
        Found::None(at) if at == probe.bytes.len() => Verdict::No,
        _ => Verdict::Unsure,
    }
}

/// Whether a client begins with a PDU that breaks the rules, on a port of DICOM: a proposal of any
/// length, or one of the short PDUs with another length than theirs. Elsewhere such bytes are
/// anybody's.
fn is_broken_pdu(probe: &Probe<'_>) -> bool {
    probe.direction == Direction::ToServer
        && DICOM_PORTS.contains(&probe.server_port)
        && matches!(
            probe.bytes,
            [1, 0, _, _, _, _, ..] | [3 | 5..=7, 0, 0, 0, 0, _, ..]
        )
}

/// Whether another PDU follows the one at this offset, or so long a one stands on a port of DICOM.
fn next_fits(probe: &Probe<'_>, at: usize) -> bool {
    let here = probe.bytes.get(at..).unwrap_or_default();
    let Ok((body, header)) = wire::pdu_header(here) else {
        return false;
    };
    if header.len >= LONG_PDATA_BYTES && DICOM_PORTS.contains(&probe.server_port) {
        return true;
    }
    let next = usize::try_from(header.len)
        .ok()
        .and_then(|len| body.get(len..));
    next.is_some_and(|next| !next.is_empty() && !matches!(fit(next, &|_| None), Fit::No))
}
