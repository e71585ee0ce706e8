//! Tokens of programs: `vw_` and a secret, told once. A token permits no more than its scopes, and
//! never more than its owner.

use std::net::IpAddr;

use rusqlite::{Connection, OptionalExtension, Row, params};
use serde_json::json;

use super::caller::{Caller, Via};
use super::role::{Permissions, Role};
use super::secret::Secret;
use crate::store::audit;
use crate::store::{Change, Error};

/// Before the secret, so that scanners of leaked secrets know it.
const PREFIX: &str = "vw_";
/// Of one user.
const OF_USER_MAX: i64 = 100;
/// How exactly it is known when a token was used last, in microseconds.
const SEEN_EVERY: i64 = 60_000_000;

/// A token, without its secret.
#[derive(Clone, Debug, PartialEq)]
pub struct Token {
    /// Never given to another one.
    pub number: i64,
    /// What it is for.
    pub name: String,
    /// Whose it is.
    pub owner: String,
    /// What it may do, if its owner may.
    pub scopes: Permissions,
    /// In microseconds.
    pub created: i64,
    /// Until when it holds.
    pub expires: i64,
    /// When it was used last.
    pub seen: Option<i64>,
}

/// A token to be.
#[derive(Clone, Debug)]
pub struct New {
    /// What it is for.
    pub name: String,
    /// What it may do.
    pub scopes: Permissions,
    /// Until when it holds.
    pub expires: i64,
}

/// What its owner is told, once.
#[must_use]
pub fn tell(secret: &Secret) -> String {
    format!("{PREFIX}{}", secret.tell())
}

/// From what somebody presents.
#[must_use]
pub fn parse(text: &str) -> Option<Secret> {
    Secret::parse(text.strip_prefix(PREFIX)?)
}

fn read(row: &Row<'_>) -> rusqlite::Result<Token> {
    let scopes: String = row.get(3)?;
    Ok(Token {
        number: row.get(0)?,
        name: row.get(1)?,
        owner: row.get(2)?,
        scopes: Permissions::of_words(&scopes),
        created: row.get(4)?,
        expires: row.get(5)?,
        seen: row.get(6)?,
    })
}

const SELECT: &str = "SELECT t.number, t.name, u.name, t.scopes, t.created, t.expires, t.seen
    FROM tokens t JOIN users u ON u.number = t.user";

/// Those of a user, or all.
///
/// # Errors
/// What SQLite says.
pub fn list(conn: &Connection, of: Option<i64>) -> Result<Vec<Token>, Error> {
    let sql = format!("{SELECT} WHERE ?1 IS NULL OR t.user = ?1 ORDER BY t.number");
    let mut statement = conn.prepare_cached(&sql)?;
    Ok(statement.query_map([of], read)?.collect::<Result<_, _>>()?)
}

/// One of that user's, or anybody's.
///
/// # Errors
/// No such token, or what SQLite says.
pub fn get(conn: &Connection, number: i64, of: Option<i64>) -> Result<Token, Error> {
    let sql = format!("{SELECT} WHERE t.number = ?1 AND (?2 IS NULL OR t.user = ?2)");
    let mut statement = conn.prepare_cached(&sql)?;
    let found = statement.query_row(params![number, of], read).optional()?;
    found.ok_or_else(|| Error::Missing(format!("token {number}")))
}

/// Makes one for a user.
///
/// # Errors
/// A name that is none, too many tokens, or what SQLite says.
pub fn create(
    change: &Change<'_>,
    owner: &Caller,
    secret: &Secret,
    new: &New,
) -> Result<Token, Error> {
    let name = new.name.trim();
    if name.is_empty() || name.chars().count() > 64 || name.chars().any(char::is_control) {
        return Err(Error::Refused(
            "a token's name has 1 to 64 characters".to_owned(),
        ));
    }
    change.run("DELETE FROM tokens WHERE expires < ?1", [change.now()])?;
    let count: i64 = change.query_row(
        "SELECT count(*) FROM tokens WHERE user = ?1",
        [owner.user],
        |row| row.get(0),
    )?;
    if count >= OF_USER_MAX {
        return Err(Error::Refused(format!(
            "at most {OF_USER_MAX} tokens of one user; delete one first"
        )));
    }
    change.run(
        "INSERT INTO tokens (hash, name, user, scopes, created, expires)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![
            secret.hash(),
            name,
            owner.user,
            new.scopes.words(),
            change.now(),
            new.expires
        ],
    )?;
    let number = change.last_insert_rowid();
    let detail = json!({"name": name, "scopes": new.scopes.words()});
    audit::note(
        change,
        (&owner.actor(), "token.create"),
        ("token", number),
        &detail,
    )?;
    get(change, number, None)
}

/// Deletes one: that user's, or anybody's.
///
/// # Errors
/// No such token, or what SQLite says.
pub fn delete(change: &Change<'_>, number: i64, of: Option<i64>, who: &str) -> Result<(), Error> {
    let found = change.run(
        "DELETE FROM tokens WHERE number = ?1 AND (?2 IS NULL OR user = ?2)",
        params![number, of],
    )?;
    if found == 0 {
        return Err(Error::Missing(format!("token {number}")));
    }
    audit::note(change, (who, "token.delete"), ("token", number), &json!({}))
}

/// A token that holds.
#[derive(Debug)]
pub struct Found {
    /// Whose it is.
    pub caller: Caller,
    /// Its number.
    pub number: i64,
    /// Whether [`touch`] is due.
    pub stale: bool,
}

/// Whose token it is, if it holds.
///
/// # Errors
/// What SQLite says.
pub fn find(
    conn: &Connection,
    secret: &Secret,
    address: IpAddr,
    now: i64,
) -> Result<Option<Found>, Error> {
    let mut statement = conn.prepare_cached(
        "SELECT u.number, u.name, u.role, t.scopes, t.name, t.number, t.seen
         FROM tokens t JOIN users u ON u.number = t.user
         WHERE t.hash = ?1 AND t.expires > ?2 AND u.enabled = 1",
    )?;
    let found = statement.query_row(params![secret.hash(), now], |row| {
        let (role, scopes): (String, String) = (row.get(2)?, row.get(3)?);
        let role = Role::of_word(&role).unwrap_or(Role::Viewer);
        let seen: Option<i64> = row.get(6)?;
        Ok(Found {
            caller: Caller {
                user: row.get(0)?,
                name: row.get(1)?,
                role,
                permissions: role.permissions().and(Permissions::of_words(&scopes)),
                via: Via::Token(row.get(4)?),
                address,
            },
            number: row.get(5)?,
            stale: seen.is_none_or(|seen| now.saturating_sub(seen) > SEEN_EVERY),
        })
    });
    Ok(found.optional()?)
}

/// It was used just now.
///
/// # Errors
/// What SQLite says.
pub fn touch(change: &Change<'_>, number: i64) -> Result<(), Error> {
    change
        .run(
            "UPDATE tokens SET seen = ?2 WHERE number = ?1",
            [number, change.now()],
        )
        .map(drop)
}
