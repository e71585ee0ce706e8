//! How fast the whole pipeline is on one file, beside a bare libpcap loop in the same run.
//!
//! Rounds are interleaved (libpcap, vitalwire, libpcap, …) and the medians compared, so that a
//! machine that slows down slows down both.
#![expect(
    clippy::print_stdout,
    clippy::disallowed_types,
    reason = "it measures time and prints what it measured"
)]

use std::alloc::System;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use benches::baseline::{self, Walked};
use benches::memory::peak_anonymous_kib;
use benches::pipeline::Prepared;
use clap::Parser;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Packets per second, time and allocations per packet, memory, all rules on, all events written.
#[derive(Debug, Parser)]
struct Arguments {
    /// The capture.
    file: PathBuf,
    /// Worker threads; 0 takes the default.
    #[arg(long, default_value_t = 0)]
    workers: u16,
    /// Rounds; the median counts.
    #[arg(long, default_value_t = 5)]
    repeat: usize,
    /// Run once and print the peak of anonymous memory: how this program measures itself.
    #[arg(long, hide = true)]
    memory_only: bool,
}

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = if arguments.memory_only {
        memory(&arguments)
    } else {
        measure(&arguments)
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("throughput: {error}");
            ExitCode::FAILURE
        }
    }
}

fn memory(arguments: &Arguments) -> Outcome<()> {
    let (outcome, peak) =
        peak_anonymous_kib(|| Prepared::new(arguments.workers)?.run(&arguments.file));
    outcome?;
    println!("{peak}");
    Ok(())
}

fn measure(arguments: &Arguments) -> Outcome<()> {
    let file = arguments.file.as_path();
    let prepared = Prepared::new(arguments.workers)?;
    // Once unmeasured: the file comes into the page cache, recycled buffers grow.
    let walked = baseline::walk(file)?;
    let first = prepared.run(file)?;
    let region = Region::new(ALLOCATOR);
    drop(prepared.run(file)?);
    let allocations = region.change().allocations;
    let (mut bare, mut whole) = (Vec::new(), Vec::new());
    for _ in 0..arguments.repeat.max(1) {
        let started = Instant::now();
        baseline::walk(file)?;
        bare.push(started.elapsed());
        prepared.clean();
        let started = Instant::now();
        prepared.run(file)?;
        whole.push(started.elapsed());
    }
    let (bare, whole) = (median(&mut bare), median(&mut whole));
    println!(
        "{}: {} packets, {} bytes on the wire; {} workers, median of {}",
        file.display(),
        walked.frames,
        walked.bytes,
        prepared.workers(),
        arguments.repeat.max(1)
    );
    tell("libpcap loop", walked, bare);
    tell("vitalwire", walked, whole);
    println!(
        "  ratio            {:.2} of the bare loop's packet rate",
        ratio(bare, whole)
    );
    println!(
        "  allocations      {:.4} per packet",
        per(allocations as f64, walked.frames)
    );
    println!(
        "  peak anonymous   {} KiB, in a process of its own",
        peak(arguments)?
    );
    let events: u64 = first.tally.events.values().sum();
    let alerts: u64 = first.tally.alerts.values().map(|alerts| alerts.count).sum();
    println!("  events           {events} lines written, {alerts} of them alerts");
    suricata(file, walked);
    Ok(())
}

fn tell(name: &str, walked: Walked, took: Duration) {
    let seconds = took.as_secs_f64();
    println!(
        "  {name:<16} {:>12.0} packets/s {:>8.3} Gbit/s {:>8.1} ns/packet",
        walked.frames as f64 / seconds,
        walked.bytes as f64 * 8.0 / seconds / 1e9,
        per(seconds * 1e9, walked.frames)
    );
}

#[expect(clippy::cast_precision_loss, reason = "figures for people")]
fn per(amount: f64, packets: u64) -> f64 {
    amount / packets.max(1) as f64
}

fn ratio(a: Duration, b: Duration) -> f64 {
    a.as_secs_f64() / b.as_secs_f64().max(f64::MIN_POSITIVE)
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

/// Peak memory of a fresh process: what this one allocated for its rounds must not count.
fn peak(arguments: &Arguments) -> Outcome<u64> {
    let output = Command::new(std::env::current_exe()?)
        .arg(&arguments.file)
        .args(["--memory-only", "--workers", &arguments.workers.to_string()])
        .output()?;
    Ok(String::from_utf8(output.stdout)?.trim().parse()?)
}

/// Suricata beside it, where one is installed.
fn suricata(file: &Path, walked: Walked) {
    let dir = std::env::temp_dir().join(format!("suricata-bench-{}", std::process::id()));
    if std::fs::create_dir_all(&dir).is_err() {
        return;
    }
    let started = Instant::now();
    let outcome = Command::new("suricata")
        .arg("-r")
        .arg(file)
        .arg("-l")
        .arg(&dir)
        .args(["-k", "none"])
        .output();
    match outcome {
        Ok(output) if output.status.success() => tell("suricata", walked, started.elapsed()),
        Ok(_) => println!("  suricata         installed, but it could not read the file"),
        Err(_) => println!("  suricata         not installed here"),
    }
    drop(std::fs::remove_dir_all(&dir));
}
