//! However a capture comes to `inspect`, it tells the same.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::support;

/// `inspect` with its files below a folder, and the site key that all of a test share.
fn inspect(folder: &Path, out: &str, args: &[&str]) -> Command {
    let mut command = Command::new(support::vitalwire());
    let (out, state) = (folder.join(out), folder.join("state"));
    command.args(["inspect", "--quiet"]).args(args);
    command.arg("--out").arg(out).arg("--state").arg(state);
    drop(fs::remove_file(folder.join("state/inventory.json")));
    command
}

/// What it told, less what it says of itself.
fn told(folder: &Path, out: &str) -> Vec<String> {
    let text = fs::read_to_string(folder.join(out).join("eve.json")).unwrap_or_default();
    let own = "\"event_type\":\"stats\"";
    let lines = text.lines().filter(|line| !line.contains(own));
    lines.map(str::to_owned).collect()
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

/// A capture, a folder for what comes of it, and what reading the file tells.
fn sample() -> (PathBuf, TempDir, Vec<String>) {
    let file = support::root().join("pcaps/ward/hl7-pumps.pcap");
    let folder = TempDir::new().expect("temporary folder");
    let status = inspect(folder.path(), "file", &[text(&file)]).status();
    assert!(status.expect("runs").success());
    let told = told(folder.path(), "file");
    assert!(told.len() > 50, "{}", told.len());
    (file, folder, told)
}

#[test]
fn standard_input_tells_what_the_file_tells() {
    let (file, folder, expected) = sample();
    for packer in ["cat", "gzip", "zstd"] {
        if !support::has(packer) {
            continue;
        }
        let mut packed = Command::new(packer)
            .stdin(File::open(&file).expect("opened"))
            .stdout(Stdio::piped())
            .spawn()
            .expect("starts");
        let pipe = packed.stdout.take().expect("piped");
        let status = inspect(folder.path(), packer, &["-"]).stdin(pipe).status();
        assert!(status.expect("runs").success());
        packed.wait().expect("ended");
        assert!(told(folder.path(), packer) == expected, "{packer}");
    }
}

/// Ends one that follows, as people do.
fn interrupt(mut child: Child) {
    let id = child.id().to_string();
    let killed = Command::new("kill").args(["-INT", &id]).status();
    assert!(killed.expect("kill").success());
    assert!(child.wait().expect("ended").success());
}

fn until(what: &str, mut happened: impl FnMut() -> bool) {
    let since = Instant::now();
    while !happened() {
        assert!(since.elapsed() < Duration::from_secs(60), "not {what}");
        sleep(Duration::from_millis(100));
    }
}

const HL7: &str = "\"event_type\":\"hl7\"";

#[test]
fn a_growing_file_tells_what_the_whole_one_tells() {
    let (file, folder, expected) = sample();
    let bytes = fs::read(file).expect("read");
    let growing = folder.path().join("growing.pcap");
    let mut writer = File::create(&growing).expect("created");
    let (first, rest) = bytes.split_at(bytes.len() / 2);
    writer.write_all(first).expect("written");
    let args = ["--follow", text(&growing)];
    let child = inspect(folder.path(), "grown", &args)
        .spawn()
        .expect("runs");
    until("the first half", || {
        !told(folder.path(), "grown").is_empty()
    });
    assert!(told(folder.path(), "grown").len() < expected.len());
    writer.write_all(rest).expect("written");
    // What ends with the capture is told at its end.
    let messages = |lines: &[String]| lines.iter().filter(|line| line.contains(HL7)).count();
    let all = messages(&expected);
    until("the second half", || {
        messages(&told(folder.path(), "grown")) == all
    });
    interrupt(child);
    assert!(told(folder.path(), "grown") == expected);
}

#[test]
fn a_folder_tells_what_its_files_tell() {
    let folder = TempDir::new().expect("temporary folder");
    let captures = folder.path().join("captures");
    fs::create_dir(&captures).expect("made");
    let names = ["ring9.pcap", "ring10.pcap"].map(|name| captures.join(name));
    for (name, sample) in names.iter().zip(["imaging", "attack"]) {
        let sample = support::root().join(format!("pcaps/ward/{sample}.pcap"));
        fs::copy(sample, name).expect("copied");
    }
    let [first, second] = names.each_ref().map(|name| text(name));
    for (out, args) in [("one", &[first, second][..]), ("two", &[text(&captures)])] {
        let status = inspect(folder.path(), out, args).status();
        assert!(status.expect("runs").success());
    }
    let expected = told(folder.path(), "one");
    assert!(expected.len() > 50);
    assert!(told(folder.path(), "two") == expected);
}
