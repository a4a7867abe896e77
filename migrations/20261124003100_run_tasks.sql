-- A run as a task of the MCP protocol: an id that nobody guesses, for the one who began it. Its state is the run's.
CREATE TABLE run_tasks (
    task_id    uuid        PRIMARY KEY,
    run_id     uuid        NOT NULL REFERENCES runs,
    -- Kind and id of the principal.
    owner      text        NOT NULL,
    created_at timestamptz NOT NULL,
    UNIQUE (run_id, owner)
);
