//! Users and their tokens.

use aide::axum::ApiRouter;
use aide::axum::routing::get_with;
use axum::extract::State;
use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::caller::{May, permit};
use super::params::{ByName, ByNumber};
use super::{Api, IfMatch, Json, Path, Problem, Query};
use crate::auth::secret::Secret;
use crate::auth::users::{self, Edit};
use crate::auth::{Caller, Permission, Permissions, Role, Via, tokens};
use crate::store::words::{now, stamp};
use crate::store::{self, Change};

/// For how long a token may hold, in days.
const DAYS_MAX: u32 = 730;
const DAY: i64 = 86_400 * 1_000_000;

/// The routes.
pub(super) fn routes() -> ApiRouter<Api> {
    ApiRouter::new()
        .api_route(
            "/users",
            get_with(list, |op| op.id("users").summary("Lists users")).post_with(create, |op| {
                op.id("createUser")
                    .summary("Makes a user")
                    .response::<201, axum::Json<User>>()
            }),
        )
        .api_route(
            "/users/{name}",
            get_with(get, |op| op.id("user").summary("A user"))
                .patch_with(edit, |op| {
                    op.id("changeUser")
                        .summary("Changes a user, and ends its sessions")
                })
                .delete_with(delete, |op| {
                    op.id("deleteUser")
                        .summary("Deletes a user with its sessions and tokens")
                        .response::<204, ()>()
                }),
        )
        .api_route(
            "/tokens",
            get_with(list_tokens, |op| {
                op.id("tokens").summary("Lists one's own tokens, or all")
            })
            .post_with(create_token, |op| {
                op.id("createToken")
                    .summary("Makes a token, and tells it once")
                    .response::<201, axum::Json<Made>>()
            }),
        )
        .api_route(
            "/tokens/{number}",
            get_with(get_token, |op| {
                op.id("token")
                    .summary("One of one's own tokens, or for an admin anybody's")
            })
            .delete_with(delete_token, |op| {
                op.id("deleteToken")
                    .summary("Deletes one of one's own tokens, or an admin anybody's")
                    .response::<204, ()>()
            }),
        )
}

/// A user.
#[derive(JsonSchema, Serialize)]
struct User {
    /// What it logs in with.
    name: String,
    /// What it may do.
    role: Role,
    /// Whether it may log in.
    enabled: bool,
    /// When it was made.
    created: String,
    /// When it was changed last.
    changed: String,
    /// When it logged in last.
    seen: Option<String>,
}

impl From<users::User> for User {
    fn from(user: users::User) -> Self {
        Self {
            name: user.name,
            role: user.role,
            enabled: user.enabled,
            created: stamp(user.created),
            changed: stamp(user.changed),
            seen: user.seen.map(stamp),
        }
    }
}

/// All users.
#[derive(JsonSchema, Serialize)]
struct Users {
    /// By name.
    users: Vec<User>,
}

async fn list(State(api): State<Api>, _: May<permit::Admin>) -> Result<axum::Json<Users>, Problem> {
    let users = api.read(users::list).await?;
    Ok(axum::Json(Users {
        users: users.into_iter().map(User::from).collect(),
    }))
}

/// A user to be.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NewUser {
    /// What it logs in with.
    #[schemars(regex(pattern = "^[A-Za-z0-9._@-]{1,64}$"))]
    name: String,
    /// What it may do.
    role: Role,
    /// At least 12 characters.
    #[schemars(length(min = 12, max = 256))]
    password: String,
}

async fn create(
    State(api): State<Api>,
    who: May<permit::Admin>,
    Json(new): Json<NewUser>,
) -> Result<(StatusCode, axum::Json<User>), Problem> {
    let stored = api.hash_password(new.password).await?;
    let who = who.actor();
    let user = api
        .write(move |change| users::create(change, &new.name, new.role, &stored, &who))
        .await?;
    Ok((StatusCode::CREATED, axum::Json(user.into())))
}

async fn get(
    State(api): State<Api>,
    _: May<permit::Admin>,
    Path(ByName { name }): Path<ByName>,
) -> Result<axum::Json<User>, Problem> {
    let user = api.read(move |conn| users::get(conn, &name)).await?;
    let user = user.ok_or_else(|| Problem::missing("user of this name"))?;
    Ok(axum::Json(user.into()))
}

/// What becomes of a user; what is left out stays.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct EditUser {
    /// What it may do.
    #[serde(default)]
    role: Option<Role>,
    /// Whether it may log in.
    #[serde(default)]
    enabled: Option<bool>,
    /// Another password.
    #[serde(default)]
    #[schemars(length(min = 12, max = 256))]
    password: Option<String>,
}

async fn edit(
    State(api): State<Api>,
    who: May<permit::Admin>,
    seen: IfMatch,
    Path(ByName { name }): Path<ByName>,
    Json(edit): Json<EditUser>,
) -> Result<axum::Json<User>, Problem> {
    let password = match edit.password {
        Some(password) => Some(api.hash_password(password).await?),
        None => None,
    };
    let edit = Edit {
        role: edit.role,
        enabled: edit.enabled,
        password,
    };
    let (who, sets_password) = (who.actor(), edit.password.is_some());
    let done = api.write(move |change| {
        if !is_as_seen(change, &name, &seen)? {
            return Ok(None);
        }
        users::edit(change, &name, &edit, &who).map(Some)
    });
    let user = done.await?.ok_or_else(Problem::changed)?;
    if sets_password {
        api.unlock(&user.name);
    }
    Ok(axum::Json(user.into()))
}

async fn delete(
    State(api): State<Api>,
    who: May<permit::Admin>,
    seen: IfMatch,
    Path(ByName { name }): Path<ByName>,
) -> Result<StatusCode, Problem> {
    let who = who.actor();
    let done = api.write(move |change| {
        if !is_as_seen(change, &name, &seen)? {
            return Ok(None);
        }
        users::delete(change, &name, &who).map(Some)
    });
    done.await?.ok_or_else(Problem::changed)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Whether a user is as the client saw it.
fn is_as_seen(change: &Change<'_>, name: &str, seen: &IfMatch) -> Result<bool, store::Error> {
    let missing = || store::Error::Missing("user of this name".to_owned());
    let user = users::get(change, name)?.ok_or_else(missing)?;
    Ok(seen.holds(&User::from(user)))
}

/// A token, without its secret.
#[derive(JsonSchema, Serialize)]
struct Token {
    /// Never given to another one.
    number: i64,
    /// What it is for.
    name: String,
    /// Whose it is.
    owner: String,
    /// What it may do, if its owner may.
    scopes: Vec<Permission>,
    /// When it was made.
    created: String,
    /// Until when it holds.
    expires: String,
    /// When it was used last.
    seen: Option<String>,
}

impl From<tokens::Token> for Token {
    fn from(token: tokens::Token) -> Self {
        Self {
            number: token.number,
            name: token.name,
            owner: token.owner,
            scopes: token.scopes.list(),
            created: stamp(token.created),
            expires: stamp(token.expires),
            seen: token.seen.map(stamp),
        }
    }
}

/// Tokens.
#[derive(JsonSchema, Serialize)]
struct Tokens {
    /// The first made first.
    tokens: Vec<Token>,
}

/// Whose tokens.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct Whose {
    /// Everybody's; needs the permission `admin`.
    all: bool,
}

async fn list_tokens(
    State(api): State<Api>,
    who: May<permit::Read>,
    Query(whose): Query<Whose>,
) -> Result<axum::Json<Tokens>, Problem> {
    if whose.all && !who.may(Permission::Admin) {
        return Err(Problem::forbidden(
            "everybody's tokens need the permission admin",
        ));
    }
    let of = (!whose.all).then_some(who.user);
    let tokens = api.read(move |conn| tokens::list(conn, of)).await?;
    Ok(axum::Json(Tokens {
        tokens: tokens.into_iter().map(Token::from).collect(),
    }))
}

/// A token to be.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewToken {
    /// What it is for.
    #[schemars(length(min = 1, max = 64))]
    pub name: String,
    /// What it may do: no more than one may oneself.
    #[schemars(length(min = 1, max = 5))]
    pub scopes: Vec<Permission>,
    /// For how many days it holds.
    #[schemars(range(min = 1, max = 730))]
    pub days: u32,
}

/// A token with its secret.
#[derive(JsonSchema, Serialize)]
struct Made {
    /// What the program sends as `authorization: Bearer …`. It is not told again.
    secret: String,
    /// The token.
    token: Token,
}

async fn create_token(
    State(api): State<Api>,
    who: May<permit::Read>,
    Json(new): Json<NewToken>,
) -> Result<(StatusCode, axum::Json<Made>), Problem> {
    let (secret, token) = make_token(&api, &who, new).await?;
    let token = token.into();
    Ok((StatusCode::CREATED, axum::Json(Made { secret, token })))
}

/// Makes a token, and says its secret.
pub(crate) async fn make_token(
    api: &Api,
    who: &Caller,
    new: NewToken,
) -> Result<(String, tokens::Token), Problem> {
    let new = check(who, new)?;
    let secret = Secret::random()?;
    let told = tokens::tell(&secret);
    let owner = who.clone();
    let token = api
        .write(move |change| tokens::create(change, &owner, &secret, &new))
        .await
        .map_err(Problem::as_input)?;
    Ok((told, token))
}

fn check(who: &Caller, new: NewToken) -> Result<tokens::New, Problem> {
    if let Via::Token(_) = who.via {
        return Err(Problem::forbidden("a token makes no tokens; log in"));
    }
    let unfit = |what: &str| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, what);
    if new.scopes.is_empty() {
        return Err(unfit("a token without scopes does nothing"));
    }
    if !(1..=DAYS_MAX).contains(&new.days) {
        return Err(unfit("a token holds for 1 to 730 days"));
    }
    if let Some(more) = new.scopes.iter().find(|scope| !who.may(**scope)) {
        return Err(Problem::forbidden(format!(
            "your role has not the permission {}, so no token of yours has",
            more.word()
        )));
    }
    let scopes: Permissions = new.scopes.into_iter().collect();
    Ok(tokens::New {
        name: new.name,
        scopes,
        expires: now().saturating_add(i64::from(new.days).saturating_mul(DAY)),
    })
}

/// Whose tokens somebody may look at and delete: an admin anybody's.
fn reach(who: &Caller) -> Option<i64> {
    (!who.may(Permission::Admin)).then_some(who.user)
}

async fn get_token(
    State(api): State<Api>,
    who: May<permit::Read>,
    Path(ByNumber { number }): Path<ByNumber>,
) -> Result<axum::Json<Token>, Problem> {
    let of = reach(&who);
    let token = api.read(move |conn| tokens::get(conn, number, of)).await?;
    Ok(axum::Json(token.into()))
}

async fn delete_token(
    State(api): State<Api>,
    who: May<permit::Read>,
    seen: IfMatch,
    Path(ByNumber { number }): Path<ByNumber>,
) -> Result<StatusCode, Problem> {
    let (of, who) = (reach(&who), who.actor());
    let done = api.write(move |change| {
        if !seen.holds(&Token::from(tokens::get(change, number, of)?)) {
            return Ok(None);
        }
        tokens::delete(change, number, of, &who).map(Some)
    });
    done.await?.ok_or_else(Problem::changed)?;
    Ok(StatusCode::NO_CONTENT)
}
