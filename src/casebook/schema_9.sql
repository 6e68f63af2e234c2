-- Version 9 of the casebook: copies that were released and are not back.

ALTER TABLE place ADD COLUMN release_deed INTEGER;  -- the last release of the desk that was begun for it; 0: one at the command line
ALTER TABLE place ADD COLUMN not_back TEXT;         -- why that one has failed for good
CREATE INDEX place_not_back ON place (of_case) WHERE not_back IS NOT NULL;
