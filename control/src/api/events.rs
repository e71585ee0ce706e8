//! Live events for whoever watches: alerts and incidents as they are stored, and health as it turns.
//!
//! One task reads what is new, for all. Each client has a bounded place in the queue: one that lags is
//! told how many it missed, and asks for them.

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
use super::counts::Counts;
use super::{Api, Problem};
use crate::store::views::incidents;
use crate::store::{query, words};

/// Events that wait for the slowest client.
const WAITING_MAX: usize = 512;
/// The most that is read at once, and sent to a client that comes back.
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
                    "Events are `alert`, `incident` and `health`, with JSON; `missed` with a count \
                     for a client that lagged. With `last-event-id` it begins after that alert.",
                )
        }),
    )
}

/// What clients get.
#[derive(Clone, Debug)]
pub(super) struct Told {
    name: &'static str,
    /// Of an alert: where to go on after it.
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
    /// What it asked for again.
    again: VecDeque<Told>,
    heard: broadcast::Receiver<Told>,
    until: Deadline,
    counts: Arc<Counts>,
    _place: OwnedSemaphorePermit,
}

async fn events(
    State(api): State<Api>,
    _: May<permit::Read>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let place = Arc::clone(&api.0.hub.places).try_acquire_owned();
    let place = place.map_err(|_| {
        Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "too many watch already; see api.limits.streams",
        )
        .after(30)
    })?;
    let heard = api.0.hub.tell.subscribe();
    let client = Client {
        again: again(&api, &headers).await?,
        heard,
        until: Deadline::now() + LONGEST,
        counts: Arc::clone(&api.0.counts),
        _place: place,
    };
    let stream = Sse::new(client.stream()).keep_alive(KeepAlive::default());
    Ok(stream.into_response())
}

/// What a client that comes back has missed, as far as it is bounded.
async fn again(api: &Api, headers: &HeaderMap) -> Result<VecDeque<Told>, Problem> {
    let last = headers.get("last-event-id").and_then(|id| id.to_str().ok());
    let Some(last) = last.and_then(|id| id.parse::<i64>().ok()) else {
        return Ok(VecDeque::new());
    };
    let (alerts, behind) = api
        .read(move |conn| {
            let alerts = query::after(conn, last, BATCH)?;
            Ok((alerts, query::last(conn)?))
        })
        .await?;
    let told = alerts.last().map_or(last, |alert| alert.seq);
    let missed = behind.saturating_sub(told).max(0);
    let alerts = alerts
        .iter()
        .map(|alert| Told::new("alert", Some(alert.seq), alert));
    let mut again: VecDeque<Told> = alerts.collect();
    if missed > 0 {
        let count = json!({"count": missed});
        again.push_back(Told::new("missed", None, &count));
    }
    Ok(again)
}

impl Client {
    fn stream(self) -> impl Stream<Item = Result<Event, Infallible>> {
        stream::unfold(self, |mut client| async {
            let told = client.next().await?;
            Some((Ok(told.event()), client))
        })
    }

    async fn next(&mut self) -> Option<Told> {
        if let Some(told) = self.again.pop_front() {
            return Some(told);
        }
        match tokio::time::timeout_at(self.until, self.heard.recv()).await {
            Ok(Ok(told)) => Some(told),
            Ok(Err(RecvError::Lagged(count))) => {
                self.counts.missed(count);
                Some(Told::new("missed", None, &json!({"count": count})))
            }
            Ok(Err(RecvError::Closed)) | Err(_) => None,
        }
    }
}
