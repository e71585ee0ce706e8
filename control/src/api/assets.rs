//! Devices: what was learnt of each, what the hospital's list says of it, and that list.

use std::net::IpAddr;

use aide::axum::ApiRouter;
use aide::axum::routing::get_with;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::caller::{May, permit};
use super::extract::Csv;
use super::params::{ById, Limit, List, Moment, Sort, bad_cursor};
use super::{Api, IfMatch, Mistake, Path, Problem, Query, blocking};
use crate::auth::Caller;
use crate::desk::Own;
use crate::inventory::search::{self, Filter};
use crate::inventory::{self, Device, Entry, Whole};
use crate::store::device_lists::{self, BYTES_MAX, Uploaded};

/// Devices of the list that were never seen; more are counted.
const UNSEEN_MAX: usize = 1_000;

/// The routes.
pub(super) fn routes() -> ApiRouter<Api> {
    let list = ApiRouter::new()
        .api_route(
            "/assets/list",
            get_with(get_list, |op| {
                op.id("assetList")
                    .summary("The hospital's list of its devices: which is in force, and what it lacks")
            })
            .put_with(put_list, |op| {
                op.id("putAssetList")
                    .summary("Uploads the hospital's list, and puts it in force")
                    .description(
                        "A CSV file whose first line names the columns: name, role, owner, phone, unit, \
                         criticality, life_support, patient_connected, mac, ip, serial. It takes the \
                         place of the configuration's. Mistakes are told with their lines, and nothing \
                         changes.",
                    )
            })
            .delete_with(delete_list, |op| {
                op.id("deleteAssetList")
                    .summary("Takes the uploaded list back; the configuration's is in force again")
            }),
        )
        .layer(DefaultBodyLimit::max(BYTES_MAX));
    ApiRouter::new()
        .api_route(
            "/assets",
            get_with(page, |op| op.id("assets").summary("Searches devices")),
        )
        .api_route(
            "/assets.csv",
            get_with(csv, |op| {
                op.id("assetsCsv")
                    .summary("The same as CSV, all of it, which an import takes back")
                    .description("`cursor` and `limit` change nothing here.")
                    .response::<200, Csv>()
            }),
        )
        .api_route(
            "/assets/{id}",
            get_with(get, |op| {
                op.id("asset")
                    .summary("A device with everything that is known, and who told")
            }),
        )
        .merge(list)
}

/// Which devices. Of a list one has to hold, of the parts all.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Search {
    /// Words, each of them somewhere in what is known.
    pub q: String,
    /// Wards or departments, parted by commas.
    pub unit: List<String>,
    /// Roles, parted by commas.
    pub role: List<String>,
    /// Criticalities, parted by commas.
    pub criticality: List<String>,
    /// Protocols that it speaks, parted by commas.
    pub protocol: List<String>,
    /// VLANs, parted by commas.
    pub vlan: List<u16>,
    /// Addresses that it has or had, parted by commas.
    pub ip: List<IpAddr>,
    /// Whether it is in the hospital's list.
    pub listed: Option<bool>,
    /// Whether a life depends on it, by the list.
    pub life_support: Option<bool>,
    /// Whether cutting it off may hurt somebody, as far as the list knows.
    pub do_not_isolate: Option<bool>,
    /// First seen at this time or later.
    pub new_since: Option<Moment>,
    /// Last seen at this time or later.
    pub seen_since: Option<Moment>,
    /// The order.
    pub sort: Sort,
    /// Where the page begins: `next` of the page before.
    pub cursor: Option<String>,
    /// How many there may be on the page.
    pub limit: Limit,
}

impl Search {
    /// As the inventory is asked.
    #[must_use]
    pub fn filter(&self) -> Filter {
        let nanos = |time: Option<Moment>| time.map(|time| time.0.saturating_mul(1_000));
        Filter {
            text: self.q.clone(),
            units: self.unit.0.clone(),
            roles: self.role.0.clone(),
            criticalities: self.criticality.0.clone(),
            protocols: self.protocol.0.clone(),
            vlans: self.vlan.0.clone(),
            ips: self.ip.0.clone(),
            listed: self.listed,
            life_support: self.life_support,
            do_not_isolate: self.do_not_isolate,
            new_since: nanos(self.new_since),
            seen_since: nanos(self.seen_since),
        }
    }
}

/// A page of devices.
#[derive(JsonSchema, Serialize)]
struct Assets {
    /// So many are found.
    count: usize,
    /// The devices.
    assets: Vec<Device>,
    /// The cursor of the next page, if there is one.
    next: Option<String>,
}

async fn page(
    State(api): State<Api>,
    _: May<permit::Read>,
    Query(search): Query<Search>,
) -> Result<axum::Json<Assets>, Problem> {
    let cursor = search.cursor.as_deref();
    if cursor.is_some_and(|cursor| !cursor.contains('~')) {
        return Err(bad_cursor());
    }
    let now = api.desk().devices().now();
    let found = blocking(move || {
        let (filter, limit) = (search.filter(), search.limit.0 as usize);
        let after = search.cursor.as_deref();
        let page = search::page(&now, &filter, search.sort.0, after, limit);
        Assets {
            count: page.found.devices,
            assets: page.devices.into_iter().map(Device::of).collect(),
            next: page.next,
        }
    });
    Ok(axum::Json(found.await?))
}

async fn csv(
    State(api): State<Api>,
    _: May<permit::Read>,
    Query(search): Query<Search>,
) -> Result<Response, Problem> {
    let now = api.desk().devices().now();
    let text = blocking(move || {
        let all = search::page(&now, &search.filter(), search.sort.0, None, usize::MAX);
        inventory::csv(all.devices.into_iter())
    });
    Ok(sheet("devices.csv", text.await?))
}

/// A file that a browser saves.
fn sheet(name: &str, text: String) -> Response {
    let named = format!("attachment; filename=\"{name}\"");
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
        (header::CONTENT_DISPOSITION, named),
    ];
    (headers, text).into_response()
}

async fn get(
    State(api): State<Api>,
    _: May<permit::Read>,
    Path(ById { id }): Path<ById>,
) -> Result<axum::Json<Whole>, Problem> {
    let now = api.desk().devices().now();
    let known = id.parse().ok().and_then(|key| now.get(key));
    known
        .map(|known| axum::Json(Whole::of(known, &now)))
        .ok_or_else(|| Problem::missing("device with this id"))
}

/// The hospital's list.
#[derive(JsonSchema, Serialize)]
pub(crate) struct TheList {
    /// The one that was uploaded; without one, the configuration's is in force.
    pub(crate) uploaded: Option<Uploaded>,
    /// The file that the configuration names, in force where none was uploaded.
    pub(crate) configured: Option<String>,
    /// So many devices are in the list in force.
    pub(crate) devices: usize,
    /// What is odd about it, one line each.
    pub(crate) notes: Vec<String>,
    /// So many of them were never seen.
    pub(crate) unseen_count: usize,
    /// The first thousand of those.
    pub(crate) unseen: Vec<Entry>,
}

pub(crate) async fn the_list(api: &Api) -> Result<TheList, Problem> {
    let uploaded = api.read(device_lists::newest).await?;
    let (config, loaded) = api.desk().in_force();
    let now = api.desk().devices().now();
    let import = config.inventory.import.as_ref();
    Ok(TheList {
        uploaded,
        configured: import.map(|path| path.display().to_string()),
        devices: now.listed().devices.len(),
        notes: loaded.notes,
        unseen_count: now.unseen().count(),
        unseen: now.unseen().take(UNSEEN_MAX).map(Entry::of).collect(),
    })
}

async fn get_list(
    State(api): State<Api>,
    _: May<permit::Read>,
) -> Result<axum::Json<TheList>, Problem> {
    the_list(&api).await.map(axum::Json)
}

/// How a list is uploaded.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct How {
    /// Why.
    note: String,
    /// Only say whether it is right.
    dry_run: bool,
}

/// What came of a list.
#[derive(JsonSchema, Serialize)]
pub(crate) struct Outcome {
    /// Its version; none if nothing was changed.
    pub(crate) version: Option<i64>,
    /// So many devices are in it.
    pub(crate) devices: usize,
    /// What is odd about it, one line each.
    pub(crate) notes: Vec<String>,
    /// Rules that may fire with it.
    pub(crate) armed: usize,
    /// Rules that lack a list still.
    pub(crate) unarmed: usize,
}

async fn put_list(
    State(api): State<Api>,
    who: May<permit::Configure>,
    seen: IfMatch,
    Query(how): Query<How>,
    Csv(text): Csv,
) -> Result<axum::Json<Outcome>, Problem> {
    let _one = api.desk().changing.lock().await;
    as_seen(&api, &seen).await?;
    let outcome = exchange(&api, &who, Some(text), &how.note, how.dry_run);
    outcome.await.map(axum::Json)
}

async fn delete_list(
    State(api): State<Api>,
    who: May<permit::Configure>,
    seen: IfMatch,
) -> Result<axum::Json<Outcome>, Problem> {
    let _one = api.desk().changing.lock().await;
    let none = || Problem::missing("uploaded list");
    api.read(device_lists::newest).await?.ok_or_else(none)?;
    as_seen(&api, &seen).await?;
    let outcome = exchange(&api, &who, None, "", false);
    outcome.await.map(axum::Json)
}

/// Whether the list is as the client saw it.
async fn as_seen(api: &Api, seen: &IfMatch) -> Result<(), Problem> {
    seen.check(&the_list(api).await?)
}

/// Puts a list in force, for a page.
///
/// # Errors
/// Mistakes in it, or a store that cannot be written.
pub(crate) async fn put(
    api: &Api,
    who: &Caller,
    text: Option<String>,
    note: &str,
    dry_run: bool,
) -> Result<Outcome, Problem> {
    let _one = api.desk().changing.lock().await;
    exchange(api, who, text, note, dry_run).await
}

/// Reads a list, and puts it in force; none gives way to the configuration's. Whoever calls holds the
/// desk's `changing`.
async fn exchange(
    api: &Api,
    who: &Caller,
    text: Option<String>,
    note: &str,
    dry_run: bool,
) -> Result<Outcome, Problem> {
    let (config, _) = api.desk().in_force();
    let contact = inventory::contact(&config.inventory);
    if let Some(text) = text.clone() {
        let read = blocking(move || inventory::parse(inventory::UPLOADED, &text, contact).err());
        if let Some(mistakes) = read.await? {
            return Err(wrong(mistakes));
        }
    }
    let own = Own {
        devices: text.clone(),
        ..api.own().await?
    };
    let loaded = super::rules::compile(api, own).await?;
    let (armed, unarmed) = loaded.counts();
    let mut outcome = Outcome {
        version: None,
        devices: loaded.ruleset.assets().devices.len(),
        notes: loaded.notes.clone(),
        armed,
        unarmed,
    };
    if !dry_run {
        let (actor, note) = (who.actor(), note.to_owned());
        let put =
            api.write(move |change| device_lists::put(change, text.as_deref(), &note, &actor));
        outcome.version = Some(put.await.map_err(Problem::as_input)?);
        api.desk().adopt(loaded).await;
    }
    Ok(outcome)
}

fn wrong(mistakes: inventory::Mistakes) -> Problem {
    let detail = format!("{} mistakes; nothing was changed", mistakes.count());
    let told = mistakes.told.into_iter().map(|one| Mistake {
        file: String::new(),
        line: u32::try_from(one.line).unwrap_or(u32::MAX),
        column: 1,
        message: one.message,
        help: None,
    });
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, detail).with(told.collect())
}
