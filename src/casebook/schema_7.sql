-- Version 7 of the casebook: cases of which people had what is sealed destroyed. Their facts stay.

ALTER TABLE cases ADD COLUMN destroyed_at INTEGER;  -- when it was decided
ALTER TABLE cases ADD COLUMN destroyed_by TEXT;
ALTER TABLE cases ADD COLUMN emptied_at INTEGER;    -- when the vault held nothing of it any more
CREATE INDEX cases_to_empty ON cases (id) WHERE destroyed_at IS NOT NULL AND emptied_at IS NULL;
