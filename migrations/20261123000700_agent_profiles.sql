-- The catalogue: profiles name models, only the catalogue knows hosts.
CREATE TABLE models (
    model                      text    PRIMARY KEY,
    base_url                   text    NOT NULL,
    -- Millionths of a US dollar per million tokens; null where unknown.
    input_micro_usd            bigint  CHECK (input_micro_usd >= 0),
    cached_input_micro_usd     bigint  CHECK (cached_input_micro_usd >= 0),
    output_micro_usd           bigint  CHECK (output_micro_usd >= 0),
    created_at                 timestamptz NOT NULL
);

-- Which program works on a stage, and what it may touch. A row without project is the platform's default.
CREATE TABLE agent_profiles (
    agent_profile_id uuid        PRIMARY KEY,
    project_id       uuid        REFERENCES projects,
    stage            text        NOT NULL,
    adapter          text        NOT NULL CHECK (adapter IN ('codex', 'command')),
    command          text[]      NOT NULL DEFAULT '{}',
    environment      jsonb       NOT NULL DEFAULT '{}',
    model            text        REFERENCES models,
    effort           text,
    output           text        NOT NULL CHECK (output IN ('pull_request', 'comment', 'none')),
    write_include    text[]      NOT NULL DEFAULT '{}',
    write_exclude    text[]      NOT NULL DEFAULT '{}',
    runtime_class    text,
    -- Resources of the agent's container, in Kubernetes quantities.
    cpu              text        NOT NULL DEFAULT '2',
    memory           text        NOT NULL DEFAULT '4Gi',
    created_at       timestamptz NOT NULL,
    CONSTRAINT agent_profiles_stage_key UNIQUE NULLS NOT DISTINCT (project_id, stage)
);

-- Prompt templates, versioned; a run keeps the digest of what it was given.
CREATE TABLE prompts (
    prompt_id    uuid        PRIMARY KEY,
    project_id   uuid        REFERENCES projects,
    stage        text        NOT NULL,
    version      integer     NOT NULL CHECK (version > 0),
    body         text        NOT NULL,
    -- SHA-256 of the body, hexadecimal.
    digest       text        NOT NULL,
    published_at timestamptz NOT NULL,
    CONSTRAINT prompts_version_key UNIQUE NULLS NOT DISTINCT (project_id, stage, version)
);
