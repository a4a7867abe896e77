//! What is shown of the passages that were found: once each, without what their repository hid in them.

use std::collections::HashMap;

use super::super::DocumentKind;
use super::super::fuse;
use super::super::snippet::snippet;
use super::super::store::search as store;
use super::super::words::Question as Asked;
use super::rank::{Ranked, Search};
use super::scope::Scope;
use crate::agent::neutralise;
use crate::error::Result;
use crate::id::{ChunkId, DocumentId, RepositoryId};
use crate::postgres::Tx;

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

impl Search {
    pub(super) async fn hits(
        &self,
        tx: &mut Tx,
        asked: &Asked,
        scope: &Scope,
        ranked: Ranked,
    ) -> Result<Vec<Hit>> {
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
