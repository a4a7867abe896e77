//! How entries are sealed, and their heads signed and told.

use std::collections::BTreeMap;

use super::domain::{Chain, FIRST, Head, Row, Seal, head_statement, seal_hash};
use super::store::{self, SignedRow};
use crate::credential::{self, StatementKeys};
use crate::error::Result;
use crate::orchestrator::Orchestrator;
use crate::postgres::Tx;

/// What the keys that sign heads are for; no token is ever made with one.
pub(super) const PURPOSE: &str = "urn:codex-k8s:audit-head";

/// Entries sealed in one transaction.
const SEAL_ROWS: i64 = 500;
/// Such transactions of one round; the next goes on where it ended.
const SEAL_BATCHES: u32 = 20;
/// Chains read at once.
pub(super) const CHAINS: i64 = 500;

/// What one round sealed.
#[derive(Clone, Debug, Default)]
pub struct Sealed {
    pub entries: usize,
    /// The new ends of the chains that grew, signed.
    pub heads: Vec<Head>,
}

/// Seals what was written since the last round. Several workers may: one does it at a time, and the others find nothing
/// to do.
///
/// # Errors
///
/// `Precondition` if this program has no master key, or another than the one that the key was sealed under.
pub async fn seal(orchestrator: &Orchestrator) -> Result<Sealed> {
    credential::ensure_statement_key(orchestrator, PURPOSE).await?;
    let mut sealed = Sealed::default();
    for _ in 0..SEAL_BATCHES {
        let entries = seal_batch(orchestrator, &mut sealed.heads).await?;
        sealed.entries += entries;
        if entries == 0 {
            break;
        }
    }
    Ok(sealed)
}

async fn seal_batch(orchestrator: &Orchestrator, heads: &mut Vec<Head>) -> Result<usize> {
    let mut tx = orchestrator.begin("audit.seal").await?;
    if !store::may_seal(&mut tx).await? {
        return Ok(0);
    }
    let rows = store::unsealed(&mut tx, SEAL_ROWS).await?;
    let count = rows.len();
    if count == 0 {
        return Ok(0);
    }
    let mut chains: BTreeMap<Chain, Vec<Row>> = BTreeMap::new();
    for row in rows {
        chains.entry(row.chain()).or_default().push(row);
    }
    let keys = credential::statement_keys(orchestrator, &mut tx, PURPOSE).await?;
    let mut signed = Vec::new();
    for (chain, rows) in chains {
        signed.push(extend(orchestrator, &mut tx, &keys, chain, &rows).await?);
    }
    tx.commit().await?;
    heads.extend(signed);
    Ok(count)
}

/// Appends entries to a chain and signs its new end.
async fn extend(
    orchestrator: &Orchestrator,
    tx: &mut Tx,
    keys: &StatementKeys,
    chain: Chain,
    rows: &[Row],
) -> Result<Head> {
    let (mut seq, mut before) = store::head(tx, chain).await?.unwrap_or((0, FIRST));
    let mut seals = Vec::with_capacity(rows.len());
    for row in rows {
        seq += 1;
        let entry_hash = row.hash();
        before = seal_hash(chain, seq, &before, &entry_hash);
        seals.push(Seal {
            seq,
            audit_id: row.audit_id,
            entry_hash,
            seal_hash: before,
        });
    }
    store::insert_seals(tx, chain, &seals).await?;
    let statement = head_statement(chain, seq, &before);
    let signed = credential::sign_statement(orchestrator, tx, PURPOSE, &statement).await?;
    store::insert_head(tx, chain, (seq, &before), &signed.kid, &signed.signature).await?;
    Ok(Head {
        project_id: chain.0,
        seq,
        hash: hex::encode(before),
        public_key: public_key(keys, &signed.kid),
        kid: signed.kid,
        signature: hex::encode(signed.signature),
        signed_at: tx.now(),
    })
}

/// The newest signed head of every chain, to be kept where the platform cannot reach: 500 chains at most, those after
/// `after`.
///
/// # Errors
///
/// `Forbidden` for anybody but the command line.
pub async fn heads(
    orchestrator: &Orchestrator,
    actor: &crate::Actor,
    after: Option<Chain>,
) -> Result<Vec<Head>> {
    crate::project::access::require_system(actor)?;
    let mut tx = orchestrator.begin("audit.heads").await?;
    let keys = credential::statement_keys(orchestrator, &mut tx, PURPOSE).await?;
    let rows = store::newest_heads(&mut tx, after.map(Chain::uuid), CHAINS).await?;
    Ok(rows.into_iter().map(|row| told(&keys, row)).collect())
}

pub(super) fn told(keys: &StatementKeys, row: SignedRow) -> Head {
    Head {
        project_id: Chain::from_uuid(row.chain_id).0,
        seq: row.seq,
        hash: hex::encode(row.seal_hash),
        public_key: public_key(keys, &row.kid),
        kid: row.kid,
        signature: hex::encode(row.signature),
        signed_at: row.signed_at.to_jiff(),
    }
}

fn public_key(keys: &StatementKeys, kid: &str) -> String {
    keys.public(kid).map(hex::encode).unwrap_or_default()
}
