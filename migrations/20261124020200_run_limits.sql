-- What one run may cost: a project's word for new runs, and the run's own, which may be raised.
ALTER TABLE projects ADD COLUMN run_cost_micro_usd bigint CHECK (run_cost_micro_usd >= 0);
ALTER TABLE runs ADD COLUMN cost_limit_micro_usd bigint CHECK (cost_limit_micro_usd >= 0);
