-- When the groups of membership rules were listed at the code host, and what stood in the way. Without an answer nothing
-- changes: what a group was when last listed stays.
CREATE TABLE membership_checks (
    org        text        NOT NULL,
    team       text,
    -- Due for its next listing then.
    next_at    timestamptz NOT NULL,
    -- Who claimed it last lists it; an earlier claim counts no more.
    claimed_at timestamptz,
    -- Something was said to have changed.
    wanted_at  timestamptz,
    listed_at  timestamptz,
    failed_at  timestamptz,
    failure    text,
    CONSTRAINT membership_checks_key UNIQUE NULLS NOT DISTINCT (org, team),
    CHECK ((failed_at IS NULL) = (failure IS NULL))
);
CREATE INDEX membership_checks_next_at_idx ON membership_checks (next_at);

-- Which known people were in which groups when the code host was last asked.
CREATE TABLE group_members (
    person_id uuid        NOT NULL REFERENCES people,
    org       text        NOT NULL,
    team      text,
    seen_at   timestamptz NOT NULL,
    CONSTRAINT group_members_key UNIQUE NULLS NOT DISTINCT (person_id, org, team)
);
CREATE INDEX group_members_group_idx ON group_members (org, team);
-- Whose roles a rule may take.
CREATE INDEX project_members_by_rule_idx ON project_members (person_id) WHERE by_rule;
