-- Figures of a project are of its newest runs.
CREATE INDEX runs_project_created_at_idx ON runs (project_id, created_at);
