//! What is learnt of devices while the appliance runs: taken from the pipeline again and again, given to
//! whoever asks, and kept.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use dataplane::pipeline::Running;
use rules::correlate::inventory::{List, Snapshot};

use super::devices::Devices;
use super::state::{self, Keeper};
use crate::clock::Every;
use crate::error::Error;

/// How often pages, answers and responses are given the devices that are known: each time is a copy
/// of all of them.
const ASK_INTERVAL: Duration = Duration::from_secs(10);
/// How often the inventory is kept: what a crash may cost.
const KEEP_INTERVAL: Duration = Duration::from_secs(60);

/// The devices that are known.
pub struct Learnt {
    /// As they were given last: before the start, again and again, and when a pipeline ends.
    latest: Option<Arc<Snapshot>>,
    devices: Arc<Devices>,
    keeper: Keeper,
    ask: Every,
    keep: Every,
}

impl Learnt {
    /// What was kept in a state directory, joined with the hospital's list.
    ///
    /// # Errors
    /// A file that cannot be read, or was written by a newer version.
    pub fn load(dir: PathBuf, list: Arc<List>) -> Result<Self, Error> {
        let latest = state::load(&dir)?.map(Arc::new);
        let devices = Devices::new(latest.clone().unwrap_or_default(), list);
        Ok(Self {
            latest,
            devices: Arc::new(devices),
            keeper: Keeper::new(dir),
            ask: Every::new(ASK_INTERVAL),
            keep: Every::new(KEEP_INTERVAL),
        })
    }

    /// The devices, as answers, pages and responses see them.
    #[must_use]
    pub const fn devices(&self) -> &Arc<Devices> {
        &self.devices
    }

    /// What a pipeline is to know from its begin.
    #[must_use]
    pub const fn latest(&self) -> Option<&Arc<Snapshot>> {
        self.latest.as_ref()
    }

    /// Takes what the pipeline gave; asks it and keeps what is known when that is due.
    pub fn tend(&mut self, pipeline: Option<&Running>) {
        if let Some(given) = pipeline.and_then(Running::take_inventory) {
            self.know(given);
        }
        if let Some(pipeline) = pipeline.filter(|_| self.ask.is_due()) {
            pipeline.ask_inventory();
        }
        if self.keep.is_due() {
            self.keep();
        }
    }

    /// These devices are known now. The first ones are kept at once. A correlator that died has
    /// nothing to say; what was known before stays.
    pub fn know(&mut self, given: Snapshot) {
        if given.version == 0 {
            return;
        }
        let given = Arc::new(given);
        self.devices.learn(Arc::clone(&given));
        if self.latest.replace(given).is_none() {
            self.keep();
        }
    }

    fn keep(&mut self) {
        if let Some(latest) = &self.latest {
            self.keeper.keep(Arc::clone(latest));
        }
    }

    /// Keeps it for the last time.
    pub fn finish(&mut self) {
        if let Some(latest) = self.latest.take() {
            self.keeper.finish(&latest);
        }
    }
}
