//! `/metrics` of a running appliance: text that Prometheus reads, on the loopback only.

use std::collections::{BTreeMap, BTreeSet};

use make::lab::SENSOR;

use super::appliance::{Appliance, get, lab, metric};

#[test]
fn metrics_are_what_prometheus_reads_and_for_this_machine_only() {
    let Some(lab) = lab("metrics") else { return };
    let mut appliance = Appliance::start(&lab, "");
    let page = get(&lab, "/metrics").expect("metrics");
    let families = check(&page);
    for name in [
        "vitalwire_build_info",
        "vitalwire_capture_blind",
        "vitalwire_capture_dropped_frames_total",
        "vitalwire_capture_frames_total",
        "vitalwire_output_lost_lines_total",
        "vitalwire_ready",
        "vitalwire_rules_unarmed",
    ] {
        assert!(families.contains_key(name), "{name} is missing:\n{page}");
    }
    let listening = lab.exec(SENSOR, &["ss", "-ltnH"]).expect("ss");
    let listening = String::from_utf8_lossy(&listening.stdout).into_owned();
    let local = listening
        .lines()
        .filter_map(|line| line.split_whitespace().nth(3))
        .all(|address| ["127.0.0.1:9470", "127.0.0.1:9443"].contains(&address));
    assert!(local && !listening.is_empty(), "{listening}");
    appliance.stop();
}

/// Frames that come while nobody reads are lost in the kernel, and that is told.
#[test]
fn what_the_kernel_drops_is_counted() {
    let Some(lab) = lab("drops") else { return };
    let mut appliance = Appliance::start(&lab, "");
    let kernel = || metric(&lab, "vitalwire_capture_dropped_frames_total", "kernel");
    assert_eq!(kernel(), Some(0.0));
    appliance.task.signal("STOP").expect("signalled");
    let flood = "import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n\
                 for _ in range(20000): s.sendto(bytes(1400), ('10.20.2.10', 9))";
    let flooded = lab.exec("modality", &["python3", "-c", flood]);
    appliance.task.signal("CONT").expect("signalled");
    assert!(flooded.expect("python3").status.success());
    appliance.until("drops counted", || kernel().is_some_and(|n| n > 0.0));
    appliance.until("drops told", || {
        appliance.count(|e| e["capture"]["event"] == "drops") > 0
    });
    appliance.stop();
}

/// Families with their types. Panics where Prometheus would not read on.
fn check(page: &str) -> BTreeMap<String, String> {
    let mut families = BTreeMap::new();
    let mut series = BTreeSet::new();
    for line in page.lines().filter(|line| !line.is_empty()) {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').expect("name and type");
            let known = ["counter", "gauge", "histogram", "summary"].contains(&kind);
            assert!(known, "{line}");
            let twice = families.insert(name.to_owned(), kind.to_owned());
            assert!(twice.is_none(), "{name} is declared twice");
        } else if !line.starts_with("# HELP ") {
            let (key, value) = line.rsplit_once(' ').expect("series and value");
            value.parse::<f64>().expect("a number");
            assert!(series.insert(key.to_owned()), "{key} is there twice");
            let name = key.split('{').next().unwrap_or_default();
            assert!(is_name(name), "{line}");
            labels(key.strip_prefix(name).unwrap_or_default());
            let base = ["_bucket", "_sum", "_count"]
                .iter()
                .find_map(|end| name.strip_suffix(end).filter(|b| families.contains_key(*b)))
                .unwrap_or(name);
            let kind = families.get(base).expect("declared before it is used");
            assert_eq!(kind == "counter", base.ends_with("_total"), "{line}");
        }
    }
    families
}

fn is_name(name: &str) -> bool {
    name.starts_with("vitalwire_")
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

/// `{name="value",…}`, or nothing.
fn labels(text: &str) {
    let Some(inner) = text.strip_prefix('{') else {
        assert_eq!(text, "");
        return;
    };
    let inner = inner.strip_suffix('}').expect("a closing brace");
    for label in inner.split("\",").filter(|label| !label.is_empty()) {
        let (name, value) = label.split_once("=\"").expect("name and value");
        let value = value.strip_suffix('"').unwrap_or(value);
        assert!(!name.is_empty() && !value.contains('"'), "{text}");
    }
}
