//! A hospital's traffic for benchmarks: images, and HL7 and pump feeds beside them.

use std::io;
use std::path::Path;

use serde_json::json;

use super::dcmtk::{Run, orthanc};
use super::stage::Stage;
use super::ward::{admissions, reports, results};

/// How large a mix is to be.
pub struct Mix {
    /// About how many megabytes the capture has.
    pub megabytes: u32,
}

const HOSTS: [(&str, &str, &str); 8] = [
    ("pacs", "10.20.2.10", "archive PACS: Orthanc"),
    ("ct", "10.20.1.11", "scanner CT01: DCMTK"),
    ("mr", "10.20.1.12", "scanner MR01: DCMTK"),
    ("engine", "10.20.3.10", "interface engine: python-hl7"),
    ("adt", "10.20.3.20", "admission: python-hl7"),
    ("lab", "10.20.3.21", "laboratory: python-hl7"),
    ("gateway", "10.20.4.10", "pump gateway: python-hl7"),
    ("reporter", "10.20.4.30", "takes pump reports: python-hl7"),
];

/// Slices of a CT series; each is 512 × 512 × 16 bit, 0.5 MB.
const CT_SLICES: u32 = 40;
/// Slices of an MR series; each is 256 × 256 × 16 bit, 0.13 MB.
const MR_SLICES: u32 = 40;
/// A CT and an MR series together, with their headers on the wire.
const ROUND_MEGABYTES: u32 = 29;

/// Records a mix. Nothing of it ships.
pub fn mix(file: &Path, size: &Mix) -> io::Result<()> {
    let mut stage = Stage::new(file, None)?;
    stage.hosts(&HOSTS)?;
    let (ct_count, mr_count) = (CT_SLICES.to_string(), MR_SLICES.to_string());
    let ct = stage.images("ct", &["--count", &ct_count, "--size", "512", "--noise"])?;
    let mr_options = [
        "--modality",
        "MR",
        "--patient",
        "2",
        "--count",
        &mr_count,
        "--size",
        "256",
        "--noise",
    ];
    let mr = stage.images("mr", &mr_options)?;
    stage.record()?;
    let _archive = orthanc(&stage, "pacs", "10.20.2.31")?;
    let _servers = [
        stage.serve("engine", "hl7_server.py", 2575, &[])?,
        stage.serve("reporter", "hl7_server.py", 3002, &[])?,
    ];
    let rounds = ((size.megabytes + ROUND_MEGABYTES / 2) / ROUND_MEGABYTES).max(1);
    let feeds = [
        ("adt", "engine", "2575", admissions(rounds * 60)),
        ("lab", "engine", "2575", results(rounds * 60)),
        (
            "gateway",
            "reporter",
            "3002",
            (0..rounds * 3).flat_map(reports).collect(),
        ),
    ];
    let mut running = Vec::new();
    for (from, to, port, messages) in feeds {
        let name = stage.file(&format!("{from}.json"), &json!(messages))?;
        let options = [stage.address(to), port, name.as_str(), "--pause", "0.02"];
        running.push((from, stage.start(from, "hl7_client.py", &options)?));
    }
    for _ in 0..rounds {
        for (on, title, folder) in [("ct", "CT01", &ct), ("mr", "MR01", &mr)] {
            Run::new("storescu", on, (title, "PACS"))
                .folder(folder)
                .perform(&mut stage)?;
        }
    }
    for (host, task) in running {
        stage.finish(host, task)?;
    }
    stage.end()
}
