//! Whether the one right answer comes first, by words, by meaning, and by both.

use orchestrator::knowledge::{self, Ask, Hit, Mode};
use orchestrator::trace::TraceParent;

use super::super::results::{Quality, Ranking};
use super::questions::Question;
use super::shelf::{Shelf, share};

/// Ranks that count.
const LOOKED_AT: usize = 10;
const MODES: [Mode; 3] = [Mode::Text, Mode::Vector, Mode::Hybrid];

/// Asks all questions of everything there is, in each mode.
pub(super) async fn measure(shelf: &Shelf, kind: &str, questions: &[Question]) -> anyhow::Result<Quality> {
    let mut rankings = Vec::new();
    for mode in MODES {
        let mut places = Vec::new();
        for question in questions {
            places.push(place(shelf, mode, question).await?);
        }
        rankings.push(ranking(mode, &places));
    }
    Ok(Quality {
        kind: kind.to_owned(),
        questions: questions.len(),
        rankings,
    })
}

/// The place of the right answer among the hits, from 0.
async fn place(shelf: &Shelf, mode: Mode, question: &Question) -> anyhow::Result<Option<usize>> {
    let ask = Ask {
        query: question.text.clone(),
        mode,
        limit: LOOKED_AT,
        ..Ask::default()
    };
    let everything = &shelf.filters[shelf.filters.len() - 1];
    let found = knowledge::search(
        &shelf.orchestrator,
        &everything.actor,
        &ask,
        &TraceParent::begin(),
    )
    .await?;
    anyhow::ensure!(found.mode == mode, "{:?}", found.note);
    Ok(found.hits.iter().position(|hit| is_right(hit, question)))
}

/// A near copy of the right passage says the same, but the definition is one of them alone.
fn is_right(hit: &Hit, question: &Question) -> bool {
    hit.path == question.path && (hit.lines.0..=hit.lines.1).contains(&question.line)
}

fn ranking(mode: Mode, places: &[Option<usize>]) -> Ranking {
    // There is one right answer, so the best order has it first, and gains 1.
    let gains = places.iter().flatten().map(|&place| {
        #[expect(clippy::cast_precision_loss, reason = "a place below 10")]
        let discount = (place as f64 + 2.0).log2();
        1.0 / discount
    });
    let of_all = share(1, places.len());
    let first = places.iter().filter(|place| **place == Some(0)).count();
    Ranking {
        mode: mode.as_str().to_owned(),
        hit_at_1: share(first, places.len()),
        hit_at_10: share(places.iter().flatten().count(), places.len()),
        ndcg_at_10: gains.sum::<f64>() * of_all,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_later_counts_less() {
        let ranking = ranking(Mode::Text, &[Some(0), Some(1), None, None]);
        assert_eq!((ranking.hit_at_1, ranking.hit_at_10), (0.25, 0.5));
        let expected = (1.0 + 1.0 / 3_f64.log2()) / 4.0;
        assert!((ranking.ndcg_at_10 - expected).abs() < 1e-12);
    }
}
