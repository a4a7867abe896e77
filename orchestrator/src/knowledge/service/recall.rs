//! The watch over recall: what the index answers to questions that were really asked, beside what is right.

use std::collections::HashSet;

use super::super::plan::Scan;
use super::super::store::nearest::{self, Meaning};
use super::super::store::search as store;
use super::rank::{Filter, Search};
use super::{Model, ModelState};
use crate::error::Result;
use crate::id::ChunkId;
use crate::orchestrator::Orchestrator;
use crate::postgres::Tx;

/// Nearest passages that are compared.
const NEAREST: usize = 10;
/// Projects that are looked at, the largest first.
const PROJECTS: i64 = 5;

/// How many of the right answers the search gave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recall {
    pub questions: usize,
    pub right: usize,
    pub found: usize,
}

impl Recall {
    /// 0 to 1; none if nothing could be asked.
    pub fn share(self) -> Option<f64> {
        #[expect(clippy::cast_precision_loss, reason = "counts of some hundred")]
        let share = self.found as f64 / self.right as f64;
        (self.right > 0).then_some(share)
    }
}

/// Asks so many of the questions asked lately again in the largest projects, as a search would and exactly.
pub async fn recall(orchestrator: &Orchestrator, questions: i64) -> Result<Recall> {
    let mut tx = orchestrator.begin("knowledge.recall").await?;
    let models = super::super::store::embeddings::models(&mut tx).await?;
    let Some(model) = models
        .into_iter()
        .find(|model| model.state == ModelState::Serving)
    else {
        return Ok(Recall::default());
    };
    let projects = store::projects(&mut tx, PROJECTS).await?;
    let mut recall = Recall::default();
    if projects.is_empty() {
        return Ok(recall);
    }
    for (at, vector) in store::sample(&mut tx, model.model_id, questions)
        .await?
        .iter()
        .enumerate()
    {
        let (ids, chunks) = projects[at % projects.len()].clone();
        let search = Search {
            ids,
            chunks,
            filter: Filter::default(),
            limit: NEAREST,
        };
        let scan = search.scan(&mut tx, NEAREST).await?;
        let right = nearest_by(&mut tx, &search, &model, vector, Scan::Exact).await?;
        let found = nearest_by(&mut tx, &search, &model, vector, scan).await?;
        recall.questions += 1;
        recall.right += right.len();
        recall.found += right.intersection(&found).count();
    }
    Ok(recall)
}

async fn nearest_by(
    tx: &mut Tx,
    search: &Search,
    model: &Model,
    vector: &[f32],
    scan: Scan,
) -> Result<HashSet<ChunkId>> {
    nearest::prepare(tx, scan).await?;
    let meaning = Meaning { model, vector, scan };
    let limit = i64::try_from(NEAREST).unwrap_or(i64::MAX);
    let found = nearest::candidates(tx, &search.ids, &search.filter, Some(&meaning), None, limit).await?;
    Ok(found.into_iter().map(|candidate| candidate.chunk_id).collect())
}
