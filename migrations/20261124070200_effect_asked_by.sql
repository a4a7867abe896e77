-- The person in whose name the platform's App writes: what comes of the write at GitHub is that person's doing.
ALTER TABLE effects ADD COLUMN asked_by uuid REFERENCES people;
CREATE INDEX effects_asked_by_idx ON effects (asked_by, created_at) WHERE asked_by IS NOT NULL;
CREATE INDEX effects_labels_idx ON effects (repository_id, number, effect_id) WHERE kind = 'labels';
