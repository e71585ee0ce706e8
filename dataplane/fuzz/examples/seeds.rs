//! Writes corpora to start from, out of the captures that `make` writes:
//! `cargo run --example seeds`.

use std::io::{self, Write};
use std::path::Path;

use make::frame::{fragment_v4, fragment_v6, host, ping, relink, udp};
use make::tunnel::Tunnel;
use make::{Capture, Conversation, LinkType, Precision};

fn main() -> io::Result<()> {
    let conversation = conversation("10.0.0.1", "10.0.0.2");
    for (name, bytes) in captures(&conversation)? {
        write("capture", name, &bytes)?;
    }
    let frames = frames(&conversation);
    for (n, (link, frame)) in frames.iter().enumerate() {
        let head = (*link as u16).to_be_bytes();
        // The third byte is how much the capture cut.
        write("decode", &n.to_string(), &[&head, &[0][..], frame].concat())?;
    }
    for (name, places) in ORDERS {
        let steps: Vec<u8> = places.iter().flat_map(|place| step(*place)).collect();
        write("stream", name, &steps)?;
    }
    Ok(())
}

fn write(target: &str, name: &str, bytes: &[u8]) -> io::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    make::capture::write(&folder.join(target).join(name), bytes)
}

fn conversation(client: &str, server: &str) -> Capture {
    let (client, server) = (host(client).port(49_152), host(server).port(104));
    let mut conversation = Conversation::new(client, server);
    conversation.open().client(b"question").server(b"answer");
    conversation.close().capture()
}

/// More than the reader, built for fuzzing, holds at once.
fn long(capture: &Capture) -> Capture {
    let frames = capture.frames.iter().cycle().take(64).cloned().collect();
    Capture { frames }
}

/// One file of each kind that is read.
fn captures(capture: &Capture) -> io::Result<Vec<(&'static str, Vec<u8>)>> {
    let links = [LinkType::Ethernet, LinkType::Raw];
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(&capture.pcap())?;
    Ok(vec![
        ("pcap", capture.pcap()),
        (
            "pcap-nano-big-endian",
            capture.pcap_as(LinkType::Ethernet, Precision::Nano, true),
        ),
        ("pcap-long", long(capture).pcap()),
        ("pcapng-long", long(capture).pcapng(&links, false)),
        ("pcap-cut", capture.clone().snap(60).pcap()),
        ("pcapng", capture.pcapng(&links, false)),
        ("pcapng-big-endian", capture.pcapng(&links, true)),
        ("pcap.gz", gzip.finish()?),
        (
            "pcapng.zst",
            zstd::encode_all(&capture.pcapng(&links, false)[..], 1)?,
        ),
    ])
}

/// Frames of every link type, IP version, transport and tunnel.
fn frames(v4: &Capture) -> Vec<(LinkType, Vec<u8>)> {
    let (from, to) = (host("10.0.0.1"), host("10.0.0.2"));
    let (from6, to6) = (host("fd00::1"), host("fd00::2"));
    let v6 = conversation("fd00::1", "fd00::2");
    let datagram = udp(from.port(53), to.port(53), &[7; 64]);
    let datagram6 = udp(from6.port(53), to6.port(53), &[7; 64]);
    let tunnels = [
        Tunnel::Vxlan(from, to, 7),
        Tunnel::Geneve(from, to, 7),
        Tunnel::Gre(from, to),
        Tunnel::GreBridged(from, to, 7),
        Tunnel::Erspan1(from, to),
        Tunnel::Erspan2(from, to, 7),
        Tunnel::Erspan3(from, to, 7),
        Tunnel::IpInIp(from, to),
        Tunnel::Mpls(vec![7, 8]),
        Tunnel::Pppoe(7),
    ];
    let links = [LinkType::Null, LinkType::Raw, LinkType::Sll, LinkType::Sll2];

    let mut plain: Vec<Vec<u8>> = v4.frames.iter().map(|frame| frame.bytes.clone()).collect();
    plain.extend(v6.frames.iter().map(|frame| frame.bytes.clone()));
    plain.extend(tunnels.iter().map(|tunnel| tunnel.wrap(&datagram)));
    plain.extend(tunnels.iter().map(|tunnel| tunnel.wrap(&datagram6)));
    plain.extend(fragment_v4(&datagram, 60));
    plain.extend(fragment_v6(&datagram6, 80, 7));
    plain.push(ping(from, to, 1, false));
    plain.push(make::frame::arp_request(from, to));

    let relinked = links
        .iter()
        .flat_map(|link| [&datagram, &datagram6].map(|frame| (*link, relink(frame, *link))));
    plain
        .into_iter()
        .map(|frame| (LinkType::Ethernet, frame))
        .chain(relinked)
        .collect()
}

/// Orders in which sixteen bytes after each place come.
const ORDERS: [(&str, &[u16]); 5] = [
    ("in-order", &[0, 16, 32, 48, 64]),
    ("backwards", &[64, 48, 32, 16, 0]),
    ("again", &[0, 0, 16, 16, 0]),
    ("overlapping", &[0, 8, 24, 20, 30]),
    ("lost", &[0, 16, 2000, 2016, 4000]),
];

/// What the target reads of one segment: place, length, how much later, the reader's mood, flags.
fn step(place: u16) -> [u8; 8] {
    let [low, high] = place.to_le_bytes();
    [low, high, 16, 1, 2, 0, 0, 0]
}
