//! What the network does to a conversation: cut, reorder, repeat, lose, wrap. The events are those
//! of the clean capture, or, after a loss, those of the messages behind it.

use make::capture::{Capture, LinkType, MILLISECOND, Precision, SECOND, START_NS};
use make::conversation::Overlap;
use make::dicom::{Associate, Dataset, Dimse, Session, Syntax, uid};
use make::frame::{Vlan, relink, vlan};
use make::hl7::pump::{ML_PER_H, Order, order_head};
use make::hl7::{Head, Link, body};
use make::tunnel::Tunnel;
use make::{Conversation, Side, host};
use serde_json::Value;
use tempfile::TempDir;

use crate::support;

/// The two conversations of every test here, each over a connection that the test sets up.
type Talk = fn(Conversation) -> Conversation;
const TALKS: [(&str, Talk); 2] = [("dicom", dicom), ("hl7", hl7)];

/// The message id of the last DIMSE command of [`dicom`].
const LAST_ECHO: u16 = 99;

fn blank(talk: &str, ip: [&str; 2]) -> Conversation {
    let port = if talk == "dicom" { 104 } else { 2575 };
    Conversation::new(host(ip[0]).port(40_000), host(ip[1]).port(port)).gap_ns(20 * MILLISECOND)
}

fn v4(talk: &str) -> Conversation {
    blank(talk, ["10.20.1.11", "10.20.2.10"])
}

/// Images of 3000 bytes stored, and an echo at the end.
fn dicom(tcp: Conversation) -> Conversation {
    let associate = Associate::new("CT01", "PACS")
        .propose(uid::CT_STORAGE, &[uid::EXPLICIT_LE])
        .propose(uid::VERIFICATION, &[uid::IMPLICIT_LE]);
    let mut session = Session::over(tcp, associate)
        .accepted()
        .client(3, &Dimse::echo(1))
        .server(3, &Dimse::echo_response(1));
    for n in 2_u16..5 {
        let image = Dataset::new()
            .text((0x0008, 0x0060), "CS", "CT")
            .text((0x0010, 0x0020), "LO", "SYN000001")
            .bytes((0x7fe0, 0x0010), "OW", &[n as u8; 3000])
            .encode(Syntax::ExplicitLe);
        let instance = format!("1.2.826.0.1.{n}");
        session = session
            .client(1, &Dimse::store(n, uid::CT_STORAGE, &instance, image))
            .server(1, &Dimse::store_response(n, uid::CT_STORAGE, &instance, 0));
    }
    let mut tcp = session
        .client(3, &Dimse::echo(LAST_ECHO))
        .server(3, &Dimse::echo_response(LAST_ECHO))
        .tcp;
    tcp.close();
    tcp
}

/// Admissions, an order for a pump, and a discharge at the end.
fn hl7(tcp: Conversation) -> Conversation {
    let head = |kind: &str, id: &str| Head::new(("ADT", "VW"), ("ENGINE", "VW"), kind, id);
    let mut link = Link::over(tcp);
    for n in 1..4 {
        let head = head("ADT^A01^ADT_A01", &format!("M{n}"));
        link = link.say(&head, &body::adt("A01", n), "AA");
    }
    let order = Order {
        control: "RE",
        id: "RX000001",
        patient: 1,
        pump: 1,
        drug: "1234^Dopamine",
        vtbi: "250",
        rate: ("125", ML_PER_H),
    };
    let mut tcp = link
        .say(&order_head("M4"), &order.segments(), "CA")
        .say(&head("ADT^A03^ADT_A03", "M5"), &body::adt("A03", 5), "AA")
        .tcp;
    tcp.close();
    tcp
}

/// Reads captures under one site key.
struct Bench {
    dir: TempDir,
}

impl Bench {
    fn new() -> Self {
        Self {
            dir: TempDir::new().expect("temporary folder"),
        }
    }

    fn read(&self, bytes: &[u8]) -> Vec<Value> {
        let capture = self.dir.path().join("capture.pcap");
        std::fs::write(&capture, bytes).expect("written");
        let state = self.dir.path().join("state");
        let run = support::inspect(&[capture], &["--state", state.to_str().expect("UTF-8")]);
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        run.events()
    }

    /// The medical objects: what was said, without when.
    fn said(&self, bytes: &[u8]) -> Vec<Value> {
        let events = self.read(bytes).into_iter();
        events.filter_map(medical).collect()
    }

    fn of(&self, conversation: &Conversation) -> Vec<Value> {
        self.said(&conversation.capture().pcap())
    }

    fn clean(&self, talk: &str, with: Talk) -> Vec<Value> {
        let said = self.of(&with(v4(talk)));
        assert!(said.len() >= 10, "{talk}: {said:?}");
        said
    }
}

fn medical(mut event: Value) -> Option<Value> {
    let kind = event["event_type"].as_str()?.to_owned();
    if !["dicom", "hl7", "pump"].contains(&kind.as_str()) {
        return None;
    }
    let mut object = event[&kind].take();
    object.as_object_mut()?.remove("latency_ms");
    Some(object)
}

/// Whether the last message of the talk is among them.
fn has_last(talk: &str, said: &[Value]) -> bool {
    match talk {
        "dicom" => said.iter().any(|d| {
            d["command"] == "C-ECHO-RQ" && d["message_id"].as_u64() == Some(LAST_ECHO.into())
        }),
        _ => said
            .iter()
            .any(|h| h["message_type"] == "ADT" && h["trigger"] == "A03"),
    }
}

/// Data segments of a side right before another of the same flight: only those change places on
/// their way; nobody answers what has not come.
fn in_flight(conversation: &mut Conversation, side: Side) -> Vec<usize> {
    let data: Vec<Side> = conversation
        .segments_mut()
        .iter()
        .filter(|s| !s.payload.is_empty())
        .map(|s| s.side)
        .collect();
    let places = (0..data.len()).filter(|at| data[*at] == side);
    places
        .enumerate()
        .filter(|(_, at)| data.get(at + 1) == Some(&side))
        .map(|(n, _)| n)
        .collect()
}

fn segments_of(conversation: &mut Conversation, side: Side) -> usize {
    let all = conversation.segments_mut().iter();
    all.filter(|s| s.side == side && !s.payload.is_empty())
        .count()
}

#[test]
fn segments_cut_anywhere_say_the_same() {
    let bench = Bench::new();
    for (name, talk) in TALKS {
        let clean = bench.clean(name, talk);
        for mss in (1..=16).chain([63, 64, 65, 100, 255, 536, 9000]) {
            let tcp = v4(name).mss(mss).gap_ns(MILLISECOND);
            assert_eq!(bench.of(&talk(tcp)), clean, "{name}, segments of {mss}");
        }
        // The sequence numbers wrap in both directions.
        let wraps = v4(name).mss(50).sequence(u32::MAX - 400, u32::MAX - 100);
        assert_eq!(bench.of(&talk(wraps)), clean, "{name} wraps");
    }
}

#[test]
fn disorder_and_repetition_say_the_same() {
    let bench = Bench::new();
    for (name, talk) in TALKS {
        let clean = bench.clean(name, talk);
        let made = talk(v4(name).mss(400));
        for side in [Side::Client, Side::Server] {
            let count = segments_of(&mut made.clone(), side);
            for n in in_flight(&mut made.clone(), side) {
                let mut swapped = made.clone();
                swapped.swap(side, n);
                assert_eq!(bench.of(&swapped), clean, "{name}, {side:?} {n} late");
            }
            let mut again = made.clone();
            for n in (0..count).rev() {
                again.retransmit(side, n);
            }
            assert_eq!(bench.of(&again), clean, "{name}, {side:?} repeated");
            let mut overlap = made.clone();
            for n in (1..count).rev() {
                overlap.overlap(side, n, 1, Overlap::Same);
            }
            assert_eq!(bench.of(&overlap), clean, "{name}, {side:?} overlapping");
        }
    }
}

#[test]
fn keep_alives_are_no_data() {
    let bench = Bench::new();
    for (name, talk) in TALKS {
        let clean = bench.clean(name, talk);
        let mut made = talk(v4(name));
        let probes: Vec<_> = made
            .segments_mut()
            .iter()
            .enumerate()
            .filter(|(_, s)| !s.payload.is_empty())
            .map(|(place, s)| {
                let mut probe = s.clone();
                probe.seq = s.seq.wrapping_add(s.payload.len() as u32 - 1);
                probe.payload = vec![0];
                (place, probe)
            })
            .collect();
        for (place, probe) in probes.into_iter().rev() {
            made.segments_mut().insert(place + 1, probe);
        }
        assert_eq!(bench.of(&made), clean, "{name}");
    }
}

#[test]
fn whatever_it_is_wrapped_in_says_the_same() {
    let bench = Bench::new();
    let (a, b) = (host("172.16.0.1"), host("172.16.0.2"));
    let tunnels = [
        Tunnel::Vxlan(a, b, 77),
        Tunnel::Geneve(a, b, 77),
        Tunnel::Tzsp(a, b),
        Tunnel::Gre(a, b),
        Tunnel::GreBridged(a, b, 7),
        Tunnel::Erspan1(a, b),
        Tunnel::Erspan2(a, b, 7),
        Tunnel::Erspan3(a, b, 7),
        Tunnel::IpInIp(a, b),
        Tunnel::Mpls(vec![16, 17]),
        Tunnel::Pppoe(9),
    ];
    let provider = Vlan {
        ethertype: 0x88a8,
        id: 5,
    };
    for (name, talk) in TALKS {
        let clean = bench.clean(name, talk);
        for ips in [["10.20.1.11", "10.20.2.10"], ["fd00::11", "fd00::10"]] {
            for tunnel in &tunnels {
                let tcp = blank(name, ips).mss(1200).tunnel(tunnel.clone());
                assert_eq!(bench.of(&talk(tcp)), clean, "{name} {ips:?} in {tunnel:?}");
            }
            for tags in [vec![vlan(20)], vec![provider, vlan(20)]] {
                let tcp = blank(name, ips).vlans(&tags);
                assert_eq!(bench.of(&talk(tcp)), clean, "{name} {ips:?} in {tags:?}");
            }
        }
        let tags = [provider, vlan(20), vlan(21)];
        assert_eq!(bench.of(&talk(v4(name).vlans(&tags))), clean, "{name}");
        let twice = v4(name)
            .mss(1200)
            .tunnel(Tunnel::Gre(a, b))
            .tunnel(Tunnel::Vxlan(b, a, 3));
        assert_eq!(bench.of(&talk(twice)), clean, "{name} in two tunnels");
        for mtu in [68, 576] {
            let cut = v4(name).fragment(mtu);
            assert_eq!(bench.of(&talk(cut)), clean, "{name} in fragments of {mtu}");
            let deep = v4(name).fragment(mtu).tunnel(Tunnel::Vxlan(a, b, 3));
            assert_eq!(bench.of(&talk(deep)), clean, "{name}, fragments in VXLAN");
        }
    }
}

#[test]
fn every_link_type_and_file_says_the_same() {
    let bench = Bench::new();
    let links = [
        LinkType::Ethernet,
        LinkType::Null,
        LinkType::Raw,
        LinkType::Sll,
        LinkType::Sll2,
    ];
    for (name, talk) in TALKS {
        let clean = bench.clean(name, talk);
        for link in links {
            let mut capture = talk(v4(name)).capture();
            capture.map(|frame| relink(frame, link));
            for big_endian in [false, true] {
                for precision in [Precision::Micro, Precision::Nano] {
                    let file = capture.pcap_as(link, precision, big_endian);
                    assert_eq!(bench.said(&file), clean, "{name} {link:?} {precision:?}");
                }
                let file = capture.pcapng(&[link], big_endian);
                assert_eq!(bench.said(&file), clean, "{name} {link:?} pcapng");
            }
        }
    }
}

#[test]
fn behind_a_hole_the_next_message_is_seen() {
    let bench = Bench::new();
    for (name, talk) in TALKS {
        let made = talk(v4(name).mss(300).gap_ns(100 * MILLISECOND));
        let count = segments_of(&mut made.clone(), Side::Client);
        // The last message is in the last segment or two.
        for n in 0..count - 2 {
            let mut holed = made.clone();
            holed.lose(Side::Client, n);
            let said = bench.of(&holed);
            assert!(
                has_last(name, &said),
                "{name} without segment {n}: {said:?}"
            );
        }
    }
}

#[test]
fn midstream_the_next_message_is_seen() {
    let bench = Bench::new();
    for (name, talk) in TALKS {
        let made = talk(v4(name).mss(300));
        let total = made.clone().segments_mut().len();
        // The last message, its acknowledgments and the close take the last ten segments.
        for gone in 3..total - 10 {
            let mut late = made.clone();
            late.segments_mut().drain(..gone);
            let said = bench.of(&late);
            assert!(
                has_last(name, &said),
                "{name} from segment {gone}: {said:?}"
            );
        }
    }
}

#[test]
fn of_frames_cut_short_the_beginning_is_read() {
    let bench = Bench::new();
    for (name, talk) in TALKS {
        let clean = bench.clean(name, talk);
        let mut capture = talk(v4(name)).capture();
        capture.snap(200);
        let said = bench.said(&capture.pcap());
        assert!(has_last(name, &said), "{name}: {said:?}");
        // A proposal of 280 bytes is no event without its end; a message is one, and says so.
        if name == "hl7" {
            assert_eq!(said[0]["control_id"], clean[0]["control_id"]);
            assert_eq!(said[0]["truncated"], true, "{said:?}");
        }
    }
}

#[test]
fn one_direction_alone_is_read() {
    let bench = Bench::new();
    for (name, talk) in TALKS {
        let clean = bench.clean(name, talk);
        for side in [Side::Client, Side::Server] {
            let mut half = talk(v4(name));
            half.one_sided(side);
            let said = bench.of(&half);
            assert_eq!(
                has_last(name, &said),
                side == Side::Client,
                "{name} {side:?}"
            );
            assert!(
                said.len() * 2 + 4 >= clean.len(),
                "{name} {side:?}: {said:?}"
            );
        }
    }
}

#[test]
fn ports_used_again_are_another_flow() {
    let bench = Bench::new();
    for (name, talk) in TALKS {
        let clean = bench.clean(name, talk);
        for later in [2 * SECOND, 3600 * SECOND] {
            let mut capture = Capture::new();
            let first = talk(v4(name).gap_ns(MILLISECOND));
            let at = START_NS + later;
            let second = talk(v4(name).at(at).sequence(7, 9).gap_ns(MILLISECOND));
            capture.add(first.frames()).add(second.frames());
            let events = bench.read(&capture.pcap());
            let flows = events.iter().filter(|e| e["event_type"] == "flow").count();
            assert_eq!(flows, 2, "{name}, {later} ns later");
            let said: Vec<_> = events.into_iter().filter_map(medical).collect();
            assert_eq!(said, [clean.clone(), clean.clone()].concat(), "{name}");
        }
    }
}

/// HL7 is found in each direction on its own: what the other side says does not hide it.
#[test]
fn hl7_is_found_whatever_the_other_side_says() {
    let head = Head::new(
        ("ENGINE", "FAC"),
        ("ADTSYS", "FAC"),
        "ADT^A08^ADT_A01",
        "C1",
    );
    let segments = body::adt("A08", 1);
    let message = make::hl7::mllp(&make::hl7::message(&head, &segments));
    for garbage in [
        &b"\x00\x01\x02 nothing that anybody knows"[..],
        b"\xde\xad\xbe\xef",
    ] {
        let mut tcp = v4("hl7");
        tcp.open().client(garbage).server(&message).close();
        let dir = TempDir::new().expect("temporary folder");
        let pcap = dir.path().join("one-side.pcap");
        tcp.capture().write(&pcap).expect("written");
        let seen = support::inspect(&[&pcap], &[]).of_type("hl7");
        assert_eq!(seen.len(), 1, "{seen:?}");
        assert_eq!(seen[0]["direction"], "to_client");
    }
}

/// Both VLANs of a routed packet are mirrored: each packet comes twice, with another tag, address
/// and time to live.
#[test]
fn what_a_mirror_gives_twice_is_seen_once() {
    const TTL: usize = 14 + 4 + 8;
    for (name, talk) in TALKS {
        let bench = Bench::new();
        let tagged = |id| talk(v4(name).vlans(&[vlan(id)])).frames();
        let mut twice = Capture::new();
        for (frame, mut copy) in tagged(10).into_iter().zip(tagged(20)) {
            copy.time_ns += MILLISECOND;
            copy.bytes[..6].copy_from_slice(&[2, 9, 9, 9, 9, 9]);
            copy.bytes[TTL] -= 1;
            twice.add([frame, copy]);
        }
        let events = bench.read(&twice.pcap());
        let said: Vec<Value> = events.iter().cloned().filter_map(medical).collect();
        assert_eq!(said, bench.clean(name, talk), "{name}");
        let stats = &events.last().expect("a stats line")["stats"];
        let copies = &stats["flow"]["dropped_packets"]["duplicate"];
        assert_eq!(
            copies.as_u64(),
            Some(twice.frames.len() as u64 / 2),
            "{name}"
        );
    }
}
