//! Sessions: known by a random cookie of which the store has the hash. They end after a time without
//! use, and after a longer one in any case.

use std::net::IpAddr;

use rusqlite::{Connection, OptionalExtension, params};
use serde_json::json;

use super::caller::{Caller, Via};
use super::role::Role;
use super::secret::{Hash, Secret};
use super::users::User;
use crate::store::audit::{self, Act};
use crate::store::{Change, Error};

/// Of one user; beyond it the one that was not used for longest ends.
const OF_USER_MAX: i64 = 16;
/// How exactly it is known when a session was used last, in microseconds.
const SEEN_EVERY: i64 = 60_000_000;

/// When sessions end, in microseconds.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Without use.
    pub idle: i64,
    /// In any case.
    pub total: i64,
}

/// A session that is alive.
#[derive(Debug)]
pub struct Found {
    /// Whose it is.
    pub caller: Caller,
    /// Whether [`touch`] is due.
    pub stale: bool,
}

/// What the pages of a session bring with changes.
#[must_use]
pub fn csrf(cookie: &Secret) -> String {
    cookie.derive("csrf").tell()
}

/// Begins a session; its cookie is the secret.
///
/// # Errors
/// What SQLite says.
pub fn begin(
    change: &Change<'_>,
    user: &User,
    cookie: &Secret,
    address: IpAddr,
    limits: Limits,
) -> Result<(), Error> {
    let now = change.now();
    change.run(
        "DELETE FROM sessions WHERE seen < ?1 OR created < ?2",
        [
            now.saturating_sub(limits.idle),
            now.saturating_sub(limits.total),
        ],
    )?;
    change.run(
        "DELETE FROM sessions WHERE hash IN (SELECT hash FROM sessions WHERE user = ?1
             ORDER BY seen DESC LIMIT -1 OFFSET ?2)",
        [user.number, OF_USER_MAX.saturating_sub(1)],
    )?;
    change.run(
        "INSERT INTO sessions (hash, user, created, seen, address) VALUES (?1, ?2, ?3, ?3, ?4)",
        params![cookie.hash(), user.number, now, address.to_string()],
    )?;
    change.run(
        "UPDATE users SET seen = ?2 WHERE number = ?1",
        [user.number, now],
    )?;
    let act = Act {
        actor: &format!("user:{}", user.name),
        action: "login",
        object: &format!("user:{}", user.name),
    };
    audit::append(change, act, &json!({"address": address.to_string()})).map(drop)
}

/// Whose session it is, if it is alive.
///
/// # Errors
/// What SQLite says.
pub fn find(
    conn: &Connection,
    cookie: &Secret,
    address: IpAddr,
    limits: Limits,
    now: i64,
) -> Result<Option<Found>, Error> {
    let mut statement = conn.prepare_cached(
        "SELECT u.number, u.name, u.role, s.seen FROM sessions s JOIN users u ON u.number = s.user
         WHERE s.hash = ?1 AND s.seen >= ?2 AND s.created >= ?3 AND u.enabled = 1",
    )?;
    let hash = cookie.hash();
    let alive = params![
        hash,
        now.saturating_sub(limits.idle),
        now.saturating_sub(limits.total)
    ];
    let found = statement.query_row(alive, |row| {
        let role: String = row.get(2)?;
        let role = Role::of_word(&role).unwrap_or(Role::Viewer);
        let seen: i64 = row.get(3)?;
        Ok(Found {
            caller: Caller {
                user: row.get(0)?,
                name: row.get(1)?,
                role,
                permissions: role.permissions(),
                via: Via::Session {
                    hash,
                    csrf: csrf(cookie),
                },
                address,
            },
            stale: now.saturating_sub(seen) > SEEN_EVERY,
        })
    });
    Ok(found.optional()?)
}

/// It was used just now.
///
/// # Errors
/// What SQLite says.
pub fn touch(change: &Change<'_>, hash: &Hash) -> Result<(), Error> {
    change
        .run(
            "UPDATE sessions SET seen = ?2 WHERE hash = ?1",
            params![hash, change.now()],
        )
        .map(drop)
}

/// Ends a session.
///
/// # Errors
/// What SQLite says.
pub fn end(change: &Change<'_>, hash: &Hash, who: &str) -> Result<(), Error> {
    change.run("DELETE FROM sessions WHERE hash = ?1", [hash])?;
    let act = Act {
        actor: who,
        action: "logout",
        object: who,
    };
    audit::append(change, act, &json!({})).map(drop)
}
