-- Sign-ins that came to their end, by their state: each state serves once.
CREATE TABLE login_states (
    state_sha256 bytea       PRIMARY KEY CHECK (octet_length(state_sha256) = 32),
    used_at      timestamptz NOT NULL
);
CREATE INDEX login_states_used_at_idx ON login_states (used_at);

-- Codes with which an owner signs in although GitHub is down; each serves once.
CREATE TABLE break_glass_codes (
    code_sha256 bytea       PRIMARY KEY CHECK (octet_length(code_sha256) = 32),
    person_id   uuid        NOT NULL REFERENCES people,
    created_at  timestamptz NOT NULL,
    expires_at  timestamptz NOT NULL,
    used_at     timestamptz
);
CREATE INDEX break_glass_codes_expires_at_idx ON break_glass_codes (expires_at);
