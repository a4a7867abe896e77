-- People are known by their numeric GitHub id; logins and addresses change hands.
CREATE TABLE people (
    person_id      uuid        PRIMARY KEY,
    github_user_id bigint      NOT NULL CONSTRAINT people_github_user_id_key UNIQUE,
    login          text        NOT NULL,
    platform_role  text        CHECK (platform_role IN ('operator', 'auditor', 'owner')),
    disabled_at    timestamptz,
    created_at     timestamptz NOT NULL
);
