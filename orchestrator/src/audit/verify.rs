//! The proof that nobody changed the audit, or where somebody did.

use std::collections::HashMap;

use uuid::Uuid;

use super::domain::{Chain, FIRST, Fault, FaultKind, Head, Walk, head_statement};
use super::seal::{CHAINS, PURPOSE};
use super::store::{self, Linked};
use crate::actor::Actor;
use crate::credential::{self, StatementKeys};
use crate::error::Result;
use crate::id::ProjectId;
use crate::orchestrator::Orchestrator;
use crate::postgres::Tx;
use crate::project::access::{self, Operation, Target};

/// Seals looked at in one call; the next goes on where it ended.
const PART_SEALS: i64 = 20_000;
/// Rows held at once.
const PAGE_ROWS: i64 = 1_000;
/// Faults told at once: where one is, there may be many.
const MAX_FAULTS: usize = 100;
/// Of one kind that has no place in the chain.
const MAX_UNPLACED: i64 = 10;

/// What one call found.
#[derive(Clone, Debug)]
pub struct Part {
    /// The last seal that was looked at.
    pub until: i64,
    /// There is nothing after it: the chain was looked at to its end.
    pub complete: bool,
    pub faults: Vec<Fault>,
}

/// Looks at a chain from the seal after `after` on: what is written against what was sealed, signed and, in `heads`,
/// kept outside. Heads of other chains are left alone.
///
/// # Errors
///
/// `NotFound` or `Forbidden`; `Precondition` if this program has no master key.
pub async fn verify(
    orchestrator: &Orchestrator,
    actor: &Actor,
    project_id: Option<ProjectId>,
    after: i64,
    heads: &[Head],
) -> Result<Part> {
    let mut tx = orchestrator.begin("audit.verify").await?;
    match project_id {
        Some(id) => {
            let target = Target::new(id, "project", id);
            access::require(&mut tx, actor, Operation::AuditVerify, &target).await?;
        }
        None => access::require_platform(&mut tx, actor, Operation::AuditVerify, "audit", "platform").await?,
    }
    let chain = Chain(project_id);
    let before = match after {
        0 => Some(FIRST),
        seq => store::seal_at(&mut tx, chain, seq).await?,
    };
    let mut look = Look {
        chain,
        keys: credential::statement_keys(orchestrator, &mut tx, PURPOSE).await?,
        kept: heads
            .iter()
            .filter(|head| head.chain() == chain)
            .map(|head| (head.seq, head))
            .collect(),
        walk: Walk::after(chain, after, before),
        last_is_signed: true,
        faults: Vec::new(),
    };
    let complete = look.along(&mut tx).await?;
    if complete {
        look.at_the_end(&mut tx).await?;
    }
    look.faults.truncate(MAX_FAULTS);
    Ok(Part {
        until: look.walk.at(),
        complete,
        faults: look.faults,
    })
}

/// Every chain there is or was: 500 at most, those after `after`.
///
/// # Errors
///
/// `Forbidden` for anybody but the command line.
pub async fn chains(orchestrator: &Orchestrator, actor: &Actor, after: Option<Chain>) -> Result<Vec<Chain>> {
    access::require_system(actor)?;
    let mut tx = orchestrator.begin("audit.chains").await?;
    store::chains(&mut tx, after.map(Chain::uuid), CHAINS).await
}

struct Look<'a> {
    chain: Chain,
    keys: StatementKeys,
    /// Heads that somebody kept, by their place.
    kept: HashMap<i64, &'a Head>,
    walk: Walk,
    last_is_signed: bool,
    faults: Vec<Fault>,
}

impl Look<'_> {
    /// Goes on for one part; answers whether that was the end.
    async fn along(&mut self, tx: &mut Tx) -> Result<bool> {
        let stop = self.walk.at().saturating_add(PART_SEALS);
        while self.walk.at() < stop && self.faults.len() < MAX_FAULTS {
            let page = store::seals(tx, self.chain, self.walk.at(), PAGE_ROWS).await?;
            let is_last = page.len() < usize::try_from(PAGE_ROWS).unwrap_or(usize::MAX);
            for linked in page {
                self.take(tx, linked).await?;
            }
            if is_last {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn take(&mut self, tx: &mut Tx, linked: Linked) -> Result<()> {
        let Linked { seal, entry, signed } = linked;
        for mut fault in self.walk.step(&seal, entry.as_ref()) {
            if fault.kind == FaultKind::Edited
                && let Some(entry) = &entry
                && store::is_sealed_elsewhere(tx, self.chain, &entry.hash(), seal.seq).await?
            {
                fault.kind = FaultKind::Reordered;
                "the entry here was sealed at another place".clone_into(&mut fault.what);
            }
            self.faults.push(fault);
        }
        self.last_is_signed = signed.is_some();
        if let Some((hash, kid, signature)) = signed {
            self.compare(seal.seq, &seal.seal_hash, &hash, "the head that was signed here");
            let statement = store::hash(&hash).map(|hash| head_statement(self.chain, seal.seq, &hash))?;
            if !self.keys.verify(&kid, &statement, &signature) {
                let what = "the signature of this head is not the platform's";
                self.faults.push(Fault::new(FaultKind::Forged, seal.seq, what));
            }
        }
        if let Some(head) = self.kept.remove(&seal.seq) {
            let hash = hex::decode(&head.hash).unwrap_or_default();
            self.compare(seal.seq, &seal.seal_hash, &hash, "the head that was kept");
            self.check_kept(head);
        }
        Ok(())
    }

    fn compare(&mut self, seq: i64, now: &[u8], then: &[u8], what: &str) {
        if now != then {
            let what = format!("the chain is not the one of {what}: it was made anew after that");
            self.faults.push(Fault::new(FaultKind::Recomputed, seq, what));
        }
    }

    /// A head from outside is the keeper's word; its signature says that the file is as it was.
    fn check_kept(&mut self, head: &Head) {
        let parts = (hex::decode(&head.hash), hex::decode(&head.signature));
        let holds = match parts {
            (Ok(hash), Ok(signature)) => store::hash(&hash).is_ok_and(|hash| {
                let statement = head_statement(self.chain, head.seq, &hash);
                self.keys.verify(&head.kid, &statement, &signature)
            }),
            _ => false,
        };
        if !holds {
            let what = format!(
                "the kept head of key {} does not verify with the platform's keys",
                head.kid
            );
            self.faults.push(Fault::new(FaultKind::Forged, head.seq, what));
        }
    }

    /// What only the whole chain shows.
    async fn at_the_end(&mut self, tx: &mut Tx) -> Result<()> {
        let last = self.walk.at();
        let head = store::head(tx, self.chain).await?;
        if let Some((seq, _)) = head.filter(|(seq, _)| *seq > last) {
            self.truncated(seq, "the chain's own head");
        }
        if let (Some((seq, hash)), Some(now)) = (head, self.walk.hash())
            && (seq < last || (seq == last && hash != now))
        {
            let what = "the end of the chain is not its head";
            self.faults.push(Fault::new(FaultKind::Recomputed, last, what));
        }
        for seq in store::heads_without_seal(tx, self.chain, MAX_UNPLACED).await? {
            self.truncated(seq, "a signed head");
        }
        let mut beyond: Vec<_> = self.kept.keys().copied().filter(|seq| *seq > last).collect();
        beyond.sort_unstable();
        for seq in beyond {
            self.truncated(seq, "a head that was kept");
        }
        if last > 0 && !self.last_is_signed {
            let what = "the end of the chain carries no signature";
            self.faults.push(Fault::new(FaultKind::Unsigned, last, what));
        }
        self.unsealed(tx).await
    }

    fn truncated(&mut self, seq: i64, by: &str) {
        let what = format!("{by} says that there was a seal {seq}; it is gone");
        self.faults.push(Fault::new(FaultKind::Truncated, seq, what));
    }

    /// Entries that nobody will ever seal, and what was to be sealed and is gone.
    async fn unsealed(&mut self, tx: &mut Tx) -> Result<()> {
        let mut after = Uuid::nil();
        loop {
            let page = store::coverage(tx, self.chain, after, PAGE_ROWS).await?;
            let Some((last, _)) = page.last() else { break };
            after = last.uuid();
            for (id, _) in page.iter().filter(|(_, covered)| !covered) {
                let what = "this entry is not sealed and does not wait for it";
                self.faults
                    .push(Fault::new(FaultKind::Inserted, None, what).of(*id));
            }
            if self.faults.len() >= MAX_FAULTS {
                break;
            }
        }
        if self.chain.0.is_none() {
            for id in store::lost_before_sealed(tx, MAX_UNPLACED).await? {
                let what = "this entry, of whatever chain, was deleted before it was sealed";
                self.faults
                    .push(Fault::new(FaultKind::Deleted, None, what).of(id));
            }
        }
        Ok(())
    }
}
