//! The search: what is in scope is ranked by words and by meaning, the ranks are fused, near copies are folded.

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;

use super::super::fuse::{self, List};
use super::super::plan::{self, Scan};
use super::super::snippet::snippet;
use super::super::store::nearest::{self, Meaning, NAMED, NEAR, SAID, Words};
use super::super::store::{embeddings, search as store};
use super::super::words::{self, Question as Asked};
use super::super::{DocumentKind, glob};
use super::embed::question_sha256;
use super::scope::{LeftOut, Scope, scope};
use super::{Model, ModelState, Scoped};
use crate::actor::{Actor, words as wire_words};
use crate::agent::neutralise;
use crate::error::{Error, Result};
use crate::id::{ChunkId, DocumentId, RepositoryId};
use crate::orchestrator::Orchestrator;
use crate::port_call::{self, Answer, Question};
use crate::postgres::Tx;
use crate::trace::TraceParent;

/// Hits of one search.
pub const MOST_HITS: usize = 20;
/// Candidates of each list.
const CANDIDATES: usize = 60;
/// How much each list counts: measured in `docs/benchmarks.md`.
const NEAR_WEIGHT: f64 = 2.0;
const SAID_WEIGHT: f64 = 1.0;
const NAMED_WEIGHT: f64 = 4.0;
/// A question that was not asked before waits so long for its vector; then words alone answer.
const VECTOR_PATIENCE: Duration = Duration::from_secs(5);
/// Passages that bear a misspelt name.
const MOST_LIKE: i64 = 20;

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

/// A passage that was found. All of it is data of the repository, and untrusted.
#[derive(Clone, Debug, PartialEq)]
pub struct Hit {
    pub document_id: DocumentId,
    pub repository_id: RepositoryId,
    pub full_name: String,
    pub path: String,
    pub commit: String,
    pub kind: DocumentKind,
    pub heading: String,
    /// Of the whole passage.
    pub lines: (u32, u32),
    pub snippet: String,
    /// The first line of the snippet.
    pub snippet_line: u32,
    /// Words of the snippet that were asked for.
    pub matched: Vec<String>,
    pub scores: Scores,
    /// Near copies of it: path and lines.
    pub copies: Vec<(String, (u32, u32))>,
}

/// Why a hit stands where it does.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Scores {
    /// `Σ weight / (60 + rank)`.
    pub fused: f64,
    /// Place among the nearest, and the cosine similarity.
    pub near: Option<(u32, f64)>,
    /// Place by words, and their rank.
    pub said: Option<(u32, f64)>,
    /// Place among those that define a name of the question.
    pub named: Option<u32>,
}

/// A passage as it is kept.
#[derive(Clone, Debug)]
pub(crate) struct Passage {
    pub(crate) chunk_id: ChunkId,
    pub(crate) document_id: DocumentId,
    pub(crate) repository_id: RepositoryId,
    pub(crate) path: String,
    pub(crate) kind: DocumentKind,
    pub(crate) heading: String,
    pub(crate) names: Vec<String>,
    pub(crate) lines: (u32, u32),
    pub(crate) text: String,
    pub(crate) commit: String,
}

/// What passages must be, beside in scope.
#[derive(Clone, Debug, Default)]
pub(crate) struct Filter {
    /// A regular expression over the whole path.
    pub(crate) paths: Option<String>,
    pub(crate) kinds: Option<Vec<DocumentKind>>,
}

impl Filter {
    pub(crate) fn is_none(&self) -> bool {
        self.paths.is_none() && self.kinds.is_none()
    }
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
    let mut tx = orchestrator.begin("knowledge.meaning").await?;
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

/// A search whose scope is decided.
pub(super) struct Search {
    pub(super) ids: Vec<RepositoryId>,
    pub(super) chunks: u64,
    pub(super) filter: Filter,
    pub(super) limit: usize,
}

/// Passages with the reasons for their places, best first.
struct Ranked {
    order: Vec<(ChunkId, Scores)>,
}

impl Search {
    async fn words(&self, tx: &mut Tx, asked: &Asked) -> Result<Words> {
        let weighed = store::weigh(tx, &asked.words, &self.ids).await?;
        let (telling, rest) = plan::telling(weighed, self.chunks);
        let any_of = |words: &[String]| {
            words
                .iter()
                .map(|word| words::quoted(word))
                .collect::<Vec<_>>()
                .join(" | ")
        };
        let names = asked
            .names
            .iter()
            .map(|name| format!("{}:A", words::quoted(name)));
        Ok(Words {
            any: any_of(&[telling, asked.names.clone()].concat()),
            rest: any_of(&rest),
            all: store::every_word(tx, &asked.words).await?,
            names: names.collect::<Vec<_>>().join(" | "),
            all_first: asked.is_short,
        })
    }

    /// How the nearest are found.
    pub(super) async fn scan(&self, tx: &mut Tx, wanted: usize) -> Result<Scan> {
        let wanted = u64::try_from(wanted).unwrap_or(u64::MAX);
        if self.chunks <= plan::MOST_EXACT {
            return Ok(Scan::Exact);
        }
        let in_scope = if self.filter.is_none() {
            self.chunks
        } else {
            store::count(tx, &self.ids, &self.filter, plan::MOST_EXACT + 1).await?
        };
        let in_model = store::passages_in_all(tx).await?;
        Ok(plan::scan(in_scope, in_model, wanted))
    }

    async fn rank(
        &self,
        tx: &mut Tx,
        meant: Option<&(Model, Vec<f32>)>,
        words: Option<&Words>,
        asked: &Asked,
    ) -> Result<Ranked> {
        let wanted = if words.is_some() {
            CANDIDATES
        } else {
            self.limit * 2
        };
        let (mut near, mut said, mut named) = (Vec::new(), Vec::new(), Vec::new());
        let mut values = HashMap::new();
        for candidate in self.candidates(tx, meant, words, wanted).await? {
            let list = match candidate.list {
                NEAR => &mut near,
                SAID => &mut said,
                NAMED => &mut named,
                other => return Err(Error::internal(format!("there is no list {other}"))),
            };
            list.push(candidate.chunk_id);
            values.insert((candidate.list, candidate.chunk_id), candidate.value);
        }
        if let ([name], true, true) = (
            asked.text.split_whitespace().collect::<Vec<_>>().as_slice(),
            named.is_empty(),
            words.is_some(),
        ) {
            named = store::like_a_name(tx, &self.ids, &name.to_lowercase(), MOST_LIKE).await?;
        }
        let lists = [
            List {
                weight: NEAR_WEIGHT,
                ids: &near,
            },
            List {
                weight: SAID_WEIGHT,
                ids: &said,
            },
            List {
                weight: NAMED_WEIGHT,
                ids: &named,
            },
        ];
        let value = |list, id| values.get(&(list, id)).copied().unwrap_or_default();
        let order = fuse::fuse(&lists).into_iter().map(|fused| {
            let scores = Scores {
                fused: fused.score,
                near: fused.ranks[0].map(|rank| (rank, 1.0 - value(NEAR, fused.id))),
                said: fused.ranks[1].map(|rank| (rank, value(SAID, fused.id))),
                named: fused.ranks[2],
            };
            (fused.id, scores)
        });
        Ok(Ranked {
            order: order.collect(),
        })
    }

    /// Words that tell much may find little; then the common ones are asked, too.
    async fn candidates(
        &self,
        tx: &mut Tx,
        meant: Option<&(Model, Vec<f32>)>,
        words: Option<&Words>,
        wanted: usize,
    ) -> Result<Vec<nearest::Candidate>> {
        let found = self.candidates_once(tx, meant, words, wanted).await?;
        let said = found.iter().filter(|candidate| candidate.list == SAID).count();
        match words {
            Some(words) if said < self.limit && !words.rest.is_empty() => {
                let all = [words.any.as_str(), words.rest.as_str()];
                let all: Vec<_> = all.into_iter().filter(|any| !any.is_empty()).collect();
                let more = Words {
                    any: all.join(" | "),
                    ..words.clone()
                };
                self.candidates_once(tx, meant, Some(&more), wanted).await
            }
            _ => Ok(found),
        }
    }

    /// The index may give up before enough are found; then every vector is looked at.
    async fn candidates_once(
        &self,
        tx: &mut Tx,
        meant: Option<&(Model, Vec<f32>)>,
        words: Option<&Words>,
        wanted: usize,
    ) -> Result<Vec<nearest::Candidate>> {
        let limit = i64::try_from(wanted).unwrap_or(i64::MAX);
        let Some((model, vector)) = meant else {
            return nearest::candidates(tx, &self.ids, &self.filter, None, words, limit).await;
        };
        let mut meaning = Meaning {
            model,
            vector,
            scan: self.scan(tx, wanted).await?,
        };
        nearest::prepare(tx, meaning.scan).await?;
        let found = nearest::candidates(tx, &self.ids, &self.filter, Some(&meaning), words, limit).await?;
        let near = found.iter().filter(|candidate| candidate.list == NEAR).count();
        if meaning.scan == Scan::Exact || near >= wanted {
            return Ok(found);
        }
        meaning.scan = Scan::Exact;
        nearest::prepare(tx, meaning.scan).await?;
        nearest::candidates(tx, &self.ids, &self.filter, Some(&meaning), words, limit).await
    }

    async fn hits(&self, tx: &mut Tx, asked: &Asked, scope: &Scope, ranked: Ranked) -> Result<Vec<Hit>> {
        let mut passages: Vec<(Passage, Scores)> = Vec::new();
        let mut stands = Vec::new();
        // Copies fold, so more is read until there are enough, or no more.
        for batch in ranked.order.chunks(self.limit * 2) {
            let ids: Vec<_> = batch.iter().map(|(id, _)| *id).collect();
            let mut there: HashMap<_, _> = store::passages(tx, &ids, &self.ids)
                .await?
                .into_iter()
                .map(|passage| (passage.chunk_id, passage))
                .collect();
            let read = batch
                .iter()
                .filter_map(|(id, scores)| there.remove(id).map(|it| (it, *scores)));
            passages.extend(read);
            let texts: Vec<_> = passages
                .iter()
                .map(|(passage, _)| passage.text.as_str())
                .collect();
            stands = fuse::fold(&texts);
            if (0..stands.len()).filter(|&at| stands[at] == at).count() >= self.limit {
                break;
            }
        }
        let first = (0..stands.len()).filter(|&at| stands[at] == at).take(self.limit);
        Ok(first
            .map(|at| {
                let copies = (0..stands.len()).filter(|&other| other != at && stands[other] == at);
                let copies =
                    copies.map(|other| (neutralise(&passages[other].0.path), passages[other].0.lines));
                let (passage, scores) = &passages[at];
                show(passage, *scores, copies.collect(), asked, scope)
            })
            .collect())
    }
}

fn show(
    passage: &Passage,
    scores: Scores,
    copies: Vec<(String, (u32, u32))>,
    asked: &Asked,
    scope: &Scope,
) -> Hit {
    let part = snippet(&passage.text, asked);
    let source = scope
        .sources
        .iter()
        .find(|source| source.repository_id == passage.repository_id);
    let heading = if passage.heading.is_empty() {
        passage.names.join(", ")
    } else {
        passage.heading.clone()
    };
    Hit {
        document_id: passage.document_id,
        repository_id: passage.repository_id,
        full_name: source.map(|source| source.full_name.clone()).unwrap_or_default(),
        path: neutralise(&passage.path),
        commit: passage.commit.clone(),
        kind: passage.kind,
        heading: neutralise(&heading),
        lines: passage.lines,
        snippet: neutralise(&part.text),
        snippet_line: passage.lines.0 + u32::try_from(part.skipped).unwrap_or(0),
        matched: part.matched,
        scores,
        copies,
    }
}
