-- Devices: what they show of themselves is in `json`, what the hospital knows of them has columns.

CREATE TABLE assets (
    key TEXT PRIMARY KEY,
    mac TEXT,
    vlan INTEGER,
    ip TEXT,
    vendor TEXT,
    name TEXT,
    owner TEXT,
    unit TEXT,
    phone TEXT,
    criticality TEXT,
    role TEXT,
    life_support INTEGER NOT NULL DEFAULT 0,
    patient_connected INTEGER NOT NULL DEFAULT 0,
    first_seen INTEGER NOT NULL,
    last_seen INTEGER NOT NULL,
    json TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX assets_by_ip ON assets (ip);

-- The rule sets that were in force, newest last.
CREATE TABLE rule_versions (
    seq INTEGER PRIMARY KEY,
    loaded INTEGER NOT NULL,
    hash TEXT NOT NULL,
    rules INTEGER NOT NULL,
    armed INTEGER NOT NULL,
    packs TEXT NOT NULL,
    sources TEXT NOT NULL
) STRICT;

CREATE TABLE suppressions (
    seq INTEGER PRIMARY KEY,
    rule TEXT NOT NULL,
    condition TEXT,
    fields TEXT NOT NULL,
    owner TEXT NOT NULL,
    reason TEXT NOT NULL,
    expires TEXT NOT NULL,
    created INTEGER NOT NULL,
    created_by TEXT NOT NULL
) STRICT;
