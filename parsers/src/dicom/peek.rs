//! What a long value starts with: an executable or a document where pixels should be.

/// Bytes of a long value that are looked at, and shown to rules.
pub(super) const PEEK_BYTES_MAX: usize = 4096;

/// A value that starts like one of these ends up as a file that somebody opens.
pub(super) fn embedded(value: &[u8]) -> Option<&'static str> {
    match value {
        [b'M', b'Z', ..] => is_pe(value).then_some("pe"),
        [0x7f, b'E', b'L', b'F', ..] => Some("elf"),
        [0xfe, 0xed, 0xfa, 0xce | 0xcf, ..] | [0xce | 0xcf, 0xfa, 0xed, 0xfe, ..] => Some("macho"),
        // The same four bytes start a Java class; there, a version of 45 or more stands here.
        [0xca, 0xfe, 0xba, 0xbe, 0, 0, 0, architectures, ..] if *architectures < 45 => {
            Some("macho")
        }
        [b'M', b'S', b'C', b'F', 0, 0, 0, 0, ..] => Some("cab"),
        [0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1, ..] => Some("ole"),
        [b'P', b'K', 3, 4, ..] => Some("zip"),
        [b'%', b'P', b'D', b'F', b'-', ..] => Some("pdf"),
        _ => is_script(value).then_some("script"),
    }
}

/// Two letters are chance in pixel data: the header that they point to has to be there too.
fn is_pe(value: &[u8]) -> bool {
    let offset = value
        .get(0x3c..)
        .and_then(|at| at.first_chunk::<4>())
        .and_then(|at| usize::try_from(u32::from_le_bytes(*at)).ok());
    match offset {
        Some(offset) if offset >= 64 => value
            .get(offset..)
            .is_some_and(|header| header.starts_with(b"PE\0\0")),
        _ => false,
    }
}

fn is_script(value: &[u8]) -> bool {
    const STARTS: [&[u8]; 7] = [
        b"#!/",
        b"#! /",
        b"@echo off",
        b"powershell",
        b"cmd.exe",
        b"cmd /c",
        b"<script",
    ];
    STARTS.iter().any(|start| {
        value
            .get(..start.len())
            .is_some_and(|head| head.eq_ignore_ascii_case(start))
    })
}
