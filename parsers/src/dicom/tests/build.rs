//! DICOM bytes, built by hand: the names in them are invented.

use super::super::wire::Encoding;

pub(super) const VERIFICATION: &str = "1.2.840.10008.1.1";
pub(super) const CT: &str = "1.2.840.10008.5.1.4.1.1.2";
pub(super) const STUDY_FIND: &str = "1.2.840.10008.5.1.4.1.2.2.1";
pub(super) const STUDY_MOVE: &str = "1.2.840.10008.5.1.4.1.2.2.2";
pub(super) const COMMITMENT: &str = "1.2.840.10008.1.20.1";
pub(super) const IMPLICIT: &str = "1.2.840.10008.1.2";
pub(super) const EXPLICIT: &str = "1.2.840.10008.1.2.1";
pub(super) const DEFLATED: &str = "1.2.840.10008.1.2.1.99";
pub(super) const BIG: &str = "1.2.840.10008.1.2.2";
pub(super) const JPEG: &str = "1.2.840.10008.1.2.4.50";

pub(super) const BIG_ENDIAN: Encoding = Encoding {
    explicit: true,
    big: true,
};

pub(super) fn pdu(pdu_type: u8, body: &[u8]) -> Vec<u8> {
    let len = u32::try_from(body.len()).unwrap();
    [&[pdu_type, 0][..], &len.to_be_bytes(), body].concat()
}

pub(super) fn item(item_type: u8, value: &[u8]) -> Vec<u8> {
    let len = u16::try_from(value.len()).unwrap();
    [&[item_type, 0][..], &len.to_be_bytes(), value].concat()
}

pub(super) fn field16(value: &[u8]) -> Vec<u8> {
    let len = u16::try_from(value.len()).unwrap();
    [&len.to_be_bytes()[..], value].concat()
}

pub(super) fn title(text: &str) -> Vec<u8> {
    format!("{text:<16}").into_bytes()
}

/// The body of an association PDU: titles, then these items.
pub(super) fn associate(called: &str, calling: &str, items: &[Vec<u8>]) -> Vec<u8> {
    let mut body = vec![0, 1, 0, 0];
    body.extend(title(called));
    body.extend(title(calling));
    body.extend([0; 32]);
    body.extend(items.concat());
    body
}

pub(super) fn application_context() -> Vec<u8> {
    item(0x10, b"1.2.840.10008.3.1.1.1")
}

pub(super) fn proposal(id: u8, abstract_syntax: &str, transfer: &[&str]) -> Vec<u8> {
    let mut value = vec![id, 0, 0, 0];
    value.extend(item(0x30, abstract_syntax.as_bytes()));
    for syntax in transfer {
        value.extend(item(0x40, syntax.as_bytes()));
    }
    item(0x20, &value)
}

pub(super) fn answer(id: u8, result: u8, transfer: &str) -> Vec<u8> {
    let mut value = vec![id, 0, result, 0];
    value.extend(item(0x40, transfer.as_bytes()));
    item(0x21, &value)
}

pub(super) fn user(max_pdu: u32, more: &[Vec<u8>]) -> Vec<u8> {
    let mut value = item(0x51, &max_pdu.to_be_bytes());
    value.extend(item(0x52, b"1.2.999.1.2.3"));
    value.extend(item(0x55, b"VITAL_TEST_1"));
    value.extend(more.concat());
    item(0x50, &value)
}

/// A proposal of the usual contexts: 1 verification, 3 find, 5 CT storage, 7 move, 9 commitment.
pub(super) fn request() -> Vec<u8> {
    let items = [
        application_context(),
        proposal(1, VERIFICATION, &[IMPLICIT]),
        proposal(3, STUDY_FIND, &[IMPLICIT, EXPLICIT]),
        proposal(5, CT, &[EXPLICIT, IMPLICIT, JPEG]),
        proposal(7, STUDY_MOVE, &[IMPLICIT]),
        proposal(9, COMMITMENT, &[IMPLICIT]),
        user(16384, &[]),
    ];
    pdu(1, &associate("ARCHIVE", "CT1", &items))
}

/// Its acceptance, storage in the transfer syntax given.
pub(super) fn accept_storage_in(syntax: &str) -> Vec<u8> {
    let items = [
        application_context(),
        answer(1, 0, IMPLICIT),
        answer(3, 0, IMPLICIT),
        answer(5, 0, syntax),
        answer(7, 0, IMPLICIT),
        answer(9, 4, ""),
        user(32768, &[]),
    ];
    pdu(2, &associate("ARCHIVE", "CT1", &items))
}

pub(super) fn accept() -> Vec<u8> {
    accept_storage_in(EXPLICIT)
}

pub(super) fn release_rq() -> Vec<u8> {
    pdu(5, &[0; 4])
}

pub(super) fn release_rp() -> Vec<u8> {
    pdu(6, &[0; 4])
}

pub(super) fn pdv(context_id: u8, control: u8, fragment: &[u8]) -> Vec<u8> {
    let len = u32::try_from(fragment.len()).unwrap() + 2;
    [&len.to_be_bytes()[..], &[context_id, control], fragment].concat()
}

pub(super) fn pdata(values: &[Vec<u8>]) -> Vec<u8> {
    pdu(4, &values.concat())
}

/// An element of a command set.
pub(super) fn in_command(number: u16, value: &[u8]) -> Vec<u8> {
    let len = u32::try_from(value.len()).unwrap();
    [
        &[0, 0][..],
        &number.to_le_bytes(),
        &len.to_le_bytes(),
        value,
    ]
    .concat()
}

pub(super) fn us(number: u16, value: u16) -> Vec<u8> {
    in_command(number, &value.to_le_bytes())
}

pub(super) fn text(number: u16, value: &str) -> Vec<u8> {
    in_command(number, &even(value.as_bytes(), 0))
}

pub(super) fn even(value: &[u8], pad: u8) -> Vec<u8> {
    let mut value = value.to_vec();
    if value.len() % 2 == 1 {
        value.push(pad);
    }
    value
}

/// A command set, its group length in front.
pub(super) fn command(elements: &[Vec<u8>]) -> Vec<u8> {
    let rest = elements.concat();
    let len = u32::try_from(rest.len()).unwrap();
    [in_command(0, &len.to_le_bytes()), rest].concat()
}

pub(super) fn echo_rq(id: u16) -> Vec<u8> {
    let set = command(&[
        text(0x0002, VERIFICATION),
        us(0x0100, 0x0030),
        us(0x0110, id),
        us(0x0800, 0x0101),
    ]);
    pdata(&[pdv(1, 3, &set)])
}

pub(super) fn response(
    context_id: u8,
    field: u16,
    id: u16,
    sop_class: &str,
    dataset: bool,
    status: u16,
) -> Vec<u8> {
    let set = command(&[
        text(0x0002, sop_class),
        us(0x0100, field),
        us(0x0120, id),
        us(0x0800, if dataset { 0 } else { 0x0101 }),
        us(0x0900, status),
    ]);
    pdv(context_id, 3, &set)
}

pub(super) fn find_command(id: u16) -> Vec<u8> {
    command(&[
        text(0x0002, STUDY_FIND),
        us(0x0100, 0x0020),
        us(0x0110, id),
        us(0x0700, 0),
        us(0x0800, 0),
    ])
}

pub(super) fn find_rq(keys: &[u8]) -> Vec<u8> {
    pdata(&[pdv(3, 3, &find_command(2)), pdv(3, 2, keys)])
}

pub(super) const INSTANCE: &str = "1.2.999.4.5.6";

pub(super) fn store_command() -> Vec<u8> {
    command(&[
        text(0x0002, CT),
        us(0x0100, 0x0001),
        us(0x0110, 3),
        us(0x0700, 0),
        us(0x0800, 0),
        text(0x1000, INSTANCE),
    ])
}

/// A C-STORE of this dataset, in P-DATA-TFs whose fragments have `piece` bytes.
pub(super) fn store_in_pieces(dataset: &[u8], piece: usize) -> Vec<u8> {
    let mut bytes = pdata(&[pdv(5, 3, &store_command())]);
    let mut rest = dataset.chunks(piece).peekable();
    while let Some(fragment) = rest.next() {
        let control = if rest.peek().is_some() { 0 } else { 2 };
        bytes.extend(pdata(&[pdv(5, control, fragment)]));
    }
    bytes
}

pub(super) fn store(dataset: &[u8]) -> Vec<u8> {
    store_in_pieces(dataset, 8192)
}

/// An element's header in this encoding, with the length given whatever follows.
pub(super) fn header(encoding: Encoding, tag: (u16, u16), vr: &str, len: u32) -> Vec<u8> {
    let two = |n: u16| {
        if encoding.big {
            n.to_be_bytes()
        } else {
            n.to_le_bytes()
        }
    };
    let four = |n: u32| {
        if encoding.big {
            n.to_be_bytes()
        } else {
            n.to_le_bytes()
        }
    };
    let mut bytes = [two(tag.0), two(tag.1)].concat();
    if !encoding.explicit || tag.0 == 0xfffe {
        bytes.extend(four(len));
        return bytes;
    }
    bytes.extend(vr.as_bytes());
    if matches!(vr, "OB" | "OW" | "OF" | "SQ" | "UN" | "UT") {
        bytes.extend([0, 0]);
        bytes.extend(four(len));
    } else {
        bytes.extend(two(u16::try_from(len).unwrap()));
    }
    bytes
}

/// A data element; text is padded as its VR wants it.
pub(super) fn element_in(encoding: Encoding, tag: (u16, u16), vr: &str, value: &[u8]) -> Vec<u8> {
    let value = even(
        value,
        if matches!(vr, "UI" | "OB" | "UN") {
            0
        } else {
            b' '
        },
    );
    let mut bytes = header(encoding, tag, vr, u32::try_from(value.len()).unwrap());
    bytes.extend(value);
    bytes
}

pub(super) fn element(tag: (u16, u16), vr: &str, value: &[u8]) -> Vec<u8> {
    element_in(Encoding::EXPLICIT, tag, vr, value)
}

pub(super) fn implicit(tag: (u16, u16), vr: &str, value: &[u8]) -> Vec<u8> {
    element_in(Encoding::IMPLICIT, tag, vr, value)
}

/// A small CT image in this encoding, with pixels of this many bytes.
pub(super) fn image(encoding: Encoding, pixel_bytes: u16) -> Vec<u8> {
    let element = |tag, vr, value: &[u8]| element_in(encoding, tag, vr, value);
    let number = |n: u16| {
        if encoding.big {
            n.to_be_bytes()
        } else {
            n.to_le_bytes()
        }
    };
    [
        element((0x0008, 0x0005), "CS", b"ISO_IR 100"),
        element((0x0008, 0x0016), "UI", CT.as_bytes()),
        element((0x0008, 0x0018), "UI", INSTANCE.as_bytes()),
        element((0x0008, 0x0050), "SH", b"A-77"),
        element((0x0008, 0x0060), "CS", b"CT"),
        element((0x0008, 0x0070), "LO", b"Acme Imaging"),
        element((0x0008, 0x1010), "SH", b"CTROOM1"),
        element((0x0008, 0x1090), "LO", b"Scan 3000"),
        element((0x0009, 0x0010), "LO", b"ACME 1.0"),
        element((0x0010, 0x0010), "PN", b"Test^J\xf6rg"),
        element((0x0010, 0x0020), "LO", b"T-0001"),
        element((0x0010, 0x0030), "DA", b"19700101"),
        element((0x0018, 0x1000), "LO", b"SN-42"),
        element((0x0018, 0x1020), "LO", b"v9.1"),
        element((0x0020, 0x000d), "UI", b"1.2.999.1"),
        element((0x0020, 0x000e), "UI", b"1.2.999.1.1"),
        element((0x0028, 0x0002), "US", &number(1)),
        element((0x0028, 0x0010), "US", &number(4)),
        element((0x0028, 0x0011), "US", &number(pixel_bytes / 8)),
        element((0x0028, 0x0100), "US", &number(16)),
        element(
            (0x7fe0, 0x0010),
            "OW",
            &vec![0x55; usize::from(pixel_bytes)],
        ),
    ]
    .concat()
}

/// The keys of a study-level query for one patient, Implicit VR.
pub(super) fn keys(name: &[u8], id: &[u8], date: &[u8]) -> Vec<u8> {
    [
        implicit((0x0008, 0x0020), "DA", date),
        implicit((0x0008, 0x0050), "SH", b""),
        implicit((0x0008, 0x0052), "CS", b"STUDY"),
        implicit((0x0010, 0x0010), "PN", name),
        implicit((0x0010, 0x0020), "LO", id),
        implicit((0x0020, 0x000d), "UI", b""),
    ]
    .concat()
}

/// The sample conversation.
pub(super) fn sample() -> [Vec<u8>; 11] {
    let match_found = [
        response(3, 0x8020, 2, STUDY_FIND, true, 0xff00),
        pdv(3, 2, &keys(b"Test^Ada", b"T-0002", b"20260102")),
    ];
    [
        request(),
        accept(),
        echo_rq(1),
        pdata(&[response(1, 0x8030, 1, VERIFICATION, false, 0)]),
        find_rq(&keys(b"Test*", b"", b"20260101-20260107")),
        pdata(&match_found),
        pdata(&[response(3, 0x8020, 2, STUDY_FIND, false, 0)]),
        store_in_pieces(&image(Encoding::EXPLICIT, 2048), 700),
        pdata(&[response(5, 0x8001, 3, CT, false, 0)]),
        release_rq(),
        release_rp(),
    ]
}
