//! The API: HTTPS for people and programs that log in, below `/api/v1`. The OpenAPI document comes
//! from the handlers' own types; every refusal is problem details; nothing here waits for the disk.

mod alerts;
mod assets;
mod audit;
mod caller;
mod cases;
mod counts;
mod drain;
mod events;
mod evidence;
mod extract;
mod findings;
mod guard;
mod incidents;
mod listen;
mod params;
mod problem;
mod rate;
mod responses;
mod routes;
mod rules;
mod session;
mod suppressions;
mod system;
mod tag;
mod tls;
mod users;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use dataplane::telemetry::Sample;
use rusqlite::Connection;
use rustls::ServerConfig;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, SemaphorePermit, watch};

pub(crate) use alerts::OneAlert;
pub use alerts::Search as AlertSearch;
pub use assets::Search as AssetSearch;
pub(crate) use assets::{put as put_devices, the_list as the_devices_list};
pub(crate) use caller::known;
pub use caller::{May, Permit, caller, permit};
pub(crate) use cases::{Case, Judgement};
pub use extract::{Form, IfMatch, Json, Path, Query, Text};
pub use guard::Peer;
pub(crate) use incidents::OneIncident;
pub use incidents::Search as IncidentSearch;
pub use params::{Bar, Limit, List, Moment, Sort};
pub use problem::{Mistake, Problem};
pub(crate) use responses::{give as approve_response, standings};
pub use routes::schema;
pub(crate) use rules::{
    Capture, FileDiff, Tried, attempt as try_rules, capture_max, change as change_rules,
    check_name as check_rule_file, differences as rule_differences, read_again as read_rules_again,
};
pub use session::set_cookie;
pub(crate) use suppressions::{
    lift as lift_suppression, make as put_suppression, previewed as preview_suppression,
};
pub use users::NewToken;
pub(crate) use users::make_token;

use crate::auth::sessions::Limits;
use crate::auth::setup::Setup;
use crate::auth::throttle::Throttle;
use crate::config::{self, Config};
use crate::console;
use crate::desk::{Desk, Own};
use crate::error::Error;
use crate::health::Health;
use crate::store::audit::{self as log, Act};
use crate::store::{self, Change, Store};
use counts::Counts;
use events::Hub;
use rate::Rate;

/// Passwords that are hashed at once: each takes 19 MiB and a processor.
const HASHING_MAX: usize = 2;
/// Requests that wait for the disk at once.
const BLOCKING_MAX: usize = 16;

/// What handlers share. Clones are the same one.
#[derive(Clone)]
pub struct Api(Arc<Inner>);

struct Inner {
    store: Store,
    health: Arc<Health>,
    max_silence: Duration,
    evidence: PathBuf,
    config: config::Api,
    throttle: Throttle,
    setup: Setup,
    hashing: Semaphore,
    rate: Rate,
    hub: Hub,
    desk: Arc<Desk>,
    trials: Semaphore,
    counts: Arc<Counts>,
}

impl Api {
    fn new(
        config: &Config,
        store: Store,
        health: Arc<Health>,
        desk: Arc<Desk>,
    ) -> Result<Self, Error> {
        rules::forget(&config.state_dir);
        let setup = Setup::new(&store)?;
        let throttle = store.read(|conn| Throttle::restored(conn, store::words::now()))?;
        Ok(Self(Arc::new(Inner {
            store,
            health,
            max_silence: config.ready.max_silence.0,
            evidence: config.evidence_dir(),
            config: config.api.clone(),
            throttle,
            setup,
            hashing: Semaphore::new(HASHING_MAX),
            rate: Rate::new(config.api.limits.rate),
            hub: Hub::new(config.api.limits.streams),
            desk,
            trials: Semaphore::new(1),
            counts: Arc::default(),
        })))
    }

    /// Reads the store, in a thread that may wait.
    ///
    /// # Errors
    /// What `act` says, as a client is told it.
    pub async fn read<T: Send + 'static>(
        &self,
        act: impl FnOnce(&Connection) -> Result<T, store::Error> + Send + 'static,
    ) -> Result<T, Problem> {
        let store = self.0.store.clone();
        Ok(blocking(move || store.read(act)).await??)
    }

    /// Changes the store, in a thread that may wait; durable when it comes back.
    ///
    /// # Errors
    /// What `act` says, as a client is told it.
    pub async fn write<T: Send + 'static>(
        &self,
        act: impl FnOnce(&Change<'_>) -> Result<T, store::Error> + Send + 'static,
    ) -> Result<T, Problem> {
        let store = self.0.store.clone();
        Ok(blocking(move || store.write(act)).await??)
    }

    /// Changes what nobody waits for.
    fn later(&self, act: impl FnOnce(&Change<'_>) -> Result<(), store::Error> + Send + 'static) {
        let api = self.clone();
        tokio::spawn(async move {
            if let Err(problem) = api.write(act).await {
                tracing::debug!("api: {}", problem.detail());
            }
        });
    }

    /// The most bytes of a form with a capture.
    pub(crate) fn capture_max(&self) -> usize {
        capture_max(self.0.config.limits.body.0)
    }

    /// The store.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.0.store
    }

    /// The counts, and whether the appliance sees.
    #[must_use]
    pub fn health(&self) -> &Health {
        &self.0.health
    }

    /// Why the appliance is blind, or nothing.
    #[must_use]
    pub fn blind(&self) -> Option<String> {
        self.0.health.blind(self.0.max_silence)
    }

    /// Which rules are in force, and how to change that.
    #[must_use]
    pub fn desk(&self) -> &Desk {
        &self.0.desk
    }

    /// The rules and suppressions that people gave.
    ///
    /// # Errors
    /// A store that cannot be read.
    pub async fn own(&self) -> Result<Own, Problem> {
        let store = self.0.store.clone();
        Ok(blocking(move || Own::read(&store)).await??)
    }

    /// Notes in the audit log that somebody did something.
    ///
    /// # Errors
    /// A store that cannot be written.
    pub async fn note(
        &self,
        actor: String,
        action: &'static str,
        object: String,
    ) -> Result<(), Problem> {
        self.write(move |change| {
            let act = Act {
                actor: &actor,
                action,
                object: &object,
            };
            log::append(change, act, &serde_json::json!({})).map(drop)
        })
        .await
    }

    /// Waits until nothing else is tried. Never fails: the semaphore is never closed.
    pub(crate) async fn trial(&self) -> Option<SemaphorePermit<'_>> {
        self.0.trials.acquire().await.ok()
    }

    /// Where evidence is.
    #[must_use]
    pub fn evidence_dir(&self) -> &std::path::Path {
        &self.0.evidence
    }

    /// Whether the first admin has still to be made.
    #[must_use]
    pub fn is_new(&self) -> bool {
        self.0.setup.is_open()
    }

    fn session_limits(&self) -> Limits {
        let micros =
            |span: config::units::Span| i64::try_from(span.0.as_micros()).unwrap_or(i64::MAX);
        Limits {
            idle: micros(self.0.config.session.idle),
            total: micros(self.0.config.session.total),
        }
    }
}

/// Runs what may wait for the disk or takes long.
///
/// # Errors
/// It panicked.
pub(crate) async fn blocking<T: Send + 'static>(
    act: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Problem> {
    tokio::task::spawn_blocking(act)
        .await
        .map_err(|error| Problem::internal(&error))
}

/// The listener, before anything is served.
pub struct Listener {
    listener: std::net::TcpListener,
    tls: Arc<ServerConfig>,
}

/// Takes the port and reads the certificates, before capture starts: what is wrong with them is an
/// error that somebody should see.
///
/// # Errors
/// The address is taken, or not ours; certificates that cannot be used.
pub async fn bind(config: &Config) -> Result<Listener, Error> {
    let address = config.api.listen;
    let failed = |error: std::io::Error| {
        Error::Failed(format!(
            "api.listen {address}: {error}; choose another port, or stop what uses it (ss -ltnp)"
        ))
    };
    let tls = tls::server(config)?;
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let listener = listener.into_std().map_err(failed)?;
    Ok(Listener { listener, tls })
}

/// Serves in a thread of its own, so that no client delays the appliance, until dropped.
pub struct Serving {
    stop: watch::Sender<bool>,
    thread: Option<std::thread::JoinHandle<()>>,
    counts: Arc<Counts>,
    /// Where it listens.
    pub address: SocketAddr,
}

/// Starts serving.
///
/// # Errors
/// No thread, a store that cannot be read.
pub fn start(
    listener: Listener,
    config: &Config,
    store: Store,
    health: Arc<Health>,
    desk: Arc<Desk>,
) -> Result<Serving, Error> {
    let failed = |error: std::io::Error| Error::Failed(format!("api: {error}"));
    let address = listener.listener.local_addr().map_err(failed)?;
    tracing::info!("api: listening on https://{address}");
    let api = Api::new(config, store, health, desk)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(BLOCKING_MAX)
        .thread_name("api-disk")
        .build()
        .map_err(failed)?;
    let (stop, stopped) = watch::channel(false);
    let app = app(api.clone());
    let counts = Arc::clone(&api.0.counts);
    let serve = move || {
        runtime.block_on(async {
            tokio::spawn(events::feed(api.clone()));
            if let Err(error) = listen::serve(listener, app, &api, stopped).await {
                tracing::error!(%error, "api stopped");
            }
        });
        // A question that still reads is not waited for.
        runtime.shutdown_background();
    };
    let thread = std::thread::Builder::new()
        .name("api".to_owned())
        .spawn(serve)
        .map_err(failed)?;
    Ok(Serving {
        stop,
        thread: Some(thread),
        counts,
        address,
    })
}

impl Serving {
    /// For Prometheus.
    #[must_use]
    pub fn samples(&self) -> Vec<Sample> {
        self.counts.samples()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

/// Everything that is served.
fn app(api: Api) -> Router {
    let routes = routes::router(api.0.config.limits.body.0)
        .merge(console::router(&api))
        .with_state(api.clone());
    guard::around(routes, api)
}
