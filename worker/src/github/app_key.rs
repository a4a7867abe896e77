//! The App's own credential: a short JWT, signed with the App's private key.

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use anyhow::Context;
use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use secrecy::SecretString;
use serde::Serialize;
use serde_json::Value;

/// GitHub's clock may be behind ours, and refuses what begins in the future.
const BEFORE: SignedDuration = SignedDuration::from_secs(60);
/// GitHub refuses more than 10 minutes.
const LIFE: SignedDuration = SignedDuration::from_mins(9);
/// Signing costs a millisecond or two, so one signature serves this long.
const REUSE: SignedDuration = SignedDuration::from_mins(5);

pub(super) struct AppKey {
    issuer: Value,
    key: EncodingKey,
    signed: Mutex<Option<(SecretString, Timestamp)>>,
}

#[derive(Serialize)]
struct Claims<'a> {
    iat: i64,
    exp: i64,
    iss: &'a Value,
}

impl AppKey {
    /// Reads the key, and signs once to know now that it can.
    pub(super) fn read(app_id: &str, file: &Path, now: Timestamp) -> anyhow::Result<Self> {
        let advice = || {
            format!(
                "{} holds no RSA key in PEM: mount the private key that GitHub gave for the App",
                file.display()
            )
        };
        let pem = std::fs::read(file)
            .with_context(|| format!("cannot read the GitHub App's private key at {}", file.display()))?;
        let app = Self {
            // An App's id is a number, its client id a text; GitHub takes both.
            issuer: app_id.parse::<u64>().map_or_else(|_| app_id.into(), Value::from),
            key: EncodingKey::from_rsa_pem(&pem).with_context(advice)?,
            signed: Mutex::new(None),
        };
        app.sign(now).with_context(advice)?;
        Ok(app)
    }

    pub(super) fn token(&self, now: Timestamp) -> anyhow::Result<SecretString> {
        let mut signed = self.signed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((token, since)) = &*signed
            && (*since..*since + REUSE).contains(&now)
        {
            return Ok(token.clone());
        }
        let token = self.sign(now)?;
        *signed = Some((token.clone(), now));
        Ok(token)
    }

    /// Forgets the signed token, for it was refused.
    pub(super) fn discard(&self) {
        *self.signed.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn sign(&self, now: Timestamp) -> anyhow::Result<SecretString> {
        let claims = Claims {
            iat: (now - BEFORE).as_second(),
            exp: (now + LIFE).as_second(),
            iss: &self.issuer,
        };
        let token = jsonwebtoken::encode(&Header::new(Algorithm::RS256), &claims, &self.key)
            .context("cannot sign for the GitHub App")?;
        Ok(token.into())
    }
}
