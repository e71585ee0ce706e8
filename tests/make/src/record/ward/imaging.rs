//! Storage, queries, retrieval, worklist, procedure steps, commitment, and storage inside TLS.

use std::io;
use std::path::Path;
use std::time::Duration;

use super::{RADIOLOGY, STUDY};
use crate::lab::{Task, pause};
use crate::record::dcmtk::{Run, encrypted, note_received, orthanc, storescp};
use crate::record::stage::{Beside, Stage};

/// Port of the archive and of the information system.
const PORT: u16 = 104;

/// Records storage, queries, retrieval, worklist, procedure steps, commitment, and one C-STORE
/// series inside TLS.
pub fn imaging(file: &Path, beside: Option<Box<dyn Beside>>) -> io::Result<()> {
    let mut stage = Stage::new(file, beside)?;
    stage.hosts(&RADIOLOGY)?;
    let ct = stage.images("ct", &["--count", "8", "--size", "128"])?;
    let slices = [
        "--modality",
        "MR",
        "--patient",
        "2",
        "--count",
        "8",
        "--size",
        "64",
    ];
    let mr = stage.images("mr", &[&slices[..], &["--syntax", "implicit"]].concat())?;
    stage.record()?;
    let _archive = orthanc(&stage, "pacs", "10.20.2.31")?;
    let workstation = storescp(&stage, "ws", "WS01", 11_112)?;
    let ris = stage.serve("ris", "dicom_server.py", PORT, &[])?;
    let _modality = stage.serve("ct", "dicom_server.py", PORT, &["--title", "CT01"])?;
    echoes(&mut stage)?;
    scan(&mut stage, &ris, &ct)?;
    let store = [
        "store",
        "10.20.2.10",
        "104",
        "--calling",
        "MR01",
        "--folder",
        &mr,
    ];
    stage.play("mr", "dicom_client.py", &store)?;
    retrieval(&mut stage)?;
    encrypted(&mut stage, "ct", "ws", &mr)?;
    pause(Duration::from_secs(1));
    note_received(&mut stage, &workstation, "ws", "WS01", 11_112);
    stage.note_lines("ris", &ris.log());
    stage.end()
}

/// Two echoes, and one to a title that the archive does not have.
fn echoes(stage: &mut Stage) -> io::Result<()> {
    for called in ["PACS", "PACS", "ARCHIVE"] {
        Run::new("echoscu", "qa", ("QA01", called)).perform(stage)?;
    }
    stage.play(
        "mr",
        "dicom_client.py",
        &["echo", "10.20.2.10", "104", "--calling", "MR01"],
    )
}

/// A scanner's day: worklist, images, procedure step, commitment.
fn scan(stage: &mut Stage, ris: &Task, images: &str) -> io::Result<()> {
    let ask = |stage: &mut Stage, action: &str| {
        let options = [
            action,
            "10.20.2.50",
            "104",
            "--calling",
            "CT01",
            "--called",
            "RIS",
        ];
        stage.play("ct", "dicom_client.py", &options)
    };
    ask(stage, "worklist")?;
    Run::new("storescu", "ct", ("CT01", "PACS"))
        .folder(images)
        .perform(stage)?;
    ask(stage, "mpps")?;
    ask(stage, "commit")?;
    ris.wait_for("commitment report")
}

/// A workstation looks for a study and takes it in both ways.
fn retrieval(stage: &mut Stage) -> io::Result<()> {
    let level = ["-S", "-k", "QueryRetrieveLevel=STUDY"];
    let keys = [
        "-k",
        "PatientID=SYN000001",
        "-k",
        "PatientName",
        "-k",
        "StudyInstanceUID",
    ];
    let ask = |stage: &mut Stage, tool: &str, options: &[&str]| {
        let options = [&level, options].concat();
        Run::new(tool, "ws", ("WS01", "PACS"))
            .options(&options)
            .perform(stage)
    };
    ask(stage, "findscu", &keys)?;
    ask(stage, "getscu", &["-k", STUDY, "-od", "."])?;
    ask(stage, "movescu", &["-aem", "WS01", "-k", STUDY])?;
    let other = [
        "move",
        "10.20.2.10",
        "104",
        "--calling",
        "WS01",
        "--patient",
        "SYN000002",
    ];
    stage.play("ws", "dicom_client.py", &other)
}
