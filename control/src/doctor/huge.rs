//! Huge pages, by size and memory node: DPDK receives into them.

use std::path::Path;

use serde_json::json;

use super::system::{number, processors, text};
use super::{Finding, Verdict, dpdk};
use crate::config::{CaptureSource, Config};

/// Huge pages of one size at one memory node.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Pages {
    node: u32,
    kib: u64,
    all: u64,
    free: u64,
    /// Where their number is set.
    set: String,
}

pub(super) fn all(config: &Config) -> Vec<Finding> {
    let pages = read(Path::new("/sys"));
    let arguments = &config.capture.dpdk.eal_args;
    if config.capture.source != CaptureSource::Dpdk {
        return vec![told(&pages, "only a capture by DPDK needs them")];
    }
    if arguments.iter().any(|argument| argument == "--no-huge") {
        let what =
            "capture.dpdk.eal_args has --no-huge: for devices that are none; adapters need them";
        return vec![Finding::machine("hugepages", Verdict::Note, what)];
    }
    vec![judge(&pages, dpdk::needs(config), dpdk::node(config))]
}

/// What there is, a node after the other.
fn read(sys: &Path) -> Vec<Pages> {
    let nodes = sys.join("devices/system/node");
    let numbers = processors(&text(nodes.join("online")));
    let mut pages: Vec<Pages> = numbers
        .iter()
        .flat_map(|node| of_folder(&nodes.join(format!("node{node}/hugepages")), *node))
        .collect();
    if numbers.is_empty() {
        pages = of_folder(&sys.join("kernel/mm/hugepages"), 0);
    }
    pages.sort_by_key(|pages| (pages.node, pages.kib));
    pages
}

fn of_folder(folder: &Path, node: u32) -> Vec<Pages> {
    let sizes = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let sizes = sizes.filter_map(|entry| {
        let name = entry.file_name().into_string().ok()?;
        let size = name.strip_prefix("hugepages-")?.strip_suffix("kB")?;
        let set = entry.path().join("nr_hugepages");
        Some(Pages {
            node,
            kib: size.parse().ok()?,
            all: number(&set)?,
            free: number(entry.path().join("free_hugepages"))?,
            set: set.display().to_string(),
        })
    });
    sizes.collect()
}

fn told(pages: &[Pages], who: &str) -> Finding {
    let facts: Vec<_> = pages
        .iter()
        .map(|one| json!({"node": one.node, "kib": one.kib, "all": one.all, "free": one.free}))
        .collect();
    let mut parts: Vec<String> = pages.iter().filter(|one| one.all > 0).map(one).collect();
    let mut finding = if parts.is_empty() {
        let what = format!("none are reserved; {who}");
        Finding::machine("hugepages", Verdict::Note, what).fix("sudo sysctl -w vm.nr_hugepages=512")
    } else {
        Finding::machine(
            "hugepages",
            Verdict::Ok,
            std::mem::take(&mut parts).join(", "),
        )
    };
    finding.facts = json!(facts);
    finding
}

fn one(pages: &Pages) -> String {
    format!(
        "{} of {} of {} KiB free at node {}",
        pages.free, pages.all, pages.kib, pages.node
    )
}

/// Whether so many bytes fit, near the adapter where it is known where that is.
fn judge(pages: &[Pages], needs: u64, node: Option<u32>) -> Finding {
    let near = |one: &&Pages| node.is_none_or(|node| one.node == node);
    let bytes = |one: &Pages| one.free.saturating_mul(one.kib).saturating_mul(1024);
    let free: u64 = pages.iter().filter(near).map(bytes).sum();
    let mut finding = told(pages, "the adapter's queues are in them");
    if free >= needs {
        return finding;
    }
    let mib = |bytes: u64| bytes.div_ceil(1 << 20);
    let place = node.map_or_else(String::new, |node| {
        format!(" at node {node}, where the adapter is")
    });
    finding.verdict = Verdict::Fail;
    finding.what = format!(
        "{}; {} MiB are needed{place}, and {} MiB are free",
        finding.what,
        mib(needs),
        mib(free)
    );
    // Of the smallest: larger ones can often be had only at boot.
    let smallest = pages.iter().filter(near).min_by_key(|one| one.kib);
    finding.fix = smallest.map_or_else(
        || "sudo dpdk-hugepages.py --setup 1G".to_owned(),
        |one| {
            let missing = needs
                .saturating_sub(free)
                .div_ceil((one.kib.max(1)).saturating_mul(1024));
            let all = one.all.saturating_add(missing);
            format!("echo {all} | sudo tee {}", one.set)
        },
    );
    finding
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pages(node: u32, all: u64, free: u64) -> Pages {
        Pages {
            node,
            kib: 2048,
            all,
            free,
            set: format!("/sys/node{node}/nr_hugepages"),
        }
    }

    #[test]
    fn pages_count_only_near_the_adapter() {
        let both = [pages(0, 100, 100), pages(1, 10, 4)];
        let far = judge(&both, 40 << 20, Some(1));
        assert_eq!(far.verdict, Verdict::Fail);
        assert!(
            far.what.contains("40 MiB are needed at node 1"),
            "{}",
            far.what
        );
        assert_eq!(far.fix, "echo 26 | sudo tee /sys/node1/nr_hugepages");
        assert_eq!(judge(&both, 40 << 20, Some(0)).verdict, Verdict::Ok);
        assert_eq!(judge(&both, 40 << 20, None).verdict, Verdict::Ok);
        let none = judge(&[], 1 << 20, None);
        assert_eq!(none.fix, "sudo dpdk-hugepages.py --setup 1G");
    }

    #[test]
    fn each_node_is_read() {
        let sys = crate::testing::dir("huge");
        for (node, free) in [(0, "7"), (1, "3")] {
            let folder = sys.join(format!(
                "devices/system/node/node{node}/hugepages/hugepages-2048kB"
            ));
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(folder.join("nr_hugepages"), "8\n").unwrap();
            std::fs::write(folder.join("free_hugepages"), free).unwrap();
        }
        std::fs::write(sys.join("devices/system/node/online"), "0-1\n").unwrap();
        let read = read(&sys);
        let told: Vec<_> = read
            .iter()
            .map(|one| (one.node, one.all, one.free))
            .collect();
        assert_eq!(told, [(0, 8, 7), (1, 8, 3)]);
    }
}
