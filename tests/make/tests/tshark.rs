//! Reads written captures with tshark: what it sees is what was meant.

use std::path::PathBuf;
use std::process::Command;

use make::capture::{LinkType, Precision, START_NS};
use make::dicom::{Associate, Dataset, Dimse, Session, Syntax, uid};
use make::frame::{self, vlan};
use make::hl7::{Head, Link, body, pump};
use make::tunnel::Tunnel;
use make::{Capture, Conversation, Side, host};

/// Runs tshark on a capture; `None` where tshark is absent.
fn tshark(name: &str, bytes: &[u8], arguments: &[&str]) -> Option<Vec<String>> {
    let file = folder().join(name);
    make::capture::write(&file, bytes).expect("the capture is written");
    let Ok(output) = Command::new("tshark")
        .arg("-r")
        .arg(&file)
        .args(arguments)
        .output()
    else {
        println!("skipped: tshark is not installed");
        return None;
    };
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    Some(text.lines().map(str::to_owned).collect())
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
}

fn echo(tcp: Conversation) -> Vec<make::capture::Frame> {
    let associate =
        Associate::new("MODALITY1", "PACS").propose(uid::VERIFICATION, &[uid::IMPLICIT_LE]);
    Session::over(tcp, associate)
        .accepted()
        .client(1, &Dimse::echo(1))
        .server(1, &Dimse::echo_response(1))
        .released()
}

fn tcp() -> Conversation {
    Conversation::new(
        host("10.20.1.11").port(40_001),
        host("10.20.2.10").port(104),
    )
}

fn capture(frames: Vec<make::capture::Frame>) -> Capture {
    Capture { frames }
}

#[test]
fn every_kind_of_file_holds_the_same_frames() {
    let frames = capture(echo(tcp()));
    let ng = [LinkType::Ethernet];
    let files = [
        ("micro.pcap", frames.pcap()),
        (
            "nano-be.pcap",
            frames.pcap_as(LinkType::Ethernet, Precision::Nano, true),
        ),
        ("little.pcapng", frames.pcapng(&ng, false)),
        ("big.pcapng", frames.pcapng(&ng, true)),
    ];
    for (name, bytes) in files {
        let fields = [
            "-T",
            "fields",
            "-e",
            "dicom.pdu.type",
            "-e",
            "frame.time_epoch",
        ];
        let Some(lines) = tshark(name, &bytes, &fields) else {
            return;
        };
        assert_eq!(lines.len(), frames.frames.len(), "{name}");
        assert!(
            lines[0].ends_with("1772438400.000000000"),
            "{name}: {}",
            lines[0]
        );
        assert!(lines.iter().any(|line| line.starts_with("0x01")), "{name}");
    }
}

#[test]
fn every_link_layer_and_tunnel_shows_the_association() {
    let (a, b) = (host("10.99.0.1"), host("10.99.0.2"));
    let tunnels = [
        Tunnel::Vxlan(a, b, 42),
        Tunnel::Geneve(a, b, 42),
        Tunnel::Tzsp(a, b),
        Tunnel::Gre(a, b),
        Tunnel::GreBridged(a, b, 7),
        Tunnel::Erspan1(a, b),
        Tunnel::Erspan2(a, b, 9),
        Tunnel::Erspan3(a, b, 9),
        Tunnel::IpInIp(a, b),
        Tunnel::Mpls(vec![100, 200]),
        Tunnel::Pppoe(3),
    ];
    for (n, tunnel) in tunnels.into_iter().enumerate() {
        let said = format!("{tunnel:?}");
        let bytes = capture(echo(tcp().tunnel(tunnel))).pcap();
        expect_echo(&format!("tunnel{n}.pcap"), &bytes, &said);
    }
    for link in [LinkType::Null, LinkType::Raw, LinkType::Sll, LinkType::Sll2] {
        let mut frames = capture(echo(tcp()));
        frames.map(|bytes| frame::relink(bytes, link));
        let bytes = frames.pcap_as(link, Precision::Micro, false);
        expect_echo(&format!("{link:?}.pcap"), &bytes, &format!("{link:?}"));
    }
    let bytes = capture(echo(tcp().vlans(&[vlan(20), vlan(30)]))).pcap();
    expect_echo("vlans.pcap", &bytes, "two tags");
    let bytes = capture(echo(tcp().fragment(100))).pcap();
    expect_echo("fragments.pcap", &bytes, "fragments");
}

fn expect_echo(name: &str, bytes: &[u8], said: &str) {
    let fields = ["-Y", "dicom", "-T", "fields", "-e", "dicom.pdu.type"];
    let Some(lines) = tshark(name, bytes, &fields) else {
        return;
    };
    let all = lines.join(",");
    for kind in ["0x01", "0x02", "0x04", "0x05", "0x06"] {
        assert!(all.contains(kind), "{said}: no PDU {kind} in {all}");
    }
}

#[test]
fn a_stored_object_is_read_in_every_syntax() {
    for syntax in [Syntax::ImplicitLe, Syntax::ExplicitLe, Syntax::ExplicitBe] {
        let data = Dataset::new()
            .text((0x0008, 0x0016), "UI", uid::CT_STORAGE)
            .text((0x0008, 0x0018), "UI", "1.2.3.4")
            .sequence(
                (0x0008, 0x1140),
                vec![Dataset::new().text((8, 0x1155), "UI", "1.2.3.9")],
            )
            .text((0x0010, 0x0010), "PN", "SYNTHETIC^ALPHA")
            .words((0x0028, 0x0010), "US", &[64])
            .words((0x7fe0, 0x0010), "OW", &[0x0102; 4096])
            .encode(syntax);
        let associate = Associate::new("CT01", "PACS").propose(uid::CT_STORAGE, &[syntax.uid()]);
        let frames = Session::over(tcp(), associate)
            .accepted()
            .client(1, &Dimse::store(1, uid::CT_STORAGE, "1.2.3.4", data))
            .server(1, &Dimse::store_response(1, uid::CT_STORAGE, "1.2.3.4", 0))
            .released();
        let name = format!("{syntax:?}.pcap");
        let Some(lines) = tshark(&name, &capture(frames).pcap(), &["-V"]) else {
            return;
        };
        let all = lines.join("\n");
        assert!(all.contains("SYNTHETIC^ALPHA"), "{name}");
        assert!(all.contains("C-STORE-RSP"), "{name}");
        assert!(!all.contains("Malformed"), "{name}");
    }
}

#[test]
fn trouble_is_seen_as_trouble() {
    let fields = [
        "-T",
        "fields",
        "-e",
        "tcp.analysis.flags",
        "-e",
        "_ws.col.Info",
    ];
    let mut lost = tcp().mss(100);
    lost.open().client(&[0x41; 500]).server(b"ok").close();
    let mut again = lost.clone();
    lost.lose(Side::Client, 2);
    again.retransmit(Side::Client, 1).swap(Side::Client, 3);
    let Some(lines) = tshark("lost.pcap", &lost.capture().pcap(), &fields) else {
        return;
    };
    assert!(lines.join("\n").contains("not captured"), "{lines:#?}");
    let Some(lines) = tshark("again.pcap", &again.capture().pcap(), &fields) else {
        return;
    };
    let all = lines.join("\n");
    assert!(
        all.contains("Retransmission") && all.contains("Out-Of-Order"),
        "{all}"
    );
}

#[test]
fn messages_have_their_types_and_answers() {
    let (client, server) = (
        host("10.20.3.20").port(40_000),
        host("10.20.3.10").port(2575),
    );
    let admission = Head::new(
        ("ADT", "VWTEST"),
        ("ENGINE", "VWTEST"),
        "ADT^A01^ADT_A01",
        "C1",
    );
    let order = pump::Order {
        control: "RE",
        id: "RX1",
        patient: 1,
        pump: 1,
        drug: "1234^Dopamine",
        vtbi: "250",
        rate: ("10", pump::ML_PER_H),
    };
    let frames = Link::open(START_NS, client, server)
        .say(&admission, &body::adt("A01", 1), "AA")
        .say(&pump::order_head("C2"), &order.segments(), "CA")
        .closed();
    let fields = [
        "-Y",
        "hl7",
        "-T",
        "fields",
        "-e",
        "hl7.message.type",
        "-e",
        "hl7.event.type",
    ];
    let Some(lines) = tshark("hl7.pcap", &capture(frames).pcap(), &fields) else {
        return;
    };
    let all = lines.join(";");
    assert!(all.starts_with("ADT\tA01"), "{all}");
    assert!(all.contains("RGV\tO15"), "{all}");
    assert_eq!(all.matches("ACK").count(), 2, "{all}");
}
