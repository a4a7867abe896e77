//! Who did what, and the proof that nobody changed it.

use contract::audit::{AuditEntry, AuditFault, AuditHead, AuditList, AuditPage, AuditProof, AuditVerify};
use contract::bounded::Text;
use orchestrator::audit::{self, Fault, Filter, Head, Listed, Scope};
use orchestrator::project::access::Operation;
use orchestrator::{Error, Result};

use super::{STAFF, count, page, word, written_word};
use crate::tool::{Call, Catalogue, Effect, Side, Tool};

pub(super) fn tools(catalogue: Catalogue) -> Catalogue {
    catalogue.with::<List>().with::<Verify>()
}

struct List;

impl Tool for List {
    const NAME: &'static str = "audit_list";
    const TITLE: &'static str = "Read the audit";
    const ABOUT: &'static str = "Lists who did what and by which rule it was allowed or denied, newest first: the caller's own acts, those in a \
         project, or with all everything. What happened inside a run is told by run_event_list.";
    const OPERATION: Operation = Operation::AuditReadOwn;
    const SIDES: &'static [Side] = STAFF;
    const EFFECT: Effect = Effect::Read;
    type Ask = AuditList;
    type Answer = AuditPage;

    async fn call(call: &Call<'_>, ask: AuditList) -> Result<AuditPage> {
        let scope = match (ask.project_id, ask.all) {
            (Some(_), Some(true)) => {
                return Err(Error::Invalid("all: give it or project_id, not both".into()));
            }
            (Some(id), _) => Scope::Project(id.into()),
            (None, Some(true)) => Scope::All,
            (None, _) => Scope::Own,
        };
        let filter = Filter {
            actor_kind: ask.actor_kind.map(Text::into_inner),
            actor_id: ask.actor_id.map(Text::into_inner),
            operation: ask.operation.map(Text::into_inner),
            object_kind: ask.object_kind.map(Text::into_inner),
            object_id: ask.object_id.map(Text::into_inner),
            decision: ask.decision.map(written_word).transpose()?,
            since: ask.since,
            until: ask.until,
        };
        let page = page(ask.limit, ask.cursor.as_ref())?;
        let found = audit::list(call.orchestrator, call.actor, scope, &filter, page).await?;
        Ok(AuditPage {
            entries: found.items.into_iter().map(show).collect::<Result<_>>()?,
            next_cursor: found.next_cursor,
        })
    }
}

struct Verify;

impl Tool for Verify {
    const NAME: &'static str = "audit_verify";
    const TITLE: &'static str = "Prove the audit";
    const ABOUT: &'static str = "Looks whether somebody edited, deleted, reordered, cut off or recomputed the audit of a project, or the platform's \
         own, and says where. A long chain takes several calls: pass until as after while complete is false. Only heads \
         kept outside the platform prove that nothing was cut off at the end.";
    const OPERATION: Operation = Operation::AuditVerify;
    const SIDES: &'static [Side] = STAFF;
    const EFFECT: Effect = Effect::Read;
    type Ask = AuditVerify;
    type Answer = AuditProof;

    async fn call(call: &Call<'_>, ask: AuditVerify) -> Result<AuditProof> {
        let after = ask.after.map_or(0, |after| after.get().cast_signed());
        let heads: Vec<Head> = ask
            .heads
            .map(|heads| heads.into_inner().into_iter().map(head).collect())
            .unwrap_or_default();
        let project_id = ask.project_id.map(Into::into);
        let part = audit::verify(call.orchestrator, call.actor, project_id, after, &heads).await?;
        Ok(AuditProof {
            complete: part.complete,
            until: count(part.until),
            intact: part.faults.is_empty(),
            faults: part.faults.into_iter().map(fault).collect(),
        })
    }
}

fn head(head: AuditHead) -> Head {
    Head {
        project_id: head.project_id.map(Into::into),
        seq: head.seq.get().cast_signed(),
        hash: head.hash.into_inner(),
        kid: head.kid.into_inner(),
        signature: head.signature.into_inner(),
        public_key: head.public_key.into_inner(),
        signed_at: head.signed_at,
    }
}

fn fault(fault: Fault) -> AuditFault {
    AuditFault {
        kind: fault.kind.to_string(),
        seq: fault.seq.map(count),
        audit_id: fault.audit_id.map(orchestrator::id::AuditId::uuid),
        what: fault.what,
    }
}

fn show(listed: Listed) -> Result<AuditEntry> {
    let Listed { row, actor_name } = listed;
    Ok(AuditEntry {
        audit_id: row.audit_id.uuid(),
        at: row.at,
        actor_kind: row.actor_kind,
        actor_id: row.actor_id,
        actor_name,
        operation: row.operation,
        object_kind: row.object_kind,
        object_id: row.object_id,
        project_id: row.project_id.map(orchestrator::id::ProjectId::uuid),
        decision: word(&row.decision)?,
        rule: row.rule,
        cause: row.cause,
        traceparent: row.traceparent,
    })
}
