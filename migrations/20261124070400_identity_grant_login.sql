-- When the person had signed in who let a client in; refreshing makes it no younger. Null: nobody knows, which is too long ago.
ALTER TABLE oauth_grants ADD COLUMN signed_in_at timestamptz;
