//! What the checks share: small files of the kernel, lists of processors, capabilities.

use std::path::Path;

const CAP_NET_ADMIN: u32 = 12;
const CAP_NET_RAW: u32 = 13;
const CAP_IPC_LOCK: u32 = 14;
const CAP_SYS_ADMIN: u32 = 21;
const CAP_PERFMON: u32 = 38;
const CAP_BPF: u32 = 39;

/// A file's text without the space around it; empty if it cannot be read.
pub(super) fn text(path: impl AsRef<Path>) -> String {
    std::fs::read_to_string(path).map_or_else(|_| String::new(), |text| text.trim().to_owned())
}

/// A file's number.
pub(super) fn number(path: impl AsRef<Path>) -> Option<u64> {
    text(path).parse().ok()
}

/// Processors of a list such as `0-3,8`; a stranger's list cannot be long.
pub(super) fn processors(list: &str) -> Vec<u32> {
    let mut all: Vec<u32> = list
        .split(',')
        .filter_map(|part| {
            let (from, to) = part.split_once('-').unwrap_or((part, part));
            let (from, to) = (from.trim().parse().ok()?, to.trim().parse().ok()?);
            Some(from..=to)
        })
        .flatten()
        .take(PROCESSORS_MAX)
        .collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// Kernels are built for at most so many.
const PROCESSORS_MAX: usize = 8192;

/// `0-3,8` of processors in order.
pub(super) fn list(processors: &[u32]) -> String {
    let mut runs: Vec<(u32, u32)> = Vec::new();
    for &one in processors {
        match runs.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(one) => *last = one,
            _ => runs.push((one, one)),
        }
    }
    let run = |(from, to): &(u32, u32)| match from == to {
        true => from.to_string(),
        false => format!("{from}-{to}"),
    };
    runs.iter().map(run).collect::<Vec<_>>().join(",")
}

/// Processors that run.
pub(super) fn online() -> Vec<u32> {
    processors(&text("/sys/devices/system/cpu/online"))
}

/// How many memory nodes there are; one where nobody says.
pub(super) fn nodes() -> usize {
    processors(&text("/sys/devices/system/node/online"))
        .len()
        .max(1)
}

/// Whether this process may capture.
pub(super) fn may_capture() -> bool {
    has_capability(CAP_NET_RAW)
}

/// Whether this process may configure interfaces.
pub(super) fn may_configure() -> bool {
    has_capability(CAP_NET_ADMIN)
}

/// Whether this process may lock as much memory as it likes.
pub(super) fn may_lock() -> bool {
    has_capability(CAP_IPC_LOCK)
}

/// Whether this process may load eBPF programs, and such as follow pointers. Whoever administers
/// the system may do both; before Linux 5.8 nobody else.
pub(super) fn may_load() -> (bool, bool) {
    let all = has_capability(CAP_SYS_ADMIN);
    (
        all || has_capability(CAP_BPF),
        all || has_capability(CAP_PERFMON),
    )
}

fn has_capability(bit: u32) -> bool {
    let status = text("/proc/self/status");
    let effective = status
        .lines()
        .find_map(|line| line.strip_prefix("CapEff:"))
        .and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok())
        .unwrap_or(0);
    effective.checked_shr(bit).unwrap_or(0) & 1 == 1
}

/// This program, for commands that people are to type.
pub(super) fn program() -> String {
    std::env::current_exe().map_or_else(
        |_| "$(command -v vitalwire)".to_owned(),
        |path| path.display().to_string(),
    )
}

/// Whether a program of this name runs.
pub(super) fn runs(name: &str) -> bool {
    std::fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .flatten()
        .any(|entry| text(entry.path().join("comm")) == name)
}

/// Whether a program can be started by its name.
pub(super) fn has_program(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let usual = ["/usr/sbin", "/sbin"].map(Into::into);
    std::env::split_paths(&path)
        .chain(usual)
        .any(|folder| folder.join(name).is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_processors_are_read_and_written() {
        assert_eq!(processors("0-3,8"), [0, 1, 2, 3, 8]);
        assert!(processors("").is_empty());
        assert_eq!(processors("0-99999999").len(), PROCESSORS_MAX);
        assert_eq!(list(&[0, 1, 2, 3, 8]), "0-3,8");
        assert_eq!(list(&[5]), "5");
    }
}
