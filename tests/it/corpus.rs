//! Hostile and odd input: every capture there is, whole and damaged, is survived and accounted for.

use std::path::Path;

use crate::mutate::{self, Dice};
use crate::support;

/// The default memory budget of the configuration, and as much again for the program itself,
/// blocks in flight and the allocator.
const MEMORY_KIB_MAX: u64 = 2 * 512 * 1024;

/// What any run has to keep, whatever the input: no panic, a clear exit, whole JSON lines, bounded
/// memory.
fn survives(name: &str, run: &support::Run) {
    assert!(
        run.peak_kib < MEMORY_KIB_MAX,
        "{name}: {} KiB",
        run.peak_kib
    );
    assert!(
        matches!(run.code, Some(0 | 1)),
        "{name}: {:?}\n{}",
        run.code,
        run.stderr
    );
    assert!(!run.stderr.contains("panicked"), "{name}: {}", run.stderr);
    for line in run.stderr.lines() {
        assert!(!line.trim().is_empty(), "{name}: {}", run.stderr);
    }
    let events = run.events();
    let stats = events.iter().rfind(|e| e["event_type"] == "stats");
    assert!(
        stats.is_some() || run.code == Some(1),
        "{name}: no stats line"
    );
    if let Some(stats) = stats {
        assert_eq!(panics(stats), 0, "{name}: a worker panicked");
    }
}

fn panics(stats: &serde_json::Value) -> u64 {
    stats
        .pointer("/stats/worker/panics")
        .and_then(serde_json::Value::as_u64)
        .unwrap_or(0)
}

#[test]
fn every_capture_of_the_corpus_is_read() {
    let Some(dir) = support::captures() else {
        return;
    };
    let captures = support::captures_below(&dir);
    assert!(
        captures.len() > 100,
        "{} captures in {}",
        captures.len(),
        dir.display()
    );
    for capture in &captures {
        let run = support::inspect(&[capture], &["--workers", "2"]);
        survives(&capture.display().to_string(), &run);
    }
}

#[test]
fn damaged_captures_are_survived() {
    let mut captures = support::captures_below(&support::root().join("pcaps"));
    if let Some(dir) = support::captures() {
        captures.extend(support::captures_below(&dir));
    }
    assert!(captures.len() > 20, "{} captures", captures.len());
    let dir = tempfile::TempDir::new().expect("temporary folder");
    for (seed, capture) in captures.iter().enumerate() {
        let bytes = std::fs::read(capture).expect("readable");
        if bytes.len() > 2 << 20 {
            continue; // the small ones have all the shapes
        }
        damage_and_read(capture, &bytes, seed as u64 + 1, dir.path());
    }
}

/// One run over four damaged copies: the reader goes on with the next file after a damaged one.
fn damage_and_read(capture: &Path, bytes: &[u8], seed: u64, dir: &Path) {
    let mut dice = Dice::new(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let copies = [
        mutate::flip(bytes, &mut dice),
        mutate::cut(bytes, &mut dice),
        mutate::shuffle(bytes, &mut dice),
        mutate::flip(&mutate::shuffle(bytes, &mut dice), &mut dice),
    ];
    let paths: Vec<_> = (0..copies.len())
        .map(|at| dir.join(format!("{at}.cap")))
        .collect();
    for (path, copy) in paths.iter().zip(&copies) {
        std::fs::write(path, copy).expect("written");
    }
    let run = support::inspect(&paths, &["--workers", "2"]);
    survives(
        &format!("{} damaged with seed {seed}", capture.display()),
        &run,
    );
}
