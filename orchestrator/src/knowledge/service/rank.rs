//! What is in scope, ranked: the nearest, those that say the words, those that define the names, and their ranks made one.

use std::collections::HashMap;

use super::super::DocumentKind;
use super::super::fuse::{self, List};
use super::super::plan::{self, Scan};
use super::super::store::nearest::{self, Meaning, NAMED, NEAR, SAID, Words};
use super::super::store::search as store;
use super::super::words::{self, Question as Asked};
use super::Model;
use super::hits::Scores;
use crate::error::{Error, Result};
use crate::id::{ChunkId, RepositoryId};
use crate::postgres::Tx;

/// Candidates of each list.
const CANDIDATES: usize = 60;
/// How much each list counts: measured in `docs/benchmarks.md`.
const NEAR_WEIGHT: f64 = 2.0;
const SAID_WEIGHT: f64 = 1.0;
const NAMED_WEIGHT: f64 = 4.0;
/// Passages that bear a misspelt name.
const MOST_LIKE: i64 = 20;

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

/// A search whose scope is decided.
pub(super) struct Search {
    pub(super) ids: Vec<RepositoryId>,
    pub(super) chunks: u64,
    pub(super) filter: Filter,
    pub(super) limit: usize,
}

/// Passages with the reasons for their places, best first.
pub(super) struct Ranked {
    pub(super) order: Vec<(ChunkId, Scores)>,
}

impl Search {
    pub(super) async fn words(&self, tx: &mut Tx, asked: &Asked) -> Result<Words> {
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

    pub(super) async fn rank(
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
}
