//! Who asks: the cookie of a session, or a token. And whether that may be.

use std::marker::PhantomData;
use std::ops::Deref;

use aide::OperationInput;
use aide::generate::GenContext;
use aide::openapi::{Operation, SecurityRequirement};
use axum::extract::{FromRef, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode, header};

use super::guard::Peer;
use super::{Api, Problem};
use crate::auth::secret::Secret;
use crate::auth::{Caller, Permission, Via, sessions, tokens};
use crate::store::words;

/// The cookie of a session. The prefix makes browsers refuse one that is not ours alone.
pub(super) const COOKIE: &str = "__Host-vw";
/// What changes bring when a cookie says who asks.
pub(super) const CSRF: &str = "x-csrf-token";

/// Of an operation in the document: the permission that it needs.
pub(super) const PERMISSION: &str = "x-permission";

/// A permission, as a type: handlers say in their signature what they need.
pub trait Permit: Send + Sync {
    /// Which.
    const NEEDS: Permission;
}

/// Permissions as types.
pub mod permit {
    use super::{Permission, Permit};

    macro_rules! permit {
        ($($(#[$doc:meta])* $name:ident;)*) => {
            $($(#[$doc])*
            #[derive(Debug)]
            pub struct $name;
            impl Permit for $name {
                const NEEDS: Permission = Permission::$name;
            })*
        };
    }

    permit! {
        /// Look.
        Read;
        /// Acknowledge, comment, judge.
        Triage;
        /// Rules, suppressions, inventory.
        Configure;
        /// Approve what touches devices at patients.
        Clinical;
        /// Users, the audit log.
        Admin;
    }
}

/// Somebody who is known, may do this, and meant it.
#[derive(Debug)]
pub struct May<P> {
    caller: Caller,
    permit: PhantomData<P>,
}

impl<P> Deref for May<P> {
    type Target = Caller;

    fn deref(&self) -> &Caller {
        &self.caller
    }
}

impl<P: Permit> May<P> {
    /// Of somebody who is known and brought this with a change.
    ///
    /// # Errors
    /// It did not come from our pages, or is not permitted.
    pub fn new(caller: Caller, brought: Option<&str>) -> Result<Self, Problem> {
        if !caller.meant_it(brought) {
            return Err(Problem::forbidden(format!(
                "a change with a cookie needs the header {CSRF}; GET /api/v1/me tells its value"
            )));
        }
        Self::look(caller)
    }

    /// Of somebody who is known and only looks.
    ///
    /// # Errors
    /// It is not permitted.
    pub fn look(caller: Caller) -> Result<Self, Problem> {
        if !caller.may(P::NEEDS) {
            return Err(Problem::forbidden(format!(
                "this needs the permission {}, which {} has not",
                P::NEEDS.word(),
                match &caller.via {
                    Via::Session { .. } => "your role",
                    Via::Token(_) => "this token",
                }
            )));
        }
        Ok(Self {
            caller,
            permit: PhantomData,
        })
    }
}

impl<P: Permit, S: Send + Sync> FromRequestParts<S> for May<P>
where
    Api: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let caller = known(parts, &Api::from_ref(state)).await?;
        if matches!(parts.method, Method::GET | Method::HEAD) {
            return Self::look(caller);
        }
        let brought = parts.headers.get(CSRF);
        Self::new(caller, brought.and_then(|value| value.to_str().ok()))
    }
}

impl<P: Permit> OperationInput for May<P> {
    fn operation_input(_: &mut GenContext, operation: &mut Operation) {
        let with = |scheme: &str| -> SecurityRequirement {
            [(scheme.to_owned(), Vec::new())].into_iter().collect()
        };
        operation.security = vec![with("token"), with("session")];
        // Handlers describe themselves afterwards: what is needed is said when all is there.
        let needs = P::NEEDS.word().into();
        operation.extensions.insert(PERMISSION.to_owned(), needs);
    }
}

/// Who asks, or 401.
pub(crate) async fn known(parts: &Parts, api: &Api) -> Result<Caller, Problem> {
    caller(parts, api).await?.ok_or_else(|| {
        Problem::new(
            StatusCode::UNAUTHORIZED,
            "log in, or send a token that holds: authorization: Bearer vw_…",
        )
    })
}

/// Who asks, if it is known: for pages that send everybody else to the login.
///
/// # Errors
/// A store that cannot be read.
pub async fn caller(parts: &Parts, api: &Api) -> Result<Option<Caller>, Problem> {
    let peer = parts.extensions.get::<Peer>();
    let address = peer
        .map(|peer| peer.ip())
        .ok_or_else(|| Problem::internal(&"a request without a peer"))?;
    let now = words::now();
    if let Some(value) = parts.headers.get(header::AUTHORIZATION) {
        // A token that does not hold is not made good by a cookie.
        let Some(secret) = value.to_str().ok().and_then(bearer) else {
            return Ok(None);
        };
        let found = api
            .read(move |conn| tokens::find(conn, &secret, address, now))
            .await?;
        return Ok(found.map(|found| {
            if found.stale {
                api.later(move |change| tokens::touch(change, found.number));
            }
            found.caller
        }));
    }
    let Some(cookie) = cookie(&parts.headers) else {
        return Ok(None);
    };
    let limits = api.session_limits();
    let hash = cookie.hash();
    let found = api
        .read(move |conn| sessions::find(conn, &cookie, address, limits, now))
        .await?;
    Ok(found.map(|found| {
        if found.stale {
            api.later(move |change| sessions::touch(change, &hash));
        }
        found.caller
    }))
}

fn bearer(value: &str) -> Option<Secret> {
    let (scheme, token) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return None;
    }
    tokens::parse(token.trim())
}

/// The cookie of a session among all cookies.
pub(super) fn cookie(headers: &HeaderMap) -> Option<Secret> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|list| list.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(name, _)| *name == COOKIE)
        .and_then(|(_, value)| Secret::parse(value))
}
