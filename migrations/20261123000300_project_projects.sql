CREATE TABLE projects (
    project_id       uuid        PRIMARY KEY,
    slug             text        NOT NULL CONSTRAINT projects_slug_key UNIQUE
                                 CHECK (slug ~ '^[a-z][a-z0-9-]{0,30}[a-z0-9]$'),
    name             text        NOT NULL,
    -- Runs that may be admitted at once; slots bound it too.
    max_live_runs    integer     NOT NULL DEFAULT 2 CHECK (max_live_runs >= 0),
    -- Active seconds one run may use over all its turns.
    active_seconds_limit bigint  NOT NULL DEFAULT 3600 CHECK (active_seconds_limit > 0),
    -- Millionths of a US dollar per calendar month; null means no limit.
    budget_micro_usd bigint      CHECK (budget_micro_usd >= 0),
    -- Leaves the text of people without write permission out of prompts.
    lockdown         boolean     NOT NULL DEFAULT true,
    paused_at        timestamptz,
    -- When a run of this project was last admitted: the fair order of admission.
    last_admitted_at timestamptz,
    created_at       timestamptz NOT NULL
);

CREATE TABLE project_members (
    project_id uuid NOT NULL REFERENCES projects,
    person_id  uuid NOT NULL REFERENCES people,
    role       text NOT NULL CHECK (role IN ('viewer', 'contributor', 'reviewer', 'maintainer', 'admin')),
    PRIMARY KEY (project_id, person_id)
);
CREATE INDEX project_members_person_id_idx ON project_members (person_id);
