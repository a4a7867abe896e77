/** What may be allowed or not: the words of the platform's table (docs/access.md), by what they are about. */
export const OPERATIONS: Readonly<Record<string, readonly string[]>> = {
  Runs: ['run_read', 'run_log_read', 'run_prompt_read', 'run_start', 'run_start_elevated', 'run_cancel', 'run_retry', 'run_limit_raise', 'wait_read', 'question_answer', 'effect_read'],
  'Issues and pull requests': ['issue_read', 'issue_write', 'issue_create', 'pull_request_read', 'pull_request_open'],
  Repositories: ['repository_read', 'repository_attach', 'repository_update', 'repository_detach', 'repository_preflight'],
  Slots: ['slot_read', 'slot_release', 'slot_extend', 'slot_limit_set', 'environment_read', 'environment_log_read', 'environment_delete'],
  Deliveries: ['delivery_read', 'delivery_payload_read', 'delivery_replay'],
  Knowledge: ['knowledge_read', 'knowledge_reindex', 'knowledge_set', 'knowledge_consent'],
  'Agents and prompts': ['agent_read', 'agent_draft', 'agent_publish', 'prompt_read', 'prompt_draft', 'prompt_publish', 'model_read', 'model_set', 'trigger_read', 'trigger_set', 'trigger_test'],
  Project: ['project_read', 'project_create', 'project_update', 'project_limit_set', 'project_pause', 'project_delete', 'stats_read', 'member_read', 'member_set', 'secret_read', 'secret_set', 'service_token_read', 'service_token_set'],
  Audit: ['audit_read_own', 'audit_read', 'audit_verify'],
  Platform: ['user_read', 'user_invite', 'user_disable', 'setting_read', 'setting_set', 'worker_read', 'job_read', 'job_retry', 'platform_pause'],
}
