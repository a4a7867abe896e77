//! The address of a client as the gateway saw it: a signed statement of a minute, and no token.
//!
//! Behind the gateway everybody comes from the gateway's own address. Whoever is there must not believe a header that
//! anybody inside the cluster could send, so the gateway signs what it says with its key.

use std::net::IpAddr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::pkcs8::DecodePrivateKey;
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use jiff::SignedDuration;

use super::keys::{self, required_key};
use super::store;
use crate::error::{Error, Result};
use crate::orchestrator::Orchestrator;

/// A statement counts for so long.
const VOUCHED_FOR: SignedDuration = SignedDuration::from_secs(60);

/// What is signed. Unlike what a token is signed over, it has lines.
fn statement(audience: &str, address: IpAddr, until: i64) -> Vec<u8> {
    format!("codex-k8s client address\n{audience}\n{address}\n{until}").into_bytes()
}

/// States from which address a request came.
///
/// # Errors
///
/// `Precondition` if there is no key of the audience, or it does not open here.
pub async fn vouch(orchestrator: &Orchestrator, audience: &str, address: IpAddr) -> Result<String> {
    let mut tx = orchestrator.begin("credential.vouch").await?;
    let key = required_key(&mut tx, audience).await?;
    let until = (tx.now() + VOUCHED_FOR).as_second();
    let private = SigningKey::from_pkcs8_der(&keys::open(orchestrator, &key)?).map_err(Error::internal)?;
    let signature = private.sign(&statement(audience, address, until));
    let signature = URL_SAFE_NO_PAD.encode(signature.to_bytes());
    Ok(format!("{address};{until};{};{signature}", key.kid))
}

/// The address that a statement names, if it was made for this audience just now.
pub async fn vouched(orchestrator: &Orchestrator, audience: &str, said: &str) -> Result<Option<IpAddr>> {
    let parts: Vec<&str> = said.splitn(5, ';').collect();
    let [address, until, kid, signature] = parts[..] else {
        return Ok(None);
    };
    let (Ok(address), Ok(until)) = (address.parse::<IpAddr>(), until.parse::<i64>()) else {
        return Ok(None);
    };
    let Some(signature) = URL_SAFE_NO_PAD
        .decode(signature)
        .ok()
        .and_then(|bytes| Signature::from_slice(&bytes).ok())
    else {
        return Ok(None);
    };
    // PostgreSQL takes no zero byte.
    if !kid.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(None);
    }
    let mut tx = orchestrator.look("credential.vouched").await?;
    let left = until - tx.now().as_second();
    let Some(key) = store::find_key(&mut tx, kid)
        .await?
        .filter(|key| key.audience == audience)
    else {
        return Ok(None);
    };
    let public: Option<[u8; 32]> = key.public_key.try_into().ok();
    let public = public.and_then(|bytes| VerifyingKey::from_bytes(&bytes).ok());
    let is_genuine = public.is_some_and(|key| {
        key.verify_strict(&statement(audience, address, until), &signature)
            .is_ok()
    });
    Ok((is_genuine && (0..=VOUCHED_FOR.as_secs()).contains(&left)).then_some(address))
}
