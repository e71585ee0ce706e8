//! `vitalwire doctor` on a SPAN port: it names what is wrong with the mirror, and changes nothing.

use std::path::Path;
use std::process::Output;

use make::lab::{Lab, SENSOR, SPAN, Task};
use serde_json::Value;

use super::appliance::lab;
use crate::support;

/// A mirror as switches have it. Each argument is a port of the hub, which of its frames are taken
/// (`in` from the host, `out` to it), and the tag that they get: `p-modality:in:30`.
const MIRROR: &str = "import select, socket, struct, sys
span = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
span.bind(('p-sensor', 0))
taps = {}
for source in sys.argv[1:]:
    port, way, tag = source.split(':')
    tap = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    tap.bind((port, 3))
    taps[tap] = way, tag and struct.pack('!HH', 0x8100, int(tag)) or b''
print('mirroring', flush=True)
while True:
    for tap in select.select(list(taps), [], [])[0]:
        frame, sender = tap.recvfrom(65535)
        way, tag = taps[tap]
        if (sender[2] == socket.PACKET_OUTGOING) == (way == 'out'):
            span.send(frame[:12] + tag + frame[12:])";

/// The sensor's port of the hub leaves the bridge, and is fed by a mirror.
fn mirror(lab: &Lab, sources: &[&str]) -> Task {
    let cut = ["ip", "link", "set", "dev", "p-sensor", "nomaster"];
    let cut = lab.exec("hub", &cut).expect("ip");
    assert!(cut.status.success(), "{cut:?}");
    let command = [&["python3", "-c", MIRROR][..], sources].concat();
    let task = lab.spawn("hub", &command).expect("python3");
    task.wait_for("mirroring").expect("mirrors");
    task
}

/// Two hosts that talk without end: a line there, a line back, many times a second.
fn chatter(lab: &Lab) -> [Task; 2] {
    let serve = "import socket
s = socket.create_server(('', 7000))
while True:
    c, _ = s.accept()
    while d := c.recv(4096): c.sendall(d)";
    let ask = "import socket, time
c = socket.create_connection(('10.20.2.10', 7000))
while True:
    c.sendall(b'x' * 300); c.recv(4096); time.sleep(0.02)";
    let server = lab
        .spawn("pacs", &["python3", "-c", serve])
        .expect("python3");
    lab.wait_listening("pacs", 7000).expect("listens");
    let client = lab
        .spawn("modality", &["python3", "-c", ask])
        .expect("python3");
    [server, client]
}

fn doctor(lab: &Lab, more: &[&str]) -> Output {
    let binary = support::vitalwire();
    let command = [
        &[
            binary.to_str().expect("UTF-8"),
            "doctor",
            "--interface",
            SPAN,
        ][..],
        more,
    ];
    lab.exec(SENSOR, &command.concat()).expect("vitalwire")
}

fn findings(output: &Output) -> Vec<Value> {
    let parsed: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    parsed.as_array().expect("an array").clone()
}

fn named<'a>(findings: &'a [Value], check: &str) -> Option<&'a Value> {
    let span = |f: &&Value| f["about"] == "span" && f["check"] == check;
    findings.iter().find(span)
}

/// The checks of the SPAN that warn, or worse.
fn wrong(findings: &[Value]) -> Vec<&str> {
    findings
        .iter()
        .filter(|f| f["about"] == "span")
        .filter(|f| f["verdict"] == "warn" || f["verdict"] == "fail")
        .filter_map(|f| f["check"].as_str())
        .collect()
}

/// What the doctor says of a mirror of these sources, or of the hub itself.
fn judged(name: &str, sources: &[&str]) -> Option<Vec<Value>> {
    let lab = lab(name)?;
    let _mirror = (!sources.is_empty()).then(|| mirror(&lab, sources));
    let _hosts = chatter(&lab);
    let output = doctor(&lab, &["--listen", "3s", "--json"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(lab.sensor_transmitted().expect("counted"), 0);
    Some(findings(&output))
}

#[test]
fn a_good_mirror_is_called_good() {
    let Some(found) = judged("doctor", &[]) else {
        return;
    };
    assert_eq!(wrong(&found), Vec::<&str>::new(), "{found:#?}");
    assert!(named(&found, "directions").is_some(), "{found:#?}");
    let heard = named(&found, "heard").expect("heard");
    assert!(heard["facts"]["frames"].as_u64() > Some(100), "{heard}");
    for check in ["link", "mtu", "offload", "interrupts"] {
        let told = found
            .iter()
            .any(|f| f["check"] == check && f["interface"] == SPAN);
        assert!(told, "{check}: {found:#?}");
    }
    for check in ["permission", "kernel", "clock", "disk", "hugepages"] {
        assert!(found.iter().any(|f| f["check"] == check), "{check}");
    }
}

#[test]
fn a_one_sided_mirror_is_named() {
    let Some(found) = judged("doctor-half", &["p-modality:in:"]) else {
        return;
    };
    assert_eq!(wrong(&found), ["one-sided"], "{found:#?}");
    let told = named(&found, "one-sided").expect("told");
    let what = told["what"].as_str().expect("text");
    assert!(what.contains("10.20.1.11 speaks to 10.20.2.10"), "{what}");
    assert!(told["fix"].as_str().expect("text").contains("both"));
}

#[test]
fn a_tag_in_one_direction_only_is_named() {
    let Some(found) = judged("doctor-tag", &["p-modality:in:30", "p-modality:out:"]) else {
        return;
    };
    assert_eq!(wrong(&found), ["tag-one-way"], "{found:#?}");
    let what = named(&found, "tag-one-way").expect("told")["what"].to_string();
    assert!(what.contains("VLAN 30 from 10.20.1.11"), "{what}");
}

/// What enters one port leaves the other.
const EVERYWHERE: [&str; 4] = [
    "p-modality:in:",
    "p-modality:out:",
    "p-pacs:in:",
    "p-pacs:out:",
];

#[test]
fn double_mirroring_is_named() {
    let Some(found) = judged("doctor-twice", &EVERYWHERE) else {
        return;
    };
    assert_eq!(wrong(&found), ["duplicates"], "{found:#?}");
}

#[test]
fn a_silent_mirror_and_missing_tags_are_named() {
    let Some(lab) = lab("doctor-silent") else {
        return;
    };
    let silent = doctor(&lab, &["--listen", "1s", "--json"]);
    assert_eq!(silent.status.code(), Some(1), "{silent:?}");
    assert_eq!(wrong(&findings(&silent)), ["silent-span"]);
    let config = lab.folder().join("c.yaml");
    std::fs::write(&config, "capture: {expect_vlans: [30]}\n").expect("written");
    let _hosts = chatter(&lab);
    let config: &Path = &config;
    let path = config.to_str().expect("UTF-8");
    let output = doctor(&lab, &["--listen", "1s", "--json", "--config", path]);
    assert_eq!(wrong(&findings(&output)), ["untagged"]);
}

#[test]
fn an_access_port_is_no_mirror() {
    let Some(lab) = lab("doctor-access") else {
        return;
    };
    // A bridge that learns: the sensor's port gets what goes to every port.
    let learns = "ip link set dev br0 type bridge ageing_time 30000";
    let set = lab.exec("hub", &["sh", "-c", learns]).expect("sh");
    assert!(set.status.success(), "{set:?}");
    let _hosts = chatter(&lab);
    let who = "while :; do ip neigh flush all; ping -c 1 -W 1 10.20.2.10; sleep 0.1; done";
    let _asks = lab.spawn("modality", &["sh", "-c", who]).expect("sh");
    let output = doctor(&lab, &["--listen", "3s"]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("no SPAN but a plain access port"), "{text}");
}

/// As they stand, less the `sudo` that a lab does not need.
#[test]
fn the_commands_of_the_doctor_mend_what_it_found() {
    let Some(lab) = lab("doctor-mends") else {
        return;
    };
    let run = |command: &str| {
        let done = lab.exec(SENSOR, &["sh", "-c", command]).expect("sh");
        assert!(done.status.success(), "{command}: {done:?}");
    };
    run("ip link add br9 type bridge && ip link set dev span0 master br9 multicast on arp on");
    run("sysctl -qw net.ipv6.conf.span0.disable_ipv6=0 && ip address add 192.0.2.7/24 dev span0");
    run("ip link set dev span0 mtu 1500 && ethtool -K span0 gro on && ip link set dev span0 down");
    let wrong = || -> Vec<(String, String)> {
        let found = findings(&doctor(&lab, &["--no-listen", "--json"]));
        let text = |finding: &Value, key: &str| finding[key].as_str().expect("text").to_owned();
        let wrong = found.iter().filter(|f| {
            // What went out before cannot be taken back.
            f["interface"] == SPAN && f["verdict"] != "ok" && f["check"] != "sent"
        });
        wrong.map(|f| (text(f, "check"), text(f, "fix"))).collect()
    };
    let first = wrong();
    for (_, fix) in &first {
        run(&fix.replace("sudo ", ""));
    }
    let mut checks: Vec<&str> = first.iter().map(|(check, _)| check.as_str()).collect();
    checks.sort_unstable();
    checks.dedup();
    assert_eq!(checks, ["bridge", "link", "mtu", "offload", "silence"]);
    let left = wrong();
    assert_eq!(left, [], "after {first:#?}");
}

#[test]
fn rights_that_are_missing_are_told_with_what_gives_them() {
    if !support::has("setpriv") {
        return;
    }
    let Some(lab) = lab("doctor-rights") else {
        return;
    };
    let binary = support::vitalwire();
    let binary = binary.to_str().expect("UTF-8");
    let without = "-net_raw,-net_admin,-bpf,-perfmon,-sys_admin";
    let command = ["setpriv", "--bounding-set", without, binary, "doctor"];
    let config = lab.folder().join("c.yaml");
    std::fs::write(&config, "workers: 2\n").expect("written");
    let config = config.to_str().expect("UTF-8");
    let more = ["--interface", SPAN, "--no-listen", "--json"];
    let output = lab.exec(
        SENSOR,
        &[&command[..], &more, &["--config", config]].concat(),
    );
    let output = output.expect("setpriv");
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let found = findings(&output);
    let fix = |check: &str, verdict: &str| {
        let is_it = |f: &&Value| f["check"] == check && f["verdict"] == verdict;
        let finding = found.iter().find(is_it);
        let finding = finding.unwrap_or_else(|| panic!("{check}: {found:#?}"));
        finding["fix"].as_str().expect("text").to_owned()
    };
    assert!(fix("permission", "fail").contains("setcap cap_net_raw"));
    assert!(fix("steering", "note").contains("cap_bpf"));
}

/// What the package ships, run line by line as the service manager would.
#[test]
fn the_shipped_unit_makes_an_interface_silent() {
    let Some(lab) = lab("doctor-unit") else {
        return;
    };
    let noisy =
        "sysctl -qw net.ipv6.conf.span0.disable_ipv6=0 && ip address add 192.0.2.7/24 dev span0";
    let unit = support::root().join("deploy/systemd/vitalwire-silence@.service");
    let unit = std::fs::read_to_string(unit).expect("the unit");
    let lines = unit
        .lines()
        .filter_map(|line| line.strip_prefix("ExecStart="));
    for command in std::iter::once(noisy).chain(lines) {
        let may_fail = command.starts_with('-');
        let command = command.trim_start_matches('-').replace("%I", SPAN);
        let done = lab.exec(SENSOR, &["sh", "-c", &command]).expect("sh");
        assert!(done.status.success() || may_fail, "{command}: {done:?}");
    }
    let found = findings(&doctor(&lab, &["--no-listen", "--json"]));
    let about = |check: &str| {
        let wanted = found
            .iter()
            .filter(|f| f["interface"] == SPAN && f["check"] == check);
        wanted.collect::<Vec<_>>()
    };
    let [silence] = about("silence")[..] else {
        panic!("{found:#?}");
    };
    assert_eq!(silence["verdict"], "ok", "{silence}");
    let what = about("promiscuous")[0]["what"].as_str().expect("text");
    assert_eq!(what, "promiscuous mode is on");
}
