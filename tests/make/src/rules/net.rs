//! The network below the protocols: scans, forged ARP, services that a device should not offer.

use crate::capture::{Capture, Frame, MILLISECOND, SECOND, START_NS};
use crate::conversation::{Conversation, Side};
use crate::frame::{Host, arp_reply, arp_request, host};

use super::dicom_peers::client_hello;
use super::{Case, engine, gateway, intruder, merged, pacs, router, talk};

pub(super) const CASES: &[Case] = &[
    Case {
        rule: "net-port-scan",
        fires: "10.20.9.66 sends SYN to 80 ports of the gateway 10.20.4.10 in 8 s; 2 open, 78 refused",
        quiet: "10.20.4.20 opens 10 connections to one port of 10.20.4.10 and 3 to others",
        make: port_scan,
    },
    Case {
        rule: "net-host-scan",
        fires: "10.20.9.66 sends SYN to port 104 of 10.20.1.1 … 10.20.1.60 in 6 s; 3 refuse, the others \
                do not answer",
        quiet: "10.20.1.11 opens connections to port 104 of 3 hosts, 20 times in 6 s",
        make: host_scan,
    },
    Case {
        rule: "net-arp-spoof",
        fires: "the router 10.20.0.1 answers ARP from its own MAC; 5 s later 10.20.9.66 claims \
                10.20.0.1 and 10.20.2.10 with its MAC, four times",
        quiet: "the router and PACS answer ARP from one MAC each, four times",
        make: arp_spoof,
    },
    Case {
        rule: "net-telnet-to-device",
        fires: "10.20.9.66 logs in by Telnet to the pump 10.20.5.11:23 and gets a `#` prompt",
        quiet: "10.30.0.10 uses Telnet to the switch 10.30.0.2 (no medical device); 10.20.4.10 opens \
                TLS to 10.20.5.11:443",
        make: telnet,
    },
    Case {
        rule: "net-ftp-to-device",
        fires: "10.20.9.66 logs in by FTP to the pump 10.20.5.11:21 and stores `firmware.bin`",
        quiet: "10.30.0.10 uses FTP to the file server 10.30.0.5 (no medical device)",
        make: ftp,
    },
    Case {
        rule: "net-smb-to-device",
        fires: "10.20.9.66 negotiates SMB with the CT 10.20.1.11:445",
        quiet: "10.30.0.10 negotiates SMB with the file server 10.30.0.5:445 (no medical device)",
        make: smb,
    },
    Case {
        rule: "net-rdp-to-device",
        fires: "10.20.9.66 opens RDP to the CT 10.20.1.11:3389 (cookie `mstshash=admin`)",
        quiet: "10.30.0.10 opens RDP to the terminal server 10.30.0.6:3389 (no medical device)",
        make: rdp,
    },
    Case {
        rule: "net-contec-hardcoded-peer",
        fires: "the monitor 10.20.6.11 sends SYN to 202.114.4.119:2049 (unanswered), and a block to \
                202.114.4.120:515",
        quiet: "the monitor 10.20.6.11 sends the same block to 10.20.3.10:515",
        make: contec,
    },
];

fn port_scan() -> (Capture, Capture) {
    let target = gateway().host;
    let fire: Vec<_> = (0..80_u16)
        .map(|n| {
            let at = START_NS + u64::from(n) * 100 * MILLISECOND;
            let port = if n == 79 { 3000 } else { 1 + n * 13 };
            let mut tcp = Conversation::new(intruder().port(46_000), target.port(port)).at(at);
            if n % 40 == 39 {
                tcp.open().reset(Side::Client)
            } else {
                tcp.refused()
            };
            tcp.frames()
        })
        .collect();
    let quiet = (0..13_u16).map(|n| {
        let port = if n < 10 { 3000 } else { 3000 + n };
        let client = host("10.20.4.20").port(46_100 + n);
        let at = START_NS + u64::from(n) * SECOND;
        talk(client, target.port(port), at, &[(Side::Client, b"hello")]).frames()
    });
    (merged(fire), merged(quiet))
}

fn host_scan() -> (Capture, Capture) {
    let fire: Vec<_> = (1..=60_u16)
        .map(|n| {
            let target = host(&format!("10.20.1.{n}")).port(104);
            let at = START_NS + u64::from(n) * 100 * MILLISECOND;
            let mut tcp = Conversation::new(intruder().port(46_200), target).at(at);
            if n % 20 == 0 {
                tcp.refused()
            } else {
                tcp.unanswered()
            };
            tcp.frames()
        })
        .collect();
    let quiet = (0..20_u16).map(|n| {
        let server = host(&format!("10.20.2.{}", 10 + n % 3)).port(104);
        let at = START_NS + u64::from(n) * 300 * MILLISECOND;
        talk(host("10.20.1.11").port(46_300 + n), server, at, &[]).frames()
    });
    (merged(fire), merged(quiet))
}

fn arp_spoof() -> (Capture, Capture) {
    let (gate, archive, victim) = (router(), pacs().host, host("10.20.1.11"));
    let asked = |at: u64, wanted: Host, answer: Host| {
        let mut out = Capture::new();
        out.push(at, arp_request(victim, wanted));
        out.push(at + MILLISECOND, arp_reply(answer, victim));
        out.frames
    };
    let mut fire = vec![
        asked(START_NS, gate, gate),
        asked(START_NS + SECOND, archive, archive),
    ];
    let mut quiet = fire.clone();
    for n in 0..4 {
        let at = START_NS + (5 + n * 2) * SECOND;
        let mut forged = Capture::new();
        forged.push(at, arp_reply(gate.mac(intruder().mac), victim));
        forged.push(
            at + MILLISECOND,
            arp_reply(archive.mac(intruder().mac), victim),
        );
        fire.push(forged.frames);
        quiet.push(asked(at, gate, gate));
        quiet.push(asked(at + 10 * MILLISECOND, archive, archive));
    }
    (merged(fire), merged(quiet))
}

/// The same words between an intruder and a device, and between two machines of the office.
fn service(
    device: &str,
    office: &str,
    port: u16,
    said: &[(Side, &[u8])],
) -> (Vec<Frame>, Vec<Frame>) {
    let fire = talk(
        intruder().port(46_400),
        host(device).port(port),
        START_NS,
        said,
    );
    let clerk = host("10.30.0.10").port(46_401);
    let quiet = talk(clerk, host(office).port(port), START_NS, said);
    (fire.frames(), quiet.frames())
}

fn telnet() -> (Capture, Capture) {
    use Side::{Client, Server};
    let said: &[(Side, &[u8])] = &[
        (Server, b"\xff\xfd\x18\xff\xfd\x20\xff\xfb\x01login: "),
        (Client, b"\xff\xfb\x18root\r\n"),
        (Server, b"Password: "),
        (Client, b"synthetic\r\n"),
        (Server, b"\r\n# "),
        (Client, b"exit\r\n"),
    ];
    let (fire, quiet) = service("10.20.5.11", "10.30.0.2", 23, said);
    let hello = client_hello();
    let web = talk(
        gateway().host.port(46_410),
        host("10.20.5.11").port(443),
        START_NS + SECOND,
        &[(Client, &hello)],
    );
    (merged([fire]), merged([quiet, web.frames()]))
}

fn ftp() -> (Capture, Capture) {
    use Side::{Client, Server};
    let said: &[(Side, &[u8])] = &[
        (Server, b"220 device FTP ready\r\n"),
        (Client, b"USER service\r\n"),
        (Server, b"331 password required\r\n"),
        (Client, b"PASS synthetic\r\n"),
        (Server, b"230 logged in\r\n"),
        (Client, b"STOR firmware.bin\r\n"),
        (Server, b"150 opening data connection\r\n"),
        (Client, b"QUIT\r\n"),
    ];
    let (fire, quiet) = service("10.20.5.11", "10.30.0.5", 21, said);
    (merged([fire]), merged([quiet]))
}

/// An SMB2 NEGOTIATE request for dialects 2.0.2 and 2.1 in a NetBIOS session message.
fn negotiate() -> Vec<u8> {
    let mut out = b"\xfeSMB\x40\0".to_vec();
    out.resize(64, 0);
    let mut body = vec![36, 0, 2, 0, 1, 0];
    body.resize(36, 0);
    body.extend_from_slice(&[0x02, 0x02, 0x10, 0x02]);
    out.extend_from_slice(&body);
    let mut message = (out.len() as u32).to_be_bytes().to_vec();
    message.extend_from_slice(&out);
    message
}

fn smb() -> (Capture, Capture) {
    let request = negotiate();
    let (fire, quiet) = service("10.20.1.11", "10.30.0.5", 445, &[(Side::Client, &request)]);
    (merged([fire]), merged([quiet]))
}

fn rdp() -> (Capture, Capture) {
    let cookie = b"Cookie: mstshash=admin\r\n";
    let mut request = vec![3, 0, 0, 0, 0, 0xe0, 0, 0, 0, 0, 0];
    request.extend_from_slice(cookie);
    request.extend_from_slice(&[1, 0, 8, 0, 3, 0, 0, 0]);
    request[3] = request.len() as u8;
    request[4] = request.len() as u8 - 5;
    let confirm = [
        3, 0, 0, 19, 14, 0xd0, 0, 0, 0x12, 0x34, 0, 2, 0, 8, 0, 1, 0, 0, 0,
    ];
    let said = [(Side::Client, &request[..]), (Side::Server, &confirm)];
    let (fire, quiet) = service("10.20.1.11", "10.30.0.6", 3389, &said);
    (merged([fire]), merged([quiet]))
}

fn contec() -> (Capture, Capture) {
    let monitor = host("10.20.6.11");
    let away = |ip: &str| host(ip).mac(router().mac);
    // A length in little-endian, a sequence, 05H and a block type.
    let block = [
        0x10, 0x00, 0x05, 0x3e, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12,
    ];
    let said = [(Side::Client, &block[..])];
    let mount = Conversation::new(monitor.port(46_500), away("202.114.4.119").port(2049))
        .unanswered()
        .frames();
    let at = START_NS + SECOND;
    let lost = talk(
        monitor.port(46_501),
        away("202.114.4.120").port(515),
        at,
        &said,
    )
    .frames();
    let fine = talk(monitor.port(46_501), engine().host.port(515), at, &said).frames();
    (merged([mount, lost]), merged([fine]))
}
