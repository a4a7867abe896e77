-- What a run waits for: a question to people, or their word on a privileged request.
CREATE TABLE waits (
    wait_id          uuid        PRIMARY KEY,
    run_id           uuid        NOT NULL REFERENCES runs,
    turn             integer     NOT NULL,
    kind             text        NOT NULL CHECK (kind IN ('question', 'approval')),
    question         text        NOT NULL,
    -- Binds an answer to exactly what was asked.
    arguments_sha256 text        NOT NULL,
    state            text        NOT NULL CHECK (state IN ('open', 'answered', 'expired', 'cancelled')),
    answer           text,
    answered_by      uuid        REFERENCES people,
    answered_at      timestamptz,
    expires_at       timestamptz NOT NULL,
    created_at       timestamptz NOT NULL,
    CHECK ((state = 'answered') = (answered_at IS NOT NULL)),
    CHECK ((state = 'answered') <= (answer IS NOT NULL))
);
CREATE INDEX waits_run_id_idx ON waits (run_id, wait_id);
CREATE INDEX waits_open_idx ON waits (expires_at) WHERE state = 'open';
