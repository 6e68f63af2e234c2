-- Version 11 of the casebook: what rules said of themselves when they came into force, as far as their words come with mailwarden and
-- name nobody. A line is never changed: another sentence is another version of the rule.

CREATE TABLE sentence (
    rule TEXT NOT NULL,
    version TEXT NOT NULL,
    sentence TEXT NOT NULL,
    PRIMARY KEY (rule, version)
) STRICT, WITHOUT ROWID;
