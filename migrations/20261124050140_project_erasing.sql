-- When the last row of a purged project was deleted; its own row and the audit stay.
ALTER TABLE projects ADD COLUMN erased_at timestamptz,
    ADD CONSTRAINT projects_erased_at_check CHECK (erased_at IS NULL OR purged_at IS NOT NULL);
CREATE INDEX projects_to_erase_idx ON projects (purged_at) WHERE purged_at IS NOT NULL AND erased_at IS NULL;
