-- Counts changes: a change names the one it was made on.
ALTER TABLE trigger_rules ADD COLUMN version bigint NOT NULL DEFAULT 1;
