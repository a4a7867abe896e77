-- What each program may do in the database: applied whole by every `codex-k8s migrate`, in one transaction, after all rights
-- the three roles had were taken. What is not named here is nobody's but the owner's. {gateway}, {mcp_server} and {worker}
-- are the roles. A new table needs its lines here, and the snapshot of the test shows them.

GRANT USAGE ON SCHEMA {schema} TO {gateway}, {mcp_server}, {worker};

-- Whether the schema is the one of this version, and whether the platform is paused.
GRANT SELECT ON _sqlx_migrations, river_migration, platform TO {gateway}, {mcp_server}, {worker};

-- The queue: everybody asks for work, the worker does it.
GRANT USAGE ON SEQUENCE river_job_id_seq TO {gateway}, {mcp_server}, {worker};
GRANT SELECT, INSERT, UPDATE (kind) ON river_job TO {gateway};
GRANT SELECT, INSERT, UPDATE ON river_job TO {mcp_server};
GRANT SELECT, INSERT, UPDATE, DELETE ON river_job, river_leader, river_queue TO {worker};
GRANT SELECT, DELETE ON river_notification TO {worker};
GRANT SELECT, INSERT, UPDATE, DELETE ON workers TO {worker};
GRANT SELECT ON workers TO {mcp_server};

-- Idempotency keys of tools.
GRANT SELECT, INSERT, UPDATE ON idempotency_keys TO {mcp_server};
GRANT SELECT, INSERT, UPDATE, DELETE ON idempotency_keys TO {worker};
GRANT SELECT, INSERT, UPDATE, DELETE ON receivers TO {mcp_server}, {worker};

-- Webhooks come in at the gateway and are worked on by the worker.
GRANT SELECT, INSERT ON deliveries TO {gateway};
GRANT SELECT, UPDATE ON deliveries TO {mcp_server};
GRANT SELECT, INSERT, UPDATE ON deliveries TO {worker};
GRANT SELECT, INSERT, UPDATE ON delivery_sweeps TO {worker};

-- People sign in at the gateway; what rules give them is as of then.
GRANT SELECT, INSERT (person_id, github_user_id, login, created_at), UPDATE (login, platform_role, role_by_rule)
    ON people TO {gateway};
GRANT SELECT, INSERT, UPDATE ON people TO {mcp_server}, {worker};
GRANT SELECT, INSERT, UPDATE, DELETE ON project_members TO {gateway}, {mcp_server}, {worker};
GRANT SELECT ON membership_rules TO {gateway}, {worker};
GRANT SELECT, INSERT, UPDATE, DELETE ON membership_checks TO {worker};
GRANT SELECT, INSERT, UPDATE, DELETE ON group_members TO {gateway}, {worker};
GRANT SELECT, INSERT ON login_states TO {gateway};
GRANT SELECT (state_sha256, used_at), DELETE ON login_states TO {worker};
GRANT SELECT, UPDATE (used_at) ON break_glass_codes TO {gateway};
GRANT SELECT (code_sha256, expires_at), DELETE ON break_glass_codes TO {worker};

-- A session's cookie is the gateway's to know by its hash; others see that there is a session, and end it.
GRANT SELECT, INSERT, UPDATE (last_seen_at, revoked_at) ON sessions TO {gateway};
GRANT SELECT (session_id, person_id, method, user_agent, address, created_at, last_seen_at, expires_at, revoked_at),
      UPDATE (revoked_at) ON sessions TO {mcp_server}, {worker};
GRANT DELETE ON sessions TO {worker};

-- The authorization server's memory is the gateway's; others end what people granted.
GRANT SELECT, INSERT, UPDATE, DELETE
    ON oauth_clients, oauth_codes, oauth_tokens, oauth_refresh_tokens, oauth_barriers, oauth_grants TO {gateway};
GRANT SELECT, UPDATE (revoked_at) ON oauth_grants TO {mcp_server};
GRANT SELECT, INSERT, UPDATE ON oauth_barriers TO {mcp_server};
GRANT SELECT (family_id, client_id), DELETE ON oauth_tokens, oauth_refresh_tokens TO {mcp_server};
GRANT SELECT (token_sha256, client_id, family_id, expires_at, jti), DELETE ON oauth_tokens TO {worker};
GRANT SELECT (token_sha256, client_id, family_id, expires_at), DELETE ON oauth_refresh_tokens TO {worker};
GRANT SELECT (code_sha256, client_id, expires_at), DELETE ON oauth_codes TO {worker};
GRANT SELECT, UPDATE, DELETE ON oauth_clients, oauth_grants TO {worker};
GRANT SELECT, DELETE ON oauth_barriers TO {worker};

-- Keys: the gateway sees those it can open alone, and the rows of people's tokens; see the policies below.
GRANT SELECT ON signing_keys TO {gateway}, {mcp_server}, {worker};
GRANT INSERT (kid, audience, public_key, sealed_key, sealed_by, created_at, promoted_at),
      UPDATE (sealed_key, sealed_key_id) ON signing_keys TO {worker};
GRANT SELECT, INSERT, UPDATE (revoked_at) ON access_tokens TO {gateway};
GRANT SELECT, INSERT, UPDATE (revoked_at, last_used_at, made_by, maker_id, parent_jti, parent_grant_id)
    ON access_tokens TO {mcp_server};
GRANT SELECT, INSERT, UPDATE (revoked_at), DELETE ON access_tokens TO {worker};

-- Secrets: a tool writes a value, and the worker alone reads one.
GRANT SELECT (secret_id, project_id, name, kind, host, key_id, version, set_by, set_at, last_used_at, created_at),
      INSERT (secret_id, project_id, name, kind, host, key_id, sealed_data_key, sealed_value, set_by, set_at, created_at),
      UPDATE (kind, host, key_id, sealed_data_key, sealed_value, set_by, set_at, version) ON secrets TO {mcp_server};
GRANT SELECT, UPDATE (key_id, sealed_data_key, last_used_at) ON secrets TO {worker};

-- Everybody writes down what was done; nobody changes it; the worker seals it.
GRANT INSERT ON audit_entries TO {gateway};
GRANT SELECT, INSERT ON audit_entries TO {mcp_server}, {worker};
GRANT SELECT ON audit_seals, audit_heads, audit_signed_heads, audit_unsealed TO {mcp_server}, {worker};
GRANT INSERT ON audit_seals, audit_signed_heads TO {worker};
GRANT INSERT, UPDATE ON audit_heads TO {worker};
GRANT DELETE ON audit_unsealed TO {worker};

-- Projects and what runs in them.
GRANT UPDATE ON platform TO {mcp_server};
-- Admission locks the row.
GRANT UPDATE (max_live_runs) ON platform TO {worker};
GRANT SELECT, INSERT, UPDATE ON projects, repositories, work_items, agent_profiles, prompts, models, trigger_rules, slots, runs,
    run_turns, run_usage, run_tasks, waits, effects, write_lanes TO {mcp_server}, {worker};
GRANT DELETE ON trigger_rules TO {mcp_server};
-- The rows of a deleted project go by the worker's hand.
GRANT DELETE ON repositories, work_items, deliveries, agent_profiles, prompts, trigger_rules, slots, runs, run_turns, run_usage,
    run_tasks, run_events, waits, effects, secrets, membership_rules TO {worker};
GRANT SELECT, INSERT ON run_events TO {mcp_server}, {worker};
GRANT SELECT, INSERT, DELETE ON run_log_pieces, run_snapshots, run_changes, project_blocks TO {mcp_server}, {worker};
GRANT SELECT, INSERT, UPDATE, DELETE ON port_calls TO {mcp_server}, {worker};

-- Knowledge: tools search it and set what is indexed; the worker reads repositories and makes vectors.
GRANT SELECT, INSERT, UPDATE ON knowledge_sources TO {mcp_server};
GRANT SELECT, UPDATE (blob_sha) ON knowledge_documents TO {mcp_server};
GRANT SELECT ON knowledge_chunks, knowledge_names, knowledge_common_words, embedding_models, knowledge_questions
    TO {mcp_server};
GRANT SELECT, DELETE ON knowledge_embeddings TO {mcp_server};
GRANT SELECT, INSERT ON knowledge_pending TO {mcp_server};
GRANT SELECT, INSERT, UPDATE ON knowledge_readers TO {mcp_server};
GRANT SELECT, INSERT, UPDATE, DELETE ON knowledge_sources, knowledge_documents, knowledge_chunks, knowledge_names,
    knowledge_common_words, knowledge_readers, knowledge_pending, knowledge_embeddings, knowledge_questions TO {worker};
GRANT SELECT, INSERT, UPDATE ON embedding_models TO {worker};
GRANT EXECUTE ON FUNCTION knowledge_prepare_model(smallint), knowledge_drop_model(smallint) TO {worker};

-- Rows: the gateway sees no key that another key file seals, and no token but people's.
ALTER TABLE signing_keys ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS of_the_edge ON signing_keys;
CREATE POLICY of_the_edge ON signing_keys TO {gateway} USING (sealed_by = 'edge');
DROP POLICY IF EXISTS of_all ON signing_keys;
CREATE POLICY of_all ON signing_keys TO {mcp_server}, {worker} USING (true);
ALTER TABLE access_tokens ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS of_people ON access_tokens;
CREATE POLICY of_people ON access_tokens TO {gateway} USING (kind = 'person');
DROP POLICY IF EXISTS of_all ON access_tokens;
CREATE POLICY of_all ON access_tokens TO {mcp_server}, {worker} USING (true);
