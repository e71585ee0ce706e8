//! The order is the frame number: any number of workers writes the same bytes.

use crate::support;

fn same_with_any_workers(captures: &[std::path::PathBuf], args: &[&str]) {
    let alone = support::inspect(captures, &[&["--workers", "1"], args].concat());
    assert_eq!(alone.code, Some(0), "{}", alone.stderr);
    let alone = alone.stable();
    for workers in ["2", "4", "8"] {
        let run = support::inspect(captures, &[&["--workers", workers], args].concat());
        let many = run.stable();
        if alone != many {
            let differs = alone.lines().zip(many.lines()).find(|(a, b)| a != b);
            panic!("{captures:?} with {workers} workers: {differs:#?}");
        }
    }
}

fn written_by_us() -> Vec<std::path::PathBuf> {
    support::captures_below(&support::root().join("pcaps"))
}

#[test]
fn each_shipped_capture_gives_the_same_lines() {
    let captures = written_by_us();
    assert!(!captures.is_empty());
    // A handful a run: enough processes to see every shape, few enough to end soon.
    for group in captures.chunks(8) {
        same_with_any_workers(group, &[]);
    }
}

#[test]
fn queues_of_depth_one_give_the_same_lines() {
    let dir = tempfile::TempDir::new().expect("temporary folder");
    let config = dir.path().join("vitalwire.yaml");
    std::fs::write(
        &config,
        "pipeline:\n  queue_depth: 1\nflow:\n  records: all\n",
    )
    .expect("written");
    let config = config.to_str().expect("UTF-8");
    same_with_any_workers(&written_by_us(), &["--config", config]);
}

#[test]
fn captures_whose_clock_steps_back_give_the_same_lines() {
    let mut captures = written_by_us();
    captures.reverse(); // time stamps jump between files, forth and back
    same_with_any_workers(&captures, &[]);
}

#[test]
fn tunnels_fragments_and_evasions_give_the_same_lines() {
    let Some(dir) = support::captures() else {
        return;
    };
    for folder in ["encap", "evasion", "dicom", "hl7", "protocol-samples"] {
        let captures = support::captures_below(&dir.join(folder));
        let readable: Vec<_> = captures
            .into_iter()
            .filter(|path| support::inspect(&[path], &["--workers", "1"]).code == Some(0))
            .collect();
        for group in readable.chunks(24) {
            same_with_any_workers(group, &[]);
        }
    }
}
