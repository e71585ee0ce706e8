//! One capture that fires each rule, and one that does not.
//!
//! The hospital is `10.0.0.0/8`; `203.0.113.0/24` stands for the Internet.

mod dicom;
mod dicom_abuse;
mod dicom_content;
mod dicom_peers;
mod hl7;
mod hl7_abuse;
mod hl7_content;
mod net;
mod net_abuse;
mod pump;
mod pump_abuse;

use crate::capture::Capture;
use crate::conversation::{Conversation, Side};
use crate::frame::{Endpoint, Host, host};

/// The two captures of one rule.
pub struct Case {
    /// The rule's id, which is the name of the folder.
    pub rule: &'static str,
    /// What `fire.pcap` shows.
    pub fires: &'static str,
    /// What `quiet.pcap` shows: something near to it that is no reason for an alert.
    pub quiet: &'static str,
    /// Makes the two captures.
    pub make: fn() -> (Capture, Capture),
}

/// Every rule that has captures here, by protocol and name.
pub fn cases() -> impl Iterator<Item = &'static Case> {
    let tables = [
        dicom_content::CASES,
        dicom_peers::CASES,
        dicom::CASES,
        dicom_abuse::CASES,
        hl7_content::CASES,
        hl7::CASES,
        hl7_abuse::CASES,
        pump::CASES,
        pump_abuse::CASES,
        net::CASES,
        net_abuse::CASES,
    ];
    tables.into_iter().flatten()
}

/// The CT: 10.20.1.11, AE `CT01`.
pub fn ct() -> Host {
    host("10.20.1.11")
}

/// The archive: 10.20.2.10, AE `PACS`, port 104.
pub fn pacs() -> Endpoint {
    host("10.20.2.10").port(104)
}

/// A reading workstation: 10.20.2.31, AE `WS01`, port 11112.
pub fn workstation() -> Host {
    host("10.20.2.31")
}

/// The interface engine: 10.20.3.10, port 2575.
pub fn engine() -> Endpoint {
    host("10.20.3.10").port(2575)
}

/// The admission system: 10.20.3.20.
pub fn admission() -> Host {
    host("10.20.3.20")
}

/// The laboratory system: 10.20.3.21.
pub fn laboratory() -> Host {
    host("10.20.3.21")
}

/// The pump gateway: 10.20.4.10, port 3000.
pub fn gateway() -> Endpoint {
    host("10.20.4.10").port(3000)
}

/// The system that programs pumps: 10.20.4.20; it takes responses on port 3001.
pub fn programmer() -> Host {
    host("10.20.4.20")
}

/// The intruder: 10.20.9.66.
pub fn intruder() -> Host {
    host("10.20.9.66")
}

/// Somebody on the Internet: 203.0.113.7, behind the router's MAC.
pub fn stranger() -> Host {
    host("203.0.113.7").mac(router().mac)
}

/// The router: 10.20.0.1.
pub fn router() -> Host {
    host("10.20.0.1")
}

/// A conversation in which the two ends say these things, then close.
fn talk(client: Endpoint, server: Endpoint, at: u64, said: &[(Side, &[u8])]) -> Conversation {
    let mut tcp = Conversation::new(client, server).at(at);
    tcp.open();
    for (side, bytes) in said {
        tcp.send(*side, bytes);
    }
    tcp.close();
    tcp
}

/// A capture of several parts, in order of time.
fn merged(
    parts: impl IntoIterator<Item = impl IntoIterator<Item = crate::capture::Frame>>,
) -> Capture {
    let mut out = Capture::new();
    for part in parts {
        out.add(part);
    }
    out.sort();
    out
}
