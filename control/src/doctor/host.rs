//! The machine: permissions, kernel, clock, processors.

use std::io::Read;

use dataplane::capture::live::steered::{self, Steered};

use super::system::{self, list, number, text};
use super::{Finding, Verdict};

pub(super) fn all() -> Vec<Finding> {
    let mut findings = vec![permission(), kernel()];
    findings.extend(tools());
    findings.push(clock());
    findings.extend(clock_source());
    findings.push(processors());
    findings.extend(governor());
    findings.extend(backlog());
    findings
}

fn permission() -> Finding {
    if !system::may_capture() {
        let what = "this process has no CAP_NET_RAW, so it cannot capture";
        let fix = format!(
            "sudo setcap cap_net_raw,cap_bpf,cap_perfmon+ep {}",
            system::program()
        );
        return Finding::machine("permission", Verdict::Fail, what).fix(fix);
    }
    let what = if system::may_configure() {
        "may capture (CAP_NET_RAW) and may silence interfaces (CAP_NET_ADMIN)"
    } else {
        "may capture (CAP_NET_RAW); silencing an interface is for root or vitalwire-silence@.service"
    };
    Finding::machine("permission", Verdict::Ok, what)
}

/// The commands below need them; the checks do not.
fn tools() -> Vec<Finding> {
    [("ip", "iproute2"), ("ethtool", "ethtool")]
        .into_iter()
        .filter(|(tool, _)| !system::has_program(tool))
        .map(|(tool, package)| {
            let what = format!("{tool} is missing: commands below need it");
            Finding::machine("tools", Verdict::Note, what)
                .fix(format!("sudo apt-get install {package}"))
        })
        .collect()
}

/// What a capture can use, and from which kernel on there is it.
const FEATURES: [(&str, (u32, u32)); 4] = [
    ("TPACKET_V3", (3, 2)),
    ("fanout by eBPF", (4, 3)),
    ("AF_XDP", (4, 18)),
    ("PACKET_IGNORE_OUTGOING", (4, 20)),
];

fn kernel() -> Finding {
    let release = text("/proc/sys/kernel/osrelease");
    let built = built(&release);
    if !std::path::Path::new("/proc/net/packet").exists() {
        let what = format!("Linux {release} has no packet sockets (CONFIG_PACKET)");
        return Finding::machine("kernel", Verdict::Fail, what).fix("sudo modprobe af_packet");
    }
    let lacks = lacks(version(&release), &built);
    let has: Vec<&str> = FEATURES
        .map(|(name, _)| name)
        .into_iter()
        .filter(|name| !lacks.contains(name))
        .collect();
    let has = has.join(", ");
    if lacks.is_empty() {
        let what = format!("Linux {release} has {has}");
        return Finding::machine("kernel", Verdict::Ok, what);
    }
    let what = format!("Linux {release} has {has}, but lacks {}", lacks.join(", "));
    Finding::machine("kernel", Verdict::Note, what)
        .fix("sudo apt-get update && sudo apt-get full-upgrade && sudo reboot")
}

fn lacks(version: (u32, u32), built: &str) -> Vec<&'static str> {
    let off = |option: &str| {
        let off = format!("# {option} is not set");
        built.lines().any(|line| line == off)
    };
    FEATURES
        .into_iter()
        .filter(|(name, since)| {
            version < *since || (*name == "AF_XDP" && off("CONFIG_XDP_SOCKETS"))
        })
        .map(|(name, _)| name)
        .collect()
}

pub(super) fn version(release: &str) -> (u32, u32) {
    let mut numbers = release
        .split(|c: char| !c.is_ascii_digit())
        .map(|part| part.parse().unwrap_or(0));
    let major = numbers.next().unwrap_or(0);
    (major, numbers.next().unwrap_or(0))
}

/// How the kernel was built; empty where it does not say.
pub(super) fn built(release: &str) -> String {
    let beside = text(format!("/boot/config-{release}"));
    if !beside.is_empty() {
        return beside;
    }
    let mut told = String::new();
    if let Ok(file) = std::fs::File::open("/proc/config.gz") {
        let mut reader = flate2::read::GzDecoder::new(file).take(BUILT_MAX);
        if reader.read_to_string(&mut told).is_err() {
            told.clear();
        }
    }
    told
}

/// Such a file has some 250 KiB.
const BUILT_MAX: u64 = 16 << 20;

/// Events of several sensors are compared by their seconds.
const CLOCK_MS_MAX: i64 = 1000;

fn clock() -> Finding {
    let systemd = std::path::Path::new("/run/systemd/timesync/synchronized").exists();
    kept(steered::clock(), systemd)
}

/// How the clock is kept: what the kernel says, and whether systemd says that it is.
fn kept(told: Option<Steered>, systemd: bool) -> Finding {
    match told {
        Some(clock) if clock.synchronised => {
            let ms = clock.error_max_us.div_euclid(1000);
            let what = format!("synchronised, at most {ms} ms off");
            if ms < CLOCK_MS_MAX {
                return Finding::machine("clock", Verdict::Ok, what);
            }
            Finding::machine("clock", Verdict::Note, what).fix("timedatectl timesync-status")
        }
        None if systemd => Finding::machine("clock", Verdict::Ok, "synchronised, says systemd"),
        told => {
            let what = match told {
                Some(_) => "nobody keeps it right: events get wrong times",
                None => "nobody says whether it is right",
            };
            let fix = match system::has_program("timedatectl") {
                true => "sudo timedatectl set-ntp true",
                false => "sudo apt-get install chrony",
            };
            Finding::machine("clock", Verdict::Warn, what).fix(fix)
        }
    }
}

/// A slow clock costs time for each frame's stamp.
fn clock_source() -> Option<Finding> {
    let folder = "/sys/devices/system/clocksource/clocksource0";
    let now = text(format!("{folder}/current_clocksource"));
    let slow = matches!(
        now.as_str(),
        "hpet" | "acpi_pm" | "jiffies" | "refined-jiffies"
    );
    let there = text(format!("{folder}/available_clocksource"));
    let fast = ["tsc", "kvm-clock", "arch_sys_counter"]
        .into_iter()
        .find(|fast| there.split_whitespace().any(|word| word == *fast));
    let fast = fast.filter(|_| slow)?;
    let what = format!("is read from {now}, which takes a microsecond for each frame");
    Some(Finding::machine("clock", Verdict::Warn, what).fix(format!(
        "echo {fast} | sudo tee {folder}/current_clocksource"
    )))
}

fn processors() -> Finding {
    let online = system::online();
    let mut cores: Vec<String> = online
        .iter()
        .map(|n| {
            text(format!(
                "/sys/devices/system/cpu/cpu{n}/topology/core_cpus_list"
            ))
        })
        .filter(|list| !list.is_empty())
        .collect();
    cores.sort();
    cores.dedup();
    let nodes = system::nodes();
    let mut what = format!("{} ({})", online.len(), list(&online));
    if !cores.is_empty() && cores.len() < online.len() {
        what.push_str(&format!(" on {} cores: siblings share a core", cores.len()));
    }
    if nodes > 1 {
        what.push_str(&format!(", {nodes} memory nodes"));
    }
    Finding::machine("processors", Verdict::Ok, what)
}

/// A processor that sleeps when nothing comes is late when something does.
fn governor() -> Option<Finding> {
    let now = text("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor");
    if now.is_empty() || now == "performance" {
        return None;
    }
    let verdict = match now.as_str() {
        "powersave" => Verdict::Warn,
        _ => Verdict::Note,
    };
    let what = format!("the frequency governor is {now}: bursts meet slow processors");
    Some(
        Finding::machine("governor", verdict, what).fix(
            "echo performance | sudo tee /sys/devices/system/cpu/cpu*/cpufreq/scaling_governor",
        ),
    )
}

/// Packets that the kernel dropped between card and sockets, of all interfaces.
fn backlog() -> Option<Finding> {
    let dropped: u64 = text("/proc/net/softnet_stat")
        .lines()
        .filter_map(|line| u64::from_str_radix(line.split_whitespace().nth(1)?, 16).ok())
        .sum();
    let backlog = number("/proc/sys/net/core/netdev_max_backlog")?;
    if dropped == 0 {
        return None;
    }
    let what = format!("{dropped} packets dropped between card and sockets since boot");
    Some(
        Finding::machine("backlog", Verdict::Note, what).fix(format!(
            "sudo sysctl -w net.core.netdev_max_backlog={}",
            backlog.saturating_mul(4).max(10_000)
        )),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kernel_lacks_what_is_newer_or_was_left_out() {
        assert_eq!(version("6.12.57+deb13-amd64"), (6, 12));
        assert!(lacks((6, 12), "").is_empty());
        assert_eq!(lacks((4, 19), ""), ["PACKET_IGNORE_OUTGOING"]);
        assert_eq!(
            lacks((6, 1), "CONFIG_PACKET=y\n# CONFIG_XDP_SOCKETS is not set\n"),
            ["AF_XDP"]
        );
    }

    #[test]
    fn a_clock_that_nobody_keeps_is_told() {
        let clock = |synchronised, error_max_us| {
            Some(Steered {
                synchronised,
                error_max_us,
            })
        };
        for (told, systemd, verdict) in [
            (clock(true, 3000), false, Verdict::Ok),
            (clock(true, 2_000_000), true, Verdict::Note),
            (clock(false, 0), true, Verdict::Warn),
            (None, true, Verdict::Ok),
            (None, false, Verdict::Warn),
        ] {
            let finding = kept(told, systemd);
            assert_eq!(finding.verdict, verdict, "{finding:?}");
            assert_eq!(finding.fix.is_empty(), verdict == Verdict::Ok);
        }
    }
}
