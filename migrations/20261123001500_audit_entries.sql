-- Who did what. Append-only: the trigger refuses everything else.
CREATE TABLE audit_entries (
    audit_id    uuid        PRIMARY KEY,
    at          timestamptz NOT NULL,
    actor_kind  text        NOT NULL,
    actor_id    text        NOT NULL,
    operation   text        NOT NULL,
    object_kind text        NOT NULL,
    object_id   text        NOT NULL,
    project_id  uuid,
    decision    text        NOT NULL CHECK (decision IN ('allowed', 'denied')),
    rule        text        NOT NULL,
    cause       text,
    traceparent text
);
CREATE INDEX audit_entries_project_id_idx ON audit_entries (project_id, audit_id);

CREATE FUNCTION audit_entries_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'audit entries are append-only';
END
$$;
CREATE TRIGGER audit_entries_append_only
    BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_entries
    FOR EACH STATEMENT EXECUTE FUNCTION audit_entries_refuse_change();
