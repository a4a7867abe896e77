-- "Members of this organisation, or of this team of it, get this role": in a project, or on the platform.
CREATE TABLE membership_rules (
    membership_rule_id uuid        PRIMARY KEY,
    org                text        NOT NULL,
    team               text,
    project_id         uuid        REFERENCES projects,
    role               text        CHECK (role IN ('viewer', 'contributor', 'reviewer', 'maintainer', 'admin')),
    platform_role      text        CHECK (platform_role IN ('operator', 'auditor', 'owner')),
    created_at         timestamptz NOT NULL,
    CHECK ((project_id IS NULL) = (role IS NULL)),
    CHECK ((role IS NULL) <> (platform_role IS NULL)),
    CONSTRAINT membership_rules_key UNIQUE NULLS NOT DISTINCT (org, team, project_id)
);

-- A role that a rule gave goes when the rule does not hold any more; one that a person gave stays.
ALTER TABLE project_members ADD COLUMN by_rule boolean NOT NULL DEFAULT false;
ALTER TABLE people ADD COLUMN role_by_rule boolean NOT NULL DEFAULT false,
    ADD CONSTRAINT people_role_by_rule_check CHECK (NOT role_by_rule OR platform_role IS NOT NULL);
