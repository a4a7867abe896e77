//! How much of the exact answer the search gives, behind filters of any size.

use std::collections::HashSet;

use anyhow::{Context, ensure};
use orchestrator::knowledge::{self, Ask, MOST_HITS, Mode};
use orchestrator::trace::TraceParent;

use super::super::database::Server;
use super::super::results::Recall;
use super::questions::Question;
use super::shelf::{DATABASE, Filter, Shelf, share};
use super::vectors::Vectors;

const NEAREST: usize = 10;

/// Path and lines: what a passage is known by outside of the database.
type Place = (String, u32, u32);

pub(super) async fn measure(
    server: &Server,
    shelf: &Shelf,
    vectors: &Vectors,
    questions: &[Question],
) -> anyhow::Result<Vec<Recall>> {
    let mut rows = Vec::new();
    for filter in shelf.filters.iter().rev() {
        let (mut right, mut found, mut fewest) = (0, 0, usize::MAX);
        for question in questions {
            let exact = exact(server, shelf, filter, vectors.of(&question.text)?).await?;
            let (hits, places) = search(shelf, filter, question).await?;
            fewest = fewest.min(hits);
            right += exact.len();
            found += exact.iter().filter(|place| places.contains(*place)).count();
        }
        rows.push(Recall {
            selectivity: filter.share,
            passages: filter.passages,
            questions: questions.len(),
            found: share(found, right),
            fewest_hits: fewest,
        });
    }
    Ok(rows)
}

/// The number of hits, and the places of them and of the copies that were folded into them.
async fn search(
    shelf: &Shelf,
    filter: &Filter,
    question: &Question,
) -> anyhow::Result<(usize, HashSet<Place>)> {
    let ask = Ask {
        query: question.text.clone(),
        mode: Mode::Vector,
        limit: NEAREST,
        ..Ask::default()
    };
    let found = knowledge::search(&shelf.orchestrator, &filter.actor, &ask, &TraceParent::begin()).await?;
    ensure!(
        found.mode == Mode::Vector && MOST_HITS >= NEAREST,
        "{:?}",
        found.note
    );
    let places = found.hits.iter().flat_map(|hit| {
        let copies = hit
            .copies
            .iter()
            .map(|(path, lines)| (path.clone(), lines.0, lines.1));
        copies.chain([(hit.path.clone(), hit.lines.0, hit.lines.1)])
    });
    Ok((found.hits.len(), places.collect()))
}

/// The right answer: PostgreSQL compares every vector behind the filter.
async fn exact(
    server: &Server,
    shelf: &Shelf,
    filter: &Filter,
    vector: &[f32],
) -> anyhow::Result<HashSet<Place>> {
    let repositories: Vec<_> = filter.repositories.iter().map(|id| format!("'{id}'")).collect();
    let statement = format!(
        "SELECT d.path, c.line_from, c.line_to FROM
             (SELECT chunk_id FROM knowledge_embeddings WHERE model_id = {} AND repository_id IN ({})
              ORDER BY (embedding <=> '{vector:?}'::halfvec) + 0 LIMIT {NEAREST}) AS nearest
         JOIN knowledge_chunks c USING (chunk_id) JOIN knowledge_documents d USING (document_id)",
        shelf.model_id,
        repositories.join(", "),
    );
    let answer = server.ask(DATABASE, &statement).await?;
    let place = |line: &str| {
        let mut fields = line.split('|');
        let path = fields.next()?.to_owned();
        Some((path, fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    };
    answer
        .lines()
        .map(|line| place(line).context("a place"))
        .collect()
}
