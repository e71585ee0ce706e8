//! DCMTK's command-line tools and Orthanc, and what they say they did.

use std::io;

use serde_json::{Map, Value, json};

use crate::lab::Task;

use super::stage::Stage;

/// What a tool writes with `-v`, and the DIMSE message that it means.
const SAID: [(&str, &str); 14] = [
    ("I: Sending Echo Request", "C-ECHO-RQ"),
    ("I: Received Echo Response", "C-ECHO-RSP"),
    ("I: Sending Store Request", "C-STORE-RQ"),
    ("I: Received Store Response", "C-STORE-RSP"),
    ("I: Sending Find Request", "C-FIND-RQ"),
    ("I: Find Response:", "C-FIND-RSP"),
    ("I: Received Final Find Response", "C-FIND-RSP"),
    ("I: Sending Move Request", "C-MOVE-RQ"),
    ("I: Received Move Response", "C-MOVE-RSP"),
    ("I: Received Final Move Response", "C-MOVE-RSP"),
    ("I: Sending C-GET Request", "C-GET-RQ"),
    ("I: Received C-GET Response", "C-GET-RSP"),
    ("I: Received C-STORE Request", "C-STORE-RQ"),
    ("I: Sending C-STORE Response", "C-STORE-RSP"),
];

/// One run of a DCMTK client against the archive.
pub(super) struct Run<'a> {
    tool: &'a str,
    on: &'a str,
    titles: (&'a str, &'a str),
    options: &'a [&'a str],
    folder: Option<&'a str>,
}

impl<'a> Run<'a> {
    /// `echoscu`, `storescu`, `findscu`, `movescu` or `getscu` on a host, with calling and called AE
    /// title.
    pub(super) fn new(tool: &'a str, on: &'a str, titles: (&'a str, &'a str)) -> Self {
        Self {
            tool,
            on,
            titles,
            options: &[],
            folder: None,
        }
    }

    /// Options before the address.
    pub(super) fn options(mut self, options: &'a [&'a str]) -> Self {
        self.options = options;
        self
    }

    /// The folder whose objects are sent.
    pub(super) fn folder(mut self, folder: &'a str) -> Self {
        self.folder = Some(folder);
        self
    }

    /// Runs the tool and notes what it did. A refusal is a result, not an error.
    pub(super) fn perform(&self, stage: &mut Stage) -> io::Result<()> {
        let address = stage.address("pacs").to_owned();
        let port = "104";
        let mut command = vec![
            self.tool,
            "-v",
            "-aet",
            self.titles.0,
            "-aec",
            self.titles.1,
        ];
        command.extend_from_slice(self.options);
        command.extend_from_slice(&[&address, port]);
        command.extend(self.folder.iter().flat_map(|folder| ["+sd", *folder]));
        let output = stage.lab.exec(self.on, &command)?;
        let log = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        let association = if log.contains("I: Association Accepted") {
            "accepted"
        } else if log.contains("F: Association Rejected") {
            "rejected"
        } else {
            return Err(io::Error::other(format!("{}: {}", self.tool, log.trim())));
        };
        let status = log.lines().rev().find(|line| {
            line.starts_with("I: Received ") && line.contains("Response") && line.contains('(')
        });
        let operation = json!({
            "protocol": "dicom",
            "tool": format!("dcmtk {}", self.tool),
            "client": stage.address(self.on),
            "server": format!("{address}:{port}"),
            "calling_ae": self.titles.0,
            "called_ae": self.titles.1,
            "association": association,
            "dimse": counted(&log),
            "last": status.map(|line| line.trim_start_matches("I: ")),
        });
        stage.note(operation);
        Ok(())
    }
}

fn counted(log: &str) -> Value {
    let mut out = Map::new();
    for (text, message) in SAID {
        let count = log.lines().filter(|line| line.starts_with(text)).count() as u64;
        if count > 0 {
            let before = out.get(message).and_then(Value::as_u64).unwrap_or(0);
            out.insert(message.to_owned(), json!(before + count));
        }
    }
    Value::Object(out)
}

/// Starts DCMTK's storage server.
pub(super) fn storescp(stage: &Stage, host: &str, title: &str, port: u16) -> io::Result<Task> {
    let folder = std::path::absolute(stage.lab.folder().join(format!("in-{host}")))?;
    std::fs::create_dir_all(&folder)?;
    let (folder, text) = (folder.to_string_lossy().into_owned(), port.to_string());
    // `-dhl`: there is no name server that could be asked who calls.
    let command = [
        "storescp", "-v", "-dhl", "-aet", title, "-od", &folder, &text,
    ];
    let task = stage.lab.spawn(host, &command)?;
    stage.lab.wait_listening(host, port)?;
    Ok(task)
}

/// Notes what a storage server received from the archive.
pub(super) fn note_received(stage: &mut Stage, task: &Task, host: &str, title: &str, port: u16) {
    let log = task.log();
    let lines = |text: &str| log.lines().filter(|line| line.starts_with(text)).count();
    let stored = lines("I: Received Store Request");
    let operation = json!({
        "protocol": "dicom",
        "tool": "dcmtk storescp, as a server",
        "client": stage.address("pacs"),
        "server": format!("{}:{port}", stage.address(host)),
        "calling_ae": "PACS",
        "called_ae": title,
        "association": "accepted",
        "associations": lines("I: Association Acknowledged"),
        "dimse": { "C-STORE-RQ": stored, "C-STORE-RSP": stored },
    });
    stage.note(operation);
}

/// Sends images from one host to another inside TLS, with a key that is made for this and thrown
/// away. What the messages are cannot be seen, so the notes say it under other names.
pub(super) fn encrypted(stage: &mut Stage, on: &str, to: &str, images: &str) -> io::Result<()> {
    let path = |name: &str| stage.lab.folder().join(name).to_string_lossy().into_owned();
    let (key, certificate) = (path("key.pem"), path("certificate.pem"));
    let request = [
        "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30",
    ];
    let subject = [
        "-subj",
        "/CN=ws01.hospital.example",
        "-keyout",
        &key,
        "-out",
        &certificate,
    ];
    crate::lab::run(stage.lab.command(on, &request).args(subject))?;
    let server = ["storescp", "-v", "-dhl", "-aet", "WS01", "-od", "."];
    let secure = ["+tls", &key, &certificate, "-ic", "2762"];
    let _task = stage.lab.spawn(to, &[&server[..], &secure].concat())?;
    stage.lab.wait_listening(to, 2762)?;
    let address = stage.address(to).to_owned();
    let client = [
        "storescu", "-v", "-aet", "CT01", "-aec", "WS01", "+tla", "-ic", "+sd",
    ];
    let output = stage
        .lab
        .exec(on, &[&client[..], &[&address, "2762", images]].concat())?;
    let log = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    let operation = json!({
        "protocol": "dicom-tls",
        "tool": "dcmtk storescu +tla",
        "client": stage.address(on),
        "server": format!("{address}:2762"),
        "dimse_inside": counted(&log),
    });
    stage.note(operation);
    Ok(())
}

/// Starts Orthanc as the archive `PACS` on port 104, which may send to `WS01` on port 11112.
pub(super) fn orthanc(stage: &Stage, host: &str, workstation: &str) -> io::Result<Task> {
    let folder = std::path::absolute(stage.lab.folder().join("orthanc"))?;
    std::fs::create_dir_all(&folder)?;
    let settings = json!({
        "Name": "PACS",
        "StorageDirectory": folder,
        "IndexDirectory": folder,
        "HttpServerEnabled": false,
        "Plugins": [],
        "DicomServerEnabled": true,
        "DicomAet": "PACS",
        "DicomPort": 104,
        "DicomCheckCalledAet": true,
        "DicomAlwaysAllowEcho": true,
        "DicomAlwaysAllowStore": true,
        "DicomAlwaysAllowFind": true,
        "DicomAlwaysAllowGet": true,
        "DicomAlwaysAllowMove": true,
        "OverwriteInstances": true,
        "DicomModalities": { "ws01": ["WS01", workstation, 11112] },
    });
    let file = stage.file("orthanc.json", &settings)?;
    let task = stage.lab.spawn(host, &["Orthanc", &file])?;
    stage.lab.wait_listening(host, 104)?;
    Ok(task)
}
