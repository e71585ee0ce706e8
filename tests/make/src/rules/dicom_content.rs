//! DICOM: what stored objects hold.

use crate::capture::{Capture, Frame, MILLISECOND, SECOND, START_NS};
use crate::dicom::{Associate, Dataset, Dimse, Session, Syntax, uid};
use crate::frame::Host;

use super::{Case, ct, intruder, merged, pacs};

pub(super) const CASES: &[Case] = &[
    Case {
        rule: "dicom-uid-illegal-chars",
        fires: "10.20.9.66 stores 3 objects with SOP instances `../../../../tmp/vw`, `C:\\vw\\x` and \
                `1.2.3;reboot`",
        quiet: "CT01 stores 2 objects: a UID of even length, and one of odd length padded with NUL",
        make: illegal_uid,
    },
    Case {
        rule: "dicom-embedded-exe",
        fires: "10.20.9.66 stores a CT image with a PE program (`MZ` … `PE`) in private (0009,1010) \
                OB, and an encapsulated document (0042,0011) that is an ELF program",
        quiet: "CT01 stores an encapsulated document that is a PDF, and a CT image whose pixels \
                begin with `MZ` by chance",
        make: embedded_program,
    },
    Case {
        rule: "dicom-instance-rewrite",
        fires: "CT01 stores an image; 10.20.9.66 stores the same SOP instance with other pixels",
        quiet: "CT01 stores the same image twice, byte for byte",
        make: rewrite,
    },
];

/// An association that stores CT images and documents in Explicit VR Little Endian.
pub(super) fn store_context(calling: &str, called: &str) -> Associate {
    Associate::new(calling, called)
        .propose(uid::CT_STORAGE, &[uid::EXPLICIT_LE])
        .propose(uid::PDF_STORAGE, &[uid::EXPLICIT_LE])
}

/// The identifying part of every object.
fn identity(class: &str, instance: &str) -> Dataset {
    Dataset::new()
        .text((0x0008, 0x0016), "UI", class)
        .text((0x0008, 0x0018), "UI", instance)
        .text((0x0008, 0x0020), "DA", "20260302")
        .text((0x0008, 0x0060), "CS", "CT")
}

/// Name, number, study and series of patient `n`.
fn place(data: Dataset, n: u32) -> Dataset {
    data.text((0x0010, 0x0010), "PN", &format!("SYNTHETIC^PATIENT{n}"))
        .text((0x0010, 0x0020), "LO", &format!("SYN{n:06}"))
        .text(
            (0x0020, 0x000d),
            "UI",
            &format!("1.2.826.0.1.3680043.9.7777.2.{n}"),
        )
        .text(
            (0x0020, 0x000e),
            "UI",
            &format!("1.2.826.0.1.3680043.9.7777.2.{n}.1"),
        )
}

/// A 16×16 CT image of patient `n` with these first pixels.
fn image_of(instance: &str, n: u32, private: Option<&[u8]>, first: &[u16]) -> Vec<u8> {
    let mut data = identity(uid::CT_STORAGE, instance);
    if let Some(bytes) = private {
        data = data
            .text((0x0009, 0x0010), "LO", "VWTEST")
            .bytes((0x0009, 0x1010), "OB", bytes);
    }
    let mut pixels = vec![0x0400; 256];
    pixels[..first.len()].copy_from_slice(first);
    place(data, n)
        .words((0x0028, 0x0010), "US", &[16])
        .words((0x0028, 0x0011), "US", &[16])
        .words((0x0028, 0x0100), "US", &[16])
        .words((0x7fe0, 0x0010), "OW", &pixels)
        .encode(Syntax::ExplicitLe)
}

/// A 16×16 CT image of patient `n`.
pub(super) fn image(instance: &str, n: u32) -> Vec<u8> {
    image_of(instance, n, None, &[])
}

pub(super) fn document(instance: &str, content: &[u8]) -> Vec<u8> {
    place(identity(uid::PDF_STORAGE, instance), 1)
        .bytes((0x0042, 0x0011), "OB", content)
        .text((0x0042, 0x0012), "LO", "application/pdf")
        .encode(Syntax::ExplicitLe)
}

/// Stores objects, given as context, instance and data, one a second.
pub(super) fn stored(
    client: Host,
    calling: &str,
    at: u64,
    objects: &[(u8, &str, Vec<u8>)],
) -> Vec<Frame> {
    let port = 41_000 + ((at / SECOND) % 1000) as u16;
    let mut session = Session::at(
        at,
        client.port(port),
        pacs(),
        store_context(calling, "PACS"),
    )
    .accepted();
    for (n, (context, instance, data)) in objects.iter().enumerate() {
        let id = n as u16 + 1;
        let class = if *context == 1 {
            uid::CT_STORAGE
        } else {
            uid::PDF_STORAGE
        };
        session = session
            .client(*context, &Dimse::store(id, class, instance, data.clone()))
            .wait(20 * MILLISECOND)
            .server(*context, &Dimse::store_response(id, class, instance, 0))
            .wait(SECOND);
    }
    session.released()
}

fn illegal_uid() -> (Capture, Capture) {
    let objects = |names: &[&'static str]| -> Vec<(u8, &'static str, Vec<u8>)> {
        names
            .iter()
            .map(|name| (1, *name, image(name, 1)))
            .collect()
    };
    let bad = objects(&["../../../../tmp/vw", "C:\\vw\\x", "1.2.3;reboot"]);
    let good = objects(&[
        "1.2.826.0.1.3680043.9.7777.7.10",
        "1.2.826.0.1.3680043.9.7777.7.1",
    ]);
    (
        merged([stored(intruder(), "CT01", START_NS, &bad)]),
        merged([stored(ct(), "CT01", START_NS, &good)]),
    )
}

/// The head of a Windows program: `MZ`, the offset of the PE header at 3CH, and that header.
pub(super) fn windows_program() -> Vec<u8> {
    let mut out = b"MZ\x90\0\x03\0\0\0\x04\0\0\0\xff\xff\0\0\xb8\0\0\0".to_vec();
    out.resize(0x3c, 0);
    out.extend_from_slice(&0x80_u32.to_le_bytes());
    out.extend_from_slice(
        b"\x0e\x1f\xba\x0e\0\xb4\x09\xcd\x21This program cannot be run in DOS mode.",
    );
    out.resize(0x80, 0);
    out.extend_from_slice(b"PE\0\0\x64\x86\x02\0");
    out.resize(512, 0);
    out
}

/// The head of a Linux program.
pub(super) fn linux_program() -> Vec<u8> {
    let mut out = b"\x7fELF\x02\x01\x01\0".to_vec();
    out.resize(16, 0);
    out.extend_from_slice(&[2, 0, 0x3e, 0, 1, 0, 0, 0]);
    out.resize(256, 0);
    out
}

/// A short PDF.
pub(super) fn pdf() -> Vec<u8> {
    b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n\n".to_vec()
}

fn embedded_program() -> (Capture, Capture) {
    let (one, two) = (
        "1.2.826.0.1.3680043.9.7777.8.1",
        "1.2.826.0.1.3680043.9.7777.8.2",
    );
    let bad = [
        (1, one, image_of(one, 1, Some(&windows_program()), &[])),
        (3, two, document(two, &linux_program())),
    ];
    let chance = u16::from_le_bytes(*b"MZ");
    let good = [
        (3, one, document(one, &pdf())),
        (1, two, image_of(two, 1, None, &[chance])),
    ];
    (
        merged([stored(intruder(), "CT09", START_NS, &bad)]),
        merged([stored(ct(), "CT01", START_NS, &good)]),
    )
}

fn rewrite() -> (Capture, Capture) {
    let name = "1.2.826.0.1.3680043.9.7777.9.1";
    let first = stored(ct(), "CT01", START_NS, &[(1, name, image(name, 1))]);
    let later = START_NS + 30 * SECOND;
    let changed = image_of(name, 1, None, &[0x0fff; 16]);
    let other = stored(intruder(), "CT01", later, &[(1, name, changed)]);
    let again = stored(ct(), "CT01", later, &[(1, name, image(name, 1))]);
    (merged([first.clone(), other]), merged([first, again]))
}
