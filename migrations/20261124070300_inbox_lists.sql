-- What waits for a person is looked up by the person.
CREATE INDEX runs_failed_of_starter_idx ON runs (started_by, finished_at) WHERE state IN ('failed', 'timed_out');
CREATE INDEX runs_of_issue_idx ON runs (repository_id, number, run_id);
DROP INDEX runs_repository_id_idx;
CREATE INDEX runs_model_auth_idx ON runs (project_id, finished_at) WHERE state = 'failed' AND reason = 'model_auth';
CREATE INDEX runs_succeeded_idx ON runs (project_id, finished_at) WHERE state = 'succeeded';
CREATE INDEX deliveries_conflicts_idx ON deliveries (sender_github_user_id, received_at) WHERE verdict = 'conflict';
