-- Lists of runs: any filter, at any depth, in any project.
-- What the run's issue or pull request is called, as last seen: a copy, so that one index finds a run by its words.
ALTER TABLE runs ADD COLUMN title text;
UPDATE runs SET title = w.title FROM work_items w WHERE w.repository_id = runs.repository_id AND w.number = runs.number;

-- Whatever a filter leaves out is left out in the index: no row is fetched for it.
DROP INDEX runs_project_id_idx;
CREATE INDEX runs_project_id_idx ON runs (project_id, run_id)
    INCLUDE (repository_id, number, state, stage, kind, started_by, created_at);
CREATE INDEX runs_project_state_idx ON runs (project_id, state, run_id);
CREATE INDEX runs_title_trgm_idx ON runs USING gin (title gin_trgm_ops);
CREATE INDEX runs_branch_trgm_idx ON runs USING gin (branch gin_trgm_ops);
