//! DICOM Upper Layer PDUs and data elements, as borrowed views over the stream's bytes.
//!
//! Standard: DICOM PS3.8 9.3 (PDUs and items, big-endian) and PS3.5 7.1 (data elements, in the
//! byte order of their transfer syntax).
//!
//! Two kinds of parser, never mixed:
//! - headers that frame an endless stream ([`pdu_header`], [`pdv_header`], [`element`]): short input
//!   is `Incomplete`, so wait for more;
//! - bodies that are framed already: short input is a `WireError`, so the PDU lies.
//!
//! Absent on purpose: allocation and judgement. Reserved bytes are skipped untested, as 9.3 asks of
//! receivers; what is odd about a value is for [`super::state`] to say.

use nom::Parser;
use nom::bytes::{complete, streaming};
use nom::error::context;
use nom::number;
use nom::number::Endianness;

use crate::wire::Wire;

/// Bytes of a PDU's header (PS3.8 9.3.1).
pub(super) const PDU_HEADER_BYTES: usize = 6;
/// Bytes of a presentation data value's header: length, context, control (PS3.8 9.3.5.1).
pub(super) const PDV_HEADER_BYTES: usize = 6;
/// Bytes of the fixed part of an A-ASSOCIATE-RQ or -AC body (PS3.8 Table 9-11).
pub(super) const ASSOCIATE_FIXED_BYTES: u32 = 68;

/// PDU-type octet. A newtype, not an enum: types nobody has defined must still reach a rule.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct PduType(pub(super) u8);

impl PduType {
    pub(super) const ASSOCIATE_RQ: Self = Self(0x01);
    pub(super) const ASSOCIATE_AC: Self = Self(0x02);
    pub(super) const ASSOCIATE_RJ: Self = Self(0x03);
    pub(super) const P_DATA_TF: Self = Self(0x04);
    pub(super) const RELEASE_RQ: Self = Self(0x05);
    pub(super) const RELEASE_RP: Self = Self(0x06);
    pub(super) const ABORT: Self = Self(0x07);

    /// Whether PS3.8 9.3.1 defines it.
    pub(super) const fn is_defined(self) -> bool {
        matches!(self.0, 1..=7)
    }
}

/// The header every PDU starts with (PS3.8 9.3.1).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct PduHeader {
    pub(super) pdu_type: PduType,
    /// Sent as 0; a hint when looking for a place to start.
    pub(super) reserved: u8,
    /// Bytes that follow the header.
    pub(super) len: u32,
}

/// Reads the 6-byte header of the next PDU. Any length is legal here.
pub(super) fn pdu_header(i: &[u8]) -> Wire<'_, PduHeader> {
    let (i, pdu_type) = context("PDU-type", number::streaming::be_u8).parse(i)?;
    let (i, reserved) = number::streaming::be_u8(i)?;
    let (i, len) = context("PDU-length", number::streaming::be_u32).parse(i)?;
    let pdu_type = PduType(pdu_type);
    Ok((
        i,
        PduHeader {
            pdu_type,
            reserved,
            len,
        },
    ))
}

/// The header of a presentation data value (PS3.8 9.3.5.1, Annex E.2).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct PdvHeader {
    /// Bytes that follow the length: context, control and fragment.
    pub(super) len: u32,
    /// Presentation context.
    pub(super) context_id: u8,
    /// Message control header.
    pub(super) control: u8,
}

impl PdvHeader {
    /// Whether the fragment is of a command set, not of a dataset.
    pub(super) const fn is_command(self) -> bool {
        self.control & 1 != 0
    }

    /// Whether it is the last fragment of that.
    pub(super) const fn is_last(self) -> bool {
        self.control & 2 != 0
    }
}

/// Reads the header of the next presentation data value.
pub(super) fn pdv_header(i: &[u8]) -> Wire<'_, PdvHeader> {
    let (i, len) = context("Item-length", number::streaming::be_u32).parse(i)?;
    let (i, context_id) = number::streaming::be_u8(i)?;
    let (i, control) = number::streaming::be_u8(i)?;
    Ok((
        i,
        PdvHeader {
            len,
            context_id,
            control,
        },
    ))
}

/// A-ASSOCIATE-RQ or -AC, the fixed part (PS3.8 Tables 9-11 and 9-17).
#[derive(Clone, Copy)]
pub(super) struct Associate<'a> {
    /// One bit per protocol version; a receiver of version 1 tests bit 0 only.
    pub(super) protocol_version: u16,
    /// Who is asked, 16 bytes with padding.
    pub(super) called_ae: &'a [u8],
    /// Who asks, 16 bytes with padding.
    pub(super) calling_ae: &'a [u8],
    /// The 32 reserved bytes behind the titles.
    pub(super) reserved: &'a [u8],
}

/// Reads the fixed part of a body. What remains is its variable items.
pub(super) fn associate(body: &[u8]) -> Wire<'_, Associate<'_>> {
    let (i, protocol_version) =
        context("Protocol-version", number::complete::be_u16).parse(body)?;
    let (i, _reserved) = context("Reserved 9-10", complete::take(2_usize)).parse(i)?;
    let (i, called_ae) = context("Called-AE-title", complete::take(16_usize)).parse(i)?;
    let (i, calling_ae) = context("Calling-AE-title", complete::take(16_usize)).parse(i)?;
    let (items, reserved) = context("Reserved 43-74", complete::take(32_usize)).parse(i)?;
    Ok((
        items,
        Associate {
            protocol_version,
            called_ae,
            calling_ae,
            reserved,
        },
    ))
}

/// The three octets that say how an association was refused or aborted (PS3.8 9.3.4, 9.3.8).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Refusal {
    pub(super) result: u8,
    pub(super) source: u8,
    pub(super) reason: u8,
}

/// Reads the body of an A-ASSOCIATE-RJ or A-ABORT.
pub(super) fn refusal(body: &[u8]) -> Wire<'_, Refusal> {
    let (i, _reserved) = number::complete::be_u8(body)?;
    let (i, result) = context("Result", number::complete::be_u8).parse(i)?;
    let (i, source) = context("Source", number::complete::be_u8).parse(i)?;
    let (i, reason) = context("Reason", number::complete::be_u8).parse(i)?;
    Ok((
        i,
        Refusal {
            result,
            source,
            reason,
        },
    ))
}

/// A variable item or sub-item: type, reserved, length, value (PS3.8 9.3.2.1 and on).
#[derive(Clone, Copy)]
pub(super) struct Item<'a> {
    pub(super) item_type: u8,
    pub(super) value: &'a [u8],
}

/// Reads the next item of a framed body.
pub(super) fn item(i: &[u8]) -> Wire<'_, Item<'_>> {
    let (i, item_type) = context("Item-type", number::complete::be_u8).parse(i)?;
    let (i, _reserved) = number::complete::be_u8(i)?;
    let (i, value) = field16("Item-length", i)?;
    Ok((i, Item { item_type, value }))
}

/// Reads a value behind its 16-bit length.
pub(super) fn field16<'a>(name: &'static str, i: &'a [u8]) -> Wire<'a, &'a [u8]> {
    let (i, len) = context(name, number::complete::be_u16).parse(i)?;
    context(name, complete::take(len)).parse(i)
}

/// A tag: group and element.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Tag(pub(super) u16, pub(super) u16);

impl Tag {
    pub(super) const ITEM: Self = Self(0xfffe, 0xe000);
    pub(super) const ITEM_END: Self = Self(0xfffe, 0xe00d);
    pub(super) const SEQUENCE_END: Self = Self(0xfffe, 0xe0dd);
    pub(super) const PIXEL_DATA: Self = Self(0x7fe0, 0x0010);

    /// Whether a vendor defines what it means (PS3.5 7.8).
    pub(super) const fn is_private(self) -> bool {
        self.0 & 1 == 1
    }

    /// Whether it names who defines its block (PS3.5 7.8.1).
    pub(super) const fn is_private_creator(self) -> bool {
        self.is_private() && matches!(self.1, 0x0010..=0x00ff)
    }
}

/// How data elements are written (PS3.5 7.1, Annex A).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Encoding {
    /// Whether the value representation is on the wire.
    pub(super) explicit: bool,
    /// Whether numbers are big-endian.
    pub(super) big: bool,
}

impl Encoding {
    pub(super) const IMPLICIT: Self = Self {
        explicit: false,
        big: false,
    };
    pub(super) const EXPLICIT: Self = Self {
        explicit: true,
        big: false,
    };

    const fn endianness(self) -> Endianness {
        if self.big {
            Endianness::Big
        } else {
            Endianness::Little
        }
    }
}

/// The length that says "until the delimiter".
pub(super) const UNDEFINED: u32 = u32::MAX;

/// The header of a data element, item or delimiter (PS3.5 7.1, 7.5).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Element {
    pub(super) tag: Tag,
    /// Absent in implicit VR, and of items and delimiters.
    pub(super) vr: Option<[u8; 2]>,
    /// Bytes of the value, or [`UNDEFINED`].
    pub(super) len: u32,
}

/// The most bytes of an element's header.
pub(super) const ELEMENT_HEADER_BYTES_MAX: usize = 12;

/// Reads the header of the next data element.
pub(super) fn element(i: &[u8], encoding: Encoding) -> Wire<'_, Element> {
    let endian = encoding.endianness();
    let (i, group) = number::streaming::u16(endian)(i)?;
    let (i, number) = number::streaming::u16(endian)(i)?;
    let tag = Tag(group, number);
    if !encoding.explicit || group == Tag::ITEM.0 {
        let (i, len) = number::streaming::u32(endian)(i)?;
        return Ok((i, Element { tag, vr: None, len }));
    }
    let (i, vr) = streaming::take(2_usize)(i)?;
    let vr = <[u8; 2]>::try_from(vr).unwrap_or_default();
    let (i, len) = if has_long_length(vr) {
        let (i, _reserved) = streaming::take(2_usize)(i)?;
        number::streaming::u32(endian)(i)?
    } else {
        let (i, len) = number::streaming::u16(endian)(i)?;
        (i, u32::from(len))
    };
    Ok((
        i,
        Element {
            tag,
            vr: Some(vr),
            len,
        },
    ))
}

/// Whether the length of a value of this VR has 32 bits (PS3.5 7.1.2). That is so of every VR added
/// since, so an unknown one counts as such.
const fn has_long_length(vr: [u8; 2]) -> bool {
    !matches!(
        &vr,
        b"AE"
            | b"AS"
            | b"AT"
            | b"CS"
            | b"DA"
            | b"DS"
            | b"DT"
            | b"FD"
            | b"FL"
            | b"IS"
            | b"LO"
            | b"LT"
            | b"PN"
            | b"SH"
            | b"SL"
            | b"SS"
            | b"ST"
            | b"TM"
            | b"UI"
            | b"UL"
            | b"US"
    )
}

/// Reads a number of two bytes.
pub(super) fn number16(value: &[u8], encoding: Encoding) -> Option<u16> {
    let pair = value.first_chunk::<2>()?;
    Some(if encoding.big {
        u16::from_be_bytes(*pair)
    } else {
        u16::from_le_bytes(*pair)
    })
}

/// Without the padding that titles, text and UIDs may have at either end.
pub(super) fn trim(mut value: &[u8]) -> &[u8] {
    while let [b' ' | 0, rest @ ..] | [rest @ .., b' ' | 0] = value {
        value = rest;
    }
    value
}
