-- Why a model will never read a passage: it is asked for no more, and shown where the source is.
ALTER TABLE knowledge_pending ADD COLUMN refusal text;
CREATE INDEX knowledge_pending_refusal_idx ON knowledge_pending (repository_id, model_id) WHERE refusal IS NOT NULL;
