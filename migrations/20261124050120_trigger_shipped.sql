-- A rule that came with the platform can be switched off and not deleted. Of those that are there: what stands where the
-- platform put its own, or was changed since; a rule of people's that is taken for one can still be switched off.
ALTER TABLE trigger_rules ADD COLUMN shipped boolean NOT NULL DEFAULT false;
UPDATE trigger_rules SET shipped = true WHERE position % 10 = 0 OR version > 1;
