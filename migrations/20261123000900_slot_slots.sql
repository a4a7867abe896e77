-- Where runs may run. A slot leaves `draining` only on proof that its pod is gone.
CREATE TABLE slots (
    slot_id        uuid        PRIMARY KEY,
    project_id     uuid        NOT NULL REFERENCES projects,
    number         integer     NOT NULL CHECK (number > 0),
    state          text        NOT NULL CHECK (state IN ('free', 'leased', 'held', 'draining', 'quarantined')),
    -- Whose lease it is or was; kept until the slot is free.
    run_id         uuid,
    turn           integer,
    fence          bigint,
    held_until     timestamptz,
    draining_since timestamptz,
    reason         text,
    changed_at     timestamptz NOT NULL,
    CONSTRAINT slots_number_key UNIQUE (project_id, number),
    CHECK ((state = 'free') = (run_id IS NULL)),
    CHECK ((run_id IS NULL) = (turn IS NULL) AND (run_id IS NULL) = (fence IS NULL)),
    CHECK ((state = 'held') = (held_until IS NOT NULL)),
    CHECK ((state IN ('draining', 'quarantined')) = (draining_since IS NOT NULL)),
    CHECK (state <> 'quarantined' OR reason IS NOT NULL)
);
CREATE INDEX slots_free_idx ON slots (project_id, number) WHERE state = 'free';
CREATE INDEX slots_run_id_idx ON slots (run_id) WHERE run_id IS NOT NULL;
