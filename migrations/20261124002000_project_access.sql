-- A project that is to go waits out its hold: until then everything can be taken back.
ALTER TABLE projects
    ADD COLUMN delete_after timestamptz,
    ADD COLUMN purged_at    timestamptz;
CREATE INDEX projects_delete_after_idx ON projects (delete_after) WHERE delete_after IS NOT NULL AND purged_at IS NULL;

-- A block wins over every grant of a person in a project, the platform's included.
CREATE TABLE project_blocks (
    project_id uuid        NOT NULL REFERENCES projects,
    person_id  uuid        NOT NULL REFERENCES people,
    blocked_at timestamptz NOT NULL,
    PRIMARY KEY (project_id, person_id)
);
CREATE INDEX project_blocks_person_id_idx ON project_blocks (person_id);
