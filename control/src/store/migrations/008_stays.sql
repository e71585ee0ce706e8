-- Whether an alert asks not to cut its devices off, and whether one of an incident's alerts does:
-- lists say it too, so that nobody has to open each of them first. And what is open, the worst first.

ALTER TABLE alerts ADD COLUMN stays INTEGER NOT NULL DEFAULT 0 CHECK (stays IN (0, 1));
ALTER TABLE incidents ADD COLUMN stays INTEGER NOT NULL DEFAULT 0 CHECK (stays IN (0, 1));
UPDATE alerts SET stays = 1 WHERE seq IN
    (SELECT seq FROM alert_lines WHERE iif(json_valid(json), json_extract(json, '$.vitalwire.do_not_isolate'), 0));
UPDATE incidents SET stays = 1 WHERE number IN (SELECT incident FROM alerts WHERE stays);

CREATE INDEX incidents_open ON incidents (impact, severity, number) WHERE status < 2;
