-- How many of its slots a project may use at once; none: all of them.
ALTER TABLE projects ADD COLUMN slot_limit integer CONSTRAINT projects_slot_limit_check CHECK (slot_limit >= 0);
