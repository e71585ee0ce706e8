-- The hospital's list of its devices as it was uploaded: each upload makes a version. The newest is in
-- force; without a text the configuration's list is.
CREATE TABLE device_lists (
    version INTEGER PRIMARY KEY AUTOINCREMENT,
    created INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    note TEXT NOT NULL,
    text TEXT
) STRICT;

-- Devices are kept in the inventory's own file; this table was never filled.
DROP TABLE assets;

-- What responses did about an alert.
CREATE INDEX audit_of_responses ON audit (object, seq)
WHERE action >= 'response.' AND action < 'response/';
