-- Who may do what: users, their sessions, and the tokens of programs. Secrets are stored hashed only.

CREATE TABLE users (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL COLLATE NOCASE UNIQUE,
    role TEXT NOT NULL CHECK (role IN ('viewer', 'analyst', 'engineer', 'clinical_engineer', 'admin')),
    -- A PHC string of Argon2id.
    password TEXT NOT NULL,
    enabled INTEGER NOT NULL DEFAULT 1,
    created INTEGER NOT NULL,
    changed INTEGER NOT NULL,
    seen INTEGER
) STRICT;

-- `hash` is SHA-256 of what the cookie holds.
CREATE TABLE sessions (
    hash BLOB PRIMARY KEY,
    user INTEGER NOT NULL REFERENCES users (number),
    created INTEGER NOT NULL,
    seen INTEGER NOT NULL,
    address TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_of_user ON sessions (user, seen);

-- `hash` is SHA-256 of what the program presents; `scopes` are permissions, parted by commas.
CREATE TABLE tokens (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    hash BLOB NOT NULL UNIQUE,
    name TEXT NOT NULL,
    user INTEGER NOT NULL REFERENCES users (number),
    scopes TEXT NOT NULL,
    created INTEGER NOT NULL,
    expires INTEGER NOT NULL,
    seen INTEGER
) STRICT;
CREATE INDEX tokens_of_user ON tokens (user);

-- Live views ask for what changed last.
CREATE INDEX incidents_by_change ON incidents (changed);

-- Rules that were uploaded: each change makes a version with all of its files, a JSON object of texts
-- by name. The newest is in force.
CREATE TABLE rule_uploads (
    version INTEGER PRIMARY KEY AUTOINCREMENT,
    created INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    note TEXT NOT NULL,
    files TEXT NOT NULL
) STRICT;
