//! `vitalwire run` on a SPAN port, real peers beside it: it sees them, tells it, and sends nothing.

pub(crate) mod appliance;
mod doctor;
mod dpdk;
mod evidence;
mod flood;
mod metrics;
mod remote;
mod sandbox;
mod trouble;
mod watched;

use std::path::Path;

use make::lab::{Lab, SENSOR, SPAN, Task};
use serde_json::Value;

use crate::support;
use appliance::{Appliance, get, lab, metric, wait_until};

fn command_is(event: &Value, command: &str) -> bool {
    event["dicom"]["command"] == command && event["event_type"] == "dicom"
}

fn capture_is(event: &Value, what: &str) -> bool {
    event["event_type"] == "capture" && event["capture"]["event"] == what
}

fn is_alert_of(event: &Value, slug: &str) -> bool {
    event["event_type"] == "alert" && event["vitalwire"]["slug"] == slug
}

/// A storage server of the archive's, on port 11112.
fn storescp(lab: &Lab) -> Task {
    let inbox = lab.folder().join("inbox");
    std::fs::create_dir_all(&inbox).expect("made");
    let inbox = inbox.to_str().expect("UTF-8");
    // `-dhl`: there is no name server that could be asked who calls.
    let command = ["storescp", "-dhl", "-aet", "PACS", "-od", inbox, "11112"];
    let task = lab.spawn("pacs", &command).expect("storescp");
    lab.wait_listening("pacs", 11112).expect("listens");
    task
}

fn echo(lab: &Lab) {
    let titles = ["-aet", "CT01", "-aec", "PACS"];
    let command = [&["echoscu"], &titles[..], &["10.20.2.10", "11112"]].concat();
    let output = lab.exec("modality", &command).expect("echoscu");
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn sees_real_peers_live_sends_nothing_and_stops_cleanly() {
    if !support::has("storescp") || !support::has("echoscu") {
        return;
    }
    let Some(lab) = lab("live") else { return };
    let mut appliance = Appliance::start(&lab, "");
    let _scp = storescp(&lab);
    for _ in 0..3 {
        echo(&lab);
    }
    appliance.until("three echoes seen", || {
        appliance.count(|e| command_is(e, "C-ECHO-RSP")) == 3
    });
    assert_eq!(appliance.count(|e| command_is(e, "C-ECHO-RQ")), 3);
    appliance.until("a heartbeat", || {
        appliance.count(|e| e["event_type"] == "heartbeat") > 0
    });

    let metrics = get(&lab, "/metrics").expect("metrics");
    assert!(
        metrics.contains("vitalwire_capture_frames_total"),
        "{metrics}"
    );
    assert!(get(&lab, "/healthz").is_some());
    let arrival = "stage=\"arrival_to_eve\"";
    let timed = metric(&lab, "vitalwire_latency_seconds_count", arrival);
    assert!(timed.is_some_and(|n| n >= 6.0), "{timed:?}");

    appliance.stop();
    let text = std::fs::read(&appliance.eve).expect("eve.json");
    assert!(text.ends_with(b"\n"), "the last line is whole");
    assert_eq!(
        lab.sensor_transmitted().expect("counted"),
        0,
        "a passive sensor sends nothing"
    );
}

#[test]
fn a_link_that_goes_down_and_up_brings_no_frame_out_of_af_packet() {
    down_and_up("af_packet");
}

#[test]
fn a_link_that_goes_down_and_up_brings_no_frame_out_of_af_xdp() {
    down_and_up("af_xdp");
}

#[test]
fn a_link_that_goes_down_and_up_brings_no_frame_out_of_libpcap() {
    down_and_up("libpcap");
}

fn down_and_up(source: &str) {
    let Some(lab) = lab("link") else { return };
    let mut appliance = Appliance::start_by(&lab, source, "workers: 2\n");
    let sockets = metric(&lab, "vitalwire_capture_sockets", source);
    assert!(sockets.is_some_and(|n| n > 0.0), "{sockets:?}");
    for _ in 0..2 {
        let set = |state| {
            let set = ["ip", "link", "set", "dev", SPAN, state];
            assert!(lab.exec(SENSOR, &set).expect("ip").status.success());
        };
        set("down");
        appliance.until("blind", || get(&lab, "/readyz").is_none());
        assert!(get(&lab, "/healthz").is_some(), "it lives all the same");
        set("up");
        appliance.until("seeing", || get(&lab, "/readyz").is_some());
    }
    let addresses = lab
        .exec(SENSOR, &["ip", "-o", "address", "show", "dev", SPAN])
        .expect("ip");
    let addresses = String::from_utf8_lossy(&addresses.stdout).into_owned();
    assert_eq!(addresses.trim(), "", "the capture interface has no address");
    assert_eq!(
        lab.sensor_transmitted().expect("counted"),
        0,
        "a passive sensor sends nothing"
    );
    appliance.until("told", || appliance.count(|e| capture_is(e, "seeing")) == 2);
    assert_eq!(appliance.count(|e| capture_is(e, "blind")), 2);
    assert_eq!(
        appliance.count(|e| is_alert_of(e, "sensor-blind")),
        1,
        "the second time within a minute is held back"
    );
    appliance.stop();
}

/// As interfaces are on a machine that nobody prepared.
#[test]
fn an_interface_with_ipv6_is_made_silent() {
    let Some(lab) = lab("silence") else { return };
    let ipv6 = format!("net.ipv6.conf.{SPAN}.disable_ipv6=0");
    let on = lab.exec(SENSOR, &["sysctl", "-qw", &ipv6]).expect("sysctl");
    if !on.status.success() {
        return; // a kernel without IPv6
    }
    let speaks = || {
        let show = ["ip", "-6", "-o", "address", "show", "dev", SPAN];
        let shown = lab.exec(SENSOR, &show).expect("ip").stdout;
        String::from_utf8_lossy(&shown).contains("fe80:")
    };
    wait_until("an address", speaks);
    let mut appliance = Appliance::start(&lab, "");
    let before = lab.sensor_transmitted().expect("counted");
    for state in ["down", "up"] {
        let set = ["ip", "link", "set", "dev", SPAN, state];
        assert!(lab.exec(SENSOR, &set).expect("ip").status.success());
    }
    // Some heartbeats long: router solicitations and MLD reports would come within a second.
    appliance.until("heartbeats", || {
        appliance.count(|e| e["event_type"] == "heartbeat") > 3
    });
    assert_eq!(lab.sensor_transmitted().expect("counted"), before);
    assert!(!speaks(), "the address is gone");
    appliance.stop();
}

/// For demonstrations: files, again and again.
#[test]
fn files_in_a_loop_keep_it_ready_and_counting() {
    let Some(lab) = lab("loop") else { return };
    let ward = support::root().join("pcaps/ward/attack.pcap");
    let files = format!("capture:\n  files: [{}]\n  loop: true\n", ward.display());
    let mut appliance = Appliance::start_with(&lab, &files, "");
    let frames = || metric(&lab, "vitalwire_capture_frames_total", "").unwrap_or_default();
    appliance.until("frames", || frames() > 0.0);
    let once = frames();
    appliance.until("read again", || frames() > once);
    assert!(get(&lab, "/readyz").is_some());
    appliance.stop();
}

#[test]
fn an_interface_that_goes_away_is_opened_again_by_af_packet() {
    unplugged("af_packet");
}

#[test]
fn an_interface_that_goes_away_is_opened_again_by_af_xdp() {
    unplugged("af_xdp");
}

#[test]
fn an_interface_that_goes_away_is_opened_again_by_libpcap() {
    unplugged("libpcap");
}

/// What was found before is written, and what comes after is seen.
fn unplugged(source: &str) {
    if !support::has("echoscu") {
        return;
    }
    let Some(lab) = lab("unplugged") else { return };
    let mut appliance = Appliance::start_by(&lab, source, "workers: 2\n");
    let _scp = storescp(&lab);
    let seen = |appliance: &Appliance, echoes: usize| {
        echo(&lab);
        appliance.until("an echo seen", || {
            appliance.count(|e| command_is(e, "C-ECHO-RSP")) == echoes
        });
    };
    seen(&appliance, 1);
    lab.unplug_sensor().expect("unplugged");
    appliance.until("blind", || get(&lab, "/readyz").is_none());
    lab.plug_sensor().expect("plugged");
    appliance.until("seeing", || get(&lab, "/readyz").is_some());
    seen(&appliance, 2);
    assert_eq!(lab.sensor_transmitted().expect("counted"), 0);
    appliance.stop();
}

#[test]
fn it_stops_within_seconds_while_it_is_blind() {
    let Some(lab) = lab("blindstop") else { return };
    let mut appliance = Appliance::start(&lab, "");
    lab.unplug_sensor().expect("unplugged");
    appliance.until("blind", || get(&lab, "/readyz").is_none());
    appliance.stop();
    assert!(whole_lines(&appliance.eve));
}

/// `dicom-ping` of nmap, at the very moment.
#[test]
fn a_scan_is_told_while_it_happens() {
    if !support::has("nmap") || !support::has("storescp") {
        return;
    }
    let Some(lab) = lab("scan") else { return };
    let mut appliance = Appliance::start(&lab, "");
    let _scp = storescp(&lab);
    let ping = [
        "nmap",
        "-n",
        "-Pn",
        "-p",
        "11112",
        "--script",
        "dicom-ping",
        "10.20.2.10",
    ];
    assert!(lab.exec("modality", &ping).expect("nmap").status.success());
    appliance.until("an alert", || {
        appliance.count(|e| e["vitalwire"]["slug"] == "dicom-nmap-fingerprint") == 1
    });
    appliance.stop();
}

#[test]
fn hup_reopens_the_output() {
    let Some(lab) = lab("hup") else { return };
    let mut appliance = Appliance::start(&lab, "");
    appliance.until("a heartbeat", || {
        appliance.count(|e| e["event_type"] == "heartbeat") > 0
    });
    let moved = lab.folder().join("eve.old");
    std::fs::rename(&appliance.eve, &moved).expect("moved");
    appliance.task.signal("HUP").expect("signalled");
    appliance.until("a new file", || {
        appliance.count(|e| e["event_type"] == "heartbeat") > 0
    });
    assert!(whole_lines(&moved));
    appliance.stop();
}

fn whole_lines(file: &Path) -> bool {
    let text = std::fs::read_to_string(file).expect("readable");
    text.ends_with('\n')
        && text
            .lines()
            .all(|line| serde_json::from_str::<Value>(line).is_ok())
}
