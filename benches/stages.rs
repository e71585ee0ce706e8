//! One stage at a time: decode; parse, match and render by protocol, on its own sample; and the
//! whole pipeline on the captures that ship.

use std::hint::black_box;
use std::sync::Arc;

use benches::conversation::{self, Each};
use benches::{captures, messages, pipeline};
use criterion::{Criterion, Throughput};
use dataplane::decode;
use dataplane::emit::{Lane, Recorder};
use dataplane::span::{Expect, Judge};
use parsers::event::{Direction, Envelope};
use parsers::phi::Pseudonymizer;
use parsers::protocol::{Open, Parser};
use parsers::time::{NANOS_PER_SEC, Time};
use parsers::{PROTOCOLS, hl7};
use rules::Scratch;
use rules::eve::Eve;
use smallvec::SmallVec;

fn decoding(criterion: &mut Criterion) {
    let frames = captures::frames(&captures::ward());
    let mut group = criterion.benchmark_group("decode");
    group.throughput(Throughput::Elements(frames.len() as u64));
    group.bench_function("ward", |bencher| {
        bencher.iter(|| {
            for (frame, bytes) in &frames {
                _ = black_box(decode::decode(frame, bytes));
            }
        });
    });
    group.finish();
}

/// What the judge of a mirror port costs beside decoding, a frame.
fn judge(criterion: &mut Criterion) {
    let mut frames = captures::frames(&captures::ward());
    // One after the other in time, as they would come from one port.
    frames.sort_by_key(|(frame, _)| frame.time);
    let packets: Vec<_> = frames
        .iter()
        .filter_map(|(frame, bytes)| Some((frame, bytes, decode::decode(frame, bytes).ok()?)))
        .collect();
    let mut group = criterion.benchmark_group("judge");
    group.throughput(Throughput::Elements(packets.len() as u64));
    group.bench_function("ward", |bencher| {
        let mut judge = Judge::new(Expect::default());
        let mut later = 0_i64;
        bencher.iter(|| {
            // A day later each time, or all of it would have come twice.
            later = later.saturating_add(86_400 * NANOS_PER_SEC);
            judge.begin(Time::ZERO);
            for (frame, bytes, packet) in &packets {
                let mut frame = **frame;
                frame.time = frame.time.plus(later);
                judge.frame(&frame, bytes, packet);
            }
            black_box(judge.tally().frames)
        });
    });
    group.finish();
}

fn parse(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("parse");
    for spec in PROTOCOLS.iter().filter(|spec| spec.open.is_some()) {
        group.throughput(Throughput::Bytes(conversation::len(spec)));
        group.bench_function(spec.name, |bencher| {
            let mut emit = Each(|event: &parsers::event::Event<'_>| {
                black_box(event);
            });
            bencher.iter(|| conversation::read(spec, &mut emit));
        });
    }
    group.finish();
}

/// The HL7 parser alone: framing, fields and the event, without rules and rendering. Messages come
/// whole, as from a stream that was put together, or in the segments that TCP makes of them.
fn hl7(criterion: &mut Criterion) {
    let Some(open) = hl7::SPEC.open else { return };
    let mut group = criterion.benchmark_group("hl7");
    for feed in messages::feeds() {
        group.throughput(Throughput::Bytes(feed.bytes() as u64));
        for (how, len) in [("whole", usize::MAX), ("in segments", TCP_BYTES)] {
            group.bench_function(format!("{}, {how}", feed.name), |bencher| {
                let mut parser = open(&Open::default());
                bencher.iter(|| {
                    let events = read(&mut *parser, &feed, len);
                    assert_eq!(events, feed.messages.len(), "{}", feed.name);
                });
            });
        }
    }
    group.finish();
}

/// Gives a feed's messages to the parser in pieces of so many bytes; the events that come of them.
fn read(parser: &mut dyn Parser, feed: &messages::Feed, len: usize) -> usize {
    let mut events = 0_usize;
    let mut emit = Each(|event: &parsers::event::Event<'_>| {
        black_box(event);
        events = events.saturating_add(1);
    });
    for bytes in feed.messages.iter().flat_map(|bytes| bytes.chunks(len)) {
        conversation::give(parser, Direction::ToServer, bytes, &mut emit);
    }
    events
}

/// Payload of a full TCP segment over Ethernet.
const TCP_BYTES: usize = 1460;

fn render(criterion: &mut Criterion) {
    let site = Pseudonymizer::new(&[7; 32]);
    let mut group = criterion.benchmark_group("parse and render");
    for spec in PROTOCOLS.iter().filter(|spec| spec.open.is_some()) {
        group.bench_function(spec.name, |bencher| {
            let mut line = Vec::new();
            let mut emit = Each(|event: &parsers::event::Event<'_>| {
                line.clear();
                parsers::json::object(event, &site, &mut line);
                black_box(&line);
            });
            bencher.iter(|| conversation::read(spec, &mut emit));
        });
    }
    group.finish();
}

fn matching(criterion: &mut Criterion) {
    let Ok(loaded) = control::ruleset::load(&control::config::Config::default()) else {
        return; // The rules' own tests say why.
    };
    let envelope = Envelope::default();
    let mut group = criterion.benchmark_group("parse and match");
    for spec in PROTOCOLS.iter().filter(|spec| spec.open.is_some()) {
        group.bench_function(spec.name, |bencher| {
            let mut scratch = Scratch::default();
            let mut matched = SmallVec::new();
            let mut emit = Each(|event: &parsers::event::Event<'_>| {
                matched.clear();
                loaded
                    .ruleset
                    .matches(&mut scratch, event, &envelope, &mut matched);
                black_box(&matched);
            });
            bencher.iter(|| conversation::read(spec, &mut emit));
        });
    }
    group.finish();
}

/// What an HL7 event costs from its bytes to the queue: parsed, matched with all rules, its fields
/// made pseudonyms, rendered and queued. Each message is one event.
fn event(criterion: &mut Criterion) {
    let (Some(open), Ok(loaded)) = (
        hl7::SPEC.open,
        control::ruleset::load(&control::config::Config::default()),
    ) else {
        return;
    };
    let site = Pseudonymizer::new(&[7; 32]);
    let mut group = criterion.benchmark_group("event");
    for feed in messages::feeds() {
        group.throughput(Throughput::Elements(feed.messages.len() as u64));
        group.bench_function(feed.name, |bencher| {
            let ruleset = Arc::clone(&loaded.ruleset);
            let mut recorder = Recorder::new(Eve::default(), site.clone(), ruleset);
            let mut parser = open(&Open::default());
            let envelope = conversation::envelope();
            bencher.iter(|| {
                recorder.clear();
                let mut emit = Each(|event: &parsers::event::Event<'_>| {
                    recorder.event(Lane::Medical, &envelope, event, true);
                });
                for bytes in &feed.messages {
                    conversation::give(&mut *parser, Direction::ToServer, bytes, &mut emit);
                }
            });
        });
    }
    group.finish();
}

fn whole(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("pipeline");
    group.sample_size(10);
    for path in captures::ward() {
        let frames = captures::frames(std::slice::from_ref(&path)).len();
        let name = path
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let Ok(prepared) = pipeline::Prepared::new(1) else {
            return;
        };
        group.throughput(Throughput::Elements(frames as u64));
        group.bench_function(name, |bencher| {
            bencher.iter(|| drop(black_box(prepared.run(&path))));
        });
    }
    group.finish();
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    decoding(&mut criterion);
    judge(&mut criterion);
    parse(&mut criterion);
    hl7(&mut criterion);
    event(&mut criterion);
    render(&mut criterion);
    matching(&mut criterion);
    whole(&mut criterion);
    criterion.final_summary();
}
