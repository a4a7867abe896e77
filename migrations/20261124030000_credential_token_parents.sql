-- A token that staff made with a tool: who made it, and the token or grant it was made with. It ends with that one.
ALTER TABLE access_tokens
    ADD COLUMN made_by         text,
    ADD COLUMN parent_jti      uuid,
    ADD COLUMN parent_grant_id uuid,
    ADD CONSTRAINT access_tokens_parent_check CHECK (num_nonnulls(parent_jti, parent_grant_id) <= 1);
CREATE INDEX access_tokens_parent_jti_idx ON access_tokens (parent_jti) WHERE parent_jti IS NOT NULL;
CREATE INDEX access_tokens_parent_grant_id_idx ON access_tokens (parent_grant_id) WHERE parent_grant_id IS NOT NULL;
-- The tokens of programs, as they are listed.
CREATE INDEX access_tokens_project_id_idx ON access_tokens (project_id, jti) WHERE kind = 'service';
CREATE INDEX access_tokens_platform_idx ON access_tokens (jti) WHERE kind = 'platform';
