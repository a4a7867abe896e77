//! A pass over a repository's tree, as the worker makes it. What it does is asked for by ids and checked against the source
//! each time: a worker that was frozen while another made the pass changes nothing.

use std::collections::{HashMap, HashSet, VecDeque};

use jiff::SignedDuration;
use jiff_sqlx::ToSqlx;

use super::super::document::{NewDocument, Skipped};
use super::super::glob::Globs;
use super::super::jobs::{EmbedChunks, ForgetSource, IndexSource};
use super::super::source::Pass;
use super::super::store::{documents, embeddings, sources};
use super::ModelState;
use crate::error::{Error, Result};
use crate::id::{ChunkId, RepositoryId};
use crate::orchestrator::Orchestrator;
use crate::postgres::Tx;

/// A source that failed is tried again after this long, unless something new is pushed.
const FAILED_REST: SignedDuration = SignedDuration::from_mins(10);
/// Documents that one transaction deletes, with all their passages.
pub(super) const DELETED_AT_ONCE: i64 = 100;
/// Passages that are looked at for their common words.
const WORDS_SAMPLE: i64 = 20_000;
/// Longest text of a failure that is kept.
pub(super) const MAX_FAILURE_BYTES: usize = 500;

/// What became of a file's passages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// New ones: only these are embedded, unless the same stands elsewhere in the repository.
    pub added: usize,
    pub kept: usize,
    pub removed: usize,
}

/// Begins a pass at a commit, or goes on with one that was interrupted there. None if there is nothing to do: the index stands
/// there already, or is to be forgotten.
pub async fn begin(
    orchestrator: &Orchestrator,
    repository_id: RepositoryId,
    commit: &str,
    is_private: bool,
) -> Result<Option<Pass>> {
    let mut tx = orchestrator.begin("knowledge.begin").await?;
    let Some(start) = sources::lock(&mut tx, repository_id).await? else {
        return Ok(None);
    };
    if start.commit.as_deref() == Some(commit) && !start.is_stale && start.pass_commit.is_none() {
        sources::settle(&mut tx, repository_id, is_private).await?;
        tx.commit().await?;
        return Ok(None);
    }
    let goes_on = start.pass_commit.as_deref() == Some(commit);
    let number = if goes_on { start.number } else { start.number + 1 };
    if !goes_on {
        sources::begin(&mut tx, repository_id, number, commit, is_private).await?;
    }
    tx.commit().await?;
    let globs = Globs::new(&start.include, &start.exclude).map_err(Error::internal)?;
    Ok(Some(Pass {
        repository_id,
        number,
        commit: commit.to_owned(),
        globs,
        version: start.version,
    }))
}

/// Of files `(path, blob)` of the tree, at most some hundred, answers the paths that have to be read: the others did not
/// change.
///
/// # Errors
///
/// `Conflict` if another pass began.
pub async fn compare(
    orchestrator: &Orchestrator,
    pass: &Pass,
    files: &[(String, String)],
) -> Result<HashSet<String>> {
    let mut tx = under_way(orchestrator, "knowledge.compare", pass).await?;
    let (paths, blobs): (Vec<_>, Vec<_>) = files.iter().cloned().unzip();
    let same = documents::mark_seen(&mut tx, pass.repository_id, pass.number, &paths, &blobs).await?;
    tx.commit().await?;
    let mut changed: HashSet<_> = paths.into_iter().collect();
    for path in &same {
        changed.remove(path);
    }
    Ok(changed)
}

/// Keeps a file's text and passages. A passage that is there already keeps its id and its vectors. Asking twice changes
/// nothing.
///
/// # Errors
///
/// `Conflict` if another pass began.
pub async fn put(orchestrator: &Orchestrator, pass: &Pass, document: &NewDocument) -> Result<Counted> {
    let mut tx = under_way(orchestrator, "knowledge.put", pass).await?;
    let at = (pass.number, pass.commit.as_str());
    let document_id = documents::upsert(&mut tx, pass.repository_id, at, document).await?;
    let mut there: HashMap<Vec<u8>, VecDeque<ChunkId>> = HashMap::new();
    for kept in documents::passages(&mut tx, document_id).await? {
        there
            .entry(kept.content_sha256)
            .or_default()
            .push_back(kept.chunk_id);
    }
    let (mut moved, mut new) = (Vec::new(), Vec::new());
    for passage in &document.passages {
        let same = there.get_mut(passage.content_sha256().as_slice());
        match same.and_then(VecDeque::pop_front) {
            Some(chunk_id) => moved.push((chunk_id, passage.lines)),
            None => new.push((ChunkId::new(), passage)),
        }
    }
    let gone: Vec<_> = there.into_values().flatten().collect();
    documents::move_passages(&mut tx, &moved).await?;
    documents::insert_passages(&mut tx, document_id, pass.repository_id, document, &new).await?;
    documents::delete_passages(&mut tx, &gone).await?;
    tx.commit().await?;
    Ok(Counted {
        added: new.len(),
        kept: moved.len(),
        removed: gone.len(),
    })
}

/// Notes a file of which nothing can be found, and why.
///
/// # Errors
///
/// `Conflict` if another pass began.
pub async fn skip(orchestrator: &Orchestrator, pass: &Pass, file: &Skipped) -> Result<()> {
    let mut tx = under_way(orchestrator, "knowledge.skip", pass).await?;
    documents::skip(&mut tx, pass.repository_id, (pass.number, &pass.commit), file).await?;
    tx.commit().await
}

/// Ends a pass that saw the whole tree: what it did not see is gone, and vectors are asked for. Answers whether another pass
/// is wanted.
///
/// # Errors
///
/// `Conflict` if another pass began.
pub async fn finish(orchestrator: &Orchestrator, pass: &Pass) -> Result<bool> {
    loop {
        let mut tx = under_way(orchestrator, "knowledge.sweep", pass).await?;
        let id = pass.repository_id;
        let gone = documents::delete_unseen(&mut tx, id, pass.number, DELETED_AT_ONCE).await?;
        tx.commit().await?;
        if gone == 0 {
            break;
        }
    }
    let mut tx = under_way(orchestrator, "knowledge.finish", pass).await?;
    documents::count_words(&mut tx, pass.repository_id, WORDS_SAMPLE).await?;
    let again = sources::finish(&mut tx, pass.repository_id, pass.number, pass.version).await?;
    ask_for_vectors(&mut tx).await?;
    tx.commit().await?;
    Ok(again)
}

/// Asks for the vectors that models lack.
pub(super) async fn ask_for_vectors(tx: &mut Tx) -> Result<()> {
    for model in embeddings::models(tx).await? {
        if model.state != ModelState::Retired {
            let model_id = model.model_id;
            tx.enqueue(EmbedChunks { model_id }).await?;
        }
    }
    Ok(())
}

/// Says why a source cannot follow; what was indexed stays to be found.
pub async fn fail(orchestrator: &Orchestrator, repository_id: RepositoryId, failure: &str) -> Result<()> {
    let mut tx = orchestrator.begin("knowledge.fail").await?;
    let end = failure.floor_char_boundary(MAX_FAILURE_BYTES);
    sources::fail(&mut tx, repository_id, &failure[..end]).await?;
    tx.commit().await
}

/// Asks for what waits, in case its job was lost; answers for how many sources.
pub async fn due(orchestrator: &Orchestrator, limit: i64) -> Result<usize> {
    let mut tx = orchestrator.begin("knowledge.due").await?;
    let failed_before = (tx.now() - FAILED_REST).to_sqlx();
    let wanted = sources::due(&mut tx, failed_before, limit).await?;
    for repository_id in &wanted {
        let repository_id = *repository_id;
        tx.enqueue(IndexSource { repository_id }).await?;
    }
    for repository_id in sources::forgotten(&mut tx, limit).await? {
        tx.enqueue(ForgetSource { repository_id }).await?;
    }
    ask_for_vectors(&mut tx).await?;
    tx.commit().await?;
    Ok(wanted.len())
}

/// Deletes a part of what is known of a source that is to be forgotten; answers whether nothing is left.
pub async fn forget_some(orchestrator: &Orchestrator, repository_id: RepositoryId) -> Result<bool> {
    let mut tx = orchestrator.begin("knowledge.forget_some").await?;
    let done = sources::delete_some(&mut tx, repository_id, DELETED_AT_ONCE).await?;
    tx.commit().await?;
    Ok(done)
}

async fn under_way(orchestrator: &Orchestrator, name: &'static str, pass: &Pass) -> Result<Tx> {
    let mut tx = orchestrator.begin(name).await?;
    if documents::is_under_way(&mut tx, pass.repository_id, pass.number).await? {
        return Ok(tx);
    }
    Err(Error::Conflict("another pass over this repository began".into()))
}
