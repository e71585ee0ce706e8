//! Mirrors that end on the appliance itself, as switches and access points send them.

use std::path::Path;

use make::frame::host;
use make::lab::SENSOR;
use make::tunnel::Tunnel;
use make::{Capture, Conversation};
use serde_json::Value;

use super::appliance::{Appliance, lab};
use crate::support;

/// Sends what the packets of a capture carry to the loopback, by the protocol and to the port that
/// these have: the kernel makes the outer headers.
const SWITCH: &str = r"
import socket, struct, sys
data = open(sys.argv[1], 'rb').read()
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
gre = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_GRE)
at = 24
while at < len(data):
    length = struct.unpack_from('<I', data, at + 8)[0]
    packet = data[at + 16 + 14:at + 16 + length]
    at += 16 + length
    if packet[9] == socket.IPPROTO_UDP:
        udp.sendto(packet[28:], ('127.0.0.1', struct.unpack_from('>H', packet, 22)[0]))
    else:
        gre.sendto(packet[20:], ('127.0.0.1', 0))
";

fn talk(path: &Path, client: &str, tunnel: Tunnel) {
    let ends = [host(client).port(40_000), host("10.9.0.2").port(2575)];
    let mut tcp = Conversation::new(ends[0], ends[1]).tunnel(tunnel);
    let message = b"\x0bMSH|^~\\&|A|B|C|D|20260101||ADT^A08|M1|P|2.5.1\rPID|1||7\r\x1c\r";
    tcp.open().client(message).close();
    let mut capture = Capture::new();
    capture.add(tcp.frames());
    capture.write(path).expect("written");
}

#[test]
fn mirrors_that_end_here_are_seen_and_what_they_mirror_is_read() {
    if !support::has("python3") {
        return;
    }
    let Some(lab) = lab("remote") else { return };
    let capture = "capture:\n  source: remote\n  remote: {address: 127.0.0.1}\n";
    let mut appliance = Appliance::start_with(&lab, capture, "");
    let (from, to) = (host("10.8.0.1"), host("10.8.0.2"));
    for (at, (kind, id, tunnel)) in [
        ("vxlan", 7, Tunnel::Vxlan(from, to, 7)),
        ("geneve", 8, Tunnel::Geneve(from, to, 8)),
        ("tzsp", 0, Tunnel::Tzsp(from, to)),
        ("erspan1", 0, Tunnel::Erspan1(from, to)),
        ("erspan2", 9, Tunnel::Erspan2(from, to, 9)),
        ("erspan3", 10, Tunnel::Erspan3(from, to, 10)),
        ("gre", 0, Tunnel::Gre(from, to)),
        ("gre", 11, Tunnel::GreBridged(from, to, 11)),
    ]
    .into_iter()
    .enumerate()
    {
        let client = format!("10.9.1.{}", at + 1);
        let file = lab.folder().join(format!("{at}.pcap"));
        talk(&file, &client, tunnel);
        let file = file.to_str().expect("UTF-8");
        let sent = lab
            .exec(SENSOR, &["python3", "-c", SWITCH, file])
            .expect("python3");
        assert!(sent.status.success(), "{sent:?}");
        let is_it = |event: &Value| {
            let tunnel = &event["tunnel"];
            event["event_type"] == "hl7"
                && event["src_ip"] == *client
                && tunnel["kind"] == kind
                && tunnel["id"] == id
        };
        appliance.until(&format!("the message in {kind} {id}"), || {
            appliance.count(is_it) == 1
        });
    }
    appliance.stop();
}
