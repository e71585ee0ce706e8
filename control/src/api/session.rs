//! Setting up, logging in and out, and who one is.

use aide::axum::ApiRouter;
use aide::axum::routing::{get_with, post_with};
use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::caller::{COOKIE, May, permit};
use super::guard::Peer;
use super::{Api, Json, Problem, blocking};
use crate::auth::secret::Secret;
use crate::auth::throttle::Locked;
use crate::auth::users::User;
use crate::auth::{Caller, Permission, Role, Via, password, sessions, users};

/// The routes.
pub(super) fn routes() -> ApiRouter<Api> {
    ApiRouter::new()
        .api_route(
            "/setup",
            post_with(setup, |op| {
                op.id("setup")
                    .summary("Makes the first admin")
                    .description("With the set-up token that the appliance's log told on its first start.")
                    .response::<201, axum::Json<Me>>()
            }),
        )
        .api_route(
            "/login",
            post_with(login, |op| {
                op.id("login")
                    .summary("Logs in")
                    .description("Sets the session's cookie. Too many failures lock the account, and the address, for a quarter of an hour.")
                    .response::<200, axum::Json<Me>>()
            }),
        )
        .api_route(
            "/logout",
            post_with(logout, |op| {
                op.id("logout")
                    .summary("Ends the session")
                    .response::<204, ()>()
            }),
        )
        .api_route(
            "/me",
            get_with(me, |op| {
                op.id("me").summary("Who one is, and what one may do")
            }),
        )
        .api_route(
            "/me/password",
            post_with(change_password, |op| {
                op.id("changePassword")
                    .summary("Changes one's own password")
                    .description("Ends all of one's sessions; tokens stay.")
                    .response::<204, ()>()
            }),
        )
}

/// The first admin.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct First {
    /// From the appliance's log.
    token: String,
    /// The name to log in with.
    name: String,
    /// At least 12 characters.
    password: String,
}

/// A name and its password.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Login {
    /// The user's name.
    name: String,
    /// The user's password.
    password: String,
}

/// Two passwords.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NewPassword {
    /// That of now.
    current: String,
    /// That to be.
    new: String,
}

/// Who one is.
#[derive(JsonSchema, Serialize)]
struct Me {
    /// The user's name.
    name: String,
    /// The user's role.
    role: Role,
    /// What one may do.
    permissions: Vec<Permission>,
    /// What changes have to bring as `x-csrf-token`; none with a token.
    csrf: Option<String>,
}

impl Me {
    fn of(caller: &Caller) -> Self {
        Self {
            name: caller.name.clone(),
            role: caller.role,
            permissions: caller.permissions.list(),
            csrf: caller.csrf().map(str::to_owned),
        }
    }
}

async fn setup(
    State(api): State<Api>,
    Extension(peer): Extension<Peer>,
    Json(first): Json<First>,
) -> Result<Response, Problem> {
    if !api.is_new() {
        return Err(Problem::new(
            StatusCode::CONFLICT,
            "it is set up already; log in",
        ));
    }
    let (user, cookie) = api
        .set_up(first.token, first.name, first.password, peer)
        .await?;
    Ok(welcome(StatusCode::CREATED, &user, &cookie, peer))
}

async fn login(
    State(api): State<Api>,
    Extension(peer): Extension<Peer>,
    Json(login): Json<Login>,
) -> Result<Response, Problem> {
    let (user, cookie) = api.log_in(login.name, login.password, peer).await?;
    Ok(welcome(StatusCode::OK, &user, &cookie, peer))
}

fn welcome(status: StatusCode, user: &User, cookie: &Secret, peer: Peer) -> Response {
    let caller = Caller {
        user: user.number,
        name: user.name.clone(),
        role: user.role,
        permissions: user.role.permissions(),
        via: Via::Session {
            hash: cookie.hash(),
            csrf: sessions::csrf(cookie),
        },
        address: peer.ip(),
    };
    let mut response = (status, axum::Json(Me::of(&caller))).into_response();
    set_cookie(response.headers_mut(), Some(cookie));
    response
}

/// Sets the session's cookie, or takes it back.
pub fn set_cookie(headers: &mut HeaderMap, cookie: Option<&Secret>) {
    let rest = "Path=/; Secure; HttpOnly; SameSite=Strict";
    let text = match cookie {
        Some(cookie) => format!("{COOKIE}={}; {rest}", cookie.tell()),
        None => format!("{COOKIE}=; Max-Age=0; {rest}"),
    };
    if let Ok(value) = HeaderValue::from_str(&text) {
        headers.insert(header::SET_COOKIE, value);
    }
}

async fn logout(State(api): State<Api>, who: May<permit::Read>) -> Result<Response, Problem> {
    api.log_out(&who).await?;
    let mut response = StatusCode::NO_CONTENT.into_response();
    set_cookie(response.headers_mut(), None);
    Ok(response)
}

async fn me(who: May<permit::Read>) -> axum::Json<Me> {
    axum::Json(Me::of(&who))
}

async fn change_password(
    State(api): State<Api>,
    who: May<permit::Read>,
    Json(passwords): Json<NewPassword>,
) -> Result<StatusCode, Problem> {
    if let Via::Token(_) = who.via {
        return Err(Problem::forbidden(
            "a token does not change passwords; log in",
        ));
    }
    api.change_password(&who, passwords.current, passwords.new)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What a page of a login does as well.
impl Api {
    /// Makes the first admin and logs it in.
    ///
    /// # Errors
    /// Not the set-up token, a name or a password that is none.
    pub async fn set_up(
        &self,
        token: String,
        name: String,
        password: String,
        peer: Peer,
    ) -> Result<(User, Secret), Problem> {
        self.may_try("set-up", peer)?;
        if !self.0.setup.fits(token.trim()) {
            self.count_failure("set-up", peer);
            return Err(Problem::forbidden(
                "this is not the set-up token; it is in the appliance's log, each start makes another",
            ));
        }
        let stored = self.hash_password(password).await?;
        let begun = self.begin_session(peer)?;
        let user = self
            .write(move |change| {
                let user = users::create_first(change, &name, &stored)?;
                begun.write(change, &user)?;
                Ok((user, begun.cookie))
            })
            .await
            .map_err(Problem::as_input)?;
        self.0.setup.done();
        Ok(user)
    }

    /// Begins a session for whoever knows the password.
    ///
    /// # Errors
    /// Not the password, no such user, or too many failures before it.
    pub async fn log_in(
        &self,
        name: String,
        password: String,
        peer: Peer,
    ) -> Result<(User, Secret), Problem> {
        let looked = name.clone();
        let found = self
            .read(move |conn| users::for_login(conn, &looked))
            .await?;
        let stored = found.as_ref().map(|(_, stored)| stored.clone());
        if !self.knows(&name, peer, password, stored).await? {
            return Err(Problem::new(
                StatusCode::UNAUTHORIZED,
                "no such user, or not its password",
            ));
        }
        let Some((user, _)) = found else {
            return Err(Problem::internal(&"a password of nobody fits"));
        };
        self.0.throttle.succeeded(&name);
        let begun = self.begin_session(peer)?;
        self.write(move |change| {
            begun.write(change, &user)?;
            Ok((user, begun.cookie))
        })
        .await
    }

    /// Ends a session; a token stays.
    ///
    /// # Errors
    /// A store that cannot be written.
    pub async fn log_out(&self, who: &Caller) -> Result<(), Problem> {
        let Via::Session { hash, .. } = who.via else {
            return Ok(());
        };
        let actor = who.actor();
        self.write(move |change| sessions::end(change, &hash, &actor))
            .await
    }

    /// Changes one's own password, and ends one's sessions.
    ///
    /// # Errors
    /// Not the password of now, or one that is none.
    pub async fn change_password(
        &self,
        who: &Caller,
        current: String,
        new: String,
    ) -> Result<(), Problem> {
        let (name, peer) = (who.name.clone(), Peer((who.address, 0).into()));
        let looked = name.clone();
        let found = self
            .read(move |conn| users::for_login(conn, &looked))
            .await?;
        let stored = found.map(|(_, stored)| stored);
        if !self.knows(&name, peer, current, stored).await? {
            return Err(Problem::forbidden("this is not your password of now"));
        }
        let edit = users::Edit {
            password: Some(self.hash_password(new).await?),
            ..users::Edit::default()
        };
        let actor = who.actor();
        self.write(move |change| users::edit(change, &name, &edit, &actor).map(drop))
            .await
    }

    /// The stored form of a password, computed where nobody waits for it.
    ///
    /// # Errors
    /// A password that is none.
    pub async fn hash_password(&self, password: String) -> Result<String, Problem> {
        let permit = self.0.hashing.acquire().await;
        let hashed = blocking(move || password::hash(&password)).await?;
        drop(permit);
        hashed.map_err(|error| Problem::from(error).as_input())
    }

    /// Whether that is the password; a guess is counted. Whether it may be tried is asked in the place
    /// that few have at a time: guesses that come all at once are no way round the count.
    async fn knows(
        &self,
        name: &str,
        peer: Peer,
        password: String,
        stored: Option<String>,
    ) -> Result<bool, Problem> {
        self.may_try(name, peer)?;
        let permit = self.0.hashing.acquire().await;
        self.may_try(name, peer)?;
        let fits = blocking(move || password::verify(&password, stored.as_deref())).await?;
        let locked = if fits {
            None
        } else {
            Some(self.count_failure(name, peer)).filter(|locked| locked.any())
        };
        drop(permit);
        if let Some(locked) = locked {
            self.log_lock(name, peer, locked).await;
        }
        Ok(fits)
    }

    fn begin_session(&self, peer: Peer) -> Result<Begun, Problem> {
        Ok(Begun {
            cookie: Secret::random()?,
            peer,
            limits: self.session_limits(),
        })
    }

    fn may_try(&self, name: &str, peer: Peer) -> Result<(), Problem> {
        match self.0.throttle.wait(name, peer.ip()) {
            None => Ok(()),
            Some(left) => Err(Problem::new(
                StatusCode::TOO_MANY_REQUESTS,
                "too many failures; wait, or ask an admin",
            )
            .after(
                u32::try_from(left.as_secs())
                    .unwrap_or(u32::MAX)
                    .saturating_add(1),
            )),
        }
    }

    /// Says what was locked for it.
    fn count_failure(&self, name: &str, peer: Peer) -> Locked {
        self.0.counts.login_failed();
        let locked = self.0.throttle.failed(name, peer.ip());
        if locked.any() {
            tracing::warn!(address = %peer.ip(), "api: too many failed logins; locked for a while");
        }
        locked
    }

    async fn log_lock(&self, name: &str, peer: Peer, locked: Locked) {
        let (name, address) = (name.to_owned(), peer.ip());
        let told = self.write(move |change| locked.log(change, &name, address));
        if let Err(problem) = told.await {
            tracing::warn!("api: {}", problem.detail());
        }
    }

    /// Somebody set a password: failures with the old one are nobody's any more.
    pub(super) fn unlock(&self, name: &str) {
        self.0.throttle.succeeded(name);
    }
}

/// A session to be.
struct Begun {
    cookie: Secret,
    peer: Peer,
    limits: sessions::Limits,
}

impl Begun {
    fn write(
        &self,
        change: &crate::store::Change<'_>,
        user: &User,
    ) -> Result<(), crate::store::Error> {
        sessions::begin(change, user, &self.cookie, self.peer.ip(), self.limits)
    }
}
