-- What people give the platform to keep: never read back, only used. Each value is sealed under a data key of its own, and
-- that under the master key, so that a new master key costs one small write a secret.
CREATE TABLE secrets (
    secret_id       uuid        PRIMARY KEY,
    -- Null: the platform's own.
    project_id      uuid        REFERENCES projects,
    name            text        NOT NULL CHECK (name ~ '^[a-z][a-z0-9_-]{0,62}$'),
    kind            text        NOT NULL CHECK (kind IN ('model_key', 'value')),
    -- The only place a model's key may be sent to: scheme, host and port.
    host            text,
    -- Which master key seals the data key.
    key_id          text        NOT NULL,
    sealed_data_key bytea       NOT NULL,
    sealed_value    bytea       NOT NULL,
    -- Counts changes of the value.
    version         bigint      NOT NULL DEFAULT 1,
    set_by          text        NOT NULL,
    set_at          timestamptz NOT NULL,
    last_used_at    timestamptz,
    created_at      timestamptz NOT NULL,
    CHECK ((kind = 'model_key') = (host IS NOT NULL)),
    CHECK (kind <> 'model_key' OR project_id IS NULL),
    CONSTRAINT secrets_name_key UNIQUE NULLS NOT DISTINCT (project_id, name)
);
-- One host has one key.
CREATE UNIQUE INDEX secrets_host_key ON secrets (host);
CREATE INDEX secrets_key_id_idx ON secrets (key_id);

-- Which key file's key seals the private half; null for what was sealed before keys had names.
ALTER TABLE signing_keys ADD COLUMN sealed_key_id text;
