-- A person's sign-in in one browser. The browser holds an opaque id; here is its hash alone.
CREATE TABLE sessions (
    session_id    uuid        PRIMARY KEY,
    cookie_sha256 bytea       NOT NULL CONSTRAINT sessions_cookie_sha256_key UNIQUE CHECK (octet_length(cookie_sha256) = 32),
    person_id     uuid        NOT NULL REFERENCES people,
    method        text        NOT NULL CHECK (method IN ('github', 'break_glass')),
    -- For people to recognise it by; nothing is decided with them.
    user_agent    text        CHECK (octet_length(user_agent) <= 256),
    address       text        CHECK (octet_length(address) <= 64),
    created_at    timestamptz NOT NULL,
    last_seen_at  timestamptz NOT NULL,
    expires_at    timestamptz NOT NULL,
    revoked_at    timestamptz
);
CREATE INDEX sessions_person_id_idx ON sessions (person_id);
CREATE INDEX sessions_expires_at_idx ON sessions (expires_at);
