-- Who made a token with a tool, by id: a login changes hands. It ends with its maker's account.
ALTER TABLE access_tokens ADD COLUMN maker_id uuid REFERENCES people (person_id);
-- What was written down so far is the login of then.
UPDATE access_tokens SET maker_id = people.person_id FROM people WHERE made_by = 'person:' || people.login;
CREATE INDEX access_tokens_maker_id_idx ON access_tokens (maker_id) WHERE maker_id IS NOT NULL;
