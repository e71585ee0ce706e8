//! A lab with its cast, and the notes of who did what.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::{Value, json};

use crate::capture::write;
use crate::lab::{Lab, Recording, Task, peers_folder, python};

/// Something that watches the lab from its sensor while the peers are at work.
pub trait Beside {
    /// Before the first frame.
    fn begin(&mut self, lab: &Lab) -> io::Result<()>;
    /// After the last one; the lab is still there.
    fn end(&mut self, lab: &Lab) -> io::Result<()>;
}

/// Hosts, what runs on them, and what they did.
pub(super) struct Stage {
    pub(super) lab: Lab,
    python: String,
    addresses: BTreeMap<String, String>,
    hosts: Vec<Value>,
    operations: Vec<Value>,
    recording: Option<Recording>,
    beside: Option<Box<dyn Beside>>,
    file: PathBuf,
}

impl Stage {
    /// An empty lab that will record to `file`.
    pub(super) fn new(file: &Path, beside: Option<Box<dyn Beside>>) -> io::Result<Self> {
        if let Some(reason) = Lab::missing() {
            return Err(io::Error::other(reason));
        }
        let python = std::path::absolute(python()?)?
            .to_string_lossy()
            .into_owned();
        Ok(Self {
            lab: Lab::new("record")?,
            python,
            addresses: BTreeMap::new(),
            hosts: Vec::new(),
            operations: Vec::new(),
            recording: None,
            beside,
            file: std::path::absolute(file)?,
        })
    }

    /// Adds a host; `plays` says what it is.
    pub(super) fn host(&mut self, name: &str, address: &str, plays: &str) -> io::Result<()> {
        self.lab.add_host(name, address)?;
        self.addresses.insert(name.to_owned(), address.to_owned());
        self.hosts
            .push(json!({ "name": name, "address": address, "plays": plays }));
        Ok(())
    }

    /// Adds several hosts.
    pub(super) fn hosts(&mut self, cast: &[(&str, &str, &str)]) -> io::Result<()> {
        cast.iter()
            .try_for_each(|(name, address, plays)| self.host(name, address, plays))
    }

    /// The address of a host.
    pub(super) fn address(&self, host: &str) -> &str {
        self.addresses.get(host).map_or("", String::as_str)
    }

    /// Begins the recording, and whatever watches beside it.
    pub(super) fn record(&mut self) -> io::Result<()> {
        if let Some(beside) = &mut self.beside {
            beside.begin(&self.lab)?;
        }
        self.recording = Some(self.lab.record(&self.file)?);
        Ok(())
    }

    /// Starts one of the Python peers as a server and waits until it listens.
    pub(super) fn serve(
        &self,
        host: &str,
        script: &str,
        port: u16,
        options: &[&str],
    ) -> io::Result<Task> {
        let port_text = port.to_string();
        let task = self.start(host, script, &[&[port_text.as_str()], options].concat())?;
        self.lab.wait_listening(host, port)?;
        Ok(task)
    }

    /// Starts one of the Python peers.
    pub(super) fn start(&self, host: &str, script: &str, options: &[&str]) -> io::Result<Task> {
        let path = script_path(script)?;
        self.lab
            .spawn(host, &[&[self.python.as_str(), &path], options].concat())
    }

    /// Runs one of the Python peers as a client and notes what it says it did.
    pub(super) fn play(&mut self, host: &str, script: &str, options: &[&str]) -> io::Result<()> {
        let path = script_path(script)?;
        let output = self
            .lab
            .exec(host, &[&[self.python.as_str(), &path], options].concat())?;
        let text = succeeded(script, &output)?;
        self.note_lines(host, &text);
        Ok(())
    }

    /// Waits for a client that was started, and notes what it says it did.
    pub(super) fn finish(&mut self, host: &str, mut task: Task) -> io::Result<()> {
        let well = task.wait()?;
        if !well {
            return Err(io::Error::other(format!(
                "on {host}: {}",
                task.log().trim()
            )));
        }
        self.note_lines(host, &task.log());
        Ok(())
    }

    /// Notes every line of JSON that a peer wrote.
    pub(super) fn note_lines(&mut self, host: &str, text: &str) {
        for line in text.lines().filter(|line| line.starts_with('{')) {
            if let Ok(mut operation) = serde_json::from_str::<Value>(line) {
                operation["client"] = json!(self.address(host));
                self.operations.push(operation);
            }
        }
    }

    /// Notes one operation.
    pub(super) fn note(&mut self, operation: Value) {
        self.operations.push(operation);
    }

    /// Writes a file of the lab and gives its path.
    pub(super) fn file(&self, name: &str, content: &Value) -> io::Result<String> {
        let path = std::path::absolute(self.lab.folder().join(name))?;
        write(&path, content.to_string().as_bytes())?;
        Ok(path.to_string_lossy().into_owned())
    }

    /// Writes synthetic images into a folder of the lab and gives its path.
    pub(super) fn images(&self, name: &str, options: &[&str]) -> io::Result<String> {
        let folder = std::path::absolute(self.lab.folder().join(name))?;
        let folder = folder.to_string_lossy().into_owned();
        let path = script_path("objects.py")?;
        let mut command = std::process::Command::new(&self.python);
        crate::lab::run(command.args([path.as_str(), &folder]).args(options))?;
        Ok(folder)
    }

    /// Ends the recording and writes what the peers did beside it.
    pub(super) fn end(mut self) -> io::Result<()> {
        let dropped = self.recording.take().map_or(Ok(0), Recording::stop)?;
        if let Some(beside) = &mut self.beside {
            beside.end(&self.lab)?;
        }
        if dropped > 0 {
            return Err(io::Error::other(format!(
                "the kernel dropped {dropped} frames: try again"
            )));
        }
        let notes = json!({
            "capture": self.file.file_name().map(|name| name.to_string_lossy()),
            "hosts": self.hosts,
            "totals": totals(&self.operations),
            "operations": self.operations,
        });
        let text = serde_json::to_string_pretty(&notes)? + "\n";
        write(&self.file.with_extension("peers.json"), text.as_bytes())
    }
}

fn script_path(script: &str) -> io::Result<String> {
    let path = std::path::absolute(peers_folder().join(script))?;
    Ok(path.to_string_lossy().into_owned())
}

/// What a command wrote, if it ended well.
fn succeeded(name: &str, output: &Output) -> io::Result<String> {
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let reason = String::from_utf8_lossy(&output.stderr);
    Err(io::Error::other(format!("{name}: {}", reason.trim())))
}

/// Sums over all operations: associations by outcome, DIMSE messages, HL7 messages and answers.
fn totals(operations: &[Value]) -> Value {
    let mut associations: BTreeMap<String, u64> = BTreeMap::new();
    let mut dimse: BTreeMap<String, u64> = BTreeMap::new();
    let mut hl7: BTreeMap<String, u64> = BTreeMap::new();
    let mut acks: BTreeMap<String, u64> = BTreeMap::new();
    for operation in operations {
        if let Some(outcome) = operation["association"].as_str() {
            let count = operation["associations"].as_u64().unwrap_or(1);
            *associations.entry(outcome.to_owned()).or_default() += count;
        }
        for (name, count) in operation["dimse"].as_object().into_iter().flatten() {
            *dimse.entry(name.clone()).or_default() += count.as_u64().unwrap_or(0);
        }
        for message in operation["messages"].as_array().into_iter().flatten() {
            let text = |name: &str| message[name].as_str().unwrap_or_default().to_owned();
            *hl7.entry(format!("{}^{}", text("type"), text("trigger")))
                .or_default() += 1;
            *acks.entry(text("ack")).or_default() += 1;
        }
    }
    json!({ "associations": associations, "dimse": dimse, "hl7": hl7, "acks": acks })
}
