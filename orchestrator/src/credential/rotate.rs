//! Other keys to sign with, while tokens of the old ones still count.
//!
//!     next ──▶ current ──▶ retired ──▶ gone
//!
//! A key is published before it signs, so whoever keeps a copy of the published keys has it in time; a retired one
//! verifies what it signed until the last such token has expired.

use jiff::{SignedDuration, Timestamp};

use super::keys::{self, required_key};
use super::store;
use crate::actor::Actor;
use crate::audit;
use crate::error::Result;
use crate::orchestrator::Orchestrator;
use crate::postgres::Tx;

/// A next key signs only when it has been published for so long: twice what its readers may keep their copy.
pub const NEXT_KEY_MIN_AGE: SignedDuration = SignedDuration::from_mins(10);

/// What a rotation did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rotation {
    /// There was no next key: one is published now, and may sign from then on.
    Prepared { next: String, ready_at: Timestamp },
    /// The next key is too young; nothing changed.
    TooYoung { next: String, ready_at: Timestamp },
    /// The next key signs, the old one only verifies, and another one is published.
    Rotated {
        retired: String,
        current: String,
        next: String,
    },
}

/// The public half of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    pub kid: String,
    /// 32 bytes of Ed25519.
    pub public_key: Vec<u8>,
}

/// Moves an audience's keys one step on. Asking twice quickly rotates once; with `now` the next key need not be old, which
/// is for a key that leaked.
///
/// # Errors
///
/// `Precondition` if the audience has no key, or its key file is not mounted.
pub async fn rotate(
    orchestrator: &Orchestrator,
    actor: &Actor,
    audience: &str,
    now: bool,
) -> Result<Rotation> {
    let mut tx = orchestrator.begin("credential.rotate").await?;
    store::lock_rotation(&mut tx, audience).await?;
    let current = required_key(&mut tx, audience).await?;
    let sealed_by = keys::sealed_by(&current)?;
    // A file that does not open the old key would seal the new one where nobody finds it.
    keys::open(orchestrator, &current)?;
    let before = store::next_key(&mut tx, audience).await?;
    if let Some((next, since)) = &before {
        let (next, ready_at) = (next.clone(), *since + NEXT_KEY_MIN_AGE);
        if !now && tx.now() < ready_at {
            return Ok(Rotation::TooYoung { next, ready_at });
        }
    }
    let fresh = keys::generate(orchestrator, audience, sealed_by)?;
    let rotation = match before {
        None if !now => {
            store::insert_key(&mut tx, &fresh, false).await?;
            let ready_at = tx.now() + NEXT_KEY_MIN_AGE;
            Rotation::Prepared {
                next: fresh.kid,
                ready_at,
            }
        }
        before => {
            store::retire_key(&mut tx, &current.kid).await?;
            let promoted = if let Some((next, _)) = before {
                store::promote_key(&mut tx, &next).await?;
                next
            } else {
                let key = keys::generate(orchestrator, audience, sealed_by)?;
                store::insert_key(&mut tx, &key, true).await?;
                key.kid
            };
            store::insert_key(&mut tx, &fresh, false).await?;
            Rotation::Rotated {
                retired: current.kid,
                current: promoted,
                next: fresh.kid,
            }
        }
    };
    record(&mut tx, actor, &rotation).await?;
    tx.commit().await?;
    Ok(rotation)
}

async fn record(tx: &mut Tx, actor: &Actor, rotation: &Rotation) -> Result<()> {
    let (operation, kid) = match rotation {
        Rotation::Prepared { next, .. } | Rotation::TooYoung { next, .. } => ("signing_key_prepare", next),
        Rotation::Rotated { current, .. } => ("signing_key_rotate", current),
    };
    audit::record_own(tx, actor, operation, ("signing_key", kid), None).await
}

/// The public halves of an audience's keys that somebody may need, newest first.
pub async fn public_keys(orchestrator: &Orchestrator, audience: &str) -> Result<Vec<PublicKey>> {
    let mut tx = orchestrator.begin("credential.public_keys").await?;
    let keys = store::public_keys(&mut tx, audience).await?;
    Ok(keys
        .into_iter()
        .map(|(kid, public_key)| PublicKey { kid, public_key })
        .collect())
}
