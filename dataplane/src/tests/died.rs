//! A thread that dies of a fault of ours: the others end, and it is said, so that nobody takes a part
//! for the whole.

use std::sync::Arc;
use std::time::Duration;

use crossbeam::channel::unbounded;
use rules::Ruleset;
use rules::correlate::inventory::Snapshot;
use rules::correlate::{Out, Summary};
use rules::record::{Batch as Records, Record};

use super::frames::{Given, SYN, SYN_ACK, seg};
use super::protocol::{LINES, wait};
use super::worker::{T0, settings};
use crate::capture::{Batch, CaptureError, Fill, Losses, Source};
use crate::correlate_thread::Correlate;
use crate::pipeline::{Feeds, Finished, Parts, Running, Settings, Sources, start, start_with};
use crate::reader::Spreading;
use crate::spread::Spread;
use crate::telemetry::Sample;

/// Frames, and then a fault where there were others to come.
struct Faulty(Given);

impl Source for Faulty {
    fn fill(&mut self, batch: &mut Batch) -> Result<Fill, CaptureError> {
        let filled = self.0.fill(batch)?;
        assert!(filled == Fill::More, "as told");
        Ok(filled)
    }

    fn interfaces(&self) -> &[String] {
        self.0.interfaces()
    }

    fn losses(&mut self) -> Losses {
        self.0.losses()
    }
}

/// An interface on which nothing comes, for ever.
struct Quiet;

impl Source for Quiet {
    fn fill(&mut self, _: &mut Batch) -> Result<Fill, CaptureError> {
        wait(1_000_000);
        Ok(Fill::More)
    }

    fn interfaces(&self) -> &[String] {
        &[]
    }

    fn losses(&mut self) -> Losses {
        Losses::default()
    }
}

fn opening() -> Vec<(i64, Vec<u8>)> {
    let (c, s) = ((1, 40_000), (50, 104));
    let frames = [
        seg(c, s, 1, 0, SYN, b"").frame(),
        seg(s, c, 5, 2, SYN_ACK, b"").frame(),
    ];
    frames.into_iter().map(|frame| (T0, frame)).collect()
}

fn faulty() -> Box<dyn Source> {
    Box::new(Faulty(Given::new(opening(), 1)))
}

/// Ends although a source may not, and says who died.
fn died(running: Running, name: &str) {
    assert!(running.ends_within(Duration::from_secs(30)), "it goes on");
    let Finished { errors, .. } = running.wait();
    let named = |error: &CaptureError| matches!(error, CaptureError::Died(who) if who == name);
    assert!(errors.iter().any(named), "{errors:?}");
    let said = errors.iter().find(|error| named(error)).unwrap();
    assert!(said.to_string().contains(name), "{said}");
}

fn read_by(workers: usize, live: bool, sources: Sources) -> Running {
    let settings = Settings {
        live,
        ..settings(workers)
    };
    let (queue, lines) = unbounded();
    let outputs = vec![("test", queue)];
    let running = start(settings, sources, Arc::new(Ruleset::empty()), outputs).unwrap();
    drop(lines);
    running
}

#[test]
fn a_reader_that_dies_is_no_end_of_the_capture() {
    for live in [false, true] {
        // Ahead of one worker, and for several.
        died(read_by(1, live, Sources::Spread(faulty())), "reader");
        died(read_by(2, live, Sources::Spread(faulty())), "reader");
    }
}

#[test]
fn one_of_several_readers_that_dies_ends_the_others() {
    let sources = Sources::Steered(vec![Box::new(Quiet), faulty()]);
    died(read_by(2, true, sources), "worker-1");
}

/// Dies of the first second.
struct Dying;

impl Correlate for Dying {
    fn record(&mut self, _: &Records, _: &Record, _: &mut Out) {}

    fn second(&mut self, second: i64, _: u64, _: &mut Out) {
        assert!(second < 0, "as told");
    }

    fn clock_step(&mut self, _: i64, _: u64, _: &mut Out) {}

    fn finish(&mut self, _: &mut Out) {}

    fn samples(&self) -> Vec<Sample> {
        Vec::new()
    }

    fn summary(&self) -> Summary {
        Summary::default()
    }

    fn inventory(&self) -> Snapshot {
        Snapshot::default()
    }
}

/// A source with frames that are followed by silence.
struct ThenQuiet(Given);

impl Source for ThenQuiet {
    fn fill(&mut self, batch: &mut Batch) -> Result<Fill, CaptureError> {
        match self.0.fill(batch)? {
            Fill::End => Quiet.fill(batch),
            more => Ok(more),
        }
    }

    fn interfaces(&self) -> &[String] {
        self.0.interfaces()
    }

    fn losses(&mut self) -> Losses {
        self.0.losses()
    }
}

#[test]
fn a_correlator_that_dies_ends_what_is_read() {
    let settings = Settings {
        live: true,
        ..settings(1)
    };
    let frames = opening();
    let source = ThenQuiet(Given::new(frames, 1));
    let feed = Spreading::new(Box::new(source), Spread::new(1));
    let parts = Parts {
        feeds: Feeds::Steered(vec![Box::new(feed)]),
        correlator: Box::new(Dying),
        protocols: LINES,
    };
    let (queue, _lines) = unbounded();
    let ruleset = Arc::new(Ruleset::empty());
    let running = start_with(&settings, parts, ruleset, vec![("test", queue)]).unwrap();
    died(running, "correlator");
}
