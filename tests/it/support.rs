//! Runs the real binary and reads what it wrote.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// How long one run may take before it counts as hanging: the largest capture of the corpus takes
/// seconds in the development build on two busy cores.
const HANG: Duration = Duration::from_secs(240);

/// The repository's root.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("tests/ has a parent")
        .to_path_buf()
}

/// The binary under test, built beside this test.
pub fn vitalwire() -> PathBuf {
    let here = std::env::current_exe().expect("own path");
    let dir = here
        .parent()
        .and_then(Path::parent)
        .expect("target/PROFILE/deps");
    let binary = dir.join("vitalwire");
    assert!(
        binary.exists(),
        "{} is missing: cargo build -p control",
        binary.display()
    );
    binary
}

/// Third-party captures to test with, where there are any: `VITALWIRE_CAPTURES`, or a folder
/// beside the repository. They are not part of it.
pub fn captures() -> Option<PathBuf> {
    let dir = std::env::var_os("VITALWIRE_CAPTURES")
        .map_or_else(|| root().join("../shared/captures"), PathBuf::from);
    if dir.is_dir() {
        return Some(dir);
    }
    eprintln!(
        "skipped: no captures in {} (set VITALWIRE_CAPTURES)",
        dir.display()
    );
    None
}

/// Every capture file below a folder, in order.
pub fn captures_below(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![dir.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder)
            .expect("readable folder")
            .flatten()
        {
            let path = entry.path();
            let name = path.to_string_lossy().into_owned();
            if path.is_dir() && !name.ends_with("/expected") {
                folders.push(path);
            } else if [".pcap", ".pcapng", ".cap", ".gz"]
                .iter()
                .any(|end| name.ends_with(end))
            {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// Whether a program is installed.
pub fn has(program: &str) -> bool {
    let there = Command::new("sh")
        .args(["-c", &format!("command -v {program} >/dev/null 2>&1")])
        .status()
        .is_ok_and(|status| status.success());
    if !there {
        eprintln!("skipped: {program} is not installed");
    }
    there
}

/// What a run of the binary did.
pub struct Run {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
    pub eve: Vec<u8>,
    pub out: TempDir,
    /// The most memory that it held at once, as far as it was looked at.
    pub peak_kib: u64,
}

impl Run {
    /// The lines of `eve.json`, each of which must be JSON.
    pub fn events(&self) -> Vec<Value> {
        self.eve
            .split(|b| *b == b'\n')
            .filter(|line| !line.is_empty())
            .map(|line| {
                serde_json::from_slice(line).unwrap_or_else(|err| {
                    panic!("not JSON: {err}: {}", String::from_utf8_lossy(line))
                })
            })
            .collect()
    }

    /// The events of one type.
    pub fn of_type(&self, event_type: &str) -> Vec<Value> {
        self.events()
            .into_iter()
            .filter(|e| e["event_type"] == event_type)
            .collect()
    }

    /// `eve.json` without its `stats` lines: what has to be the same however it was read.
    pub fn stable(&self) -> String {
        String::from_utf8_lossy(&self.eve)
            .lines()
            .filter(|line| !line.contains("\"event_type\":\"stats\""))
            .map(|line| format!("{line}\n"))
            .collect()
    }
}

/// Runs `vitalwire inspect` over captures with further arguments. A state directory among them is
/// there for its site key: no devices are known yet.
pub fn inspect<P: AsRef<Path>>(captures: &[P], args: &[&str]) -> Run {
    let state = args.iter().skip_while(|arg| **arg != "--state").nth(1);
    if let Some(state) = state {
        drop(std::fs::remove_file(
            Path::new(state).join("inventory.json"),
        ));
    }
    resume(captures, args)
}

/// The same, with the devices that the state directory knows.
pub fn resume<P: AsRef<Path>>(captures: &[P], args: &[&str]) -> Run {
    let out = TempDir::new().expect("temporary folder");
    let state = out.path().join("state");
    let mut command = Command::new(vitalwire());
    command
        .arg("inspect")
        .args(captures.iter().map(AsRef::as_ref))
        .args(args);
    command.arg("--out").arg(out.path());
    if !args.contains(&"--state") {
        command.arg("--state").arg(&state);
    }
    let (code, stdout, stderr, peak_kib) = finish(command, HANG);
    let eve = std::fs::read(out.path().join("eve.json")).unwrap_or_default();
    Run {
        code,
        stdout,
        stderr,
        eve,
        out,
        peak_kib,
    }
}

/// Runs the binary with arguments.
pub fn run(args: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(vitalwire());
    command.args(args).current_dir(root());
    let (code, stdout, stderr, _) = finish(command, HANG);
    (code, stdout, stderr)
}

/// Runs a command to its end, or ends it when it hangs.
fn finish(mut command: Command, hang: Duration) -> (Option<i32>, String, String, u64) {
    let dir = TempDir::new().expect("temporary folder");
    let file = |name: &str| std::fs::File::create(dir.path().join(name)).expect("file");
    let mut child = command
        .stdin(Stdio::null())
        .stdout(file("out"))
        .stderr(file("err"))
        .spawn()
        .expect("the binary starts");
    let since = Instant::now();
    let mut peak_kib = 0;
    let code = loop {
        peak_kib = peak_kib.max(high_water_kib(child.id()).unwrap_or(0));
        if let Some(status) = child.try_wait().expect("waited") {
            break status.code();
        }
        if since.elapsed() > hang {
            child.kill().expect("killed");
            panic!("{command:?} hangs: ended after {} s", hang.as_secs());
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let read = |name: &str| {
        String::from_utf8_lossy(&std::fs::read(dir.path().join(name)).expect("read")).into_owned()
    };
    (code, read("out"), read("err"), peak_kib)
}

/// The most memory that a running process has held, as the kernel counts it.
fn high_water_kib(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse().ok()
}
