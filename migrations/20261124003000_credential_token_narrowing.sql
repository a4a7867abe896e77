-- What a token takes away from its bearer, beside what its role does not give: these groups of tools alone, reads alone,
-- and no text of people without write permission.
ALTER TABLE access_tokens
    ADD COLUMN toolsets  text[],
    ADD COLUMN read_only boolean NOT NULL DEFAULT false,
    ADD COLUMN lockdown  boolean NOT NULL DEFAULT false;
