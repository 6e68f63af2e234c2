-- Version 2 of the desk: cases that are put off for a while.

ALTER TABLE deed ADD COLUMN until INTEGER;           -- for how long it was put off
ALTER TABLE standing ADD COLUMN snoozed_until INTEGER;
