//! How many packets a second the whole pipeline takes from a DPDK device, beside what
//! `dpdk-testpmd` drains from the same device, looking at nothing, in the same run.
//!
//! The device is `net_pcap` with `infinite_rx=1`: it copies a file's packets from memory, again and
//! again. So that a loop is not one large retransmission, addresses are changed in place, each time
//! by another salt, before the pipeline sees a packet.
#![expect(
    clippy::print_stdout,
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "it measures time and prints what it measured"
)]

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use benches::baseline;
use clap::Parser;
use control::config::Config;
use control::sinks::file::EveFile;
use control::sinks::{self, Counts};
use control::{engine, ruleset};
use dataplane::capture::Source;
use dataplane::capture::dpdk::{self, Poll, Settings};
use dataplane::pipeline::{self, Sources};
use dataplane::telemetry::Snapshot;
use parsers::phi::Pseudonymizer;

/// `net_pcap` keeps all packets of the file in memory.
const PACKETS_MAX: usize = 20_000;

/// What runs before the clock does.
const WARM_UP: Duration = Duration::from_secs(1);

/// Packets per second through DPDK, one worker, all rules on, all events written.
#[derive(Debug, Parser)]
struct Arguments {
    /// The capture; 20 000 packets of it are used.
    file: PathBuf,
    /// Packets at its beginning to leave out.
    #[arg(long, default_value_t = 0)]
    skip: usize,
    /// How long each program runs.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Rounds; the median counts.
    #[arg(long, default_value_t = 3)]
    repeat: usize,
    /// Bytes of a frame that fit into an mbuf: all frames have to.
    #[arg(long, default_value_t = 2048)]
    mbuf_bytes: u16,
    /// A thread that reads for the worker, instead of the worker itself.
    #[arg(long)]
    spread: bool,
    /// Run once and print packets a second and what was lost: how this program measures itself,
    /// since DPDK can be started only once a process.
    #[arg(long, hide = true)]
    once: bool,
}

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = if arguments.once {
        once(&arguments)
    } else {
        compare(&arguments)
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("dpdk: {error}");
            ExitCode::FAILURE
        }
    }
}

fn compare(arguments: &Arguments) -> Outcome<()> {
    let name = format!("vitalwire-bench-{}.pcap", std::process::id());
    let piece = std::env::temp_dir().join(name);
    cut(&arguments.file, arguments.skip, &piece)?;
    let outcome = rounds(arguments, &piece);
    std::fs::remove_file(&piece)?;
    outcome
}

/// Copies some of a capture's packets.
fn cut(file: &Path, skip: usize, piece: &Path) -> Outcome<()> {
    let mut capture = pcap::Capture::from_file(file)?;
    let mut copy = capture.savefile(piece)?;
    for at in 0..skip.saturating_add(PACKETS_MAX) {
        match capture.next_packet() {
            Ok(packet) if at >= skip => copy.write(&packet),
            Ok(_) => {}
            Err(pcap::Error::NoMorePackets) => break,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(copy.flush()?)
}

fn rounds(arguments: &Arguments, piece: &Path) -> Outcome<()> {
    let walked = baseline::walk(piece)?;
    let (mut bare, mut whole, mut told) = (Vec::new(), Vec::new(), String::new());
    let (mut bare_busy, mut whole_busy) = (Vec::new(), Vec::new());
    for _ in 0..arguments.repeat.max(1) {
        let (rate, busy) = testpmd(arguments, piece)?;
        bare.push(rate);
        bare_busy.push(busy);
        let mut own = Command::new(std::env::current_exe()?);
        own.arg(piece).arg("--once");
        own.args(["--seconds", &arguments.seconds.to_string()]);
        own.args(["--mbuf-bytes", &arguments.mbuf_bytes.to_string()]);
        if arguments.spread {
            own.arg("--spread");
        }
        let output = own.stderr(Stdio::inherit()).output()?;
        let text = String::from_utf8(output.stdout)?;
        let mut words = text.splitn(3, ' ');
        let mut number = || words.next().and_then(|word| word.parse::<u64>().ok());
        let (Some(rate), Some(busy)) = (number(), number()) else {
            return Err(text.into());
        };
        whole.push(rate);
        whole_busy.push(busy);
        words
            .next()
            .unwrap_or_default()
            .trim()
            .clone_into(&mut told);
    }
    let bytes = walked.bytes / walked.frames.max(1);
    println!(
        "{}: {} packets of {bytes} bytes, again and again; median of {}",
        arguments.file.display(),
        walked.frames,
        bare.len()
    );
    tell("packets/s", &mut bare, &mut whole);
    // On a machine that others use too, this says more.
    tell(
        "packets per second of the polling thread's processor time",
        &mut bare_busy,
        &mut whole_busy,
    );
    println!("  last run         {told}");
    Ok(())
}

fn tell(what: &str, testpmd: &mut [u64], vitalwire: &mut [u64]) {
    let (bare, whole) = (median(testpmd), median(vitalwire));
    let ratio = float(whole) / float(bare);
    println!("  {what}: {ratio:.2} of what testpmd drains");
    println!("    dpdk-testpmd   {bare:>12}  {testpmd:?}");
    println!("    vitalwire      {whole:>12}  {vitalwire:?}");
}

/// Nanoseconds that the busiest thread of a process has run: the one that polls.
fn busiest(process: u32) -> u64 {
    let tasks = std::fs::read_dir(format!("/proc/{process}/task"));
    let ran = |task: std::fs::DirEntry| {
        let text = std::fs::read_to_string(task.path().join("schedstat")).ok()?;
        text.split_whitespace().next()?.parse().ok()
    };
    let all = tasks.into_iter().flatten().flatten().filter_map(ran);
    all.max().unwrap_or_default()
}

/// A rate of wall time as one of processor time.
fn per_busy(rate: f64, took: Duration, busy_nanos: u64) -> f64 {
    rate * took.as_secs_f64() * 1e9 / float(busy_nanos.max(1))
}

/// Arguments for EAL that both programs get.
fn eal(file: &Path) -> Vec<String> {
    let device = format!("--vdev=net_pcap0,rx_pcap={},infinite_rx=1", file.display());
    let mut all: Vec<String> = ["--no-huge", "--no-shconf", "--no-pci", "-m", "512"]
        .map(str::to_owned)
        .to_vec();
    all.extend(["--no-telemetry", "--log-level=4"].map(str::to_owned));
    all.push(device);
    all
}

/// Mbufs for both: those of the file's packets, and as many again.
const MBUFS: u32 = 65_535;

/// What testpmd receives and drops, in packets a second, and of its processor time.
fn testpmd(arguments: &Arguments, piece: &Path) -> Outcome<(u64, u64)> {
    let room = arguments.mbuf_bytes.saturating_add(128);
    let mut child = Command::new("dpdk-testpmd")
        .args(eal(piece))
        .args(["--lcores=0,1", "--", "--forward-mode=rxonly"])
        .args(["--auto-start", "--no-mlockall", "--stats-period=1"])
        .args(["--burst=64", &format!("--total-num-mbufs={MBUFS}")])
        .arg(format!("--mbuf-size={room}"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| format!("dpdk-testpmd: {error} (Debian: dpdk-dev)"))?;
    thread::sleep(WARM_UP);
    let (before, since) = (busiest(child.id()), Instant::now());
    thread::sleep(Duration::from_secs(arguments.seconds));
    let (busy, took) = (busiest(child.id()).saturating_sub(before), since.elapsed());
    child.kill()?;
    let output = child.wait_with_output()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let rate = |line: &str| {
        let (_, rest) = line.split_once("Rx-pps:")?;
        rest.split_whitespace().next()?.parse::<u64>().ok()
    };
    // The first is of the time before it started.
    let mut rates: Vec<u64> = text.lines().filter_map(rate).skip(1).collect();
    if rates.is_empty() {
        return Err(format!("dpdk-testpmd said no rate: {text}").into());
    }
    let rate = median(&mut rates);
    Ok((rate, whole(per_busy(float(rate), took, busy))))
}

/// Runs the pipeline on the device.
fn once(arguments: &Arguments) -> Outcome<()> {
    let config = Config {
        workers: 1,
        ..Config::default()
    };
    let loaded = ruleset::load(&config)?;
    let settings = Settings {
        eal_args: eal(&arguments.file),
        mbufs: MBUFS,
        mbuf_bytes: arguments.mbuf_bytes,
        poll: Poll::Busy,
        ..Settings::default()
    };
    let frames = baseline::walk(&arguments.file)?.frames;
    let opened = dpdk::open(&settings, usize::from(!arguments.spread))?;
    let salted = opened.queues.into_iter().map(|queue| salted(queue, frames));
    let mut queues: Vec<Box<dyn Source>> = salted.collect();
    let sources = match (arguments.spread, queues.pop()) {
        (true, Some(queue)) => Sources::Spread(queue),
        (false, Some(queue)) => Sources::Steered(vec![queue]),
        (_, None) => return Err("no queue".into()),
    };
    let name = format!("vitalwire-bench-{}", std::process::id());
    let dir = std::env::temp_dir().join(name);
    let counts = Arc::new(Counts::default());
    let eve = EveFile::anew(&dir.join("eve.json"), Arc::clone(&counts))?;
    let eve = sinks::spawn("eve", eve, usize::from(config.limits.queue_depth))?;
    let running = pipeline::start(
        engine::settings(&config, Pseudonymizer::new(&[7; 32]), true),
        sources,
        Arc::clone(&loaded.ruleset),
        vec![("eve", eve.queue())],
    )?;
    thread::sleep(WARM_UP);
    let own = std::process::id();
    let (before, since, ran) = (handled(&running.snapshot()), Instant::now(), busiest(own));
    thread::sleep(Duration::from_secs(arguments.seconds));
    let (after, took) = (handled(&running.snapshot()), since.elapsed());
    let busy = busiest(own).saturating_sub(ran);
    running.stop();
    let snapshot = running.wait().snapshot;
    drop(eve.finish());
    remove(&dir)?;
    let rate = float(after.saturating_sub(before)) / took.as_secs_f64();
    let of_busy = per_busy(rate, took, busy);
    println!("{rate:.0} {of_busy:.0} {}", told(&snapshot, &counts));
    Ok(())
}

fn remove(dir: &Path) -> Outcome<()> {
    Ok(std::fs::remove_dir_all(dir)?)
}

fn handled(snapshot: &Snapshot) -> u64 {
    snapshot.total("vitalwire_worker_seen_frames_total")
}

/// What came of it, and what was lost on the way.
fn told(snapshot: &Snapshot, counts: &Counts) -> String {
    let total = |name| snapshot.total(name);
    format!(
        "{} packets, {} flows begun, {} lines; lost: {} packets by the device, \
         {} by workers (most of them unreadable), {} records, {} lines by the output, {} by the disk",
        total("vitalwire_capture_frames_total"),
        total("vitalwire_flow_opened_flows_total"),
        total("vitalwire_output_handled_lines_total"),
        total("vitalwire_capture_dropped_frames_total"),
        total("vitalwire_worker_dropped_frames_total"),
        total("vitalwire_lane_dropped_records_total"),
        total("vitalwire_output_dropped_lines_total"),
        counts.lost.load(Ordering::Relaxed),
    )
}

/// A queue whose every loop over the file has other addresses: to both of a packet the same salt is
/// added, so that conversations stay conversations. Sums are wrong then, and not looked at.
fn salted(queue: dpdk::Queue, frames: u64) -> Box<dyn Source> {
    let (mut left, mut salt) = (frames, [0_u8; 2]);
    let alter = move |frame: &mut [u8]| {
        if left == 0 {
            left = frames;
            salt = u16::from_be_bytes(salt).wrapping_add(1).to_be_bytes();
        }
        left = left.saturating_sub(1);
        add(frame, salt);
    };
    Box::new(queue.altered(Box::new(alter)))
}

/// Changes bytes in the middle of both addresses, wherever they are.
fn add(frame: &mut [u8], salt: [u8; 2]) {
    let mut at = 12;
    let ethertype = |frame: &[u8], at: usize| {
        let bytes = frame.get(at..at.saturating_add(2))?;
        <[u8; 2]>::try_from(bytes).ok().map(u16::from_be_bytes)
    };
    while matches!(ethertype(frame, at), Some(0x8100 | 0x88a8)) {
        at = at.saturating_add(4);
    }
    let places = match ethertype(frame, at) {
        Some(0x0800) => [15, 19],
        Some(0x86dd) => [18, 34],
        _ => return,
    };
    for place in places {
        let from = at.saturating_add(place);
        if let Some(bytes) = frame.get_mut(from..from.saturating_add(2)) {
            for (byte, salt) in bytes.iter_mut().zip(salt) {
                *byte ^= salt;
            }
        }
    }
}

fn median(rates: &mut [u64]) -> u64 {
    rates.sort_unstable();
    rates.get(rates.len() / 2).copied().unwrap_or_default()
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "figures for people"
)]
fn whole(rate: f64) -> u64 {
    rate as u64
}

#[expect(clippy::cast_precision_loss, reason = "figures for people")]
fn float(number: u64) -> f64 {
    number as f64
}
