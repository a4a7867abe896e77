-- GitHub took the App's way into a repository: its events start nothing until it is given back.
ALTER TABLE repositories
    ADD COLUMN suspension   text CHECK (suspension IN ('app_removed', 'app_suspended', 'repository_archived',
                                                       'repository_deleted')),
    -- The host's own moment of what it last said about it.
    ADD COLUMN access_as_of timestamptz;
CREATE INDEX repositories_installation_id_idx ON repositories (installation_id);
