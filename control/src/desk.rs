//! Where the API and the appliance meet about rules: which are in force, and what shall be.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rules::SourceFile;
use tokio::sync::{mpsc, oneshot};

use crate::config::{Config, Suppression};
use crate::error::Error;
use crate::inventory::Devices;
use crate::ruleset::{Loaded, Sources};
use crate::seen::Seen;
use crate::store::uploads::Files;
use crate::store::{Store, device_lists, suppressions, uploads};

/// Suppressions that people made, as messages name them.
const SUPPRESSIONS: &str = "suppressions";
/// Asks that wait.
const ASKS_MAX: usize = 8;

/// What is asked of the appliance.
#[derive(Debug)]
pub enum Ask {
    /// Reads the configuration and all rules anew.
    Reload(oneshot::Sender<Result<(), String>>),
    /// Puts these rules, compiled already, in force.
    Adopt(Loaded, oneshot::Sender<()>),
}

/// The API's side.
#[derive(Debug)]
pub struct Desk {
    in_force: Mutex<(Arc<Config>, Loaded)>,
    asks: mpsc::Sender<Ask>,
    seen: Arc<Seen>,
    devices: Arc<Devices>,
    /// One change of rules at a time.
    pub changing: tokio::sync::Mutex<()>,
}

impl Desk {
    /// With what is in force and known; the other side gets what is asked.
    #[must_use]
    pub fn new(
        config: &Config,
        loaded: &Loaded,
        devices: Arc<Devices>,
    ) -> (Arc<Self>, mpsc::Receiver<Ask>) {
        let (asks, asked) = mpsc::channel(ASKS_MAX);
        let desk = Self {
            in_force: Mutex::new((Arc::new(config.clone()), loaded.clone())),
            asks,
            seen: Arc::default(),
            devices,
            changing: tokio::sync::Mutex::default(),
        };
        (Arc::new(desk), asked)
    }

    /// What went by since the start.
    #[must_use]
    pub const fn seen(&self) -> &Arc<Seen> {
        &self.seen
    }

    /// The devices that are known.
    #[must_use]
    pub const fn devices(&self) -> &Arc<Devices> {
        &self.devices
    }

    /// The configuration and the rules in force.
    #[must_use]
    pub fn in_force(&self) -> (Arc<Config>, Loaded) {
        let in_force = self.in_force.lock().unwrap_or_else(PoisonError::into_inner);
        in_force.clone()
    }

    /// Others are in force now.
    pub fn set(&self, config: &Config, loaded: &Loaded) {
        self.devices.list(Arc::clone(loaded.ruleset.assets()));
        let mut in_force = self.in_force.lock().unwrap_or_else(PoisonError::into_inner);
        *in_force = (Arc::new(config.clone()), loaded.clone());
    }

    /// Asks for a reload, and waits for it.
    ///
    /// # Errors
    /// Every mistake, one line each; the old rules stay.
    pub async fn reload(&self) -> Result<(), String> {
        let (tell, told) = oneshot::channel();
        let gone = || "the appliance is stopping".to_owned();
        let asked = self.asks.send(Ask::Reload(tell)).await;
        asked.map_err(|_| gone())?;
        told.await.unwrap_or_else(|_| Err(gone()))
    }

    /// Puts rules in force, and waits for it.
    pub async fn adopt(&self, loaded: Loaded) {
        let (tell, told) = oneshot::channel();
        if self.asks.send(Ask::Adopt(loaded, tell)).await.is_ok() {
            // Fails only when everything ends.
            drop(told.await);
        }
    }
}

/// What people gave beside the configuration.
#[derive(Clone, Debug, Default)]
pub struct Own {
    /// Rule files.
    pub files: Files,
    /// Suppressions.
    pub suppressions: Vec<Suppression>,
    /// The hospital's list of its devices, in the place of the configuration's.
    pub devices: Option<String>,
}

impl Own {
    /// As the store has it.
    ///
    /// # Errors
    /// A store that cannot be read.
    pub fn read(store: &Store) -> Result<Self, crate::store::Error> {
        store.read(|conn| {
            let (_, files) = uploads::newest(conn)?;
            let all = suppressions::list(conn)?;
            Ok(Self {
                files,
                suppressions: all.into_iter().map(|one| one.says).collect(),
                devices: device_lists::newest(conn)?.map(|list| list.text),
            })
        })
    }

    /// As rule files and a list of devices, beside those of the configuration.
    ///
    /// # Errors
    /// A file of the configuration that cannot be read.
    pub fn beside(&self, config: &Config) -> Result<Sources, Error> {
        let files = self.files.iter().map(|(name, text)| SourceFile {
            name: format!("{name}.yaml"),
            text: text.clone(),
        });
        let sources = Sources::of_config(config, self.devices.as_deref())?.and(files);
        if self.suppressions.is_empty() {
            return Ok(sources);
        }
        let all: BTreeMap<_, _> = [("suppressions", &self.suppressions)].into();
        let text = serde_json::to_string(&all).unwrap_or_default();
        let name = SUPPRESSIONS.to_owned();
        Ok(sources.and([SourceFile { name, text }]))
    }
}

/// All rules: those of the configuration and people's own.
///
/// # Errors
/// Every mistake, one line each.
pub fn load(config: &Config, store: Option<&Store>) -> Result<Loaded, Error> {
    let own = store.map(Own::read).transpose()?.unwrap_or_default();
    own.beside(config)?.compile()
}

/// Runs rules on a capture, and counts each rule's alerts.
///
/// # Errors
/// A capture that cannot be read.
pub fn try_on(
    config: &Config,
    loaded: &Loaded,
    capture: &Path,
) -> Result<crate::inspect::Report, Error> {
    let small = Config {
        workers: 1,
        limits: crate::config::Limits {
            memory: crate::config::units::Bytes::mib(64),
            ..config.limits.clone()
        },
        flow: config.flow.clone(),
        ..Config::default()
    };
    let site = parsers::phi::Pseudonymizer::new(&[0; 32]);
    let captures: [PathBuf; 1] = [capture.to_path_buf()];
    crate::inspect::process(&small, &captures, loaded, site, None, false)
}
