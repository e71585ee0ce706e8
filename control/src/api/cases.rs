//! What people do to an alert and to an incident alike: look at it, acknowledge it, comment on it, judge
//! it, hold it.

use aide::axum::ApiRouter;
use aide::axum::routing::{get_with, post_with};
use axum::extract::State;
use axum::http::StatusCode;
use rusqlite::Connection;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::caller::{May, permit};
use super::params::ById;
use super::{Api, IfMatch, Json, Path, Problem};
use crate::store::views::comments::{self, Comment};
use crate::store::{Change, Error, Verdict, hold};

/// An alert or an incident.
pub(crate) trait Case: Send + 'static {
    /// All that there is about one.
    type Whole: JsonSchema + Serialize + Send + 'static;
    /// As comments name it.
    const CLASS: &'static str;

    fn whole(conn: &Connection, id: &str) -> Result<Self::Whole, Error>;
    fn acknowledge(change: &Change<'_>, id: &str, who: &str) -> Result<(), Error>;
    fn judge(change: &Change<'_>, id: &str, verdict: Verdict, who: &str) -> Result<(), Error>;
    fn held(id: &str) -> hold::What<'_>;

    /// Judges it and says why. The verdict is told last.
    fn close(change: &Change<'_>, id: &str, what: &Judgement, who: &str) -> Result<(), Error> {
        if let Some(text) = &what.comment {
            comments::add(change, &format!("{}:{id}", Self::CLASS), text, who)?;
        }
        Self::judge(change, id, what.verdict, who)
    }
}

/// What the document says of the routes.
pub(super) struct Words {
    pub(super) path: &'static str,
    /// What operations' ids end with.
    pub(super) name: &'static str,
    /// Summaries, and what else there is to say.
    pub(super) get: (&'static str, &'static str),
    pub(super) acknowledge: &'static str,
    pub(super) close: (&'static str, &'static str),
    pub(super) hold: &'static str,
}

/// The routes of one.
pub(super) fn routes<C: Case>(words: &Words) -> ApiRouter<Api> {
    let (path, name) = (words.path, words.name);
    let at = |what: &str| format!("{path}/{what}");
    let id = |what: &str| format!("{what}{name}");
    let get_id = name.to_lowercase();
    ApiRouter::new()
        .api_route(
            path,
            get_with(get::<C>, |op| {
                let (summary, more) = words.get;
                op.id(&get_id).summary(summary).description(more)
            }),
        )
        .api_route(
            &at("acknowledge"),
            post_with(acknowledge::<C>, |op| {
                op.id(&id("acknowledge")).summary(words.acknowledge)
            }),
        )
        .api_route(
            &at("close"),
            post_with(close::<C>, |op| {
                let (summary, more) = words.close;
                op.id(&id("close")).summary(summary).description(more)
            }),
        )
        .api_route(
            &at("comments"),
            post_with(comment::<C>, |op| {
                op.id(&id("comment"))
                    .summary("Adds a comment")
                    .response::<201, axum::Json<Comment>>()
            }),
        )
        .api_route(
            &at("hold"),
            post_with(set_hold::<C>, |op| op.id(&id("hold")).summary(words.hold)),
        )
}

async fn get<C: Case>(
    State(api): State<Api>,
    _: May<permit::Read>,
    Path(ById { id }): Path<ById>,
) -> Result<axum::Json<C::Whole>, Problem> {
    let whole = api.read(move |conn| C::whole(conn, &id));
    whole.await.map(axum::Json)
}

/// Does something to one if it is as the client saw it, and shows it afterwards.
async fn act<C: Case>(
    api: &Api,
    id: String,
    seen: IfMatch,
    act: impl FnOnce(&Change<'_>, &str) -> Result<(), Error> + Send + 'static,
) -> Result<axum::Json<C::Whole>, Problem> {
    let done = api.write(move |change| {
        if !seen.holds(&C::whole(change, &id)?) {
            return Ok(None);
        }
        act(change, &id)?;
        C::whole(change, &id).map(Some)
    });
    done.await?.map(axum::Json).ok_or_else(Problem::changed)
}

async fn acknowledge<C: Case>(
    State(api): State<Api>,
    who: May<permit::Triage>,
    seen: IfMatch,
    Path(ById { id }): Path<ById>,
) -> Result<axum::Json<C::Whole>, Problem> {
    let who = who.actor();
    let done = move |change: &Change<'_>, id: &str| C::acknowledge(change, id, &who);
    act::<C>(&api, id, seen, done).await
}

/// A verdict.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Judgement {
    /// What it was.
    pub(crate) verdict: Verdict,
    /// Why.
    #[serde(default)]
    pub(crate) comment: Option<String>,
}

async fn close<C: Case>(
    State(api): State<Api>,
    who: May<permit::Triage>,
    seen: IfMatch,
    Path(ById { id }): Path<ById>,
    Json(judgement): Json<Judgement>,
) -> Result<axum::Json<C::Whole>, Problem> {
    let who = who.actor();
    let done = move |change: &Change<'_>, id: &str| C::close(change, id, &judgement, &who);
    act::<C>(&api, id, seen, done).await
}

/// A text.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Text {
    /// What it says. Write no patient's name into it.
    #[schemars(length(min = 1, max = 4000))]
    text: String,
}

async fn comment<C: Case>(
    State(api): State<Api>,
    who: May<permit::Triage>,
    Path(ById { id }): Path<ById>,
    Json(Text { text }): Json<Text>,
) -> Result<(StatusCode, axum::Json<Comment>), Problem> {
    let (who, object) = (who.actor(), format!("{}:{id}", C::CLASS));
    let added = api
        .write(move |change| comments::add(change, &object, &text, &who))
        .await
        .map_err(Problem::as_input)?;
    Ok((StatusCode::CREATED, axum::Json(added)))
}

/// Whether it is held.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Hold {
    /// Whether it is kept whatever its age.
    held: bool,
}

async fn set_hold<C: Case>(
    State(api): State<Api>,
    who: May<permit::Configure>,
    seen: IfMatch,
    Path(ById { id }): Path<ById>,
    Json(Hold { held }): Json<Hold>,
) -> Result<axum::Json<C::Whole>, Problem> {
    let who = who.actor();
    let done = move |change: &Change<'_>, id: &str| hold::set(change, C::held(id), held, &who);
    act::<C>(&api, id, seen, done).await
}
