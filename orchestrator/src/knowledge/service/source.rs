//! Sources, as people set and see them.

use jiff::Timestamp;

use super::super::glob::Globs;
use super::super::jobs::{ForgetSource, IndexSource};
use super::super::source::{SourceChanges, VisibleTo};
use super::super::store::{embeddings, sources};
use super::{Model, ModelState};
use crate::actor::Actor;
use crate::error::{Error, Result};
use crate::id::{ProjectId, RepositoryId};
use crate::idempotency::{self, Key};
use crate::orchestrator::Orchestrator;
use crate::page::{Page, PageAsk};
use crate::postgres::Tx;
use crate::project::access::{self, Operation, Target};
use crate::repository::Repository;

/// A repository with an index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    pub repository_id: RepositoryId,
    pub project_id: ProjectId,
    /// `owner/name`.
    pub full_name: String,
    pub default_branch: String,
    pub include: Vec<String>,
    pub exclude: Vec<String>,
    /// None while nobody set it.
    pub visible_to_set: Option<VisibleTo>,
    pub is_private: bool,
    /// Who agreed that its text goes to an embedder outside.
    pub consent_by: Option<String>,
    pub consent_at: Option<Timestamp>,
    /// The commit that the index stands at.
    pub commit: Option<String>,
    /// The commit that is being read.
    pub pass_commit: Option<String>,
    pub indexed_at: Option<Timestamp>,
    /// Since when there is something newer than the index.
    pub wanted_since: Option<Timestamp>,
    pub failure: Option<String>,
    pub failed_at: Option<Timestamp>,
    pub documents: i32,
    pub skipped: i32,
    pub chunks: i32,
    pub version: i64,
}

impl Source {
    pub fn visible_to(&self) -> VisibleTo {
        self.visible_to_set
            .unwrap_or(VisibleTo::default_of(self.is_private))
    }

    fn target(&self) -> Target {
        Target::new(self.project_id, "repository", self.repository_id)
    }
}

/// A model and what of a source it has not read yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Coverage {
    pub model: Model,
    pub waiting: i64,
    /// Passages it will never read.
    pub refused: i64,
    /// Why one of them.
    pub refusal: Option<String>,
}

/// The source of a repository that just came to a project or has something new; its index follows after the commit.
pub(crate) async fn want(tx: &mut Tx, repository: &Repository) -> Result<()> {
    if repository.detached_at.is_some() {
        return Ok(());
    }
    let repository_id = repository.repository_id;
    sources::want(tx, repository_id, repository.project_id).await?;
    tx.enqueue(IndexSource { repository_id }).await
}

/// Nothing of the repository is found any more; its rows go in batches after the commit.
pub(crate) async fn forget(tx: &mut Tx, repository_id: RepositoryId) -> Result<()> {
    if sources::forget(tx, repository_id).await? {
        tx.enqueue(ForgetSource { repository_id }).await?;
    }
    Ok(())
}

/// Deletes a batch of what is known of a purged project's repositories; answers how many rows.
pub(crate) async fn erase(tx: &mut Tx, project_id: ProjectId) -> Result<u64> {
    sources::erase(tx, project_id, super::index::DELETED_AT_ONCE).await
}

/// The sources of the projects the actor may search in, or of one, with what their models have not read yet.
pub async fn list(
    orchestrator: &Orchestrator,
    actor: &Actor,
    project_id: Option<ProjectId>,
    ask: PageAsk,
) -> Result<(Page<Source>, Vec<(RepositoryId, Coverage)>)> {
    let mut tx = orchestrator.look("knowledge.list").await?;
    let mut visible = access::visible_projects(&mut tx, actor, Operation::KnowledgeRead).await?;
    visible.retain(|id| project_id.is_none_or(|only| only == *id));
    let rows = sources::list(&mut tx, &visible, ask).await?;
    let page = ask.page(rows, |source| source.repository_id.uuid());
    let ids: Vec<_> = page.items.iter().map(|source| source.repository_id).collect();
    let mut coverage = Vec::new();
    for model in embeddings::models(&mut tx).await? {
        if model.state == ModelState::Retired {
            continue;
        }
        let waiting = embeddings::waiting(&mut tx, model.model_id, &ids).await?;
        let refused = embeddings::refused(&mut tx, model.model_id, &ids).await?;
        coverage.extend(ids.iter().map(|id| {
            let waiting = waiting.iter().find(|(repository_id, _)| repository_id == id);
            let refused = refused.iter().find(|(repository_id, ..)| repository_id == id);
            let of_source = Coverage {
                model: model.clone(),
                waiting: waiting.map_or(0, |(_, waiting)| *waiting),
                refused: refused.map_or(0, |(_, refused, _)| *refused),
                refusal: refused.map(|(.., refusal)| refusal.clone()),
            };
            (*id, of_source)
        }));
    }
    Ok((page, coverage))
}

/// Changes what of a repository is indexed, and for whom. Asking twice changes nothing more.
///
/// # Errors
///
/// `NotFound` or `Forbidden`; `Invalid` for a glob; `StaleVersion` if somebody changed it since `version`.
pub async fn change(
    orchestrator: &Orchestrator,
    actor: &Actor,
    repository_id: RepositoryId,
    version: i64,
    changes: SourceChanges,
    key: Option<Key>,
) -> Result<Source> {
    let mut tx = orchestrator.begin("knowledge.change").await?;
    let mut source = get(&mut tx, repository_id).await?;
    access::require(&mut tx, actor, Operation::KnowledgeSet, &source.target()).await?;
    if changes.external_embedder == Some(true) && source.consent_at.is_none() {
        access::require(&mut tx, actor, Operation::KnowledgeConsent, &source.target()).await?;
    }
    if idempotency::recall::<RepositoryId>(&mut tx, actor, key.as_ref())
        .await?
        .is_some()
    {
        return Ok(source);
    }
    if source.version != version {
        return Err(Error::StaleVersion);
    }
    let had_consent = source.consent_at.is_some();
    apply(&mut source, changes, actor, tx.now())?;
    if !sources::save_settings(&mut tx, &source).await? {
        return Err(Error::StaleVersion);
    }
    if had_consent && source.consent_at.is_none() {
        embeddings::delete_external(&mut tx, repository_id).await?;
    }
    sources::want(&mut tx, repository_id, source.project_id).await?;
    tx.enqueue(IndexSource { repository_id }).await?;
    super::index::ask_for_vectors(&mut tx).await?;
    let source = get(&mut tx, repository_id).await?;
    idempotency::remember(&mut tx, actor, key.as_ref(), &repository_id).await?;
    tx.commit().await?;
    Ok(source)
}

fn apply(source: &mut Source, changes: SourceChanges, actor: &Actor, now: Timestamp) -> Result<()> {
    if let Some(include) = changes.include {
        source.include = include;
    }
    if let Some(exclude) = changes.exclude {
        source.exclude = exclude;
    }
    Globs::new(&source.include, &source.exclude).map_err(Error::Invalid)?;
    if source.include.is_empty() {
        return Err(Error::Invalid(
            "include: name at least one glob, for example docs/**; ** alone takes everything".into(),
        ));
    }
    if let Some(visible_to) = changes.visible_to {
        source.visible_to_set = visible_to;
    }
    match changes.external_embedder {
        Some(true) if source.consent_at.is_none() => {
            source.consent_by = Some(actor.to_string());
            source.consent_at = Some(now);
        }
        Some(false) => {
            source.consent_by = None;
            source.consent_at = None;
        }
        Some(true) | None => {}
    }
    Ok(())
}

/// Asks for a pass now; a whole one reads and cuts every file again. Asking twice changes nothing more.
///
/// # Errors
///
/// `NotFound` or `Forbidden`.
pub async fn reindex(
    orchestrator: &Orchestrator,
    actor: &Actor,
    repository_id: RepositoryId,
    whole: bool,
    key: Option<Key>,
) -> Result<Source> {
    let mut tx = orchestrator.begin("knowledge.reindex").await?;
    let repository =
        crate::repository::require(&mut tx, actor, Operation::KnowledgeReindex, repository_id).await?;
    if repository.detached_at.is_some() {
        return Err(Error::Precondition(
            "the repository is detached, so nothing of it is indexed; attach it first".into(),
        ));
    }
    let before = idempotency::recall::<RepositoryId>(&mut tx, actor, key.as_ref()).await?;
    if before.is_none() {
        want(&mut tx, &repository).await?;
        if whole {
            sources::want_whole(&mut tx, repository_id).await?;
        }
        idempotency::remember(&mut tx, actor, key.as_ref(), &repository_id).await?;
    }
    let source = get(&mut tx, repository_id).await?;
    tx.commit().await?;
    Ok(source)
}

async fn get(tx: &mut Tx, repository_id: RepositoryId) -> Result<Source> {
    let source = sources::find(tx, repository_id).await?;
    source.ok_or_else(|| Error::not_found("repository", repository_id))
}
