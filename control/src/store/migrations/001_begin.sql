-- Alerts, incidents, findings, and the outbox. Times are microseconds since the epoch, UTC: `time` is
-- packet time, `received`, `created` and the like are the machine's. Severities are 0 (info) to
-- 4 (critical), clinical impacts 0 (none) to 3 (direct).

CREATE TABLE alerts (
    seq INTEGER PRIMARY KEY,
    alert_id TEXT NOT NULL UNIQUE,
    time INTEGER NOT NULL,
    received INTEGER NOT NULL,
    slug TEXT NOT NULL,
    sid INTEGER NOT NULL,
    rev INTEGER NOT NULL,
    title TEXT NOT NULL,
    category TEXT NOT NULL,
    severity INTEGER NOT NULL CHECK (severity BETWEEN 0 AND 4),
    impact INTEGER NOT NULL CHECK (impact BETWEEN 0 AND 3),
    tier TEXT NOT NULL,
    actor TEXT NOT NULL,
    victim TEXT NOT NULL,
    src_ip TEXT,
    src_port INTEGER,
    dest_ip TEXT,
    dest_port INTEGER,
    src_mac TEXT,
    dest_mac TEXT,
    vlan INTEGER,
    proto TEXT,
    app_proto TEXT,
    flow_id INTEGER,
    explain TEXT NOT NULL,
    incident INTEGER NOT NULL REFERENCES incidents (number),
    status INTEGER NOT NULL DEFAULT 0 CHECK (status BETWEEN 0 AND 2),
    verdict INTEGER CHECK (verdict BETWEEN 0 AND 4),
    -- 1: held itself; 2: held with its incident.
    hold INTEGER NOT NULL DEFAULT 0
) STRICT;

-- The EVE lines apart from them: a search reads many alerts and few lines.
CREATE TABLE alert_lines (
    seq INTEGER PRIMARY KEY,
    json TEXT NOT NULL
) STRICT;

-- Everything that one filters by, in the order in which it is shown: a search that has no better way
-- reads this from end to end, and never an alert that it does not show.
CREATE INDEX alerts_shown ON alerts (
    time, seq, severity, impact, status, slug, src_ip, dest_ip, category
);
CREATE INDEX alerts_of_incident ON alerts (incident, time);
CREATE INDEX alerts_of_rule ON alerts (slug, time, verdict);
-- What retention may take, oldest first.
CREATE INDEX alerts_by_age ON alerts (severity, received) WHERE hold = 0;

CREATE VIRTUAL TABLE alert_words USING fts5 (
    slug, title, explain, addresses, words,
    content = '', contentless_delete = 1, tokenize = 'unicode61 remove_diacritics 2 tokenchars _'
);

CREATE TABLE incidents (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    incident_id TEXT NOT NULL UNIQUE,
    family TEXT NOT NULL,
    actor TEXT NOT NULL,
    victim TEXT NOT NULL,
    title TEXT NOT NULL,
    slug TEXT NOT NULL,
    severity INTEGER NOT NULL CHECK (severity BETWEEN 0 AND 4),
    impact INTEGER NOT NULL CHECK (impact BETWEEN 0 AND 3),
    tier TEXT NOT NULL,
    count INTEGER NOT NULL,
    first_seen INTEGER NOT NULL,
    last_seen INTEGER NOT NULL,
    opened INTEGER NOT NULL,
    changed INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    status INTEGER NOT NULL CHECK (status BETWEEN 0 AND 2),
    verdict INTEGER CHECK (verdict BETWEEN 0 AND 4),
    judged_by TEXT,
    -- The incident about the same thing before it.
    previous TEXT,
    hold INTEGER NOT NULL DEFAULT 0,
    -- Alerts came since the last revision.
    grown INTEGER NOT NULL DEFAULT 0,
    CHECK ((status = 2) = (verdict IS NOT NULL))
) STRICT;

CREATE INDEX incidents_alike ON incidents (family, actor, victim, last_seen);
CREATE INDEX incidents_by_status ON incidents (status, last_seen);
CREATE INDEX incidents_grown ON incidents (number) WHERE grown = 1;

CREATE TABLE comments (
    seq INTEGER PRIMARY KEY,
    object TEXT NOT NULL,
    time INTEGER NOT NULL,
    author TEXT NOT NULL,
    text TEXT NOT NULL
) STRICT;
CREATE INDEX comments_of ON comments (object, seq);

-- One row for each thing that may be wrong with the mirror or the appliance; `state` is open or closed.
CREATE TABLE findings (
    name TEXT NOT NULL,
    subject TEXT NOT NULL,
    state TEXT NOT NULL,
    severity INTEGER NOT NULL CHECK (severity BETWEEN 0 AND 4),
    explain TEXT NOT NULL,
    what_to_do TEXT NOT NULL,
    first_seen INTEGER NOT NULL,
    last_seen INTEGER NOT NULL,
    json TEXT NOT NULL,
    PRIMARY KEY (name, subject)
) STRICT, WITHOUT ROWID;

-- What sinks have still to take. `class` says what goes first when there is no room: 0 goes first.
CREATE TABLE outbox (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    action TEXT NOT NULL,
    class INTEGER NOT NULL,
    created INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    json TEXT NOT NULL
) STRICT;
CREATE INDEX outbox_by_class ON outbox (class, seq, kind, bytes);
CREATE INDEX outbox_of_incident ON outbox (id) WHERE kind = 'incident' AND action = 'update';

CREATE TABLE outbox_size (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    entries INTEGER NOT NULL,
    bytes INTEGER NOT NULL
) STRICT;
INSERT INTO outbox_size VALUES (1, 0, 0);
CREATE TRIGGER outbox_grows AFTER INSERT ON outbox BEGIN
    UPDATE outbox_size SET entries = entries + 1, bytes = bytes + new.bytes;
END;
CREATE TRIGGER outbox_shrinks AFTER DELETE ON outbox BEGIN
    UPDATE outbox_size SET entries = entries - 1, bytes = bytes - old.bytes;
END;

-- Who takes from the outbox, what of it, and up to where.
CREATE TABLE sinks (
    name TEXT PRIMARY KEY,
    kinds TEXT NOT NULL,
    cursor INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
