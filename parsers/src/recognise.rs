//! Protocols that are recognised and not read: what IT speaks on medical devices' networks.
//!
//! Each is told by its first bytes, whatever the port. Where two start alike, what the server says
//! of itself decides, and the port only after that. Midstream none of them can be told.

use crate::event::Direction::{ToClient, ToServer};
use crate::protocol::{Probe, Sample, Spec, Transport, Verdict};

/// The most bytes of a greeting that are read for what the server says of itself.
const GREETING_BYTES_MAX: usize = 512;

const fn recognised(name: &'static str, probe: fn(&Probe<'_>) -> Verdict, sample: Sample) -> Spec {
    Spec {
        name,
        transport: Transport::Tcp,
        kinds: &[],
        anomalies: &[],
        medical: false,
        each_side: false,
        probe,
        open: None,
        sample,
    }
}

/// SSH (RFC 4253 4.2).
pub static SSH: Spec = recognised("ssh", ssh, &[(ToServer, b"SSH-2.0-client\r\n")]);
/// HTTP (RFC 9112 2, RFC 9113 3.4).
pub static HTTP: Spec = recognised("http", http, &[(ToServer, b"GET / HTTP/1.1\r\n\r\n")]);
/// FTP (RFC 959 5.4).
pub static FTP: Spec = recognised("ftp", ftp, &[(ToClient, b"220 FTP server ready\r\n")]);
/// Telnet (RFC 854).
pub static TELNET: Spec = recognised("telnet", telnet, &[(ToClient, b"\xff\xfd\x18")]);
/// SMTP (RFC 5321 4.3).
pub static SMTP: Spec = recognised("smtp", smtp, &[(ToClient, b"220 mail ESMTP\r\n")]);
/// SMB, all versions (MS-SMB2 2.1).
pub static SMB: Spec = recognised("smb", smb, &[(ToServer, b"\0\0\0\x40\xfeSMB")]);
/// Remote Desktop (MS-RDPBCGR 2.2.1.1, RFC 2126 4.3).
pub static RDP: Spec = recognised(
    "rdp",
    rdp,
    &[(
        ToServer,
        b"\x03\0\0\x13\x0e\xe0\0\0\0\0\0\x01\0\x08\0\0\0\0\0",
    )],
);

fn ssh(probe: &Probe<'_>) -> Verdict {
    starts(probe, &[b"SSH-"])
}

fn http(probe: &Probe<'_>) -> Verdict {
    const STARTS: [&[u8]; 17] = [
        b"GET ",
        b"POST ",
        b"HEAD ",
        b"PUT ",
        b"DELETE ",
        b"OPTIONS ",
        b"PATCH ",
        b"TRACE ",
        b"CONNECT ",
        b"PROPFIND ",
        b"REPORT ",
        b"MKCOL ",
        b"SEARCH ",
        b"M-POST ",
        b"HTTP/1.",
        b"HTTP/2",
        b"PRI * HTTP/2.0",
    ];
    starts(probe, &STARTS)
}

fn ftp(probe: &Probe<'_>) -> Verdict {
    match starts(probe, &[b"220", b"USER "]) {
        Verdict::Yes(_) if probe.bytes.starts_with(b"220") => greeting(probe, b"FTP", &[21]),
        // POP3 begins like this too, but there the server speaks first.
        Verdict::Yes(_) if probe.server_port == 110 => Verdict::No,
        other => other,
    }
}

fn smtp(probe: &Probe<'_>) -> Verdict {
    match starts(probe, &[b"220", b"EHLO ", b"HELO "]) {
        Verdict::Yes(_) if probe.bytes.starts_with(b"220") => {
            greeting(probe, b"SMTP", &[25, 587, 465])
        }
        other => other,
    }
}

/// Negotiation of an option comes first: IAC, then WILL, WONT, DO, DONT or a sub-negotiation.
fn telnet(probe: &Probe<'_>) -> Verdict {
    match probe.bytes {
        _ if !probe.from_start => Verdict::No,
        [0xff, 0xfa..=0xfe, 0..=49 | 0xff, ..] => Verdict::Yes(0),
        [] | [0xff] | [0xff, 0xfa..=0xfe] => Verdict::Unsure,
        _ => Verdict::No,
    }
}

/// Behind the four bytes of NetBIOS framing, or a NetBIOS session request.
fn smb(probe: &Probe<'_>) -> Verdict {
    const HEADS: [&[u8]; 3] = [b"\xffSMB", b"\xfeSMB", b"\xfdSMB"];
    match probe.bytes {
        _ if !probe.from_start => Verdict::No,
        [0, _, _, _, head @ ..] if head.len() >= 4 => {
            yes_if(HEADS.iter().any(|start| head.starts_with(start)))
        }
        [0, _, _, _, 0xfd..=0xff, ..] | [0, _, _, _] | [0, _, _] | [0, _] | [0] | [] => {
            Verdict::Unsure
        }
        [0x81, 0, 0, 0x44, ..] => Verdict::Yes(0),
        [0x81, rest @ ..] if rest.len() < 3 => Verdict::Unsure,
        _ => Verdict::No,
    }
}

/// A connection request or confirm in a TPKT. What other protocols over ISO transport put behind
/// its fixed part are parameters; RDP has a cookie or a negotiation there.
fn rdp(probe: &Probe<'_>) -> Verdict {
    match probe.bytes {
        _ if !probe.from_start => Verdict::No,
        [3, 0, 0, 11, 6, 0xe0 | 0xd0, ..] => yes_if(probe.server_port == 3389),
        [
            3,
            0,
            0,
            11..=255,
            6..=255,
            0xe0 | 0xd0,
            _,
            _,
            _,
            _,
            _,
            next,
            ..,
        ] => yes_if(matches!(next, b'C' | 1 | 2 | 3)),
        [3, 0, rest @ ..] if rest.len() < 10 => match rest {
            [0, 11..=255, 6..=255, 0xe0 | 0xd0, ..] => Verdict::Unsure,
            [0, 11..=255, 6..=255] | [0, 11..=255] | [0] | [] => Verdict::Unsure,
            _ => Verdict::No,
        },
        [3] | [] => Verdict::Unsure,
        _ => Verdict::No,
    }
}

const fn yes_if(yes: bool) -> Verdict {
    if yes { Verdict::Yes(0) } else { Verdict::No }
}

/// Whether the bytes start like one of these.
fn starts(probe: &Probe<'_>, all: &[&[u8]]) -> Verdict {
    let bytes = probe.bytes;
    if !probe.from_start {
        Verdict::No
    } else if all.iter().any(|start| bytes.starts_with(start)) {
        Verdict::Yes(0)
    } else if all.iter().any(|start| start.starts_with(bytes)) {
        Verdict::Unsure
    } else {
        Verdict::No
    }
}

/// A server's first line: whether it names itself, or has said nothing and has the port.
fn greeting(probe: &Probe<'_>, name: &[u8], ports: &[u16]) -> Verdict {
    let said = probe.bytes.get(..GREETING_BYTES_MAX).unwrap_or(probe.bytes);
    let names = |word: &[u8]| {
        said.windows(word.len())
            .any(|w| w.eq_ignore_ascii_case(word))
    };
    if names(name) {
        return Verdict::Yes(0);
    }
    let over = said.contains(&b'\n') || said.len() == GREETING_BYTES_MAX;
    if over {
        yes_if(ports.contains(&probe.server_port))
    } else {
        Verdict::Unsure
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Direction;

    const ALL: [&Spec; 7] = [&SSH, &HTTP, &FTP, &TELNET, &SMTP, &SMB, &RDP];

    /// Who recognises these bytes, for certain.
    fn who(direction: Direction, bytes: &[u8], server_port: u16) -> Vec<&'static str> {
        let probe = Probe {
            direction,
            bytes,
            from_start: true,
            server_port,
        };
        ALL.iter()
            .filter(|spec| (spec.probe)(&probe) == Verdict::Yes(0))
            .map(|spec| spec.name)
            .collect()
    }

    #[test]
    fn each_recognises_its_own_and_no_other() {
        for spec in ALL {
            for (direction, bytes) in spec.sample {
                assert_eq!(who(*direction, bytes, 1), [spec.name]);
                let dicom_and_tls = [&crate::dicom::SPEC, &crate::tls::SPEC];
                for other in dicom_and_tls {
                    let probe = Probe {
                        direction: *direction,
                        bytes,
                        from_start: true,
                        server_port: 1,
                    };
                    assert_eq!((other.probe)(&probe), Verdict::No, "{}", spec.name);
                }
            }
        }
    }

    #[test]
    fn every_prefix_is_unsure_or_told() {
        for spec in ALL {
            for (direction, bytes) in spec.sample {
                for len in 0..bytes.len() {
                    let probe = Probe {
                        direction: *direction,
                        bytes: &bytes[..len],
                        from_start: true,
                        server_port: 1,
                    };
                    assert_ne!((spec.probe)(&probe), Verdict::No, "{} {len}", spec.name);
                }
            }
        }
    }

    #[test]
    fn what_starts_alike_is_told_apart() {
        assert_eq!(who(ToClient, b"220 (vsFTPd 3.0.5)\r\n", 1), ["ftp"]);
        assert_eq!(who(ToClient, b"220 welcome\r\n", 21), ["ftp"]);
        assert_eq!(who(ToClient, b"220 welcome\r\n", 587), ["smtp"]);
        assert!(who(ToClient, b"220 welcome\r\n", 999).is_empty());
        assert_eq!(who(ToServer, b"USER nurse\r\n", 2121), ["ftp"]);
        assert_eq!(who(ToServer, b"EHLO pump\r\n", 2525), ["smtp"]);
        assert_eq!(who(ToServer, b"\0\0\0\x55\xffSMBr", 139), ["smb"]);
        assert_eq!(who(ToServer, b"\x81\0\0\x44 EOE", 139), ["smb"]);
        assert_eq!(
            who(
                ToServer,
                b"\x03\0\0\x2b\x26\xe0\0\0\0\0\0Cookie: mstshash=a",
                1
            ),
            ["rdp"]
        );
        // Step 7 on the same transport.
        let s7 = b"\x03\0\0\x16\x11\xe0\0\0\0\x01\0\xc0\x01\x0a\xc1\x02\x01\0\xc2\x02\x01\x02";
        assert!(who(ToServer, s7, 102).is_empty());
        // A refused DICOM association.
        assert!(who(ToClient, b"\x03\0\0\0\0\x04\0\x01\x01\x07", 104).is_empty());
    }

    #[test]
    fn midstream_nothing_is_told() {
        for spec in ALL {
            for (direction, bytes) in spec.sample {
                let probe = Probe {
                    direction: *direction,
                    bytes,
                    from_start: false,
                    server_port: 1,
                };
                assert_eq!((spec.probe)(&probe), Verdict::No);
            }
        }
    }
}
