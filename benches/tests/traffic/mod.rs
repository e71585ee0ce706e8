//! Captures of packets that yield no event.

use make::dicom::{Associate, Dataset, Dimse, Session, Syntax, uid};
use make::{Capture, Conversation, frame, host};

/// Bytes of a packet's payload: small, for many packets from few bytes.
const PAYLOAD: usize = 200;
/// Between packets; all of a capture lies within a second or two.
const GAP_NANOS: u64 = 10_000;
const START_NANOS: u64 = 1_790_000_000_000_000_000;

fn tcp(port: u16) -> Conversation {
    Conversation::new(host("10.1.0.7").port(40_000), host("10.1.0.9").port(port))
        .at(START_NANOS)
        .gap_ns(GAP_NANOS)
        .mss(PAYLOAD)
}

/// One image, of which the capture has as much as there is.
pub(crate) fn store(packets: usize) -> Capture {
    let pixels = vec![7; packets * PAYLOAD];
    let data = Dataset::new()
        .text((0x0008, 0x0016), "UI", uid::CT_STORAGE)
        .text((0x0008, 0x0018), "UI", "1.2.3.4")
        .text((0x0010, 0x0010), "PN", "TEST^PATIENT")
        .bytes((0x7fe0, 0x0010), "OW", &pixels)
        .encode(Syntax::ExplicitLe);
    let associate =
        Associate::new("CT1", "PACS").propose(uid::CT_STORAGE, &[Syntax::ExplicitLe.uid()]);
    let message = Dimse::store(1, uid::CT_STORAGE, "1.2.3.4", data);
    let session = Session::over(tcp(104), associate).accepted();
    let mut capture = Capture::new();
    capture.add(session.client(1, &message).tcp.frames());
    capture
}

pub(crate) fn unrecognised(packets: usize) -> Capture {
    let mut tcp = tcp(9999);
    tcp.open().client(&vec![b'#'; packets * PAYLOAD]);
    tcp.capture()
}

pub(crate) fn datagrams(packets: usize) -> Capture {
    let (client, server) = (host("10.1.0.7").port(40_000), host("10.1.0.9").port(24_105));
    let mut capture = Capture::new();
    for (at, n) in (START_NANOS..).step_by(10_000).zip(0..packets) {
        let (from, to) = if n % 2 == 0 {
            (client, server)
        } else {
            (server, client)
        };
        let mut payload = [b'#'; PAYLOAD];
        payload[..8].copy_from_slice(&(n as u64).to_le_bytes());
        capture.push(at, frame::udp(from, to, &payload));
    }
    capture
}
