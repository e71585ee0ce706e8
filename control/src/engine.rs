//! What `inspect`, `run`, `rules test` and the benchmarks share: settings from the configuration,
//! sources, and a pipeline with its outputs.

use std::path::PathBuf;
use std::sync::Arc;

use dataplane::capture::Source;
use dataplane::capture::files::Files;
use dataplane::pipeline::{FlowRecords, Settings, VlanInKey};
use parsers::phi::Pseudonymizer;
use rules::eve::Eve;

use crate::config::{self, Capture, Config};
use crate::evidence::Bounds;

/// More workers than this bring nothing where one thread reads and one correlates.
const WORKERS_MAX_DEFAULT: u16 = 8;

/// The pipeline's settings as the configuration has them.
#[must_use]
pub fn settings(config: &Config, site: Pseudonymizer, live: bool) -> Settings {
    Settings {
        workers: beside_a_reader(config),
        live,
        lag_max_ms: u64::try_from(config.limits.lag_max.0.as_millis()).unwrap_or(u64::MAX),
        queue_depth: usize::from(config.limits.queue_depth),
        memory_bytes: config.limits.memory.0,
        flow_records: match config.flow.records {
            config::FlowRecords::Medical => FlowRecords::Medical,
            config::FlowRecords::All => FlowRecords::All,
            config::FlowRecords::Off => FlowRecords::Off,
        },
        vlan_in_key: match config.flow.vlan_in_key {
            config::VlanInKey::Auto => VlanInKey::Auto,
            config::VlanInKey::Yes => VlanInKey::Yes,
            config::VlanInKey::No => VlanInKey::No,
        },
        midstream: config.flow.midstream,
        checksums: config.flow.checksums,
        keep_copies: config.flow.duplicates == config::Duplicates::Keep,
        site,
        eve: eve(config),
        inventory: None,
        evidence: None,
    }
}

/// The bounds of evidence as the configuration has them.
#[must_use]
pub fn evidence_bounds(config: &Config) -> Bounds {
    let age = config.evidence.keep.0;
    Bounds {
        bytes: config.evidence.size.0,
        alerts: usize::try_from(config.evidence.alerts).unwrap_or(usize::MAX),
        age: (!age.is_zero()).then_some(age),
    }
}

/// What every line shares.
#[must_use]
pub fn eve(config: &Config) -> Eve {
    let host = host();
    let id = &config.sensor.id;
    Eve {
        sensor_id: if id.is_empty() {
            host.clone()
        } else {
            id.clone()
        },
        host,
        site: config.sensor.site.clone(),
        interfaces: Arc::default(),
    }
}

/// How many workers, where one thread reads for all of them: by default it has a processor to
/// itself. With a single worker it does nothing but read, so two processors are better used by one
/// worker than by two.
fn beside_a_reader(config: &Config) -> usize {
    match config.workers {
        0 => workers(config).saturating_sub(1).max(1),
        set => usize::from(set),
    }
}

/// How many workers, where each reads for itself.
#[must_use]
pub fn workers(config: &Config) -> usize {
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    match config.workers {
        0 => processors.min(usize::from(WORKERS_MAX_DEFAULT)),
        set => usize::from(set),
    }
}

fn host() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname")
        .map_or_else(|_| String::new(), |name| name.trim().to_owned())
}

/// Capture files, to be read one after the other. What cannot be opened is told in its turn.
#[must_use]
pub fn files(capture: &Capture, paths: &[PathBuf]) -> Box<dyn Source> {
    let files = Files::new(paths.to_vec());
    if capture.follow {
        Box::new(files.following())
    } else {
        Box::new(files)
    }
}
