//! What the running appliance gave up, as the kernel sees it, and what it tells the service manager.

use std::fs;
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use make::lab::Lab;

use super::appliance::{Appliance, get, lab, metric};

/// A line of `/proc/PID/task/*/status`, of every thread.
pub(super) fn of_threads(appliance: &Appliance, key: &str) -> Vec<String> {
    let tasks = format!("/proc/{}/task", process(appliance));
    let tasks = fs::read_dir(tasks).expect("threads").flatten();
    tasks
        .map(|task| {
            let status = fs::read_to_string(task.path().join("status")).expect("status");
            let line = status.lines().find_map(|line| line.strip_prefix(key));
            line.expect("said")
                .trim_start_matches(':')
                .trim()
                .to_owned()
        })
        .collect()
}

/// The appliance itself, not what started it.
fn process(appliance: &Appliance) -> u32 {
    let id = appliance.task.id();
    let name = fs::read_to_string(format!("/proc/{id}/comm")).expect("comm");
    assert_eq!(name.trim(), "vitalwire");
    id
}

const NET_ADMIN: u64 = 1 << 12;
const NET_RAW: u64 = 1 << 13;
const PERFMON: u64 = 1 << 38;
const BPF: u64 = 1 << 39;

#[test]
fn every_thread_has_given_up_what_it_does_not_need() {
    for (more, kept) in [
        ("workers: 2\n", NET_RAW | NET_ADMIN | BPF | PERFMON),
        ("workers: 1\n", NET_RAW | NET_ADMIN),
    ] {
        let Some(lab) = lab("sandbox") else { return };
        let mut appliance = Appliance::start(&lab, more);
        let log = appliance.task.log();
        let said = log
            .lines()
            .find(|line| line.contains("sandboxed, and tried"));
        let said = said.unwrap_or_else(|| panic!("not said:\n{log}"));
        for part in [
            "dumps: none",
            "capabilities: CAP_",
            "files: Landlock",
            "calls: seccomp",
        ] {
            assert!(said.contains(part), "{part}: {said}");
        }
        for set in ["CapPrm", "CapEff", "CapBnd"] {
            for mask in of_threads(&appliance, set) {
                let mask = u64::from_str_radix(&mask, 16).expect("hex");
                assert_eq!(mask & !kept, 0, "{set}: {mask:x}");
                assert_ne!(mask & NET_RAW, 0, "{set}: {mask:x}");
            }
        }
        for (key, value) in [
            ("Seccomp", "2"),
            ("NoNewPrivs", "1"),
            ("CapInh", "0000000000000000"),
        ] {
            let all = of_threads(&appliance, key);
            assert!(all.len() > 3, "{all:?}");
            assert!(all.iter().all(|one| one == value), "{key}: {all:?}");
        }
        let limits = fs::read_to_string(format!("/proc/{}/limits", process(&appliance)));
        let limits = limits.expect("limits");
        let core = limits
            .lines()
            .find(|line| line.starts_with("Max core file size"));
        assert_eq!(core.expect("said").matches(" 0 ").count(), 2, "{limits}");
        appliance.stop();
    }
}

/// As the unit of systemd starts it: no root, three capabilities, an interface made silent before.
#[test]
fn as_a_user_with_the_rights_of_the_unit_it_captures() {
    if !crate::support::has("setpriv") {
        return;
    }
    let Some(lab) = lab("unit") else { return };
    let caps = "+net_raw,+bpf,+perfmon";
    let script = format!(
        "ip link set dev {span} arp off multicast off up && chmod 777 {dir} && umask 027 && \
         exec setpriv --reuid=65534 --regid=65534 --clear-groups --no-new-privs \
         --bounding-set -all,{caps} --inh-caps {caps} --ambient-caps {caps} \"$@\"",
        span = make::lab::SPAN,
        dir = lab.folder().display(),
    );
    let mut appliance = Appliance::start_as(&lab, "af_packet", &script, "workers: 2\n");
    let log = appliance.task.log();
    assert!(
        log.contains("capabilities: CAP_BPF CAP_NET_RAW CAP_PERFMON"),
        "{log}"
    );
    assert!(log.contains("rings=2"), "{log}");
    assert!(!log.contains("cannot be had"), "{log}");
    lab.unplug_sensor().expect("unplugged");
    appliance.until("blind", || get(&lab, "/readyz").is_none());
    lab.plug_sensor().expect("plugged");
    let silent = [
        "ip",
        "link",
        "set",
        "dev",
        make::lab::SPAN,
        "arp",
        "off",
        "multicast",
        "off",
        "up",
    ];
    assert!(
        lab.exec(make::lab::SENSOR, &silent)
            .expect("ip")
            .status
            .success()
    );
    appliance.until("seeing", || get(&lab, "/readyz").is_some());
    appliance.stop();
}

/// What is kept is enough, whichever way frames come.
#[test]
fn from_inside_it_the_interface_is_opened_again() {
    for source in ["libpcap", "af_xdp"] {
        let Some(lab) = lab("again") else { return };
        let mut appliance = Appliance::start_by(&lab, source, "");
        let sockets = || metric(&lab, "vitalwire_capture_sockets", source);
        let before = sockets();
        lab.unplug_sensor().expect("unplugged");
        appliance.until("blind", || get(&lab, "/readyz").is_none());
        lab.plug_sensor().expect("plugged");
        appliance.until("seeing", || get(&lab, "/readyz").is_some());
        assert_eq!(sockets(), before, "{source}:\n{}", appliance.task.log());
        assert_eq!(lab.sensor_transmitted().expect("counted"), 0);
        appliance.stop();
    }
}

#[test]
fn it_can_be_switched_off_and_that_is_said() {
    let Some(lab) = lab("nosandbox") else { return };
    let off = "sandbox: {capabilities: false, files: false, calls: false, no_dumps: false}\n";
    let mut appliance = Appliance::start(&lab, off);
    assert!(
        of_threads(&appliance, "Seccomp")
            .iter()
            .all(|one| one == "0")
    );
    let log = appliance.task.log();
    for key in ["capabilities", "files", "calls", "no_dumps"] {
        assert!(log.contains(&format!("sandbox.{key} is off")), "{log}");
    }
    appliance.stop();
}

/// A filter that does not filter is found out before anything is read.
#[test]
fn what_cannot_be_had_keeps_it_from_starting_where_it_is_required() {
    let Some(lab) = lab("required") else { return };
    let config = lab.folder().join("required.yaml");
    // All may be read, so nothing is restricted.
    let text =
        super::appliance::configuration(lab.folder(), "sandbox: {required: true, read: [/]}\n");
    fs::write(&config, text).expect("written");
    let command = [
        crate::support::vitalwire().display().to_string(),
        "run".to_owned(),
        "--config".to_owned(),
        config.display().to_string(),
    ];
    let command: Vec<&str> = command.iter().map(String::as_str).collect();
    let output = lab.exec(make::lab::SENSOR, &command).expect("run");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("sandbox.files: tried, and / can still be read"),
        "{said}"
    );
}

#[test]
fn the_service_manager_hears_ready_alive_and_stopping() {
    let Some(lab) = lab("notify") else { return };
    let (socket, path) = manager(&lab);
    let script = format!("NOTIFY_SOCKET={path} WATCHDOG_USEC=2000000 WATCHDOG_PID=$$ exec \"$@\"");
    let mut appliance = Appliance::start_as(&lab, "af_packet", &script, "");
    let mut heard = String::new();
    hear(&socket, &mut heard, "READY=1");
    hear(&socket, &mut heard, "STATUS=watching");
    for _ in 0..2 {
        heard.clear();
        hear(&socket, &mut heard, "WATCHDOG=1");
    }
    lab.unplug_sensor().expect("unplugged");
    appliance.until("blind", || get(&lab, "/readyz").is_none());
    hear(&socket, &mut heard, "STATUS=");
    heard.clear();
    hear(&socket, &mut heard, "WATCHDOG=1");
    appliance.stop();
    hear(&socket, &mut heard, "STOPPING=1");
}

fn manager(lab: &Lab) -> (UnixDatagram, String) {
    let path = lab.folder().join("notify");
    let socket = UnixDatagram::bind(&path).expect("bound");
    let patience = Some(Duration::from_secs(20));
    socket.set_read_timeout(patience).expect("set");
    (socket, path.display().to_string())
}

/// Reads until it was said.
fn hear(socket: &UnixDatagram, heard: &mut String, word: &str) {
    let mut datagram = [0; 512];
    while !heard.contains(word) {
        let len = socket
            .recv(&mut datagram)
            .unwrap_or_else(|error| panic!("{word}: {error}: {heard}"));
        heard.push_str(&String::from_utf8_lossy(&datagram[..len]));
    }
}
