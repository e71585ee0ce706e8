//! Rings on the loopback, where what is sent comes back, and on a wire of their own.

use std::collections::{BTreeMap, BTreeSet};
use std::net::UdpSocket;

use make::frame::{host, udp};

use super::super::{AfPacket, Rings, Settings, open};
use crate::capture::live::machine_time;
use crate::capture::wire::{self, NEAR, Wire};
use crate::capture::{Batch, Source};
use crate::decode::{Net, Transport, decode};

/// Rings that see the datagrams of one port only, where this process may listen.
fn rings(count: usize, port: u16, ring_bytes: usize) -> Option<Rings> {
    let settings = Settings {
        interface: "lo".to_owned(),
        rings: count,
        ring_bytes,
        promiscuous: false,
        filter: Some(format!("udp port {port}")),
        ..Settings::default()
    };
    match open(&settings) {
        Ok(rings) if rings.notes.is_empty() => Some(rings),
        Ok(rings) => {
            eprintln!("skipped: {:?}", rings.notes);
            None
        }
        Err(error) => {
            eprintln!("skipped: {error}");
            None
        }
    }
}

fn socket() -> UdpSocket {
    UdpSocket::bind("127.0.0.1:0").unwrap()
}

fn port(socket: &UdpSocket) -> u16 {
    socket.local_addr().unwrap().port()
}

/// Every datagram that comes, as ports and payload, until nothing comes any more.
fn drain(source: &mut AfPacket) -> Vec<(u16, u16, Vec<u8>)> {
    let (mut seen, mut batch, mut idle) = (Vec::new(), Batch::default(), 0);
    let mut last = 0;
    while idle < 2 {
        batch.clear();
        source.fill(&mut batch).unwrap();
        idle = if batch.frames.is_empty() { idle + 1 } else { 0 };
        for frame in &batch.frames {
            assert!(frame.no > last && frame.no <= batch.upto);
            last = frame.no;
            let bytes = frame.bytes(&batch.blocks);
            let Net::Ip(ip) = decode(frame, bytes).unwrap().net else {
                panic!("not IP");
            };
            let Transport::Udp {
                src, dest, payload, ..
            } = ip.transport
            else {
                panic!("not UDP");
            };
            seen.push((src, dest, payload.of(bytes).to_vec()));
        }
    }
    seen
}

#[test]
fn both_directions_of_a_flow_come_to_one_ring() {
    let server = socket();
    let Some(mut opened) = rings(3, port(&server), 4 << 20) else {
        return;
    };
    assert!(opened.steered);
    let clients: Vec<UdpSocket> = (0..40).map(|_| socket()).collect();
    for round in 0..3_u8 {
        for client in &clients {
            client
                .send_to(&[round], server.local_addr().unwrap())
                .unwrap();
            server
                .send_to(&[round], client.local_addr().unwrap())
                .unwrap();
        }
    }
    let mut places: BTreeMap<u16, BTreeSet<usize>> = BTreeMap::new();
    let mut frames = 0;
    for (at, source) in opened.sources.iter_mut().enumerate() {
        let seen = drain(source);
        assert!(!seen.is_empty(), "every ring has some of forty flows");
        frames += seen.len();
        for (src, dest, _) in seen {
            let client = if src == port(&server) { dest } else { src };
            places.entry(client).or_default().insert(at);
        }
        assert_eq!(source.counts.elsewhere, 0);
        assert_eq!(source.losses().kernel, 0);
    }
    assert_eq!(
        frames,
        40 * 3 * 2,
        "each once, though it was sent and received here"
    );
    assert!(places.values().all(|rings| rings.len() == 1), "{places:?}");
}

/// As when the kernel gives frames to other rings than it did, for whatever reason.
#[test]
fn a_flow_that_comes_to_another_ring_is_counted() {
    let server = socket();
    let Some(mut opened) = rings(3, port(&server), 4 << 20) else {
        return;
    };
    let client = socket();
    let send = |opened: &mut Rings| {
        // More than one in so many that are tried.
        for _ in 0..200 {
            client.send_to(&[0], server.local_addr().unwrap()).unwrap();
        }
        let sources = opened.sources.iter_mut();
        let seen: Vec<usize> = sources.map(|source| drain(source).len()).collect();
        seen.iter().position(|n| *n == 200).unwrap()
    };
    let at = send(&mut opened);
    let source = &mut opened.sources[at];
    assert_eq!(source.counts.elsewhere, 0);
    source.place = source.place.map(|place| (place + 1) % 3);
    assert_eq!(send(&mut opened), at);
    let source = &opened.sources[at];
    assert!(source.counts.elsewhere >= 3, "{}", source.counts.elsewhere);
    let name = "vitalwire_capture_misplaced_frames_total";
    let label = ("cause", "other_worker".to_owned());
    let told = source.samples().into_iter();
    let told = told.filter(|s| s.name == name && s.labels.contains(&label));
    assert_eq!(told.map(|s| s.value).sum::<u64>(), source.counts.elsewhere);
}

#[test]
fn blocks_are_given_back_and_come_again() {
    let server = socket();
    let Some(mut opened) = rings(1, port(&server), 512 << 10) else {
        return;
    };
    let source = &mut opened.sources[0];
    let client = socket();
    // Several times what the ring holds.
    for round in 0..40_u8 {
        for n in 0..20_u8 {
            let payload = [&[round, n], &[7; 4000][..]].concat();
            client
                .send_to(&payload, server.local_addr().unwrap())
                .unwrap();
        }
        let seen = drain(source);
        let told: Vec<_> = seen.iter().map(|(_, _, p)| (p[0], p[1], p.len())).collect();
        let sent: Vec<_> = (0..20).map(|n| (round, n, 4002)).collect();
        assert_eq!(told, sent);
    }
    assert_eq!(source.losses().kernel, 0);
    assert_eq!(source.losses().received, 800);
}

#[test]
fn lent_blocks_stay_as_they_are_and_what_does_not_fit_is_counted() {
    let server = socket();
    let Some(mut opened) = rings(1, port(&server), 512 << 10) else {
        return;
    };
    let source = &mut opened.sources[0];
    let client = socket();
    let send = |byte: u8| {
        for _ in 0..20 {
            let to = server.local_addr().unwrap();
            client.send_to(&[byte; 30_000], to).unwrap();
        }
    };
    send(1);
    let mut held = Batch::default();
    let mut batch = Batch::default();
    for _ in 0..20 {
        batch.clear();
        source.fill(&mut batch).unwrap();
        held.blocks.append(&mut batch.blocks);
    }
    let before: Vec<Vec<u8>> = held
        .blocks
        .iter()
        .map(|block| block.get(0, block.len()).unwrap().to_vec())
        .collect();
    send(2);
    for _ in 0..5 {
        batch.clear();
        source.fill(&mut batch).unwrap();
    }
    assert!(source.losses().kernel > 0, "the ring is full");
    let after: Vec<Vec<u8>> = held
        .blocks
        .iter()
        .map(|block| block.get(0, block.len()).unwrap().to_vec())
        .collect();
    assert!(before == after);
    drop((held, batch));
    send(3);
    assert!(drain(source).iter().any(|(_, _, payload)| payload[0] == 3));
}

#[test]
fn what_cannot_be_opened_says_why() {
    let with = |settings: Settings| open(&settings).map(|_| ()).unwrap_err().to_string();
    let missing = with(Settings {
        interface: "nosuchinterface".to_owned(),
        ..Settings::default()
    });
    assert!(missing.contains("ip link"), "{missing}");
    if rings(1, 9, 0).is_some() {
        let wrong = with(Settings {
            interface: "lo".to_owned(),
            filter: Some("udp prot 5".to_owned()),
            ..Settings::default()
        });
        assert!(wrong.contains("udp prot 5"), "{wrong}");
    }
}

fn on_the_wire(rings: usize) -> Option<Rings> {
    let settings = Settings {
        interface: NEAR.to_owned(),
        rings,
        ring_bytes: 4 << 20,
        ..Settings::default()
    };
    let opened = open(&settings).unwrap();
    (opened.sources.len() == rings).then_some(opened)
}

#[test]
fn tags_that_the_kernel_took_off_are_told_beside_the_frame() {
    let Some(mut wire) = Wire::new() else { return };
    let (a, b) = (host("10.0.0.1"), host("10.0.0.2"));
    let plain = udp(a.port(1), b.port(2), b"payload");
    let tagged = |types: &[[u8; 2]]| {
        let tags: Vec<[u8; 4]> = types.iter().map(|[x, y]| [*x, *y, 0x60, 42]).collect();
        [&plain[..12], &tags.concat(), &plain[12..]].concat()
    };
    let Some(mut opened) = on_the_wire(2) else {
        return;
    };
    let tags: [&[[u8; 2]]; 4] = [
        &[],
        &[[0x81, 0]],
        &[[0x88, 0xa8]],
        &[[0x88, 0xa8], [0x81, 0]],
    ];
    for tags in tags {
        wire.send(&tagged(tags));
    }
    let seen: Vec<_> = opened.sources.iter_mut().map(|s| wire::drain(s)).collect();
    let [of_one] = &seen
        .iter()
        .filter(|seen| !seen.is_empty())
        .collect::<Vec<_>>()[..]
    else {
        panic!("one flow, one ring: {seen:?}");
    };
    for ((frame, bytes), tags) in of_one.iter().zip(tags) {
        let packet = decode(frame, bytes).unwrap();
        assert_eq!(usize::from(packet.vlans), tags.len(), "{tags:?}");
        assert_eq!(packet.vlan[0], if tags.is_empty() { 0 } else { 42 });
        assert_eq!(frame.vlan.is_some(), !tags.is_empty());
    }
    assert_eq!(of_one.len(), 4);
    assert_eq!(wire::transmitted(), 0);
}

#[test]
fn rings_come_back_with_their_interface() {
    let Some(mut wire) = Wire::new() else { return };
    let Some(mut opened) = on_the_wire(2) else {
        return;
    };
    let flows = |wire: &mut Wire, opened: &mut Rings| {
        let (a, b) = (host("10.0.0.1"), host("10.0.0.2"));
        for n in 0..50 {
            wire.send(&udp(a.port(n), b.port(2575), b"to"));
            wire.send(&udp(b.port(2575), a.port(n), b"back"));
        }
        let seen = opened.sources.iter_mut().map(|s| wire::drain(s).len());
        let seen: Vec<usize> = seen.collect();
        assert_eq!(seen.iter().sum::<usize>(), 100, "{seen:?}");
        assert!(seen.iter().all(|n| *n > 0 && n % 2 == 0), "{seen:?}");
        assert!(opened.sources.iter().all(|s| s.counts.elsewhere == 0));
    };
    let until = |opened: &mut Rings, blind: bool| {
        let mut batch = Batch::default();
        while opened.sources.iter().any(|s| s.blind().is_some() != blind) {
            for source in &mut opened.sources {
                batch.clear();
                source.fill(&mut batch).unwrap();
            }
        }
    };
    flows(&mut wire, &mut opened);
    for _ in 0..3 {
        wire::ip(&format!("link set {NEAR} down"));
        until(&mut opened, true);
        wire::ip(&format!("link set {NEAR} up"));
        until(&mut opened, false);
        flows(&mut wire, &mut opened);
    }
    wire::ip(&format!("link del {NEAR}"));
    until(&mut opened, true);
    drop(wire);
    let Some(mut wire) = Wire::new() else { return };
    until(&mut opened, false);
    flows(&mut wire, &mut opened);
}

/// A pair of virtual interfaces has no clock.
#[test]
fn an_adapter_that_cannot_stamp_gives_way_and_that_is_said() {
    let Some(mut wire) = Wire::new() else { return };
    let settings = Settings {
        interface: NEAR.to_owned(),
        adapter_stamps: true,
        busy_poll_micros: 50,
        ..Settings::default()
    };
    let mut opened = open(&settings).unwrap();
    let [note] = &opened.notes[..] else {
        panic!("{:?}", opened.notes);
    };
    assert!(note.contains("stamp"), "{note}");
    let polls = |opened: &Rings| {
        let rings = opened
            .sources
            .iter()
            .filter_map(|source| source.ring.as_ref());
        rings
            .map(|ring| ring.socket().polls_for())
            .collect::<Vec<_>>()
    };
    assert_eq!(polls(&opened), [50], "the kernel was asked to, and does");
    let before = machine_time();
    wire.send(&udp(
        host("10.0.0.1").port(1),
        host("10.0.0.2").port(2),
        b"to",
    ));
    let seen = wire::drain(&mut opened.sources[0]);
    assert!(seen[0].0.time >= before && seen[0].0.time <= machine_time());
    assert_eq!(opened.sources[0].counts.adapter_stamps, 0);
    assert_eq!(polls(&on_the_wire(1).unwrap()), [0]);
}

/// The kernel takes a tag off before the filter looks.
#[test]
fn a_filter_may_ask_for_a_vlan() {
    let Some(mut wire) = Wire::new() else { return };
    let settings = Settings {
        interface: NEAR.to_owned(),
        filter: Some("vlan 42 and udp port 5".to_owned()),
        ..Settings::default()
    };
    let mut opened = open(&settings).unwrap();
    for (vlan, port) in [(42, 5), (41, 5), (42, 6)] {
        let plain = udp(host("10.0.0.1").port(port), host("10.0.0.2").port(9), b"to");
        wire.send(&[&plain[..12], &[0x81, 0, 0, vlan], &plain[12..]].concat());
        wire.send(&plain);
    }
    let seen = wire::drain(&mut opened.sources[0]);
    assert_eq!(seen.len(), 1, "{seen:?}");
    assert_eq!(seen[0].0.vlan, Some(42));
}
