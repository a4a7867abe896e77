-- What every context stands on.
CREATE EXTENSION IF NOT EXISTS vector;

-- Idempotency keys of write tools: the first answer is given again for 24 hours.
CREATE TABLE idempotency_keys (
    principal        text        NOT NULL,
    tool             text        NOT NULL,
    idempotency_key  text        NOT NULL CHECK (length(idempotency_key) BETWEEN 1 AND 200),
    arguments_sha256 text        NOT NULL,
    answer           jsonb       NOT NULL,
    created_at       timestamptz NOT NULL,
    PRIMARY KEY (principal, tool, idempotency_key)
);
CREATE INDEX idempotency_keys_created_at_idx ON idempotency_keys (created_at);

-- Which processes could receive calls of runners, and since when. A silent runner is only at fault while
-- somebody was there to hear it.
CREATE TABLE receivers (
    receiver   text        PRIMARY KEY,
    started_at timestamptz NOT NULL,
    seen_at    timestamptz NOT NULL
);

-- Settings of the whole installation: one row.
CREATE TABLE platform (
    only_row      boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    max_live_runs integer NOT NULL DEFAULT 50 CHECK (max_live_runs >= 0),
    paused_at     timestamptz
);
INSERT INTO platform DEFAULT VALUES;
