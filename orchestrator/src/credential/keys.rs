//! The signing keys of audiences, and whether they open with the key files at hand.

use uuid::Uuid;

use super::jwt::KeyPair;
use super::seal::MasterKey;
use super::store::{self, KeyRow};
use crate::error::{Error, Result};
use crate::orchestrator::Orchestrator;
use crate::postgres::{Tx, unknown_word};

/// Under which key file a signing key is sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SealedBy {
    /// The master key: what runs are signed with.
    Master,
    /// The edge key: what the gateway signs people's tokens with.
    Edge,
}

crate::actor::words!(SealedBy: Master = "master", Edge = "edge");

/// A signing key that is not retired.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SigningKey {
    pub kid: String,
    pub audience: String,
    pub sealed_by: SealedBy,
    /// Whether a key file of this process opens it.
    pub opens: bool,
}

/// Makes a signing key for an audience if there is none. Asking twice changes nothing.
///
/// # Errors
///
/// `Precondition` if the audience has a key that is sealed under the other key file.
pub async fn ensure_signing_key(
    orchestrator: &Orchestrator,
    audience: &str,
    sealed_by: SealedBy,
) -> Result<()> {
    let mut tx = orchestrator.begin("credential.ensure_signing_key").await?;
    match store::current_key(&mut tx, audience).await? {
        Some(key) if key.sealed_by == sealed_by.as_str() => {}
        Some(key) => {
            return Err(Error::Precondition(format!(
                "the signing key {} of {audience} is sealed under the {} key; the public address and the one inside the \
                 cluster must differ",
                key.kid, key.sealed_by
            )));
        }
        None => {
            let key = generate(orchestrator, audience, sealed_by)?;
            store::insert_key(&mut tx, &key, true).await?;
        }
    }
    tx.commit().await
}

pub(super) fn generate(orchestrator: &Orchestrator, audience: &str, sealed_by: SealedBy) -> Result<KeyRow> {
    let pair = KeyPair::generate()?;
    let kid = format!("ed25519-{}", Uuid::now_v7().simple());
    let sealed_key = file(orchestrator, sealed_by)?.seal(&purpose(&kid), &pair.private)?;
    Ok(KeyRow {
        kid,
        audience: audience.to_owned(),
        public_key: pair.public,
        sealed_key,
        sealed_by: sealed_by.as_str().to_owned(),
    })
}

/// The signing keys that are not retired, by audience, newest first.
pub async fn signing_keys(orchestrator: &Orchestrator) -> Result<Vec<SigningKey>> {
    let mut tx = orchestrator.begin("credential.signing_keys").await?;
    let keys = store::live_keys(&mut tx).await?;
    keys.into_iter()
        .map(|key| {
            Ok(SigningKey {
                opens: open(orchestrator, &key).is_ok(),
                sealed_by: sealed_by(&key)?,
                kid: key.kid,
                audience: key.audience,
            })
        })
        .collect()
}

/// Fails unless this process can sign tokens for an audience; programs that must ask before they start.
///
/// # Errors
///
/// `Precondition`, saying what to run or to mount.
pub async fn require_signing_key(orchestrator: &Orchestrator, audience: &str) -> Result<()> {
    let keys = signing_keys(orchestrator).await?;
    let Some(key) = keys.iter().find(|key| key.audience == audience) else {
        return Err(Error::Precondition(format!(
            "there is no signing key for {audience}: make one with `codex-k8s init`"
        )));
    };
    file(orchestrator, key.sealed_by)?;
    if key.opens {
        return Ok(());
    }
    Err(Error::Precondition(format!(
        "the signing key {} of {audience} does not open: mount the {} key it was sealed under",
        key.kid, key.sealed_by
    )))
}

pub(super) async fn required_key(tx: &mut Tx, audience: &str) -> Result<KeyRow> {
    store::current_key(tx, audience).await?.ok_or_else(|| {
        Error::Precondition(format!(
            "there is no signing key for {audience}; make one with `codex-k8s init`"
        ))
    })
}

/// The private half of a signing key.
pub(super) fn open(orchestrator: &Orchestrator, key: &KeyRow) -> Result<Vec<u8>> {
    file(orchestrator, sealed_by(key)?)?.open(&purpose(&key.kid), &key.sealed_key)
}

/// The id and the private half of an audience's key, for tests that sign what the platform never would.
#[cfg(feature = "testing")]
pub(crate) async fn private_key(orchestrator: &Orchestrator, audience: &str) -> Result<(String, Vec<u8>)> {
    let mut tx = orchestrator.begin("credential.private_key").await?;
    let key = required_key(&mut tx, audience).await?;
    Ok((key.kid.clone(), open(orchestrator, &key)?))
}

pub(super) fn sealed_by(key: &KeyRow) -> Result<SealedBy> {
    SealedBy::parse(&key.sealed_by).ok_or_else(|| unknown_word("signing_keys.sealed_by", &key.sealed_by))
}

fn file(orchestrator: &Orchestrator, sealed_by: SealedBy) -> Result<&MasterKey> {
    match sealed_by {
        SealedBy::Master => orchestrator.master_key(),
        SealedBy::Edge => Ok(orchestrator.edge_key()?.key()),
    }
}

pub(super) fn purpose(kid: &str) -> String {
    format!("signing_key:{kid}")
}
