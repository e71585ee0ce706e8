//! `vitalwire run` with frames from DPDK: of a file behind a virtual device, what reading the file
//! gives. The SPAN port of a lab through DPDK is in `live`.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support;

/// The `capture` section for a virtual device.
pub fn capture(device: &str, more: &str) -> String {
    format!(
        "capture:\n  source: dpdk\n  dpdk:\n    mbufs: 8191\n    eal_args: [--no-huge, --no-shconf, \
         --no-pci, -m, \"128\", --no-telemetry, --log-level=4, \"--vdev={device}\"]\n{more}"
    )
}

/// Whether the binary under test was built with DPDK.
pub fn built_in() -> bool {
    let dir = TempDir::new().expect("temporary folder");
    let config = dir.path().join("c.yaml");
    std::fs::write(&config, "capture:\n  source: dpdk\n").expect("written");
    let (code, _, stderr) = support::run(&["config", "check", config.to_str().expect("UTF-8")]);
    if code == Some(0) {
        return true;
    }
    assert!(stderr.contains("built without DPDK"), "{stderr}");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    eprintln!("skipped: the binary was built without DPDK");
    false
}

/// Runs the appliance on a file behind a virtual device until it has nothing more; gives its events.
fn replay(file: &Path, more: &str, state: &Path) -> Vec<Value> {
    let device = format!("net_pcap0,rx_pcap={}", file.display());
    replay_from(&capture(&device, ""), more, state)
}

/// The same with any `capture` section.
fn replay_from(capture: &str, more: &str, state: &Path) -> Vec<Value> {
    let dir = TempDir::new().expect("temporary folder");
    let eve = dir.path().join("eve.json");
    let text = format!(
        "{capture}state_dir: {}\noutputs:\n  eve:\n    path: {}\nhttp:\n  enabled: false\napi:\n  enabled: false\n{more}",
        state.display(),
        eve.display()
    );
    let config = dir.path().join("c.yaml");
    std::fs::write(&config, text).expect("written");
    let log = std::fs::File::create(dir.path().join("log")).expect("made");
    let mut child = Command::new(support::vitalwire())
        .args(["run", "--config"])
        .arg(&config)
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .expect("started");
    let since = Instant::now();
    let read = || {
        let text = std::fs::read_to_string(&eve).unwrap_or_default();
        let lines = text.lines().filter_map(|l| serde_json::from_str(l).ok());
        lines.collect::<Vec<Value>>()
    };
    // Frames have the file's stamps: when no more come, time jumps to the machine's.
    while !read().iter().any(|e| e["capture"]["event"] == "clock_step") {
        if since.elapsed() > Duration::from_secs(60) {
            child.kill().expect("killed");
            let log = std::fs::read_to_string(dir.path().join("log"));
            panic!("not read to its end:\n{}", log.unwrap_or_default());
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    let term = ["-TERM", &child.id().to_string()];
    Command::new("kill").args(term).status().expect("kill");
    assert!(child.wait().expect("waited").success());
    read()
}

/// What does not depend on how frames came, or on when the capture ended.
fn comparable(events: Vec<Value>) -> Vec<Value> {
    let told = |event: &Value| {
        let kind = event["event_type"].as_str().unwrap_or_default();
        // `inspect` has no store that would tell of incidents; of devices both share what is known.
        let others = [
            "stats",
            "heartbeat",
            "capture",
            "incident",
            "finding",
            "audit",
            "asset",
        ];
        !others.contains(&kind)
    };
    let mut events: Vec<Value> = events.into_iter().filter(told).collect();
    for event in &mut events {
        if event["event_type"] == "alert" {
            // Evidence and explanations have numbers of frames.
            *event = json!([
                event["vitalwire"]["alert_id"],
                event["vitalwire"]["slug"],
                event["src_ip"],
                event["dest_ip"]
            ]);
        } else if let Some(fields) = event.as_object_mut() {
            for name in ["in_iface", "pcap_cnt", "flow_id"] {
                fields.shift_remove(name);
            }
            if let Some(flow) = fields.get_mut("flow").and_then(Value::as_object_mut) {
                // Of those that were open: the step of the clock, or the file's end.
                flow.shift_remove("reason");
                fields.shift_remove("timestamp");
            }
        }
    }
    events.sort_by_cached_key(Value::to_string);
    events
}

#[test]
fn a_file_behind_a_device_gives_the_events_that_reading_it_gives() {
    if !built_in() {
        return;
    }
    let state = TempDir::new().expect("temporary folder");
    let state_dir = state.path().to_str().expect("UTF-8");
    for (name, workers) in [("attack", 1), ("hl7-pumps", 4), ("imaging", 1)] {
        let file = support::root().join(format!("pcaps/ward/{name}.pcap"));
        let read = support::inspect(&[&file], &["--state", state_dir]);
        let received = replay(&file, &format!("workers: {workers}\n"), state.path());
        let (read, received) = (comparable(read.events()), comparable(received));
        assert!(read.len() > 100, "{name}: {} events", read.len());
        assert_eq!(read.len(), received.len(), "{name}");
        for (read, received) in read.iter().zip(&received) {
            assert_eq!(read, received, "{name}");
        }
    }
}

/// Huge pages for EAL and the file system they are had from, until it is dropped.
struct HugePages {
    dir: TempDir,
    before: String,
}

/// Pages of 2 MiB.
const PAGES: u32 = 192;

impl HugePages {
    /// Nothing where there may be none, as without root.
    fn reserve() -> Option<Self> {
        let before = std::fs::read_to_string(NR_HUGEPAGES).ok()?;
        let had: u32 = before.trim().parse().ok()?;
        std::fs::write(NR_HUGEPAGES, (had + PAGES).to_string()).ok()?;
        let pages = Self {
            dir: TempDir::new().expect("temporary folder"),
            before,
        };
        let dir = pages.dir.path();
        let mut mount = Command::new("mount");
        mount.args(["-t", "hugetlbfs", "-o", "pagesize=2M", "none"]);
        let mounted = mount.arg(dir).status().is_ok_and(|status| status.success());
        mounted.then_some(pages)
    }

    fn free() -> u32 {
        let text =
            std::fs::read_to_string("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages");
        text.ok().and_then(|n| n.trim().parse().ok()).unwrap_or(0)
    }
}

const NR_HUGEPAGES: &str = "/proc/sys/vm/nr_hugepages";

impl Drop for HugePages {
    fn drop(&mut self) {
        let gone = Command::new("umount")
            .arg("-l")
            .arg(self.dir.path())
            .status();
        assert!(gone.is_ok_and(|status| status.success()), "unmounted");
        std::fs::write(NR_HUGEPAGES, &self.before).expect("put back");
    }
}

#[test]
fn frames_are_received_into_huge_pages() {
    if !built_in() {
        return;
    }
    let Some(pages) = HugePages::reserve().filter(|_| HugePages::free() >= PAGES) else {
        eprintln!("skipped: no huge pages can be reserved here");
        return;
    };
    let state = TempDir::new().expect("temporary folder");
    let file = support::root().join("pcaps/ward/attack.pcap");
    let read = support::inspect(
        &[&file],
        &["--state", state.path().to_str().expect("UTF-8")],
    );
    let device = format!("net_pcap0,rx_pcap={}", file.display());
    let huge = format!(
        "--huge-dir, {}, --file-prefix, vitalwire-test",
        pages.dir.path().display()
    );
    let capture = capture(&device, "").replace("--no-huge, --no-shconf", &huge);
    let before = HugePages::free();
    let watch = std::thread::spawn(move || {
        let lowest = |low: u32| low.min(HugePages::free());
        (0..100).fold(before, |low, _| {
            std::thread::sleep(Duration::from_millis(20));
            lowest(low)
        })
    });
    let received = comparable(replay_from(&capture, "workers: 1\n", state.path()));
    let lowest = watch.join().expect("watched");
    assert!(
        lowest + 16 <= before,
        "of {before} pages, {lowest} were left"
    );
    assert_eq!(comparable(read.events()), received);
}

#[test]
fn what_keeps_a_port_from_opening_is_said_in_one_line_and_what_to_do() {
    if !built_in() {
        return;
    }
    let dir = TempDir::new().expect("temporary folder");
    let config = dir.path().join("c.yaml");
    let refused = |text: String| {
        let around = format!(
            "state_dir: {0}\noutputs: {{eve: {{path: {0}/e}}}}\nhttp: {{enabled: false}}\napi: {{enabled: false}}\nlog: {{level: error}}\n",
            dir.path().display()
        );
        std::fs::write(&config, format!("{text}{around}")).expect("written");
        let (code, _, stderr) = support::run(&["run", "--config", config.to_str().expect("UTF-8")]);
        assert_eq!(code, Some(2), "{stderr}");
        stderr.lines().last().unwrap_or_default().to_owned()
    };
    let said = refused(capture("net_null0", "    port: net_null1\n"));
    assert!(
        said.contains("net_null1: no such port; there is 0 (net_null0)"),
        "{said}"
    );
    let said = refused(capture("net_null0", "    queues: 3\nworkers: 2\n"));
    assert!(said.contains("set it to 1 or 2, or to 0"), "{said}");
    let said = refused(capture("net_null0", "").replace("8191", "1000000"));
    assert!(said.contains("no memory for 1000000 mbufs"), "{said}");
    let said = refused(capture("net_nothing0", ""));
    assert!(
        said.contains("EAL does not start") && said.contains("net_nothing0"),
        "{said}"
    );
}

/// What the doctor says of a port: it opens it as `run` would, tells of it, and judges what comes.
#[test]
fn the_doctor_opens_the_port_and_tells_of_it() {
    if !built_in() {
        return;
    }
    let dir = TempDir::new().expect("temporary folder");
    let config = dir.path().join("c.yaml");
    let examined = |capture: &str, workers: usize| {
        let around = format!(
            "state_dir: {0}\nworkers: {workers}\noutputs: {{eve: {{path: {0}/e}}}}\n",
            dir.path().display()
        );
        std::fs::write(&config, format!("{capture}{around}")).expect("written");
        let config = config.to_str().expect("UTF-8");
        let args = ["doctor", "--config", config, "--listen", "1s", "--json"];
        let (code, stdout, stderr) = support::run(&args);
        let findings: Vec<Value> = serde_json::from_str(&stdout).expect(&stderr);
        let told = findings.into_iter().map(|finding| {
            let word = |key: &str| finding[key].as_str().unwrap_or_default().to_owned();
            ((word("check"), word("verdict")), finding)
        });
        (code, told.collect::<std::collections::BTreeMap<_, _>>())
    };
    let is = |check: &str, verdict: &str| (check.to_owned(), verdict.to_owned());
    let (code, two) = examined(&capture("net_null0,size=60", "    port: net_null0\n"), 2);
    assert_eq!(code, Some(0), "{two:?}");
    for check in ["dpdk-device", "port", "queues", "rss", "losses"] {
        assert!(two.contains_key(&is(check, "ok")), "{check}: {two:?}");
    }
    assert_eq!(two[&is("port", "ok")]["facts"]["queues"], 2);
    let rss = two[&is("rss", "ok")]["what"].as_str().expect("words");
    assert!(
        rss.contains("says the port: by addresses and ports"),
        "{rss}"
    );
    let ward = support::root().join("pcaps/ward/hl7-pumps.pcap");
    let file = format!("net_pcap0,rx_pcap={}", ward.display());
    let (_, file) = examined(&capture(&file, ""), 2);
    let queues = &file[&is("queues", "note")];
    assert!(
        queues["what"]
            .as_str()
            .is_some_and(|what| what.contains("no RSS")),
        "{queues}"
    );
    assert!(
        file.contains_key(&is("medical", "ok")),
        "what comes is judged: {file:?}"
    );
    let (code, none) = examined(&capture("net_null0", "    port: \"0000:3b:00.0\"\n"), 1);
    assert_eq!(code, Some(1));
    for check in ["dpdk-device", "port"] {
        let fails = &none[&is(check, "fail")];
        assert_ne!(fails["fix"], "", "{fails}");
    }
}
