//! The part about the search.

use std::fmt::Write;

use super::super::results::{Corpus, Quality, Round, Search};
use super::super::spread::Spread;
use super::{heading, line, number, spread};

const SEARCH: &str = include_str!("search.md");

pub(super) fn render(text: &mut String, search: &Search) {
    text.push_str(SEARCH);
    let _ = writeln!(
        text,
        "\nMeasured {}, load average {} before it began.",
        search.measured_at.strftime("%Y-%m-%d %H:%M UTC"),
        search.load_before,
    );
    corpus(text, &search.corpus);
    recall(text, search);
    text.push_str("\n### Questions with known answers\n");
    for kind in &search.quality {
        quality(text, kind);
    }
    rates(text, search);
}

fn corpus(text: &mut String, corpus: &Corpus) {
    let _ = writeln!(
        text,
        "\n{} passages of {} files of {} crates, read by {}.",
        corpus.passages, corpus.files, corpus.crates, corpus.model,
    );
    if corpus.embedded > 0 {
        #[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52 texts")]
        let per_second = corpus.embedded as f64 / corpus.embedded_seconds;
        let _ = writeln!(
            text,
            "This bench made {} vectors in {} s, {} a second; the others were kept from one before.",
            corpus.embedded,
            number(corpus.embedded_seconds),
            number(per_second),
        );
    }
}

fn recall(text: &mut String, search: &Search) {
    text.push_str("\n### Recall\n");
    heading(
        text,
        &[
            "filter lets pass",
            "passages",
            "questions",
            "recall of 10",
            "fewest hits of 10",
        ],
    );
    for row in &search.recall {
        line(
            text,
            &[
                &format!("{} %", number(row.selectivity * 100.0)),
                &row.passages.to_string(),
                &row.questions.to_string(),
                &format!("{:.4}", row.found),
                &row.fewest_hits.to_string(),
            ],
        );
    }
}

fn quality(text: &mut String, quality: &Quality) {
    let about = format!("{}, {} questions", quality.kind, quality.questions);
    heading(text, &[&about, "hit@1", "hit@10", "nDCG@10"]);
    for ranking in &quality.rankings {
        line(
            text,
            &[
                &ranking.mode,
                &number(ranking.hit_at_1),
                &number(ranking.hit_at_10),
                &number(ranking.ndcg_at_10),
            ],
        );
    }
}

fn rates(text: &mut String, search: &Search) {
    text.push_str("\n### What it costs\n");
    if !search.optimized {
        text.push_str("\nNot measured: this was a build without optimization.\n");
        return;
    }
    heading(text, &["", "searches/s", "p50 ms", "p95 ms", "p99 ms"]);
    let rates = &search.rates;
    for (name, rounds) in [
        ("limit: plain SQL, the nearest over the same index", &rates.raw),
        ("**knowledge_search**, vector", &rates.vector),
        ("**knowledge_search**, hybrid", &rates.hybrid),
    ] {
        let of = |column: fn(&Round) -> Option<f64>| spread(Spread::of(rounds.iter().filter_map(column)));
        line(
            text,
            &[
                name,
                &of(|round| Some(round.per_second())),
                &of(|round| Some(round.milliseconds?.p50)),
                &of(|round| Some(round.milliseconds?.p95)),
                &of(|round| Some(round.milliseconds?.p99)),
            ],
        );
    }
}
