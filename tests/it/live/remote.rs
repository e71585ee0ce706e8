//! Mirrors that end on the appliance itself: VXLAN in UDP, and ERSPAN in GRE.

use std::path::Path;

use make::frame::host;
use make::lab::SENSOR;
use make::{Capture, Conversation};
use serde_json::Value;

use super::appliance::{Appliance, lab};
use crate::support;

/// Sends each frame of a capture to the loopback, in VXLAN, and again in ERSPAN II under GRE.
const SWITCH: &str = r"
import socket, struct, sys
data = open(sys.argv[1], 'rb').read()
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
gre = socket.socket(socket.AF_INET, socket.SOCK_RAW, 47)
at, number = 24, 0
while at < len(data):
    length = struct.unpack_from('<I', data, at + 8)[0]
    frame = data[at + 16:at + 16 + length]
    at += 16 + length
    if sys.argv[2] == 'vxlan':
        udp.sendto(bytes([8, 0, 0, 0, 0, 0, 7, 0]) + frame, ('127.0.0.1', 4789))
    else:
        header = struct.pack('>HHI', 0x1000, 0x88be, number) + struct.pack('>HHI', 0x1000, 7, 0)
        gre.sendto(header + frame, ('127.0.0.1', 0))
    number += 1
";

fn talk(path: &Path, client: &str) {
    let mut tcp = Conversation::new(host(client).port(40_000), host("10.9.0.2").port(2575));
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
    for (kind, client) in [("vxlan", "10.9.0.1"), ("erspan", "10.9.0.3")] {
        let file = lab.folder().join(format!("{kind}.pcap"));
        talk(&file, client);
        let file = file.to_str().expect("UTF-8");
        let sent = lab
            .exec(SENSOR, &["python3", "-c", SWITCH, file, kind])
            .expect("python3");
        assert!(sent.status.success(), "{sent:?}");
        let is_it = |event: &Value| {
            event["event_type"] == "hl7" && event["src_ip"] == client && event["tunnel"].is_object()
        };
        appliance.until(&format!("the message in {kind}"), || {
            appliance.count(is_it) == 1
        });
    }
    appliance.stop();
}
