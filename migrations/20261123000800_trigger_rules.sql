-- The rules that turn an event into a run, or say why not. Data, seeded per project; `position` is the order of asking.
CREATE TABLE trigger_rules (
    trigger_rule_id uuid    PRIMARY KEY,
    project_id      uuid    NOT NULL REFERENCES projects,
    position        integer NOT NULL,
    source          text    NOT NULL CHECK (source IN ('github', 'internal')),
    event           text    NOT NULL,
    -- Empty means any action.
    actions         text[]  NOT NULL DEFAULT '{}',
    -- What else must hold, for example {"label_prefix": "run:"}.
    condition       jsonb   NOT NULL,
    -- What to do, for example {"act": "start_run"}.
    act             jsonb   NOT NULL,
    enabled         boolean NOT NULL DEFAULT true,
    CONSTRAINT trigger_rules_position_key UNIQUE (project_id, position)
);
