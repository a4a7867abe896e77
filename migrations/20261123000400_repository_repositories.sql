-- `github_repository_id` is the authority; owner and name are what they were when last read.
CREATE TABLE repositories (
    repository_id        uuid        PRIMARY KEY,
    project_id           uuid        NOT NULL REFERENCES projects,
    github_repository_id bigint      NOT NULL CONSTRAINT repositories_github_repository_id_key UNIQUE,
    installation_id      bigint      NOT NULL,
    owner                text        NOT NULL,
    name                 text        NOT NULL,
    default_branch       text        NOT NULL,
    clone_url            text        NOT NULL,
    -- Image of the agent's container; null takes the platform's default.
    agent_image          text,
    -- The host's own moment of owner, name and default branch.
    as_of                timestamptz NOT NULL,
    detached_at          timestamptz,
    created_at           timestamptz NOT NULL
);
CREATE INDEX repositories_project_id_idx ON repositories (project_id);
