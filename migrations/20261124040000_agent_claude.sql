-- A second agent, whose model speaks another API: a model says which it speaks.
ALTER TABLE models
    ADD COLUMN api text NOT NULL DEFAULT 'responses' CHECK (api IN ('responses', 'messages'));

ALTER TABLE agent_profiles
    DROP CONSTRAINT agent_profiles_adapter_check,
    ADD CONSTRAINT agent_profiles_adapter_check CHECK (adapter IN ('codex', 'claude', 'command'));
