-- Version 6 of the desk: which deed closed a case last. What fails after it opens the case again; 0: one from before.

ALTER TABLE standing ADD COLUMN closed_by INTEGER NOT NULL DEFAULT 0;
