//! Whether the signing keys can be used with the master key at hand.

use super::service::key_purpose;
use super::store;
use crate::error::{Error, Result};
use crate::orchestrator::Orchestrator;

/// A signing key that is not retired.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SigningKey {
    pub kid: String,
    pub audience: String,
    /// Whether this process's master key opens it.
    pub opens: bool,
}

/// The signing keys that are not retired, by audience, newest first.
pub async fn signing_keys(orchestrator: &Orchestrator) -> Result<Vec<SigningKey>> {
    let mut tx = orchestrator.begin("credential.signing_keys").await?;
    let keys = store::live_keys(&mut tx).await?;
    let master = orchestrator.master_key()?;
    Ok(keys
        .into_iter()
        .map(|key| SigningKey {
            opens: master.open(&key_purpose(&key.kid), &key.sealed_key).is_ok(),
            kid: key.kid,
            audience: key.audience,
        })
        .collect())
}

/// Fails unless this process can sign tokens for an audience; programs that must ask before they start.
///
/// # Errors
///
/// `Precondition`, saying what to run or to mount.
pub async fn require_signing_key(orchestrator: &Orchestrator, audience: &str) -> Result<()> {
    let keys = signing_keys(orchestrator).await?;
    match keys.iter().find(|key| key.audience == audience) {
        Some(key) if key.opens => Ok(()),
        Some(key) => Err(Error::Precondition(format!(
            "the signing key {} of {audience} does not open: mount the master key it was sealed under",
            key.kid
        ))),
        None => Err(Error::Precondition(format!(
            "there is no signing key for {audience}: make one with `codex-k8s init --audience {audience}`"
        ))),
    }
}
