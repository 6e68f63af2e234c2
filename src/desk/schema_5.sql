-- Version 5 of the desk: keys that somebody has admitted to an audience, until the service has taken them over; and passkeys.

CREATE TABLE admission (
    id INTEGER PRIMARY KEY,
    account INTEGER NOT NULL REFERENCES account,   -- whose key
    by INTEGER NOT NULL REFERENCES account,
    audience TEXT NOT NULL,
    audience_key TEXT NOT NULL,       -- its public half, when the ring was sealed
    recipient TEXT NOT NULL,          -- the key that was confirmed
    wrapped BLOB NOT NULL,            -- the ring, sealed to that key alone
    UNIQUE (account, audience)
) STRICT;

CREATE TABLE passkey (
    credential BLOB PRIMARY KEY,      -- the authenticator's name for it
    account INTEGER NOT NULL REFERENCES account,
    name TEXT NOT NULL,               -- as its owner calls it
    public_key BLOB NOT NULL,         -- SubjectPublicKeyInfo, DER
    uses INTEGER NOT NULL,            -- the authenticator's counter; 0 where it keeps none
    made_at INTEGER NOT NULL,
    wrapped TEXT                      -- her private key, as only this passkey opens it
) STRICT;
CREATE INDEX passkey_by_account ON passkey (account);
