//! Who finds what: the repositories that a caller may search, decided before anything is ranked.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};
use jiff_sqlx::ToSqlx;

use super::super::source::VisibleTo;
use super::super::store::{search, sources};
use crate::actor::Actor;
use crate::error::{Error, Result};
use crate::id::{PersonId, RepositoryId};
use crate::identity;
use crate::orchestrator::Orchestrator;
use crate::port_call::{self, Answer, Question};
use crate::postgres::Tx;
use crate::project::access::{self, Operation};
use crate::trace::TraceParent;
use crate::{repository, run};

/// What the code host said of a reader counts this long.
const READER_KEPT: SignedDuration = SignedDuration::from_mins(15);
/// Repositories that are asked about at once; a search over more private ones names its repository.
const MOST_ASKED: usize = 50;

/// A source within reach of a search.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Scoped {
    pub(crate) repository_id: RepositoryId,
    pub(crate) full_name: String,
    pub(crate) visible_to: VisibleTo,
    /// The commit that the index stands at.
    pub(crate) commit: Option<String>,
    pub(crate) pass_commit: Option<String>,
    /// Since when there is something newer than the index.
    pub(crate) wanted_since: Option<Timestamp>,
    pub(crate) chunks: u64,
}

/// What may be searched, and what of the named projects may not.
#[derive(Clone, Debug, Default)]
pub(super) struct Scope {
    pub sources: Vec<Scoped>,
    pub left_out: Vec<LeftOut>,
}

/// A repository that was not searched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    pub repository_id: RepositoryId,
    pub full_name: String,
    /// For a person, and what to do.
    pub why: &'static str,
}

const NO_PERSON: &str =
    "only people who can read it at GitHub find it: sign in as a person, or set visible_to to project";
const NO_READER: &str = "you cannot read it at GitHub: ask its owners for access there";
const NOT_KNOWN: &str =
    "GitHub did not say whether you may read it: ask again in a moment, or name the repository";

/// The repositories that the actor may search, or the one that is named. An agent searches its own.
///
/// # Errors
///
/// `NotFound` or `Forbidden` for a repository that is named; `StaleTurn` of an agent.
pub(super) async fn scope(
    orchestrator: &Orchestrator,
    actor: &Actor,
    named: Option<RepositoryId>,
    trace: &TraceParent,
) -> Result<Scope> {
    if actor.run().is_some() {
        let mut tx = orchestrator.begin("knowledge.scope").await?;
        let sources = own(&mut tx, actor, named).await?;
        return Ok(Scope {
            sources,
            left_out: Vec::new(),
        });
    }
    let mut tx = orchestrator.look("knowledge.scope").await?;
    let projects = match named {
        Some(id) => vec![
            repository::require(&mut tx, actor, Operation::KnowledgeRead, id)
                .await?
                .project_id,
        ],
        None => access::visible_projects(&mut tx, actor, Operation::KnowledgeRead).await?,
    };
    let found = search::scope(&mut tx, &projects, named).await?;
    let private: Vec<_> = found
        .iter()
        .filter(|source| source.visible_to == VisibleTo::GithubReaders)
        .map(|source| source.repository_id)
        .collect();
    let known = match actor.person_id() {
        Some(person_id) if !private.is_empty() => readers(&mut tx, person_id, &private).await?,
        _ => HashMap::new(),
    };
    drop(tx);
    let unknown: Vec<_> = private.into_iter().filter(|id| !known.contains_key(id)).collect();
    let told = match actor.person_id() {
        Some(person_id) if !unknown.is_empty() => {
            ask(orchestrator, actor, person_id, &unknown, trace).await?
        }
        _ => HashMap::new(),
    };
    Ok(sort(found, actor, |id| {
        known.get(id).or_else(|| told.get(id)).copied()
    }))
}

async fn own(tx: &mut Tx, actor: &Actor, named: Option<RepositoryId>) -> Result<Vec<Scoped>> {
    let run = run::require_live(tx, actor).await?;
    if let Some(other) = named.filter(|id| *id != run.repository_id) {
        return Err(Error::not_found("repository", other));
    }
    access::require(tx, actor, Operation::KnowledgeRead, &run::target(&run)).await?;
    search::scope(tx, &[run.project_id], Some(run.repository_id)).await
}

fn sort(found: Vec<Scoped>, actor: &Actor, may_read: impl Fn(&RepositoryId) -> Option<bool>) -> Scope {
    let mut scope = Scope::default();
    for source in found {
        let why = match (source.visible_to, actor) {
            (VisibleTo::Project, _) | (_, Actor::System(_)) => None,
            (VisibleTo::GithubReaders, Actor::Person { .. }) => match may_read(&source.repository_id) {
                Some(true) => None,
                Some(false) => Some(NO_READER),
                None => Some(NOT_KNOWN),
            },
            (VisibleTo::GithubReaders, _) => Some(NO_PERSON),
        };
        match why {
            None => scope.sources.push(source),
            Some(why) => scope.left_out.push(LeftOut {
                repository_id: source.repository_id,
                full_name: source.full_name,
                why,
            }),
        }
    }
    scope
}

async fn readers(
    tx: &mut Tx,
    person_id: PersonId,
    ids: &[RepositoryId],
) -> Result<HashMap<RepositoryId, bool>> {
    let since = (tx.now() - READER_KEPT).to_sqlx();
    Ok(sources::readers(tx, person_id, ids, since)
        .await?
        .into_iter()
        .collect())
}

/// Asks the code host. One that does not answer has said nothing, and what nobody said is not shown.
async fn ask(
    orchestrator: &Orchestrator,
    actor: &Actor,
    person_id: PersonId,
    ids: &[RepositoryId],
    trace: &TraceParent,
) -> Result<HashMap<RepositoryId, bool>> {
    let mut tx = orchestrator.look("knowledge.reader").await?;
    let person = identity::get(&mut tx, person_id).await?;
    drop(tx);
    let question = Question::Readable {
        repositories: ids.iter().take(MOST_ASKED).copied().collect(),
        github_user_id: person.github_user_id,
        login: person.login,
    };
    let (readable, unreadable) = match port_call::ask(orchestrator, actor, &question, trace).await {
        Ok(Answer::Readable { readable, unreadable }) => (readable, unreadable),
        Ok(_) => {
            return Err(Error::internal(
                "a question about readers was answered with something else",
            ));
        }
        Err(error) => {
            tracing::warn!(%error, "nobody said which repositories a person may read");
            return Ok(HashMap::new());
        }
    };
    let told = readable.into_iter().map(|id| (id, true));
    let told: HashMap<_, _> = told.chain(unreadable.into_iter().map(|id| (id, false))).collect();
    let mut tx = orchestrator.begin("knowledge.note_readers").await?;
    for (repository_id, may_read) in &told {
        sources::note_reader(&mut tx, person_id, *repository_id, *may_read).await?;
    }
    tx.commit().await?;
    Ok(told)
}
