//! `vitalwire run`: the appliance.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use dataplane::pipeline::{self, Running, Sources};
use dataplane::telemetry::{Latencies, Snapshot};
use parsers::phi::Pseudonymizer;
use rules::correlate::Out;
use tokio::sync::mpsc;

use crate::cli::RunArgs;
use crate::clock::{self, Every, Stopwatch};
use crate::config::{self, Config, reload};
use crate::deliver::{Crew, Fan};
use crate::desk::{self, Ask, Desk};
use crate::error::Error;
use crate::health::Health;
use crate::inventory::Learnt;
use crate::lost::Lost;
use crate::metrics::{self, counter, gauge};
use crate::mirror::Mirror;
use crate::rounds::Round;
use crate::ruleset::{self, Loaded};
use crate::seen::Watch;
use crate::service::Service;
use crate::signals::Signals;
use crate::sinks::file::EveFile;
use crate::sinks::{self, Counts};
use crate::stats::{self, About};
use crate::store::{self, Intake, Store};
use crate::{api, doctor, engine, evidence, http, ledger, live, logging, sandbox, site_key};

/// Runs until a signal, or until the files of a test are read.
///
/// # Errors
/// What keeps it from starting, or made it stop.
pub fn run(args: &RunArgs) -> Result<(), Error> {
    let config = config::read(&args.config)?;
    if let Some(interface) = &config.capture.interface {
        doctor::may_capture(interface)?;
    }
    logging::start(&config.log);
    let loaded = ruleset::load(&config)?;
    let site = site_key::of_config(&config)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::Failed(format!("runtime: {error}")))?;
    runtime.block_on(async {
        let health = Arc::new(Health::default());
        if config.http.enabled {
            let listener = http::bind(&config.http).await?;
            let silence = config.ready.max_silence.0;
            tokio::spawn(http::serve(listener, Arc::clone(&health), silence));
        }
        let listener = if config.api.enabled && config.store.enabled {
            Some(api::bind(&config).await?)
        } else {
            None
        };
        let live = live::of_config(&config)?;
        // Before there is another thread: each inherits it from this one.
        sandbox::enter(&config, &args.config)?;
        // A signal that comes before anybody listens for it would end the program.
        let signals = Signals::new()?;
        let mut appliance = Appliance::start(config, live, loaded, site, health)?;
        appliance.serve(listener)?;
        appliance.service.ready();
        let outcome = appliance.watch(&args.config, signals).await;
        let stopped = appliance.stop();
        outcome.and(stopped)
    })
}

/// Everything that runs.
struct Appliance {
    config: Config,
    loaded: Loaded,
    site: Pseudonymizer,
    health: Arc<Health>,
    counts: Arc<Counts>,
    /// From a packet's stamp to its events' delivery.
    delivery: Arc<Latencies>,
    eve: Option<sinks::Running<EveFile>>,
    store: Option<(Store, sinks::Running<Intake>)>,
    api: Option<api::Serving>,
    desk: Arc<Desk>,
    /// Feeds what the console shows of the traffic.
    seen: Option<sinks::Running<Watch>>,
    asks: mpsc::Receiver<Ask>,
    /// What delivers to receivers.
    crew: Option<Crew>,
    /// Feeds sinks that take protocol events.
    fan: Option<sinks::Running<Fan>>,
    evidence: Option<evidence::Running>,
    pipeline: Option<Running>,
    /// The counts of pipelines that have ended: of files that are read again and again.
    before: Snapshot,
    uptime: Stopwatch,
    service: Service,
    mirror: Mirror,
    lost: Lost,
    learnt: Learnt,
    /// Why the source is blind, as it was last told.
    blind: Option<String>,
    reloads: u64,
    reloads_failed: u64,
}

impl Appliance {
    fn start(
        config: Config,
        live: Option<Sources>,
        loaded: Loaded,
        site: Pseudonymizer,
        health: Arc<Health>,
    ) -> Result<Self, Error> {
        let counts = Arc::new(Counts::default());
        let delivery = Arc::new(Latencies::new("arrival_to_eve"));
        let depth = usize::from(config.limits.queue_depth);
        let eve = if config.outputs.eve.enabled {
            let file = EveFile::resumed(&config.outputs.eve, Arc::clone(&counts))?;
            Some(if config.capture.is_live() {
                sinks::spawn_live("eve", file, depth, &delivery)?
            } else {
                sinks::spawn("eve", file, depth)?
            })
        } else {
            None
        };
        let store = open_store(&config, eve.as_ref())?;
        let loaded = with_own(loaded, &config, store.as_ref().map(|(store, _)| store));
        let list = Arc::clone(loaded.ruleset.assets());
        let learnt = Learnt::load(config.state_dir.clone(), list)?;
        let (desk, asks) = Desk::new(&config, &loaded, Arc::clone(learnt.devices()));
        let crew = match &store {
            Some((store, _)) => Some(Crew::start(store, &config, learnt.devices())?),
            None => None,
        };
        let fan = crew.as_ref().map(|crew| crew.lanes().fan());
        let fan = fan
            .map(|fan| sinks::spawn("sinks", fan, depth))
            .transpose()?;
        let seen = if config.api.enabled && config.store.enabled {
            let watch = Watch::new(Arc::clone(desk.seen()));
            Some(sinks::spawn("console", watch, depth)?)
        } else {
            None
        };
        let evidence = evidence(&config, &site)?;
        let mut appliance = Self {
            config,
            loaded,
            site,
            health,
            counts,
            delivery,
            eve,
            store,
            api: None,
            desk,
            seen,
            asks,
            crew,
            fan,
            evidence,
            pipeline: None,
            before: Snapshot::default(),
            uptime: Stopwatch::start(),
            service: Service::find(),
            mirror: Mirror::default(),
            lost: Lost::default(),
            learnt,
            blind: None,
            reloads: 0,
            reloads_failed: 0,
        };
        appliance.loaded.say_unarmed();
        appliance.note_rules();
        appliance.capture(live)?;
        Ok(appliance)
    }

    /// Starts the pipeline on a live source, or on the files.
    fn capture(&mut self, live: Option<Sources>) -> Result<(), Error> {
        let capture = &self.config.capture;
        let is_live = capture.is_live();
        let sources = if let Some(sources) = live {
            let (sources, mirror) = Mirror::of(capture, sources);
            self.mirror = mirror;
            sources
        } else {
            Sources::Spread(match capture.round.0.is_zero() {
                true => engine::files(capture, &capture.files),
                false => Box::new(Round::begin(capture, &capture.files)),
            })
        };
        let mut settings = engine::settings(&self.config, self.site.clone(), is_live);
        settings.inventory = self.learnt.latest().cloned();
        settings.evidence = self.evidence.as_ref().map(evidence::Running::queue);
        let eve = self.eve.iter().map(|eve| ("eve", eve.queue()));
        let store = self
            .store
            .iter()
            .map(|(_, intake)| ("store", intake.queue()));
        let seen = self.seen.iter().map(|seen| ("console", seen.queue()));
        let fan = self.fan.iter().map(|fan| ("sinks", fan.queue()));
        let outputs = eve.chain(store).chain(seen).chain(fan).collect();
        if self.before.samples.is_empty() {
            tracing::info!(workers = settings.workers, live = is_live, "capturing");
        }
        let rules = Arc::clone(&self.loaded.ruleset);
        let pipeline = pipeline::start(settings, sources, rules, outputs)
            .map_err(|error| Error::Failed(format!("threads: {error}")))?;
        self.pipeline = Some(pipeline);
        Ok(())
    }

    /// Starts the API.
    fn serve(&mut self, listener: Option<api::Listener>) -> Result<(), Error> {
        if let (Some(listener), Some((store, _))) = (listener, &self.store) {
            let (store, health) = (store.clone(), Arc::clone(&self.health));
            let desk = Arc::clone(&self.desk);
            self.api = Some(api::start(listener, &self.config, store, health, desk)?);
        }
        Ok(())
    }

    /// Until a signal, or the end of the files.
    async fn watch(&mut self, path: &Path, mut signals: Signals) -> Result<(), Error> {
        let mut second = tokio::time::interval(Duration::from_secs(1));
        let mut stats = Every::new(self.config.stats.interval.0);
        let mut heartbeat = Every::new(self.config.heartbeat.interval.0);
        loop {
            tokio::select! {
                _ = second.tick() => {}
                _ = signals.hup.recv() => drop(self.reload(path)),
                Some(ask) = self.asks.recv() => self.answer(ask, path),
                () = self.health.asked() => {
                    self.health.refresh(self.snapshot());
                    continue;
                }
                _ = signals.term.recv() => return Ok(()),
                _ = signals.int.recv() => return Ok(()),
            }
            let ended = self
                .pipeline
                .as_ref()
                .is_none_or(|p| p.ends_within(Duration::ZERO));
            let again = self.config.capture.interface.is_none() && self.config.capture.repeat;
            if ended && again {
                self.finish_pipeline()?;
                self.capture(None)?;
            }
            self.look();
            self.service
                .alive(self.blind.as_deref().unwrap_or("watching"));
            self.look_at_mirror();
            let snapshot = self.snapshot();
            self.lost.announce(&ledger::losses(&snapshot));
            self.health
                .update(snapshot, !ended || again, self.blind.clone());
            if ended && !again {
                return Ok(());
            }
            self.tell_silence();
            self.learnt.tend(self.pipeline.as_ref());
            if stats.is_due() {
                self.tell_stats();
            }
            if heartbeat.is_due() {
                self.beat();
            }
        }
    }

    /// Tells when the source goes blind and when it sees again.
    fn look(&mut self) {
        let now = self.pipeline.as_ref().and_then(Running::blind);
        if now == self.blind {
            return;
        }
        let interface = self.config.capture.name();
        match &now {
            Some(why) => tracing::warn!(interface, "blind, waiting: {why}"),
            None => tracing::info!(interface, "seeing again"),
        }
        self.blind = now;
    }

    /// An interface on which nothing comes any more is as good as one without a link.
    fn tell_silence(&self) {
        if let Some(pipeline) = self
            .pipeline
            .as_ref()
            .filter(|_| self.config.capture.is_live())
        {
            pipeline.set_silent(self.health.is_silent(self.config.ready.max_silence.0));
        }
    }

    /// Tells what has become wrong with the mirror, and what is mended.
    fn look_at_mirror(&mut self) {
        for change in self.mirror.changes() {
            self.mirror.log(&change);
            let line = stats::finding(
                &self.about(),
                clock::now(),
                self.mirror.interface(),
                &change,
            );
            self.tell(line);
        }
    }

    /// Gives a line of the appliance's own to the outputs.
    fn tell(&self, line: Arc<Out>) {
        if let Some((_, intake)) = &self.store {
            intake.send(Arc::clone(&line));
        }
        if let Some(eve) = &self.eve {
            eve.send(line);
        }
    }

    /// The counts of every part.
    fn snapshot(&self) -> Snapshot {
        let running = self.pipeline.as_ref().map(Running::snapshot);
        let mut snapshot = running.unwrap_or_default();
        metrics::add(&mut snapshot, &self.before);
        let (armed, unarmed) = self.loaded.counts();
        let count = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
        snapshot.samples.extend(self.counts.samples("eve"));
        if let Some(evidence) = &self.evidence {
            snapshot.samples.extend(evidence.counts().samples());
        }
        snapshot.latencies.push(self.delivery.read());
        snapshot.samples.extend(self.mirror.samples());
        if let Some((store, _)) = &self.store {
            snapshot.samples.extend(store.samples());
            snapshot.latencies.push(store.latency());
        }
        if let Some(crew) = &self.crew {
            snapshot.samples.extend(crew.lanes().samples());
        }
        if let Some(api) = &self.api {
            snapshot.samples.extend(api.samples());
        }
        snapshot.samples.extend([
            gauge(
                "vitalwire_capture_blind",
                "1 while the source says that nothing can come: interface down, gone, or no link.",
                u64::from(self.blind.is_some()),
            ),
            gauge(
                "vitalwire_rules_armed",
                "Rules that may fire.",
                count(armed),
            ),
            gauge(
                "vitalwire_rules_unarmed",
                "Rules that lack a list.",
                count(unarmed),
            ),
            gauge(
                "vitalwire_uptime_seconds",
                "Seconds since the start.",
                self.uptime.elapsed().as_secs(),
            ),
            counter(
                "vitalwire_rules_reloads_total",
                "Reloads of the rules.",
                self.reloads,
            ),
            counter(
                "vitalwire_rules_reload_failures_total",
                "Reloads that failed; the old rules stayed.",
                self.reloads_failed,
            ),
        ]);
        snapshot
    }

    fn about(&self) -> About {
        About {
            eve: engine::eve(&self.config),
            key_id: self.site.key_id(),
            rules: self.loaded.counts(),
            packs: self.loaded.packs(),
        }
    }

    fn tell_stats(&self) {
        let snapshot = self.snapshot();
        let line = stats::line(
            &self.about(),
            clock::now(),
            self.uptime.elapsed(),
            &snapshot,
        );
        self.tell(line);
    }

    fn beat(&self) {
        let blind = self.health.blind(self.config.ready.max_silence.0);
        let uptime = self.uptime.elapsed();
        let line = stats::heartbeat(&self.about(), clock::now(), uptime, blind.as_deref());
        self.tell(line);
    }

    /// Rules, sets, suppressions and sinks anew; the old ones stay if the new ones are wrong.
    fn reload(&mut self, path: &Path) -> Result<(), String> {
        if let Some(eve) = &self.eve {
            eve.reopen();
            tracing::info!("outputs reopened");
        }
        let outcome = self.read_anew(path);
        if let Err(error) = &outcome {
            self.reloads_failed = self.reloads_failed.saturating_add(1);
            if self.config.sandbox.files && error.is_denied() {
                tracing::error!("sandbox.files shuts what was not named at the start; restart");
            }
            for line in error.to_string().lines() {
                tracing::error!("reload failed, all stays as it was: {line}");
            }
        }
        outcome.map_err(|error| error.to_string())
    }

    fn read_anew(&mut self, path: &Path) -> Result<(), Error> {
        let config = config::read(path)?;
        let store = self.store.as_ref().map(|(store, _)| store);
        let loaded = desk::load(&config, store)?;
        if let Some(crew) = &mut self.crew {
            crew.apply(&config)?;
        }
        reload::say(&self.config, &config);
        reload::take(&mut self.config, config);
        self.adopt(loaded);
        Ok(())
    }

    /// Puts rules in force.
    fn adopt(&mut self, loaded: Loaded) {
        if let Some(pipeline) = &self.pipeline {
            pipeline.swap_rules(Arc::clone(&loaded.ruleset));
        }
        self.reloads = self.reloads.saturating_add(1);
        let (armed, unarmed) = loaded.counts();
        tracing::info!(armed, unarmed, "rules reloaded");
        loaded.say_unarmed();
        self.loaded = loaded;
        self.desk.set(&self.config, &self.loaded);
        self.note_rules();
    }

    /// Does what the API asks. It may have gone away meanwhile.
    fn answer(&mut self, ask: Ask, path: &Path) {
        match ask {
            Ask::Reload(tell) => drop(tell.send(self.reload(path))),
            Ask::Adopt(loaded, tell) => {
                self.adopt(loaded);
                tell.send(()).ok();
            }
        }
    }

    /// Notes in the store which rules are in force.
    fn note_rules(&self) {
        let Some((store, _)) = &self.store else {
            return;
        };
        let (armed, unarmed) = self.loaded.counts();
        let paths = self.config.rules.paths.iter();
        let version = store::rule_versions::Version {
            hash: self.loaded.ruleset.version_hash(),
            armed,
            unarmed,
            packs: self.loaded.packs(),
            paths: paths.map(|path| path.display().to_string()).collect(),
        };
        let noted =
            store.write(move |change| store::rule_versions::note(change, &version, "system"));
        if let Err(error) = noted {
            tracing::error!(%error, "the rules that are in force are not noted");
        }
    }

    /// Waits for the pipeline and says what it could not read.
    fn finish_pipeline(&mut self) -> Result<(), Error> {
        let Some(finished) = self.pipeline.take().map(Running::wait) else {
            return Ok(());
        };
        metrics::add(&mut self.before, &finished.snapshot);
        self.learnt.know(finished.summary.inventory);
        if finished.errors.is_empty() {
            return Ok(());
        }
        Err(Error::Capture(
            finished.errors.iter().map(ToString::to_string).collect(),
        ))
    }

    /// Everything read is processed and written.
    fn stop(mut self) -> Result<(), Error> {
        tracing::info!("stopping");
        self.service.stopping();
        self.health.stopping();
        drop(self.api.take());
        if let Some(pipeline) = &self.pipeline {
            pipeline.stop();
        }
        let outcome = self.finish_pipeline();
        self.learnt.finish();
        self.health.update(self.snapshot(), false, None);
        self.tell_stats();
        drop(self.seen.take().map(sinks::Running::finish));
        if let Some((store, intake)) = self.store.take() {
            drop(intake.finish());
            drop(self.fan.take().map(sinks::Running::finish));
            if let Some(crew) = self.crew.take() {
                crew.stop();
            }
            store.close();
        }
        if let Some(eve) = self.eve.take() {
            drop(eve.finish());
        }
        if let Some(evidence) = self.evidence.take() {
            evidence.finish();
        }
        outcome
    }
}

/// Opens the store and starts what feeds it.
fn open_store(
    config: &Config,
    eve: Option<&sinks::Running<EveFile>>,
) -> Result<Option<(Store, sinks::Running<Intake>)>, Error> {
    if !config.store.enabled {
        return Ok(None);
    }
    let dir = config.store.dir.as_ref().unwrap_or(&config.state_dir);
    let settings = store::Settings::new(&config.store, engine::eve(config));
    let store = Store::open(dir, settings, eve.map(sinks::Running::queue))?;
    let intake = Intake::new(store.clone(), config.capture.is_live());
    let depth = usize::from(config.limits.queue_depth);
    let intake = sinks::spawn("store", intake, depth)?;
    Ok(Some((store, intake)))
}

/// With the rules and suppressions that people gave. Rules that were good once and are not for this
/// program do not keep it from starting.
fn with_own(loaded: Loaded, config: &Config, store: Option<&Store>) -> Loaded {
    match desk::load(config, store) {
        Ok(all) => all,
        Err(error) => {
            for line in error.to_string().lines() {
                tracing::error!("rules that were uploaded are left out: {line}");
            }
            loaded
        }
    }
}

/// Where evidence goes, if it is wanted.
fn evidence(config: &Config, site: &Pseudonymizer) -> Result<Option<evidence::Running>, Error> {
    if !config.evidence.enabled {
        return Ok(None);
    }
    let about = evidence::About {
        eve: engine::eve(config),
        key_id: site.key_id(),
        live: config.capture.is_live(),
    };
    let bounds = engine::evidence_bounds(config);
    evidence::spawn(&config.evidence_dir(), bounds, about, false).map(Some)
}
