//! Who talks on the network: a storage server and an interface engine, and those who ask them.

use make::lab::{self, Lab, Task};
use serde_json::json;

/// Servers, as long as this is held.
pub(super) struct Servers {
    _archive: Task,
    _engine: Task,
}

impl Servers {
    /// DCMTK's storage server, and an interface engine of python-hl7.
    pub(super) fn start(lab: &Lab) -> Self {
        let inbox = lab.folder().join("inbox");
        std::fs::create_dir_all(&inbox).expect("made");
        let inbox = inbox.to_str().expect("UTF-8");
        // `-dhl`: there is no name server that could be asked who calls.
        let archive = ["storescp", "-dhl", "-aet", "PACS", "-od", inbox, "11112"];
        let archive = lab.spawn("pacs", &archive).expect("storescp");
        let engine = script("hl7_server.py");
        let engine = [&engine[0], &engine[1], "2575"];
        let engine = lab.spawn("engine", &engine).expect("hl7_server.py");
        lab.wait_listening("pacs", 11112).expect("listens");
        lab.wait_listening("engine", 2575).expect("listens");
        Self {
            _archive: archive,
            _engine: engine,
        }
    }
}

/// A Python peer, with its Python.
fn script(name: &str) -> [String; 2] {
    let python = lab::python().expect("an environment for Python");
    let script = lab::peers_folder().join(name);
    [python, script].map(|path| path.to_str().expect("UTF-8").to_owned())
}

/// What happens on a ward all day: pynetdicom verifies, python-hl7 admits a patient.
pub(super) fn daily_work(lab: &Lab) {
    let client = script("dicom_client.py");
    let echo = [&client[0], &client[1], "echo", "10.20.2.10", "11112"];
    let done = lab.exec("modality", &echo).expect("dicom_client.py");
    assert!(done.status.success(), "{done:?}");
    send(lab, "SYNTHETIC^ALPHA");
}

/// Sends an admission of somebody with this name.
pub(super) fn send(lab: &Lab, name: &str) {
    let message = format!(
        "MSH|^~\\&|ADTSYS|HOSPITAL|ENGINE|HOSPITAL|20260302080000||ADT^A01^ADT_A01|C{}|P|2.5.1\r\
         EVN|A01|20260302080000\rPID|1||SYN000001^^^VWTEST^MR||{name}||19610203|F\r\
         PV1|1|I|ICU^01^1\r",
        name.len()
    );
    let file = lab.folder().join("messages.json");
    std::fs::write(&file, json!([message]).to_string()).expect("written");
    let client = script("hl7_client.py");
    let file = file.to_str().expect("UTF-8");
    let sent = [&client[0], &client[1], "10.20.3.10", "2575", file];
    let done = lab.exec("modality", &sent).expect("hl7_client.py");
    assert!(done.status.success(), "{done:?}");
}
