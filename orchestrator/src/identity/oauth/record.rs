//! The library's records as rows: hashed, sealed, or without their secret.

use oauth_as::{AuthorizationCodeRecord, Client, IssuedToken, RefreshTokenRecord};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::credential::MasterKey;
use crate::error::{Error, Result};

/// What a secret is found by.
pub(super) fn hash(secret: &str) -> Vec<u8> {
    Sha256::digest(secret).to_vec()
}

/// A record that only the holder of its secret opens.
pub(super) trait Secret: Serialize + DeserializeOwned {
    const PURPOSE: &'static str;

    fn secret(&self) -> &str;

    fn seal(&self) -> Result<Vec<u8>> {
        let text = serde_json::to_vec(self).map_err(Error::internal)?;
        key(self.secret()).seal(Self::PURPOSE, &text)
    }

    fn open(secret: &str, sealed: &[u8]) -> Result<Self> {
        let text = key(secret).open(Self::PURPOSE, sealed)?;
        serde_json::from_slice(&text).map_err(Error::internal)
    }
}

impl Secret for AuthorizationCodeRecord {
    const PURPOSE: &'static str = "oauth_code";

    fn secret(&self) -> &str {
        &self.code
    }
}

impl Secret for RefreshTokenRecord {
    const PURPOSE: &'static str = "oauth_refresh_token";

    fn secret(&self) -> &str {
        &self.refresh_token
    }
}

/// Another hash of the secret than the one it is found by: the row does not hold it.
fn key(secret: &str) -> MasterKey {
    let digest = Sha256::new_with_prefix("codex-k8s oauth record\0")
        .chain_update(secret)
        .finalize();
    MasterKey::from_bytes(digest.into())
}

/// All of a token but the token.
pub(super) fn token_to_row(token: &IssuedToken) -> Result<Value> {
    let mut value = serde_json::to_value(token).map_err(Error::internal)?;
    value["access_token"] = Value::from("");
    Ok(value)
}

pub(super) fn token_from_row(mut row: Value, token: &str) -> Result<IssuedToken> {
    row["access_token"] = Value::from(token);
    serde_json::from_value(row).map_err(Error::internal)
}

pub(super) fn client_to_row(client: &Client) -> Result<Value> {
    serde_json::to_value(client).map_err(Error::internal)
}

pub(super) fn client_from_row(row: Value) -> Result<Client> {
    serde_json::from_value(row).map_err(Error::internal)
}
