//! Text to UTF-8: Specific Character Set (0008,0005) (PS3.3 C.12.1.1.2, PS3.5 6.1).

use std::borrow::Cow;

use encoding_rs::{
    BIG5, EUC_JP, EUC_KR, Encoding, GB18030, GBK, ISO_8859_2, ISO_8859_3, ISO_8859_4, ISO_8859_5,
    ISO_8859_6, ISO_8859_7, ISO_8859_8, ISO_8859_15, SHIFT_JIS, UTF_8, WINDOWS_874, WINDOWS_1252,
    WINDOWS_1254,
};

const ESC: u8 = 0x1b;

/// The encoding that a defined term names; none for the default repertoire, ASCII.
fn by_term(term: &[u8]) -> Option<&'static Encoding> {
    let term = term.trim_ascii();
    let number = term
        .strip_prefix(b"ISO_IR ")
        .or_else(|| term.strip_prefix(b"ISO 2022 IR "))
        .unwrap_or(term);
    Some(match number {
        b"100" => WINDOWS_1252,
        b"101" => ISO_8859_2,
        b"109" => ISO_8859_3,
        b"110" => ISO_8859_4,
        b"144" => ISO_8859_5,
        b"127" => ISO_8859_6,
        b"126" => ISO_8859_7,
        b"138" => ISO_8859_8,
        b"148" => WINDOWS_1254,
        b"203" => ISO_8859_15,
        b"13" => SHIFT_JIS,
        b"166" => WINDOWS_874,
        b"149" => EUC_KR,
        b"58" | b"GBK" => GBK,
        b"192" => UTF_8,
        b"GB18030" => GB18030,
        b"BIG5" => BIG5,
        _ => return None,
    })
}

/// `value` in UTF-8. What has only ASCII in it stays where it is, and so does what nobody declared.
pub(super) fn to_utf8<'a>(charset: &[u8], value: &'a [u8]) -> Cow<'a, [u8]> {
    if value.iter().all(|b| b.is_ascii() && *b != ESC) {
        return Cow::Borrowed(value);
    }
    let mut terms = charset.split(|b| *b == b'\\');
    let first = by_term(terms.next().unwrap_or_default());
    if terms.next().is_some() || charset.starts_with(b"ISO 2022") {
        return Cow::Owned(with_escapes(first, value));
    }
    first.map_or(Cow::Borrowed(value), |encoding| {
        owned(encoding.decode_without_bom_handling(value).0)
    })
}

fn owned(text: Cow<'_, str>) -> Cow<'_, [u8]> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
        Cow::Owned(text) => Cow::Owned(text.into_bytes()),
    }
}

/// What the codes of a value stand for at some point in it.
#[derive(Clone, Copy)]
enum Set {
    /// ASCII below, this encoding above 7FH.
    Upper(Option<&'static Encoding>),
    /// Pairs of seven-bit codes: JIS X 0208, the lower half of EUC-JP.
    Pairs,
    /// The same for JIS X 0212, which EUC-JP has behind a shift.
    PairsShifted,
}

/// Code extension by ISO 2022 (PS3.5 6.1.2.5): escapes switch sets, delimiters switch back.
fn with_escapes(first: Option<&'static Encoding>, value: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(value.len().saturating_mul(2));
    let mut set = Set::Upper(first);
    let mut rest = value;
    while let Some(head) = rest.first() {
        if *head == ESC {
            let (next, len) = escape(rest, first, set);
            set = next;
            rest = rest.get(len..).unwrap_or_default();
            continue;
        }
        let end = run_len(rest, set);
        let (run, behind) = rest.split_at_checked(end).unwrap_or((rest, &[]));
        decode(run, set, &mut out);
        if run.last().is_some_and(|b| is_delimiter(*b)) {
            set = Set::Upper(first);
        }
        rest = behind;
    }
    out
}

/// Up to the next escape, or through the next delimiter. In sets of pairs a delimiter's code is
/// half a character.
fn run_len(rest: &[u8], set: Set) -> usize {
    let upper = matches!(set, Set::Upper(_));
    for (at, byte) in rest.iter().enumerate() {
        if *byte == ESC {
            return at;
        }
        if upper && is_delimiter(*byte) {
            return at.saturating_add(1);
        }
    }
    rest.len()
}

const fn is_delimiter(byte: u8) -> bool {
    matches!(byte, b'^' | b'=' | b'\\' | b'\r' | b'\n' | 0x0c | b'\t')
}

fn decode(run: &[u8], set: Set, out: &mut Vec<u8>) {
    match set {
        Set::Upper(None) => out.extend_from_slice(run),
        Set::Upper(Some(encoding)) => {
            out.extend_from_slice(encoding.decode_without_bom_handling(run).0.as_bytes());
        }
        Set::Pairs | Set::PairsShifted => {
            let mut euc = Vec::with_capacity(run.len().saturating_mul(2));
            for pair in run.chunks(2) {
                if matches!(set, Set::PairsShifted) {
                    euc.push(0x8f);
                }
                euc.extend(pair.iter().map(|b| b | 0x80));
            }
            out.extend_from_slice(EUC_JP.decode_without_bom_handling(&euc).0.as_bytes());
        }
    }
}

/// The set that an escape sequence switches to, and the bytes that it has (PS3.3 Tables C.12-3,
/// C.12-4).
fn escape(rest: &[u8], first: Option<&'static Encoding>, set: Set) -> (Set, usize) {
    let upper = |encoding| (Set::Upper(Some(encoding)), 3);
    match rest {
        [_, b'$', b'(', b'D', ..] => (Set::PairsShifted, 4),
        [_, b'$', b')', b'C', ..] => (Set::Upper(Some(EUC_KR)), 4),
        [_, b'$', b')', b'A', ..] => (Set::Upper(Some(GBK)), 4),
        [_, b'$', b'@' | b'B', ..] => (Set::Pairs, 3),
        [_, b'(', b'B' | b'J', ..] => match set {
            // Only the lower half changes.
            Set::Upper(now) => (Set::Upper(now), 3),
            Set::Pairs | Set::PairsShifted => (Set::Upper(first), 3),
        },
        [_, b')', b'I', ..] => upper(SHIFT_JIS),
        [_, b'-', b'A', ..] => upper(WINDOWS_1252),
        [_, b'-', b'B', ..] => upper(ISO_8859_2),
        [_, b'-', b'C', ..] => upper(ISO_8859_3),
        [_, b'-', b'D', ..] => upper(ISO_8859_4),
        [_, b'-', b'F', ..] => upper(ISO_8859_7),
        [_, b'-', b'G', ..] => upper(ISO_8859_6),
        [_, b'-', b'H', ..] => upper(ISO_8859_8),
        [_, b'-', b'L', ..] => upper(ISO_8859_5),
        [_, b'-', b'M', ..] => upper(WINDOWS_1254),
        [_, b'-', b'T', ..] => upper(WINDOWS_874),
        [_, b'-', b'b', ..] => upper(ISO_8859_15),
        _ => (set, 1),
    }
}
