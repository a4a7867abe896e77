//! Recall and the number of hits at every size of the filter, on vectors that lie in clusters as those of texts do.

use orchestrator::id::RepositoryId;
use orchestrator::knowledge::{self, Ask, Mode};
use orchestrator::ports::EmbeddingModel;

use super::shelf::{Shelf, ask, service};

const DIMS: usize = 32;
/// More than are compared one by one, so that the index is used.
const PASSAGES: usize = 16_000;
const QUESTIONS: usize = 25;

/// A small generator of our own numbers: the same ones each time.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> f32 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        #[expect(clippy::cast_precision_loss, reason = "any number will do")]
        let number = (self.0 >> 40) as f32 / (1_u64 << 24) as f32;
        number - 0.5
    }

    fn near(&mut self, centre: &[f32], spread: f32) -> Vec<f32> {
        let moved: Vec<_> = centre
            .iter()
            .map(|number| number + spread * self.next())
            .collect();
        let length = moved.iter().map(|number| number * number).sum::<f32>().sqrt();
        moved.into_iter().map(|number| number / length).collect()
    }
}

/// Documents `0.md` … of which every tenth lies in `tenth/`, every hundredth in `hundredth/`, every thousandth in
/// `thousandth/`; one passage each.
async fn fill(shelf: &Shelf, id: RepositoryId) {
    sqlx::query(
        "INSERT INTO knowledge_documents (document_id, repository_id, path, blob_sha, pass, commit_sha, kind, language,
                                          bytes, lines, text)
         SELECT gen_random_uuid(), $1,
                CASE WHEN n % 1000 = 0 THEN 'tenth/hundredth/thousandth/' WHEN n % 100 = 0 THEN 'tenth/hundredth/'
                     WHEN n % 10 = 0 THEN 'tenth/' ELSE '' END || n || '.md',
                n::text, 1, 'c1', 'docs', 'english', 10, 1, 'passage ' || n
         FROM generate_series(0, $2 - 1) AS n",
    )
    .bind(id.uuid())
    .bind(i32::try_from(PASSAGES).unwrap())
    .execute(shelf.db.pool())
    .await
    .unwrap();
    sqlx::query(
        "INSERT INTO knowledge_chunks (chunk_id, document_id, repository_id, content_sha256, heading, names, line_from,
                                       line_to, text, words)
         SELECT gen_random_uuid(), document_id, repository_id, sha256(path::bytea), '', '{}', 1, 1,
                'passage ' || blob_sha || ' of its own kind ' || md5(path), to_tsvector('english', 'passage ' || blob_sha)
         FROM knowledge_documents",
    )
    .execute(shelf.db.pool())
    .await
    .unwrap();
    shelf
        .run(
            "UPDATE knowledge_sources s SET commit_sha = 'c1', is_private = false, chunks =
                  (SELECT count(*) FROM knowledge_chunks c WHERE c.repository_id = s.repository_id);
              ANALYZE knowledge_chunks, knowledge_documents",
        )
        .await;
}

#[tokio::test]
async fn the_nearest_are_found_behind_every_filter() {
    let shelf = Shelf::new().await;
    let id = shelf.alpha.repository_id;
    fill(&shelf, id).await;
    let model = EmbeddingModel {
        name: "clusters".into(),
        dims: i16::try_from(DIMS).unwrap(),
        checksum: "c".into(),
        is_external: false,
    };
    knowledge::agree_on(&shelf.orchestrator, Some(&model))
        .await
        .unwrap();
    let model_id = knowledge::models_at_work(&shelf.orchestrator).await.unwrap()[0].model_id;
    let mut numbers = Numbers(7);
    let centres: Vec<Vec<f32>> = (0..200).map(|_| numbers.near(&[0.0; DIMS], 1.0)).collect();
    loop {
        let waiting = knowledge::unembedded(&shelf.orchestrator, model_id, 1_000)
            .await
            .unwrap();
        if waiting.is_empty() {
            break;
        }
        let vectors: Vec<_> = waiting
            .iter()
            .enumerate()
            .map(|(at, passage)| (passage.chunk_id, numbers.near(&centres[at % centres.len()], 0.6)))
            .collect();
        knowledge::keep_vectors(&shelf.orchestrator, model_id, &vectors)
            .await
            .unwrap();
    }
    shelf.run("ANALYZE knowledge_embeddings").await;
    let actor = service(shelf.alpha.project_id);
    for (paths, right) in [
        ("**", 10),
        ("**/tenth/**", 10),
        ("**/hundredth/**", 10),
        ("**/thousandth/**", 10),
    ] {
        let (mut asked, mut found) = (0, 0);
        for question in 0..QUESTIONS {
            let vector = numbers.near(&centres[question * 7 % centres.len()], 0.6);
            let text = format!("question {question} {paths}");
            knowledge::question_vector(&shelf.orchestrator, model_id, &text, &vector)
                .await
                .unwrap();
            let ask = Ask {
                mode: Mode::Vector,
                paths: Some(vec![paths.into()]),
                ..ask(&text)
            };
            let hits = shelf.search(&actor, ask).await.unwrap().hits;
            assert_eq!(
                hits.len(),
                right,
                "{paths}: always as many as there are, or as were asked for"
            );
            let exact = exact(&shelf, paths, &vector).await;
            asked += exact.len();
            found += hits.iter().filter(|hit| exact.contains(&hit.path)).count();
        }
        #[expect(clippy::cast_precision_loss, reason = "counts of some hundred")]
        let recall = found as f64 / asked as f64;
        assert!(recall >= 0.98, "{paths}: recall {recall}");
    }
    let recall = knowledge::recall(&shelf.orchestrator, 20).await.unwrap();
    assert_eq!(recall.questions, 20);
    assert!(recall.share().unwrap() >= 0.95, "{recall:?}");
}

/// The right answer, by PostgreSQL's own sort over all of them.
async fn exact(shelf: &Shelf, paths: &str, vector: &[f32]) -> Vec<String> {
    let folder = paths.trim_matches('*').to_owned();
    let vector = format!("{vector:?}");
    sqlx::query_scalar(
        "SELECT d.path FROM knowledge_embeddings e JOIN knowledge_chunks c USING (chunk_id)
         JOIN knowledge_documents d USING (document_id)
         WHERE '/' || d.path LIKE '%' || $1 || '%' ORDER BY (e.embedding <=> $2::halfvec) + 0 LIMIT 10",
    )
    .bind(folder)
    .bind(vector)
    .fetch_all(shelf.db.pool())
    .await
    .unwrap()
}
