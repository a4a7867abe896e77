-- A key is next (published, signs nothing yet), current (signs), or retired (verifies what it signed until that expired).
ALTER TABLE signing_keys
    ADD COLUMN promoted_at timestamptz,
    ADD CONSTRAINT signing_keys_retired_check CHECK (retired_at IS NULL OR promoted_at IS NOT NULL);
UPDATE signing_keys SET promoted_at = created_at;
CREATE UNIQUE INDEX signing_keys_next_idx ON signing_keys (audience) WHERE promoted_at IS NULL;
CREATE UNIQUE INDEX signing_keys_current_idx ON signing_keys (audience)
    WHERE promoted_at IS NOT NULL AND retired_at IS NULL;
-- Whether a retired key is still needed.
CREATE INDEX access_tokens_kid_idx ON access_tokens (kid, expires_at);
