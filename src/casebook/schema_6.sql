-- Version 6 of the casebook: what the desk reads, and how far its decisions have been carried out.

-- Who wrote to whom, as roles: `pupil`, `staff`, `outside` and the like; empty for cases from before.
ALTER TABLE cases ADD COLUMN sender TEXT NOT NULL DEFAULT '';
ALTER TABLE cases ADD COLUMN recipients TEXT NOT NULL DEFAULT '[]';  -- a JSON array

-- The addresses of the people who have an account at the desk, keyed: it has no instance key of its own.
CREATE TABLE desk_party (
    address TEXT PRIMARY KEY,
    key BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- The last deed of the desk that was carried out.
CREATE TABLE desk_progress (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    deed INTEGER NOT NULL
) STRICT;
