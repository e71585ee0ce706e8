//! Captures from files, end to end. Not run by default: `VITALWIRE_CAPTURES=a.pcap:b.pcap cargo
//! test -p dataplane captures -- --ignored --nocapture`.

use std::path::PathBuf;
use std::sync::Arc;

use crossbeam::channel::bounded;
use rules::Ruleset;

use super::worker::settings;
use crate::capture::files::Files;
use crate::pipeline::start;

#[test]
#[ignore = "needs captures"]
fn captures_are_read_end_to_end() {
    let list = std::env::var("VITALWIRE_CAPTURES").unwrap();
    let mut first: Option<Vec<u8>> = None;
    for workers in [1, 2, 4] {
        let paths: Vec<PathBuf> = list.split(':').map(PathBuf::from).collect();
        let (queue, lines) = bounded(4);
        let source = Box::new(Files::new(paths));
        let running = start(
            settings(workers),
            source,
            Arc::new(Ruleset::empty()),
            vec![("test", queue)],
        )
        .unwrap();
        let mut written = Vec::new();
        for out in lines {
            written.extend_from_slice(&out.arena);
        }
        let finished = running.wait();
        if first.is_none() {
            let text = String::from_utf8_lossy(&written);
            text.lines().take(12).for_each(|line| println!("{line}"));
            for sample in finished.snapshot.samples.iter().filter(|s| s.value > 0) {
                println!("{} {:?} {}", sample.name, sample.labels, sample.value);
            }
            println!("{:?}", finished.errors);
        }
        assert!(
            first.get_or_insert_with(|| written.clone()) == &written,
            "{workers} workers"
        );
    }
}
