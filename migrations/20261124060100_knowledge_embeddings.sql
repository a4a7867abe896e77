-- Vectors of passages, by several models side by side. All of it can be made anew from the passages.
CREATE TABLE embedding_models (
    model_id       smallint    GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name           text        NOT NULL,
    dims           smallint    NOT NULL CHECK (dims BETWEEN 1 AND 4000),
    -- SHA-256 of the weights; of an embedder outside, of its address and name.
    checksum       text        NOT NULL,
    is_external    boolean     NOT NULL,
    state          text        NOT NULL CHECK (state IN ('building', 'serving', 'retired')),
    retired_at     timestamptz,
    created_at     timestamptz NOT NULL,
    CHECK ((state = 'retired') = (retired_at IS NOT NULL)),
    CONSTRAINT embedding_models_key UNIQUE (name, dims, checksum)
);
CREATE UNIQUE INDEX embedding_models_serving_key ON embedding_models (state) WHERE state = 'serving';

CREATE TABLE knowledge_embeddings (
    model_id       smallint    NOT NULL REFERENCES embedding_models,
    chunk_id       uuid        NOT NULL REFERENCES knowledge_chunks ON DELETE CASCADE,
    repository_id  uuid        NOT NULL,
    embedding      halfvec     NOT NULL,
    PRIMARY KEY (chunk_id, model_id)
) PARTITION BY LIST (model_id);

-- Passages that a model has no vector of yet.
CREATE TABLE knowledge_pending (
    model_id       smallint    NOT NULL REFERENCES embedding_models,
    chunk_id       uuid        NOT NULL REFERENCES knowledge_chunks ON DELETE CASCADE,
    repository_id  uuid        NOT NULL,
    PRIMARY KEY (chunk_id, model_id)
);
CREATE INDEX knowledge_pending_model_id_idx ON knowledge_pending (model_id, repository_id, chunk_id);

-- Vectors of questions that were asked, for the next time and for the watch over recall. The words are not kept.
CREATE TABLE knowledge_questions (
    model_id        smallint    NOT NULL REFERENCES embedding_models ON DELETE CASCADE,
    question_sha256 bytea       NOT NULL,
    embedding       halfvec     NOT NULL,
    asked_at        timestamptz NOT NULL,
    PRIMARY KEY (model_id, question_sha256)
);
CREATE INDEX knowledge_questions_asked_at_idx ON knowledge_questions (asked_at);

-- The two changes of the schema that a change of the model needs. The worker may call them, and may change no table otherwise.
CREATE FUNCTION knowledge_prepare_model(model smallint) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    part text := 'knowledge_embeddings_' || model;
    size smallint := (SELECT dims FROM embedding_models WHERE model_id = model);
BEGIN
    IF size IS NULL THEN
        RAISE EXCEPTION 'there is no embedding model %', model;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('knowledge_prepare_model', 0));
    IF to_regclass(part) IS NOT NULL THEN
        RETURN;
    END IF;
    EXECUTE format('CREATE TABLE %I PARTITION OF knowledge_embeddings (CHECK (vector_dims(embedding) = %s))
                    FOR VALUES IN (%s)', part, size, model);
    EXECUTE format('CREATE INDEX %I ON %I (repository_id)', part || '_repository_id_idx', part);
    EXECUTE format('CREATE INDEX %I ON %I USING hnsw ((embedding::halfvec(%s)) halfvec_cosine_ops)',
                   part || '_hnsw_idx', part, size);
END $$;

CREATE FUNCTION knowledge_drop_model(model smallint) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    IF EXISTS (SELECT FROM embedding_models WHERE model_id = model AND state <> 'retired') THEN
        RAISE EXCEPTION 'embedding model % is in use', model;
    END IF;
    EXECUTE format('DROP TABLE IF EXISTS %I', 'knowledge_embeddings_' || model);
    DELETE FROM knowledge_pending WHERE model_id = model;
    DELETE FROM embedding_models WHERE model_id = model;
END $$;

REVOKE ALL ON FUNCTION knowledge_prepare_model(smallint) FROM PUBLIC;
REVOKE ALL ON FUNCTION knowledge_drop_model(smallint) FROM PUBLIC;
