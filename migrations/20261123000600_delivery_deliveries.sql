-- The webhook inbox: what came, as it came, and what was made of it.
CREATE TABLE deliveries (
    delivery_id    uuid        PRIMARY KEY,
    -- GitHub's X-GitHub-Delivery: a redelivery keeps it.
    guid           text        NOT NULL CONSTRAINT deliveries_guid_key UNIQUE CHECK (length(guid) BETWEEN 1 AND 100),
    event          text        NOT NULL CHECK (length(event) BETWEEN 1 AND 100),
    content_type   text,
    -- Null after the retention time; the verdict stays.
    body           bytea,
    body_bytes     bigint      NOT NULL,
    received_at    timestamptz NOT NULL,
    traceparent    text        NOT NULL,
    -- What was read from the body.
    action         text,
    github_repository_id bigint,
    number         bigint,
    label          text,
    -- The host's own moment of the issue or pull request.
    item_updated_at timestamptz,
    sender_github_user_id bigint,
    sender_login   text,
    repository_id  uuid        REFERENCES repositories,
    project_id     uuid        REFERENCES projects,
    -- What was made of it.
    verdict        text        CHECK (verdict IN ('run_created', 'run_ended', 'recorded', 'ignored', 'conflict', 'failed')),
    reason         text,
    detail         text,
    run_id         uuid,
    attempts       integer     NOT NULL DEFAULT 0,
    processed_at   timestamptz,
    CHECK ((verdict IS NULL) = (processed_at IS NULL))
);
CREATE INDEX deliveries_project_id_idx ON deliveries (project_id, delivery_id);
CREATE INDEX deliveries_work_item_idx ON deliveries (github_repository_id, number, delivery_id);
CREATE INDEX deliveries_unprocessed_idx ON deliveries (received_at) WHERE processed_at IS NULL;
CREATE INDEX deliveries_received_at_idx ON deliveries (received_at);

-- How far the search for missed deliveries has come.
CREATE TABLE delivery_sweeps (
    only_row   boolean     PRIMARY KEY DEFAULT true CHECK (only_row),
    swept_at   timestamptz,
    -- A search that is not done: when it began, and where it goes on.
    begun_at   timestamptz,
    cursor     text,
    -- Held by one process at a time.
    held_until timestamptz
);
INSERT INTO delivery_sweeps DEFAULT VALUES;
