-- Which workers there are: each says so every some seconds.
CREATE TABLE workers (
    worker     text        PRIMARY KEY,
    version    text        NOT NULL,
    started_at timestamptz NOT NULL,
    seen_at    timestamptz NOT NULL
);
