//! The sinks and responses at work, as the configuration has them, and as another one has them later.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::bulk::{Lane, Lanes, Waiting};
use super::member::{Member, Part, Stamp};
use crate::config::Config;
use crate::error::Error;
use crate::inventory::Devices;
use crate::outbox::{self, Reader, Runner, Way};
use crate::store::Store;

/// Whose thread it is.
type Key = (String, Part);

/// Those at work.
pub struct Crew {
    store: Store,
    /// What responses ask before they touch one.
    devices: Arc<Devices>,
    lanes: Lanes,
    /// What each was made of.
    stamps: BTreeMap<String, Stamp>,
    runners: BTreeMap<Key, Runner>,
    /// Told to end, and perhaps still at it.
    leaving: BTreeMap<Key, Runner>,
}

impl Crew {
    /// Starts what is configured. The store learns which sinks there are; of one that is no more it
    /// forgets the cursor. Responses ask `devices` what must not be touched.
    ///
    /// # Errors
    /// A sink that cannot be made as it is configured.
    pub fn start(store: &Store, config: &Config, devices: &Arc<Devices>) -> Result<Self, Error> {
        let mut crew = Self {
            store: store.clone(),
            devices: Arc::clone(devices),
            lanes: Lanes::default(),
            stamps: BTreeMap::new(),
            runners: BTreeMap::new(),
            leaving: BTreeMap::new(),
        };
        crew.apply(config)?;
        Ok(crew)
    }

    /// Changes what differs. A sink that changes goes on where it stopped, once it has ended what it is
    /// at; nobody waits for that.
    ///
    /// # Errors
    /// A sink that cannot be made as it is configured: then all stay as they were.
    pub fn apply(&mut self, config: &Config) -> Result<(), Error> {
        let members = Member::all(config);
        let stamps: BTreeMap<String, Stamp> = members
            .iter()
            .map(|member| (member.name().to_owned(), member.stamp()))
            .collect();
        let changed = |name: &str| self.stamps.get(name) != stamps.get(name);
        let mut fresh = Vec::new();
        for member in members.iter().filter(|member| changed(member.name())) {
            for part in member.parts() {
                let way = member.way(&self.store, &self.devices, &config.state_dir)?;
                fresh.push(((member.name().to_owned(), part), way));
            }
        }
        let sinks = members.iter();
        let sinks = sinks.map(|member| (member.name().to_owned(), member.kinds()));
        outbox::register(&self.store, sinks.collect())?;
        self.dismiss(&stamps);
        self.set_lanes(&members, config);
        self.stamps = stamps;
        for (key, way) in fresh {
            self.put_to_work(key, way)
                .map_err(|error| Error::Failed(format!("sinks: {error}")))?;
        }
        Ok(())
    }

    /// The queues of protocol events.
    #[must_use]
    pub const fn lanes(&self) -> &Lanes {
        &self.lanes
    }

    /// Ends all of them. What is in the outbox is gone on with after the next start; events are
    /// delivered as far as that is soon done.
    pub fn stop(self) {
        let all = self.runners.into_values().chain(self.leaving.into_values());
        outbox::stop(all.collect());
        self.lanes.set(Vec::new());
    }

    /// Lets those go that are no more, or shall be others.
    fn dismiss(&mut self, stamps: &BTreeMap<String, Stamp>) {
        self.leaving.retain(|_, runner| !runner.is_over());
        for (key, runner) in std::mem::take(&mut self.runners) {
            if stamps.get(&key.0) == self.stamps.get(&key.0) {
                self.runners.insert(key, runner);
                continue;
            }
            runner.leave();
            if !stamps.contains_key(&key.0) {
                self.store.outbox_counts().forget(&key.0);
            }
            self.leaving.insert(key, runner);
        }
    }

    /// A sink that stays or changes keeps what is in its queue.
    fn set_lanes(&self, members: &[Member], config: &Config) {
        let taking = members.iter().filter(|member| !member.events().is_empty());
        let lanes = taking.map(|member| {
            let known = self.lanes.of(member.name());
            let lane = known.unwrap_or_else(|| Arc::new(Lane::new(member.name())));
            lane.configure(&member.events(), config.limits.sink_queue);
            lane
        });
        self.lanes.set(lanes.collect());
    }

    fn put_to_work(&mut self, key: Key, way: Way) -> std::io::Result<()> {
        let before = self.leaving.remove(&key);
        let (name, part) = &key;
        let runner = match (part, self.lanes.of(name)) {
            (Part::Events, Some(lane)) => outbox::spawn(&self.store, Waiting(lane), way, before)?,
            _ => {
                let feed = Reader::new(&self.store, name);
                outbox::spawn(&self.store, feed, way, before)?
            }
        };
        self.runners.insert(key, runner);
        Ok(())
    }
}

impl Member {
    /// Makes its way, and says how to make it again.
    fn way(&self, store: &Store, devices: &Arc<Devices>, state_dir: &Path) -> Result<Way, Error> {
        let sink = self.make(store, devices, state_dir)?;
        let (member, store, devices) = (self.clone(), store.clone(), Arc::clone(devices));
        let state_dir = state_dir.to_path_buf();
        let again = move || {
            let made = member.make(&store, &devices, &state_dir);
            made.map_err(|error| error.to_string())
        };
        Ok(Way {
            sink,
            again: Box::new(again),
        })
    }
}
