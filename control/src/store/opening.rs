//! Opening the file: checked first; a damaged one is set aside and a fresh one begun.

use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::error::Error;
use super::migrate;
use crate::clock::{self, Stopwatch};

/// The file in the store's directory.
pub const FILE: &str = "vitalwire.db";

/// How long the start waits for the check of a large store; the check then goes on beside.
pub(super) const CHECK_AT_START: Duration = Duration::from_secs(3);

/// A store that may be written.
pub(super) struct Opened {
    pub(super) conn: Connection,
    /// A damaged one that was in its place, and what was wrong with it.
    pub(super) aside: Option<(PathBuf, String)>,
    /// Whether the check was not done in time.
    pub(super) unchecked: bool,
}

/// Opens the store, a fresh one if there is none or it is damaged.
pub(super) fn open(path: &Path) -> Result<Opened, Error> {
    match open_checked(path) {
        Err(error) if error.is_damage() => {
            let why = error.to_string();
            let aside = set_aside(path)?;
            let (conn, unchecked) = open_checked(path)?;
            Ok(Opened {
                conn,
                aside: Some((aside, why)),
                unchecked,
            })
        }
        other => other.map(|(conn, unchecked)| Opened {
            conn,
            aside: None,
            unchecked,
        }),
    }
}

fn open_checked(path: &Path) -> Result<(Connection, bool), Error> {
    let mut conn = Connection::open(path)?;
    conn.busy_timeout(Duration::from_secs(5))?;
    migrate::check(&conn)?;
    // Takes effect in an empty file only.
    conn.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    conn.pragma_update(None, "journal_mode", "WAL")?;
    // In WAL mode NORMAL survives a crash of the program, but not of the machine: commits since the
    // last checkpoint may be gone after a power cut, when sinks have long told of them. FULL costs
    // one more wait for the disk a transaction, and a transaction holds many alerts.
    conn.pragma_update(None, "synchronous", "FULL")?;
    conn.pragma_update(None, "foreign_keys", true)?;
    conn.pragma_update(None, "temp_store", "MEMORY")?;
    conn.pragma_update(None, "cache_size", -CACHE_KIB)?;
    conn.pragma_update(None, "journal_size_limit", WAL_BYTES_KEPT)?;
    conn.pragma_update(None, "wal_autocheckpoint", WAL_PAGES)?;
    conn.set_prepared_statement_cache_capacity(STATEMENTS);
    let unchecked = !check(&mut conn, Some(CHECK_AT_START))?;
    migrate::migrate(&mut conn)?;
    Ok((conn, unchecked))
}

/// Pages that the writer keeps in memory.
const CACHE_KIB: i64 = 32 * 1024;
/// The log is copied into the file once it has so many pages: 16 MiB.
const WAL_PAGES: u32 = 4096;
/// What is left of the write-ahead log after a burst.
const WAL_BYTES_KEPT: i64 = 64 << 20;
/// More than there are different statements.
const STATEMENTS: usize = 128;

/// Looks for damage, at most so long. Says whether it came to the end.
pub(super) fn check(conn: &mut Connection, at_most: Option<Duration>) -> Result<bool, Error> {
    if let Some(at_most) = at_most {
        let since = Stopwatch::start();
        conn.progress_handler(10_000, Some(move || since.elapsed() > at_most))?;
    }
    let found = conn.query_row("PRAGMA quick_check(1)", [], |row| row.get::<_, String>(0));
    conn.progress_handler(0, None::<fn() -> bool>)?;
    match found {
        Ok(word) if word == "ok" => Ok(true),
        Ok(what) => Err(Error::Damaged(what)),
        Err(error)
            if error.sqlite_error_code() == Some(rusqlite::ErrorCode::OperationInterrupted) =>
        {
            Ok(false)
        }
        Err(error) => Err(error.into()),
    }
}

/// Moves the store's files out of the way, together.
pub(super) fn set_aside(path: &Path) -> Result<PathBuf, Error> {
    let stamp = clock::file_stamp(clock::now());
    let mut aside = with_end(path, &format!(".damaged-{stamp}"));
    for more in 2..100 {
        if !aside.exists() {
            break;
        }
        aside = with_end(path, &format!(".damaged-{stamp}-{more}"));
    }
    for end in ["", "-wal", "-shm"] {
        let (from, to) = (with_end(path, end), with_end(&aside, end));
        match std::fs::rename(&from, &to) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(Error::Files(format!("{}: {error}", from.display())));
            }
            _ => {}
        }
    }
    Ok(aside)
}

fn with_end(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    PathBuf::from(name)
}

/// Makes the directory, and keeps another program from writing to the store in it.
pub(super) fn lock(dir: &Path) -> Result<std::fs::File, Error> {
    let failed = |error: std::io::Error| {
        Error::Files(format!(
            "{}: {error}; name a writable directory as store.dir",
            dir.display()
        ))
    };
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o750)
        .create(dir)
        .map_err(failed)?;
    let lock = std::fs::File::create(dir.join("store.lock")).map_err(failed)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(std::fs::TryLockError::WouldBlock) => Err(Error::Files(format!(
            "{}: another vitalwire writes to this store; stop it, or name another store.dir",
            dir.display()
        ))),
        Err(std::fs::TryLockError::Error(error)) => Err(failed(error)),
    }
}

/// Opens for reading only.
///
/// # Errors
/// No such store, or one that this program cannot read: a newer one wrote it, or an older one and
/// nobody has brought it up to date yet.
pub fn read_only(path: &Path) -> Result<Connection, Error> {
    let conn = to_copy(path)?;
    let (found, known) = (migrate::version(&conn)?, migrate::newest());
    if found < known {
        return Err(Error::Older { found, known });
    }
    Ok(conn)
}

/// Opens a store to be copied as it is, which may be of an older program too.
///
/// # Errors
/// No such store, or one that a newer program wrote.
pub fn to_copy(path: &Path) -> Result<Connection, Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(path, flags)?;
    conn.busy_timeout(Duration::from_secs(5))?;
    conn.pragma_update(None, "temp_store", "MEMORY")?;
    conn.pragma_update(None, "cache_size", -CACHE_KIB)?;
    conn.set_prepared_statement_cache_capacity(STATEMENTS);
    migrate::check(&conn)?;
    Ok(conn)
}
