-- One agent on one task.
CREATE TABLE runs (
    run_id           uuid        PRIMARY KEY,
    project_id       uuid        NOT NULL REFERENCES projects,
    repository_id    uuid        NOT NULL REFERENCES repositories,
    -- The issue or pull request; null for a run without one.
    number           bigint,
    stage            text        NOT NULL,
    agent_profile_id uuid        NOT NULL REFERENCES agent_profiles,
    -- What was asked for beside the issue, by the person who started it.
    instruction      text,
    model            text,
    effort           text,

    state            text        NOT NULL CHECK (state IN ('queued', 'admitted', 'starting', 'running', 'waiting',
                                 'finishing', 'cancelling', 'succeeded', 'failed', 'timed_out', 'cancelled')),
    reason           text        CHECK (reason IN ('precondition', 'environment', 'start_timeout', 'pod_lost',
                                 'agent_error', 'output_invalid', 'write_scope', 'provider_denied', 'model_auth',
                                 'budget', 'internal')),
    sub_reason       text,
    detail           text,

    turn             integer     NOT NULL DEFAULT 0 CHECK (turn >= 0),
    fence            bigint      NOT NULL DEFAULT 0 CHECK (fence >= 0),
    slot_id          uuid        REFERENCES slots,
    event_seq        bigint      NOT NULL DEFAULT 0,

    -- One trigger makes one run, for ever.
    source_key       text        CONSTRAINT runs_source_key_key UNIQUE,
    delivery_id      uuid        REFERENCES deliveries,
    retry_of         uuid        REFERENCES runs,
    cause_depth      integer     NOT NULL DEFAULT 0 CHECK (cause_depth BETWEEN 0 AND 5),
    started_by       uuid        REFERENCES people,
    -- SHA-256 of the issue's title and body as somebody with write permission last meant them.
    issue_text_sha256 text,

    branch           text        NOT NULL,
    base_sha         text,
    head_sha         text,
    pull_request_number bigint,
    pull_request_url text,
    last_message     text,
    prompt           text,
    prompt_digest    text,

    active_seconds       bigint  NOT NULL DEFAULT 0 CHECK (active_seconds >= 0),
    active_seconds_limit bigint  NOT NULL CHECK (active_seconds_limit > 0),

    queued_at         timestamptz NOT NULL,
    -- When the state was entered.
    state_since       timestamptz NOT NULL,
    running_since     timestamptz,
    last_heartbeat_at timestamptz,
    finished_at       timestamptz,
    created_at        timestamptz NOT NULL,
    traceparent       text        NOT NULL,

    CHECK ((state IN ('admitted', 'starting', 'running')) <= (slot_id IS NOT NULL)),
    CHECK ((state IN ('queued', 'waiting')) <= (slot_id IS NULL)),
    CHECK ((state = 'running') = (running_since IS NOT NULL)),
    CHECK ((state IN ('succeeded', 'failed', 'timed_out', 'cancelled')) = (finished_at IS NOT NULL)),
    CHECK ((state = 'failed') <= (reason IS NOT NULL))
);
CREATE UNIQUE INDEX runs_one_live_per_issue ON runs (repository_id, number)
    WHERE number IS NOT NULL AND state NOT IN ('succeeded', 'failed', 'timed_out', 'cancelled');
CREATE INDEX runs_project_id_idx ON runs (project_id, run_id);
CREATE INDEX runs_live_idx ON runs (state, project_id) WHERE state NOT IN ('succeeded', 'failed', 'timed_out', 'cancelled');
CREATE INDEX runs_repository_id_idx ON runs (repository_id, number);
CREATE INDEX runs_started_by_idx ON runs (started_by);
CREATE INDEX runs_delivery_id_idx ON runs (delivery_id);
CREATE INDEX runs_retry_of_idx ON runs (retry_of);
CREATE INDEX runs_finished_at_idx ON runs (finished_at) WHERE finished_at IS NOT NULL;

ALTER TABLE deliveries ADD CONSTRAINT deliveries_run_id_fkey FOREIGN KEY (run_id) REFERENCES runs;
ALTER TABLE slots ADD CONSTRAINT slots_run_id_fkey FOREIGN KEY (run_id) REFERENCES runs;

-- A turn ends for good only when its pod is proven gone; the next turn is not admitted before.
CREATE TABLE run_turns (
    run_id         uuid        NOT NULL REFERENCES runs,
    turn           integer     NOT NULL CHECK (turn > 0),
    fence          bigint      NOT NULL,
    slot_id        uuid        NOT NULL REFERENCES slots,
    admitted_at    timestamptz NOT NULL,
    ended_at       timestamptz,
    active_seconds bigint      NOT NULL DEFAULT 0,
    pod_gone_at    timestamptz,
    -- The cluster said that the agent's container used more memory than it may. The runner sees only that it is gone.
    agent_oom_at   timestamptz,
    PRIMARY KEY (run_id, turn)
);

-- Gap-free per run: the one source for timeline, live view and audit.
CREATE TABLE run_events (
    run_id uuid        NOT NULL REFERENCES runs,
    seq    bigint      NOT NULL CHECK (seq > 0),
    turn   integer     NOT NULL,
    kind   text        NOT NULL,
    detail jsonb       NOT NULL,
    actor  text        NOT NULL,
    at     timestamptz NOT NULL,
    PRIMARY KEY (run_id, seq)
);

CREATE TABLE run_log_pieces (
    run_id   uuid        NOT NULL REFERENCES runs,
    turn     integer     NOT NULL,
    stream   text        NOT NULL CHECK (stream IN ('agent', 'supervisor')),
    -- Bytes of UTF-8 before `text` in this stream.
    "offset" bigint      NOT NULL CHECK ("offset" >= 0),
    text     text        NOT NULL,
    at       timestamptz NOT NULL,
    PRIMARY KEY (run_id, turn, stream, "offset")
);

-- Totals of a turn, so that a lost or repeated report changes nothing.
CREATE TABLE run_usage (
    run_id              uuid   NOT NULL REFERENCES runs,
    turn                integer NOT NULL,
    model               text   NOT NULL,
    requests            bigint NOT NULL CHECK (requests >= 0),
    input_tokens        bigint NOT NULL CHECK (input_tokens >= 0),
    cached_input_tokens bigint NOT NULL CHECK (cached_input_tokens >= 0),
    output_tokens       bigint NOT NULL CHECK (output_tokens >= 0),
    reasoning_tokens    bigint NOT NULL CHECK (reasoning_tokens >= 0),
    -- Prices of the moment of the report; null where the model has none.
    cost_micro_usd      bigint CHECK (cost_micro_usd >= 0),
    reported_at         timestamptz NOT NULL,
    PRIMARY KEY (run_id, turn, model)
);

CREATE TABLE run_snapshots (
    snapshot_id uuid        PRIMARY KEY,
    run_id      uuid        NOT NULL REFERENCES runs,
    turn        integer     NOT NULL,
    session     text        NOT NULL,
    path        text        NOT NULL,
    sha256      text        NOT NULL,
    data        bytea       NOT NULL,
    stored_at   timestamptz NOT NULL
);
CREATE INDEX run_snapshots_run_id_idx ON run_snapshots (run_id, snapshot_id);

CREATE TABLE run_changes (
    run_id uuid NOT NULL REFERENCES runs,
    path   text NOT NULL,
    change text NOT NULL CHECK (change IN ('added', 'modified', 'deleted', 'type_changed')),
    PRIMARY KEY (run_id, path)
);
