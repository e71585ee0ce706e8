//! One stage at a time: parse, parse and render, by protocol; and the whole pipeline.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};

fn nothing(_: &mut Criterion) {}

criterion_group!(stages, nothing);
criterion_main!(stages);
