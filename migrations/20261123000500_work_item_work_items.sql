-- A projection of issues and pull requests, fed by deliveries and reads. Never the truth: `as_of` says how old.
CREATE TABLE work_items (
    repository_id  uuid        NOT NULL REFERENCES repositories,
    number         bigint      NOT NULL CHECK (number > 0),
    kind           text        NOT NULL CHECK (kind IN ('issue', 'pull_request')),
    title          text        NOT NULL,
    state          text        NOT NULL CHECK (state IN ('open', 'closed')),
    labels         text[]      NOT NULL,
    author_github_user_id bigint,
    author_login   text,
    head_branch    text,
    head_sha       text,
    url            text        NOT NULL,
    as_of          timestamptz NOT NULL,
    PRIMARY KEY (repository_id, number)
);
