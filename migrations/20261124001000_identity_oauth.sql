-- The OAuth authorization server's memory. Secrets are here by their SHA-256 alone; what a record says that only its
-- holder may know is sealed under the secret itself, so who reads the tables can use nothing.
CREATE TABLE oauth_clients (
    client_id  text        PRIMARY KEY CHECK (octet_length(client_id) BETWEEN 1 AND 2048),
    -- preset: made by an operator. document: its id is the address of its metadata. dynamic: registered itself.
    kind       text        NOT NULL CHECK (kind IN ('preset', 'document', 'dynamic')),
    record     jsonb       NOT NULL,
    -- From where a dynamic one was registered: its registrations are counted by it.
    address    text        CHECK (octet_length(address) <= 64),
    created_at timestamptz NOT NULL,
    -- When a person last let it in; a dynamic one that nobody let in is forgotten soon.
    used_at    timestamptz,
    -- document: until when the metadata is believed without asking again.
    fresh_until timestamptz,
    CHECK ((kind = 'document') = (fresh_until IS NOT NULL)),
    CHECK ((kind = 'dynamic') = (address IS NOT NULL))
);
CREATE INDEX oauth_clients_dynamic_idx ON oauth_clients (created_at) WHERE kind = 'dynamic';

CREATE TABLE oauth_codes (
    code_sha256 bytea       PRIMARY KEY CHECK (octet_length(code_sha256) = 32),
    client_id   text        NOT NULL,
    sealed      bytea       NOT NULL,
    expires_at  timestamptz NOT NULL
);
CREATE INDEX oauth_codes_client_id_idx ON oauth_codes (client_id);
CREATE INDEX oauth_codes_expires_at_idx ON oauth_codes (expires_at);

CREATE TABLE oauth_tokens (
    token_sha256 bytea       PRIMARY KEY CHECK (octet_length(token_sha256) = 32),
    client_id    text        NOT NULL,
    family_id    text,
    -- All that the library remembers of it but the token itself.
    record       jsonb       NOT NULL,
    -- The signed token that its client was given for it.
    jti          uuid        UNIQUE,
    expires_at   timestamptz NOT NULL
);
CREATE INDEX oauth_tokens_client_id_idx ON oauth_tokens (client_id);
CREATE INDEX oauth_tokens_family_id_idx ON oauth_tokens (family_id);
CREATE INDEX oauth_tokens_expires_at_idx ON oauth_tokens (expires_at);

CREATE TABLE oauth_refresh_tokens (
    token_sha256 bytea       PRIMARY KEY CHECK (octet_length(token_sha256) = 32),
    client_id    text        NOT NULL,
    family_id    text        NOT NULL,
    sealed       bytea       NOT NULL,
    expires_at   timestamptz
);
CREATE INDEX oauth_refresh_tokens_client_id_idx ON oauth_refresh_tokens (client_id);
CREATE INDEX oauth_refresh_tokens_family_id_idx ON oauth_refresh_tokens (family_id);
CREATE INDEX oauth_refresh_tokens_expires_at_idx ON oauth_refresh_tokens (expires_at);

-- What was revoked, for writes that were on their way when it was.
CREATE TABLE oauth_barriers (
    kind        text        NOT NULL CHECK (kind IN ('client', 'family')),
    name        text        NOT NULL,
    recorded_at timestamptz NOT NULL,
    until       timestamptz NOT NULL,
    PRIMARY KEY (kind, name)
);
CREATE INDEX oauth_barriers_until_idx ON oauth_barriers (until);

-- What a person let a client do: the family of tokens that came of one consent.
CREATE TABLE oauth_grants (
    grant_id    uuid        PRIMARY KEY,
    family_id   text        NOT NULL CONSTRAINT oauth_grants_family_id_key UNIQUE,
    person_id   uuid        NOT NULL REFERENCES people,
    client_id   text        NOT NULL,
    client_name text,
    scope       text        NOT NULL,
    created_at  timestamptz NOT NULL,
    used_at     timestamptz NOT NULL,
    revoked_at  timestamptz
);
CREATE INDEX oauth_grants_person_id_idx ON oauth_grants (person_id);
CREATE INDEX oauth_grants_client_id_idx ON oauth_grants (client_id);
CREATE INDEX oauth_grants_used_at_idx ON oauth_grants (used_at);
