-- Version 3 of the casebook: rules that held too much.

-- They flag and hold no more, until they are another version.
CREATE TABLE fallen (
    rule TEXT NOT NULL,
    version TEXT NOT NULL,
    at INTEGER NOT NULL,
    held INTEGER NOT NULL,            -- cases of that day
    scanned INTEGER NOT NULL,         -- messages of that day
    PRIMARY KEY (rule, version)
) STRICT, WITHOUT ROWID;

CREATE INDEX finding_by_rule ON finding (rule, version);

-- A trouble may be that of a rule; empty: of none.
ALTER TABLE trouble ADD COLUMN rule TEXT NOT NULL DEFAULT '';
DROP INDEX trouble_at_hand;
CREATE UNIQUE INDEX trouble_at_hand ON trouble (kind, mailbox, rule) WHERE over_at IS NULL;
