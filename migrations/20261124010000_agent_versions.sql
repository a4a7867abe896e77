-- Profiles and prompts are never changed in place: each save is a new version, a draft until somebody publishes it, and a
-- run keeps the version it began with.
ALTER TABLE agent_profiles
    ADD COLUMN version        integer     NOT NULL DEFAULT 1 CHECK (version > 0),
    -- Who wrote it, for people: `person:octocat`.
    ADD COLUMN written_by     text        NOT NULL DEFAULT 'system:init',
    -- The person among them: whoever needs a second person does not publish their own draft.
    ADD COLUMN writer_id      uuid        REFERENCES people,
    ADD COLUMN published_by   text,
    ADD COLUMN published_at   timestamptz,
    -- The longest active time of its runs, where it is less than the project's.
    ADD COLUMN active_seconds bigint      CHECK (active_seconds > 0),
    DROP CONSTRAINT agent_profiles_stage_key;
UPDATE agent_profiles SET published_at = created_at, published_by = written_by;
ALTER TABLE agent_profiles
    ALTER COLUMN version DROP DEFAULT,
    ALTER COLUMN written_by DROP DEFAULT,
    ADD CONSTRAINT agent_profiles_version_key UNIQUE NULLS NOT DISTINCT (project_id, stage, version),
    ADD CHECK ((published_at IS NULL) = (published_by IS NULL));

ALTER TABLE prompts
    ADD COLUMN kind         text        NOT NULL DEFAULT 'work' CHECK (kind IN ('work', 'revise', 'review')),
    ADD COLUMN written_by   text        NOT NULL DEFAULT 'system:init',
    ADD COLUMN writer_id    uuid        REFERENCES people,
    ADD COLUMN published_by text,
    ADD COLUMN created_at   timestamptz,
    -- It came with the platform: the text of a newer platform takes its place, as long as nobody published another.
    ADD COLUMN shipped      boolean     NOT NULL DEFAULT false,
    ALTER COLUMN published_at DROP NOT NULL,
    DROP CONSTRAINT prompts_version_key;
UPDATE prompts SET created_at = published_at, published_by = written_by, shipped = project_id IS NULL AND version = 1;
ALTER TABLE prompts
    ALTER COLUMN kind DROP DEFAULT,
    ALTER COLUMN written_by DROP DEFAULT,
    ALTER COLUMN created_at SET NOT NULL,
    ADD CONSTRAINT prompts_version_key UNIQUE NULLS NOT DISTINCT (project_id, stage, kind, version),
    ADD CHECK ((published_at IS NULL) = (published_by IS NULL));

-- Counts changes: a change names the one it was made on.
ALTER TABLE models ADD COLUMN version bigint NOT NULL DEFAULT 1;
