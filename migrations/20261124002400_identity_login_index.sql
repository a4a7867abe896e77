-- People are found by the login they had when last seen; it is no identity, and two may have had the same.
CREATE INDEX people_login_idx ON people (lower(login));
