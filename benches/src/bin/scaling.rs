//! What a packet costs with one worker, with two, and so on, when every worker has its frames
//! before it and nobody reads: what workers cost each other.
#![expect(
    clippy::print_stdout,
    reason = "it measures processor time and prints what it measured"
)]

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use benches::preloaded::{Preloaded, preload};
use clap::Parser;
use control::config::Config;
use control::sinks::file::EveFile;
use control::sinks::{self, Counts};
use control::{engine, ruleset};
use dataplane::capture::Source;
use dataplane::pipeline::{self, Sources};
use parsers::phi::Pseudonymizer;
use rustix::time::{ClockId, clock_gettime};

/// Processor time per packet of all threads together, all rules on, all events written.
#[derive(Debug, Parser)]
struct Arguments {
    /// The capture; all of it has to fit into memory.
    file: PathBuf,
    /// Numbers of workers to compare; the first is what the others are compared to.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 2])]
    workers: Vec<usize>,
    /// Rounds; the median counts.
    #[arg(long, default_value_t = 7)]
    repeat: usize,
}

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> ExitCode {
    match compare(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("scaling: {error}");
            ExitCode::FAILURE
        }
    }
}

fn compare(arguments: &Arguments) -> Outcome<()> {
    let file = arguments.file.as_path();
    let mut costs: Vec<Vec<f64>> = vec![Vec::new(); arguments.workers.len()];
    for _ in 0..arguments.repeat.max(1) {
        for (cost, workers) in costs.iter_mut().zip(&arguments.workers) {
            cost.push(once(file, (*workers).max(1))?);
        }
    }
    println!("{}: median of {}", file.display(), arguments.repeat.max(1));
    let medians: Vec<f64> = costs.iter_mut().map(|cost| median(cost)).collect();
    let first = medians.first().copied().unwrap_or(1.0);
    for (workers, cost) in arguments.workers.iter().zip(medians) {
        let ratio = cost / first;
        println!("  {workers:>2} workers {cost:>8.1} ns of processor time a packet, {ratio:.2}");
    }
    Ok(())
}

/// Nanoseconds a packet, threads of the outputs included.
fn once(file: &Path, workers: usize) -> Outcome<f64> {
    let config = Config::default();
    let loaded = ruleset::load(&config)?;
    let (sources, packets) = preload(file, workers)?;
    let boxed = |source: Preloaded| -> Box<dyn Source> { Box::new(source) };
    let sources = Sources::Steered(sources.into_iter().map(boxed).collect());
    let name = format!("vitalwire-bench-{}", std::process::id());
    let dir = std::env::temp_dir().join(name);
    let eve = EveFile::anew(&dir.join("eve.json"), Arc::new(Counts::default()))?;
    let eve = sinks::spawn("eve", eve, usize::from(config.limits.queue_depth))?;
    let before = processor_nanos();
    let running = pipeline::start(
        engine::settings(&config, Pseudonymizer::new(&[7; 32]), false),
        sources,
        Arc::clone(&loaded.ruleset),
        vec![("eve", eve.queue())],
    )?;
    drop(running.wait());
    drop(eve.finish());
    let took = processor_nanos() - before;
    std::fs::remove_dir_all(&dir)?;
    Ok(took / float(packets.max(1)))
}

fn processor_nanos() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    float(time.tv_sec.unsigned_abs()) * 1e9 + float(time.tv_nsec.unsigned_abs())
}

fn median(costs: &mut [f64]) -> f64 {
    costs.sort_unstable_by(f64::total_cmp);
    costs.get(costs.len() / 2).copied().unwrap_or_default()
}

#[expect(clippy::cast_precision_loss, reason = "figures for people")]
fn float(number: u64) -> f64 {
    number as f64
}
