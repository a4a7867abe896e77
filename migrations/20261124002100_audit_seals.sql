-- The chain beside the entries: entries stay as they were written, and a seal says what they were and in which order.
-- A chain is a project's, or the platform's own: the nil UUID.
CREATE TABLE audit_seals (
    chain_id   uuid   NOT NULL,
    -- Gap-free, from 1.
    seq        bigint NOT NULL CHECK (seq > 0),
    audit_id   uuid   NOT NULL CONSTRAINT audit_seals_audit_id_key UNIQUE,
    -- SHA-256 of the entry alone, and of the seal before, the place and the entry.
    entry_hash bytea  NOT NULL,
    seal_hash  bytea  NOT NULL,
    PRIMARY KEY (chain_id, seq)
);

-- The newest seal of each chain, so that the next finds its place.
CREATE TABLE audit_heads (
    chain_id  uuid        PRIMARY KEY,
    seq       bigint      NOT NULL,
    seal_hash bytea       NOT NULL,
    sealed_at timestamptz NOT NULL
);

-- Heads as they were signed: each batch of seals ends with one.
CREATE TABLE audit_signed_heads (
    chain_id  uuid        NOT NULL,
    seq       bigint      NOT NULL,
    seal_hash bytea       NOT NULL,
    kid       text        NOT NULL,
    signature bytea       NOT NULL,
    signed_at timestamptz NOT NULL,
    PRIMARY KEY (chain_id, seq)
);

-- What is written down and not sealed yet.
CREATE TABLE audit_unsealed (
    audit_id uuid PRIMARY KEY
);
INSERT INTO audit_unsealed SELECT audit_id FROM audit_entries;

-- With its owner's rights: who may write an entry need not be able to touch the queue.
CREATE FUNCTION audit_entries_await_seal() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO audit_unsealed VALUES (NEW.audit_id);
    RETURN NULL;
END
$$;
CREATE TRIGGER audit_entries_unsealed
    AFTER INSERT ON audit_entries FOR EACH ROW EXECUTE FUNCTION audit_entries_await_seal();

CREATE TRIGGER audit_seals_append_only
    BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_seals
    FOR EACH STATEMENT EXECUTE FUNCTION audit_entries_refuse_change();
CREATE TRIGGER audit_signed_heads_append_only
    BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_signed_heads
    FOR EACH STATEMENT EXECUTE FUNCTION audit_entries_refuse_change();

CREATE INDEX audit_entries_actor_idx ON audit_entries (actor_kind, actor_id, audit_id);
