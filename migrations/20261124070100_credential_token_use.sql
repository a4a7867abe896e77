-- When a named token was last shown, to the minute: for whoever asks which may go.
ALTER TABLE access_tokens ADD COLUMN last_used_at timestamptz;
