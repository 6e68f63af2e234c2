-- Version 1 of what the desk writes: people, what they did with cases, and (in `journal`) everything that was shown
-- to whom. The casebook is another's, and nothing of it is repeated here but the numbers of its cases.

CREATE TABLE account (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE COLLATE NOCASE,
    role TEXT NOT NULL,
    addresses TEXT NOT NULL,          -- a JSON array of her mail addresses, to know the cases that she is a party to
    password TEXT,                    -- argon2id, as PHC string; none before the invitation was used
    totp BLOB NOT NULL,               -- the secret of RFC 6238
    totp_step INTEGER NOT NULL DEFAULT 0,  -- the last step that was used
    invitation BLOB,                  -- SHA-256 of what the link holds; none once it was used
    invited_until INTEGER,
    recipient TEXT,                   -- her public key
    wrapped TEXT,                     -- her private key, as only her passphrase opens it
    confirmed_by INTEGER REFERENCES account,
    closed_at INTEGER
) STRICT;

-- What people did with cases, in their order. Nothing is ever taken back: the next deed corrects the last.
CREATE TABLE deed (
    id INTEGER PRIMARY KEY,
    of_case INTEGER NOT NULL,
    codename TEXT NOT NULL,
    at INTEGER NOT NULL,
    by INTEGER NOT NULL REFERENCES account,
    kind TEXT NOT NULL,
    words TEXT NOT NULL,              -- her own: a note or a reason
    owner INTEGER REFERENCES account  -- who has it from now on
) STRICT;
CREATE INDEX deed_by_case ON deed (of_case);
CREATE TRIGGER deeds_stay BEFORE DELETE ON deed BEGIN SELECT RAISE(ABORT, 'a deed is never deleted'); END;
CREATE TRIGGER deeds_stand BEFORE UPDATE ON deed BEGIN SELECT RAISE(ABORT, 'a deed is never changed'); END;

-- Where each case stands after its last deed.
CREATE TABLE standing (
    of_case INTEGER PRIMARY KEY,
    status TEXT NOT NULL,
    outcome TEXT,
    owner INTEGER REFERENCES account
) STRICT;

-- Keys of single sealed messages, from somebody who can open them, for the service to put these back.
CREATE TABLE released_key (
    deed INTEGER NOT NULL REFERENCES deed,
    object TEXT NOT NULL,
    key BLOB NOT NULL,
    PRIMARY KEY (deed, object)
) STRICT;
