-- Version 4 of the desk: lists that somebody keeps for herself.

CREATE TABLE kept_list (
    account INTEGER NOT NULL REFERENCES account,
    name TEXT NOT NULL COLLATE NOCASE,
    view TEXT NOT NULL,
    category TEXT NOT NULL,           -- empty: all
    search TEXT NOT NULL,             -- a part of a codename; empty: none
    PRIMARY KEY (account, name)
) STRICT, WITHOUT ROWID;
