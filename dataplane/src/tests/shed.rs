//! A worker that falls behind leaves out what matters least, says so, and catches up.

use std::sync::Arc;

use crossbeam::channel::unbounded;
use rules::Ruleset;
use rules::correlate::{Config, Correlator};
use rules::record::Body;

use super::frames::{ACK, Given, SYN, SYN_ACK, seg};
use super::protocol::{LINES_AND_OTHERS, wait};
use super::worker::{T0, settings};
use crate::capture::ahead::Ahead;
use crate::capture::{Batch, CaptureError, Fill, Losses, Source};
use crate::counters::Count;
use crate::pipeline::{Feeds, Parts, start_with};
use crate::reader::Spreading;
use crate::spread::{Spread, Work};
use crate::worker::Worker;

/// A worker, and three connections: medical, another, and one that has said nothing yet.
struct Scene {
    worker: Worker,
    spread: Spread,
    ruleset: Arc<Ruleset>,
    time: i64,
    sent: [u32; 3],
}

const MEDICAL: usize = 0;
const OTHER: usize = 1;
const UNKNOWN: usize = 2;

impl Scene {
    fn new() -> Self {
        let ruleset = Arc::new(Ruleset::empty());
        let mut scene = Self {
            worker: Worker::new(&settings(1), LINES_AND_OTHERS, true, Arc::clone(&ruleset)),
            spread: Spread::new(1),
            ruleset,
            time: T0,
            sent: [0; 3],
        };
        for who in 0..3 {
            let (c, s) = ends(who);
            let opens = vec![
                seg(c, s, 1, 0, SYN, b"").frame(),
                seg(s, c, 5, 2, SYN_ACK, b"").frame(),
            ];
            scene.give(opens, 0);
        }
        scene.says(MEDICAL, "TT medical\n", 0);
        scene.says(OTHER, "OO other\n", 0);
        scene
    }

    fn says(&mut self, who: usize, text: &str, backlog: u8) {
        let (c, s) = ends(who);
        let sent = self.sent[who];
        self.sent[who] += text.len() as u32;
        let frame = seg(c, s, 2 + sent, 6, ACK, text.as_bytes()).frame();
        // What acknowledges it: a hole before it is none that might still be filled.
        let ack = seg(s, c, 6, 2 + self.sent[who], ACK, b"").frame();
        self.give(vec![frame, ack], backlog);
    }

    fn give(&mut self, frames: Vec<Vec<u8>>, backlog: u8) {
        self.time += 2_000_000_000;
        let frames = frames.into_iter().map(|frame| (self.time, frame)).collect();
        let mut batch = Batch::default();
        Given::new(frames, 10).fill(&mut batch).unwrap();
        batch.backlog = backlog;
        let mut works = [Work::new(Arc::clone(&self.ruleset))];
        self.spread.spread(&mut batch, &mut works);
        self.worker.begin(&works[0]);
        self.worker.go_on(&works[0]);
    }

    fn told(&self, word: &str) -> bool {
        let pens = [&self.worker.recorder.medical, &self.worker.recorder.bulk];
        pens.iter().any(|pen| {
            pen.records.iter().any(|record| {
                let Body::Event(event) = &record.body else {
                    return false;
                };
                let object = &pen.arena[event.object.start as usize..event.object.end as usize];
                String::from_utf8_lossy(object).contains(word)
            })
        })
    }

    fn count(&self, count: Count) -> u64 {
        self.worker.recorder.counts.get(count)
    }
}

fn ends(who: usize) -> ((u8, u16), (u8, u16)) {
    ((1, 40_000 + who as u16), (2, 104))
}

#[test]
fn what_is_not_medical_goes_first() {
    let mut scene = Scene::new();
    scene.says(MEDICAL, "TT one\n", 60);
    scene.says(OTHER, "O hidden\n", 60);
    scene.says(UNKNOWN, "TT found\n", 60);
    assert!(scene.told("TT one") && scene.told("TT found"));
    assert!(!scene.told("hidden"));
    assert!(scene.told("shedding"));
    assert_eq!(scene.count(Count::ShedOthers), 9);
    assert_eq!(scene.count(Count::ShedUnknown), 0);
}

#[test]
fn then_what_nobody_knows_and_medical_flows_never() {
    let mut scene = Scene::new();
    scene.says(UNKNOWN, "TT unseen\n", 80);
    scene.says(MEDICAL, "TT two\n", 99);
    assert!(scene.told("TT two") && !scene.told("unseen"));
    assert_eq!(scene.count(Count::ShedUnknown), 10);
}

#[test]
fn it_catches_up_and_says_so() {
    let mut scene = Scene::new();
    scene.says(UNKNOWN, "something\n", 80);
    scene.says(MEDICAL, "TT three\n", 0);
    assert!(scene.told("caught_up"));
    scene.says(UNKNOWN, "more\nTT late\n", 0);
    scene.says(UNKNOWN, "TT later\n", 0);
    assert!(scene.told("TT late"), "found again behind the gap");
    scene.says(OTHER, "O again\n", 0);
    assert!(scene.told("O again"));
}

#[test]
fn that_it_caught_up_is_told_when_nothing_comes_any_more() {
    let mut scene = Scene::new();
    scene.says(MEDICAL, "TT last\n", 90);
    assert!(scene.told("shedding") && !scene.told("caught_up"));
    scene.give(Vec::new(), 0);
    assert!(scene.told("caught_up"));
}

/// Frames that come slowly at first, so that flows are recognised, and then all at once.
struct Burst(Given);

impl Source for Burst {
    fn fill(&mut self, batch: &mut Batch) -> Result<Fill, CaptureError> {
        if self.0.given() < 30 {
            wait(5_000_000);
        }
        self.0.fill(batch)
    }

    fn interfaces(&self) -> &[String] {
        self.0.interfaces()
    }

    fn losses(&mut self) -> Losses {
        self.0.losses()
    }
}

/// The worker stalls, so the queue before it fills: of what comes meanwhile every medical line is
/// told, others are left out and counted, and nothing is lost without a word.
#[test]
fn a_worker_that_stalls_tells_every_medical_line() {
    const LINES: u32 = 200;
    let mut frames = Vec::new();
    let mut sent = [2_u32; 2];
    for who in [MEDICAL, OTHER] {
        let (c, s) = ends(who);
        frames.push((T0, seg(c, s, 1, 0, SYN, b"").frame()));
        frames.push((T0, seg(s, c, 5, 2, SYN_ACK, b"").frame()));
    }
    for n in 0..LINES {
        for (who, word) in [(MEDICAL, "TT"), (OTHER, "OO")] {
            let slow = if who == MEDICAL && n == 20 { "Z\n" } else { "" };
            let text = format!("{word} line {n}.\n{slow}");
            let (c, s) = ends(who);
            frames.push((T0, seg(c, s, sent[who], 6, ACK, text.as_bytes()).frame()));
            sent[who] += text.len() as u32;
        }
    }
    let settings = crate::pipeline::Settings {
        live: true,
        queue_depth: 16,
        ..settings(1)
    };
    let ahead = Ahead::start(Box::new(Burst(Given::new(frames, 4))), 16, true).unwrap();
    let feed = Spreading::new(Box::new(ahead), Spread::new(1));
    let correlator = Correlator::new(
        settings.eve.clone(),
        settings.site.clone(),
        Config::default(),
    );
    let parts = Parts {
        feeds: Feeds::Steered(vec![Box::new(feed)]),
        correlator: Box::new(correlator),
        protocols: LINES_AND_OTHERS,
    };
    let (queue, lines) = unbounded();
    let ruleset = Arc::new(Ruleset::empty());
    let running = start_with(&settings, parts, ruleset, vec![("test", queue)]).unwrap();
    let snapshot = running.wait().snapshot;
    let written: String = lines
        .iter()
        .map(|out| String::from_utf8_lossy(&out.arena).into_owned())
        .collect();
    for n in 0..LINES {
        assert!(written.contains(&format!("TT line {n}.")), "{n}");
    }
    let shed = snapshot.total("vitalwire_worker_shed_bytes_total");
    assert!(shed > 0 && written.contains("shedding") && written.contains("caught_up"));
    let others = (0..LINES).filter(|n| written.contains(&format!("OO line {n}.")));
    assert!(others.count() < LINES as usize);
}
