//! Users, as the store keeps them.

use rusqlite::{Connection, OptionalExtension, Row, params};
use serde_json::json;

use super::role::Role;
use crate::store::audit;
use crate::store::{Change, Error};

/// The most users: lists of them are not paged.
const USERS_MAX: i64 = 1_000;

/// A user.
#[derive(Clone, Debug, PartialEq)]
pub struct User {
    /// Never given to another user.
    pub number: i64,
    /// What it logs in with; case does not matter.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// Whether it may log in.
    pub enabled: bool,
    /// In microseconds.
    pub created: i64,
    /// When it was changed last.
    pub changed: i64,
    /// When it logged in last.
    pub seen: Option<i64>,
}

/// What becomes of a user; what is nothing stays.
#[derive(Clone, Debug, Default)]
pub struct Edit {
    /// Another role.
    pub role: Option<Role>,
    /// Whether it may log in.
    pub enabled: Option<bool>,
    /// The stored form of another password.
    pub password: Option<String>,
}

const COLUMNS: &str = "number, name, role, enabled, created, changed, seen";

fn read(row: &Row<'_>) -> rusqlite::Result<User> {
    let role: String = row.get(2)?;
    Ok(User {
        number: row.get(0)?,
        name: row.get(1)?,
        role: Role::of_word(&role).unwrap_or(Role::Viewer),
        enabled: row.get(3)?,
        created: row.get(4)?,
        changed: row.get(5)?,
        seen: row.get(6)?,
    })
}

/// Whether there is any.
///
/// # Errors
/// What SQLite says.
pub fn any(conn: &Connection) -> Result<bool, Error> {
    Ok(conn.query_row("SELECT EXISTS (SELECT 1 FROM users)", [], |row| row.get(0))?)
}

/// All of them, by name.
///
/// # Errors
/// What SQLite says.
pub fn list(conn: &Connection) -> Result<Vec<User>, Error> {
    let sql = format!("SELECT {COLUMNS} FROM users ORDER BY name");
    let mut statement = conn.prepare_cached(&sql)?;
    Ok(statement.query_map([], read)?.collect::<Result<_, _>>()?)
}

/// One of them.
///
/// # Errors
/// What SQLite says.
pub fn get(conn: &Connection, name: &str) -> Result<Option<User>, Error> {
    let sql = format!("SELECT {COLUMNS} FROM users WHERE name = ?1");
    let mut statement = conn.prepare_cached(&sql)?;
    Ok(statement.query_row([name], read).optional()?)
}

/// A user who may log in, with the stored form of the password.
///
/// # Errors
/// What SQLite says.
pub fn for_login(conn: &Connection, name: &str) -> Result<Option<(User, String)>, Error> {
    let sql = format!("SELECT {COLUMNS}, password FROM users WHERE name = ?1 AND enabled = 1");
    let mut statement = conn.prepare_cached(&sql)?;
    let found = statement.query_row([name], |row| Ok((read(row)?, row.get(7)?)));
    Ok(found.optional()?)
}

/// Makes a user. `password` is its stored form.
///
/// # Errors
/// A name that is none or is taken, too many users, or what SQLite says.
pub fn create(
    change: &Change<'_>,
    name: &str,
    role: Role,
    password: &str,
    who: &str,
) -> Result<User, Error> {
    check_name(name)?;
    if get(change, name)?.is_some() {
        return Err(Error::Refused(format!("there is a user {name} already")));
    }
    let count: i64 = change.query_row("SELECT count(*) FROM users", [], |row| row.get(0))?;
    if count >= USERS_MAX {
        return Err(Error::Refused(format!("at most {USERS_MAX} users")));
    }
    change.run(
        "INSERT INTO users (name, role, password, created, changed) VALUES (?1, ?2, ?3, ?4, ?4)",
        params![name, role.word(), password, change.now()],
    )?;
    audit::note(
        change,
        (who, "user.create"),
        ("user", name),
        &json!({"role": role.word()}),
    )?;
    get(change, name)?.ok_or_else(|| missing(name))
}

/// Makes the first user, an admin.
///
/// # Errors
/// There is a user already.
pub fn create_first(change: &Change<'_>, name: &str, password: &str) -> Result<User, Error> {
    if any(change)? {
        return Err(Error::Refused("it is set up already; log in".to_owned()));
    }
    create(change, name, Role::Admin, password, "system")
}

/// Changes a user, and ends its sessions: what they permit may have changed.
///
/// # Errors
/// No such user, the last admin would go, or what SQLite says.
pub fn edit(change: &Change<'_>, name: &str, edit: &Edit, who: &str) -> Result<User, Error> {
    let user = get(change, name)?.ok_or_else(|| missing(name))?;
    let role = edit.role.unwrap_or(user.role);
    let enabled = edit.enabled.unwrap_or(user.enabled);
    change.run(
        "UPDATE users SET role = ?2, enabled = ?3, password = coalesce(?4, password), changed = ?5
         WHERE number = ?1",
        params![
            user.number,
            role.word(),
            enabled,
            edit.password,
            change.now()
        ],
    )?;
    keep_an_admin(change)?;
    change.run("DELETE FROM sessions WHERE user = ?1", [user.number])?;
    let detail = json!({
        "role": role.word(),
        "enabled": enabled,
        "password": edit.password.is_some(),
    });
    audit::note(change, (who, "user.change"), ("user", &user.name), &detail)?;
    get(change, name)?.ok_or_else(|| missing(name))
}

/// Deletes a user with its sessions and tokens. The audit log keeps the name.
///
/// # Errors
/// No such user, the last admin would go, or what SQLite says.
pub fn delete(change: &Change<'_>, name: &str, who: &str) -> Result<(), Error> {
    let user = get(change, name)?.ok_or_else(|| missing(name))?;
    change.run("DELETE FROM sessions WHERE user = ?1", [user.number])?;
    change.run("DELETE FROM tokens WHERE user = ?1", [user.number])?;
    change.run("DELETE FROM users WHERE number = ?1", [user.number])?;
    keep_an_admin(change)?;
    audit::note(
        change,
        (who, "user.delete"),
        ("user", &user.name),
        &json!({}),
    )
}

fn keep_an_admin(change: &Change<'_>) -> Result<(), Error> {
    let left = change.one(
        "SELECT 1 FROM users WHERE role = 'admin' AND enabled = 1 LIMIT 1",
        [],
        |_| Ok(()),
    )?;
    left.ok_or_else(|| Error::Refused("this is the last admin; make another one first".to_owned()))
}

fn check_name(name: &str) -> Result<(), Error> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '@');
    if name.is_empty() || name.len() > 64 || !name.chars().all(fits) {
        return Err(Error::Refused(
            "a user's name has 1 to 64 letters, digits, dots, hyphens, underscores or @".to_owned(),
        ));
    }
    Ok(())
}

fn missing(name: &str) -> Error {
    let shown: String = name.chars().take(64).collect();
    Error::Missing(format!("user {shown}"))
}
