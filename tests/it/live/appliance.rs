//! An appliance on the SPAN port of a lab.

use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use make::lab::{Lab, SENSOR, SPAN, Task};
use serde_json::Value;

use crate::support;

/// Long enough for a sensor to see what a peer did a moment ago, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Appliance {
    pub(crate) task: Task,
    pub(crate) eve: PathBuf,
}

/// A lab with a modality and an archive, or nothing where there cannot be one.
pub(crate) fn lab(name: &str) -> Option<Lab> {
    if let Some(missing) = Lab::missing() {
        eprintln!("skipped: {missing}");
        return None;
    }
    let lab = Lab::new(name).expect("a lab");
    for (host, address) in [("modality", "10.20.1.11"), ("pacs", "10.20.2.10")] {
        lab.add_host(host, address).expect("a host");
    }
    Some(lab)
}

/// The configuration of an appliance whose files are below a folder.
pub(crate) fn configuration(dir: &Path, more: &str) -> String {
    let capture = format!("capture:\n  interface: {SPAN}\n  buffer: 4MiB\n");
    format!("{capture}{}", around(dir, more))
}

/// The configuration but for what is captured.
fn around(dir: &Path, more: &str) -> String {
    format!(
        "state_dir: {0}/state\noutputs:\n  eve:\n    path: {0}/eve.json\nheartbeat:\n  interval: 1s\n{more}",
        dir.display()
    )
}

impl Appliance {
    pub(crate) fn start(lab: &Lab, more: &str) -> Self {
        let text = configuration(lab.folder(), more);
        Self::launch(lab, lab.folder(), "exec \"$@\"", &text)
    }

    /// On the SPAN port, by another way than the default.
    pub(crate) fn start_by(lab: &Lab, source: &str, more: &str) -> Self {
        let capture =
            format!("capture:\n  interface: {SPAN}\n  buffer: 16MiB\n  source: {source}\n");
        Self::start_with(lab, &capture, more)
    }

    /// The same, started by a script.
    pub(crate) fn start_as(lab: &Lab, source: &str, script: &str, more: &str) -> Self {
        let capture = format!("capture:\n  interface: {SPAN}\n  source: {source}\n");
        let text = format!("{capture}{}", around(lab.folder(), more));
        Self::launch(lab, lab.folder(), script, &text)
    }

    /// With another source than the SPAN port.
    pub(crate) fn start_with(lab: &Lab, capture: &str, more: &str) -> Self {
        let text = format!("{capture}{}", around(lab.folder(), more));
        Self::launch(lab, lab.folder(), "exec \"$@\"", &text)
    }

    /// With its files in a folder that a script prepares, in the mount namespace of its own.
    pub(crate) fn start_in(lab: &Lab, dir: &Path, script: &str, more: &str) -> Self {
        Self::launch(lab, dir, script, &configuration(dir, more))
    }

    fn launch(lab: &Lab, dir: &Path, script: &str, text: &str) -> Self {
        let config = lab.folder().join("vitalwire.yaml");
        std::fs::write(&config, text).expect("written");
        let binary = support::vitalwire();
        let command = [
            "sh",
            "-c",
            script,
            "sh",
            binary.to_str().expect("UTF-8"),
            "run",
            "--config",
            config.to_str().expect("UTF-8"),
        ];
        let task = lab.spawn(SENSOR, &command).expect("started");
        let appliance = Self {
            task,
            eve: dir.join("eve.json"),
        };
        appliance.until("ready", || get(lab, "/readyz").is_some());
        appliance
    }

    /// Waits for something, and shows the log when it does not happen.
    pub(crate) fn until(&self, what: &str, happened: impl FnMut() -> bool) {
        assert!(patiently(happened), "not {what}:\n{}", self.task.log());
    }

    pub(crate) fn events(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(&self.eve).unwrap_or_default();
        text.lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect()
    }

    pub(crate) fn count(&self, has: impl Fn(&Value) -> bool) -> usize {
        self.events().iter().filter(|event| has(event)).count()
    }

    /// Ends it; it has to end well.
    pub(crate) fn stop(&mut self) {
        let well = self.task.stop("TERM").expect("ends within seconds");
        assert!(well, "{}", self.task.log());
    }
}

/// Waits for something.
pub(crate) fn wait_until(what: &str, happened: impl FnMut() -> bool) {
    assert!(patiently(happened), "not {what}");
}

/// Whether it happened in time.
fn patiently(mut happened: impl FnMut() -> bool) -> bool {
    let since = Instant::now();
    loop {
        if happened() {
            return true;
        }
        if since.elapsed() > PATIENCE {
            return false;
        }
        thread::sleep(Duration::from_millis(100));
    }
}

/// The body of a page of the appliance, if it answers 200.
pub(crate) fn get(lab: &Lab, page: &str) -> Option<String> {
    let script = format!(
        "import urllib.request as u; print(u.urlopen('http://127.0.0.1:9470{page}', timeout=5).read().decode())"
    );
    let output = lab
        .exec(SENSOR, &["python3", "-c", &script])
        .expect("python3");
    output
        .status
        .success()
        .then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The sum of a metric over those of its labels that contain a text; nothing if there is none.
pub(crate) fn metric(lab: &Lab, name: &str, label: &str) -> Option<f64> {
    let page = get(lab, "/metrics")?;
    let values: Vec<f64> = page
        .lines()
        .filter(|line| line.split(['{', ' ']).next() == Some(name) && line.contains(label))
        .filter_map(|line| line.rsplit(' ').next()?.parse().ok())
        .collect();
    (!values.is_empty()).then(|| values.iter().sum())
}
