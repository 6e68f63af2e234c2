-- Version 12 of the casebook: of which conversation a message is a part. A keyed digest of each of the message ids that it names, its
-- own among them (RFC 5322, 3.6.4): cases that have one in common go together. Of a case from before, none is known.

CREATE TABLE thread (
    message_id BLOB NOT NULL,
    of_case INTEGER NOT NULL REFERENCES cases,
    PRIMARY KEY (message_id, of_case)
) STRICT, WITHOUT ROWID;
CREATE INDEX thread_by_case ON thread (of_case);
