-- Tokens of people: of a session, of an OAuth grant, or personal ones with a name.
ALTER TABLE access_tokens
    ADD COLUMN person_id  uuid REFERENCES people,
    ADD COLUMN session_id uuid REFERENCES sessions ON DELETE CASCADE,
    ADD COLUMN grant_id   uuid,
    DROP CONSTRAINT access_tokens_kind_check,
    DROP CONSTRAINT access_tokens_check,
    DROP CONSTRAINT access_tokens_check3,
    ADD CONSTRAINT access_tokens_kind_check
        CHECK (kind IN ('supervisor', 'agent', 'service', 'platform', 'person')),
    ADD CONSTRAINT access_tokens_project_check
        CHECK ((kind IN ('platform', 'person')) = (project_id IS NULL)),
    ADD CONSTRAINT access_tokens_person_check CHECK ((kind = 'person') = (person_id IS NOT NULL)),
    ADD CONSTRAINT access_tokens_origin_check
        CHECK (num_nonnulls(session_id, grant_id) <= CASE WHEN kind = 'person' THEN 1 ELSE 0 END),
    ADD CONSTRAINT access_tokens_name_check CHECK (
        (kind IN ('service', 'platform') OR (kind = 'person' AND num_nonnulls(session_id, grant_id) = 0))
        = (name IS NOT NULL)
    );
CREATE INDEX access_tokens_person_id_idx ON access_tokens (person_id) WHERE person_id IS NOT NULL;
CREATE INDEX access_tokens_session_id_idx ON access_tokens (session_id) WHERE session_id IS NOT NULL;
CREATE INDEX access_tokens_grant_id_idx ON access_tokens (grant_id) WHERE grant_id IS NOT NULL;

-- Which key file seals a signing key: the gateway holds the edge key alone, which opens keys of the public audience.
ALTER TABLE signing_keys
    ADD COLUMN sealed_by text NOT NULL DEFAULT 'master' CHECK (sealed_by IN ('master', 'edge'));
