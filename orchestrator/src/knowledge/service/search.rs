//! The search: what is in scope is ranked by words and by meaning, the ranks are fused, near copies are folded.

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;

use super::super::store::{embeddings, search as store};
use super::super::words::Question as Asked;
use super::super::{DocumentKind, glob};
use super::embed::question_sha256;
use super::hits::Hit;
use super::rank::{Filter, Search};
use super::scope::{LeftOut, Scope, scope};
use super::{Model, ModelState, Scoped};
use crate::actor::{Actor, words as wire_words};
use crate::error::{Error, Result};
use crate::id::RepositoryId;
use crate::orchestrator::Orchestrator;
use crate::port_call::{self, Answer, Question};
use crate::postgres::Tx;
use crate::trace::TraceParent;

/// Hits of one search.
pub const MOST_HITS: usize = 20;
/// A question that was not asked before waits so long for its vector; then words alone answer.
const VECTOR_PATIENCE: Duration = Duration::from_secs(5);
/// By what passages are found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Mode {
    #[default]
    Hybrid,
    Text,
    Vector,
}

wire_words!(Mode: Hybrid = "hybrid", Text = "text", Vector = "vector");

/// A question to the knowledge.
#[derive(Clone, Debug, Default)]
pub struct Ask {
    pub query: String,
    pub repository_id: Option<RepositoryId>,
    /// Globs of paths.
    pub paths: Option<Vec<String>>,
    pub kinds: Option<Vec<DocumentKind>>,
    pub mode: Mode,
    /// 1 to [`MOST_HITS`].
    pub limit: usize,
    /// Only indexes that stand at this commit, by its first 7 to 40 digits, answer.
    pub commit: Option<String>,
}

/// What a search came to.
#[derive(Clone, Debug, Default)]
pub struct Found {
    pub hits: Vec<Hit>,
    /// What was searched by: words alone, where there is no vector of the question.
    pub mode: Mode,
    /// Why it was not searched as asked.
    pub note: Option<String>,
    /// The indexes that were searched, those of hits first; at most [`MOST_HITS`].
    pub indexes: Vec<Index>,
    pub left_out: Vec<LeftOut>,
}

/// The state of an index that was searched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Index {
    pub repository_id: RepositoryId,
    pub full_name: String,
    pub commit: Option<String>,
    /// Seconds since the repository has something newer; 0 if it has not.
    pub lag_seconds: i64,
    /// Passages that the model has not read.
    pub unembedded: i64,
    /// None: there is none, or it was not asked.
    pub model: Option<String>,
}

/// Finds the passages that answer a question, best first.
///
/// # Errors
///
/// `Invalid` for a question without a word or a glob that is none; `NotFound` or `Forbidden` for a repository that is named;
/// `Precondition` if no index stands at the commit asked for; `StaleTurn` of an agent.
pub async fn search(
    orchestrator: &Orchestrator,
    actor: &Actor,
    ask: &Ask,
    trace: &TraceParent,
) -> Result<Found> {
    let asked = Asked::new(&ask.query).map_err(Error::Invalid)?;
    let filter = filter(ask)?;
    let mut scope = scope(orchestrator, actor, ask.repository_id, trace).await?;
    if let Some(commit) = &ask.commit {
        pin(&mut scope, commit)?;
    }
    let (meant, note) = meaning(orchestrator, actor, ask.mode, &asked, &scope, trace).await?;
    let mut tx = orchestrator.begin("knowledge.search").await?;
    let search = Search {
        ids: scope.sources.iter().map(|source| source.repository_id).collect(),
        chunks: scope.sources.iter().map(|source| source.chunks).sum(),
        filter,
        limit: ask.limit.clamp(1, MOST_HITS),
    };
    let by_words = ask.mode != Mode::Vector || meant.is_none();
    let words = if by_words {
        Some(search.words(&mut tx, &asked).await?)
    } else {
        None
    };
    let ranked = search
        .rank(&mut tx, meant.as_ref(), words.as_ref(), &asked)
        .await?;
    let hits = search.hits(&mut tx, &asked, &scope, ranked).await?;
    let now = tx.now();
    let indexes = indexes(&mut tx, &scope, meant.as_ref(), &hits, now).await?;
    Ok(Found {
        mode: match (by_words, &meant) {
            (true, Some(_)) => Mode::Hybrid,
            (true, None) => Mode::Text,
            (false, _) => Mode::Vector,
        },
        hits,
        note,
        indexes,
        left_out: scope.left_out,
    })
}

fn filter(ask: &Ask) -> Result<Filter> {
    if let Some(paths) = &ask.paths {
        glob::check("paths", paths).map_err(Error::Invalid)?;
    }
    Ok(Filter {
        paths: ask
            .paths
            .as_ref()
            .filter(|paths| !paths.is_empty())
            .map(|paths| glob::regex(paths)),
        kinds: ask.kinds.clone().filter(|kinds| !kinds.is_empty()),
    })
}

/// Leaves the indexes that stand at a commit.
fn pin(scope: &mut Scope, commit: &str) -> Result<()> {
    let stands = |at: &Option<String>| at.as_ref().is_some_and(|at| at.starts_with(commit));
    let others: Vec<_> = scope
        .sources
        .iter()
        .filter_map(|source| {
            source
                .commit
                .as_ref()
                .map(|at| format!("{} at {at}", source.full_name))
        })
        .take(5)
        .collect();
    scope
        .sources
        .retain(|source| stands(&source.commit) && source.pass_commit.is_none());
    if scope.sources.is_empty() {
        return Err(Error::Precondition(format!(
            "commit: no index that you may search stands at {commit}; an index follows its default branch and keeps no \
             older commit: {}. Ask without commit, or read the file in a checkout",
            others.join(", ")
        )));
    }
    Ok(())
}

/// The model that serves and the question's vector, or why there is none.
async fn meaning(
    orchestrator: &Orchestrator,
    actor: &Actor,
    mode: Mode,
    asked: &Asked,
    scope: &Scope,
    trace: &TraceParent,
) -> Result<(Option<(Model, Vec<f32>)>, Option<String>)> {
    if mode == Mode::Text || scope.sources.is_empty() {
        return Ok((None, None));
    }
    let mut tx = orchestrator.look("knowledge.meaning").await?;
    let models = embeddings::models(&mut tx).await?;
    let Some(model) = models
        .into_iter()
        .find(|model| model.state == ModelState::Serving)
    else {
        let note = "no embedding model is switched on, so words alone were searched";
        return Ok((None, Some(note.into())));
    };
    if let Some(vector) = store::question(&mut tx, model.model_id, &question_sha256(&asked.text)).await? {
        return Ok((Some((model, vector)), None));
    }
    drop(tx);
    let question = Question::QuestionVector {
        model_id: model.model_id,
        text: asked.text.clone(),
    };
    let answer = tokio::time::timeout(
        VECTOR_PATIENCE,
        port_call::ask(orchestrator, actor, &question, trace),
    )
    .await;
    let why = match answer {
        Ok(Ok(Answer::QuestionVector { vector })) => return Ok((Some((model, vector)), None)),
        Ok(Ok(_)) => {
            return Err(Error::internal(
                "a question's vector was answered with something else",
            ));
        }
        Ok(Err(error)) => error.told(),
        Err(_) => "it took too long".into(),
    };
    Ok((
        None,
        Some(format!(
            "words alone were searched, because the question has no vector now: {why}"
        )),
    ))
}

async fn indexes(
    tx: &mut Tx,
    scope: &Scope,
    meant: Option<&(Model, Vec<f32>)>,
    hits: &[Hit],
    now: Timestamp,
) -> Result<Vec<Index>> {
    let is_hit = |source: &&Scoped| hits.iter().any(|hit| hit.repository_id == source.repository_id);
    let mut shown: Vec<_> = scope.sources.iter().collect();
    shown.sort_by_key(|source| !is_hit(source));
    shown.truncate(MOST_HITS);
    let ids: Vec<_> = shown.iter().map(|source| source.repository_id).collect();
    let waiting: HashMap<_, _> = match meant {
        Some((model, _)) => embeddings::waiting(tx, model.model_id, &ids)
            .await?
            .into_iter()
            .collect(),
        None => HashMap::new(),
    };
    let show = |source: &Scoped| Index {
        repository_id: source.repository_id,
        full_name: source.full_name.clone(),
        commit: source.commit.clone(),
        lag_seconds: source
            .wanted_since
            .map_or(0, |since| now.duration_since(since).as_secs().max(0)),
        unembedded: waiting.get(&source.repository_id).copied().unwrap_or(0),
        model: meant.map(|(model, _)| model.pinned.name.clone()),
    };
    Ok(shown.into_iter().map(show).collect())
}
