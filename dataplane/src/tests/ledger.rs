//! `seen = handled + Σ dropped{cause}` at every layer, with losses at each of them.

use std::sync::Arc;

use crossbeam::channel::bounded;
use rules::Ruleset;
use rules::correlate::{Config, Correlator};

use super::frames::{ACK, Given, SYN, SYN_ACK, seg, udp};
use super::pipeline::{Slow, traffic};
use super::protocol::LINES;
use super::worker::settings;
use crate::capture::{Batch, CaptureError, Fill, Losses, Source};
use crate::pipeline::{Feeds, Parts, start_with};
use crate::reader::Spreading;
use crate::spread::Spread;
use crate::telemetry::Snapshot;

/// Says that the ring lost one frame for each batch, all in one second but for the last.
struct Lossy(Given, u64);

impl Source for Lossy {
    fn fill(&mut self, batch: &mut Batch) -> Result<Fill, CaptureError> {
        self.1 += 1;
        self.0.fill(batch)
    }

    fn interfaces(&self) -> &[String] {
        self.0.interfaces()
    }

    fn losses(&mut self) -> Losses {
        Losses {
            received: self.0.given() + self.1,
            kernel: self.1,
            interface: 0,
        }
    }
}

/// The mixed hour, and what each layer cannot take.
fn trouble() -> Vec<(i64, Vec<u8>)> {
    let mut frames = traffic(3000);
    let (at, _) = frames[1000].clone();
    // A fragment whose others never come.
    let mut fragment = udp((30, 7), (31, 7), b"the first eight bytes and more..");
    fragment[14 + 6] = 0x20;
    frames.insert(1000, (at, fragment));
    // A segment far outside of its stream.
    let (c, s) = ((32, 1000), (33, 104));
    for frame in [
        seg(c, s, 1, 0, SYN, b"").frame(),
        seg(s, c, 5, 2, SYN_ACK, b"").frame(),
        seg(c, s, 2, 6, ACK, b"TT first\n").frame(),
        seg(c, s, 0x7000_0000, 6, ACK, b"far away").frame(),
        // Twice at once: a mirror's copy.
        seg(c, s, 11, 6, ACK, b"TT copied\n").frame(),
        seg(c, s, 11, 6, ACK, b"TT copied\n").frame(),
    ] {
        frames.insert(1001, (at, frame));
    }
    frames[1001..1007].reverse();
    frames
}

fn lossy() -> (Snapshot, u64) {
    let mut settings = settings(2);
    (settings.live, settings.queue_depth) = (true, 2);
    let correlator = Correlator::new(
        settings.eve.clone(),
        settings.site.clone(),
        Config::default(),
    );
    let source = Lossy(Given::new(trouble(), 20), 0);
    let spread = Spread::new(2);
    let parts = Parts {
        feeds: Feeds::Spread(Box::new(Spreading::new(Box::new(source), spread))),
        correlator: Box::new(Slow(correlator)),
        protocols: LINES,
    };
    // An output that takes nothing and has no room, and one that has room for everything.
    let (full, _stuck) = bounded(0);
    let (queue, lines) = bounded(10_000);
    let ruleset = Arc::new(Ruleset::empty());
    let outputs = vec![("stuck", full), ("taking", queue)];
    let running = start_with(&settings, parts, ruleset, outputs).unwrap();
    let snapshot = running.wait().snapshot;
    let taken = lines.iter().map(|out| out.items.len() as u64).sum();
    (snapshot, taken)
}

fn dropped(snapshot: &Snapshot, name: &str, cause: &str) -> u64 {
    let label = ("cause", cause.to_owned());
    let all = snapshot.samples.iter();
    all.filter(|s| s.name == name && s.labels.contains(&label))
        .map(|s| s.value)
        .sum()
}

#[test]
fn every_layer_accounts_for_what_it_lost() {
    let (snapshot, taken) = lossy();
    let total = |name: &str| snapshot.total(name);
    let frames = total("vitalwire_capture_frames_total");
    assert_eq!(frames, trouble().len() as u64);

    let lost = total("vitalwire_capture_dropped_frames_total");
    assert!(lost > 10);
    assert_eq!(
        total("vitalwire_capture_received_frames_total"),
        frames + lost
    );
    let worst = total("vitalwire_capture_worst_second_dropped_frames");
    assert!((1..=lost).contains(&worst), "{worst} of {lost}");

    let fragments = total("vitalwire_spread_fragments_total");
    assert_eq!(fragments, 1);
    assert_eq!(total("vitalwire_spread_fragments_dropped_total"), 1);
    assert_eq!(
        total("vitalwire_worker_seen_frames_total"),
        frames - fragments
    );
    for (stage, unit, cause) in [
        ("worker", "frames", "undecoded"),
        ("flow", "packets", "duplicate"),
        ("stream", "segments", "outside_window"),
        ("lane", "records", "full"),
        ("output", "lines", "full"),
    ] {
        let name = |what: &str| format!("vitalwire_{stage}_{what}_{unit}_total");
        let [seen, handled, lost] = ["seen", "handled", "dropped"].map(|what| total(&name(what)));
        assert!(
            dropped(&snapshot, &name("dropped"), cause) > 0,
            "{stage}: {cause}"
        );
        assert_eq!(seen, handled + lost, "{stage}");
    }
    let merged = total("vitalwire_correlator_merged_records_total");
    assert_eq!(merged, total("vitalwire_lane_handled_records_total"));
    assert!(taken > 0);
    assert_eq!(taken, total("vitalwire_output_handled_lines_total"));
    assert_eq!(
        total("vitalwire_flow_opened_flows_total"),
        total("vitalwire_flow_ended_flows_total")
    );
}
