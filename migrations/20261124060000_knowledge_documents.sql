-- What can be searched of a repository: its files as passages, pinned to a commit.
CREATE EXTENSION IF NOT EXISTS btree_gin;
CREATE EXTENSION IF NOT EXISTS pg_trgm;

-- One for each repository that has an index.
CREATE TABLE knowledge_sources (
    repository_id  uuid        PRIMARY KEY REFERENCES repositories ON DELETE CASCADE,
    project_id     uuid        NOT NULL REFERENCES projects,
    -- Globs of paths. What matches one of the first and none of the second is indexed.
    include        text[]      NOT NULL,
    exclude        text[]      NOT NULL,
    -- Null: the project for a public repository, the readers of a private one.
    visible_to     text        CHECK (visible_to IN ('project', 'github_readers')),
    -- As the code host said last; what is not known is private.
    is_private     boolean     NOT NULL DEFAULT true,
    -- Who agreed that its text goes to an embedder outside, and when.
    consent_by     text,
    consent_at     timestamptz,
    -- Counts the passes over the repository's tree; what an older one left behind is gone at the end of the next.
    pass           bigint      NOT NULL DEFAULT 0,
    -- The commit the pass reads, and since when; null when none is under way.
    pass_commit    text,
    pass_began_at  timestamptz,
    -- The commit that the index stands at, whole.
    commit_sha     text,
    indexed_at     timestamptz,
    -- Whether what is read or how it is read changed, so that a pass is due though the commit did not.
    is_stale       boolean     NOT NULL DEFAULT true,
    -- Since when the index is asked to follow, and when it was asked last; null when it has.
    wanted_since   timestamptz,
    wanted_at      timestamptz,
    failure        text,
    failed_at      timestamptz,
    documents      integer     NOT NULL DEFAULT 0,
    skipped        integer     NOT NULL DEFAULT 0,
    chunks         integer     NOT NULL DEFAULT 0,
    version        bigint      NOT NULL DEFAULT 1,
    -- Since when it is to be forgotten: it is no longer found, and its rows go in batches.
    forgotten_at   timestamptz,
    created_at     timestamptz NOT NULL,
    CHECK ((consent_by IS NULL) = (consent_at IS NULL)),
    CHECK ((pass_commit IS NULL) = (pass_began_at IS NULL)),
    CHECK ((wanted_since IS NULL) = (wanted_at IS NULL))
);
CREATE INDEX knowledge_sources_project_id_idx ON knowledge_sources (project_id);

CREATE TABLE knowledge_documents (
    document_id    uuid        PRIMARY KEY,
    repository_id  uuid        NOT NULL REFERENCES knowledge_sources ON DELETE CASCADE,
    path           text        NOT NULL,
    blob_sha       text        NOT NULL,
    -- The pass that saw it last, and the commit at which it got this text.
    pass           bigint      NOT NULL,
    commit_sha     text        NOT NULL,
    kind           text        NOT NULL CHECK (kind IN ('docs', 'code')),
    language       text        NOT NULL CHECK (language IN ('english', 'russian', 'simple')),
    bytes          bigint      NOT NULL,
    lines          integer     NOT NULL,
    -- Why nothing of it can be found; then it has no text.
    skipped        text,
    -- Without the secrets that were in it.
    text           text,
    CHECK ((skipped IS NULL) = (text IS NOT NULL)),
    CONSTRAINT knowledge_documents_path_key UNIQUE (repository_id, path)
);
CREATE INDEX knowledge_documents_pass_idx ON knowledge_documents (repository_id, pass);
CREATE INDEX knowledge_documents_path_trgm_idx ON knowledge_documents USING gin (repository_id, path gin_trgm_ops);

CREATE TABLE knowledge_chunks (
    chunk_id       uuid        PRIMARY KEY,
    document_id    uuid        NOT NULL REFERENCES knowledge_documents ON DELETE CASCADE,
    repository_id  uuid        NOT NULL,
    -- Of heading, names and text: a passage that only moved keeps its row and its vectors.
    content_sha256 bytea       NOT NULL,
    heading        text        NOT NULL,
    names          text[]      NOT NULL,
    line_from      integer     NOT NULL,
    line_to        integer     NOT NULL,
    text           text        NOT NULL,
    -- Names it defines (A), heading and path (B), whole identifiers (C), words (D).
    words          tsvector    NOT NULL,
    CHECK (line_from >= 1 AND line_to >= line_from)
);
CREATE INDEX knowledge_chunks_document_id_idx ON knowledge_chunks (document_id);
CREATE INDEX knowledge_chunks_content_idx ON knowledge_chunks (repository_id, content_sha256);
CREATE INDEX knowledge_chunks_words_idx ON knowledge_chunks USING gin (repository_id, words);

-- How often a word stands in a repository's passages, where it does so often: it tells nothing apart.
CREATE TABLE knowledge_common_words (
    repository_id  uuid        NOT NULL REFERENCES knowledge_sources ON DELETE CASCADE,
    word           text        NOT NULL,
    share          real        NOT NULL,
    PRIMARY KEY (repository_id, word)
);

-- Names that passages define, for the misspelt ones.
CREATE TABLE knowledge_names (
    chunk_id       uuid        NOT NULL REFERENCES knowledge_chunks ON DELETE CASCADE,
    repository_id  uuid        NOT NULL,
    name           text        NOT NULL,
    PRIMARY KEY (chunk_id, name)
);
CREATE INDEX knowledge_names_name_idx ON knowledge_names USING gin (repository_id, name gin_trgm_ops);

-- Who may read a repository at the code host, as it said last.
CREATE TABLE knowledge_readers (
    person_id      uuid        NOT NULL REFERENCES people,
    repository_id  uuid        NOT NULL REFERENCES repositories ON DELETE CASCADE,
    may_read       boolean     NOT NULL,
    checked_at     timestamptz NOT NULL,
    PRIMARY KEY (person_id, repository_id)
);
CREATE INDEX knowledge_readers_repository_id_idx ON knowledge_readers (repository_id);
