-- Version 1 of the casebook. Facts only: no subject, no text, no name of a file. Digests and the addresses
-- of the parties to a case are keyed; times are seconds since 1970 UTC. A later version adds a file beside
-- this one, and a line in `mod.rs`.

CREATE TABLE instance (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    proof BLOB NOT NULL               -- tells another instance's key from ours
) STRICT;

CREATE TABLE mailbox (
    id INTEGER PRIMARY KEY,
    address TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE cursor (
    mailbox INTEGER NOT NULL REFERENCES mailbox,
    folder TEXT NOT NULL,
    uidvalidity INTEGER NOT NULL,
    next INTEGER NOT NULL,
    history INTEGER NOT NULL,
    PRIMARY KEY (mailbox, folder)
) STRICT, WITHOUT ROWID;

-- The notices that were sent, by their bodies: met in a contact's mailbox they are nobody's concern.
CREATE TABLE letter (
    content BLOB PRIMARY KEY
) STRICT, WITHOUT ROWID;

-- Messages that were judged and left where they were.
CREATE TABLE judged (
    message BLOB NOT NULL,
    mailbox INTEGER NOT NULL REFERENCES mailbox,
    PRIMARY KEY (message, mailbox)
) STRICT, WITHOUT ROWID;

CREATE TABLE tally (
    mailbox INTEGER NOT NULL REFERENCES mailbox,
    day TEXT NOT NULL,                -- UTC
    seen INTEGER NOT NULL,
    scanned INTEGER NOT NULL,
    incomplete INTEGER NOT NULL,
    flagged INTEGER NOT NULL,
    held INTEGER NOT NULL,
    PRIMARY KEY (mailbox, day)
) STRICT, WITHOUT ROWID;

CREATE TABLE cases (
    id INTEGER PRIMARY KEY,
    codename TEXT NOT NULL UNIQUE,
    content BLOB NOT NULL,
    category TEXT NOT NULL,
    judged_level INTEGER NOT NULL,    -- folding and counting go by this one
    level INTEGER NOT NULL,           -- raised, where the sender did the like before
    action TEXT NOT NULL,
    rule_set TEXT NOT NULL,
    backscan INTEGER NOT NULL,
    opened_at INTEGER NOT NULL,
    audiences TEXT NOT NULL,          -- a JSON array
    sheet TEXT,
    sheet_sha256 BLOB,
    acknowledged_at INTEGER,
    acknowledged_by TEXT,
    released_at INTEGER,
    released_by TEXT
) STRICT;
CREATE INDEX cases_by_content ON cases (content);
CREATE INDEX cases_by_sheet ON cases (sheet);

CREATE TABLE place (
    id INTEGER PRIMARY KEY,
    of_case INTEGER NOT NULL REFERENCES cases,
    mailbox INTEGER NOT NULL REFERENCES mailbox,
    folder TEXT NOT NULL,
    uidvalidity INTEGER NOT NULL,
    uid INTEGER NOT NULL,
    message BLOB NOT NULL,
    state TEXT NOT NULL,
    object TEXT,
    object_sha256 BLOB,
    flags TEXT NOT NULL,              -- a JSON array
    internal_date INTEGER NOT NULL,
    size INTEGER NOT NULL,
    found_at INTEGER NOT NULL,
    settled_at INTEGER,
    -- A server that gives one number to two messages gets two places.
    UNIQUE (of_case, mailbox, folder, uidvalidity, uid, message),
    -- Nothing is on its way out of a mailbox that is not sealed.
    CHECK (state NOT IN ('sealed', 'removed') OR object IS NOT NULL),
    CHECK ((object IS NULL) = (object_sha256 IS NULL))
) STRICT;
CREATE INDEX place_by_object ON place (object);
CREATE INDEX place_unfinished ON place (mailbox, folder) WHERE state = 'sealed';

CREATE TABLE finding (
    of_case INTEGER NOT NULL REFERENCES cases,
    rule TEXT NOT NULL,
    version TEXT NOT NULL,
    category TEXT NOT NULL,
    kind TEXT NOT NULL,
    part TEXT NOT NULL,
    field TEXT NOT NULL
) STRICT;
CREATE INDEX finding_by_case ON finding (of_case);

CREATE TABLE incomplete (
    of_case INTEGER NOT NULL REFERENCES cases,
    part TEXT NOT NULL,
    reason TEXT NOT NULL
) STRICT;
CREATE INDEX incomplete_by_case ON incomplete (of_case);

CREATE TABLE party (
    address BLOB NOT NULL,
    of_case INTEGER NOT NULL REFERENCES cases,
    part TEXT NOT NULL,
    PRIMARY KEY (address, of_case, part)
) STRICT, WITHOUT ROWID;

CREATE TABLE waiver (
    content BLOB NOT NULL,
    rule TEXT NOT NULL,
    version TEXT NOT NULL,
    PRIMARY KEY (content, rule, version)
) STRICT, WITHOUT ROWID;

-- Something wrong with the program or its surroundings, from its first sign to its end.
CREATE TABLE trouble (
    id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    mailbox TEXT NOT NULL,            -- empty: not of one mailbox
    began_at INTEGER NOT NULL,
    over_at INTEGER
) STRICT;
CREATE UNIQUE INDEX trouble_at_hand ON trouble (kind, mailbox) WHERE over_at IS NULL;

CREATE TABLE notice (
    id INTEGER PRIMARY KEY,
    of_case INTEGER REFERENCES cases,
    of_trouble INTEGER REFERENCES trouble,
    recipient TEXT NOT NULL,
    rank INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    delivered_at INTEGER,
    failures INTEGER NOT NULL DEFAULT 0,
    failure TEXT,
    retry_at INTEGER,
    CHECK ((of_case IS NULL) <> (of_trouble IS NULL))
) STRICT;
CREATE INDEX notice_by_case ON notice (of_case);
CREATE INDEX notice_waiting ON notice (due_at) WHERE delivered_at IS NULL;
