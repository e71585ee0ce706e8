//! Peak anonymous memory, watched from inside a process of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Runs something and gives the most anonymous memory, in KiB, that the process had meanwhile.
pub fn peak_anonymous_kib<T>(work: impl FnOnce() -> T) -> (T, u64) {
    let done = Arc::new(AtomicBool::new(false));
    let stop = Arc::clone(&done);
    let watcher = std::thread::spawn(move || {
        let mut peak = anonymous_kib();
        while !stop.load(Ordering::Relaxed) {
            std::thread::park_timeout(Duration::from_millis(5));
            peak = peak.max(anonymous_kib());
        }
        peak
    });
    let result = work();
    done.store(true, Ordering::Relaxed);
    watcher.thread().unpark();
    (result, watcher.join().unwrap_or(0))
}

fn anonymous_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status
        .lines()
        .find_map(|line| line.strip_prefix("RssAnon:"))
        .and_then(|rest| rest.trim().trim_end_matches(" kB").parse().ok())
        .unwrap_or(0)
}
