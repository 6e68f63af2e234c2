-- Version 10 of the casebook: the text of a message is sealed by itself. Of a case from before, it is in the sheet.

ALTER TABLE cases ADD COLUMN text TEXT;
ALTER TABLE cases ADD COLUMN text_sha256 BLOB;
CREATE INDEX cases_by_text ON cases (text);
