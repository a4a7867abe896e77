//! Models and vectors, as the worker makes them.

use jiff::SignedDuration;
use jiff_sqlx::ToSqlx;
use sha2::{Digest, Sha256};

use super::super::document::embedded_text;
use super::super::store::embeddings;
use super::index::{MAX_FAILURE_BYTES, ask_for_vectors};
use crate::actor::words;
use crate::error::{Error, Result};
use crate::id::ChunkId;
use crate::orchestrator::Orchestrator;
use crate::ports::EmbeddingModel;
use crate::postgres::Tx;

/// Vectors of a model that serves no more are kept this long, in case it is taken again.
const RETIRED_KEPT: SignedDuration = SignedDuration::from_hours(24);
/// Questions whose vectors are kept.
const QUESTIONS_KEPT: i64 = 10_000;

/// Where a model is in its life: it is built beside the one that serves, and takes its place when it lacks nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ModelState {
    Building,
    Serving,
    Retired,
}

words!(ModelState: Building = "building", Serving = "serving", Retired = "retired");

/// A model whose vectors are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Model {
    pub model_id: i16,
    pub state: ModelState,
    pub pinned: EmbeddingModel,
}

/// A passage that waits for its vector.
#[derive(Clone, Debug)]
pub struct Unembedded {
    pub chunk_id: ChunkId,
    pub(crate) heading: String,
    pub(crate) text: String,
}

impl Unembedded {
    /// What is embedded of it.
    pub fn embedded_text(&self) -> String {
        embedded_text(&self.heading, &self.text)
    }
}

/// Takes note of the model that is wanted now; none switches vectors off. The first one serves at once, a later one when it
/// has read what the one that serves has. Asking twice changes nothing.
pub async fn agree_on(orchestrator: &Orchestrator, wanted: Option<&EmbeddingModel>) -> Result<()> {
    let mut tx = orchestrator.begin("knowledge.agree_on").await?;
    embeddings::lock_models(&mut tx).await?;
    let known = embeddings::models(&mut tx).await?;
    let serving = known.iter().find(|model| model.state == ModelState::Serving);
    let there = wanted.and_then(|wanted| known.iter().find(|model| model.pinned == *wanted));
    let state = match (wanted, serving) {
        (Some(wanted), Some(serving)) if serving.pinned != *wanted => ModelState::Building,
        _ => ModelState::Serving,
    };
    let is_kept = |model: &&Model| {
        wanted.is_some_and(|wanted| model.pinned == *wanted || model.state == ModelState::Serving)
    };
    for other in known.iter().filter(|model| !is_kept(model)) {
        if other.state != ModelState::Retired {
            embeddings::set_state(&mut tx, other.model_id, ModelState::Retired).await?;
        }
    }
    match (wanted, there) {
        (Some(_), Some(there)) if there.state == state => {}
        (Some(_), Some(there)) => {
            embeddings::set_state(&mut tx, there.model_id, state).await?;
            embeddings::fill_pending(&mut tx, there.model_id).await?;
        }
        (Some(wanted), None) => {
            let model_id = embeddings::insert_model(&mut tx, wanted, state).await?;
            embeddings::fill_pending(&mut tx, model_id).await?;
        }
        (None, _) => {}
    }
    promote_what_is_built(&mut tx).await?;
    ask_for_vectors(&mut tx).await?;
    tx.commit().await
}

/// The models that make vectors, the one that serves first.
pub async fn models_at_work(orchestrator: &Orchestrator) -> Result<Vec<Model>> {
    let mut tx = orchestrator.begin("knowledge.models_at_work").await?;
    let mut models = embeddings::models(&mut tx).await?;
    models.retain(|model| model.state != ModelState::Retired);
    models.sort_by_key(|model| model.state != ModelState::Serving);
    Ok(models)
}

/// Passages that wait for a model's vectors, and that may be shown to it. When a model that is being built lacks nothing, it
/// serves from then on.
pub async fn unembedded(orchestrator: &Orchestrator, model_id: i16, limit: i64) -> Result<Vec<Unembedded>> {
    let mut tx = orchestrator.begin("knowledge.unembedded").await?;
    let waiting = embeddings::pending(&mut tx, model_id, limit).await?;
    if waiting.is_empty() {
        embeddings::lock_models(&mut tx).await?;
        promote(&mut tx, model_id).await?;
        tx.commit().await?;
    }
    Ok(waiting)
}

/// Keeps vectors; those of passages that went meanwhile are left out. Answers how many were kept.
///
/// # Errors
///
/// `NotFound` for a model that was dropped; `Invalid` for a vector of another size, or that holds no numbers.
pub async fn keep_vectors(
    orchestrator: &Orchestrator,
    model_id: i16,
    vectors: &[(ChunkId, Vec<f32>)],
) -> Result<u64> {
    let mut tx = orchestrator.begin("knowledge.keep_vectors").await?;
    let models = embeddings::models(&mut tx).await?;
    let model = models.iter().find(|model| model.model_id == model_id);
    let model = model.ok_or_else(|| Error::not_found("embedding model", model_id))?;
    for (_, vector) in vectors {
        check(&model.pinned, vector)?;
    }
    let kept = embeddings::insert(&mut tx, model, vectors).await?;
    tx.commit().await?;
    Ok(kept)
}

/// Notes that a model will never read a passage, and why: it is not asked again, and a model that lacks nothing else serves.
pub async fn refuse(
    orchestrator: &Orchestrator,
    model_id: i16,
    chunk_id: ChunkId,
    refusal: &str,
) -> Result<()> {
    let mut tx = orchestrator.begin("knowledge.refuse").await?;
    let end = refusal.floor_char_boundary(MAX_FAILURE_BYTES);
    embeddings::refuse(&mut tx, model_id, chunk_id, &refusal[..end]).await?;
    tx.commit().await
}

/// A model that has nothing to read, because there is nothing or because it was nearly done, serves at once.
async fn promote_what_is_built(tx: &mut Tx) -> Result<()> {
    let models = embeddings::models(tx).await?;
    let building = models.iter().find(|model| model.state == ModelState::Building);
    if let Some(model) = building
        && embeddings::pending(tx, model.model_id, 1).await?.is_empty()
    {
        promote(tx, model.model_id).await?;
    }
    Ok(())
}

/// Lets a model that was built take the place of the one that serves.
async fn promote(tx: &mut Tx, model_id: i16) -> Result<()> {
    let models = embeddings::models(tx).await?;
    let is_built = |model: &Model| model.model_id == model_id && model.state == ModelState::Building;
    if !models.iter().any(is_built) {
        return Ok(());
    }
    for other in models.iter().filter(|model| model.state == ModelState::Serving) {
        embeddings::set_state(tx, other.model_id, ModelState::Retired).await?;
    }
    embeddings::set_state(tx, model_id, ModelState::Serving).await
}

pub(super) fn check(model: &EmbeddingModel, vector: &[f32]) -> Result<()> {
    let fits = usize::try_from(model.dims) == Ok(vector.len());
    let is_plain =
        vector.iter().all(|number| number.is_finite()) && vector.iter().any(|number| *number != 0.0);
    if fits && is_plain {
        return Ok(());
    }
    Err(Error::Invalid(format!(
        "a vector of {} has {} finite numbers, not all zero; this one has {}",
        model.name,
        model.dims,
        vector.len()
    )))
}

/// Keeps the vector of a question for the next time.
pub async fn question_vector(
    orchestrator: &Orchestrator,
    model_id: i16,
    text: &str,
    vector: &[f32],
) -> Result<()> {
    let mut tx = orchestrator.begin("knowledge.question_vector").await?;
    let models = embeddings::models(&mut tx).await?;
    let model = models.iter().find(|model| model.model_id == model_id);
    let model = model.ok_or_else(|| Error::not_found("embedding model", model_id))?;
    check(&model.pinned, vector)?;
    embeddings::keep_question(&mut tx, model_id, &question_sha256(text), vector).await?;
    tx.commit().await
}

/// The words themselves are not kept.
pub(super) fn question_sha256(text: &str) -> [u8; 32] {
    Sha256::digest(text).into()
}

/// Drops models that served no longer than a day ago, and old questions.
pub async fn sweep(orchestrator: &Orchestrator) -> Result<u64> {
    let mut tx = orchestrator.begin("knowledge.sweep").await?;
    embeddings::lock_models(&mut tx).await?;
    let before = (tx.now() - RETIRED_KEPT).to_sqlx();
    let gone = embeddings::drop_retired(&mut tx, before).await?;
    let forgotten = embeddings::sweep_questions(&mut tx, QUESTIONS_KEPT).await?;
    tx.commit().await?;
    Ok(gone + forgotten)
}
