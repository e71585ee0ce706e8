//! The SPAN port through DPDK, on a socket of the kernel: `net_af_packet` stands for an adapter.

use make::lab::{SENSOR, SPAN};

use serde_json::json;

use super::appliance::{Appliance, lab, metric};
use super::sandbox::of_threads;
use super::{command_is, echo, storescp};
use crate::{dpdk, support};

#[test]
fn peers_are_seen_through_dpdk_and_nothing_is_sent() {
    watch("dpdk", "", 1);
}

/// The kernel spreads flows over the device's queues: each worker reads its own.
#[test]
fn each_worker_reads_a_queue_of_its_own() {
    watch("queues", ",qpairs=2", 2);
}

fn watch(name: &str, more: &str, workers: usize) {
    if !dpdk::built_in() || !support::has("storescp") || !support::has("echoscu") {
        return;
    }
    let Some(lab) = lab(name) else { return };
    // Whoever binds an adapter to DPDK has no kernel that chatters on it.
    let silent = format!("net.ipv6.conf.{SPAN}.disable_ipv6=1");
    let silenced = lab.exec(SENSOR, &["sysctl", "-q", "-w", &silent]);
    assert!(silenced.expect("sysctl").status.success());
    let device = format!("net_af_packet0,iface={SPAN}{more}");
    let queues = format!("    queues: {workers}\n");
    let workers = format!("workers: {workers}\n");
    let mut appliance = Appliance::start_with(&lab, &dpdk::capture(&device, &queues), &workers);
    let _scp = storescp(&lab);
    for _ in 0..8 {
        echo(&lab);
    }
    appliance.until("eight echoes seen", || {
        appliance.count(|e| command_is(e, "C-ECHO-RSP")) == 8
    });
    assert_eq!(appliance.count(|e| command_is(e, "C-ECHO-RQ")), 8);
    let received = || metric(&lab, "vitalwire_capture_received_frames_total", "");
    appliance.until("frames counted", || received().is_some_and(|n| n > 50.0));
    let driver = metric(&lab, "vitalwire_capture_dpdk_port_total", "rx_good_packets");
    assert!(driver.is_some_and(|n| n > 50.0), "{driver:?}");
    let dropped = metric(&lab, "vitalwire_capture_dropped_frames_total", "");
    assert_eq!(dropped, Some(0.0));
    appliance.stop();
    let sent = lab.sensor_transmitted().expect("counted");
    assert_eq!(sent, 0, "a passive sensor sends nothing");
}

/// EAL has a thread for interrupts that is older than the sandbox: it goes in too, or nothing starts.
#[test]
fn the_sandbox_holds_in_every_thread_and_frames_come_all_the_same() {
    if !dpdk::built_in() || !support::has("storescp") || !support::has("echoscu") {
        return;
    }
    let Some(lab) = lab("dpdkbox") else { return };
    let device = format!("net_af_packet0,iface={SPAN}");
    let more = "workers: 1\nsandbox: {required: true}\n";
    let mut appliance = Appliance::start_with(&lab, &dpdk::capture(&device, ""), more);
    let log = appliance.task.log();
    let said = log
        .lines()
        .find(|line| line.contains("sandboxed, and tried"));
    let said = said.unwrap_or_else(|| panic!("not said:\n{log}"));
    for part in ["capabilities: none", "files: Landlock", "calls: seccomp"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let names = of_threads(&appliance, "Name");
    assert!(names.iter().any(|name| name.contains("intr")), "{names:?}");
    for (key, value) in [
        ("CapPrm", "0000000000000000"),
        ("CapBnd", "0000000000000000"),
        ("NoNewPrivs", "1"),
        ("Seccomp", "2"),
    ] {
        let all = of_threads(&appliance, key);
        assert!(
            all.iter().all(|one| one == value),
            "{key}: {all:?} of {names:?}"
        );
    }
    let _scp = storescp(&lab);
    echo(&lab);
    appliance.until("an echo seen", || {
        appliance.count(|e| command_is(e, "C-ECHO-RSP")) == 1
    });
    appliance.stop();
}

/// Threads that EAL is told to start stay outside, which is said, or refused.
#[test]
fn threads_that_stay_outside_of_the_sandbox_are_named() {
    if !dpdk::built_in() {
        return;
    }
    let Some(lab) = lab("dpdkout") else { return };
    let capture =
        dpdk::capture("net_null0,size=60", "").replace("--no-pci,", "--no-pci, --lcores, \"0,1\",");
    let mut appliance = Appliance::start_with(&lab, &capture, "workers: 1\n");
    let log = appliance.task.log();
    let said = log
        .lines()
        .find(|line| line.contains("older than the sandbox"));
    let said = said.unwrap_or_else(|| panic!("not said:\n{log}"));
    assert!(said.contains("WARN") && said.contains("leave -l"), "{said}");
    appliance.stop();
}

/// The kernel takes the outer tag off the frame and tells it beside it.
#[test]
fn a_tag_that_was_taken_off_is_put_back() {
    if !dpdk::built_in() {
        return;
    }
    let Some(lab) = lab("tags") else { return };
    let device = format!("net_af_packet0,iface={SPAN}");
    let more = "workers: 1\nflow:\n  records: all\n";
    let mut appliance = Appliance::start_with(&lab, &dpdk::capture(&device, ""), more);
    let file = support::root().join("pcaps/rules/net-vlan-hop/fire.pcap");
    lab.replay(&file, 0.0).expect("replayed");
    let read = || metric(&lab, "vitalwire_capture_frames_total", "");
    appliance.until("frames read", || read().is_some_and(|n| n >= 3.0));
    appliance.stop();
    let tagged = appliance.count(|e| e["event_type"] == "flow" && e["vlan"] == json!([1, 20]));
    assert_eq!(tagged, 1, "{:?}", appliance.events());
}
