//! Reading the audit.

use jiff::Timestamp;

use super::domain::Row;
use super::store::{self, Narrow};
use crate::actor::Actor;
use crate::error::Result;
use crate::id::ProjectId;
use crate::orchestrator::Orchestrator;
use crate::page::{Page, PageAsk};
use crate::project::access::{self, Operation, Target};

/// Whose entries are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// What the asker did.
    Own,
    /// What was done in a project.
    Project(ProjectId),
    /// Everything, what belongs to no project included.
    All,
}

/// Which of them; none means all.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// `person`, `service`, `agent`, `supervisor` or `system`.
    pub actor_kind: Option<String>,
    pub actor_id: Option<String>,
    pub operation: Option<String>,
    pub object_kind: Option<String>,
    pub object_id: Option<String>,
    /// `allowed` or `denied`.
    pub decision: Option<String>,
    pub since: Option<Timestamp>,
    /// Before this moment.
    pub until: Option<Timestamp>,
}

/// An entry, and who it was by today's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    pub row: Row,
    /// A person's login, a program's token; none where the id says it, or nobody is left to name.
    pub actor_name: Option<String>,
}

/// Entries of the audit, newest first.
///
/// # Errors
///
/// `NotFound` or `Forbidden`.
pub async fn list(
    orchestrator: &Orchestrator,
    actor: &Actor,
    scope: Scope,
    filter: &Filter,
    ask: PageAsk,
) -> Result<Page<Listed>> {
    let mut tx = orchestrator.look("audit.list").await?;
    let own_id = actor.id();
    let (mut actor_kind, mut actor_id) = (filter.actor_kind.as_deref(), filter.actor_id.as_deref());
    let mut project_id = None;
    match scope {
        // Narrowing to somebody else would leave nothing: it is one's own whatever is asked.
        Scope::Own => (actor_kind, actor_id) = (Some(actor.kind()), Some(own_id.as_str())),
        Scope::Project(id) => {
            let target = Target::new(id, "project", id);
            access::require(&mut tx, actor, Operation::AuditRead, &target).await?;
            project_id = Some(id);
        }
        Scope::All => {
            access::require_platform(&mut tx, actor, Operation::AuditRead, "audit", "platform").await?;
        }
    }
    let narrow = Narrow {
        project_id,
        actor_kind,
        actor_id,
        operation: filter.operation.as_deref(),
        object_kind: filter.object_kind.as_deref(),
        object_id: filter.object_id.as_deref(),
        decision: filter.decision.as_deref(),
        since: filter.since,
        until: filter.until,
        // That an id was refused, and in which project, tells that there is such a thing.
        hide_unseen: scope == Scope::Own,
    };
    let rows = store::list(&mut tx, &narrow, ask).await?;
    let names = store::names(&mut tx, &rows).await?;
    let listed = rows.into_iter().map(|row| Listed {
        actor_name: names.get(&row.actor_id).cloned(),
        row,
    });
    Ok(ask.page(listed.collect(), |listed| listed.row.audit_id.uuid()))
}
