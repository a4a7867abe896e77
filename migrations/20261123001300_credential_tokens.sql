-- Signing keys, one set per audience; the private half is sealed under the master key file.
CREATE TABLE signing_keys (
    kid           text        PRIMARY KEY,
    audience      text        NOT NULL,
    public_key    bytea       NOT NULL,
    sealed_key    bytea       NOT NULL,
    created_at    timestamptz NOT NULL,
    retired_at    timestamptz
);

-- Every token by its jti. Nothing signed is stored: the token is made again from this row.
CREATE TABLE access_tokens (
    jti        uuid        PRIMARY KEY,
    kind       text        NOT NULL CHECK (kind IN ('supervisor', 'agent', 'service', 'platform')),
    kid        text        NOT NULL REFERENCES signing_keys,
    project_id uuid        REFERENCES projects,
    run_id     uuid        REFERENCES runs,
    turn       integer,
    fence      bigint,
    -- Tokens of programs: a name and one role, in a project or on the platform.
    name       text,
    role       text        CHECK (role IN ('viewer', 'contributor', 'reviewer', 'maintainer', 'admin')),
    platform_role text     CHECK (platform_role IN ('operator', 'auditor', 'owner')),
    issued_at  timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz,
    CHECK ((kind = 'platform') = (project_id IS NULL)),
    CHECK ((kind = 'service') = (role IS NOT NULL)),
    CHECK ((kind = 'platform') = (platform_role IS NOT NULL)),
    CHECK ((kind IN ('service', 'platform')) = (name IS NOT NULL)),
    CHECK ((kind IN ('supervisor', 'agent')) = (run_id IS NOT NULL AND turn IS NOT NULL AND fence IS NOT NULL))
);
CREATE INDEX access_tokens_run_id_idx ON access_tokens (run_id);
CREATE INDEX access_tokens_expires_at_idx ON access_tokens (expires_at);
