//! Live events for whoever watches: alerts and incidents as they are stored, and health as it turns.
//!
//! One task reads what is new, for all. Each client has a bounded place in the queue: one that lags is
//! told how many it missed, and gets the alerts among them from the store, some at a time; so does one
//! that comes back. Alerts come in their order, and each once.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use aide::axum::ApiRouter;
use aide::axum::routing::get_with;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{self, Stream};
use serde::Serialize;
use serde_json::json;
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant as Deadline;

use super::caller::{May, permit};
use super::{Api, Problem};
use crate::store::views::incidents;
use crate::store::{query, words};

/// Events that wait for the slowest client.
const WAITING_MAX: usize = 512;
/// The most that is read at once.
const BATCH: u32 = 200;
/// Between two looks: alerts come in groups.
const GATHER: Duration = Duration::from_millis(100);
/// How often health is looked at.
const LOOK: Duration = Duration::from_secs(1);
/// A stream ends after this, and whoever may comes back: that is how a logout reaches it.
const LONGEST: Duration = Duration::from_secs(600);

/// The routes.
pub(super) fn routes() -> ApiRouter<Api> {
    ApiRouter::new().api_route(
        "/events",
        get_with(events, |op| {
            op.id("events")
                .summary("Alerts, incidents and health as they happen, as server-sent events")
                .description(
                    "Events are `alert`, `incident` and `health`, with JSON. A client that lagged gets \
                     `missed` with a count: the alerts among them follow, of incidents and health ask \
                     for what is now. With `last-event-id` it begins after that alert.",
                )
        }),
    )
}

/// What clients get.
#[derive(Clone, Debug)]
pub(super) struct Told {
    name: &'static str,
    /// Of an alert: where to go on after it. Of another store, which has none of those told before: where
    /// that begins.
    id: Option<i64>,
    data: Arc<str>,
}

impl Told {
    fn new(name: &'static str, id: Option<i64>, what: &impl Serialize) -> Self {
        Self {
            name,
            id,
            data: serde_json::to_string(what).unwrap_or_default().into(),
        }
    }

    /// Whether it is an alert that a client has who was told of this one.
    fn is_known(&self, at: i64) -> bool {
        self.name == "alert" && self.id.is_some_and(|id| id <= at)
    }

    fn event(&self) -> Event {
        let event = Event::default().event(self.name).data(&*self.data);
        match self.id {
            Some(id) => event.id(id.to_string()),
            None => event,
        }
    }
}

/// Where clients listen.
pub(super) struct Hub {
    tell: broadcast::Sender<Told>,
    /// Goes on with each that is told; begins where no other run of the appliance was.
    told: AtomicI64,
    places: Arc<Semaphore>,
}

impl Hub {
    pub(super) fn new(clients: u32) -> Self {
        Self {
            tell: broadcast::Sender::new(WAITING_MAX),
            told: AtomicI64::new(words::now()),
            places: Arc::new(Semaphore::new(clients as usize)),
        }
    }
}

/// How far it was read.
#[derive(Clone, Copy, Default)]
struct At {
    alert: i64,
    incident: i64,
}

/// Reads what is new, for as long as the appliance runs.
pub(super) async fn feed(api: Api) {
    let mut written = api.store().watch();
    let mut at = begin(&api).await;
    let mut blind = api.blind();
    loop {
        // Ends only with the store.
        let rung = tokio::time::timeout(LOOK, written.changed()).await;
        let now = api.blind();
        if now != blind {
            blind = now;
            let health = json!({"ready": blind.is_none(), "reason": blind});
            api.tell(Told::new("health", None, &health));
        }
        match rung {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return,
            Err(_) => continue,
        }
        tokio::time::sleep(GATHER).await;
        while let Ok(more) = read(&api, &mut at).await
            && more
        {
            tokio::task::yield_now().await;
        }
    }
}

/// From now on.
async fn begin(api: &Api) -> At {
    let last = api.read(query::last);
    At {
        alert: last.await.unwrap_or(0),
        incident: words::now(),
    }
}

/// Tells a batch. Says whether there is more.
async fn read(api: &Api, at: &mut At) -> Result<bool, Problem> {
    let from = *at;
    let (last, alerts, incidents) = api
        .read(move |conn| {
            let alerts = query::after(conn, from.alert, BATCH)?;
            let incidents = incidents::changed_after(conn, from.incident, BATCH)?;
            Ok((query::last(conn)?, alerts, incidents))
        })
        .await?;
    if last < at.alert {
        // Another store took the place of one that was damaged.
        at.alert = last;
        api.tell(Told::new("missed", Some(last), &json!({"count": 0})));
        return Ok(false);
    }
    let more = alerts.len() >= BATCH as usize || incidents.len() >= BATCH as usize;
    for alert in alerts {
        at.alert = alert.seq;
        api.tell(Told::new("alert", Some(alert.seq), &alert));
    }
    for (changed, incident) in incidents {
        at.incident = changed;
        api.tell(Told::new("incident", None, &incident));
    }
    Ok(more)
}

impl Api {
    /// A number that is another one as soon as anything more was told.
    pub fn told(&self) -> i64 {
        self.0.hub.told.load(Ordering::SeqCst)
    }

    fn tell(&self, told: Told) {
        // First: who begins to listen now and then looks at the number must not see the old one.
        self.0.hub.told.fetch_add(1, Ordering::SeqCst);
        // Fails only when nobody listens.
        drop(self.0.hub.tell.send(told));
    }
}

/// A client.
struct Client {
    api: Api,
    /// What is read again for it, and not yet sent.
    again: VecDeque<Told>,
    /// Whether the store may have more for it than it was told.
    behind: bool,
    /// The last alert that it was told.
    at: i64,
    heard: broadcast::Receiver<Told>,
    until: Deadline,
    _place: OwnedSemaphorePermit,
}

async fn events(
    State(api): State<Api>,
    _: May<permit::Read>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let last = headers.get("last-event-id").and_then(|id| id.to_str().ok());
    let client = Client::join(api, last.and_then(|id| id.parse().ok())).await?;
    let stream = Sse::new(client.stream()).keep_alive(KeepAlive::default());
    Ok(stream.into_response())
}

impl Client {
    /// Listens from now on, or after an alert.
    async fn join(api: Api, last: Option<i64>) -> Result<Self, Problem> {
        let place = Arc::clone(&api.0.hub.places).try_acquire_owned();
        let place = place.map_err(|_| {
            Problem::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "too many watch already; see api.limits.streams",
            )
            .after(30)
        })?;
        let heard = api.0.hub.tell.subscribe();
        let newest = api.read(query::last).await?;
        Ok(Self {
            api,
            again: VecDeque::new(),
            behind: last.is_some(),
            // Of a store that was set aside since, it has seen other alerts.
            at: last.filter(|last| *last <= newest).unwrap_or(newest),
            heard,
            until: Deadline::now() + LONGEST,
            _place: place,
        })
    }

    fn stream(self) -> impl Stream<Item = Result<Event, Infallible>> {
        stream::unfold(self, |mut client| async {
            let told = client.next().await?;
            Some((Ok(told.event()), client))
        })
    }

    /// The next event, or the end.
    async fn next(&mut self) -> Option<Told> {
        loop {
            if let Some(told) = self.again.pop_front() {
                self.at = told.id.unwrap_or(self.at);
                return Some(told);
            }
            if self.behind {
                self.catch_up().await?;
                continue;
            }
            match tokio::time::timeout_at(self.until, self.heard.recv()).await {
                Ok(Ok(told)) if told.is_known(self.at) => {}
                Ok(Ok(told)) => {
                    self.at = told.id.unwrap_or(self.at);
                    return Some(told);
                }
                Ok(Err(RecvError::Lagged(count))) => {
                    self.api.0.counts.missed(count);
                    self.behind = true;
                    return Some(Told::new("missed", None, &json!({"count": count})));
                }
                Ok(Err(RecvError::Closed)) | Err(_) => return None,
            }
        }
    }

    /// Reads what follows the last alert that it was told. Nothing if that cannot be read, or the stream
    /// is old enough: the client comes back, and begins there.
    async fn catch_up(&mut self) -> Option<()> {
        if Deadline::now() >= self.until {
            return None;
        }
        let at = self.at;
        let read = self.api.read(move |conn| query::after(conn, at, BATCH));
        let alerts = read.await.ok()?;
        self.behind = alerts.len() >= BATCH as usize;
        let told = alerts
            .iter()
            .map(|alert| Told::new("alert", Some(alert.seq), alert));
        self.again.extend(told);
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Api, BATCH, Client, GATHER, Told, WAITING_MAX, feed};
    use crate::config::Config;
    use crate::desk::{self, Desk};
    use crate::store::tests::make::{Make, open, put};
    use crate::testing;

    fn alerts(from: u64, to: u64) -> impl Iterator<Item = Make> {
        (from..to).map(|n| Make {
            n,
            ..Make::default()
        })
    }

    /// What it is told until it has so many alerts: their places, and whether it was told that it missed
    /// some.
    async fn hear(client: &mut Client, alerts: usize) -> (Vec<i64>, bool) {
        let (mut places, mut missed) = (Vec::new(), false);
        while places.len() < alerts {
            let Told { name, id, .. } = client.next().await.expect("it goes on");
            assert!(client.again.len() <= BATCH as usize, "bounded");
            missed |= name == "missed";
            places.extend(id.filter(|_| name == "alert"));
        }
        (places, missed)
    }

    #[tokio::test]
    async fn who_lags_is_told_and_gets_every_alert_once_and_so_does_who_comes_back() {
        let dir = testing::dir("api-lag");
        let config = Config {
            state_dir: dir.clone(),
            ..Config::default()
        };
        let store = open(&dir);
        put(&store, alerts(0, 3));
        let loaded = desk::load(&config, None).expect("our own rules");
        let (desk, _asks) = Desk::new(&config, &loaded, Default::default());
        let api = Api::new(&config, store.clone(), Default::default(), desk).expect("an API");
        let feed = tokio::spawn(feed(api.clone()));
        let mut quick = Client::join(api.clone(), None).await.expect("a place");
        let mut slow = Client::join(api.clone(), None).await.expect("a place");
        let many = 2 * WAITING_MAX as u64;
        for from in (0..many).step_by(100) {
            put(&store, alerts(3 + from, 3 + (from + 100).min(many)));
            let to = (from + 100).min(many) - from;
            let (_, missed) = hear(&mut quick, usize::try_from(to).unwrap()).await;
            assert!(!missed, "who keeps up misses nothing");
        }
        let newest = 3 + i64::try_from(many).unwrap();
        let all: Vec<i64> = (4..=newest).collect();
        let (places, missed) = hear(&mut slow, all.len()).await;
        assert!(missed, "it is told");
        assert_eq!(places, all, "all, in order");
        // What still waits for it in the queue it has from the store.
        while let Ok(told) = tokio::time::timeout(GATHER * 3, slow.next()).await {
            let told = told.expect("it goes on");
            assert_ne!(told.name, "alert", "each once");
        }
        let mut back = Client::join(api.clone(), Some(10)).await.expect("a place");
        let (places, _) = hear(&mut back, all.len() - 7).await;
        assert_eq!(places, (11..=newest).collect::<Vec<_>>());
        // And live again from there on.
        put(&store, alerts(many + 3, many + 4));
        for client in [&mut quick, &mut slow, &mut back] {
            assert_eq!(hear(client, 1).await.0, [newest + 1]);
        }
        feed.abort();
    }
}
