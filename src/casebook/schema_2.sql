-- Version 2 of the casebook: what rules ask for besides words, and how those in the shadow fare.

-- Who outside has written to which mailbox before: a keyed digest of both.
CREATE TABLE contact (
    pair BLOB PRIMARY KEY
) STRICT, WITHOUT ROWID;

-- Messages on which a rule would have fired, if it were further than the shadow.
CREATE TABLE shadow (
    rule TEXT NOT NULL,
    version TEXT NOT NULL,
    day TEXT NOT NULL,                -- UTC
    messages INTEGER NOT NULL,
    PRIMARY KEY (rule, version, day)
) STRICT, WITHOUT ROWID;
