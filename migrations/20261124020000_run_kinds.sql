-- What a run is asked for: work on its stage, go on with work that is there, or look at it.
ALTER TABLE runs
    ADD COLUMN kind text NOT NULL DEFAULT 'work' CHECK (kind IN ('work', 'revise', 'review')),
    -- The run whose session a revise continues.
    ADD COLUMN continues uuid REFERENCES runs,
    -- Not admitted before: reviews of one burst come together in one run.
    ADD COLUMN not_before timestamptz,
    ADD CHECK ((kind = 'revise') = (continues IS NOT NULL));
CREATE INDEX runs_continues_idx ON runs (continues) WHERE continues IS NOT NULL;
CREATE INDEX runs_branch_idx ON runs (repository_id, branch, run_id);

ALTER TABLE deliveries DROP CONSTRAINT deliveries_verdict_check,
    ADD CONSTRAINT deliveries_verdict_check CHECK (verdict IN ('run_created', 'run_joined', 'run_ended', 'recorded',
        'ignored', 'conflict', 'failed'));
