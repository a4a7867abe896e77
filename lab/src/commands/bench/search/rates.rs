//! What a search costs beside the SQL that only finds the nearest vectors: the same connections, vectors and index, in turn.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use orchestrator::knowledge::{self, Ask, Mode};
use orchestrator::trace::TraceParent;

use super::super::database::Server;
use super::super::limits::Script;
use super::super::load;
use super::super::results::{Rates, Round};
use super::questions::Question;
use super::shelf::{DATABASE, Shelf};
use super::vectors::Vectors;

const NEAREST: usize = 10;
const WARM_UP: Duration = Duration::from_secs(2);

pub(super) async fn measure(
    server: &Server,
    shelf: &Shelf,
    vectors: &Vectors,
    (questions, folder): (&[Question], &Path),
    (rounds, round): (usize, Duration),
) -> anyhow::Result<Rates> {
    keep_questions(server, vectors, questions).await?;
    let raw = Script::new(folder, "nearest", &raw(shelf, questions.len()))?;
    let mut rates = Rates::default();
    for turn in 0..=rounds {
        let during = if turn == 0 { WARM_UP } else { round };
        let plain = raw.round(server, DATABASE, during).await?;
        let vector = search(shelf, Mode::Vector, questions, during).await?;
        let hybrid = search(shelf, Mode::Hybrid, questions, during).await?;
        if turn > 0 {
            rates.raw.push(plain);
            rates.vector.push(vector);
            rates.hybrid.push(hybrid);
        }
    }
    Ok(rates)
}

async fn keep_questions(server: &Server, vectors: &Vectors, questions: &[Question]) -> anyhow::Result<()> {
    let rows = questions.iter().enumerate().map(|(number, question)| {
        let vector = vectors.of(&question.text)?;
        anyhow::Ok(format!("({number}, '{vector:?}')"))
    });
    let table = "DROP TABLE IF EXISTS bench_questions;
                 CREATE TABLE bench_questions (number int PRIMARY KEY, vector halfvec(384) NOT NULL);";
    server.ask(DATABASE, table).await?;
    for row in rows {
        let insert = format!("INSERT INTO bench_questions VALUES {}", row?);
        server.ask(DATABASE, &insert).await?;
    }
    Ok(())
}

/// What one would write by hand: the nearest over the same index, as widely looked at, with what is shown of them.
fn raw(shelf: &Shelf, questions: usize) -> String {
    format!(
        "\\set number random(0, {})
         BEGIN;
         SET LOCAL hnsw.ef_search = 100;
         SELECT d.path, c.heading, c.line_from, c.line_to, c.text, nearest.distance FROM
             (SELECT chunk_id, embedding::halfvec(384) <=> (SELECT vector FROM bench_questions WHERE number = :number) AS distance
              FROM knowledge_embeddings_{} ORDER BY distance LIMIT {NEAREST}) AS nearest
         JOIN knowledge_chunks c USING (chunk_id) JOIN knowledge_documents d USING (document_id) ORDER BY nearest.distance;
         COMMIT;\n",
        questions.saturating_sub(1),
        shelf.model_id,
    )
    .lines()
    .map(str::trim)
    .collect::<Vec<_>>()
    .join("\n")
        + "\n"
}

async fn search(
    shelf: &Shelf,
    mode: Mode,
    questions: &[Question],
    during: Duration,
) -> anyhow::Result<Round> {
    let everything = shelf.filters[shelf.filters.len() - 1].actor.clone();
    let texts: Arc<[String]> = questions.iter().map(|question| question.text.clone()).collect();
    let next = Arc::new(AtomicUsize::new(0));
    let orchestrator = shelf.orchestrator.clone();
    let once = move |_: reqwest::Client| {
        let (orchestrator, actor) = (orchestrator.clone(), everything.clone());
        let query = texts[next.fetch_add(1, Ordering::Relaxed) % texts.len()].clone();
        async move {
            let ask = Ask {
                query,
                mode,
                limit: NEAREST,
                ..Ask::default()
            };
            let found = knowledge::search(&orchestrator, &actor, &ask, &TraceParent::begin()).await?;
            anyhow::ensure!(found.mode == mode && !found.hits.is_empty(), "{:?}", found.note);
            Ok(())
        }
    };
    let load = load::repeat(during, once).await?;
    Ok(Round {
        requests: load.requests,
        seconds: load.seconds,
        milliseconds: Some(load.milliseconds),
        server_us: None,
        database_us: None,
    })
}
