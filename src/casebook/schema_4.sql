-- Version 4 of the casebook: when a mailbox was first looked into. Empty for those that were met before.

ALTER TABLE mailbox ADD COLUMN met_at INTEGER;
