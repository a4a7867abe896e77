-- The ledger of outward writes: staged, checked, applied once.
CREATE TABLE effects (
    effect_id      uuid        PRIMARY KEY,
    project_id     uuid        NOT NULL REFERENCES projects,
    repository_id  uuid        NOT NULL REFERENCES repositories,
    number         bigint,
    run_id         uuid        REFERENCES runs,
    turn           integer,
    kind           text        NOT NULL CHECK (kind IN ('pull_request', 'status_comment', 'comment', 'labels')),
    -- What makes two asks the same write; null where each ask is a write of its own.
    effect_key     text        CONSTRAINT effects_effect_key_key UNIQUE,
    arguments      jsonb       NOT NULL,
    -- Counts changes of `arguments`; the newest wins.
    version        bigint      NOT NULL DEFAULT 1,
    applied_version bigint,
    state          text        NOT NULL CHECK (state IN ('proposed', 'awaiting_approval', 'ready', 'applying',
                               'applied', 'refused', 'failed', 'superseded')),
    reason         text,
    -- What GitHub made of it: {"id": …, "url": …, "number": …}.
    result         jsonb,
    attempts       integer     NOT NULL DEFAULT 0,
    not_before     timestamptz NOT NULL,
    -- Who applies it now, under which fence of the lane.
    lane_fence     bigint,
    applying_since timestamptz,
    applied_at     timestamptz,
    actor          text        NOT NULL,
    traceparent    text        NOT NULL,
    created_at     timestamptz NOT NULL,
    updated_at     timestamptz NOT NULL,
    CHECK ((state = 'applying') = (applying_since IS NOT NULL)),
    CHECK ((state IN ('refused', 'failed')) <= (reason IS NOT NULL))
);
CREATE INDEX effects_run_id_idx ON effects (run_id, effect_id);
CREATE INDEX effects_project_id_idx ON effects (project_id, effect_id);
CREATE INDEX effects_pull_request_idx ON effects (repository_id, ((result ->> 'number')::bigint)) WHERE kind = 'pull_request';
CREATE INDEX effects_due_idx ON effects (not_before) WHERE state IN ('ready', 'applying');

-- One write at a time per installation, over all replicas.
CREATE TABLE write_lanes (
    installation_id bigint      PRIMARY KEY,
    not_before      timestamptz NOT NULL,
    -- Why the lane stands still, when GitHub asked for it.
    reason          text,
    holder          text,
    held_until      timestamptz,
    fence           bigint      NOT NULL DEFAULT 0
);
