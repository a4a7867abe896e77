//! A new master key: what was sealed under the one before is sealed anew, a few rows a transaction.

use super::service::data_key_purpose;
use super::store;
use crate::credential::keys::{self, SealedBy};
use crate::credential::{MasterKey, store as key_store};
use crate::error::Result;
use crate::orchestrator::Orchestrator;
use crate::postgres::Tx;

/// Rows sealed anew in one transaction.
const AT_ONCE: i64 = 50;

/// Seals data keys and signing keys under the first key of each key file at hand; the others only open. Answers how many it
/// sealed anew. Values themselves stay as they are; two at once do no harm, and what is sealed already costs one look.
///
/// # Errors
///
/// `Precondition` if something opens under no key of its file: then put the key before back into it.
pub async fn reseal(orchestrator: &Orchestrator) -> Result<u64> {
    let mut all = 0;
    loop {
        let mut tx = orchestrator.begin("credential.reseal").await?;
        let master = orchestrator.master_key()?;
        let mut count = data_keys(&mut tx, master).await?;
        count += signing_keys(&mut tx, SealedBy::Master, master).await?;
        if let Ok(edge) = orchestrator.edge_key() {
            count += signing_keys(&mut tx, SealedBy::Edge, edge.key()).await?;
        }
        tx.commit().await?;
        all += count;
        if count == 0 {
            return Ok(all);
        }
    }
}

async fn data_keys(tx: &mut Tx, master: &MasterKey) -> Result<u64> {
    let (key_id, mut count) = (master.id(), 0);
    for (secret_id, sealed) in store::sealed_otherwise(tx, &key_id, AT_ONCE).await? {
        let purpose = data_key_purpose(secret_id);
        let data_key = master.open(&purpose, &sealed)?;
        store::reseal(tx, secret_id, &key_id, &master.seal(&purpose, &data_key)?).await?;
        count += 1;
    }
    Ok(count)
}

async fn signing_keys(tx: &mut Tx, sealed_by: SealedBy, file: &MasterKey) -> Result<u64> {
    let (key_id, mut count) = (file.id(), 0);
    for (kid, sealed) in key_store::sealed_otherwise(tx, sealed_by, &key_id, AT_ONCE).await? {
        let purpose = keys::purpose(&kid);
        let private = file.open(&purpose, &sealed)?;
        key_store::reseal(tx, &kid, &key_id, &file.seal(&purpose, &private)?).await?;
        count += 1;
    }
    Ok(count)
}
