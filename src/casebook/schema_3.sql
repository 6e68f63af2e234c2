-- Version 3: when a mailbox was first looked into. Empty for those that were met before.

ALTER TABLE mailbox ADD COLUMN met_at INTEGER;
