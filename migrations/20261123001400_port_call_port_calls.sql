-- Questions of tools that only the worker can ask the world. Secret answers are sealed and deleted when read.
CREATE TABLE port_calls (
    port_call_id  uuid        PRIMARY KEY,
    kind          text        NOT NULL,
    arguments     jsonb       NOT NULL,
    caller        text        NOT NULL,
    state         text        NOT NULL CHECK (state IN ('waiting', 'answered', 'failed')),
    answer        jsonb,
    sealed_answer bytea,
    error         jsonb,
    deadline_at   timestamptz NOT NULL,
    traceparent   text        NOT NULL,
    created_at    timestamptz NOT NULL,
    CHECK ((state = 'failed') = (error IS NOT NULL)),
    CHECK (answer IS NULL OR sealed_answer IS NULL)
);
CREATE INDEX port_calls_deadline_at_idx ON port_calls (deadline_at);
