//! A new master key: what was sealed under the one before is sealed anew, a few rows a transaction.

use super::service::data_key_purpose;
use super::store;
use crate::credential::keys;
use crate::credential::store as key_store;
use crate::error::Result;
use crate::orchestrator::Orchestrator;

/// Rows sealed anew in one transaction.
const AT_ONCE: i64 = 50;

/// Seals data keys and signing keys under the first key of the master key's file; the others only open. Answers how many
/// it sealed anew. Values themselves stay as they are; two at once do no harm, and what is sealed already costs one look.
///
/// # Errors
///
/// `Precondition` if something opens under no key of the file: then put the key before back into it.
pub async fn reseal(orchestrator: &Orchestrator) -> Result<u64> {
    let master = orchestrator.master_key()?;
    let key_id = master.id();
    let mut all = 0;
    loop {
        let mut tx = orchestrator.begin("credential.reseal").await?;
        let mut count = 0;
        for (secret_id, sealed) in store::sealed_otherwise(&mut tx, &key_id, AT_ONCE).await? {
            let purpose = data_key_purpose(secret_id);
            let data_key = master.open(&purpose, &sealed)?;
            store::reseal(&mut tx, secret_id, &key_id, &master.seal(&purpose, &data_key)?).await?;
            count += 1;
        }
        for (kid, sealed) in key_store::sealed_otherwise(&mut tx, &key_id, AT_ONCE).await? {
            let purpose = keys::purpose(&kid);
            let private = master.open(&purpose, &sealed)?;
            key_store::reseal(&mut tx, &kid, &key_id, &master.seal(&purpose, &private)?).await?;
            count += 1;
        }
        tx.commit().await?;
        all += count;
        if count == 0 {
            return Ok(all);
        }
    }
}
