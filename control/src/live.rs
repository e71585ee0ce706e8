//! The interface of the configuration, opened as the configuration says, or by libpcap.

use std::sync::Arc;

use dataplane::capture::af_packet;
use dataplane::capture::af_xdp::{self, AfXdp, Mode};
use dataplane::capture::live::{Live, Prepare, Settings};
use dataplane::capture::remote::{self, Remote};
use dataplane::capture::{CaptureError, Source};
use dataplane::pipeline::Sources;

use crate::config::{Capture, CaptureSource, Config, Stamps, XdpMode};
use crate::dpdk;
use crate::engine;
use crate::error::Error;
use crate::silence;

/// The live source; nothing where files are read.
///
/// # Errors
/// What is in the way, and what to do; no source at all.
pub fn of_config(config: &Config) -> Result<Option<Sources>, Error> {
    let capture = &config.capture;
    if capture.is_live() {
        return open(config).map(Some);
    }
    if capture.files.is_empty() {
        return Err(Error::Config(
            "capture.interface is not set; name the interface that the SPAN port feeds \
             (`vitalwire doctor` lists them)"
                .to_owned(),
        ));
    }
    Ok(None)
}

/// Opens the interface. Where that cannot be done as configured, libpcap has to do, and the log
/// says why.
///
/// # Errors
/// What is in the way, and what to do.
fn open(config: &Config) -> Result<Sources, Error> {
    let capture = &config.capture;
    match capture.source {
        CaptureSource::Dpdk => return dpdk::sources(config),
        CaptureSource::Remote => return remote(capture),
        _ => {}
    }
    let interface = capture.interface.as_deref().unwrap_or_default();
    silence::prepare(interface, capture.silence)?;
    let wanted = match capture.source {
        CaptureSource::AfPacket => af_packet(config, interface),
        CaptureSource::AfXdp => af_xdp(config, interface),
        _ => return libpcap(capture, interface),
    };
    let why = match wanted {
        Ok(sources) => return Ok(sources),
        Err(why) => why,
    };
    // What neither can do needs to be said once.
    let sources = libpcap(capture, interface)?;
    tracing::warn!(
        source = name(capture.source),
        "cannot be used, libpcap is instead: {why}"
    );
    Ok(sources)
}

fn remote(capture: &Capture) -> Result<Sources, Error> {
    let keys = &capture.remote;
    let settings = remote::Settings {
        address: keys.address,
        ports: keys.ports.clone(),
        gre: keys.gre,
        buffer_bytes: usize::try_from(capture.buffer.0).unwrap_or(usize::MAX),
    };
    let source = Remote::open(&settings).map_err(|error| Error::Config(error.to_string()))?;
    tracing::info!(address = %keys.address, source = "remote", "listening");
    Ok(Sources::Spread(Box::new(source)))
}

fn libpcap(capture: &Capture, interface: &str) -> Result<Sources, Error> {
    let settings = Settings {
        interface: interface.to_owned(),
        snap_len: capture.snaplen,
        ring_bytes: u32::try_from(capture.buffer.0).unwrap_or(u32::MAX),
        promiscuous: capture.promiscuous,
        inbound_only: false,
        filter: filter(capture),
        prepare: Some(prepare(capture)),
    };
    let live = Live::open(&settings).map_err(|error| Error::Config(error.to_string()))?;
    tracing::info!(interface, source = "libpcap", "listening");
    if capture.busy_poll_us > 0 {
        tracing::warn!(interface, "capture.busy_poll_us: libpcap cannot");
    }
    only_kernel_stamps(capture, interface);
    Ok(Sources::Spread(Box::new(live)))
}

fn af_packet(config: &Config, interface: &str) -> Result<Sources, CaptureError> {
    let (capture, workers) = (&config.capture, engine::workers(config));
    let settings = af_packet::Settings {
        interface: interface.to_owned(),
        snap_len: capture.snaplen,
        ring_bytes: usize::try_from(capture.buffer.0).unwrap_or(usize::MAX),
        rings: if capture.fanout { workers } else { 1 },
        steered: capture.fanout || workers == 1,
        promiscuous: capture.promiscuous,
        filter: filter(capture),
        busy_poll_micros: capture.busy_poll_us,
        adapter_stamps: capture.stamps == Stamps::Adapter,
        prepare: Some(prepare(capture)),
    };
    let opened = af_packet::open(&settings)?;
    for note in &opened.notes {
        tracing::warn!(interface, "{note}");
    }
    let rings = opened.sources.len();
    tracing::info!(interface, source = "af_packet", rings, "listening");
    let mut sources = opened.sources.into_iter();
    if !opened.steered
        && let Some(source) = sources.next()
    {
        return Ok(Sources::Spread(Box::new(source)));
    }
    let boxed = |source| -> Box<dyn Source> { Box::new(source) };
    Ok(Sources::Steered(sources.map(boxed).collect()))
}

fn af_xdp(config: &Config, interface: &str) -> Result<Sources, CaptureError> {
    let capture = &config.capture;
    let settings = af_xdp::Settings {
        interface: interface.to_owned(),
        ring_bytes: usize::try_from(capture.buffer.0).unwrap_or(usize::MAX),
        promiscuous: capture.promiscuous,
        filter: filter(capture),
        busy_poll_micros: capture.busy_poll_us,
        mode: match capture.xdp {
            XdpMode::Auto => Mode::ZeroCopy,
            XdpMode::Copy => Mode::Copy,
            XdpMode::Generic => Mode::Generic,
        },
        prepare: Some(prepare(capture)),
    };
    let source = AfXdp::open(&settings)?;
    for note in source.notes() {
        tracing::warn!(interface, "{note}");
    }
    if let Some((mode, queues)) = source.mode() {
        let mode = mode.name();
        tracing::info!(interface, source = "af_xdp", mode, queues, "listening");
    }
    only_kernel_stamps(capture, interface);
    // One worker walks the rings itself; of several, frames are spread over them by flow.
    if engine::workers(config) == 1 {
        return Ok(Sources::Steered(vec![Box::new(source)]));
    }
    Ok(Sources::Spread(Box::new(source)))
}

/// Only rings of AF_PACKET carry what the adapter stamped.
fn only_kernel_stamps(capture: &Capture, interface: &str) {
    if capture.stamps == Stamps::Adapter {
        tracing::warn!(
            interface,
            "capture.stamps: the adapter's are for af_packet only; the machine's clock stamps frames"
        );
    }
}

fn filter(capture: &Capture) -> Option<String> {
    Some(capture.bpf.clone()).filter(|filter| !filter.trim().is_empty())
}

/// An interface that comes back is as noisy as a new one.
fn prepare(capture: &Capture) -> Prepare {
    let wanted = capture.silence;
    Arc::new(move |interface| {
        silence::prepare(interface, wanted).map_err(|error| error.to_string())
    })
}

const fn name(source: CaptureSource) -> &'static str {
    match source {
        CaptureSource::Dpdk => "dpdk",
        CaptureSource::Remote => "remote",
        CaptureSource::Libpcap => "libpcap",
        CaptureSource::AfPacket => "af_packet",
        CaptureSource::AfXdp => "af_xdp",
    }
}
