-- Where the audit log begins, once retention removed what is before: the last entry that went, by
-- number and hash. It only moves on, and only to an entry that is there; nothing behind it goes.

CREATE TABLE audit_begin (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    seq INTEGER NOT NULL,
    hash TEXT NOT NULL,
    time INTEGER NOT NULL
) STRICT;
INSERT INTO audit_begin VALUES
    (1, 0, '0000000000000000000000000000000000000000000000000000000000000000', 0);

CREATE TRIGGER audit_begin_moves_on BEFORE UPDATE ON audit_begin
WHEN new.seq <= old.seq OR new.hash IS NOT (SELECT hash FROM audit WHERE seq = new.seq) BEGIN
    SELECT RAISE(ABORT, 'the audit log is append-only');
END;
CREATE TRIGGER audit_begin_stays BEFORE DELETE ON audit_begin BEGIN
    SELECT RAISE(ABORT, 'the audit log is append-only');
END;
DROP TRIGGER audit_never_shrinks;
CREATE TRIGGER audit_never_shrinks BEFORE DELETE ON audit
WHEN old.seq > (SELECT seq FROM audit_begin) BEGIN
    SELECT RAISE(ABORT, 'the audit log is append-only');
END;
