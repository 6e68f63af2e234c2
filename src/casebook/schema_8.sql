-- Version 8 of the casebook: a notice may be the weekly list of openings. A table's checks are changed by making it anew.

CREATE TABLE notice_of_three_kinds (
    id INTEGER PRIMARY KEY,
    of_case INTEGER REFERENCES cases,
    of_trouble INTEGER REFERENCES trouble,
    of_week TEXT,                     -- its Monday
    facts TEXT,                       -- of a week: a JSON array of codenames and counts
    recipient TEXT NOT NULL,
    rank INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    delivered_at INTEGER,
    failures INTEGER NOT NULL DEFAULT 0,
    failure TEXT,
    retry_at INTEGER,
    CHECK ((of_case IS NOT NULL) + (of_trouble IS NOT NULL) + (of_week IS NOT NULL) = 1),
    CHECK ((of_week IS NULL) = (facts IS NULL))
) STRICT;
INSERT INTO notice_of_three_kinds (id, of_case, of_trouble, recipient, rank, due_at, delivered_at, failures, failure, retry_at)
    SELECT id, of_case, of_trouble, recipient, rank, due_at, delivered_at, failures, failure, retry_at FROM notice;
DROP TABLE notice;
ALTER TABLE notice_of_three_kinds RENAME TO notice;
CREATE INDEX notice_by_case ON notice (of_case);
CREATE INDEX notice_waiting ON notice (due_at) WHERE delivered_at IS NULL;
CREATE UNIQUE INDEX notice_of_week ON notice (of_week, recipient) WHERE of_week IS NOT NULL;
