//! Ranks of several lists made one, and near copies made one.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;

/// How much a place in a list weighs less the lower it is: the constant of reciprocal rank fusion (Cormack et al. 2009).
const DAMPING: f64 = 60.0;
/// Words of a shingle, by which texts are compared.
const SHINGLE: usize = 3;
/// The part of shingles two near copies share.
const NEAR: f64 = 0.8;

/// A list of ids, best first, and how much it counts.
pub(super) struct List<'a, Id> {
    pub weight: f64,
    pub ids: &'a [Id],
}

/// An id with its place in each list, counted from 1, and what they make together.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Fused<Id> {
    pub id: Id,
    pub score: f64,
    pub ranks: Vec<Option<u32>>,
}

/// Fuses lists by reciprocal rank: `Σ weight / (60 + rank)`. Best first; equal ones by id, so that the same question gets the
/// same answer.
pub(super) fn fuse<Id: Copy + Eq + Hash + Ord>(lists: &[List<'_, Id>]) -> Vec<Fused<Id>> {
    let mut found: HashMap<Id, Fused<Id>> = HashMap::new();
    for (at, list) in lists.iter().enumerate() {
        for (id, rank) in list.ids.iter().zip(1u32..) {
            let fused = found.entry(*id).or_insert_with(|| Fused {
                id: *id,
                score: 0.0,
                ranks: vec![None; lists.len()],
            });
            if fused.ranks[at].is_none() {
                fused.ranks[at] = Some(rank);
                fused.score += list.weight / (DAMPING + f64::from(rank));
            }
        }
    }
    let mut fused: Vec<_> = found.into_values().collect();
    fused.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.id.cmp(&b.id)));
    fused
}

/// Which of these texts, best first, stay: each that is no near copy of one before it. Answers for each the index of the text
/// that stands for it.
pub(super) fn fold(texts: &[&str]) -> Vec<usize> {
    let shingles: Vec<HashSet<Vec<&str>>> = texts.iter().map(|text| shingled(text)).collect();
    let mut stands: Vec<usize> = Vec::with_capacity(texts.len());
    for at in 0..texts.len() {
        let first = (0..at).find(|&other| stands[other] == other && is_near(&shingles[other], &shingles[at]));
        stands.push(first.unwrap_or(at));
    }
    stands
}

fn shingled(text: &str) -> HashSet<Vec<&str>> {
    let words: Vec<_> = text
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect();
    words
        .windows(SHINGLE.min(words.len().max(1)))
        .map(<[_]>::to_vec)
        .collect()
}

fn is_near(a: &HashSet<Vec<&str>>, b: &HashSet<Vec<&str>>) -> bool {
    let (small, large) = if a.len() < b.len() { (a, b) } else { (b, a) };
    let shared = small.iter().filter(|shingle| large.contains(*shingle)).count();
    let all = a.len() + b.len() - shared;
    #[expect(clippy::cast_precision_loss, reason = "counts of some hundred")]
    let part = shared as f64 / all.max(1) as f64;
    part >= NEAR
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_two_lists_know_comes_first() {
        let lists = [
            List {
                weight: 2.0,
                ids: &[1, 2, 3],
            },
            List {
                weight: 1.0,
                ids: &[3, 4],
            },
        ];
        let fused = fuse(&lists);
        assert_eq!(fused.iter().map(|it| it.id).collect::<Vec<_>>(), [3, 1, 2, 4]);
        assert_eq!(fused[0].ranks, [Some(3), Some(1)]);
        assert!((fused[0].score - (2.0 / 63.0 + 1.0 / 61.0)).abs() < 1e-12);
    }

    #[test]
    fn near_copies_are_folded_into_the_best() {
        let text = "how to give a slot back before its time ends and why it may be refused";
        let licence = "permission is hereby granted free of charge to any person";
        let copy = format!("{text} now");
        assert_eq!(fold(&[text, licence, &copy, licence]), [0, 1, 0, 1]);
        assert_eq!(fold(&["", "a", "a b"]), [0, 1, 2]);
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_nothing_doubled(a in prop::collection::vec(0u8..50, 0..30), b in prop::collection::vec(0u8..50, 0..30)) {
            let fused = fuse(&[List { weight: 2.0, ids: &a }, List { weight: 1.0, ids: &b }]);
            let ids: Vec<_> = fused.iter().map(|it| it.id).collect();
            let unique: HashSet<_> = ids.iter().copied().collect();
            prop_assert_eq!(unique.len(), ids.len());
            prop_assert_eq!(unique, a.iter().chain(&b).copied().collect::<HashSet<_>>());
            prop_assert!(fused.windows(2).all(|pair| pair[0].score >= pair[1].score));
        }
    }
}
