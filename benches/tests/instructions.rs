//! The gate: what a packet that yields no event costs, in instructions, which do not depend on
//! how busy the machine is.
//!
//! The program under callgrind reads a capture of so many packets and one of twice as many;
//! whatever is done once falls out of the difference. It is the development build;
//! the limits are a fifth above what was measured.

#![expect(
    clippy::unwrap_used,
    reason = "a test: what lies outside of its functions is not taken for one"
)]

use std::path::{Path, PathBuf};
use std::process::Command;

use make::Capture;
use traffic::{datagrams, store, unrecognised};

mod traffic;

const PACKETS: usize = 10_000;

#[test]
fn packets_without_events_cost_no_more_instructions_than_they_did() {
    if Command::new("valgrind").arg("--version").output().is_err() {
        println!("skipped: valgrind is not installed");
        return;
    }
    let dir = std::env::temp_dir().join(format!("vitalwire-instructions-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    for (name, made, limit) in [
        ("a C-STORE", store as fn(usize) -> Capture, 2650.0),
        ("unrecognised TCP", unrecognised, 2800.0),
        ("UDP", datagrams, 2200.0),
    ] {
        let [few, many] = [PACKETS, 2 * PACKETS].map(|packets| {
            let capture = made(packets);
            let file = dir.join(format!("{packets}.pcap"));
            capture.write(&file).unwrap();
            (capture.frames.len(), instructions(&file, &dir))
        });
        let more = many.1.saturating_sub(few.1);
        let each = more as f64 / (many.0 - few.0) as f64;
        println!("{name}: {each:.0} instructions a packet, at most {limit}");
        assert!(each < limit, "{name}: {each} a packet");
    }
    std::fs::remove_dir_all(dir).unwrap();
}

/// Of the whole program, all threads together.
fn instructions(file: &Path, dir: &Path) -> u64 {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(vitalwire())
        .args(["inspect", "--workers", "1", "--quiet", "--out"])
        .args([dir, Path::new("--state"), dir, file])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let collected = said
        .lines()
        .find_map(|line| line.split_once("Collected : "));
    collected.unwrap().1.trim().parse().unwrap()
}

/// The program, built beside this test.
fn vitalwire() -> PathBuf {
    let here = std::env::current_exe().unwrap();
    let path = here.parent().unwrap().parent().unwrap().join("vitalwire");
    assert!(path.exists(), "{}: cargo build -p control", path.display());
    path
}
