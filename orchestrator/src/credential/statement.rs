//! Signed statements of the platform that are no tokens: plain Ed25519 over bytes, with a key of a purpose of its own.

use std::collections::HashMap;

use ed25519_dalek::pkcs8::DecodePrivateKey;
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};

use super::keys::{self, SealedBy, ensure_signing_key};
use super::store::{self, KeyRow};
use crate::error::{Error, Result};
use crate::orchestrator::Orchestrator;
use crate::postgres::Tx;

/// A signature, and the key it was made with.
#[derive(Clone, Debug)]
pub(crate) struct Signed {
    pub(crate) kid: String,
    pub(crate) signature: Vec<u8>,
}

/// The keys that signatures of one purpose are checked with.
pub(crate) struct StatementKeys(HashMap<String, VerifyingKey>);

impl StatementKeys {
    /// Whether `signature` is one of `kid` over the statement.
    pub(crate) fn verify(&self, kid: &str, statement: &[u8], signature: &[u8]) -> bool {
        let signature = Signature::from_slice(signature).ok();
        match (self.0.get(kid), signature) {
            (Some(key), Some(signature)) => key.verify_strict(statement, &signature).is_ok(),
            _ => false,
        }
    }

    /// The public half of a key, raw.
    pub(crate) fn public(&self, kid: &str) -> Option<[u8; 32]> {
        self.0.get(kid).map(VerifyingKey::to_bytes)
    }
}

/// Makes the key of a purpose if there is none. Asking twice changes nothing.
pub(crate) async fn ensure_statement_key(orchestrator: &Orchestrator, purpose: &str) -> Result<()> {
    let mut tx = orchestrator.begin("credential.statement_key").await?;
    let there = store::current_key(&mut tx, purpose).await?.is_some();
    drop(tx);
    if there {
        return Ok(());
    }
    ensure_signing_key(orchestrator, purpose, SealedBy::Master).await
}

/// Signs a statement with the current key of a purpose.
///
/// # Errors
///
/// `Precondition` if there is no key, or it does not open under this program's master key.
pub(crate) async fn sign_statement(
    orchestrator: &Orchestrator,
    tx: &mut Tx,
    purpose: &str,
    statement: &[u8],
) -> Result<Signed> {
    let key = store::current_key(tx, purpose)
        .await?
        .ok_or_else(|| Error::Precondition(format!("there is no signing key for {purpose}")))?;
    let private = open(orchestrator, &key)?;
    Ok(Signed {
        kid: key.kid,
        signature: private.sign(statement).to_bytes().to_vec(),
    })
}

/// All keys a purpose ever had. The public halves come out of the sealed keys: whoever can write to the database but
/// holds no master key cannot slip in one of its own.
///
/// # Errors
///
/// `Precondition` if this program has no master key.
pub(crate) async fn statement_keys(
    orchestrator: &Orchestrator,
    tx: &mut Tx,
    purpose: &str,
) -> Result<StatementKeys> {
    orchestrator.master_key()?;
    let keys = store::keys_of(tx, purpose).await?;
    let opened = keys.into_iter().filter_map(|key| {
        let private = open(orchestrator, &key).ok()?;
        Some((key.kid, private.verifying_key()))
    });
    Ok(StatementKeys(opened.collect()))
}

fn open(orchestrator: &Orchestrator, key: &KeyRow) -> Result<SigningKey> {
    let private = keys::open(orchestrator, key)?;
    SigningKey::from_pkcs8_der(&private).map_err(Error::internal)
}
