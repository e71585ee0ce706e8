//! What goes wrong while it runs, or keeps it from running, is said, and costs as little as it can.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use super::appliance::{Appliance, configuration, get, lab, metric};
use super::whole_lines;
use crate::support;

const RULE: &str = "rules:
  - id: test-echo
    sid: 1099001
    rev: 1
    status: active
    title: An echo
    severity: low
    clinical_impact: none
    tier: digest
    category: test
    on: dicom
    when: dicom.command == \"C-ECHO-RQ\"
    explain: an echo
    what_to_do: nothing
";

#[test]
fn a_broken_rule_keeps_the_old_rules() {
    let Some(lab) = lab("reload") else { return };
    let rules = lab.folder().join("site.yaml");
    fs::write(&rules, RULE).expect("written");
    let more = format!("rules:\n  paths: [{}]\n", rules.display());
    let mut appliance = Appliance::start(&lab, &more);
    let armed = || metric(&lab, "vitalwire_rules_armed", "");
    let before = armed();
    fs::write(&rules, RULE.replace("dicom.command", "dicom.comand")).expect("written");
    appliance.task.signal("HUP").expect("signalled");
    let failures = || metric(&lab, "vitalwire_rules_reload_failures_total", "");
    appliance.until("a failed reload", || failures() == Some(1.0));
    let log = appliance.task.log();
    let said = log
        .lines()
        .find(|line| line.contains("all stays as it was"));
    let said = said.unwrap_or_else(|| panic!("not said:\n{log}"));
    assert!(said.contains("site.yaml:12:"), "{said}");
    assert!(said.contains("dicom.command"), "{said}");
    assert_eq!(armed(), before);
    fs::write(&rules, RULE.replace("test-echo", "test-ping")).expect("written");
    appliance.task.signal("HUP").expect("signalled");
    let reloads = || metric(&lab, "vitalwire_rules_reloads_total", "");
    appliance.until("a good reload", || reloads() == Some(1.0));
    appliance.stop();
}

/// The disk is a small one that only the appliance sees, and that goes away with it.
#[test]
fn a_full_disk_costs_lines_and_nothing_else() {
    let Some(lab) = lab("full") else { return };
    let disk = lab.folder().join("disk");
    fs::create_dir(&disk).expect("made");
    let mount = format!(
        "mount -t tmpfs -o size=1m none {} && exec \"$@\"",
        disk.display()
    );
    // What the store gives back on a full disk, events take.
    let store = lab.folder().join("store");
    let more = format!(
        "stats:\n  interval: 1s\nstore:\n  dir: {}\n",
        store.display()
    );
    let mut appliance = Appliance::start_in(&lab, &disk, &mount, &more);
    let inside = |name: &str| {
        let within = disk.strip_prefix("/").unwrap_or(&disk).join(name);
        PathBuf::from(format!("/proc/{}/root", appliance.task.id())).join(within)
    };
    fs::write(inside("filler"), vec![0; 2 << 20]).expect_err("more than fits");
    let lost = || metric(&lab, "vitalwire_output_lost_lines_total", "eve");
    appliance.until("lines lost", || lost().is_some_and(|n| n > 2.0));
    assert!(get(&lab, "/readyz").is_some(), "it still watches");
    let log = appliance.task.log();
    let said = log.matches("cannot write events").count();
    // What else is kept on the disk may give a little back in between.
    let again = log.matches("events are written again").count();
    assert!(
        said >= 1 && said <= again + 1,
        "said once each time:\n{log}"
    );
    assert!(log.contains("No space left on device"), "{log}");
    fs::remove_file(inside("filler")).expect("removed");
    appliance.until("written again", || {
        appliance.task.log().contains("events are written again")
    });
    assert!(whole_lines(&inside("eve.json")));
    appliance.stop();
}

/// Without the right to load programs into the kernel there is one ring, and no XDP.
#[test]
fn without_ebpf_it_captures_all_the_same_and_says_so() {
    if !support::has("setpriv") {
        return;
    }
    let script = "exec setpriv --bounding-set -bpf,-perfmon,-sys_admin \"$@\"";
    for (source, said) in [
        ("af_packet", "one ring instead of 2"),
        ("af_xdp", "libpcap is instead"),
    ] {
        let Some(lab) = lab("noebpf") else { return };
        let mut appliance = Appliance::start_as(&lab, source, script, "workers: 2\n");
        let log = appliance.task.log();
        let line = log.lines().find(|line| line.contains(said));
        let line = line.unwrap_or_else(|| panic!("{source}: not said:\n{log}"));
        assert!(line.contains("WARN") && line.contains("CAP_BPF"), "{line}");
        let send = "import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n\
                    for _ in range(9): s.sendto(b'datagram', ('10.20.2.10', 9))";
        let sent = lab.exec("modality", &["python3", "-c", send]);
        assert!(sent.expect("python3").status.success());
        let packets = || metric(&lab, "vitalwire_decode_packets_total", "udp");
        appliance.until("datagrams", || packets().is_some_and(|n| n >= 9.0));
        appliance.stop();
    }
}

/// What is asked for and cannot be had is said, in whichever way frames come then.
#[test]
fn what_only_some_adapters_and_sources_can_is_said() {
    if !support::has("setpriv") {
        return;
    }
    let script = "exec setpriv --bounding-set -bpf,-perfmon,-sys_admin \"$@\"";
    let wanted = "  silence: check\n  busy_poll_us: 50\n  stamps: adapter\n";
    for (source, instead, said) in [
        (
            "af_packet",
            "af_packet",
            &["the adapter does not stamp frames"][..],
        ),
        (
            "af_xdp",
            "libpcap",
            &["libpcap is instead", "busy_poll_us", "capture.stamps"],
        ),
    ] {
        let Some(lab) = lab("wishes") else { return };
        let source = format!("{source}\n{wanted}");
        let mut appliance = Appliance::start_as(&lab, &source, script, "workers: 1\n");
        let log = appliance.task.log();
        for said in said {
            let mut lines = log.lines();
            let told = lines.any(|line| line.contains("WARN") && line.contains(said));
            assert!(told, "{source}: {said} not said:\n{log}");
        }
        let sockets = metric(&lab, "vitalwire_capture_sockets", instead);
        assert_eq!(sockets, Some(1.0), "{source}:\n{log}");
        appliance.stop();
    }
}

/// XDP is the process's own: however it ends, the interface is as it was.
#[test]
fn nothing_is_left_on_the_interface_after_a_kill() {
    let Some(lab) = lab("kill") else { return };
    let appliance = Appliance::start_by(&lab, "af_xdp", "");
    let program = || {
        let show = ["ip", "link", "show", "dev", make::lab::SPAN];
        let shown = lab.exec(make::lab::SENSOR, &show).expect("ip").stdout;
        String::from_utf8_lossy(&shown).contains("xdp")
    };
    let taken = || metric(&lab, "vitalwire_capture_sockets", "af_xdp");
    if taken().is_none() {
        return; // it gave way
    }
    assert!(program());
    appliance.task.signal("KILL").expect("signalled");
    super::appliance::wait_until("as it was", || !program());
}

/// Runs without the capability to capture, whoever runs the tests.
#[test]
fn without_permission_it_says_what_to_give() {
    if !support::has("setpriv") {
        return;
    }
    let dir = tempfile::TempDir::new().expect("temporary folder");
    let config = dir.path().join("c.yaml");
    let text = configuration(dir.path(), "").replace("span0", "lo");
    fs::write(&config, text).expect("written");
    let mut command = Command::new("setpriv");
    if make::lab::Lab::missing().is_none() {
        command.args(["--bounding-set", "-net_raw,-net_admin"]);
    }
    let output = command
        .arg(support::vitalwire())
        .args(["run", "--config"])
        .arg(&config)
        .output()
        .expect("setpriv");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    for word in ["lo:", "CAP_NET_RAW", "setcap cap_net_raw+ep"] {
        assert!(said.contains(word), "{word}: {said}");
    }
    assert!(!dir.path().join("state").exists(), "nothing was begun");
}
