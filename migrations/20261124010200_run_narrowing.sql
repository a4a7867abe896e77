-- What a file on the repository's default branch takes away from the agent's profile, as it was at the run's start; null
-- before that. `{}` for a repository without the file.
ALTER TABLE runs ADD COLUMN narrowing jsonb;
