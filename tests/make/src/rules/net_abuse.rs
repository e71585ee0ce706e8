//! The network below the protocols: tunnels, rogue servers, floods, silence.

use crate::capture::{Capture, Frame, MILLISECOND, SECOND, START_NS};
use crate::conversation::{Conversation, Side};
use crate::frame::{
    BROADCAST, Endpoint, Host, arp_reply, arp_request, ethernet, host, ip_frame, ip_packet, udp,
    udp_packet, vlan,
};
use crate::hl7::{Link, body};

use super::hl7::head;
use super::{Case, ct, engine, intruder, merged, pacs, stranger, talk};

pub(super) const CASES: &[Case] = &[
    Case {
        rule: "net-device-to-internet",
        fires: "the CT 10.20.1.11 opens a connection to 203.0.113.7:443 and sends data",
        quiet: "the CT 10.20.1.11 opens a connection to PACS:443",
        make: to_internet,
    },
    Case {
        rule: "net-inbound-internet",
        fires: "203.0.113.7 opens a connection to the CT 10.20.1.11:80, which answers",
        quiet: "203.0.113.7 sends a SYN to 10.20.1.11:80, which nobody answers",
        make: from_internet,
    },
    Case {
        rule: "net-mac-ip-conflict",
        fires: "10.20.1.11 answers ARP from two MACs, four times within 40 s",
        quiet: "10.20.1.11 and 10.20.1.12 answer ARP from one MAC each",
        make: two_macs,
    },
    Case {
        rule: "net-rogue-dhcp",
        fires: "10.20.9.66 sends DHCP OFFER and ACK with itself as router and DNS server",
        quiet: "the DHCP server 10.30.0.4 sends OFFER and ACK",
        make: rogue_dhcp,
    },
    Case {
        rule: "net-dns-tunnel",
        fires: "10.20.1.11 asks 10.30.0.3 for 120 TXT names of 60 random letters below \
                t.example.org, two a second",
        quiet: "10.20.1.11 asks 10.30.0.3 for pacs.hospital.example 20 times in 60 s",
        make: dns_tunnel,
    },
    Case {
        rule: "net-icmp-tunnel",
        fires: "10.20.1.11 and 203.0.113.7 exchange 60 pings of 900 varying bytes in 30 s",
        quiet: "10.20.1.11 pings PACS 10 times with 32 bytes",
        make: icmp_tunnel,
    },
    Case {
        rule: "net-snmp-default",
        fires: "10.20.9.66 sends the CT an SNMPv2c GET with community `public`, which is answered, and \
                a SET with `private`",
        quiet: "10.30.0.10 sends the switch 10.30.0.2 a GET with community `vwSiteRead`",
        make: snmp,
    },
    Case {
        rule: "net-vlan-hop",
        fires: "10.20.9.66 sends frames with two VLAN tags (1, then 20) to PACS",
        quiet: "10.20.1.11 talks to PACS in VLAN 20",
        make: vlan_hop,
    },
    Case {
        rule: "net-flood",
        fires: "10.20.9.66 sends 2500 SYN to the CT 10.20.1.11:104 in 1 s from changing ports",
        quiet: "10.20.2.31 opens 20 connections to 10.20.1.11:104 in 10 s",
        make: flood,
    },
    Case {
        rule: "net-device-silent",
        fires: "monitors 10.20.6.11, .12 and .13 each send an ORU every 10 s; after 120 s .12 is \
                silent, the others go on until 600 s",
        quiet: "all three go on until 600 s",
        make: silence,
    },
    Case {
        rule: "net-ssh-brute",
        fires: "10.20.9.66 opens 20 SSH connections to the CT 10.20.1.11:22 in 40 s, each closed after \
                a few packets",
        quiet: "10.30.0.10 opens 2 SSH connections to 10.30.0.2:22 in 40 s",
        make: ssh,
    },
    Case {
        rule: "net-lateral-device-to-device",
        fires: "the pump 10.20.5.11 opens connections to the pumps 10.20.5.12 … 10.20.5.15 on port 8080",
        quiet: "the four pumps open connections to their gateway 10.20.4.10:3613",
        make: lateral,
    },
];

fn to_internet() -> (Capture, Capture) {
    let hello = super::dicom_peers::client_hello();
    let said = [(Side::Client, &hello[..]), (Side::Server, b"synthetic")];
    let fire = talk(ct().port(46_600), stranger().port(443), START_NS, &said);
    let quiet = talk(ct().port(46_601), pacs().host.port(443), START_NS, &said);
    (merged([fire.frames()]), merged([quiet.frames()]))
}

fn from_internet() -> (Capture, Capture) {
    let said: [(Side, &[u8]); 2] = [
        (Side::Client, b"GET / HTTP/1.0\r\n\r\n"),
        (Side::Server, b"HTTP/1.0 200 OK\r\n\r\n"),
    ];
    let fire = talk(stranger().port(46_610), ct().port(80), START_NS, &said);
    let mut quiet = Conversation::new(stranger().port(46_611), ct().port(80));
    quiet.unanswered();
    (merged([fire.frames()]), merged([quiet.frames()]))
}

fn two_macs() -> (Capture, Capture) {
    let (asker, other) = (pacs().host, host("10.20.1.12"));
    let answers = |second: Host| {
        let mut out = Capture::new();
        for n in 0..4 {
            let at = START_NS + n * 10 * SECOND;
            out.push(at, arp_request(asker, ct()));
            out.push(at + MILLISECOND, arp_reply(ct(), asker));
            out.push(at + SECOND, arp_request(asker, second));
            out.push(at + SECOND + MILLISECOND, arp_reply(second, asker));
        }
        out
    };
    (answers(ct().mac(intruder().mac)), answers(other))
}

/// A DHCP message from a server: OFFER (2) or ACK (5), with itself as router and DNS server.
fn dhcp(server: Host, kind: u8) -> Vec<u8> {
    let client = ct();
    let mut out = vec![2, 1, 6, 0, 0x12, 0x34, 0x56, 0x78, 0, 0, 0, 0, 0, 0, 0, 0];
    out.extend_from_slice(&client.v4());
    out.extend_from_slice(&server.v4());
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&client.mac);
    out.resize(236, 0);
    out.extend_from_slice(&[0x63, 0x82, 0x53, 0x63, 53, 1, kind]);
    for (option, value) in [
        (54, server.v4()),
        (3, server.v4()),
        (6, server.v4()),
        (51, [0, 0, 14, 16]),
    ] {
        out.extend_from_slice(&[option, 4]);
        out.extend_from_slice(&value);
    }
    out.push(255);
    let everybody = host("255.255.255.255").mac(BROADCAST);
    udp(server.port(67), everybody.port(68), &out)
}

fn rogue_dhcp() -> (Capture, Capture) {
    let lease = |server: Host| {
        let mut out = Capture::new();
        out.push(START_NS, dhcp(server, 2))
            .push(START_NS + 10 * MILLISECOND, dhcp(server, 5));
        out
    };
    (lease(intruder()), lease(host("10.30.0.4")))
}

/// A DNS question of a type (1 A, 16 TXT).
fn question(id: u16, name: &str, kind: u16) -> Vec<u8> {
    let mut out = id.to_be_bytes().to_vec();
    out.extend_from_slice(&[1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    for label in name.split('.') {
        out.push(label.len() as u8);
        out.extend_from_slice(label.as_bytes());
    }
    out.push(0);
    out.extend_from_slice(&kind.to_be_bytes());
    out.extend_from_slice(&[0, 1]);
    out
}

/// Sixty letters and digits that look random and are the same every time.
fn scrambled(n: u64) -> String {
    let mut seed = n.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        char::from(b"abcdefghijklmnopqrstuvwxyz234567"[(seed >> 40) as usize % 32])
    };
    (0..60).map(|_| next()).collect()
}

fn dns_tunnel() -> (Capture, Capture) {
    let resolver = host("10.30.0.3").port(53);
    let asked = |count: u64, apart: u64, name: &dyn Fn(u64) -> (String, u16)| {
        let mut out = Capture::new();
        for n in 0..count {
            let (name, kind) = name(n);
            let from = ct().port(50_000 + n as u16);
            out.push(
                START_NS + n * apart,
                udp(from, resolver, &question(n as u16, &name, kind)),
            );
        }
        out
    };
    let tunnel = |n: u64| (format!("{}.t.example.org", scrambled(n)), 16);
    let plain = |_: u64| ("pacs.hospital.example".to_owned(), 1);
    (
        asked(120, 500 * MILLISECOND, &tunnel),
        asked(20, 3 * SECOND, &plain),
    )
}

/// An echo request (8) or reply (0) with this payload.
fn echo(from: Host, to: Host, kind: u8, sequence: u16, payload: &[u8]) -> Vec<u8> {
    let mut body = vec![kind, 0, 0, 0, 0, 1];
    body.extend_from_slice(&sequence.to_be_bytes());
    body.extend_from_slice(payload);
    let sum = crate::frame::checksum(&body).to_be_bytes();
    body[2..4].copy_from_slice(&sum);
    ip_frame(from, to, &[], &ip_packet(from, to, 1, &body))
}

fn pings(to: Host, count: u16, apart: u64, payload: &dyn Fn(u16) -> Vec<u8>) -> Capture {
    let mut out = Capture::new();
    for n in 0..count {
        let at = START_NS + u64::from(n) * apart;
        let sent = payload(n);
        out.push(at, echo(ct(), to, 8, n, &sent));
        out.push(at + MILLISECOND, echo(to, ct(), 0, n, &sent));
    }
    out
}

fn icmp_tunnel() -> (Capture, Capture) {
    let varied = |n: u16| scrambled(u64::from(n)).repeat(15).into_bytes();
    let plain = |_: u16| b"abcdefghijklmnopqrstuvwabcdefghi".to_vec();
    (
        pings(stranger(), 60, 500 * MILLISECOND, &varied),
        pings(pacs().host, 10, SECOND, &plain),
    )
}

/// An SNMPv2c message about sysDescr.0: GET (a0), response (a2) or SET (a3).
fn snmp_message(community: &str, kind: u8) -> Vec<u8> {
    let wrap = |tag: u8, body: &[u8]| [&[tag, body.len() as u8][..], body].concat();
    let name = [6, 8, 0x2b, 6, 1, 2, 1, 1, 1, 0];
    let value: &[u8] = if kind == 0xa0 {
        &[5, 0]
    } else {
        &[4, 4, b't', b'e', b's', b't']
    };
    let bindings = wrap(0x30, &wrap(0x30, &[&name, value].concat()));
    let pdu = wrap(
        kind,
        &[&[2, 1, 7, 2, 1, 0, 2, 1, 0][..], &bindings].concat(),
    );
    let head = [&[2, 1, 1][..], &wrap(4, community.as_bytes())].concat();
    wrap(0x30, &[head, pdu].concat())
}

fn snmp() -> (Capture, Capture) {
    let asked = |from: Endpoint, to: Endpoint, community: &str, kind: u8, at: u64| {
        let mut out = Capture::new();
        out.push(at, udp(from, to, &snmp_message(community, kind)));
        out.push(
            at + MILLISECOND,
            udp(to, from, &snmp_message(community, 0xa2)),
        );
        out.frames
    };
    let (device, from) = (ct().port(161), intruder().port(50_200));
    let fire = [
        asked(from, device, "public", 0xa0, START_NS),
        asked(from, device, "private", 0xa3, START_NS + SECOND),
    ];
    let (switch, manager) = (host("10.30.0.2").port(161), host("10.30.0.10").port(50_201));
    (
        merged(fire),
        merged([asked(manager, switch, "vwSiteRead", 0xa0, START_NS)]),
    )
}

fn vlan_hop() -> (Capture, Capture) {
    let mut fire = Capture::new();
    let packet = udp_packet(intruder().port(50_300), pacs(), b"synthetic");
    for n in 0..3 {
        let tags = [vlan(1), vlan(20)];
        let frame = ethernet(intruder().mac, pacs().host.mac, &tags, 0x0800, &packet);
        fire.push(START_NS + n * SECOND, frame);
    }
    let mut quiet = Conversation::new(ct().port(50_301), pacs()).vlans(&[vlan(20)]);
    quiet.open().client(b"synthetic").close();
    (fire, quiet.capture())
}

fn flood() -> (Capture, Capture) {
    let target = ct().port(104);
    let fire = (0..2500_u16).map(|n| {
        let at = START_NS + u64::from(n) * SECOND / 2500;
        Conversation::new(intruder().port(10_000 + n), target)
            .at(at)
            .unanswered()
            .frames()
    });
    let quiet = (0..20_u16).map(|n| {
        let at = START_NS + u64::from(n) * 500 * MILLISECOND;
        talk(host("10.20.2.31").port(50_400 + n), target, at, &[]).frames()
    });
    (merged(fire), merged(quiet))
}

/// A monitor that sends an observation every 10 s until a time.
fn monitor(n: u16, until_s: u32) -> Vec<Frame> {
    let client = host(&format!("10.20.6.{}", 10 + n)).port(50_500 + n);
    let start = START_NS + u64::from(n) * 100 * MILLISECOND;
    let mut link = Link::open(start, client, engine());
    for beat in 0..until_s / 10 {
        let number = u32::from(n) * 1000 + beat;
        let head = head(&format!("MONITOR{n}"), "ORU^R01^ORU_R01", number);
        link.tcp.wait_until(start + u64::from(beat) * 10 * SECOND);
        link = link.say(&head, &body::result(u32::from(n), "4.1", "F"), "AA");
    }
    link.tcp.frames()
}

fn silence() -> (Capture, Capture) {
    let fire = [monitor(1, 600), monitor(2, 120), monitor(3, 600)];
    (
        merged(fire),
        merged([monitor(1, 600), monitor(2, 600), monitor(3, 600)]),
    )
}

fn ssh() -> (Capture, Capture) {
    let banner: &[u8] = b"SSH-2.0-OpenSSH_9.2\r\n";
    let said = [
        (Side::Server, banner),
        (Side::Client, b"SSH-2.0-libssh2_1.10\r\n"),
    ];
    let logins = |client: Host, server: Host, count: u16, apart: u64| {
        (0..count).map(move |n| {
            let at = START_NS + u64::from(n) * apart;
            talk(client.port(50_600 + n), server.port(22), at, &said).frames()
        })
    };
    (
        merged(logins(intruder(), ct(), 20, 2 * SECOND)),
        merged(logins(
            host("10.30.0.10"),
            host("10.30.0.2"),
            2,
            30 * SECOND,
        )),
    )
}

fn lateral() -> (Capture, Capture) {
    let pump = |n: u16| host(&format!("10.20.5.{}", 10 + n));
    let said: [(Side, &[u8]); 1] = [(Side::Client, b"\x01\x02\x03\x04")];
    let at = |n: u16| START_NS + u64::from(n) * 5 * SECOND;
    let fire = (2..=5).map(|n| talk(pump(1).port(50_700 + n), pump(n).port(8080), at(n), &said));
    let gateway = host("10.20.4.10").port(3613);
    let quiet = (2..=5).map(|n| talk(pump(n).port(50_700), gateway, at(n), &said));
    (merged(fire), merged(quiet))
}
