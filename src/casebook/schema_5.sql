-- Version 5 of the casebook: what proves that a day was seen whole.

-- The numbers of the messages that were judged, from first to last. A number is never given to another message.
CREATE TABLE seen (
    mailbox INTEGER NOT NULL REFERENCES mailbox,
    folder TEXT NOT NULL,
    uidvalidity INTEGER NOT NULL,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    PRIMARY KEY (mailbox, folder, uidvalidity, first)
) STRICT, WITHOUT ROWID;

-- Until now only the cursor told.
INSERT INTO seen (mailbox, folder, uidvalidity, first, last)
    SELECT mailbox, folder, uidvalidity, 1, next - 1 FROM cursor WHERE next > 1;

-- How a mailbox was reached on a day.
CREATE TABLE reach (
    mailbox INTEGER NOT NULL REFERENCES mailbox,
    day TEXT NOT NULL,                -- UTC
    polls INTEGER NOT NULL,           -- rounds that went through
    failures INTEGER NOT NULL,        -- and those that did not
    last_poll INTEGER,
    longest_gap INTEGER NOT NULL,     -- without a round that went through, in seconds
    oldest_unscanned INTEGER,         -- the earliest arrival that waited for its verdict
    PRIMARY KEY (mailbox, day)
) STRICT, WITHOUT ROWID;

-- Why messages were not wholly read.
CREATE TABLE unread (
    mailbox INTEGER NOT NULL REFERENCES mailbox,
    day TEXT NOT NULL,                -- UTC
    reason TEXT NOT NULL,
    messages INTEGER NOT NULL,
    PRIMARY KEY (mailbox, day, reason)
) STRICT, WITHOUT ROWID;
