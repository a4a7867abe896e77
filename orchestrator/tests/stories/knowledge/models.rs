//! Models side by side: what is embedded, and that search answers throughout.

use orchestrator::Actor;
use orchestrator::id::ChunkId;
use orchestrator::knowledge::{self, Language, Mode, ModelState, SourceChanges};
use orchestrator::page::PageAsk;
use orchestrator::ports::EmbeddingModel;

use super::shelf::{Shelf, ask, document, service};

fn model(name: &str, is_external: bool) -> EmbeddingModel {
    EmbeddingModel {
        name: name.into(),
        dims: 3,
        checksum: "c0ffee".into(),
        is_external,
    }
}

/// Embeds all that waits; answers how many passages.
async fn embed(shelf: &Shelf, model_id: i16) -> usize {
    let mut made = 0;
    loop {
        let waiting = knowledge::unembedded(&shelf.orchestrator, model_id, 10)
            .await
            .unwrap();
        if waiting.is_empty() {
            return made;
        }
        made += waiting.len();
        let vectors: Vec<(ChunkId, Vec<f32>)> = waiting
            .iter()
            .map(|passage| (passage.chunk_id, vec![0.6, 0.8, 0.0]))
            .collect();
        knowledge::keep_vectors(&shelf.orchestrator, model_id, &vectors)
            .await
            .unwrap();
    }
}

async fn at_work(shelf: &Shelf) -> Vec<(i16, String, ModelState)> {
    let models = knowledge::models_at_work(&shelf.orchestrator).await.unwrap();
    models
        .into_iter()
        .map(|model| (model.model_id, model.pinned.name, model.state))
        .collect()
}

/// So many things, all of them read by the model "one", which serves; answers its id.
async fn read_by_one(shelf: &Shelf, things: usize) -> i16 {
    let texts: Vec<_> = (0..things)
        .map(|n| {
            document(
                &format!("{n}.md"),
                Language::English,
                &[&format!("Thing number {n}.")],
            )
        })
        .collect();
    knowledge::agree_on(&shelf.orchestrator, Some(&model("one", false)))
        .await
        .unwrap();
    shelf.pass(shelf.alpha.repository_id, "c1", &texts).await;
    let (one, ..) = at_work(shelf).await[0];
    embed(shelf, one).await;
    one
}

#[tokio::test]
async fn only_what_changed_is_embedded() {
    let shelf = Shelf::new().await;
    let id = shelf.alpha.repository_id;
    knowledge::agree_on(&shelf.orchestrator, Some(&model("one", false)))
        .await
        .unwrap();
    let model_id = at_work(&shelf).await[0].0;
    let text = |n: usize, version: usize| format!("File {n} says something, version {version}.");
    let tree = |changed: usize| -> Vec<_> {
        (0..200)
            .map(|n| {
                let version = usize::from(n < changed);
                let (first, second) = (text(n, version), format!("A second passage of file {n}."));
                document(&format!("{n}.md"), Language::English, &[&first, &second])
            })
            .collect()
    };
    assert_eq!(shelf.pass(id, "c1", &tree(0)).await.added, 400);
    assert_eq!(embed(&shelf, model_id).await, 400);

    let counted = shelf.pass(id, "c2", &tree(2)).await;
    assert_eq!(
        (counted.added, counted.kept, counted.removed),
        (2, 2, 2),
        "one per cent of the files"
    );
    assert_eq!(
        embed(&shelf, model_id).await,
        2,
        "the second passages of both kept their vectors"
    );

    let mut moved = tree(2);
    moved[7].path = "elsewhere/7.md".into();
    shelf.pass(id, "c3", &moved).await;
    assert_eq!(
        embed(&shelf, model_id).await,
        0,
        "a file that moved takes its vectors along"
    );
    assert_eq!(
        shelf.count("SELECT count(*) FROM knowledge_embeddings").await,
        400
    );

    let gone = &moved[..100];
    shelf.pass(id, "c4", gone).await;
    assert_eq!(
        shelf.count("SELECT count(*) FROM knowledge_embeddings").await,
        200
    );
}

#[tokio::test]
async fn search_answers_while_models_change() {
    let shelf = Shelf::new().await;
    let one = read_by_one(&shelf, 25).await;
    let actor = service(shelf.alpha.project_id);
    let by = async |expected: Mode, name: Option<&str>| {
        for (model_id, ..) in at_work(&shelf).await {
            knowledge::question_vector(&shelf.orchestrator, model_id, "thing", &[1.0, 0.0, 0.0])
                .await
                .unwrap();
        }
        let found = shelf.search(&actor, ask("thing")).await.unwrap();
        assert_eq!(found.mode, expected);
        assert_eq!(found.hits.len(), 10);
        assert_eq!(found.indexes[0].model.as_deref(), name);
    };
    by(Mode::Hybrid, Some("one")).await;

    knowledge::agree_on(&shelf.orchestrator, Some(&model("two", false)))
        .await
        .unwrap();
    let states: Vec<_> = at_work(&shelf)
        .await
        .into_iter()
        .map(|(_, _, state)| state)
        .collect();
    assert_eq!(states, [ModelState::Serving, ModelState::Building]);
    by(Mode::Hybrid, Some("one")).await;
    let (two, ..) = at_work(&shelf).await[1];
    assert_eq!(embed(&shelf, two).await, 25);
    by(Mode::Hybrid, Some("two")).await;
    assert_eq!(at_work(&shelf).await.len(), 1, "the first one is retired");

    knowledge::agree_on(&shelf.orchestrator, None).await.unwrap();
    by(Mode::Text, None).await;
    knowledge::agree_on(&shelf.orchestrator, Some(&model("one", false)))
        .await
        .unwrap();
    assert_eq!(embed(&shelf, one).await, 0, "its vectors were kept");
    by(Mode::Hybrid, Some("one")).await;
    knowledge::agree_on(&shelf.orchestrator, Some(&model("one", false)))
        .await
        .unwrap();
    assert_eq!(at_work(&shelf).await.len(), 1, "asking twice changes nothing");
}

#[tokio::test]
async fn text_goes_outside_only_with_consent() {
    let shelf = Shelf::new().await;
    let id = shelf.alpha.repository_id;
    knowledge::agree_on(&shelf.orchestrator, Some(&model("outside", true)))
        .await
        .unwrap();
    let (outside, ..) = at_work(&shelf).await[0];
    shelf
        .pass(id, "c1", &[document("a.md", Language::English, &["A text."])])
        .await;
    assert_eq!(embed(&shelf, outside).await, 0, "nobody agreed");

    let consent = |yes: bool| SourceChanges {
        external_embedder: Some(yes),
        ..SourceChanges::default()
    };
    let maintainer = &shelf.alpha.maintainer;
    let refused = knowledge::change(&shelf.orchestrator, maintainer, id, 1, consent(true), None).await;
    assert!(refused.is_err(), "an admin of the project agrees, nobody else");
    shelf.set(id, consent(true)).await;
    assert_eq!(embed(&shelf, outside).await, 1);
    let (sources, _) = knowledge::list(
        &shelf.orchestrator,
        &Actor::System("test"),
        None,
        PageAsk::new(None, None).unwrap(),
    )
    .await
    .unwrap();
    let source = sources
        .items
        .iter()
        .find(|source| source.repository_id == id)
        .unwrap();
    assert_eq!(
        source.consent_by.as_deref(),
        Some("system:test"),
        "it is written down who agreed"
    );

    shelf.set(id, consent(false)).await;
    assert_eq!(shelf.count("SELECT count(*) FROM knowledge_embeddings").await, 0);
    assert_eq!(embed(&shelf, outside).await, 0);
}

#[tokio::test]
async fn a_vector_of_another_size_is_refused() {
    let shelf = Shelf::new().await;
    knowledge::agree_on(&shelf.orchestrator, Some(&model("one", false)))
        .await
        .unwrap();
    let (one, ..) = at_work(&shelf).await[0];
    let text = [document("a.md", Language::English, &["A text."])];
    shelf.pass(shelf.alpha.repository_id, "c1", &text).await;
    let waiting = knowledge::unembedded(&shelf.orchestrator, one, 1).await.unwrap();
    for bad in [vec![1.0, 0.0], vec![0.0; 3], vec![f32::NAN, 0.0, 1.0]] {
        let kept = knowledge::keep_vectors(&shelf.orchestrator, one, &[(waiting[0].chunk_id, bad)]).await;
        assert!(kept.is_err());
    }
}

#[tokio::test]
async fn a_model_that_lacks_nothing_serves_at_once() {
    let shelf = Shelf::new().await;
    for name in ["one", "two"] {
        knowledge::agree_on(&shelf.orchestrator, Some(&model(name, false)))
            .await
            .unwrap();
        let models = at_work(&shelf).await;
        let states: Vec<_> = models
            .iter()
            .map(|(_, name, state)| (name.as_str(), *state))
            .collect();
        assert_eq!(states, [(name, ModelState::Serving)]);
    }
}

#[tokio::test]
async fn what_a_model_refuses_is_shown_and_holds_nothing_up() {
    let shelf = Shelf::new().await;
    let id = shelf.alpha.repository_id;
    read_by_one(&shelf, 3).await;
    knowledge::agree_on(&shelf.orchestrator, Some(&model("two", false)))
        .await
        .unwrap();
    let (two, ..) = at_work(&shelf).await[1];
    let waiting = knowledge::unembedded(&shelf.orchestrator, two, 10).await.unwrap();
    knowledge::refuse(&shelf.orchestrator, two, waiting[1].chunk_id, "400: no")
        .await
        .unwrap();
    let list = knowledge::list(
        &shelf.orchestrator,
        &Actor::System("test"),
        None,
        PageAsk::new(None, None).unwrap(),
    );
    let (_, coverage) = list.await.unwrap();
    let shown = coverage
        .iter()
        .find(|(of, coverage)| *of == id && coverage.model.model_id == two)
        .map(|(_, coverage)| (coverage.waiting, coverage.refused, coverage.refusal.as_deref()));
    assert_eq!(shown, Some((2, 1, Some("400: no"))));
    assert_eq!(embed(&shelf, two).await, 2, "it is not asked for again");
    assert_eq!(
        at_work(&shelf).await,
        [(two, "two".to_owned(), ModelState::Serving)]
    );
}
