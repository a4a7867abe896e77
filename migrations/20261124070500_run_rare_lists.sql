-- What is rare is found without reading past all that is not.
CREATE INDEX runs_project_stage_idx ON runs (project_id, stage, run_id);
CREATE INDEX runs_project_kind_idx ON runs (project_id, kind, run_id) WHERE kind <> 'work';
