//! One stage at a time: decode; parse, match and render by protocol, on its own sample; and the
//! whole pipeline on the captures that ship.

use std::hint::black_box;

use benches::conversation::{self, Each};
use benches::{captures, pipeline};
use criterion::{Criterion, Throughput};
use parsers::PROTOCOLS;
use parsers::event::Envelope;
use parsers::phi::Pseudonymizer;
use rules::Scratch;
use smallvec::SmallVec;

fn decode(criterion: &mut Criterion) {
    let frames = captures::frames(&captures::ward());
    let mut group = criterion.benchmark_group("decode");
    group.throughput(Throughput::Elements(frames.len() as u64));
    group.bench_function("ward", |bencher| {
        bencher.iter(|| {
            for (frame, bytes) in &frames {
                _ = black_box(dataplane::decode::decode(frame, bytes));
            }
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
    decode(&mut criterion);
    parse(&mut criterion);
    render(&mut criterion);
    matching(&mut criterion);
    whole(&mut criterion);
    criterion.final_summary();
}
