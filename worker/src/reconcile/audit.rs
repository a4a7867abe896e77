//! Seals the audit, and lets the signed heads leave the platform: each is a line of the log, which others keep.

use orchestrator::audit;
use orchestrator::error::Result;

use crate::Hands;

pub(super) async fn seal(hands: &Hands) -> Result<()> {
    let sealed = audit::seal(&hands.orchestrator).await?;
    metrics::counter!("codex_audit_sealed_total").increment(sealed.entries as u64);
    for head in sealed.heads {
        tracing::info!(
            chain = %head.chain(),
            seq = head.seq,
            hash = head.hash,
            kid = head.kid,
            signature = head.signature,
            public_key = head.public_key,
            signed_at = %head.signed_at,
            "audit head"
        );
    }
    Ok(())
}
