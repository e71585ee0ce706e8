//! Wrong use: one line that says what to do, and the exit code that scripts rely on.

use std::path::Path;

use crate::support;

/// Runs and expects an exit code and a short error that contains each of the words.
fn refuses(args: &[&str], code: i32, words: &[&str]) {
    let (got, stdout, stderr) = support::run(args);
    assert_eq!(got, Some(code), "{args:?}\n{stdout}\n{stderr}");
    for word in words {
        assert!(
            stderr.contains(word),
            "{args:?} should say {word}:\n{stderr}"
        );
    }
    assert!(!stderr.contains("panicked"), "{stderr}");
}

fn write(dir: &Path, name: &str, text: &str) -> String {
    let path = dir.join(name);
    std::fs::write(&path, text).expect("written");
    path.to_str().expect("UTF-8").to_owned()
}

#[test]
fn bad_arguments_exit_with_2() {
    refuses(&["inspect"], 2, &["CAPTURE"]);
    refuses(&["no-such-command"], 2, &["no-such-command"]);
    refuses(&["inspect", "--workers", "0", "x.pcap"], 2, &["workers"]);
    refuses(
        &["pseudonym", "--class", "nonsense", "x"],
        2,
        &["nonsense", "mrn"],
    );
}

#[test]
fn unreadable_captures_exit_with_1() {
    let dir = tempfile::TempDir::new().expect("temporary folder");
    let out = dir.path().join("out");
    let out = out.to_str().expect("UTF-8");
    refuses(
        &[
            "inspect",
            "/no/such/file.pcap",
            "--out",
            out,
            "--state",
            out,
        ],
        1,
        &["/no/such/file.pcap"],
    );
    let text = write(dir.path(), "text.pcap", "this is no capture");
    refuses(
        &["inspect", &text, "--out", out, "--state", out],
        1,
        &["text.pcap"],
    );
}

#[test]
fn a_damaged_tail_is_said_and_the_rest_is_kept() {
    let dir = tempfile::TempDir::new().expect("temporary folder");
    let captures = support::captures_below(&support::root().join("pcaps/ward"));
    let whole = std::fs::read(captures.first().expect("a ward capture")).expect("readable");
    let cut = dir.path().join("cut.pcap");
    std::fs::write(&cut, &whole[..whole.len() - whole.len() / 3]).expect("written");
    let run = support::inspect(&[&cut], &[]);
    assert_eq!(run.code, Some(1), "{}", run.stderr);
    assert!(run.stderr.contains("cut.pcap"), "{}", run.stderr);
    assert!(run.events().len() > 1, "what was readable is reported");
}

#[test]
fn an_unknown_configuration_key_is_named_with_its_place() {
    let dir = tempfile::TempDir::new().expect("temporary folder");
    let config = write(dir.path(), "c.yaml", "sensor:\n  id: a\nworkerz: 3\n");
    refuses(&["config", "check", &config], 2, &["workerz", "3:1"]);
}

#[test]
fn a_broken_rule_is_named_with_its_place_and_the_nearest_field() {
    let dir = tempfile::TempDir::new().expect("temporary folder");
    let rule = "rules:\n  - id: x\n    sid: 1000001\n    rev: 1\n    status: active\n    title: t\n    severity: high\n    clinical_impact: none\n    tier: notify\n    category: test\n    on: dicom\n    when: dicom.comand == \"C-ECHO-RQ\"\n    explain: e\n    what_to_do: w\n";
    let rules = write(dir.path(), "r.yaml", rule);
    refuses(
        &["rules", "check", &rules],
        2,
        &["r.yaml:12:11", "dicom.comand", "dicom.command"],
    );
}

#[test]
fn a_missing_interface_is_named() {
    let dir = tempfile::TempDir::new().expect("temporary folder");
    let state = dir.path().display();
    let config = format!(
        "capture:\n  interface: nosuch0\nstate_dir: {state}\noutputs:\n  eve:\n    path: {state}/eve.json\nhttp:\n  listen: 127.0.0.1:0\napi:\n  listen: 127.0.0.1:0\n"
    );
    let config = write(dir.path(), "c.yaml", &config);
    refuses(&["run", "--config", &config], 2, &["nosuch0"]);
}

#[test]
fn a_full_disk_is_said_and_does_not_crash() {
    if !Path::new("/dev/full").exists() {
        return;
    }
    let dir = tempfile::TempDir::new().expect("temporary folder");
    let out = dir.path().join("out");
    std::fs::create_dir(&out).expect("made");
    std::os::unix::fs::symlink("/dev/full", out.join("eve.json")).expect("linked");
    let captures = support::captures_below(&support::root().join("pcaps/ward"));
    let capture = captures
        .first()
        .expect("a ward capture")
        .to_str()
        .expect("UTF-8");
    let out = out.to_str().expect("UTF-8");
    refuses(
        &["inspect", capture, "--out", out, "--state", out],
        1,
        &["eve.json", "space"],
    );
}

#[test]
fn an_empty_capture_ends_at_once() {
    let dir = tempfile::TempDir::new().expect("temporary folder");
    let empty = dir.path().join("empty.pcap");
    let mut header = vec![0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0];
    header.extend_from_slice(&[0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 1, 0, 0, 0]);
    std::fs::write(&empty, header).expect("written");
    let run = support::inspect(&[&empty], &[]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert_eq!(
        run.events()
            .iter()
            .filter(|e| e["event_type"] != "stats")
            .count(),
        0
    );
}

#[test]
fn help_is_there_for_every_command() {
    for command in [
        "inspect",
        "run",
        "rules",
        "fields",
        "assets",
        "pseudonym",
        "config",
        "doctor",
    ] {
        let (code, stdout, stderr) = support::run(&[command, "--help"]);
        assert_eq!(code, Some(0), "{command}: {stderr}");
        assert!(stdout.lines().count() > 8, "{command}: {stdout}");
    }
}
