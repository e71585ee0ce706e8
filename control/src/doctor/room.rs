//! Room: on the disk for events and state, in memory for the budget.

use std::path::Path;

use super::system::text;
use super::{Finding, Verdict};
use crate::config::Config;
use crate::config::units::Bytes;

/// Less than this is soon full.
const EVENTS_MIN: Bytes = Bytes::mib(1024);
const STATE_MIN: Bytes = Bytes::mib(64);

pub(super) fn all(config: &Config) -> Vec<Finding> {
    let eve = &config.outputs.eve;
    let mut findings = Vec::new();
    if eve.enabled {
        let folder = eve.path.parent().unwrap_or(&eve.path);
        // The file that is written, and the one before while it is compressed.
        let needs = Bytes(eve.rotate.size.0.saturating_mul(2)).max(EVENTS_MIN);
        findings.extend(disk("events", folder, needs));
    }
    findings.extend(disk("state", &config.state_dir, STATE_MIN));
    findings.extend(memory(config, &text("/proc/meminfo")));
    findings
}

fn disk(what_for: &str, folder: &Path, needs: Bytes) -> Option<Finding> {
    // A folder that is not there yet will be made on the file system of one above it.
    let stat = folder
        .ancestors()
        .find_map(|place| rustix::fs::statvfs(place).ok())?;
    let free = Bytes(stat.f_bavail.saturating_mul(stat.f_frsize));
    let no_names = stat.f_files > 0 && stat.f_favail == 0;
    Some(judge(what_for, folder, free, no_names, needs))
}

fn judge(what_for: &str, folder: &Path, free: Bytes, no_names: bool, needs: Bytes) -> Finding {
    let place = folder.display();
    let told = format!("{} free for {what_for} ({place})", human(free.0));
    let (verdict, what) = match free {
        _ if no_names => (
            Verdict::Fail,
            format!("{told}, but no inode: no file can be made"),
        ),
        Bytes(0) => (Verdict::Fail, told),
        free if free < needs => (
            Verdict::Warn,
            format!("{told}; {} would do", human(needs.0)),
        ),
        _ => (Verdict::Ok, told),
    };
    let fix = match verdict {
        Verdict::Ok => String::new(),
        _ => format!(
            "sudo du -xh --max-depth=2 $(df --output=target {place} | tail -1) | sort -h | tail"
        ),
    };
    Finding::machine("disk", verdict, what).fix(fix)
}

fn memory(config: &Config, meminfo: &str) -> Option<Finding> {
    let kib: u64 = meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:"))?
        .split_whitespace()
        .next()?
        .parse()
        .ok()?;
    let free = kib.saturating_mul(1024);
    let buffer = config.capture.buffer.0;
    let needs = config.limits.memory.0.saturating_add(buffer);
    let told = format!(
        "{} available, {} needed at most (limits.memory and capture.buffer)",
        human(free),
        human(needs)
    );
    if free >= needs {
        return Some(Finding::machine("memory", Verdict::Ok, told));
    }
    let fits = Bytes::mib(free.saturating_sub(buffer).div_euclid(2 << 20).max(64));
    Some(
        Finding::machine("memory", Verdict::Warn, told)
            .fix(format!("in the configuration: limits: {{memory: {fits}}}")),
    )
}

/// Three digits or so.
pub(super) fn human(bytes: u64) -> String {
    let units = [
        (1_u64 << 40, "TiB"),
        (1 << 30, "GiB"),
        (1 << 20, "MiB"),
        (1 << 10, "KiB"),
    ];
    for (unit, name) in units {
        if let Some(tenths) = bytes
            .saturating_mul(10)
            .checked_div(unit)
            .filter(|n| *n >= 10)
        {
            return match tenths {
                100.. => format!("{} {name}", tenths.div_euclid(10)),
                _ => format!("{}.{} {name}", tenths.div_euclid(10), tenths.rem_euclid(10)),
            };
        }
    }
    format!("{bytes} B")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn little_room_is_told_and_enough_is_good() {
        let disk = |free, none| judge("events", Path::new("/v"), free, none, EVENTS_MIN).verdict;
        assert_eq!(disk(Bytes::mib(9000), false), Verdict::Ok);
        assert_eq!(disk(Bytes::mib(900), false), Verdict::Warn);
        assert_eq!(disk(Bytes(0), false), Verdict::Fail);
        assert_eq!(disk(Bytes::mib(9000), true), Verdict::Fail);
    }

    #[test]
    fn a_budget_beyond_the_machine_is_told_with_one_that_fits() {
        let config = Config::default();
        let of = |kib: u64| memory(&config, &format!("MemAvailable: {kib} kB\n")).unwrap();
        assert_eq!(of(8 << 20).verdict, Verdict::Ok);
        let little = of(256 << 10);
        assert_eq!(little.verdict, Verdict::Warn);
        assert!(little.fix.contains("memory: 96MiB"), "{}", little.fix);
    }

    #[test]
    fn sizes_are_short() {
        assert_eq!(human(0), "0 B");
        assert_eq!(human(1536), "1.5 KiB");
        assert_eq!(human(65 << 30), "65 GiB");
    }
}
