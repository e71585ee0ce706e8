//! The three captures that ship.

mod attack;
mod imaging;
mod pumps;

pub use attack::attack;
pub use imaging::imaging;
pub use pumps::pumps;
pub(super) use pumps::{admissions, reports, results};

use crate::hl7::Head;

const STUDY: &str = "StudyInstanceUID=1.2.826.0.1.3680043.9.7777.20.1";

/// The hosts of radiology.
const RADIOLOGY: [(&str, &str, &str); 6] = [
    ("pacs", "10.20.2.10", "archive PACS: Orthanc"),
    ("ct", "10.20.1.11", "scanner CT01: DCMTK, pynetdicom"),
    ("mr", "10.20.1.12", "scanner MR01: pynetdicom"),
    ("ws", "10.20.2.31", "workstation WS01: DCMTK"),
    ("ris", "10.20.2.50", "information system RIS: pynetdicom"),
    ("qa", "10.20.2.40", "quality assurance QA01: DCMTK"),
];

/// The hosts of the interface engine and the pumps.
const INTERFACES: [(&str, &str, &str); 9] = [
    ("engine", "10.20.3.10", "interface engine: python-hl7"),
    ("engine2", "10.20.3.11", "interface engine: hl7apy"),
    ("adt", "10.20.3.20", "admission: python-hl7"),
    ("lab", "10.20.3.21", "laboratory: python-hl7"),
    ("cpoe", "10.20.3.22", "order entry: python-hl7"),
    ("clinic", "10.20.3.23", "clinic: hl7apy"),
    ("gateway", "10.20.4.10", "pump gateway: python-hl7"),
    (
        "bcma",
        "10.20.4.20",
        "system that programs pumps: python-hl7",
    ),
    (
        "reporter",
        "10.20.4.30",
        "takes pump reports and alarms: python-hl7",
    ),
];

/// The header of a message to the engine.
fn head(from: &str, kind: &str, n: u32) -> Head {
    Head::new(
        (from, "VWTEST"),
        ("ENGINE", "VWTEST"),
        kind,
        &format!("{from}{n:05}"),
    )
}
