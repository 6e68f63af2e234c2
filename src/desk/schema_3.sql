-- Version 3 of the desk: destroying what is sealed, which some cases take two people for.

ALTER TABLE standing ADD COLUMN destroy_asked_by INTEGER REFERENCES account;
